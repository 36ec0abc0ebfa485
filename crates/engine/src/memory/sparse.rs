//! A map of numbers that mostly lie close together, as a list of lists: what is asked for at every access of a canister is found
//! in two steps and without a search, and gaps take next to no memory. A machine without memory is an error here.

use std::collections::TryReserveError;

/// Numbers of one list.
const LIST: usize = 64;

type List<T> = [Option<T>; LIST];

#[derive(Debug)]
pub(super) struct Sparse<T> {
    lists: Vec<Option<Box<List<T>>>>,
}

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        let lists = Vec::new();
        Sparse { lists }
    }
}

impl<T> Sparse<T> {
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        let list = self.lists.get(number as usize / LIST)?.as_ref()?;
        list[number as usize % LIST].as_ref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let list = self.lists.get_mut(number as usize / LIST)?.as_mut()?;
        list[number as usize % LIST].as_mut()
    }

    /// Where the value of this number is or will be.
    ///
    /// # Errors
    ///
    /// A machine without memory.
    pub(super) fn place(&mut self, number: u32) -> Result<&mut Option<T>, TryReserveError> {
        let (list, within) = (number as usize / LIST, number as usize % LIST);
        if list >= self.lists.len() {
            self.lists.try_reserve(list + 1 - self.lists.len())?;
            self.lists.resize_with(list + 1, || None);
        }
        let list = match &mut self.lists[list] {
            Some(list) => list,
            none => none.insert(new_list()?),
        };
        Ok(&mut list[within])
    }

    /// All values, ascending.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        let lists = (0..).step_by(LIST).zip(&mut self.lists);
        let lists = lists.filter_map(|(first, list)| Some((first, list.as_mut()?)));
        lists.flat_map(|(first, list)| {
            let values = (first..).zip(list.iter_mut());
            values.filter_map(|(number, value)| Some((number, value.as_mut()?)))
        })
    }
}

fn new_list<T>() -> Result<Box<List<T>>, TryReserveError> {
    let mut list = Vec::new();
    list.try_reserve_exact(LIST)?;
    list.resize_with(LIST, || None);
    let list = list.into_boxed_slice().try_into().ok();
    Ok(list.expect("a list has its length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_found_and_nothing_else() {
        let mut map = Sparse::default();
        for number in [2_047_999, 64, 63] {
            *map.place(number).unwrap() = Some(number);
        }
        map.place(100).unwrap();
        assert_eq!(map.get(64), Some(&64));
        assert_eq!(map.get_mut(63), Some(&mut 63));
        assert_eq!(
            (map.get(7), map.get(100), map.get(5000)),
            (None, None, None)
        );
        assert_eq!(map.get(3_000_000), None);
        let all: Vec<u32> = map
            .iter_mut()
            .map(|(number, value)| {
                assert_eq!(number, *value);
                number
            })
            .collect();
        assert_eq!(all, [63, 64, 2_047_999]);
        assert_eq!(map.lists.iter().flatten().count(), 3);
    }
}
