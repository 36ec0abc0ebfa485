//! `smart_rollup_core`: the functions a kernel can import, against plain memory and plain state.
//!
//! Nothing here runs Wasm: memory is a slice, the rollup is a [`World`], so every rule is tested without a kernel. Who
//! runs kernels calls [`calls::call`]; both the interpreter and compiled code do.

pub mod abi;
pub mod calls;

use crate::inbox::Buffer;
use crate::outbox::Outbox;
use crate::storage::{Durable, KeyError};

/// What host functions read and change. Cloning it costs a few reference counts, whatever it holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// Durable storage.
    pub durable: Durable,
    /// Messages to be read.
    pub inbox: Buffer,
    /// Messages written.
    pub outbox: Outbox,
}

/// Why a host function refused (kernel-debugger.md, section 4). The number is what the kernel sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Code {
    /// A key of more than 240 bytes.
    KeyTooLarge = -1,
    /// A key of another syntax.
    InvalidKey = -2,
    /// No value under the key.
    NotAValue = -3,
    /// An offset past the value.
    InvalidAccess = -4,
    /// A value would grow too large.
    ValueSizeExceeded = -5,
    /// Addresses outside of memory.
    MemoryAccess = -6,
    /// More bytes than one call may move.
    IoTooLarge = -7,
    /// Anything else.
    Generic = -8,
    /// A key that kernels cannot write.
    ReadOnly = -9,
    /// Nothing under the key.
    NotANode = -10,
    /// A hundred messages are in the outbox.
    OutboxFull = -11,
    /// No child with this number.
    InvalidIndex = -12,
    /// There is a value already.
    ValueExists = -13,
    /// The storage of the functions `nds_…` is not there.
    NdsNotEnabled = -16,
}

impl From<KeyError> for Code {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::TooLarge => Self::KeyTooLarge,
            KeyError::Invalid => Self::InvalidKey,
        }
    }
}
