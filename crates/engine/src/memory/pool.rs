//! Reference-counted pages, which are used again when they are free: a page that the system has yet to provide costs
//! four times as much as copying into one. What was needed at one time is kept to the end of the process. Memories and
//! images share pages; whoever is the only holder of one may write to it.

use super::{PAGE_SIZE, Page};
use std::alloc::Layout;
use std::collections::TryReserveError;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::atomic::{self, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Pages that are taken from the system at once: few at first, then twice as many each time.
const FIRST_SLAB: usize = 16;
const LARGEST_SLAB: usize = 512;

/// A page with the number of those who hold it.
#[repr(C)]
struct Counted {
    page: Page,
    holders: AtomicUsize,
}

/// A page from the pool. Clones share it.
pub(super) struct PooledPage(NonNull<Counted>);

// SAFETY: the page belongs to its holders until the last one is dropped, is plain bytes, and is only written by a
// single holder; the count is atomic.
unsafe impl Send for PooledPage {}
// SAFETY: as above; shared use is reading.
unsafe impl Sync for PooledPage {}

struct Pool {
    free: Vec<NonNull<Counted>>,
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
    fn take(&mut self) -> Result<NonNull<Counted>, TryReserveError> {
        if let Some(page) = self.free.pop() {
            return Ok(page);
        }
        let mut slab: Vec<MaybeUninit<Counted>> = Vec::new();
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
        let taken = pool().take()?;
        // SAFETY: the page was taken from the pool, so nothing else refers to it; it lies in a slab of such pages.
        // Both of its parts are written, so it is initialized from here on.
        unsafe {
            (&raw mut (*taken.as_ptr()).page).copy_from_nonoverlapping(content, 1);
            (&raw mut (*taken.as_ptr()).holders).write(AtomicUsize::new(1));
        }
        Ok(PooledPage(taken))
    }

    /// As [`PooledPage::new`]; a machine without memory ends the process, as it does for a box.
    pub(super) fn of(content: &Page) -> Self {
        PooledPage::new(content)
            .unwrap_or_else(|_| std::alloc::handle_alloc_error(Layout::new::<Counted>()))
    }

    #[inline]
    fn counted(&self) -> &Counted {
        // SAFETY: initialized when it was taken from the pool, where it does not go back to while this holds it.
        unsafe { self.0.as_ref() }
    }

    /// The content for writing, if nobody else holds this page.
    #[inline]
    pub(super) fn get_mut(&mut self) -> Option<&mut Page> {
        // Acquire: what holders that are gone have read, they have read before this.
        if self.counted().holders.load(Ordering::Acquire) != 1 {
            return None;
        }
        // SAFETY: this is the only holder, and borrowed mutably, so nobody can make another one meanwhile.
        Some(unsafe { &mut (*self.0.as_ptr()).page })
    }

    /// Whether both are the same page, not only equal ones.
    pub(super) fn is(&self, other: &PooledPage) -> bool {
        ptr::eq(self.0.as_ptr(), other.0.as_ptr())
    }
}

impl Clone for PooledPage {
    fn clone(&self) -> Self {
        // Relaxed: who has a holder to clone needs to learn nothing. There is no room for as many holders as would
        // make the count overflow, unless holders are forgotten, which this room does not do.
        self.counted().holders.fetch_add(1, Ordering::Relaxed);
        PooledPage(self.0)
    }
}

impl Drop for PooledPage {
    fn drop(&mut self) {
        // Release: our reads come before the next use of the page; acquire, by the last one: those of all others too.
        if self.counted().holders.fetch_sub(1, Ordering::Release) == 1 {
            atomic::fence(Ordering::Acquire);
            pool().free.push(self.0);
        }
    }
}

impl Deref for PooledPage {
    type Target = Page;
    #[inline]
    fn deref(&self) -> &Page {
        &self.counted().page
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
            let half = page[0] / 2;
            page.get_mut().unwrap()[17] = half;
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

    #[test]
    fn a_page_is_written_by_its_only_holder_and_outlives_the_thread_of_another() {
        let mut first = PooledPage::of(&[7; PAGE_SIZE]);
        let second = first.clone();
        assert!(first.get_mut().is_none() && first.is(&second));
        let thread = std::thread::spawn(move || {
            let held: Vec<PooledPage> = (0..1000).map(|_| second.clone()).collect();
            held.iter().map(|page| usize::from(page[9])).sum::<usize>()
        });
        assert_eq!(thread.join().unwrap(), 7000);
        let others: Vec<PooledPage> = (0..100).map(|_| PooledPage::of(&[1; PAGE_SIZE])).collect();
        first.get_mut().unwrap()[9] = 8;
        assert_eq!((first[8], first[9]), (7, 8));
        assert!(others.iter().all(|page| !page.is(&first) && page[9] == 1));
    }

    #[test]
    fn pages_dropped_by_many_threads_at_once_go_back_once() {
        let pages: Vec<PooledPage> = (0..64u8).map(|n| PooledPage::of(&[n; PAGE_SIZE])).collect();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                let mine = pages.clone();
                scope.spawn(move || drop(mine));
            }
            scope.spawn(move || drop(pages));
        });
        let again: Vec<PooledPage> = (0..64u8).map(|n| PooledPage::of(&[n; PAGE_SIZE])).collect();
        for (index, page) in again.iter().enumerate() {
            assert!(again[index + 1..].iter().all(|other| !other.is(page)));
            assert_eq!(page[100], index as u8);
        }
    }
}
