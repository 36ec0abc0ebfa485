//! The store of blobs: bytes by the SHA-256 of what was sent, compressed or not. One per server, never cleaned
//! (pocket-ic-api.md 3.8).

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::answer::Refusal;

/// A blob as it was sent.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) bytes: Vec<u8>,
    pub(crate) gzip: bool,
}

impl Stored {
    /// The content, which is decompressed if need be: into so many bytes at the most.
    ///
    /// # Errors
    /// If it cannot be, or would be longer than that.
    pub(crate) fn content(&self, most: u64) -> Result<Cow<'_, [u8]>, Refusal> {
        if !self.gzip {
            return Ok(Cow::Borrowed(&self.bytes));
        }
        let mut content = Vec::new();
        let decoder = MultiGzDecoder::new(self.bytes.as_slice());
        let read = decoder
            .take(most.saturating_add(1))
            .read_to_end(&mut content);
        match read {
            Ok(length) if length as u64 > most => Err(Refusal::bad(format!(
                "the blob has more than {most} bytes when it is decompressed, for which there is no room"
            ))),
            Ok(_) => Ok(Cow::Owned(content)),
            Err(_) => Err(Refusal::conversion("Decompression failed")),
        }
    }
}

/// All blobs.
#[derive(Debug, Default)]
pub(crate) struct Blobs(Mutex<HashMap<[u8; 32], Arc<Stored>>>);

impl Blobs {
    /// Keeps a blob; returns its name. What was once said to be compressed stays so: others go by that name.
    pub(crate) fn put(&self, bytes: Vec<u8>, gzip: bool) -> [u8; 32] {
        let name = Sha256::digest(&bytes).into();
        let mut blobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gzip = gzip || blobs.get(&name).is_some_and(|known| known.gzip);
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn all_members_of_a_packed_blob_are_its_content_and_no_more_than_there_is_room_for() {
        let bytes = [packed(b"one"), packed(b"two")].concat();
        let stored = Stored { bytes, gzip: true };
        assert_eq!(&*stored.content(6).unwrap(), b"onetwo");
        let refused = stored.content(5).unwrap_err();
        assert!(refused.message.contains("more than 5 bytes"), "{refused:?}");
    }

    #[test]
    fn a_blob_stays_packed_whoever_sends_it_again() {
        let blobs = Blobs::default();
        let name = blobs.put(packed(b"x"), true);
        assert_eq!(blobs.put(packed(b"x"), false), name);
        let stored = blobs.get(&name).unwrap();
        assert_eq!(&*stored.content(1).unwrap(), b"x");
    }
}
