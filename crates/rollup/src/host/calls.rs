//! What each host function does, with every refusal in its order (kernel-debugger.md, section 4), and what it costs
//! beyond a fixed price (section 5.4, `R`).

use super::abi::Function;
use super::{Code, World};
use crate::inbox::MAX_MESSAGE;
use crate::outbox;
use crate::reveal::{MAX_REVEAL, Request};
use crate::storage::{MAX_KEY, MAX_VALUE, Path, Value};

/// The most bytes that one call reads from or writes to durable storage.
pub const MAX_CHUNK: i32 = 2048;

/// The ticks for a byte that moves between the kernel and the host.
pub const TICKS_PER_BYTE: u64 = crate::module::ticks::PER_ITEM;

/// The end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The kernel goes on.
    Done {
        /// What it gets; `None` for a function without a result.
        result: Option<i64>,
        /// What it costs beyond the fixed price.
        ticks: u64,
    },
    /// It waits for data, which [`deliver`] hands over.
    Reveal(Pending),
}

/// A kernel that waits for data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// What it asked for.
    pub request: Request,
    dst: u32,
    max: u32,
}

/// A refusal, or what the kernel gets and the number of bytes to pay for.
type Answer = Result<(i64, u64), Code>;

/// Calls a host function with the arguments a kernel gave; `debug` receives what it prints.
pub fn call(
    function: Function,
    args: &[u64],
    memory: &mut [u8],
    world: &mut World,
    debug: &mut dyn FnMut(&[u8]),
) -> Outcome {
    let mut call = Call {
        args,
        memory,
        world,
    };
    let answer = match function {
        Function::ReadInput => call.read_input(),
        Function::WriteOutput => call.write_output(),
        Function::WriteDebug => {
            debug(call.bytes(0, 1).unwrap_or(&b"Error code: -6"[..]));
            return Outcome::Done {
                result: None,
                ticks: 0,
            };
        }
        Function::RevealPreimage | Function::Reveal => match call.request(function) {
            Ok(pending) => return Outcome::Reveal(pending),
            Err(code) => Err(code),
        },
        Function::RevealMetadata => {
            let [dst, max] = [0, 1].map(|n| call.u32(n));
            return Outcome::Reveal(Pending {
                request: Request::Metadata,
                dst,
                max,
            });
        }
        function if function.is_nds() => Err(Code::NdsNotEnabled),
        // What works on a key costs one tick more.
        function => call
            .store(function)
            .map(|(result, bytes)| (result, bytes * TICKS_PER_BYTE + 1)),
    };
    match answer {
        Ok((result, ticks)) => Outcome::Done {
            result: Some(result),
            ticks,
        },
        Err(code) => Outcome::Done {
            result: Some(code as i64),
            ticks: 0,
        },
    }
}

/// Hands data over to the kernel that asked for it: the function's result and what it costs. How much data there may be
/// is its owner's business.
pub fn deliver(pending: &Pending, data: &[u8], memory: &mut [u8]) -> (i32, u64) {
    let n = data.len().min(pending.max as usize);
    match range(memory.len(), pending.dst, n as u32) {
        Some(range) => {
            memory[range].copy_from_slice(&data[..n]);
            (n as i32, n as u64 * TICKS_PER_BYTE)
        }
        None => (Code::MemoryAccess as i32, 0),
    }
}

/// The places in memory from an address on, if they are all there.
fn range(size: usize, address: u32, len: u32) -> Option<std::ops::Range<usize>> {
    let start = address as usize;
    let end = start.checked_add(len as usize)?;
    (end <= size).then_some(start..end)
}

struct Call<'a> {
    args: &'a [u64],
    memory: &'a mut [u8],
    world: &'a mut World,
}

