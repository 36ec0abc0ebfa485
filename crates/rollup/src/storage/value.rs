//! The bytes under one key: up to 2 GiB, in chunks that copies share and that a hole of zeroes does not need.
//!
//! Limits are those of kernel-debugger.md, section 3.2; who may write where is the host's business.

use std::sync::Arc;

use super::map::Map;
use crate::encoding::hash::{Hash, Hasher};

/// The size of a chunk in bytes, as in the original's storage.
const CHUNK: usize = 4096;

/// The most bytes a value can hold: 2^31 - 1.
pub const MAX_VALUE: u32 = i32::MAX as u32;

/// A value. Cloning costs one reference count.
#[derive(Clone, Default)]
pub struct Value {
    pub(super) len: u32,
    /// Missing chunks, and what a chunk is short of, are zeroes.
    pub(super) chunks: Map<u32, Arc<Vec<u8>>>,
}

impl Value {
    /// A value of zeroes.
    pub fn zeroes(len: u32) -> Self {
        Self {
            len,
            chunks: Map::default(),
        }
    }

    /// The number of bytes.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether it holds no byte.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether both share all their memory: equal, found without reading.
    pub fn same(&self, other: &Self) -> bool {
        self.len == other.len && self.chunks.same(&other.chunks)
    }

    /// Copies bytes from `offset` on; what lies past the end is not touched. The number of bytes copied.
    pub fn read(&self, offset: u32, out: &mut [u8]) -> usize {
        let available = (self.len - offset.min(self.len)) as usize;
        let wanted = out.len().min(available);
        let mut done = 0;
        while done < wanted {
            let at = offset as usize + done;
            let (chunk, start) = (at / CHUNK, at % CHUNK);
            let n = (CHUNK - start).min(wanted - done);
            let into = &mut out[done..done + n];
            let bytes = self
                .chunks
                .get(&(chunk as u32))
                .map_or(&[][..], |chunk| chunk.get(start..).unwrap_or_default());
            let held = bytes.len().min(n);
            into[..held].copy_from_slice(&bytes[..held]);
            into[held..].fill(0);
            done += n;
        }
        wanted
    }

    /// Writes bytes at `offset`, growing the value. The caller has checked that the end is within [`MAX_VALUE`].
    pub fn write(&mut self, offset: u32, bytes: &[u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset as usize + done;
            let (index, start) = ((at / CHUNK) as u32, at % CHUNK);
            let n = (CHUNK - start).min(bytes.len() - done);
            if self.chunks.get(&index).is_none() {
                self.chunks.insert(index, Arc::default());
            }
            if let Some(chunk) = self.chunks.get_mut(&index) {
                let chunk = Arc::make_mut(chunk);
                if chunk.len() < start + n {
                    chunk.resize(start + n, 0);
                }
                chunk[start..start + n].copy_from_slice(&bytes[done..done + n]);
            }
            done += n;
        }
        self.len = self.len.max(offset + bytes.len() as u32);
    }

    /// The hash of a leaf: BLAKE2b-256 over a zero byte and all bytes, whose zeroes take no memory meanwhile.
    pub fn hash(&self) -> Hash {
        let mut state = Hasher::new();
        state.update(&[0]);
        let mut buffer = [0; CHUNK];
        for at in (0..self.len).step_by(CHUNK) {
            let n = self.read(at, &mut buffer);
            state.update(&buffer[..n]);
        }
        state.finish()
    }

    /// All bytes in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = vec![0; self.len as usize];
        self.read(0, &mut out);
        out
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        let mut value = Self::default();
        value.write(0, bytes);
        value
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        if self.same(other) {
            return true;
        }
        if self.len != other.len {
            return false;
        }
        let (mut one, mut two) = ([0; CHUNK], [0; CHUNK]);
        (0..self.len).step_by(CHUNK).all(|at| {
            let index = at / CHUNK as u32;
            match (self.chunks.get(&index), other.chunks.get(&index)) {
                (None, None) => true,
                (Some(a), Some(b)) if Arc::ptr_eq(a, b) => true,
                _ => {
                    let n = self.read(at, &mut one);
                    other.read(at, &mut two);
                    one[..n] == two[..n]
                }
            }
        })
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn writes_anywhere_read_back_like_a_vector(
            writes in proptest::collection::vec((0usize..20_000, 0usize..9_000, any::<u8>()), 0..8)
        ) {
            let (mut value, mut model) = (Value::zeroes(20_000), vec![0u8; 20_000]);
            for (offset, n, byte) in writes {
                let before = (value.clone(), model.clone());
                let bytes = vec![byte; n];
                value.write(offset as u32, &bytes);
                model.resize(model.len().max(offset + n), 0);
                model[offset..offset + n].copy_from_slice(&bytes);
                prop_assert_eq!(before.0.to_vec(), before.1);
            }
            prop_assert_eq!(&value.to_vec(), &model);
            prop_assert_eq!(value, Value::from(&model[..]));
        }
    }

    #[test]
    fn two_gigabytes_of_zeroes_take_no_memory() {
        let mut value = Value::zeroes(MAX_VALUE);
        value.write(MAX_VALUE - 3, b"end");
        let mut tail = [9; 8];
        assert_eq!(value.read(MAX_VALUE - 5, &mut tail), 5);
        assert_eq!(&tail, b"\0\0end\x09\x09\x09");
        assert_eq!(value.read(MAX_VALUE, &mut tail), 0);
    }
}
