//! Where the memories and tables of guests lie: in address space that is mapped once and used again, so that a short job
//! asks the operating system for nothing. What a guest wrote is gone before the next one has the place. Without the
//! address space, every job maps and unmaps its own.

use wasmtime::{Enabled, PoolingAllocationConfig};

use crate::host::{MAX_MEMORIES, MAX_TABLES};

/// Address space of one memory: what machine code takes for granted behind its beginning, and the guard.
const MEMORY: u64 = (4 << 30) + (32 << 20);
/// Address space for all memories of a pool. A process has 2^47 bytes, and there may be four pools.
const MOST: u64 = 1 << 45;
/// Bytes that a place keeps from one guest to the next, where they are cleared instead of given back: the data, the stack
/// and some of the heap of a small program.
const KEPT_MEMORY: usize = 256 << 10;
const KEPT_TABLE: usize = 16 << 10;
/// The same where the system does not tell which pages were written, and all of them have to be cleared.
const KEPT_MEMORY_BLIND: usize = 64 << 10;
/// Places that keep something while nobody has them.
const WARM: u32 = 64;

/// How many guests a pool has room for.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Guests at once.
    pub guests: usize,
    /// Elements of all tables of one.
    pub table_elements: usize,
}

/// The settings of a pool, if the address space has room for it.
pub(super) fn settings(room: Room) -> Option<PoolingAllocationConfig> {
    let guests = u32::try_from(room.guests).ok()?;
    let memories = guests.checked_mul(MAX_MEMORIES)?;
    if u64::from(memories) * MEMORY > MOST {
        return None;
    }
    let kept = match PoolingAllocationConfig::is_pagemap_scan_available() {
        true => KEPT_MEMORY,
        false => KEPT_MEMORY_BLIND,
    };
    let mut settings = PoolingAllocationConfig::new();
    settings
        .total_core_instances(guests)
        .total_memories(memories)
        .total_tables(guests.checked_mul(MAX_TABLES)?)
        .total_gc_heaps(guests)
        .table_elements(room.table_elements)
        // How many a module may have is told in our own words; more than this no valid module has.
        .max_memories_per_module(100)
        .max_tables_per_module(100)
        .max_core_instance_size(usize::MAX >> 1)
        .max_memory_size(4 << 30)
        .max_unused_warm_slots(WARM)
        .linear_memory_keep_resident(kept)
        .table_keep_resident(KEPT_TABLE)
        .pagemap_scan(Enabled::Auto);
    Some(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_has_its_limits() {
        let room = |guests| Room {
            guests,
            table_elements: 100_000,
        };
        assert!(settings(room(1000)).is_some());
        for guests in [10_000, usize::MAX] {
            assert!(settings(room(guests)).is_none(), "{guests}");
        }
    }
}
