//! A persistent ordered map: cloning is one reference count, both copies share what they have in common.
//!
//! A weight-balanced tree whose entries know the size of their subtree, so that the n-th key costs a descent and not a
//! walk (`store_get_nth_key`). It knows nothing of paths and values.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

/// How much heavier one side may be than the other, and when a single rotation does not help (the proven pair 3, 2).
const DELTA: usize = 3;
const GAMMA: usize = 2;

type Link<K, V> = Option<Arc<Entry<K, V>>>;

struct Entry<K, V> {
    key: K,
    value: V,
    size: usize,
    left: Link<K, V>,
    right: Link<K, V>,
    /// Where the entry was written down, until it changes; see [`Map::save`].
    saved: OnceLock<u64>,
}

/// What is made from an entry is about to change, so it has not been written down.
impl<K: Clone, V: Clone> Clone for Entry<K, V> {
    fn clone(&self) -> Self {
        Self {
            key: self.key.clone(),
            value: self.value.clone(),
            size: self.size,
            left: self.left.clone(),
            right: self.right.clone(),
            saved: OnceLock::new(),
        }
    }
}

/// An entry to be changed: copied when another map shares it.
fn change<K: Clone, V: Clone>(arc: &mut Arc<Entry<K, V>>) -> &mut Entry<K, V> {
    let entry = Arc::make_mut(arc);
    entry.saved = OnceLock::new();
    entry
}

/// An entry as it is written down; 0 stands for no entry.
pub(super) struct Saved<K, V> {
    pub key: K,
    pub value: V,
    pub left: u64,
    pub right: u64,
}

/// A map from `K` to `V` in the order of the keys.
#[derive(Clone)]
pub struct Map<K, V> {
    root: Link<K, V>,
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self { root: None }
    }
}

fn size<K, V>(link: &Link<K, V>) -> usize {
    link.as_ref().map_or(0, |entry| entry.size)
}

impl<K, V> Map<K, V> {
    /// The number of keys.
    pub fn len(&self) -> usize {
        size(&self.root)
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Whether both are the same tree in memory: equal without looking at a single key.
    pub fn same(&self, other: &Self) -> bool {
        match (&self.root, &other.root) {
            (None, None) => true,
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }

    /// The key and value at a position in the order of keys.
    pub fn nth(&self, mut index: usize) -> Option<(&K, &V)> {
        let mut link = self.root.as_deref();
        while let Some(entry) = link {
            let before = size(&entry.left);
            match index.cmp(&before) {
                Ordering::Less => link = entry.left.as_deref(),
                Ordering::Equal => return Some((&entry.key, &entry.value)),
                Ordering::Greater => {
                    index -= before + 1;
                    link = entry.right.as_deref();
                }
            }
        }
        None
    }

    /// All keys and values in order.
    pub fn iter(&self) -> Iter<'_, K, V> {
        let mut iter = Iter { path: Vec::new() };
        iter.descend(self.root.as_deref());
        iter
    }
}

impl<K, V> Map<K, V> {
    /// Writes down what is not yet written down, the deepest first, and gives the number of the root. `put` gets key,
    /// value, and the numbers of both sides, and answers with the entry's own.
    pub(super) fn save(&self, put: &mut dyn FnMut(&K, &V, u64, u64) -> u64) -> u64 {
        fn save<K, V>(link: &Link<K, V>, put: &mut dyn FnMut(&K, &V, u64, u64) -> u64) -> u64 {
            let Some(entry) = link else { return 0 };
            if let Some(id) = entry.saved.get() {
                return *id;
            }
            let left = save(&entry.left, put);
            let right = save(&entry.right, put);
            let id = put(&entry.key, &entry.value, left, right);
            *entry.saved.get_or_init(|| id)
        }
        save(&self.root, put)
    }

    /// The values of entries that are not yet written down.
    pub(super) fn unsaved<'a>(&'a self, found: &mut Vec<&'a V>) {
        let mut entries: Vec<&Entry<K, V>> = self.root.as_deref().into_iter().collect();
        while let Some(entry) = entries.pop() {
            // What is below an entry was written down before it.
            if entry.saved.get().is_none() {
                found.push(&entry.value);
                entries.extend(entry.left.as_deref());
                entries.extend(entry.right.as_deref());
            }
        }
    }

    /// Empties the map. `inner` takes out of a value the map that it has in it: maps within maps go one after the other
    /// and not one within the other.
    pub(super) fn let_go(&mut self, inner: impl Fn(&mut V) -> Self) {
        let mut rest = Vec::new();
        let mut next = self.root.take();
        while let Some(arc) = next {
            // Others may hold it; then nothing below goes either.
            if let Some(mut entry) = Arc::into_inner(arc) {
                let within = inner(&mut entry.value).root;
                rest.extend(
                    [entry.left.take(), entry.right.take(), within]
                        .into_iter()
                        .flatten(),
                );
            }
            next = rest.pop();
        }
    }
}

