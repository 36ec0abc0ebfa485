//! Instructions on tables and on ranges of memory, and growing.

use std::sync::Arc;

use super::Trap;
use super::memory::{MAX_PAGES, MAX_TABLE, PAGE, zeroes};
use super::state::Machine;
use crate::module::Op;
use crate::module::ticks::{PER_COPY, PER_ITEM};

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
        let wanted = (size + by) as usize * PAGE;
        let more = wanted - self.memory.len();
        if more < self.memory.len() {
            // In place: a kernel that grows page by page must not have all of them copied each time.
            if self.memory.try_reserve_exact(more).is_err() {
                return u32::MAX;
            }
            self.memory.resize(wanted, 0);
        } else if more > 0 {
            let Ok(mut memory) = zeroes(wanted) else {
                return u32::MAX;
            };
            memory[..self.memory.len()].copy_from_slice(&self.memory);
            self.memory = memory;
        }
        size as u32
    }
}
