//! Durable storage written down piece by piece: what two states share is written once, so that keeping the state of
//! every level costs what changed.
//!
//! A piece is one entry of a tree: left and right, then a name with its place, or the number of a chunk with its bytes.
//! Where pieces go is the [`Shelf`]'s business.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use thiserror::Error;

use super::map::{Loaded, Map, Saved};
use super::{Durable, Node, Value};
use crate::encoding::hash::Hash;
use crate::encoding::reader::Reader;

/// Where pieces are kept, by numbers from 1.
pub trait Shelf {
    /// Keeps a piece; its number.
    fn put(&mut self, piece: Vec<u8>) -> u64;

    /// The piece with a number.
    fn get(&self, id: u64) -> Result<Vec<u8>, Broken>;
}

/// A state that cannot be put together from its pieces.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Broken {
    /// There is none with this number.
    #[error("piece {0} of the durable storage is missing")]
    Missing(u64),
    /// It is something else.
    #[error("piece {0} of the durable storage cannot be read")]
    Unreadable(u64),
    /// The shelf failed.
    #[error("{0}")]
    Shelf(String),
}

const HAS_VALUE: u8 = 1;
const HAS_HASH: u8 = 2;

fn sides(left: u64, right: u64) -> Vec<u8> {
    [left.to_be_bytes(), right.to_be_bytes()].concat()
}

fn save_node(node: &Node, shelf: &mut dyn Shelf, out: &mut Vec<u8>) {
    let (value, hash) = (node.value.as_ref(), node.hash.get());
    out.push(
        if value.is_some() { HAS_VALUE } else { 0 } | if hash.is_some() { HAS_HASH } else { 0 },
    );
    if let Some(value) = value {
        let chunks = value.chunks.save(&mut |index, bytes, left, right| {
            let mut piece = sides(left, right);
            piece.extend(index.to_be_bytes());
            piece.extend(&bytes[..]);
            shelf.put(piece)
        });
        out.extend(value.len.to_be_bytes());
        out.extend(chunks.to_be_bytes());
    }
    out.extend(save_children(node, shelf).to_be_bytes());
    out.extend(hash.into_iter().flatten());
}

/// The number of the root of a place's children, which are then written down.
fn save_children(node: &Node, shelf: &mut dyn Shelf) -> u64 {
    node.children.save(&mut |name, child, left, right| {
        let mut piece = sides(left, right);
        piece.push(name.len() as u8);
        piece.extend(name.as_bytes());
        save_node(child, shelf, &mut piece);
        shelf.put(piece)
    })
}

fn u64_of(reader: &mut Reader<'_>) -> Option<u64> {
    reader.array().map(u64::from_be_bytes)
}

/// What a place says of itself, before the pieces under it are fetched.
struct Place {
    value: Option<(u32, u64)>,
    children: u64,
    hash: Option<Hash>,
}

fn place(reader: &mut Reader<'_>) -> Option<Place> {
    let flags = reader.byte()?;
    let value = if flags & HAS_VALUE != 0 {
        Some((reader.u32()?, u64_of(reader)?))
    } else {
        None
    };
    let children = u64_of(reader)?;
    let hash = if flags & HAS_HASH != 0 {
        Some(reader.array()?)
    } else {
        None
    };
    Some(Place {
        value,
        children,
        hash,
    })
}

/// Puts states together from their pieces.
struct Loader<'s> {
    shelf: &'s dyn Shelf,
    chunks: Loaded<u32, Arc<Vec<u8>>>,
}

