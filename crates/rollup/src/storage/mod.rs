//! Durable storage: a tree in which every key can hold a value and children at once (kernel-debugger.md, section 3).
//!
//! Copies share structure: a subtree of any size is copied or moved by one reference count, and keeping the storage of
//! every level costs what changed. Which kernels may do what, and with which codes, is said in `host`.
//!
//! A kernel that moves a subtree into itself makes the tree one level deeper than its keys are long, as often as it likes:
//! whatever goes through the whole tree keeps its own stack and does not call itself.

mod chunks;
mod map;
mod path;
mod shelf;
mod value;

use chunks::Chunks;
pub use map::Map;
pub use path::{KeyError, MAX_KEY, Path};
pub use shelf::{Broken, Shelf, reachable};
pub use value::{MAX_VALUE, Value};

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::encoding::hash::{Hash, blake2b};

/// A place in the tree: what is under one key.
#[derive(Clone, Default)]
pub struct Node {
    value: Option<Value>,
    children: Map<Arc<str>, Node>,
    /// Forgotten by every change here or below.
    hash: OnceLock<Hash>,
    /// The same.
    bytes: OnceLock<u64>,
    /// Of a large directory.
    chunks: Chunks,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        let mut pairs = vec![(self, other)];
        while let Some((one, two)) = pairs.pop() {
            if one.value != two.value || one.children.len() != two.children.len() {
                return false;
            }
            if one.children.same(&two.children) {
                continue;
            }
            for ((name, one), (other, two)) in one.children().zip(two.children()) {
                if name != other {
                    return false;
                }
                pairs.push((one, two));
            }
        }
        true
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        self.values(&mut |key, value| {
            map.entry(&key, value);
        });
        map.finish()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.children
            .let_go(|node| std::mem::take(&mut node.children));
    }
}

impl Node {
    /// The value, if the key has one.
    pub fn value(&self) -> Option<&Value> {
        self.value.as_ref()
    }

    /// The children by name, in byte order; the value is not among them.
    pub fn children(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.children.iter().map(|(name, node)| (&**name, node))
    }

    /// Whether there is anything below.
    pub fn has_children(&self) -> bool {
        !self.children.is_empty()
    }

    /// The number of children; a value counts as one, as for kernels.
    pub fn count(&self) -> usize {
        self.children.len() + usize::from(self.value.is_some())
    }

    /// The name of a child in the order kernels see. The value has the empty name, and the place of the hidden child `@`
    /// that it is in the original: behind digits, `-` and `.`, in front of letters.
    pub fn nth(&self, index: usize) -> Option<&str> {
        let before = match self.value {
            Some(_) => self.children.rank("@"),
            None => usize::MAX,
        };
        if index == before {
            return Some("");
        }
        let (name, _) = self.children.nth(index - usize::from(index > before))?;
        Some(name)
    }

    /// All values here and below with what their keys have more than this place's, in the order of the names.
    pub fn values(&self, found: &mut dyn FnMut(&str, &Value)) {
        let mut key = String::new();
        let mut places = vec![(0, "", self)];
        while let Some((len, name, node)) = places.pop() {
            key.truncate(len);
            key.push_str(if name.is_empty() { "" } else { "/" });
            key.push_str(name);
            if let Some(value) = &node.value {
                found(&key, value);
            }
            let begin = places.len();
            places.extend(
                node.children()
                    .map(|(name, child)| (key.len(), name, child)),
            );
            places[begin..].reverse();
        }
    }

    /// Does something with the places below that `open` names of each, the deepest first, and with this one at last. What
    /// several places share may be done already when it is met again: then nothing is open below it.
    fn deepest_first<'a>(
        &'a self,
        open: impl Fn(&'a Node, &mut Vec<&'a Node>),
        mut act: impl FnMut(&'a Node),
    ) {
        let mut steps = vec![(self, false)];
        let mut below = Vec::new();
        while let Some((node, seen)) = steps.pop() {
            if seen {
                act(node);
                continue;
            }
            steps.push((node, true));
            open(node, &mut below);
            steps.extend(below.drain(..).map(|node| (node, false)));
        }
    }

    /// The bytes of all values here and below. What did not change is not counted again.
    pub fn bytes(&self) -> u64 {
        let count = |node: &Node| {
            *node.bytes.get_or_init(|| {
                let own = node
                    .value
                    .as_ref()
                    .map_or(0, |value| u64::from(value.len()));
                let below = node.children().filter_map(|(_, child)| child.bytes.get());
                below.fold(own, |all, more| all.saturating_add(*more))
            })
        };
        self.deepest_first(
            |node, below| {
                if node.bytes.get().is_none() {
                    let children = node.children().map(|(_, child)| child);
                    below.extend(children.filter(|child| child.bytes.get().is_none()));
                }
            },
            |node| {
                count(node);
            },
        );
        count(self)
    }