impl Call<'_> {
    fn u32(&self, n: usize) -> u32 {
        self.args[n] as u32
    }

    fn i32(&self, n: usize) -> i32 {
        self.args[n] as i32
    }

    /// The bytes that two arguments, address and length, stand for.
    fn bytes(&self, address: usize, len: usize) -> Result<&[u8], Code> {
        let len = u32::try_from(self.i32(len)).map_err(|_| Code::MemoryAccess)?;
        let range = range(self.memory.len(), self.u32(address), len).ok_or(Code::MemoryAccess)?;
        Ok(&self.memory[range])
    }

    /// Writes to an address; as many bytes as fit `max`.
    fn put(&mut self, address: u32, bytes: &[u8]) -> Result<(), Code> {
        let range =
            range(self.memory.len(), address, bytes.len() as u32).ok_or(Code::MemoryAccess)?;
        self.memory[range].copy_from_slice(bytes);
        Ok(())
    }

    fn key(&self, address: usize, len: usize) -> Result<Path, Code> {
        match self.i32(len) {
            len if len > MAX_KEY as i32 => return Err(Code::KeyTooLarge),
            len if len < 0 => return Err(Code::Generic),
            _ => {}
        }
        Ok(Path::parse(self.bytes(address, len)?)?)
    }

    fn writable(&self, path: &Path) -> Result<(), Code> {
        if path.is_read_only() {
            Err(Code::ReadOnly)
        } else {
            Ok(())
        }
    }

    fn read_input(&mut self) -> Answer {
        let size = self.memory.len() as u64;
        let [info, dst] = [0, 1].map(|n| u64::from(self.u32(n)));
        let max = self.i32(2).min(MAX_MESSAGE as i32);
        // Both comparisons are strict in the original: the last byte of memory cannot be written.
        if info + 8 >= size || max < 0 || dst + max as u64 >= size {
            return Err(Code::MemoryAccess);
        }
        let Some(input) = self.world.inbox.pop() else {
            return Ok((0, 0));
        };
        let n = input.payload.len().min(max as usize);
        let (info, dst) = (info as usize, dst as usize);
        self.memory[dst..dst + n].copy_from_slice(&input.payload[..n]);
        self.memory[info..info + 4].copy_from_slice(&input.level.to_le_bytes());
        self.memory[info + 4..info + 8].copy_from_slice(&input.counter.to_le_bytes());
        Ok((n as i64, n as u64 * TICKS_PER_BYTE))
    }

    fn write_output(&mut self) -> Answer {
        if self.i32(1) > outbox::message::MAX_MESSAGE as i32 {
            return Err(Code::IoTooLarge);
        }
        let message = self.bytes(0, 1)?.to_vec();
        if self.world.outbox.push(&message) {
            Ok((0, 0))
        } else {
            Err(Code::OutboxFull)
        }
    }

    fn request(&self, function: Function) -> Result<Pending, Code> {
        if self.i32(1) > MAX_REVEAL as i32 {
            return Err(Code::IoTooLarge);
        }
        let payload = self.bytes(0, 1)?;
        let request = if function == Function::Reveal {
            Request::decode(payload)
        } else {
            Request::preimage(payload)
        };
        let [dst, max] = [2, 3].map(|n| self.u32(n));
        Ok(Pending { request, dst, max })
    }

    /// The functions on durable storage: their result and the bytes they moved.
    fn store(&mut self, function: Function) -> Answer {
        let path = self.key(0, 1)?;
        let bytes = path.as_str().len() as u64;
        let done = |result: i64| Ok((result, bytes));
        match function {
            Function::StoreHas => {
                let node = self.world.durable.node(&path);
                let value = node.is_some_and(|node| node.value().is_some());
                let children = node.is_some_and(|node| node.has_children());
                done(i64::from(value) + 2 * i64::from(children))
            }
            Function::StoreExists => done(i64::from(self.world.durable.node(&path).is_some())),
            Function::StoreDelete => {
                self.writable(&path)?;
                self.world.durable.delete(&path);
                done(0)
            }
            Function::StoreDeleteValue => {
                self.writable(&path)?;
                self.world.durable.delete_value(&path);
                done(0)
            }
            Function::StoreListSize => done(
                self.world
                    .durable
                    .node(&path)
                    .map_or(0, |node| node.count() as i64),
            ),
            Function::StoreValueSize => {
                let value = self.world.durable.value(&path).ok_or(Code::NotAValue)?;
                done(i64::from(value.len()))
            }
            Function::StoreGetNthKey => self.get_nth_key(&path),
            Function::StoreCopy | Function::StoreMove => self.copy_or_move(function, &path),
            Function::StoreCreate => self.create(&path),
            Function::StoreRead => self.read(&path),
            Function::StoreWrite => self.write(&path),
            Function::StoreGetHash => {
                let node = self.world.durable.node(&path).ok_or(Code::NotANode)?;
                let hash = node.hash();
                let n = hash.len().min(self.u32(3) as usize);
                self.put(self.u32(2), &hash[..n])?;
                done(n as i64)
            }
            // The others have been answered before.
            _ => Err(Code::Generic),
        }
    }

    fn get_nth_key(&mut self, path: &Path) -> Answer {
        let node = self.world.durable.node(path).ok_or(Code::NotANode)?;
        let index = usize::try_from(self.args[2] as i64).map_err(|_| Code::InvalidIndex)?;
        let name = node.nth(index).ok_or(Code::InvalidIndex)?.to_owned();
        let n = name.len().min(self.u32(4) as usize);
        self.put(self.u32(3), &name.as_bytes()[..n])?;
        Ok((n as i64, path.as_str().len() as u64))
    }

    fn copy_or_move(&mut self, function: Function, from: &Path) -> Answer {
        let to = self.key(2, 3)?;
        self.writable(&to)?;
        let durable = &mut self.world.durable;
        let found = if function == Function::StoreMove {
            if from.is_read_only() {
                return Err(Code::ReadOnly);
            }
            durable.rename(from, &to)
        } else {
            durable.copy(from, &to)
        };
        let bytes = from.as_str().len() + to.as_str().len();
        if found {
            Ok((0, bytes as u64))
        } else {
            Err(Code::NotANode)
        }
    }

    fn create(&mut self, path: &Path) -> Answer {
        let size = u32::try_from(self.i32(2)).map_err(|_| Code::ValueSizeExceeded)?;
        self.writable(path)?;
        if self.world.durable.value(path).is_some() {
            return Err(Code::ValueExists);
        }
        self.world.durable.set(path, Value::zeroes(size));
        Ok((0, path.as_str().len() as u64))
    }

    fn read(&mut self, path: &Path) -> Answer {
        let max = self.i32(4);
        if max > MAX_CHUNK {
            return Err(Code::IoTooLarge);
        }
        let value = self.world.durable.value(path).ok_or(Code::NotAValue)?;
        let offset = u32::try_from(self.i32(2)).map_err(|_| Code::InvalidAccess)?;
        if offset >= value.len() {
            return Err(Code::InvalidAccess);
        }
        let max = usize::try_from(max).map_err(|_| Code::MemoryAccess)?;
        let n = max.min((value.len() - offset) as usize);
        let range = range(self.memory.len(), self.u32(3), n as u32).ok_or(Code::MemoryAccess)?;
        value.read(offset, &mut self.memory[range]);
        Ok((n as i64, (path.as_str().len() + n) as u64))
    }

    fn write(&mut self, path: &Path) -> Answer {
        let n = self.i32(4);
        if n < 0 {
            return Err(Code::ValueSizeExceeded);
        }
        let range = range(self.memory.len(), self.u32(3), n as u32).ok_or(Code::MemoryAccess)?;
        self.writable(path)?;
        if n > MAX_CHUNK {
            return Err(Code::IoTooLarge);
        }
        let size = self.world.durable.value(path).map_or(0, Value::len);
        if u64::from(size) + n as u64 > u64::from(MAX_VALUE) {
            return Err(Code::ValueSizeExceeded);
        }
        let offset = u32::try_from(self.i32(2)).map_err(|_| Code::InvalidAccess)?;
        if offset > size {
            return Err(Code::InvalidAccess);
        }
        self.world
            .durable
            .value_mut(path)
            .write(offset, &self.memory[range]);
        Ok((0, (path.as_str().len() + n as usize) as u64))
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
