//! The file of one entry: compressed machine code, then what is known about the module, then a trailer by which a whole and
//! undamaged file of ours is told from anything else.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::Key;
use super::secret::{Hash, Nonce, Secret, random};

const MAGIC: [u8; 8] = *b"drun\x00mod";
/// Bytes of the trailer without its hash: magic, key, two lengths, nonce.
const HEAD: usize = 8 + 32 + 8 + 8 + size_of::<Nonce>();
/// Bytes of the trailer.
const TRAILER: usize = HEAD + size_of::<Hash>();
/// Bytes of machine code that are packed together.
const BLOCK: usize = 256 << 10;

/// Why an entry is not used.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// The system refuses.
    System(io::Error),
    /// It is another user's, or others may write to it.
    NotPrivate,
    /// It is not what we wrote.
    Damaged,
    /// It was written for another machine.
    Foreign,
    /// The engine does not take it.
    Refused(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::System(error) => write!(f, "the entry cannot be read: {error}"),
            Unreadable::NotPrivate => f.write_str("the entry is not this user's alone"),
            Unreadable::Damaged => f.write_str("the entry is damaged"),
            Unreadable::Foreign => f.write_str("the entry is for another machine"),
            Unreadable::Refused(error) => write!(f, "the engine refuses the entry: {error}"),
        }
    }
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Unreadable::Damaged,
            _ => Unreadable::System(error),
        }
    }
}

/// The file of an entry, in parts.
///
/// # Errors
/// If the system has no random bytes.
pub(super) fn parts(
    code: &[u8],
    knowledge: Vec<u8>,
    key: &Key,
    secret: &Secret,
) -> io::Result<[Vec<u8>; 3]> {
    let mut nonce = Nonce::default();
    random(&mut nonce)?;
    // Half the size or less, and unpacked in less time than the rest would take to be hashed.
    let mut packed = Vec::new();
    for block in code.chunks(BLOCK) {
        let content = lz4_flex::block::compress(block);
        for length in [content.len(), block.len()] {
            packed.extend((length as u32).to_le_bytes());
        }
        packed.extend(content);
    }
    let mut trailer = Vec::with_capacity(TRAILER);
    trailer.extend(MAGIC);
    trailer.extend(key);
    trailer.extend((packed.len() as u64).to_le_bytes());
    trailer.extend((knowledge.len() as u64).to_le_bytes());
    trailer.extend(nonce);
    let mut hash = secret.hasher(key, &nonce);
    for part in [&packed, &knowledge, &trailer] {
        hash.update(part);
    }
    trailer.extend(hash.finish());
    Ok([packed, knowledge, trailer])
}

/// Reads a whole file and makes sure that it is an entry of this key; hands out what is known about the module. The machine code
/// goes to `code` in pieces, which are worth nothing if this fails.
///
/// # Errors
/// If there is any doubt.
pub(super) fn read(
    file: &mut File,
    key: &Key,
    secret: &Secret,
    mut code: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<Vec<u8>, Unreadable> {
    let size = file.metadata()?.len();
    let body = size
        .checked_sub(TRAILER as u64)
        .ok_or(Unreadable::Damaged)?;
    let mut trailer = [0; TRAILER];
    file.seek(SeekFrom::Start(body))?;
    file.read_exact(&mut trailer)?;
    let (head, hash) = trailer.split_at(HEAD);
    let number = |at: usize| {
        head[at..at + 8]
            .try_into()
            .map(u64::from_le_bytes)
            .unwrap_or(u64::MAX)
    };
    let (packed, knowledge) = (number(40), number(48));
    if head[..8] == MAGIC && head[8..40] != *key {
        return Err(Unreadable::Foreign);
    }
    if head[..8] != MAGIC || packed.checked_add(knowledge) != Some(body) {
        return Err(Unreadable::Damaged);
    }
    let nonce: Nonce = head[56..].try_into().expect("the head ends with it");
    let mut actual = secret.hasher(key, &nonce);
    file.rewind()?;
    let mut left = packed;
    let (mut content, mut block) = (Vec::new(), Vec::new());
    while left > 0 {
        let mut lengths = [0; 8];
        left = left.checked_sub(8).ok_or(Unreadable::Damaged)?;
        file.read_exact(&mut lengths)?;
        actual.update(&lengths);
        let [length, unpacked] = [0, 4].map(|at| {
            let bytes = lengths[at..at + 4].try_into();
            bytes.map_or(usize::MAX, |bytes| u32::from_le_bytes(bytes) as usize)
        });
        left = left.checked_sub(length as u64).ok_or(Unreadable::Damaged)?;
        if unpacked > BLOCK || length > lz4_flex::block::get_maximum_output_size(BLOCK) {
            return Err(Unreadable::Damaged);
        }
        content.resize(length, 0);
        file.read_exact(&mut content)?;
        actual.update(&content);
        block.resize(unpacked, 0);
        match lz4_flex::block::decompress_into(&content, &mut block) {
            Ok(length) if length == unpacked => code(&block)?,
            _ => return Err(Unreadable::Damaged),
        }
    }
    // No longer than the file, as was checked.
    let mut content = vec![0; knowledge as usize];
    file.read_exact(&mut content)?;
    actual.update(&content);
    actual.update(head);
    if actual.finish() != *hash {
        return Err(Unreadable::Damaged);
    }
    Ok(content)
}