    fn forget(&mut self) {
        (self.hash, self.bytes) = (OnceLock::new(), OnceLock::new());
    }

    /// A hash of everything below: BLAKE2b-256 over a canonical Merkle tree of our own (rollup-node.md, section 7.1), in
    /// which large directories are cut in parts. It is not the original's, whose tree is Irmin's. What did not change is
    /// not hashed again.
    pub fn hash(&self) -> Hash {
        if let Some(known) = self.hash.get() {
            return *known;
        }
        self.deepest_first(
            |node, below| {
                if node.hash.get().is_some() {
                    return;
                }
                let unknown = |child: &&Node| child.hash.get().is_none();
                if node.children.len() > chunks::SMALL {
                    below.extend(node.chunks.changed(&node.children).filter(unknown));
                } else {
                    below.extend(node.children().map(|(_, child)| child).filter(unknown));
                }
            },
            |node| {
                node.hash.get_or_init(|| node.hashed());
            },
        );
        *self.hash.get_or_init(|| self.hashed())
    }

    fn hashed(&self) -> Hash {
        if self.children.len() > chunks::SMALL {
            let mut bytes = vec![2];
            if let Some(value) = &self.value {
                bytes.push(0);
                bytes.extend(value.hash());
            }
            bytes.extend(self.chunks.hashes(&self.children));
            return blake2b(&bytes);
        }
        let mut bytes = vec![1];
        let mut child = |name: &str, hash: Hash| {
            bytes.push(name.len() as u8);
            bytes.extend(name.as_bytes());
            bytes.extend(hash);
        };
        if let Some(value) = &self.value {
            child("", value.hash());
        }
        for (name, node) in self.children() {
            child(name, node.hash());
        }
        blake2b(&bytes)
    }

    fn find<'a>(&self, mut steps: impl Iterator<Item = &'a str>) -> Option<&Node> {
        steps.try_fold(self, |node, step| node.children.get(step))
    }

    /// The place under a key, made where it is missing.
    fn place<'a>(&mut self, steps: impl Iterator<Item = &'a str>) -> &mut Node {
        let mut node = self;
        for step in steps {
            node.forget();
            node.chunks.touch(step);
            if node.children.get(step).is_none() {
                node.children.insert(step.into(), Node::default());
            }
            node = match node.children.get_mut(step) {
                Some(child) => child,
                None => unreachable!("it has just been put there"),
            };
        }
        node.forget();
        node
    }

    /// Changes the place under a key if it is there, and takes out what this leaves empty on the way to it.
    fn prune<'a>(
        &mut self,
        mut steps: impl Iterator<Item = &'a str>,
        change: impl FnOnce(&mut Node),
    ) {
        self.forget();
        match steps.next() {
            None => change(self),
            Some(step) => {
                self.chunks.touch(step);
                if let Some(child) = self.children.get_mut(step) {
                    child.prune(steps, change);
                    if child.value.is_none() && child.children.is_empty() {
                        self.children.remove(step);
                    }
                }
            }
        }
    }
}

/// The storage of a rollup at one instant. Cloning costs one reference count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Durable {
    root: Node,
}

impl Durable {
    /// What is under a key: a value, children, or both.
    pub fn node(&self, path: &Path) -> Option<&Node> {
        let node = self.root.find(path.steps())?;
        // An empty root is nothing, as every empty place.
        (node.count() > 0).then_some(node)
    }

    /// The hash of everything; see [`Node::hash`].
    pub fn hash(&self) -> Hash {
        self.root.hash()
    }

    /// The bytes of all values.
    pub fn bytes(&self) -> u64 {
        self.root.bytes()
    }

    /// The value under a key.
    pub fn value(&self, path: &Path) -> Option<&Value> {
        self.node(path)?.value()
    }

    /// The value under a key, to be changed; made, empty, where there is none.
    pub fn value_mut(&mut self, path: &Path) -> &mut Value {
        self.root
            .place(path.steps())
            .value
            .get_or_insert_with(Value::default)
    }

    /// Replaces the value under a key; children stay.
    pub fn set(&mut self, path: &Path, value: Value) {
        self.root.place(path.steps()).value = Some(value);
    }

    /// Removes a value and what is below it.
    pub fn delete(&mut self, path: &Path) {
        self.root
            .prune(path.steps(), |node| *node = Node::default());
    }

    /// Removes a value and leaves what is below it.
    pub fn delete_value(&mut self, path: &Path) {
        self.root.prune(path.steps(), |node| node.value = None);
    }

