//! Stable memory as canisters use it: order of checks, budgets and charges (system-api.md 4, metering.md 3.4 and 4.2).

use drun_engine::memory::{
    MAX_STABLE_WASM_PAGES, PAGE_SIZE, StableAccess, Touched, WASM_PAGE_SIZE,
};
use drun_engine::{Guest, Imports};

use super::api::{Address, Api, Ic, Ret};
use super::exec::Exec;
use super::growth::{check_freezing, reserve, take_memory};
use crate::errors::{ExecutionError, StablePages, Trap};

/// Largest stable memory of the 32-bit functions, in Wasm pages.
const MAX_PAGES_32: u64 = 65_536;
/// What growing costs, in instructions.
const GROW_COST: u64 = 100;
/// What reading and writing cost beside an instruction for each byte.
const ACCESS_COST: u64 = 20;

pub(super) fn link<A: Address>(l: &mut Imports<Ic>) {
    if !A::WASM64 {
        link_32(l);
    }
    l.function("ic0", "stable64_size", |c: &mut Guest<'_, Ic>| {
        Ok(Api::unmetered(c, "stable64_size")
            .exec()
            .stable
            .wasm_pages())
    });
    l.function(
        "ic0",
        "stable64_grow",
        |c: &mut Guest<'_, Ic>, pages: u64| {
            let mut api = Api::unmetered(c, "stable64_grow");
            api.charge_dynamic(GROW_COST)?;
            Ok(grow(&mut api, pages)?.unwrap_or(u64::MAX))
        },
    );
    l.function(
        "ic0",
        "stable64_read",
        |c: &mut Guest<'_, Ic>, dst: u64, offset: u64, size: u64| {
            let mut api = Api::unmetered(c, "stable64_read");
            api.charge_dynamic(ACCESS_COST.saturating_add(size))?;
            if size == 0 {
                return Ok(());
            }
            check_stable(&mut api, offset, size)?;
            check_heap_maximum(&mut api, dst, size)?;
            read(&mut api, dst, offset, size)
        },
    );
    l.function(
        "ic0",
        "stable64_write",
        |c: &mut Guest<'_, Ic>, offset: u64, src: u64, size: u64| {
            let mut api = Api::unmetered(c, "stable64_write");
            api.charge_dynamic(ACCESS_COST.saturating_add(size))?;
            if size == 0 {
                return Ok(());
            }
            check_stable(&mut api, offset, size)?;
            check_heap_maximum(&mut api, src, size)?;
            write(&mut api, offset, src, size)
        },
    );
}

fn link_32(l: &mut Imports<Ic>) {
    l.function("ic0", "stable_size", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::unmetered(c, "stable_size");
        check_32_bit(&mut api)?;
        Ok(api.exec().stable.wasm_pages() as u32)
    });
    l.function("ic0", "stable_grow", |c: &mut Guest<'_, Ic>, pages: u32| {
        let mut api = Api::unmetered(c, "stable_grow");
        api.charge_dynamic(GROW_COST)?;
        check_32_bit(&mut api)?;
        if api.exec().stable.wasm_pages() + u64::from(pages) > MAX_PAGES_32 {
            return Ok(u32::MAX);
        }
        Ok(grow(&mut api, u64::from(pages))?.map_or(u32::MAX, |old| old as u32))
    });
    l.function(
        "ic0",
        "stable_read",
        |c: &mut Guest<'_, Ic>, dst: u32, offset: u32, size: u32| {
            let (dst, offset, size) = (u64::from(dst), u64::from(offset), u64::from(size));
            let mut api = Api::unmetered(c, "stable_read");
            api.charge_dynamic(ACCESS_COST + size)?;
            if size == 0 {
                return Ok(());
            }
            check_32_bit(&mut api)?;
            check_stable(&mut api, offset, size)?;
            read(&mut api, dst, offset, size)
        },
    );
    l.function(
        "ic0",
        "stable_write",
        |c: &mut Guest<'_, Ic>, offset: u32, src: u32, size: u32| {
            let (offset, src, size) = (u64::from(offset), u64::from(src), u64::from(size));
            let mut api = Api::unmetered(c, "stable_write");
            api.charge_dynamic(ACCESS_COST + size)?;
            check_32_bit(&mut api)?;
            check_stable(&mut api, offset, size)?;
            if size == 0 {
                return Ok(());
            }
            write(&mut api, offset, src, size)
        },
    );
}

/// Grows by so many pages and tells the old size, or nothing if that is not possible.
fn grow(api: &mut Api<'_, '_>, pages: u64) -> Ret<Option<u64>> {
    let exec = api.exec();
    let old = exec.stable.wasm_pages();
    match old.checked_add(pages) {
        Some(new) if new <= MAX_STABLE_WASM_PAGES => {}
        _ => return Ok(None),
    }
    let bytes = pages * WASM_PAGE_SIZE as u64;
    if !take_memory(exec, bytes) {
        return Ok(None);
    }
    if let Err(error) = check_freezing(exec, bytes).and_then(|()| reserve(exec, bytes)) {
        return api.fail(error);
    }
    match exec.stable.grow_to(old + pages) {
        Ok(()) => Ok(Some(old)),
        // It is within bounds: the machine refuses, and the canister must not hear of that.
        Err(error) => api.host_failure(error),
    }
}

