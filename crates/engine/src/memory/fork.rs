//! Images of a heap: taken at the cost of the pages that were kept since the last one, and put back at the cost of
//! the pages that differ. `settle.rs` notes the pages when an outermost level is kept.
//!
//! A heap that is made of an image is filled when its content is needed: of many forks, most run few canisters.

use super::image::Image;
use super::pages::Pages;
use super::settle::{DISCARD_FROM, adjacent};
use super::sys::Access;
use super::tracker::{DIRTY, HOT, TOUCHED, Tracker, WRITABLE};
use super::{PAGE_SIZE, ZERO_PAGE};
use std::io;

impl Tracker {
    /// The pages that are not zero, sharing those that are known from the base.
    pub(super) fn image(&self) -> Image {
        let mut pages = Pages::default();
        if let Some(base) = &self.base {
            pages = base.clone();
            for page in self.unsaved() {
                pages.update(page as u64, self.page(page));
            }
        } else {
            let touched = |page: &usize| self.state[*page] & TOUCHED != 0;
            for page in (0..self.pages()).filter(touched) {
                pages.update(page as u64, self.page(page));
            }
        }
        Image::new(self.size as u64, pages)
    }

    /// The pages that may hold something else than the base.
    fn unsaved(&self) -> Vec<usize> {
        let mut pages = self.dirty.clone();
        if self.depth > 0 {
            let entries = self.arena.iter().flat_map(|arena| arena.entries(0));
            pages.extend(entries.map(|entry| entry.page));
            pages.extend(self.hot.iter().map(|hot| hot.page));
        }
        let accessible = pages.into_iter().map(|page| page as usize);
        accessible.filter(|page| *page < self.pages()).collect()
    }

    /// As [`Tracker::image`]; outside of levels the pages become the base, so that the next image costs what changes
    /// from here on.
    pub(super) fn snapshot(&mut self) -> Image {
        if self.depth > 0 {
            return self.image();
        }
        // Taken out, so that pages which no image holds any more are changed in place.
        match self.base.take() {
            Some(mut base) => {
                for page in self.unsaved() {
                    base.update(page as u64, self.page(page));
                }
                self.set_base(base);
            }
            None => {
                let pages = self.image().shared().clone();
                self.set_base(pages);
            }
        }
        let base = self.base.clone().unwrap_or_default();
        Image::new(self.size as u64, base)
    }

    fn set_base(&mut self, base: Pages) {
        for page in std::mem::take(&mut self.dirty) {
            self.state[page as usize] &= !DIRTY;
        }
        self.base = Some(base);
    }

    /// Makes a heap that was never written hold the content of an image, at no cost until the content is needed.
    ///
    /// # Errors
    ///
    /// An image larger than the capacity, and the system's.
    pub(super) fn adopt(&mut self, image: &Image) -> io::Result<()> {
        self.grow_to(usize::try_from(image.size_bytes()).unwrap_or(usize::MAX))?;
        self.set_base(image.shared().clone());
        self.unfilled = true;
        Ok(())
    }

    /// Fills the heap with what it was made of, if that is still to be done.
    ///
    /// # Errors
    ///
    /// The system's; the next call tries again.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        if let (true, Some(base)) = (self.unfilled, self.base.clone()) {
            let within = base.iter().map(|(page, _)| page as u32);
            let within = within.take_while(|page| (*page as usize) < self.pages());
            self.overwrite(within.collect(), &base)?;
        }
        self.unfilled = false;
        Ok(())
    }

    /// Makes the heap hold the content of an image. Only outside of levels.
    ///
    /// # Errors
    ///
    /// An image larger than the capacity (nothing happened then), and the system's (the content is undefined then).
    pub(super) fn restore_image(&mut self, image: &Image) -> io::Result<()> {
        assert_eq!(self.depth, 0, "no level is open in a restore");
        let size = usize::try_from(image.size_bytes()).unwrap_or(usize::MAX);
        if size < self.size {
            self.truncate(size)?;
        } else {
            self.grow_to(size)?;
        }
        if self.unfilled {
            self.set_base(image.shared().clone());
            return Ok(());
        }
        let mut stale: Vec<u32> = self.unsaved().into_iter().map(|page| page as u32).collect();
        match self.base.take() {
            Some(base) => {
                let differing = base.differing(image.shared()).into_iter();
                stale.extend(differing.map(|page| page as u32));
            }
            None => {
                let touched = |page: &usize| self.state[*page] & TOUCHED != 0;
                stale.extend((0..self.pages()).filter(touched).map(|page| page as u32));
                stale.extend(image.shared().iter().map(|(page, _)| page as u32));
            }
        }
        // The base may have been larger; what lay there is gone.
        stale.retain(|page| (*page as usize) < self.pages());
        self.overwrite(stale, image.shared())?;
        self.set_base(image.shared().clone());
        Ok(())
    }

    /// Makes the memory smaller, at once and for good.
    fn truncate(&mut self, size: usize) -> io::Result<()> {
        let (kept, old) = (size / PAGE_SIZE, self.pages());
        self.forget_hot(|page| page as usize >= kept);
        self.dirty.retain(|page| (*page as usize) < kept);
        // SAFETY: no references into the heap exist but those of methods of the tracker, none of which is active.
        unsafe { self.space.reset(kept..old)? };
        (kept..old).for_each(|page| self.forget_page(page));
        self.size = size;
        Ok(())
    }

    /// Gives these pages the content they have in `source`, without a log.
    fn overwrite(&mut self, mut pages: Vec<u32>, source: &Pages) -> io::Result<()> {
        pages.sort_unstable();
        pages.dedup();
        for index in 0..self.hot.len() {
            let page = self.hot[index].page;
            if pages.binary_search(&page).is_ok() {
                let content = source.get(page.into()).map_or(&ZERO_PAGE, |page| page);
                *self.page_mut(page as usize) = *content;
                self.hot[index].set_copy(content);
            }
        }
        pages.retain(|page| self.state[*page as usize] & HOT == 0);
        if pages.is_empty() {
            return Ok(());
        }
        let runs = self.runs(pages.clone());
        let open = |run: &_| self.protect(Clone::clone(run), Access::ReadWrite);
        let in_one_piece = runs.iter().try_for_each(open).is_err();
        if in_one_piece {
            self.protect(0..self.pages(), Access::ReadWrite)?;
        }
        let mut zero = Vec::new();
        for page in &pages {
            // What is opened without a log is closed below, so `page_mut` may see it as open meanwhile.
            self.state[*page as usize] |= WRITABLE;
            match source.get((*page).into()) {
                Some(content) => {
                    *self.page_mut(*page as usize) = **content;
                    self.state[*page as usize] |= TOUCHED;
                }
                None => zero.push(*page),
            }
        }
        for run in adjacent(zero) {
            if run.len() >= DISCARD_FROM {
                // SAFETY: the pages were opened above, and no reference into the heap exists.
                unsafe { self.space.discard(run.clone()) };
                run.for_each(|page| self.state[page] &= !TOUCHED);
            } else {
                run.for_each(|page| *self.page_mut(page) = ZERO_PAGE);
            }
        }
        for page in &pages {
            self.state[*page as usize] &= !WRITABLE;
        }
        let close = |run| self.protect(run, Access::Read);
        if in_one_piece || runs.into_iter().try_for_each(close).is_err() {
            self.close_everything();
        }
        Ok(())
    }
}