/// Entries that have been put together again, by their numbers: what was shared is shared again.
pub(super) struct Loaded<K, V>(HashMap<u64, Arc<Entry<K, V>>>);

impl<K, V> Default for Loaded<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K, V> Loaded<K, V> {
    /// The map whose root has a number, as far as that has been put together.
    pub(super) fn map(&self, root: u64) -> Map<K, V> {
        Map {
            root: self.0.get(&root).cloned(),
        }
    }

    /// Puts together the map whose root was written down under a number, each entry once and behind all that it needs.
    /// `read` gives what was written down, with the number of another root of this kind that the value needs (0 for none);
    /// `finish` makes the value; `broken` is the error for an entry that needs itself.
    pub(super) fn load<P, E>(
        &mut self,
        root: u64,
        mut read: impl FnMut(u64) -> Result<(Saved<K, P>, u64), E>,
        mut finish: impl FnMut(&Self, P) -> Result<V, E>,
        broken: impl FnOnce(u64) -> E,
    ) -> Result<Map<K, V>, E> {
        let mut begun = HashSet::new();
        let mut steps = vec![(root, None)];
        while let Some((id, saved)) = steps.pop() {
            let Some(saved) = saved else {
                if id == 0 || self.0.contains_key(&id) {
                    continue;
                }
                if !begun.insert(id) {
                    return Err(broken(id));
                }
                let (saved, within) = read(id)?;
                let needed = [saved.left, saved.right, within];
                steps.push((id, Some(saved)));
                steps.extend(needed.map(|id| (id, None)));
                continue;
            };
            let (left, right) = (self.map(saved.left).root, self.map(saved.right).root);
            let entry = Entry {
                key: saved.key,
                value: finish(self, saved.value)?,
                size: size(&left) + size(&right) + 1,
                left,
                right,
                saved: OnceLock::from(id),
            };
            self.0.insert(id, Arc::new(entry));
        }
        Ok(self.map(root))
    }
}

impl<K: Ord + Clone, V: Clone> Map<K, V> {
    /// The number of keys before one, which need not be there.
    pub fn rank<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: std::borrow::Borrow<Q>,
    {
        let mut link = self.root.as_deref();
        let mut before = 0;
        while let Some(entry) = link {
            if entry.key.borrow() < key {
                before += size(&entry.left) + 1;
                link = entry.right.as_deref();
            } else {
                link = entry.left.as_deref();
            }
        }
        before
    }

    /// Keys and values in order, from a key on.
    pub fn iter_from<Q: Ord + ?Sized>(&self, key: &Q) -> Iter<'_, K, V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let mut iter = Iter { path: Vec::new() };
        let mut link = self.root.as_deref();
        while let Some(entry) = link {
            if entry.key.borrow() < key {
                link = entry.right.as_deref();
            } else {
                iter.path.push(entry);
                link = entry.left.as_deref();
            }
        }
        iter
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let mut link = self.root.as_deref();
        while let Some(entry) = link {
            match key.cmp(entry.key.borrow()) {
                Ordering::Less => link = entry.left.as_deref(),
                Ordering::Greater => link = entry.right.as_deref(),
                Ordering::Equal => return Some(&entry.value),
            }
        }
        None
    }

    /// The value of a key, to change it; the way to it is copied where another map shares it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.get(key)?;
        let mut link = &mut self.root;
        while let Some(entry) = link {
            let entry = change(entry);
            match key.cmp(entry.key.borrow()) {
                Ordering::Less => link = &mut entry.left,
                Ordering::Greater => link = &mut entry.right,
                Ordering::Equal => return Some(&mut entry.value),
            }
        }
        None
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        let root = self.root.take();
        self.root = Some(insert(root, key, value));
    }

    /// Takes a key out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        let value = self.get(key)?.clone();
        let root = self.root.take();
        self.root = remove(root, key);
        Some(value)
    }
}

impl<K: Ord + Clone, V: Clone> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut map = Self::default();
        for (key, value) in pairs {
            map.insert(key, value);
        }
        map
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.same(other) || (self.len() == other.len() && self.iter().eq(other.iter()))
    }
}

impl<K: std::fmt::Debug, V: std::fmt::Debug> std::fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

fn insert<K: Ord + Clone, V: Clone>(link: Link<K, V>, key: K, value: V) -> Arc<Entry<K, V>> {
    let Some(mut arc) = link else {
        return Arc::new(Entry {
            key,
            value,
            size: 1,
            left: None,
            right: None,
            saved: OnceLock::new(),
        });
    };
    let entry = change(&mut arc);
    match key.cmp(&entry.key) {
        Ordering::Less => entry.left = Some(insert(entry.left.take(), key, value)),
        Ordering::Greater => entry.right = Some(insert(entry.right.take(), key, value)),
        Ordering::Equal => entry.value = value,
    }
    balance(arc)
}