impl Loader<'_> {
    fn chunks(&mut self, root: u64) -> Result<Map<u32, Arc<Vec<u8>>>, Broken> {
        let shelf = self.shelf;
        let read = |id| {
            let piece = shelf.get(id)?;
            let mut reader = Reader::new(&piece);
            let mut read = || {
                Some(Saved {
                    left: u64_of(&mut reader)?,
                    right: u64_of(&mut reader)?,
                    key: reader.u32()?,
                    value: Arc::new(reader.rest().to_vec()),
                })
            };
            let saved = read().ok_or(Broken::Unreadable(id))?;
            Ok((saved, 0))
        };
        self.chunks
            .load(root, read, |_, bytes| Ok(bytes), Broken::Unreadable)
    }

    /// A place whose children have been put together.
    fn node(&mut self, place: &Place, children: Map<Arc<str>, Node>) -> Result<Node, Broken> {
        let value = match place.value {
            None => None,
            Some((len, root)) => Some(Value {
                len,
                chunks: self.chunks(root)?,
            }),
        };
        Ok(Node {
            value,
            children,
            hash: place.hash.map_or_else(OnceLock::new, OnceLock::from),
            bytes: OnceLock::new(),
            chunks: Default::default(),
        })
    }

    fn root(&mut self, place: &Place) -> Result<Node, Broken> {
        let shelf = self.shelf;
        let read = |id| {
            let piece = shelf.get(id)?;
            let (left, right, key, value) = child(&piece).ok_or(Broken::Unreadable(id))?;
            let within = value.children;
            let saved = Saved {
                left,
                right,
                key,
                value,
            };
            Ok((saved, within))
        };
        let children = Loaded::default().load(
            place.children,
            read,
            |loaded, below: Place| self.node(&below, loaded.map(below.children)),
            Broken::Unreadable,
        )?;
        self.node(place, children)
    }
}

fn child(piece: &[u8]) -> Option<(u64, u64, Arc<str>, Place)> {
    let mut reader = Reader::new(piece);
    let (left, right) = (u64_of(&mut reader)?, u64_of(&mut reader)?);
    let len = reader.byte()?;
    let name = std::str::from_utf8(reader.take(usize::from(len))?).ok()?;
    Some((left, right, name.into(), place(&mut reader)?))
}

impl Durable {
    /// Writes down what the shelf does not have yet; the bytes that [`Self::load`] wants.
    pub fn save(&self, shelf: &mut dyn Shelf) -> Vec<u8> {
        // The deepest first: then no place finds one below it that is not written down yet.
        self.root.deepest_first(
            |node, below| node.children.unsaved(below),
            |node| {
                save_children(node, shelf);
            },
        );
        let mut out = Vec::new();
        save_node(&self.root, shelf, &mut out);
        out
    }

    /// The storage that was written down.
    ///
    /// # Errors
    /// If pieces are missing or are something else.
    pub fn load(root: &[u8], shelf: &dyn Shelf) -> Result<Self, Broken> {
        let place = place(&mut Reader::new(root)).ok_or(Broken::Unreadable(0))?;
        let mut loader = Loader {
            shelf,
            chunks: Loaded::default(),
        };
        Ok(Self {
            root: loader.root(&place)?,
        })
    }
}

