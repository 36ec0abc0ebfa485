//! Pages of stable memory, which are used again when they are free: a page that the system has yet to provide costs four
//! times as much as copying into one. What was needed at one time is kept to the end of the process.

use super::{PAGE_SIZE, Page};
use std::collections::TryReserveError;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Pages that are taken from the system at once: few at first, then twice as many each time.
const FIRST_SLAB: usize = 16;
const LARGEST_SLAB: usize = 512;

/// A page of its own, from the pool.
pub(super) struct PooledPage(NonNull<Page>);

// SAFETY: the page belongs to this value alone until it is dropped; it is plain bytes.
unsafe impl Send for PooledPage {}
// SAFETY: as above; shared use is reading.
unsafe impl Sync for PooledPage {}

struct Pool {
    free: Vec<NonNull<Page>>,
    /// Pages in use and free.
    total: usize,
    slab: usize,
}

// SAFETY: free pages belong to the pool alone.
unsafe impl Send for Pool {}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    free: Vec::new(),
    total: 0,
    slab: FIRST_SLAB,
});

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    fn take(&mut self) -> Result<NonNull<Page>, TryReserveError> {
        if let Some(page) = self.free.pop() {
            return Ok(page);
        }
        let mut slab: Vec<MaybeUninit<Page>> = Vec::new();
        slab.try_reserve_exact(self.slab)?;
        // Room for all, so that giving back never has to allocate.
        self.free.try_reserve(self.total + self.slab)?;
        let pages = slab.spare_capacity_mut();
        let pages = pages.iter_mut().map(|page| NonNull::from(page).cast());
        self.free.extend(pages);
        self.total += self.slab;
        self.slab = (2 * self.slab).min(LARGEST_SLAB);
        // The pages stay valid for ever.
        std::mem::forget(slab);
        Ok(self.free.pop().expect("a slab has pages"))
    }
}

impl PooledPage {
    /// A page with this content, which must have the length of one.
    pub(super) fn new(content: &[u8]) -> Result<Self, TryReserveError> {
        let content: &Page = content.try_into().expect("a page has 4096 bytes");
        let page = pool().take()?;
        // SAFETY: the page was taken from the pool, so nothing else refers to it; it lies in a slab of pages.
        unsafe { page.write(*content) };
        Ok(PooledPage(page))
    }
}

impl Drop for PooledPage {
    fn drop(&mut self) {
        pool().free.push(self.0);
    }
}

impl Deref for PooledPage {
    type Target = Page;
    fn deref(&self) -> &Page {
        // SAFETY: initialized when this was made, and not in the pool before it is dropped.
        unsafe { self.0.as_ref() }
    }
}

impl DerefMut for PooledPage {
    fn deref_mut(&mut self) -> &mut Page {
        // SAFETY: as for `deref`, and borrowed mutably.
        unsafe { self.0.as_mut() }
    }
}

impl std::fmt::Debug for PooledPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "page of {PAGE_SIZE} bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_in_use_do_not_overlap() {
        let mut pages: Vec<PooledPage> = (0..2000u32)
            .map(|number| PooledPage::new(&[number as u8; PAGE_SIZE]).unwrap())
            .collect();
        pages.retain(|page| page[0] % 2 == 0);
        let more: Vec<PooledPage> = (0..2000u32)
            .map(|_| PooledPage::new(&[1; PAGE_SIZE]).unwrap())
            .collect();
        for page in &mut pages {
            page[17] = page[0] / 2;
        }
        assert!(more.iter().all(|page| **page == [1; PAGE_SIZE]));
        assert!(
            pages
                .iter()
                .all(|page| page[17] == page[16] / 2 && page[16] == page[4095])
        );
    }

    #[test]
    fn a_free_page_is_used_again() {
        // Other tests take pages at the same time; one of many is enough.
        let again = (0..100).any(|_| {
            let first = PooledPage::new(&[0; PAGE_SIZE]).unwrap();
            let address = first.0;
            drop(first);
            PooledPage::new(&[0; PAGE_SIZE]).unwrap().0 == address
        });
        assert!(again);
    }
}
