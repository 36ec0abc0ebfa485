//! Hashes of parts of a large directory, so that a change costs a part of it and not the whole.
//!
//! The children in the order of their names are cut in front of every name whose own hash says so. Where the cuts are thus
//! depends on the names alone and not on the way to them, and a name more or less moves only the cuts around it.

use std::sync::{Arc, Mutex, PoisonError};

use super::Node;
use super::map::Map;
use crate::encoding::hash::{Hash, blake2b};

/// A directory of so many children is hashed as a whole.
pub(super) const SMALL: usize = 256;

/// A part has about so many children.
const PART: u8 = 64;

/// A part of a directory: from its first name to that of the next part.
#[derive(Clone)]
struct Chunk {
    first: Arc<str>,
    /// Forgotten when something in it changes.
    hash: Option<Hash>,
}

/// The parts of a directory as they were when they were last hashed, and what has changed since.
#[derive(Default)]
pub(super) struct Chunks(Mutex<Option<Arc<Vec<Chunk>>>>);

impl Clone for Chunks {
    fn clone(&self) -> Self {
        Self(Mutex::new(self.known()))
    }
}

impl Chunks {
    fn known(&self) -> Option<Arc<Vec<Chunk>>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Something changes under a name, or it comes or goes.
    pub(super) fn touch(&mut self, name: &str) {
        let known = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(chunks) = known {
            let chunks = Arc::make_mut(chunks);
            let behind = chunks.partition_point(|chunk| &*chunk.first <= name);
            // Names before the first belong to it.
            if let Some(chunk) = chunks.get_mut(behind.saturating_sub(1)) {
                chunk.hash = None;
            }
        }
    }

    /// The children of the parts in which something has changed.
    pub(super) fn changed<'a>(
        &self,
        children: &'a Map<Arc<str>, Node>,
    ) -> impl Iterator<Item = &'a Node> {
        let known = self.known();
        let bounds = match &known {
            None => vec![(None, None)],
            Some(known) => {
                let changed = (0..known.len()).filter(|n| known[*n].hash.is_none());
                changed.map(|n| bounds(known, n)).collect()
            }
        };
        let mut found = Vec::new();
        for (first, next) in bounds {
            found.extend(range(children, first, next).map(|(_, node)| node));
        }
        found.into_iter()
    }

    /// The hashes of all parts, one behind the other.
    pub(super) fn hashes(&self, children: &Map<Arc<str>, Node>) -> Vec<u8> {
        let mut chunks = Vec::new();
        match self.known() {
            None => hash(children, None, None, &mut chunks),
            Some(known) => {
                for (n, chunk) in known.iter().enumerate() {
                    if chunk.hash.is_some() {
                        chunks.push(chunk.clone());
                        continue;
                    }
                    let (first, next) = bounds(&known, n);
                    hash(children, first, next, &mut chunks);
                }
            }
        }
        let hashes = chunks
            .iter()
            .flat_map(|chunk| chunk.hash.unwrap_or_default());
        let hashes = hashes.collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(chunks));
        hashes
    }
}

/// The first names of a part and of the next one; the first part begins with the first child.
fn bounds(chunks: &[Chunk], n: usize) -> (Option<&str>, Option<&str>) {
    let first = (n > 0).then_some(&*chunks[n].first);
    (first, chunks.get(n + 1).map(|chunk| &*chunk.first))
}

/// The children from a name (or the first) to before another (or the end).
fn range<'a, 'b>(
    children: &'a Map<Arc<str>, Node>,
    first: Option<&str>,
    next: Option<&'b str>,
) -> impl Iterator<Item = (&'a Arc<str>, &'a Node)> + use<'a, 'b> {
    let from = match first {
        None => children.iter(),
        Some(first) => children.iter_from(first),
    };
    from.take_while(move |(name, _)| next.is_none_or(|next| &***name < next))
}

/// Whether a part begins with a name.
fn begins(name: &str) -> bool {
    blake2b(name.as_bytes())[0].is_multiple_of(PART)
}

/// Cuts and hashes the children from a name (or the first) to before another (or the end), behind the parts before.
fn hash(
    children: &Map<Arc<str>, Node>,
    first: Option<&str>,
    next: Option<&str>,
    chunks: &mut Vec<Chunk>,
) {
    let Some((name, _)) = range(children, first, next).next() else {
        return;
    };
    let mut first = first.map(Arc::from);
    // What no longer begins a part belongs to the one before.
    if !begins(name)
        && let Some(before) = chunks.pop()
    {
        first = (!chunks.is_empty()).then_some(before.first);
    }
    let mut part: Option<(Arc<str>, Vec<u8>)> = None;
    let mut close = |part: Option<(Arc<str>, Vec<u8>)>| {
        chunks.extend(part.map(|(first, bytes)| Chunk {
            first,
            hash: Some(blake2b(&bytes)),
        }));
    };
    for (name, node) in range(children, first.as_deref(), next) {
        if begins(name) {
            close(part.take());
        }
        let (_, bytes) = part.get_or_insert_with(|| (Arc::clone(name), vec![3]));
        bytes.push(name.len() as u8);
        bytes.extend(name.as_bytes());
        bytes.extend(node.hash());
    }
    close(part);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::storage::{Durable, Path, Value};

    fn path(n: u16) -> Path {
        Path::parse(format!("/large/{n}").as_bytes()).unwrap()
    }

    fn set(durable: &mut Durable, n: u16, value: u8) {
        durable.set(&path(n), Value::from(&[value][..]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..ProptestConfig::default() })]

        #[test]
        fn the_hash_of_a_large_directory_depends_on_its_content_only(
            changes in proptest::collection::vec((0u16..1500, any::<Option<u8>>(), 0u8..8), 1..400)
        ) {
            let mut durable = Durable::default();
            let mut model = std::collections::BTreeMap::new();
            for n in 0..1000 {
                set(&mut durable, n, 0);
                model.insert(n, 0);
            }
            for (n, value, look) in changes {
                match value {
                    Some(value) => { set(&mut durable, n, value); model.insert(n, value); }
                    None => { durable.delete(&path(n)); model.remove(&n); }
                }
                if look == 0 {
                    durable.hash();
                }
            }
            let mut anew = Durable::default();
            for (n, value) in model.iter().rev() {
                set(&mut anew, *n, *value);
            }
            prop_assert_eq!(durable.hash(), anew.hash());
            set(&mut anew, 7, 255);
            set(&mut anew, 7, 254);
            prop_assert_ne!(durable.hash(), anew.hash());
        }
    }
}
