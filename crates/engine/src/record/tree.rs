//! Stacks of frames as a tree, with what was spent in each. Nothing here knows what a frame is.

use std::collections::HashMap;
use std::hash::Hash;

/// Frames of one stack before deeper ones are no longer told apart by their callers.
const MAX_DEPTH: u32 = 256;

/// What stacks are made of.
pub trait Frame: Copy + Eq + Hash {
    /// Stands for all callers beyond the depth that is recorded.
    const DEEPER: Self;
    /// Stacks of one tree before new ones count as their callers.
    const MAX_STACKS: usize;
}

/// A stack of a tree, by its place there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stack(u32);

impl Stack {
    /// The stack without frames.
    pub const EMPTY: Stack = Stack(0);

    /// Its place among all stacks of its tree, callers first; 0 is the empty stack.
    pub fn place(self) -> usize {
        self.0 as usize
    }
}

#[derive(Clone, Debug)]
struct Node<F> {
    /// The innermost frame.
    frame: F,
    caller: Stack,
    depth: u32,
    weight: u64,
}

/// The tree.
#[derive(Clone, Debug)]
pub struct Tree<F> {
    nodes: Vec<Node<F>>,
    known: HashMap<(Stack, F), Stack>,
}

impl<F: Frame> Default for Tree<F> {
    fn default() -> Self {
        let empty = Node {
            frame: F::DEEPER,
            caller: Stack::EMPTY,
            depth: 0,
            weight: 0,
        };
        Tree {
            nodes: vec![empty],
            known: HashMap::new(),
        }
    }
}

impl<F: Frame> Tree<F> {
    /// The stack with one frame more. Beyond the largest depth a frame stands for itself, without those that called it;
    /// beyond the largest number of stacks it counts as its caller.
    pub fn push(&mut self, stack: Stack, frame: F) -> Stack {
        let node = &self.nodes[stack.place()];
        let (depth, caller) = (node.depth, node.caller);
        let caller = match depth {
            0..MAX_DEPTH => stack,
            MAX_DEPTH => self.push_new(stack, F::DEEPER),
            _ if node.frame == F::DEEPER => stack,
            _ => caller,
        };
        if depth >= MAX_DEPTH && frame == F::DEEPER {
            return caller;
        }
        self.push_new(caller, frame)
    }

    fn push_new(&mut self, stack: Stack, frame: F) -> Stack {
        match self.known.get(&(stack, frame)) {
            Some(known) => *known,
            None if self.nodes.len() >= F::MAX_STACKS => stack,
            None => self.push_always(stack, frame),
        }
    }

    /// As [`Self::push`], without looking at the number of stacks.
    pub fn push_always(&mut self, stack: Stack, frame: F) -> Stack {
        let next = Stack(self.nodes.len() as u32);
        self.nodes.push(Node {
            frame,
            caller: stack,
            depth: self.nodes[stack.place()].depth + 1,
            weight: 0,
        });
        self.known.insert((stack, frame), next);
        next
    }

    /// Adds to what was spent in a stack itself.
    pub fn spend(&mut self, stack: Stack, weight: u64) {
        self.nodes[stack.place()].weight += weight;
    }

    /// Takes back what was spent, from the newest stacks first.
    pub fn take_back(&mut self, mut weight: u64) {
        for node in self.nodes.iter_mut().rev() {
            let part = node.weight.min(weight);
            node.weight -= part;
            weight -= part;
        }
    }

    /// The frames of a stack, outermost first.
    pub fn frames(&self, stack: Stack) -> Vec<F> {
        let mut frames = Vec::new();
        let mut at = stack;
        while at != Stack::EMPTY {
            let node = &self.nodes[at.place()];
            frames.push(node.frame);
            at = node.caller;
        }
        frames.reverse();
        frames
    }

    /// All stacks but the empty one, callers before what they call, as caller, innermost frame and what was spent in the
    /// stack itself.
    pub fn stacks(&self) -> impl Iterator<Item = (Stack, Stack, F, u64)> {
        let places = (0..).map(Stack).zip(&self.nodes).skip(1);
        places.map(|(stack, node)| (stack, node.caller, node.frame, node.weight))
    }

    /// What was spent in the empty stack.
    pub fn outside(&self) -> u64 {
        self.nodes[0].weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Frame for u32 {
        const DEEPER: Self = u32::MAX;
        const MAX_STACKS: usize = 1 << 10;
    }

    #[test]
    fn the_same_frames_are_the_same_stack() {
        let mut tree = Tree::default();
        let a = tree.push(Stack::EMPTY, 1);
        let ab = tree.push(a, 2);
        let b = tree.push(Stack::EMPTY, 2);
        assert_eq!(tree.push(a, 2), ab);
        assert_ne!(b, ab);
        assert_eq!(tree.frames(ab), [1, 2]);
    }

    #[test]
    fn beyond_the_largest_depth_frames_stand_side_by_side() {
        let mut tree = Tree::default();
        let mut stack = Stack::EMPTY;
        for _ in 0..MAX_DEPTH {
            stack = tree.push(stack, 1);
        }
        let first = tree.push(stack, 2);
        let second = tree.push(first, 3);
        assert_eq!(tree.push(second, 2), first);
        assert_eq!(
            tree.push(second, u32::DEEPER),
            tree.push(stack, u32::DEEPER)
        );
        assert_eq!(tree.frames(second).len(), MAX_DEPTH as usize + 2);
        assert!(tree.frames(second).ends_with(&[1, u32::DEEPER, 3]));
    }

    #[test]
    fn beyond_the_largest_number_a_frame_counts_as_its_caller() {
        let mut tree = Tree::default();
        let first = tree.push(Stack::EMPTY, 0);
        for frame in 1..u32::MAX_STACKS as u32 {
            tree.push(Stack::EMPTY, frame);
        }
        assert_eq!(tree.push(first, 1), first);
        assert_ne!(tree.push_always(first, 1), first);
    }

    #[test]
    fn what_is_taken_back_was_spent_last() {
        let mut tree = Tree::default();
        let a = tree.push(Stack::EMPTY, 1);
        let b = tree.push(Stack::EMPTY, 2);
        tree.spend(a, 10);
        tree.spend(b, 3);
        tree.take_back(5);
        let weights: Vec<u64> = tree.stacks().map(|(.., weight)| weight).collect();
        assert_eq!(weights, [8, 0]);
    }
}
