//! Memory and tables of a machine: loads and stores, instructions on ranges, growing.

use std::sync::Arc;

use super::Trap;
use super::machine::Machine;
use crate::module::Op;
use crate::module::ticks::{PER_COPY, PER_ITEM};

/// The size of a page of memory.
pub(super) const PAGE: usize = 65_536;
/// The most pages a memory can have.
pub(super) const MAX_PAGES: u64 = 65_536;
/// Elements that a table can grow to: our own bound, so that a kernel cannot take all memory.
pub(super) const MAX_TABLE: u64 = 10_000_000;

impl Machine {
    /// Instructions on tables and on ranges of memory; their ticks beyond the fixed price.
    pub(super) fn bulk(&mut self, op: Op) -> Result<u64, Trap> {
        let memory = Trap::MemoryOutOfBounds;
        let table = Trap::TableOutOfBounds;
        match op {
            Op::MemoryFill => {
                let (to, byte, n) = self.pop3();
                self.memory
                    .get_mut(to..to + n)
                    .ok_or(memory)?
                    .fill(byte as u8);
                Ok(n as u64 * PER_ITEM)
            }
            Op::MemoryCopy => {
                let (to, from, n) = self.pop3();
                if to + n > self.memory.len() || from + n > self.memory.len() {
                    return Err(memory);
                }
                self.memory.copy_within(from..from + n, to);
                Ok(n as u64 * PER_COPY)
            }
            Op::MemoryInit(segment) => {
                let (to, from, n) = self.pop3();
                let kernel = Arc::clone(&self.kernel);
                let dropped = self.dropped_data[segment as usize];
                let bytes = if dropped {
                    0..0
                } else {
                    kernel.data[segment as usize].bytes.clone()
                };
                let bytes = kernel.bytes[bytes].get(from..from + n).ok_or(memory)?;
                self.memory
                    .get_mut(to..to + n)
                    .ok_or(memory)?
                    .copy_from_slice(bytes);
                Ok(n as u64 * PER_ITEM)
            }
            Op::DataDrop(segment) => {
                self.dropped_data[segment as usize] = true;
                Ok(0)
            }
            Op::ElemDrop(segment) => {
                self.dropped_elements[segment as usize] = true;
                Ok(0)
            }
            Op::TableGet(n) => {
                let index = self.pop() as u32 as usize;
                let value = *self.tables[n as usize].get(index).ok_or(table)?;
                self.push(value);
                Ok(0)
            }
            Op::TableSet(n) => {
                let value = self.pop();
                let index = self.pop() as u32 as usize;
                *self.tables[n as usize].get_mut(index).ok_or(table)? = value;
                Ok(0)
            }
            Op::TableSize(n) => {
                self.push(self.tables[n as usize].len() as u64);
                Ok(0)
            }
            Op::TableGrow(n) => {
                let by = u64::from(self.pop() as u32);
                let value = self.pop();
                let table = &mut self.tables[n as usize];
                let size = table.len() as u64;
                let most = self.kernel.tables[n as usize]
                    .maximum
                    .unwrap_or(u64::MAX)
                    .min(MAX_TABLE);
                let fits = size + by <= most;
                if fits {
                    table.resize((size + by) as usize, value);
                }
                self.push(if fits { size } else { u64::from(u32::MAX) });
                Ok(0)
            }
            Op::TableFill(n) => {
                let count = self.pop() as u32 as usize;
                let value = self.pop();
                let to = self.pop() as u32 as usize;
                self.tables[n as usize]
                    .get_mut(to..to + count)
                    .ok_or(table)?
                    .fill(value);
                Ok(count as u64 * PER_ITEM)
            }
            Op::TableCopy {
                to: target,
                from: source,
            } => {
                let (to, from, n) = self.pop3();
                let values = self.tables[source as usize]
                    .get(from..from + n)
                    .ok_or(table)?
                    .to_vec();
                self.tables[target as usize]
                    .get_mut(to..to + n)
                    .ok_or(table)?
                    .copy_from_slice(&values);
                Ok(n as u64 * PER_COPY)
            }
            Op::TableInit {
                table: target,
                segment,
            } => {
                let (to, from, n) = self.pop3();
                let kernel = Arc::clone(&self.kernel);
                let dropped = self.dropped_elements[segment as usize];
                let items = if dropped {
                    &[][..]
                } else {
                    &kernel.elements[segment as usize].items
                };
                let items = items.get(from..from + n).ok_or(table)?;
                let values: Vec<u64> = items
                    .iter()
                    .map(|item| self.constant(*item) as u64)
                    .collect();
                self.tables[target as usize]
                    .get_mut(to..to + n)
                    .ok_or(table)?
                    .copy_from_slice(&values);
                Ok(n as u64 * PER_ITEM)
            }
            _ => Err(Trap::Unreachable),
        }
    }

    /// Grows memory; the number of pages before, or 2^32 - 1 when it cannot.
    pub(super) fn grow(&mut self, by: u64) -> u32 {
        let size = (self.memory.len() / PAGE) as u64;
        let most = self
            .kernel
            .memory
            .maximum
            .unwrap_or(MAX_PAGES)
            .min(MAX_PAGES);
        if size + by > most {
            return u32::MAX;
        }
        if by > 0 {
            let Ok(mut memory) = zeroes((size + by) as usize * PAGE) else {
                return u32::MAX;
            };
            memory[..self.memory.len()].copy_from_slice(&self.memory);
            self.memory = memory;
        }
        size as u32
    }
}

pub(super) fn zeroes(size: usize) -> Result<Vec<u8>, String> {
    let mut probe: Vec<u8> = Vec::new();
    probe
        .try_reserve_exact(size)
        .map_err(|_| "out of memory".to_owned())?;
    drop(probe);
    // The allocator hands out pages that are zero already; they cost nothing until they are touched.
    Ok(vec![0; size])
}

#[inline]
pub(super) fn load(byte: u8, memory: &[u8], address: u32, offset: u32) -> Option<u64> {
    let start = address as usize + offset as usize;
    let at = memory.get(start..)?;
    macro_rules! read {
        ($ty:ty) => {
            <$ty>::from_le_bytes(*at.first_chunk()?)
        };
    }
    let int = |value: i32| u64::from(value as u32);
    Some(match byte {
        0x28 | 0x35 => u64::from(read!(u32)),
        0x29 => read!(u64),
        0x2c => int(i32::from(read!(i8))),
        0x2d | 0x31 => u64::from(read!(u8)),
        0x2e => int(i32::from(read!(i16))),
        0x2f | 0x33 => u64::from(read!(u16)),
        0x30 => i64::from(read!(i8)) as u64,
        0x32 => i64::from(read!(i16)) as u64,
        _ => i64::from(read!(i32)) as u64,
    })
}

#[inline]
pub(super) fn store(
    byte: u8,
    memory: &mut [u8],
    address: u32,
    offset: u32,
    value: u64,
) -> Option<()> {
    let start = address as usize + offset as usize;
    let at = memory.get_mut(start..)?;
    let bytes = value.to_le_bytes();
    let n = match byte {
        0x36 | 0x3e => 4,
        0x37 => 8,
        0x3a | 0x3c => 1,
        _ => 2,
    };
    at.get_mut(..n)?.copy_from_slice(&bytes[..n]);
    Some(())
}
