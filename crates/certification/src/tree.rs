//! A whole state as a tree with all its hashes, of which witnesses are cut. Parts are shared by reference, so that a new tree of a
//! round costs only what changed. What stands in the tree is not known here.

use std::sync::Arc;

use crate::hash_tree::{Digest, HashTree, hash};

/// Labels from the root of a tree.
pub type Path = Vec<Vec<u8>>;

/// A tree of labels and values.
#[derive(Clone, Debug)]
pub struct Tree(Arc<Node>);

#[derive(Debug)]
struct Node {
    digest: Digest,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    Empty,
    Leaf(Arc<[u8]>),
    Labeled(Arc<[u8]>, Tree),
    Fork(Tree, Tree),
}

impl Tree {
    /// Nothing.
    pub fn empty() -> Self {
        Self::new(hash::empty(), Shape::Empty)
    }

    /// A value.
    pub fn leaf(content: impl Into<Arc<[u8]>>) -> Self {
        let content = content.into();
        Self::new(hash::leaf(&content), Shape::Leaf(content))
    }

    /// Trees under labels, in the order of the labels whatever the order given. Of equal labels the first stands.
    pub fn group<L: AsRef<[u8]>>(children: impl IntoIterator<Item = (L, Tree)>) -> Self {
        let labeled = |(label, tree): (L, Tree)| (Arc::<[u8]>::from(label.as_ref()), tree);
        let mut children: Vec<_> = children.into_iter().map(labeled).collect();
        children.sort_by(|(a, _), (b, _)| a.cmp(b));
        children.dedup_by(|(b, _), (a, _)| a == b);
        let labeled = |(label, tree): (Arc<[u8]>, Tree)| {
            Self::new(
                hash::labeled(&label, &tree.digest()),
                Shape::Labeled(label, tree),
            )
        };
        let mut level: Vec<Tree> = children.into_iter().map(labeled).collect();
        // Pairs, then pairs of pairs: no path is longer than it must be.
        while level.len() > 1 {
            let mut pairs = level.into_iter();
            let mut above = Vec::new();
            while let Some(left) = pairs.next() {
                above.push(match pairs.next() {
                    Some(right) => Self::new(
                        hash::fork(&left.digest(), &right.digest()),
                        Shape::Fork(left, right),
                    ),
                    None => left,
                });
            }
            level = above;
        }
        level.pop().unwrap_or_else(Self::empty)
    }

    fn new(digest: Digest, shape: Shape) -> Self {
        Tree(Arc::new(Node { digest, shape }))
    }

    /// The root hash.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// What is left when everything is pruned that the paths do not need: all below a path is shown, and where nothing stands at a
    /// path, its neighbours' labels, which prove that.
    pub fn witness(&self, paths: &[Path]) -> HashTree {
        let paths: Vec<&[Vec<u8>]> = paths.iter().map(|path| &path[..]).collect();
        self.cut(&paths)
    }

    fn cut(&self, paths: &[&[Vec<u8>]]) -> HashTree {
        if paths.is_empty() {
            return HashTree::Pruned(self.digest());
        }
        if paths.iter().any(|path| path.is_empty()) {
            return self.whole();
        }
        match &self.0.shape {
            Shape::Empty => HashTree::Empty,
            Shape::Leaf(content) => HashTree::Leaf(content.clone()),
            Shape::Labeled(label, tree) => {
                let below = paths
                    .iter()
                    .filter(|path| path[0][..] == label[..])
                    .map(|path| &path[1..]);
                HashTree::Labeled(label.clone(), tree.cut(&below.collect::<Vec<_>>()).into())
            }
            Shape::Fork(left, right) => {
                // A label in the gap between the two sides needs the neighbours on both.
                let (end, start) = (left.label(true), right.label(false));
                let side = |keep: &dyn Fn(&[u8]) -> bool| {
                    paths
                        .iter()
                        .copied()
                        .filter(|path| keep(&path[0]))
                        .collect::<Vec<_>>()
                };
                let to_left = side(&|label| label < start);
                let to_right = side(&|label| label > end);
                HashTree::Fork(left.cut(&to_left).into(), right.cut(&to_right).into())
            }
        }
    }

    fn whole(&self) -> HashTree {
        match &self.0.shape {
            Shape::Empty => HashTree::Empty,
            Shape::Leaf(content) => HashTree::Leaf(content.clone()),
            Shape::Labeled(label, tree) => HashTree::Labeled(label.clone(), tree.whole().into()),
            Shape::Fork(left, right) => HashTree::Fork(left.whole().into(), right.whole().into()),
        }
    }

    /// The first or the last label of a group. A fork always has labels below it.
    fn label(&self, last: bool) -> &[u8] {
        match &self.0.shape {
            Shape::Labeled(label, _) => label,
            Shape::Fork(left, right) => if last { right } else { left }.label(last),
            Shape::Empty | Shape::Leaf(_) => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash_tree::Lookup;

    fn numbers(to: u8) -> Tree {
        Tree::group((0..to).map(|n| ([n * 2], Tree::leaf([n]))))
    }

    #[test]
    fn every_witness_has_the_hash_of_the_whole_and_tells_what_is_there() {
        for size in 0..20 {
            let tree = numbers(size);
            for label in 0..42 {
                let witness = tree.witness(&[vec![vec![label]]]);
                assert_eq!(witness.digest(), tree.digest());
                let there = label % 2 == 0 && label / 2 < size;
                let value = [label / 2];
                let expected = if there {
                    Lookup::Found(&value)
                } else {
                    Lookup::Absent
                };
                assert_eq!(witness.lookup(&[&[label]]), expected, "{label} of {size}");
            }
        }
    }

    #[test]
    fn a_witness_shows_no_more_than_it_must() {
        let witness = numbers(8).witness(&[vec![vec![4]]]);
        assert_eq!(witness.lookup(&[&[6]]), Lookup::Unknown);
        assert_eq!(witness.lookup(&[&[0]]), Lookup::Unknown);
        let nothing = numbers(8).witness(&[]);
        assert_eq!(nothing, HashTree::Pruned(numbers(8).digest()));
    }

    #[test]
    fn the_order_given_does_not_matter() {
        let forward = Tree::group([([1], Tree::empty()), ([2], Tree::leaf([7]))]);
        let backward = Tree::group([([2], Tree::leaf([7])), ([1], Tree::empty())]);
        assert_eq!(forward.digest(), backward.digest());
    }
}
