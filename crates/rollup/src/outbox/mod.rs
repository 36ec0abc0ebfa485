//! What a rollup says to Layer 1, level by level, and how its messages read (kernel-debugger.md, sections 5.1 and 7).

pub mod message;

use std::sync::Arc;

use crate::storage::Map;

/// The most messages of one level.
pub const MAX_MESSAGES: usize = 100;

/// The messages of the levels that Layer 1 could still execute. Cloning costs one reference count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outbox {
    levels: Map<i32, Arc<Vec<Arc<[u8]>>>>,
    last: Option<i32>,
}

impl Outbox {
    /// Opens the outbox of a level: the given one at first, then always the next. Levels older than `validity` go.
    pub fn open(&mut self, level: i32, validity: i32) {
        let level = self.last.map_or(level, |last| last.saturating_add(1));
        self.last = Some(level);
        self.levels.insert(level, Arc::default());
        self.levels.remove(&level.saturating_sub(validity));
    }

    /// The outboxes of levels one after the other, as they were.
    pub fn of_levels(levels: impl IntoIterator<Item = (i32, Vec<Arc<[u8]>>)>) -> Self {
        let levels = levels
            .into_iter()
            .map(|(level, messages)| (level, Arc::new(messages)));
        let levels: Map<i32, _> = levels.collect();
        let last = levels
            .len()
            .checked_sub(1)
            .and_then(|n| levels.nth(n))
            .map(|(level, _)| *level);
        Self { levels, last }
    }

    /// Adds a message to the newest level; `false` when it is full, or when no level was ever opened.
    pub fn push(&mut self, message: &[u8]) -> bool {
        let Some(messages) = self.last.and_then(|last| self.levels.get_mut(&last)) else {
            return false;
        };
        let fits = messages.len() < MAX_MESSAGES;
        if fits {
            Arc::make_mut(messages).push(message.into());
        }
        fits
    }

    /// The messages of a level; `None` when it is not there, or no longer.
    pub fn level(&self, level: i32) -> Option<&[Arc<[u8]>]> {
        self.levels.get(&level).map(|messages| &messages[..])
    }

    /// The newest level.
    pub fn last(&self) -> Option<i32> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_open_one_after_the_other_and_expire() {
        let mut outbox = Outbox::default();
        assert!(!outbox.push(b"nowhere"));
        outbox.open(5, 2);
        assert!(outbox.push(b"a"));
        outbox.open(9, 2);
        assert_eq!(outbox.last(), Some(6));
        assert_eq!(outbox.level(5).map(<[_]>::len), Some(1));
        outbox.open(10, 2);
        assert_eq!(outbox.level(5), None);
        assert_eq!(outbox.level(6).map(<[_]>::len), Some(0));
    }

    #[test]
    fn a_level_holds_a_hundred_messages() {
        let mut outbox = Outbox::default();
        outbox.open(0, 10);
        for n in 0..MAX_MESSAGES {
            assert!(outbox.push(&[n as u8]));
        }
        assert!(!outbox.push(b"one more"));
        outbox.open(0, 10);
        assert!(outbox.push(b"the next level has room"));
    }
}