fn remove<K: Ord + Clone + std::borrow::Borrow<Q>, V: Clone, Q: Ord + ?Sized>(
    link: Link<K, V>,
    key: &Q,
) -> Link<K, V> {
    let mut arc = link?;
    let entry = change(&mut arc);
    match key.cmp(entry.key.borrow()) {
        Ordering::Less => entry.left = remove(entry.left.take(), key),
        Ordering::Greater => entry.right = remove(entry.right.take(), key),
        Ordering::Equal => match (entry.left.take(), entry.right.take()) {
            (left, None) => return left,
            (None, right) => return right,
            (left, Some(right)) => {
                let (rest, first) = take_first(right);
                entry.key = first.key.clone();
                entry.value = first.value.clone();
                entry.left = left;
                entry.right = rest;
            }
        },
    }
    Some(balance(arc))
}

/// Takes the entry with the smallest key off a tree.
fn take_first<K: Ord + Clone, V: Clone>(
    mut arc: Arc<Entry<K, V>>,
) -> (Link<K, V>, Arc<Entry<K, V>>) {
    let entry = change(&mut arc);
    match entry.left.take() {
        None => (entry.right.take(), arc),
        Some(left) => {
            let (rest, first) = take_first(left);
            entry.left = rest;
            (Some(balance(arc)), first)
        }
    }
}

/// Counts a tree anew whose sides are balanced, and rotates when one has become too heavy.
fn balance<K: Ord + Clone, V: Clone>(mut arc: Arc<Entry<K, V>>) -> Arc<Entry<K, V>> {
    let entry = change(&mut arc);
    let (left, right) = (size(&entry.left), size(&entry.right));
    entry.size = left + right + 1;
    if left + right < 2 {
        return arc;
    }
    if right > DELTA * left {
        if let Some(side) = entry.right.take() {
            let single = size(&side.left) < GAMMA * size(&side.right);
            entry.right = Some(if single { side } else { rotate_right(side) });
        }
        rotate_left(arc)
    } else if left > DELTA * right {
        if let Some(side) = entry.left.take() {
            let single = size(&side.right) < GAMMA * size(&side.left);
            entry.left = Some(if single { side } else { rotate_left(side) });
        }
        rotate_right(arc)
    } else {
        arc
    }
}

fn rotate_left<K: Clone, V: Clone>(mut arc: Arc<Entry<K, V>>) -> Arc<Entry<K, V>> {
    let entry = change(&mut arc);
    let Some(mut top) = entry.right.take() else {
        return arc;
    };
    let up = change(&mut top);
    entry.right = up.left.take();
    entry.size = size(&entry.left) + size(&entry.right) + 1;
    up.left = Some(arc);
    up.size = size(&up.left) + size(&up.right) + 1;
    top
}

fn rotate_right<K: Clone, V: Clone>(mut arc: Arc<Entry<K, V>>) -> Arc<Entry<K, V>> {
    let entry = change(&mut arc);
    let Some(mut top) = entry.left.take() else {
        return arc;
    };
    let up = change(&mut top);
    entry.left = up.right.take();
    entry.size = size(&entry.left) + size(&entry.right) + 1;
    up.right = Some(arc);
    up.size = size(&up.left) + size(&up.right) + 1;
    top
}

/// Keys and values in order; see [`Map::iter`].
pub struct Iter<'a, K, V> {
    path: Vec<&'a Entry<K, V>>,
}

impl<'a, K, V> Iter<'a, K, V> {
    fn descend(&mut self, mut link: Option<&'a Entry<K, V>>) {
        while let Some(entry) = link {
            self.path.push(entry);
            link = entry.left.as_deref();
        }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.path.pop()?;
        self.descend(entry.right.as_deref());
        Some((&entry.key, &entry.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn balanced<K, V>(link: &Link<K, V>) -> bool {
        link.as_ref().is_none_or(|entry| {
            let (l, r) = (size(&entry.left), size(&entry.right));
            entry.size == l + r + 1
                && (l + r < 2 || (l <= DELTA * r && r <= DELTA * l))
                && balanced(&entry.left)
                && balanced(&entry.right)
        })
    }

    proptest! {
        #[test]
        fn behaves_like_the_standard_map_and_older_copies_never_change(
            changes in proptest::collection::vec((0u8..60, any::<Option<u16>>()), 0..300)
        ) {
            let mut map = Map::default();
            let mut model = BTreeMap::new();
            let mut copies = Vec::new();
            for (key, value) in changes {
                copies.push((map.clone(), model.clone()));
                match value {
                    Some(value) => { map.insert(key, value); model.insert(key, value); }
                    None => prop_assert_eq!(map.remove(&key), model.remove(&key)),
                }
                prop_assert!(balanced(&map.root));
            }
            copies.push((map, model));
            for (map, model) in copies {
                prop_assert!(map.iter().eq(model.iter()));
                for (index, pair) in model.iter().enumerate() {
                    prop_assert_eq!(map.nth(index), Some(pair));
                }
                prop_assert_eq!(map.nth(model.len()), None);
                prop_assert!(map.iter_from(&20).eq(model.range(20..)));
                prop_assert_eq!(map.rank(&20), model.range(..20).count());
            }
        }
    }
}
