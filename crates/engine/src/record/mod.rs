//! What one execution spends, by the functions that are running. Told where functions begin and end, where host functions
//! charge, and how many instructions the execution has used by then.

mod tree;

pub use tree::{Frame as TreeFrame, Stack, Tree};

/// A frame of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Frame {
    /// A function of the module, by its index there.
    Function(u32),
    /// A function of the host.
    Host(&'static str),
    /// The charge for changed heap pages.
    HeapPages,
    /// What belongs to no function: an execution that fails at its limit has used all of it.
    Rest,
    /// See [`TreeFrame::DEEPER`].
    Deeper,
}

impl TreeFrame for Frame {
    const DEEPER: Self = Frame::Deeper;
    const MAX_STACKS: usize = 1 << 17;
}

/// The record of one execution.
#[derive(Clone, Debug)]
pub struct Recording {
    tree: Tree<Frame>,
    /// Stacks of the functions that are running, the outermost first.
    running: Vec<Stack>,
    /// Instructions that are accounted for.
    spent: u64,
    /// Where a host function charged last.
    host: Stack,
    /// No function begins any more once so many instructions are used.
    end: Option<u64>,
    /// Address of the machine's stack where the execution began.
    base: usize,
    /// Bytes of the machine's stack in use where it was deepest.
    deepest: usize,
}

impl Recording {
    /// For an execution that goes on until so many instructions are used, if an end is given.
    pub(crate) fn new(end: Option<u64>) -> Self {
        Recording {
            tree: Tree::default(),
            running: Vec::new(),
            spent: 0,
            host: Stack::EMPTY,
            end,
            base: stack_pointer(),
            deepest: 0,
        }
    }

    /// What was spent, by stacks.
    pub fn tree(&self) -> &Tree<Frame> {
        &self.tree
    }

    fn innermost(&self) -> Stack {
        self.running.last().copied().unwrap_or_default()
    }

    /// Accounts for everything used up to now. The use may seem to fall, when an absurd charge wraps around.
    fn spend(&mut self, stack: Stack, used: u64) {
        if let Some(more) = used.checked_sub(self.spent) {
            self.tree.spend(stack, more);
            self.spent = used;
        }
    }

    /// A function begins; false if it may not, since the end is reached.
    pub(crate) fn enter(&mut self, function: u32, used: u64) -> bool {
        let innermost = self.innermost();
        self.spend(innermost, used);
        self.deepest = self.deepest.max(self.base.abs_diff(stack_pointer()));
        if self.end.is_some_and(|end| used >= end) {
            return false;
        }
        self.running
            .push(self.tree.push(innermost, Frame::Function(function)));
        true
    }

    /// The innermost function ends.
    pub(crate) fn leave(&mut self, used: u64) {
        self.spend(self.innermost(), used);
        self.running.pop();
    }

    /// A host function charges: from what was used before to what is used then.
    pub(crate) fn host(&mut self, name: &'static str, before: u64, after: u64) {
        let innermost = self.innermost();
        self.spend(innermost, before);
        self.host = self.tree.push(innermost, Frame::Host(name));
        self.spend(self.host, after);
    }

    /// Where a host function charged last: where a call was performed, if asked there.
    pub(crate) fn place_of_call(&self) -> Stack {
        self.host
    }

    /// Bytes of the machine's stack that the execution needed, about.
    pub(crate) fn deepest(&self) -> usize {
        self.deepest
    }

    /// The execution has ended: with so many instructions used by code, by code and heap pages, and recorded as used.
    pub fn end(&mut self, code: u64, with_pages: u64, recorded: u64) {
        self.spend(self.innermost(), code);
        for (frame, used) in [(Frame::HeapPages, with_pages), (Frame::Rest, recorded)] {
            if used > self.spent {
                let stack = self.tree.push(Stack::EMPTY, frame);
                self.spend(stack, used);
            }
        }
        // A charge that wrapped around has made the use smaller than it once was.
        self.tree.take_back(self.spent - recorded);
    }
}

/// Where the machine's stack is at, about.
#[inline(never)]
fn stack_pointer() -> usize {
    let here = 0u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(end: Option<u64>) -> Recording {
        Recording::new(end)
    }

    /// Frames and instructions of all stacks in which some were spent.
    fn spent(recording: &Recording) -> Vec<(Vec<Frame>, u64)> {
        let stacks = recording.tree.stacks();
        stacks
            .filter(|(.., weight)| *weight > 0)
            .map(|(stack, .., weight)| (recording.tree.frames(stack), weight))
            .collect()
    }

    use Frame::{Function, HeapPages, Host, Rest};

    #[test]
    fn instructions_belong_to_the_innermost_function() {
        let mut recording = recording(None);
        assert!(recording.enter(5, 0));
        recording.host("time", 3, 503);
        assert!(recording.enter(6, 503));
        recording.leave(510);
        recording.leave(520);
        recording.end(520, 1520, 1520);
        let expected = [
            (vec![Function(5)], 3 + 10),
            (vec![Function(5), Host("time")], 500),
            (vec![Function(5), Function(6)], 7),
            (vec![HeapPages], 1000),
        ];
        assert_eq!(spent(&recording), expected);
    }

    #[test]
    fn the_limit_is_used_up_by_who_fails_at_it() {
        let mut recording = recording(None);
        assert!(recording.enter(5, 0));
        recording.end(40, 40, 100);
        let expected = [(vec![Function(5)], 40), (vec![Rest], 60)];
        assert_eq!(spent(&recording), expected);
    }

    /// A size near 2^64 makes the counter go up.
    #[test]
    fn what_a_charge_gives_back_was_not_spent() {
        let mut recording = recording(None);
        assert!(recording.enter(5, 0));
        recording.host("debug_print", 100, 99);
        recording.end(99, 99, 99);
        assert_eq!(spent(&recording), [(vec![Function(5)], 99)]);
    }

    #[test]
    fn no_function_begins_at_the_end() {
        let mut recording = recording(Some(10));
        assert!(recording.enter(1, 0));
        assert!(!recording.enter(2, 10));
        recording.end(10, 10, 10);
        assert_eq!(spent(&recording), [(vec![Function(1)], 10)]);
    }
}