#[inline]
fn check_32_bit(api: &mut Api<'_, '_>) -> Ret<()> {
    if api.exec().stable.wasm_pages() > MAX_PAGES_32 {
        return api.trap(Trap::StableMemoryTooBigFor32Bit);
    }
    Ok(())
}

#[inline]
fn check_stable(api: &mut Api<'_, '_>, offset: u64, size: u64) -> Ret<()> {
    let end = offset.checked_add(size);
    if end.is_none_or(|end| end > api.exec().stable.size_bytes()) {
        return api.trap(Trap::StableMemoryOutOfBounds);
    }
    Ok(())
}

#[inline]
fn check_heap_maximum(api: &mut Api<'_, '_>, address: u64, size: u64) -> Ret<()> {
    let exec = api.exec();
    let maximum = if exec.wasm64 {
        exec.canister.memory.max_heap
    } else {
        u64::from(u32::MAX)
    };
    if address > maximum || size > maximum {
        return api.trap(Trap::HeapOutOfBounds);
    }
    Ok(())
}

/// Counts pages that are accessed for the first time against the budget of the execution.
fn account_accessed(exec: &mut Exec, pages: u64) -> Result<(), ExecutionError> {
    exec.effects.stable_accessed += pages;
    if exec.effects.stable_accessed > exec.mode.stable_page_budget() {
        return Err(ExecutionError::MemoryAccessLimit(StablePages::Accessed));
    }
    Ok(())
}

/// Counts and pays for the pages of 4 KiB and of 64 KiB that a read accesses for the first time in this execution.
fn pay_for_reading(api: &mut Api<'_, '_>, offset: u64, size: u64) -> Ret<()> {
    let exec = api.exec();
    let accessed = exec.effects.stable_access.read(offset, size);
    if accessed == 0 {
        // Then the 64 KiB around were accessed too.
        return Ok(());
    }
    if let Err(error) = account_accessed(exec, accessed) {
        return api.fail(error);
    }
    pay_for_touching(api, offset, size, StableAccess::read)
}

/// As [`pay_for_reading`], for a write: what is written is accessed, and counts once more.
fn pay_for_writing(api: &mut Api<'_, '_>, offset: u64, size: u64) -> Ret<()> {
    let exec = api.exec();
    let new = exec.effects.stable_access.write(offset, size);
    if new == Touched::default() {
        return Ok(());
    }
    if let Err(error) = account_accessed(exec, new.accessed) {
        return api.fail(error);
    }
    exec.effects.stable_written += new.written;
    let price = exec.subnet.protocol.pages.written_stable;
    if price > 0 && new.written > 0 {
        api.charge_dynamic(new.written.saturating_mul(price))?;
    }
    pay_for_touching(api, offset, size, |touched, offset, size| {
        let new = touched.write(offset, size);
        new.accessed + new.written
    })
}

/// Charges for the 64 KiB that an access touches for the first time, which `note` counts, where that costs something.
fn pay_for_touching(
    api: &mut Api<'_, '_>,
    offset: u64,
    size: u64,
    note: impl FnOnce(&mut StableAccess, u64, u64) -> u64,
) -> Ret<()> {
    let exec = api.exec();
    let Some(price) = exec.subnet.protocol.pages.touched else {
        return Ok(());
    };
    // Each stands for one page, so that they can be kept as pages are.
    let first = offset / WASM_PAGE_SIZE as u64;
    let count = (offset + size - 1) / WASM_PAGE_SIZE as u64 - first + 1;
    let (offset, size) = (first * PAGE_SIZE as u64, count * PAGE_SIZE as u64);
    match note(&mut exec.effects.stable_touched, offset, size) {
        0 => Ok(()),
        times => api.charge_dynamic(times.saturating_mul(price)),
    }
}

fn read(api: &mut Api<'_, '_>, dst: u64, offset: u64, size: u64) -> Ret<()> {
    pay_for_reading(api, offset, size)?;
    let Some(to) = api.range_within(dst, size)? else {
        return api.trap(Trap::HeapOutOfBounds);
    };
    let (to, exec) = api.bytes_mut(to);
    match exec.stable.read(offset, to) {
        Ok(()) => Ok(()),
        Err(error) => api.host_failure(error),
    }
}

fn write(api: &mut Api<'_, '_>, offset: u64, src: u64, size: u64) -> Ret<()> {
    pay_for_writing(api, offset, size)?;
    let Some(from) = api.range_within(src, size)? else {
        return api.trap(Trap::HeapOutOfBounds);
    };
    let (from, exec) = api.bytes(from);
    match exec.stable.write(offset, from) {
        Ok(()) => Ok(()),
        Err(error) => api.host_failure(error),
    }
}
