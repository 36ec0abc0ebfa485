//! Hash trees as certificates carry them: with pruned parts, encoded and decoded, with the lookup that verifiers do (interface
//! specification, "Certificate"). Where a tree comes from and what is pruned is not known here: that is [`crate::tree`].

use std::sync::Arc;

use ciborium::Value;
use sha2::Sha256;

/// A SHA-256 hash.
pub type Digest = [u8; 32];

/// A hash tree, or what is left of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashTree {
    /// Nothing.
    Empty,
    /// Two trees side by side.
    Fork(Box<HashTree>, Box<HashTree>),
    /// A tree under a label.
    Labeled(Arc<[u8]>, Box<HashTree>),
    /// A value.
    Leaf(Arc<[u8]>),
    /// Something that is not shown; its hash.
    Pruned(Digest),
}

/// What a lookup finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// This value.
    Found(&'a [u8]),
    /// The tree proves that there is nothing.
    Absent,
    /// The tree does not show it.
    Unknown,
    /// There is no value but a tree.
    NoLeaf,
}

impl HashTree {
    /// The root hash.
    pub fn digest(&self) -> Digest {
        match self {
            HashTree::Empty => hash::empty(),
            HashTree::Fork(left, right) => hash::fork(&left.digest(), &right.digest()),
            HashTree::Labeled(label, tree) => hash::labeled(label, &tree.digest()),
            HashTree::Leaf(content) => hash::leaf(content),
            HashTree::Pruned(digest) => *digest,
        }
    }

    /// The tree as CBOR.
    pub fn to_value(&self) -> Value {
        let node = |kind: u8, rest: Vec<Value>| {
            Value::Array(std::iter::once(kind.into()).chain(rest).collect())
        };
        match self {
            HashTree::Empty => node(0, vec![]),
            HashTree::Fork(left, right) => node(1, vec![left.to_value(), right.to_value()]),
            HashTree::Labeled(label, tree) => {
                node(2, vec![Value::Bytes(label.to_vec()), tree.to_value()])
            }
            HashTree::Leaf(content) => node(3, vec![Value::Bytes(content.to_vec())]),
            HashTree::Pruned(digest) => node(4, vec![Value::Bytes(digest.to_vec())]),
        }
    }

    /// The tree that a CBOR value is; nothing if it is none.
    pub fn from_value(value: &Value) -> Option<Self> {
        let parts = value.as_array()?;
        let (kind, rest) = parts.split_first()?;
        let bytes = |value: &Value| value.as_bytes().cloned();
        Some(match (crate::cbor::number(kind)?, rest) {
            (0, []) => HashTree::Empty,
            (1, [left, right]) => HashTree::Fork(
                Self::from_value(left)?.into(),
                Self::from_value(right)?.into(),
            ),
            (2, [label, tree]) => {
                HashTree::Labeled(bytes(label)?.into(), Self::from_value(tree)?.into())
            }
            (3, [content]) => HashTree::Leaf(bytes(content)?.into()),
            (4, [digest]) => HashTree::Pruned(bytes(digest)?.try_into().ok()?),
            _ => return None,
        })
    }

    /// What stands at a path.
    pub fn lookup(&self, path: &[&[u8]]) -> Lookup<'_> {
        match self.subtree(path) {
            Ok(HashTree::Leaf(content)) => Lookup::Found(content),
            Ok(HashTree::Empty) => Lookup::Absent,
            Ok(HashTree::Pruned(_)) => Lookup::Unknown,
            Ok(HashTree::Fork(..) | HashTree::Labeled(..)) => Lookup::NoLeaf,
            Err(missing) => missing,
        }
    }

    /// The labels and trees directly below a path, as far as they are shown.
    pub fn children(&self, path: &[&[u8]]) -> Vec<(&[u8], &HashTree)> {
        fn collect<'a>(tree: &'a HashTree, into: &mut Vec<(&'a [u8], &'a HashTree)>) {
            match tree {
                HashTree::Fork(left, right) => {
                    collect(left, into);
                    collect(right, into);
                }
                HashTree::Labeled(label, tree) => into.push((label, tree)),
                HashTree::Empty | HashTree::Leaf(_) | HashTree::Pruned(_) => {}
            }
        }
        let mut children = Vec::new();
        if let Ok(tree) = self.subtree(path) {
            collect(tree, &mut children);
        }
        children
    }

    fn subtree(&self, path: &[&[u8]]) -> Result<&HashTree, Lookup<'_>> {
        let Some((label, rest)) = path.split_first() else {
            return Ok(self);
        };
        match self.find(label) {
            Find::Found(tree) => tree.subtree(rest),
            Find::Unknown => Err(Lookup::Unknown),
            Find::Absent | Find::Less | Find::Greater => Err(Lookup::Absent),
        }
    }

    fn find(&self, wanted: &[u8]) -> Find<'_> {
        match self {
            HashTree::Labeled(label, tree) => match wanted.cmp(label) {
                std::cmp::Ordering::Less => Find::Less,
                std::cmp::Ordering::Equal => Find::Found(tree),
                std::cmp::Ordering::Greater => Find::Greater,
            },
            HashTree::Fork(left, right) => match left.find(wanted) {
                Find::Greater => match right.find(wanted) {
                    Find::Less => Find::Absent,
                    other => other,
                },
                Find::Unknown => match right.find(wanted) {
                    Find::Less => Find::Unknown,
                    other => other,
                },
                other => other,
            },
            HashTree::Pruned(_) => Find::Unknown,
            HashTree::Empty | HashTree::Leaf(_) => Find::Absent,
        }
    }
}

