//! Limits of memories and tables, and what a job would have had beyond them.

use drun_engine::{Resource, of_machine};
use wasmtime::ResourceLimiter;

/// Memories that a module may have.
pub const MAX_MEMORIES: u32 = 4;
/// Tables that a module may have.
pub const MAX_TABLES: u32 = 8;
/// Bytes of a page.
const PAGE: usize = 65_536;

/// Counts all memories and all tables of a job together.
#[derive(Debug)]
pub struct Limiter {
    memory_limit: usize,
    table_limit: usize,
    memory: usize,
    peak: usize,
    tables: usize,
    refused: Option<usize>,
    /// Memories of the module that do not exist yet.
    to_create: u32,
    at_start: usize,
    minimum_refused: bool,
}

impl Limiter {
    /// Limits in bytes and elements.
    pub fn new(memory_limit: usize, table_limit: usize) -> Self {
        Limiter {
            memory_limit,
            table_limit,
            memory: 0,
            peak: 0,
            tables: 0,
            refused: None,
            to_create: 0,
            at_start: 0,
            minimum_refused: false,
        }
    }

    /// A module with so many memories is about to be instantiated.
    pub fn expect(&mut self, memories: u32) {
        self.to_create = memories;
    }

    /// Most bytes that there were at once.
    pub fn peak(&self) -> usize {
        self.peak
    }

    /// The limit of memory.
    pub fn memory_limit(&self) -> usize {
        self.memory_limit
    }

    /// Pages that a refused growth would have led to.
    pub fn refused_pages(&self) -> Option<usize> {
        self.refused.map(|bytes| bytes / PAGE)
    }

    /// Bytes that the module wants at the start, if that is too much.
    pub fn minimum_refused(&self) -> Option<usize> {
        self.minimum_refused.then_some(self.at_start)
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_sub(current).saturating_add(desired);
        let creating = self.to_create > 0;
        if creating {
            self.to_create -= 1;
            self.at_start = total;
        }
        if total > self.memory_limit {
            if creating {
                self.minimum_refused = true;
                return Ok(false);
            }
            // A module that stops at its own maximum was not refused anything by us.
            if maximum.is_none_or(|maximum| desired <= maximum) {
                self.refused = Some(total);
            }
            return Ok(false);
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.memory = total;
        self.peak = self.peak.max(total);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        grow_failed(&error)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        grow_failed(&error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.tables.saturating_sub(current).saturating_add(desired);
        if total > self.table_limit || maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        self.tables = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES as usize
    }
}

/// What this machine refuses ends the job: a guest that is told −1 comes to another result than elsewhere.
fn grow_failed(error: &wasmtime::Error) -> wasmtime::Result<()> {
    match of_machine(error, Resource::Heap) {
        Some(failure) => Err(failure.into()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_are_counted_together() {
        let mut limiter = Limiter::new(4 * PAGE, 10);
        assert!(limiter.memory_growing(0, 2 * PAGE, None).unwrap());
        assert!(limiter.memory_growing(0, PAGE, None).unwrap());
        assert!(limiter.memory_growing(PAGE, 2 * PAGE, None).unwrap());
        assert!(!limiter.memory_growing(2 * PAGE, 3 * PAGE, None).unwrap());
        assert_eq!(
            (limiter.peak(), limiter.refused_pages()),
            (4 * PAGE, Some(5))
        );
        assert!(limiter.table_growing(0, 10, None).unwrap());
        assert!(!limiter.table_growing(10, 11, None).unwrap());
    }

    #[test]
    fn what_a_module_needs_at_the_start_is_told() {
        let mut limiter = Limiter::new(2 * PAGE, 0);
        limiter.expect(2);
        assert!(limiter.memory_growing(0, PAGE, None).unwrap());
        assert!(!limiter.memory_growing(0, 2 * PAGE, None).unwrap());
        assert_eq!(
            (limiter.minimum_refused(), limiter.refused_pages()),
            (Some(3 * PAGE), None)
        );
    }

    #[test]
    fn the_own_maximum_is_no_refusal() {
        let mut limiter = Limiter::new(2 * PAGE, 0);
        assert!(
            !limiter
                .memory_growing(PAGE, 3 * PAGE, Some(2 * PAGE))
                .unwrap()
        );
        assert_eq!(limiter.refused_pages(), None);
    }
}