    /// Replaces what is under `to` by a copy of what is under `from`; false when that is nothing.
    pub fn copy(&mut self, from: &Path, to: &Path) -> bool {
        let Some(node) = self.node(from).cloned() else {
            return false;
        };
        *self.root.place(to.steps()) = node;
        true
    }

    /// The same, and `from` is gone.
    pub fn rename(&mut self, from: &Path, to: &Path) -> bool {
        let Some(node) = self.node(from).cloned() else {
            return false;
        };
        self.delete(from);
        *self.root.place(to.steps()) = node;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        Path::parse(text.as_bytes()).unwrap()
    }

    fn storage(keys: &[(&str, &str)]) -> Durable {
        let mut durable = Durable::default();
        for (key, value) in keys {
            durable.set(&path(key), Value::from(value.as_bytes()));
        }
        durable
    }

    #[test]
    fn a_key_holds_a_value_and_children_and_the_value_counts_as_a_child() {
        let durable = storage(&[("/a/y", "1"), ("/a", "2"), ("/a/x/z", "3")]);
        let node = durable.node(&path("/a")).unwrap();
        assert_eq!(node.count(), 3);
        let names: Vec<_> = (0..4).map(|n| node.nth(n)).collect();
        assert_eq!(names, [Some(""), Some("x"), Some("y"), None]);
    }

    #[test]
    fn the_value_stands_among_the_children_where_its_hidden_name_does() {
        let durable = storage(&[
            ("/a", "value"),
            ("/a/A", ""),
            ("/a/-", ""),
            ("/a/9", ""),
            ("/a/_", ""),
        ]);
        let node = durable.node(&path("/a")).unwrap();
        let names: Vec<_> = (0..6).map(|n| node.nth(n)).collect();
        let expected = ["-", "9", "", "A", "_"].map(Some);
        assert_eq!(names[..5], expected);
        assert_eq!(names[5], None);
    }

    #[test]
    fn the_last_child_takes_its_empty_parents_with_it() {
        let mut durable = storage(&[("/a/b/c", "1"), ("/a/d", "2")]);
        durable.delete(&path("/a/b/c"));
        assert!(durable.node(&path("/a/b")).is_none());
        durable.delete_value(&path("/a/d"));
        assert_eq!(durable, Durable::default());
        durable.delete(&path("/nothing/here"));
        assert_eq!(durable, Durable::default());
    }

    #[test]
    fn copies_replace_the_whole_destination_and_later_changes_do_not_reach_them() {
        let mut durable = storage(&[("/a/x", "1"), ("/b/y", "2")]);
        assert!(durable.copy(&path("/a"), &path("/b")));
        durable.set(&path("/a/x"), Value::from(&b"new"[..]));
        assert_eq!(durable, storage(&[("/a/x", "new"), ("/b/x", "1")]));
        assert!(!durable.copy(&path("/none"), &path("/b")));
        assert!(durable.rename(&path("/b"), &path("/b/in/itself")));
        assert_eq!(
            durable,
            storage(&[("/a/x", "new"), ("/b/in/itself/x", "1")])
        );
        assert!(durable.rename(&path("/a"), &path("/a")));
        assert_eq!(
            durable,
            storage(&[("/a/x", "new"), ("/b/in/itself/x", "1")])
        );
    }

    #[test]
    fn a_copy_shares_its_memory_with_the_original() {
        let mut durable = storage(&[("/big", &"x".repeat(100_000))]);
        durable.copy(&path("/big"), &path("/copy"));
        let (one, two) = (durable.value(&path("/big")), durable.value(&path("/copy")));
        assert!(one.unwrap().same(two.unwrap()));
    }

    #[test]
    fn the_hash_depends_on_the_content_and_not_on_the_way_to_it() {
        let one = storage(&[("/a", "1"), ("/b/c", "2")]);
        let mut two = storage(&[("/b/c", "2"), ("/b/d", "3"), ("/a", "1")]);
        assert_ne!(one.root.hash(), two.root.hash());
        let before = two.clone();
        assert_eq!((one.bytes(), before.bytes()), (2, 3));
        two.delete(&path("/b/d"));
        assert_eq!(two.bytes(), 2);
        assert_eq!(one.root.hash(), two.root.hash());
        assert_ne!(before.root.hash(), two.root.hash());
        two.value_mut(&path("/b/c")).write(1, b"2");
        assert_ne!(one.root.hash(), two.root.hash());
        two.set(&path("/b/c"), Value::from(&b"2"[..]));
        assert_eq!(one.root.hash(), two.root.hash());
    }
}
