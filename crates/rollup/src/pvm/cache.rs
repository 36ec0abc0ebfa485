//! Kernels that have been decoded, so that a level costs no second look at a module of megabytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::encoding::hash::{Hash, blake2b};
use crate::module::{Kernel, ModuleError};
use crate::storage::Value;

/// The end of a decoding.
pub(super) type Decoded = Result<Arc<Kernel>, ModuleError>;

/// Decoded kernels by content. Clones share them.
#[derive(Clone, Default)]
pub struct Kernels(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// The value decoded last: the same value again is not even hashed.
    last: Option<(Value, Decoded)>,
    by_hash: HashMap<Hash, Decoded>,
}

/// More kernels than this are forgotten: programs that upgrade at every level exist.
const MAX_KERNELS: usize = 64;

impl Kernels {
    /// The kernel in a value.
    pub fn get(&self, value: &Value) -> Decoded {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((last, decoded)) = &inner.last
            && last.same(value)
        {
            return decoded.clone();
        }
        let bytes = value.to_vec();
        let hash = blake2b(&bytes);
        if inner.by_hash.len() >= MAX_KERNELS {
            inner.by_hash.clear();
        }
        let decoded = inner
            .by_hash
            .entry(hash)
            .or_insert_with(|| Kernel::decode(bytes.into()))
            .clone();
        inner.last = Some((value.clone(), decoded.clone()));
        decoded
    }
}
