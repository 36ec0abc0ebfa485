//! Where the ticks of a run went: a line for every call, in the format of folded stacks.

use std::collections::BTreeMap;

/// Deeper calls are counted for the last frame that is kept.
const MAX_DEPTH: usize = 100;

/// A call in a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The names of the functions from the outermost on, with `;` between.
    pub stack: String,
    /// The ticks spent in the function itself.
    pub ticks: u64,
}

/// The calls of a run.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// In the order in which they began.
    pub frames: Vec<Frame>,
    open: Vec<usize>,
    skipped: usize,
    since: u64,
}

impl Profile {
    /// A call of `name` begins when `now` ticks have been spent.
    pub fn enter(&mut self, name: &str, now: u64) {
        self.charge(now);
        if self.open.len() == MAX_DEPTH {
            self.skipped += 1;
            return;
        }
        let stack = match self.open.last() {
            Some(&outer) => format!("{};{name}", self.frames[outer].stack),
            None => name.to_owned(),
        };
        self.open.push(self.frames.len());
        self.frames.push(Frame { stack, ticks: 0 });
    }

    /// The innermost call ends.
    pub fn leave(&mut self, now: u64) {
        self.charge(now);
        if self.skipped > 0 {
            self.skipped -= 1;
        } else {
            self.open.pop();
        }
    }

    /// All calls that are still open end.
    pub fn close(&mut self, now: u64) {
        self.charge(now);
        self.open.clear();
        self.skipped = 0;
    }

    fn charge(&mut self, now: u64) {
        if let Some(&inner) = self.open.last() {
            self.frames[inner].ticks += now - self.since;
        }
        self.since = now;
    }

    /// Equal stacks added up, in the order of their text.
    pub fn collapsed(&self) -> Vec<Frame> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for frame in &self.frames {
            *sums.entry(&frame.stack).or_default() += frame.ticks;
        }
        sums.into_iter()
            .map(|(stack, ticks)| Frame {
                stack: stack.to_owned(),
                ticks,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_go_to_the_innermost_call_and_equal_stacks_add_up() {
        let mut profile = Profile::default();
        profile.enter("a", 0);
        for start in [5, 20] {
            profile.enter("b", start);
            profile.leave(start + 7);
        }
        profile.close(30);
        let lines = |frames: &[Frame]| -> Vec<String> {
            frames
                .iter()
                .map(|frame| format!("{} {}", frame.stack, frame.ticks))
                .collect()
        };
        assert_eq!(lines(&profile.frames), ["a 16", "a;b 7", "a;b 7"]);
        assert_eq!(lines(&profile.collapsed()), ["a 16", "a;b 14"]);
    }

    #[test]
    fn very_deep_calls_are_counted_for_the_last_frame_kept() {
        let mut profile = Profile::default();
        for n in 0..150 {
            profile.enter("f", n);
        }
        for n in 150..300 {
            profile.leave(n);
        }
        assert_eq!(profile.frames.len(), 100);
        assert_eq!(
            profile.frames.iter().map(|frame| frame.ticks).sum::<u64>(),
            299
        );
    }
}
