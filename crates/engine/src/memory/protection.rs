//! How the machine protects a heap, and the ways from one protection to another. What must not be written before it was logged is
//! in the states of pages, whatever the protection; the machine tells of it by faults only where the code does not.

use super::marks::{Counting, PAGES, Protection, READABLE};
use super::sys::Access;
use super::tracker::{Tracker, WRITABLE, logged};
use std::io;
use std::ops::Range;

impl Tracker {
    /// Protects pages as far as the heap is protected by the machine.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn protect(&self, pages: Range<usize>, access: Access) -> io::Result<()> {
        match self.protection {
            Protection::None => Ok(()),
            Protection::Pages | Protection::Veil => self.space.protect(pages, access),
        }
    }

    /// What may be done with new pages.
    pub(super) fn access_of_new(&self) -> Access {
        match self.protection {
            Protection::Pages => Access::Read,
            Protection::Veil => Access::None,
            Protection::None => Access::ReadWrite,
        }
    }

    /// Hides everything. The marks are out of date then.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn veil(&mut self) -> io::Result<()> {
        let wasm_pages = self.pages() / PAGES;
        if self.protection == Protection::Veil {
            self.marks();
            let marks = self.touches.marks.as_deref().unwrap_or_default();
            let mut wasm_page = 0;
            for run in marks[..wasm_pages].chunk_by(|a, b| (a ^ b) & READABLE == 0) {
                let next = wasm_page + run.len();
                if run[0] & READABLE != 0 {
                    let pages = wasm_page * PAGES..next * PAGES;
                    self.space.protect(pages, Access::None)?;
                }
                wasm_page = next;
            }
        } else {
            self.space.protect(0..wasm_pages * PAGES, Access::None)?;
            self.protection = Protection::Veil;
        }
        Ok(())
    }

    /// Lifts the veil where what is to be looked at may lie behind it.
    pub(super) fn unveil_changes(&mut self) {
        let touches = &self.touches;
        let mut logged = self.arena.iter().flat_map(|arena| arena.entries(0));
        let mut hidden = || logged.any(|entry| !touches.has(entry.page, READABLE));
        if self.protection == Protection::Veil && (touches.bypassed || hidden()) {
            self.unveil();
        }
    }

    /// Makes everything accessible again as the tracker wants it, unless the heap is followed.
    pub(super) fn unveil(&mut self) {
        if self.protection == Protection::Veil && self.touches.counting != Counting::Faults {
            self.shield();
            self.forget_touches(0);
        }
    }

    /// From here on code may run that tells nothing.
    pub(super) fn guard(&mut self) {
        match self.protection {
            Protection::Pages => {}
            Protection::Veil => self.unveil(),
            Protection::None => self.shield(),
        }
    }

    /// From here on the machine protects nothing, within a level. What is in the log stays open; opening and closing a page
    /// costs nothing now, so there is no hot set.
    ///
    /// # Errors
    ///
    /// The system's.
    pub(super) fn unprotect(&mut self) -> io::Result<()> {
        if self.protection == Protection::None {
            return Ok(());
        }
        self.unveil();
        self.space.protect(0..self.pages(), Access::ReadWrite)?;
        self.protection = Protection::None;
        if self.hot.is_empty() {
            return Ok(());
        }
        let level = logged(self.depth - 1);
        for page in self.log_hot()? {
            let state = &mut self.state[page as usize];
            if *state & level == 0 {
                *state &= !WRITABLE;
            }
        }
        Ok(())
    }

    /// Protects what the tracker has closed, and nothing else.
    fn shield(&mut self) {
        self.protection = Protection::Pages;
        let opened = self
            .space
            .protect(0..self.pages(), Access::Read)
            .and_then(|()| {
                for run in self.writable_runs() {
                    self.space.protect(run, Access::ReadWrite)?;
                }
                Ok(())
            });
        if opened.is_err() {
            // Too many separate regions: with everything open there is just one.
            self.open(0..self.pages())
                .expect("the system opens memory in one piece");
        }
    }

    /// The pages that are to be open for writing: the log's and the hot ones.
    fn writable_runs(&self) -> Vec<Range<usize>> {
        let logged = self.arena.iter().flat_map(|arena| arena.entries(0));
        let pages = logged
            .map(|entry| entry.page)
            .chain(self.hot.iter().map(|hot| hot.page));
        let mut pages: Vec<u32> = pages
            .filter(|page| self.state[*page as usize] & WRITABLE != 0)
            .collect();
        pages.sort_unstable();
        pages.dedup();
        super::settle::adjacent(pages)
    }
}
