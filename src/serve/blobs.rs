//! The store of blobs: bytes by the SHA-256 of what was sent, compressed or not. One per server, never cleaned
//! (pocket-ic-api.md 3.8).

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

/// A blob as it was sent.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) bytes: Vec<u8>,
    pub(crate) gzip: bool,
}

impl Stored {
    /// The content, which is decompressed if need be.
    ///
    /// # Errors
    /// If it cannot be.
    pub(crate) fn content(&self) -> std::io::Result<Vec<u8>> {
        if !self.gzip {
            return Ok(self.bytes.clone());
        }
        let mut content = Vec::new();
        GzDecoder::new(self.bytes.as_slice()).read_to_end(&mut content)?;
        Ok(content)
    }
}

/// All blobs.
#[derive(Debug, Default)]
pub(crate) struct Blobs(Mutex<HashMap<[u8; 32], Arc<Stored>>>);

impl Blobs {
    /// Keeps a blob; returns its name.
    pub(crate) fn put(&self, bytes: Vec<u8>, gzip: bool) -> [u8; 32] {
        let name = Sha256::digest(&bytes).into();
        let mut blobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.insert(name, Arc::new(Stored { bytes, gzip }));
        name
    }

    /// The blob of this name.
    pub(crate) fn get(&self, name: &[u8]) -> Option<Arc<Stored>> {
        let name: [u8; 32] = name.try_into().ok()?;
        let blobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.get(&name).cloned()
    }
}