/// The numbers of all pieces that a state needs.
///
/// # Errors
/// If pieces are missing or are something else.
pub fn reachable(root: &[u8], shelf: &dyn Shelf, found: &mut HashSet<u64>) -> Result<(), Broken> {
    let mut chunks = Vec::new();
    let mut children = Vec::new();
    let mut note = |place: &Place, children: &mut Vec<u64>| {
        chunks.extend(place.value.map(|(_, root)| root));
        children.push(place.children);
    };
    note(
        &place(&mut Reader::new(root)).ok_or(Broken::Unreadable(0))?,
        &mut children,
    );
    while let Some(id) = children.pop() {
        if id != 0 && found.insert(id) {
            let piece = shelf.get(id)?;
            let (left, right, _, below) = child(&piece).ok_or(Broken::Unreadable(id))?;
            children.extend([left, right]);
            note(&below, &mut children);
        }
    }
    while let Some(id) = chunks.pop() {
        if id != 0 && found.insert(id) {
            let piece = shelf.get(id)?;
            let mut reader = Reader::new(&piece);
            for _ in 0..2 {
                chunks.push(u64_of(&mut reader).ok_or(Broken::Unreadable(id))?);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Path;

    #[derive(Default)]
    struct Shelved(Vec<Vec<u8>>);

    impl Shelf for Shelved {
        fn put(&mut self, piece: Vec<u8>) -> u64 {
            self.0.push(piece);
            self.0.len() as u64
        }

        fn get(&self, id: u64) -> Result<Vec<u8>, Broken> {
            let piece = (id as usize).checked_sub(1).and_then(|n| self.0.get(n));
            piece.cloned().ok_or(Broken::Missing(id))
        }
    }

    fn storage() -> Durable {
        let mut durable = Durable::default();
        for n in 0..1000 {
            let path = Path::parse(format!("/dir/{n}/value").as_bytes()).unwrap();
            durable.set(&path, Value::from(format!("value {n}").as_bytes()));
        }
        durable.set(&Path::known("/dir"), Value::from(&[7; 10_000][..]));
        durable.set(&Path::known("/hole"), Value::zeroes(1 << 20));
        durable
    }

    #[test]
    fn every_state_comes_back_and_costs_what_changed() {
        let mut shelf = Shelved::default();
        let one = storage();
        let first = one.save(&mut shelf);
        let size = shelf.0.len();
        let mut two = one.clone();
        two.set(&Path::known("/dir/500/value"), Value::from(&b"new"[..]));
        two.delete(&Path::known("/dir/7"));
        let second = two.save(&mut shelf);
        assert!(
            shelf.0.len() - size < 50,
            "{} pieces more",
            shelf.0.len() - size
        );
        assert_eq!(two.save(&mut shelf), second);
        for (root, durable) in [(&first, &one), (&second, &two)] {
            let mut loaded = Durable::load(root, &shelf).unwrap();
            assert_eq!(loaded, *durable);
            // What was loaded knows that it is written down already.
            let before = shelf.0.len();
            assert_eq!(loaded.save(&mut shelf), *root);
            assert_eq!(shelf.0.len(), before);
            loaded.delete(&Path::known("/dir"));
            loaded.save(&mut shelf);
            let again = Durable::load(root, &shelf).unwrap();
            assert_eq!(again.hash(), durable.hash());
        }
        let mut found = HashSet::new();
        reachable(&second, &shelf, &mut found).unwrap();
        for (n, piece) in shelf.0.iter_mut().enumerate() {
            if !found.contains(&(n as u64 + 1)) {
                piece.clear();
            }
        }
        assert_eq!(Durable::load(&second, &shelf), Ok(two));
        assert!(Durable::load(&first, &shelf).is_err());
    }

    /// Far deeper than a thread's stack would bear, were it one call for each level.
    const DEEP: usize = 200_000;

    /// A kernel can move a key into itself as often as it likes.
    fn deep() -> Durable {
        let mut durable = Durable::default();
        let (top, below) = (Path::known("/a"), Path::known("/a/a"));
        durable.set(&top, Value::from(&b"bottom"[..]));
        for _ in 0..DEEP {
            assert!(durable.rename(&top, &below));
        }
        durable
    }

    #[test]
    fn a_tree_of_any_depth_is_hashed_counted_compared_kept_and_dropped() {
        let (one, two) = (deep(), deep());
        assert_eq!(one.bytes(), 6);
        assert_eq!(one.hash(), two.hash());
        assert!(one == two);
        let mut shelf = Shelved::default();
        let root = one.save(&mut shelf);
        assert_eq!(shelf.0.len(), DEEP + 2);
        let loaded = Durable::load(&root, &shelf).unwrap();
        assert!(loaded == one && loaded.hash() == one.hash());
        let mut found = HashSet::new();
        reachable(&root, &shelf, &mut found).unwrap();
        assert_eq!(found.len(), DEEP + 2);
        let mut values = 0;
        loaded.node(&Path::root()).unwrap().values(&mut |key, _| {
            assert_eq!(key.len(), 2 * (DEEP + 1));
            values += 1;
        });
        assert_eq!(values, 1);
    }

    #[test]
    fn what_was_shared_is_shared_again_however_often() {
        let mut durable = Durable::default();
        let path = |text: &'static str| Path::known(text);
        durable.set(&path("/a"), Value::from(&b"x"[..]));
        // 2^60 places, in a few pieces.
        for _ in 0..60 {
            durable.copy(&path("/a"), &path("/b/left"));
            durable.copy(&path("/a"), &path("/b/right"));
            durable.rename(&path("/b"), &path("/a"));
        }
        let mut shelf = Shelved::default();
        let root = durable.save(&mut shelf);
        let loaded = Durable::load(&root, &shelf).unwrap();
        assert_eq!(loaded.hash(), durable.hash());
        assert_eq!(loaded.bytes(), 1 << 60);
    }

    #[test]
    fn a_piece_that_needs_itself_is_an_error() {
        let mut shelf = Shelved::default();
        let root = storage().save(&mut shelf);
        for (n, piece) in (1u64..).zip(&mut shelf.0) {
            piece[..8].copy_from_slice(&n.to_be_bytes());
        }
        assert!(matches!(
            Durable::load(&root, &shelf),
            Err(Broken::Unreadable(_))
        ));
    }
}
