//! Pages of data larger than one answer: a Merkle tree of pages by hash (kernel-debugger.md, section 6.2).

use thiserror::Error;

use super::MAX_REVEAL;
use crate::encoding::hash::{Hash, blake2b};
use crate::encoding::reader::{Reader, put_block};

/// The bytes of content in one page: a page less its tag and length.
pub const MAX_CONTENT: usize = MAX_REVEAL - 5;
/// The hashes in one page.
pub const MAX_HASHES: usize = MAX_CONTENT / HASH_SIZE;
/// A hash with the byte of its scheme.
const HASH_SIZE: usize = 33;
/// The levels a reader follows: three of hashes and one of content.
const MAX_LEVELS: usize = 4;

/// A page and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Without the byte of its scheme.
    pub hash: Hash,
    /// Tag, length and content.
    pub bytes: Vec<u8>,
}

impl Page {
    fn new(tag: u8, content: &[u8]) -> Self {
        let mut bytes = vec![tag];
        put_block(&mut bytes, content);
        Self {
            hash: blake2b(&bytes),
            bytes,
        }
    }
}

/// Why data cannot be put together from pages.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PageError {
    /// A hash whose page is not there.
    #[error("no page with the hash 00{}", hex::encode(.0))]
    Missing(Hash),
    /// Bytes that are no page.
    #[error("the page 00{} cannot be decoded", hex::encode(.0))]
    Broken(Hash),
    /// More levels than a kernel reads.
    #[error("the tree of pages has too many levels")]
    TooDeep,
}

/// All pages of a content, the root last; no content has no page.
pub fn pages(content: &[u8]) -> Vec<Page> {
    let mut level: Vec<Page> = content
        .chunks(MAX_CONTENT)
        .map(|chunk| Page::new(0, chunk))
        .collect();
    let mut all = Vec::new();
    while level.len() > 1 {
        let hashes: Vec<u8> = level
            .iter()
            .flat_map(|page| std::iter::once(0).chain(page.hash))
            .collect();
        all.append(&mut level);
        level = hashes
            .chunks(MAX_HASHES * HASH_SIZE)
            .map(|chunk| Page::new(1, chunk))
            .collect();
    }
    all.append(&mut level);
    all
}

/// The content under a root, from pages that `get` finds by their hash.
pub fn content(
    root: Hash,
    get: &mut impl FnMut(&Hash) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, PageError> {
    let mut out = Vec::new();
    append(root, get, MAX_LEVELS, &mut out)?;
    Ok(out)
}

fn append(
    hash: Hash,
    get: &mut impl FnMut(&Hash) -> Option<Vec<u8>>,
    levels: usize,
    out: &mut Vec<u8>,
) -> Result<(), PageError> {
    if levels == 0 {
        return Err(PageError::TooDeep);
    }
    let page = get(&hash).ok_or(PageError::Missing(hash))?;
    let parse = || {
        let mut reader = Reader::new(&page);
        let tag = reader.byte()?;
        let body = reader.block()?;
        reader.is_empty().then_some((tag, body))
    };
    match parse() {
        Some((0, body)) => out.extend(body),
        Some((1, body)) if body.len().is_multiple_of(HASH_SIZE) => {
            for child in body.chunks(HASH_SIZE) {
                let child = child[1..].try_into().map_err(|_| PageError::Broken(hash))?;
                append(child, get, levels - 1, out)?;
            }
        }
        _ => return Err(PageError::Broken(hash)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn the_published_pages_and_roots() {
        let single = pages(b"dummy_kernel_for_single_page");
        assert_eq!(single.len(), 1);
        assert_eq!(&single[0].bytes[..5], [0, 0, 0, 0, 28]);
        assert_eq!(
            hex::encode(single[0].hash),
            "0b93d44243217f2c52d5eab9ed665765d5e8aad7b496a4d852e1ec4b09132455"
        );
        let ten = pages(&[b'A'; 10]);
        assert_eq!(
            hex::encode(&ten[0].bytes),
            format!("000000000a{}", "41".repeat(10))
        );
        assert_eq!(
            hex::encode(ten[0].hash),
            "d02603ed818ad2ed0e5bec3d9ef32b2a9de9ae0479913d01450ee3110f1e1e27"
        );
    }

    #[test]
    fn sizes_at_the_edges_have_the_published_numbers_of_pages_and_come_back() {
        for (size, count) in [
            (0, 0),
            (1, 1),
            (4091, 1),
            (4092, 3),
            (503_193, 124),
            (503_194, 127),
        ] {
            let data: Vec<u8> = (0..size).map(|n: u32| (n ^ (n >> 8)) as u8).collect();
            let pages = pages(&data);
            assert_eq!(pages.len(), count, "{size}");
            assert!(pages.iter().all(|page| page.bytes.len() <= MAX_REVEAL));
            let Some(root) = pages.last().map(|page| page.hash) else {
                continue;
            };
            let store: HashMap<Hash, Vec<u8>> = pages
                .into_iter()
                .map(|page| (page.hash, page.bytes))
                .collect();
            assert_eq!(
                content(root, &mut |hash| store.get(hash).cloned()),
                Ok(data)
            );
        }
    }

    #[test]
    fn broken_trees_are_errors() {
        assert_eq!(
            content([1; 32], &mut |_| None),
            Err(PageError::Missing([1; 32]))
        );
        assert_eq!(
            content([1; 32], &mut |_| Some(vec![9])),
            Err(PageError::Broken([1; 32]))
        );
        // A page that names itself: impossible by hash, but a directory may hold anything.
        let mut circle = vec![1, 0, 0, 0, 33, 0];
        circle.extend([1; 32]);
        assert_eq!(
            content([1; 32], &mut |_| Some(circle.clone())),
            Err(PageError::TooDeep)
        );
    }
}
