//! What a rollup receives: the bytes of messages, the levels they come in, and the buffer from which a kernel reads.

pub mod inputs;
pub mod message;

use std::sync::Arc;

/// The largest message in bytes, its tags included.
pub const MAX_MESSAGE: usize = 4096;

/// A message at its place in the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The level of Layer 1 it came with.
    pub level: i32,
    /// Its number within the level, from 0.
    pub counter: i32,
    /// Its bytes, tags included.
    pub payload: Arc<[u8]>,
}

/// The messages a kernel has not read yet, first in, first out. Cloning costs one reference count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Buffer {
    inputs: Arc<Vec<Input>>,
    read: usize,
}

impl Buffer {
    /// Adds a message behind all others. Levels and counters only grow; one that does not is dropped, as by the
    /// original's buffer, and `false` says so.
    pub fn push(&mut self, input: Input) -> bool {
        let grows = self
            .inputs
            .last()
            .is_none_or(|last| (last.level, last.counter) < (input.level, input.counter));
        if grows {
            Arc::make_mut(&mut self.inputs).push(input);
        }
        grows
    }

    /// Takes the oldest message.
    pub fn pop(&mut self) -> Option<&Input> {
        let input = self.inputs.get(self.read)?;
        self.read += 1;
        Some(input)
    }

    /// What has not been read, the oldest first.
    pub fn unread(&self) -> &[Input] {
        &self.inputs[self.read..]
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The payloads of one level in their order: the protocol's own messages around those of users.
///
/// `migration` is a protocol that begins with this level; its message stands where the debugger's inbox has it, before
/// the information on the level when `early`, and after it as the real protocol sends it otherwise.
pub fn level(
    info: message::Info,
    migration: Option<&str>,
    early: bool,
    user: Vec<Vec<u8>>,
) -> Vec<Vec<u8>> {
    let mut payloads = vec![message::START_OF_LEVEL.to_vec()];
    let migration = migration.map(message::migration);
    if early {
        payloads.extend(migration.clone());
    }
    payloads.push(message::info(&info));
    if !early {
        payloads.extend(migration);
    }
    payloads.extend(user);
    payloads.push(message::END_OF_LEVEL.to_vec());
    payloads
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(level: i32, counter: i32) -> Input {
        Input {
            level,
            counter,
            payload: Arc::from(&b"x"[..]),
        }
    }

    #[test]
    fn messages_leave_in_the_order_they_came_and_must_grow() {
        let mut buffer = Buffer::default();
        assert!(buffer.push(input(0, 0)) && buffer.push(input(0, 1)) && buffer.push(input(1, 0)));
        assert!(!buffer.push(input(1, 0)) && !buffer.push(input(0, 7)));
        let copy = buffer.clone();
        assert_eq!(buffer.pop(), Some(&input(0, 0)));
        assert_eq!(buffer.unread(), [input(0, 1), input(1, 0)]);
        assert_eq!(copy.unread().len(), 3);
        buffer.clear();
        assert_eq!(buffer.pop(), None);
    }

    #[test]
    fn a_level_has_the_messages_of_the_protocol_around_those_of_users() {
        let payloads = level(
            message::Info::default(),
            Some("nairobi_017"),
            false,
            vec![vec![1, 7]],
        );
        let tags: Vec<&[u8]> = payloads.iter().map(|payload| &payload[..2]).collect();
        assert_eq!(tags, [&[0u8, 1][..], &[0, 3], &[0, 4], &[1, 7], &[0, 2]]);
        let early = level(message::Info::default(), Some("x"), true, Vec::new());
        assert_eq!(early[1][..2], [0, 4]);
    }
}