/// Where a label is, seen from a tree.
enum Find<'a> {
    Found(&'a HashTree),
    Absent,
    Unknown,
    /// Before the first label of the tree.
    Less,
    /// Behind its last label.
    Greater,
}

/// The hashes of the kinds of nodes, each with its domain separator.
pub(crate) mod hash {
    use super::{Digest, Sha256};
    use sha2::Digest as _;

    pub(crate) fn empty() -> Digest {
        domain("ic-hashtree-empty").finalize().into()
    }

    pub(crate) fn leaf(content: &[u8]) -> Digest {
        domain("ic-hashtree-leaf")
            .chain_update(content)
            .finalize()
            .into()
    }

    pub(crate) fn labeled(label: &[u8], tree: &Digest) -> Digest {
        domain("ic-hashtree-labeled")
            .chain_update(label)
            .chain_update(tree)
            .finalize()
            .into()
    }

    pub(crate) fn fork(left: &Digest, right: &Digest) -> Digest {
        domain("ic-hashtree-fork")
            .chain_update(left)
            .chain_update(right)
            .finalize()
            .into()
    }

    fn domain(name: &str) -> Sha256 {
        Sha256::new()
            .chain_update([name.len() as u8])
            .chain_update(name)
    }
}

/// Bytes under a domain: the length of the name, the name, the bytes.
pub fn with_domain(name: &str, content: &[u8]) -> Vec<u8> {
    [&[name.len() as u8], name.as_bytes(), content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tree;

    /// The example of the interface specification ("Example").
    fn example() -> Tree {
        let leaf = |text: &str| Tree::leaf(text.as_bytes());
        let words = Tree::group([("x", leaf("hello")), ("y", leaf("world"))]);
        let (good, morning) = (leaf("good"), leaf("morning"));
        Tree::group([
            ("a", words),
            ("b", good),
            ("c", Tree::empty()),
            ("d", morning),
        ])
    }

    fn spec_example() -> HashTree {
        let bytes = hex::decode(
            "8301830183024161830183018302417882034568656c6c6f810083024179820345776f726c6483024162820344676f6f648301830241638100830241648203476d6f726e696e67",
        )
        .expect("hexadecimal");
        HashTree::from_value(&crate::cbor::decode(&bytes).expect("CBOR")).expect("a tree")
    }

    #[test]
    fn the_example_of_the_specification_has_its_root_hash() {
        let root = "eb5c5b2195e62d996b84c9bcc8259d19a83786a2f59e0878cec84c811f669aa0";
        assert_eq!(hex::encode(spec_example().digest()), root);
    }

    #[test]
    fn lookups_tell_absence_from_what_is_not_shown() {
        let tree = spec_example();
        assert_eq!(tree.lookup(&[b"a", b"x"]), Lookup::Found(b"hello"));
        assert_eq!(tree.lookup(&[b"a"]), Lookup::NoLeaf);
        assert_eq!(tree.lookup(&[b"c"]), Lookup::Absent);
        assert_eq!(tree.lookup(&[b"bb"]), Lookup::Absent);
        assert_eq!(tree.lookup(&[b"e"]), Lookup::Absent);
        let pruned = example().witness(&[vec![b"a".to_vec(), b"y".to_vec()]]);
        assert_eq!(pruned.lookup(&[b"a", b"y"]), Lookup::Found(b"world"));
        assert_eq!(pruned.lookup(&[b"a", b"x"]), Lookup::Unknown);
        assert_eq!(pruned.lookup(&[b"d"]), Lookup::Unknown);
    }

    #[test]
    fn trees_survive_encoding_and_other_values_are_refused() {
        let tree = example().witness(&[vec![b"b".to_vec()]]);
        assert_eq!(HashTree::from_value(&tree.to_value()), Some(tree));
        for text in ["820041", "8305", "820401", "84010000", "a0", "80"] {
            let bytes = hex::decode(text).expect("hexadecimal");
            let tree = crate::cbor::decode(&bytes)
                .ok()
                .and_then(|value| HashTree::from_value(&value));
            assert_eq!(tree, None, "{text}");
        }
    }

    /// Verifiers that use the public crate find the same.
    #[test]
    fn the_public_crate_finds_the_same_in_our_witness() {
        use ic_certification::hash_tree as public;
        fn theirs(tree: &HashTree) -> ic_certification::HashTree {
            match tree {
                HashTree::Empty => public::empty(),
                HashTree::Fork(left, right) => public::fork(theirs(left), theirs(right)),
                HashTree::Labeled(label, tree) => public::label(&label[..], theirs(tree)),
                HashTree::Leaf(content) => public::leaf(&content[..]),
                HashTree::Pruned(digest) => public::pruned(*digest),
            }
        }
        let path = |labels: &[&str]| {
            labels
                .iter()
                .map(|label| label.as_bytes().to_vec())
                .collect()
        };
        let tree = theirs(&example().witness(&[path(&["a", "x"]), path(&["cc"])]));
        assert_eq!(tree.digest(), example().digest());
        let lookup = |labels: &[&str]| tree.lookup_path(labels);
        assert_eq!(lookup(&["a", "x"]), public::LookupResult::Found(b"hello"));
        assert_eq!(lookup(&["cc"]), public::LookupResult::Absent);
        assert_eq!(lookup(&["a", "y"]), public::LookupResult::Unknown);
    }
}
