//! The secret of a cache directory, and the hash of its entries that depends on it: a file that was damaged, or planted by
//! somebody who cannot read the secret, does not pass for an entry. Owns the file of the secret and the hash; the directory
//! belongs to `directory`.

use std::io::{self, Read, Write};
use std::path::Path;

use poly1305::Poly1305;
use poly1305::universal_hash::{KeyInit, UniversalHash};
use sha2::{Digest, Sha256};

use super::Key;
use crate::private::{self, is_private, is_secret};

/// The file of the secret.
const FILE: &str = "secret";
/// Bytes of a block of the hash.
const BLOCK: usize = 16;

/// Bytes that make the hash of every entry another one.
pub(super) type Nonce = [u8; 16];
/// The hash of an entry.
pub(super) type Hash = [u8; 16];

/// What only this user knows.
#[derive(Clone)]
pub(super) struct Secret([u8; 32]);

impl Secret {
    /// The secret of a directory, made if there is none. Of processes that make it at the same time one is the first, and
    /// its secret is that of all.
    ///
    /// # Errors
    /// The system's; also if others may read or write the file, or it is not ours.
    pub(super) fn of(directory: &Path) -> io::Result<Self> {
        let path = directory.join(FILE);
        let damaged = match read(&path)? {
            Found::Secret(secret) => return Ok(secret),
            Found::Damaged => true,
            Found::Nothing => false,
        };
        let mut secret = [0; 32];
        random(&mut secret)?;
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(&secret)?;
        if damaged {
            file.persist(&path)?;
            return Ok(Secret(secret));
        }
        match file.persist_noclobber(&path) {
            Ok(_) => Ok(Secret(secret)),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                match read(&path)? {
                    Found::Secret(secret) => Ok(secret),
                    _ => Err(io::Error::other("the secret of the cache is gone")),
                }
            }
            Err(error) => Err(error.error),
        }
    }

    /// A hash of an entry of this key.
    pub(super) fn hasher(&self, key: &Key, nonce: &Nonce) -> Hasher {
        let once: [u8; 32] = Sha256::new()
            .chain_update(self.0)
            .chain_update(key)
            .chain_update(nonce)
            .finalize()
            .into();
        Hasher {
            state: Poly1305::new(&once.into()),
            rest: Vec::with_capacity(BLOCK),
        }
    }
}

/// Fresh random bytes.
pub(super) fn random(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))
}

/// What is in the place of a secret.
enum Found {
    Secret(Secret),
    Damaged,
    Nothing,
}

fn read(path: &Path) -> io::Result<Found> {
    let mut file = match private::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() || !is_private(&metadata) || !is_secret(&metadata) {
        let text = "others may read or write the secret of the cache";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    let mut secret = [0; 32];
    if metadata.len() != secret.len() as u64 {
        return Ok(Found::Damaged);
    }
    file.read_exact(&mut secret)?;
    Ok(Found::Secret(Secret(secret)))
}

/// A hash that is being made, of pieces of any length.
pub(super) struct Hasher {
    state: Poly1305,
    /// The beginning of a block.
    rest: Vec<u8>,
}

impl Hasher {
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        if !self.rest.is_empty() {
            let missing = (BLOCK - self.rest.len()).min(bytes.len());
            self.rest.extend(&bytes[..missing]);
            bytes = &bytes[missing..];
            if self.rest.len() < BLOCK {
                return;
            }
            let block = std::mem::take(&mut self.rest);
            self.blocks(&block);
        }
        let whole = bytes.len() / BLOCK * BLOCK;
        self.blocks(&bytes[..whole]);
        self.rest.extend(&bytes[whole..]);
    }

    fn blocks(&mut self, bytes: &[u8]) {
        // Whole blocks: nothing is filled up.
        self.state.update_padded(bytes);
    }

    pub(super) fn finish(self) -> Hash {
        self.state.compute_unpadded(&self.rest).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use std::os::unix::fs::PermissionsExt;

    #[cfg(unix)]
    #[test]
    fn a_directory_has_one_secret_that_nobody_else_may_read() {
        let directory = tempfile::tempdir().unwrap();
        let first = Secret::of(directory.path()).unwrap();
        assert_eq!(Secret::of(directory.path()).unwrap().0, first.0);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(Secret::of(other.path()).unwrap().0, first.0);
        let file = directory.path().join(FILE);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Secret::of(directory.path()).is_err());
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&file, b"short").unwrap();
        let second = Secret::of(directory.path()).unwrap();
        assert_ne!(second.0, first.0);
        assert_eq!(Secret::of(directory.path()).unwrap().0, second.0);
    }

    #[test]
    fn the_hash_depends_on_secret_key_nonce_and_every_byte_and_not_on_the_pieces() {
        let bytes: Vec<u8> = (0..100).collect();
        let hash = |secret: u8, key: u8, nonce: u8, pieces: &[&[u8]]| {
            let mut hasher = Secret([secret; 32]).hasher(&[key; 32], &[nonce; 16]);
            pieces.iter().for_each(|piece| hasher.update(piece));
            hasher.finish()
        };
        let whole = hash(1, 2, 3, &[&bytes]);
        for cut in 0..=100 {
            let (a, b) = bytes.split_at(cut);
            assert_eq!(hash(1, 2, 3, &[a, b]), whole, "{cut}");
            assert_eq!(
                hash(1, 2, 3, &[&a[..cut / 2], &a[cut / 2..], b]),
                whole,
                "{cut}"
            );
        }
        for other in [
            hash(0, 2, 3, &[&bytes]),
            hash(1, 0, 3, &[&bytes]),
            hash(1, 2, 0, &[&bytes]),
            hash(1, 2, 3, &[&bytes[1..]]),
            hash(1, 2, 3, &[&bytes, &[0]]),
        ] {
            assert_ne!(other, whole);
        }
    }
}
