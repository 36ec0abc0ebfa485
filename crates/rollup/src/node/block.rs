//! A block as the node keeps it: its place in the chain, its messages, and what the kernel made of them.

use serde::{Deserialize, Serialize};

use super::commitment::Commitment;
use super::history::Inbox;
use crate::encoding::hash::{Hash, blake2b};
use crate::pvm::{Cause, Stuck};

/// What somebody put into a block of the simulated Layer 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Messages from outside, without their tag.
    Messages(Vec<Vec<u8>>),
    /// A message with its tags: a transfer, or anything.
    Serialized(Vec<u8>),
}

impl Operation {
    /// Its hash: over its own bytes, its block's level and its number there, so that equal operations differ.
    pub fn hash(&self, level: i32, number: u32) -> Hash {
        let mut bytes = b"sandbox-operation".to_vec();
        bytes.extend(level.to_be_bytes());
        bytes.extend(number.to_be_bytes());
        bytes.extend(self.digest());
        blake2b(&bytes)
    }

    /// How many messages it brings.
    pub fn messages(&self) -> usize {
        match self {
            Self::Messages(messages) => messages.len(),
            Self::Serialized(_) => 1,
        }
    }

    /// The hash of its content.
    pub fn digest(&self) -> Hash {
        let mut bytes = Vec::new();
        match self {
            Self::Messages(messages) => {
                bytes.push(0);
                for message in messages {
                    crate::encoding::reader::put_block(&mut bytes, message);
                }
            }
            Self::Serialized(message) => {
                bytes.push(1);
                bytes.extend(message);
            }
        }
        blake2b(&bytes)
    }
}

/// What a block is besides the state after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Block {
    /// Its hash.
    pub hash: Hash,
    /// Its level.
    pub level: i32,
    /// The block before.
    pub predecessor: Hash,
    /// Seconds since 1970.
    pub timestamp: i64,
    /// The protocol whose migration the block brought.
    pub migration: Option<String>,
    /// All messages of its inbox, those of the protocol too, with their tags.
    pub messages: Vec<Vec<u8>>,
    /// The operations that brought messages.
    pub operations: Vec<Operation>,
    /// The history of the inbox.
    pub inbox: Inbox,
    /// The commitment of this level.
    pub commitment: Option<Commitment>,
    /// The commitment before, or the own one of the first block.
    pub previous_commitment: Hash,
    /// Commitments that this block published.
    pub published: Vec<Hash>,
    /// The last cemented commitment and its level, after this block.
    pub cemented: (i32, Hash),
    /// Ticks before it, and its own.
    pub initial_tick: u64,
    /// Ticks of this block.
    pub num_ticks: u64,
    /// How often the kernel ran.
    pub kernel_runs: u64,
    /// What is hashed to be the state; see [`State::hash`].
    pub state: State,
    /// The version's name.
    pub version: String,
    /// Why the machine is stuck for ever.
    pub stuck: Option<(u8, String)>,
    /// The durable storage as it was written down.
    pub root: Vec<u8>,
    /// The number of the last piece of storage that this block wrote.
    pub last_piece: u64,
    /// Messages that the kernel wrote.
    pub outbox: Vec<Vec<u8>>,
}

/// The parts of a state from which its hash is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The hash of durable storage.
    pub durable: Hash,
    /// The hash of all outboxes so far; see [`super::proof`].
    pub outbox: Hash,
    /// The level the machine is at.
    pub level: i32,
    /// All ticks.
    pub ticks: u64,
    /// 0 waits for input, 1 is stuck.
    pub status: u8,
}

impl State {
    /// The bytes that are hashed, behind a mark.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"SBX1".to_vec();
        bytes.extend(self.durable);
        bytes.extend(self.outbox);
        bytes.extend(self.level.to_be_bytes());
        bytes.extend(self.ticks.to_be_bytes());
        bytes.push(self.status);
        bytes
    }

    /// The hash of the state: our own, and not that of a real rollup (section 7.1).
    pub fn hash(&self) -> Hash {
        blake2b(&self.bytes())
    }
}

impl Block {
    /// The hash of a block of the simulated chain (section 5.2). A block after a reorganisation has another hash than the
    /// one in whose place it is, whatever is in it.
    pub fn hash_of(
        rollup: &[u8; 20],
        predecessor: &Hash,
        level: i32,
        operations: &[Operation],
        reorganisations: u64,
    ) -> Hash {
        let all: Vec<u8> = operations.iter().flat_map(Operation::digest).collect();
        let mut bytes = b"sandbox-block".to_vec();
        bytes.extend(rollup);
        bytes.extend(predecessor);
        bytes.extend(level.to_be_bytes());
        bytes.extend(blake2b(&all));
        if reorganisations > 0 {
            bytes.extend(reorganisations.to_be_bytes());
        }
        blake2b(&bytes)
    }

    /// The state after the block.
    pub fn state_hash(&self) -> Hash {
        self.state.hash()
    }
}

/// A reason to be stuck, as it is kept.
pub fn keep_stuck(stuck: &Stuck) -> (u8, String) {
    let (tag, text) = match stuck {
        Stuck::Eval(text) => (0, text.as_str()),
        Stuck::InvalidState(text) => (1, text.as_str()),
        Stuck::TooManyTicks => (2, ""),
        Stuck::NoFallback(Cause::Decode(text)) => (3, text.as_str()),
        Stuck::NoFallback(Cause::Link(text)) => (4, text.as_str()),
        Stuck::NoFallback(Cause::Init(text)) => (5, text.as_str()),
    };
    (tag, text.to_owned())
}

/// The reason that was kept.
pub fn stuck(kept: &(u8, String)) -> Stuck {
    let text = kept.1.clone();
    match kept.0 {
        0 => Stuck::Eval(text),
        1 => Stuck::InvalidState(text),
        2 => Stuck::TooManyTicks,
        3 => Stuck::NoFallback(Cause::Decode(text)),
        4 => Stuck::NoFallback(Cause::Link(text)),
        _ => Stuck::NoFallback(Cause::Init(text)),
    }
}
