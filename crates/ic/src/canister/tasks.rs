//! What a canister runs without being called: heartbeat, global timer, low-memory hook.
//! Owns the decision which of them run in a round (scheduling.md 4), not their execution.

/// Something that runs before the inputs of a canister.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// `canister_heartbeat`.
    Heartbeat,
    /// `canister_global_timer`.
    GlobalTimer,
}

/// Whose turn it is next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    #[default]
    Timer,
    Heartbeat,
    Message,
}

/// The rotation between heartbeat, timer and messages; every installation starts it afresh.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskRotation(Turn);

impl TaskRotation {
    /// The tasks of this round: `heartbeat` and `timer` say which could run, `input` whether a message waits,
    /// `hook` whether a low-memory hook is about to run.
    pub fn choose(&mut self, heartbeat: bool, timer: bool, input: bool, hook: bool) -> Vec<Task> {
        if !heartbeat && !timer {
            return Vec::new();
        }
        for _ in 0..3 {
            let turn = self.0;
            self.0 = match turn {
                Turn::Timer => Turn::Heartbeat,
                Turn::Heartbeat => Turn::Message,
                Turn::Message => Turn::Timer,
            };
            let tasks: &[Task] = match turn {
                _ if hook => &[],
                Turn::Timer if timer && heartbeat => &[Task::GlobalTimer, Task::Heartbeat],
                Turn::Timer if timer => &[Task::GlobalTimer],
                Turn::Heartbeat if heartbeat && timer => &[Task::Heartbeat, Task::GlobalTimer],
                Turn::Heartbeat if heartbeat => &[Task::Heartbeat],
                Turn::Message if input => &[],
                _ => continue,
            };
            return tasks.to_vec();
        }
        Vec::new()
    }
}

/// Where the low-memory hook stands (scheduling.md 4.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LowMemoryHook {
    /// There is enough memory.
    #[default]
    NotSatisfied,
    /// It runs next.
    Ready,
    /// It has run.
    Executed,
}

impl LowMemoryHook {
    /// Looks at the condition anew.
    pub fn update(&mut self, satisfied: bool) {
        *self = match (*self, satisfied) {
            (_, false) => LowMemoryHook::NotSatisfied,
            (LowMemoryHook::NotSatisfied, true) => LowMemoryHook::Ready,
            (unchanged, true) => unchanged,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Task::{GlobalTimer as T, Heartbeat as H};

    /// Trace T5 of scheduling.md: install, four messages, each in a round of its own.
    #[test]
    fn a_heartbeat_alternates_with_messages() {
        let mut rotation = TaskRotation::default();
        let rounds: Vec<_> = [false, true, true, true, true]
            .map(|input| rotation.choose(true, false, input, false))
            .into();
        assert_eq!(rounds, [vec![H], vec![], vec![H], vec![], vec![H]]);
    }

    /// The table of trace T6: timer and heartbeat always due, six messages after the installation.
    #[test]
    fn timer_and_heartbeat_take_two_of_three_rounds() {
        let mut rotation = TaskRotation::default();
        let rounds: Vec<_> = [false, true, true, true, true, true, true]
            .map(|input| rotation.choose(true, true, input, false))
            .into();
        let expected = [
            vec![T, H],
            vec![H, T],
            vec![],
            vec![T, H],
            vec![H, T],
            vec![],
            vec![T, H],
        ];
        assert_eq!(rounds, expected);
    }

    #[test]
    fn the_hook_fires_once_until_the_condition_has_been_false() {
        let mut hook = LowMemoryHook::default();
        hook.update(true);
        assert_eq!(hook, LowMemoryHook::Ready);
        hook = LowMemoryHook::Executed;
        hook.update(true);
        assert_eq!(hook, LowMemoryHook::Executed);
        hook.update(false);
        hook.update(true);
        assert_eq!(hook, LowMemoryHook::Ready);
    }
}
