//! The imports of module `host`: RPC without files, in two forms, and a log.

use wasmtime::{Caller, Extern, Linker};

use super::abi::Errno;
use super::guest::Guest;
use super::linear::Linear;
use super::wasi::begin;
use crate::job::Stop;

/// The name under which guests import.
pub(super) const MODULE: &str = "host";
/// Bytes of one line of the log.
const MAX_LOG: u32 = 65_536;

/// Adds the functions.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(MODULE, "rpc_call", rpc_call)?;
    linker.func_wrap(MODULE, "rpc_call_into", rpc_call_into)?;
    linker.func_wrap(MODULE, "log", log)?;
    Ok(())
}

/// Answers into memory that the guest's `alloc` gives; returns the length, or 0 if there is no such memory.
fn rpc_call(
    mut caller: Caller<'_, Guest>,
    request_at: i32,
    request_len: i32,
    pointer_at: i32,
) -> wasmtime::Result<i32> {
    let memory = begin(&mut caller)?;
    let alloc = match caller.get_export("alloc") {
        Some(Extern::Func(alloc)) => alloc.typed::<i32, i32>(&caller).ok(),
        _ => None,
    };
    let request = {
        let (bytes, guest) = memory.data_and_store_mut(&mut caller);
        let memory = Linear(bytes);
        if memory.u32(pointer_at as u32).is_err() {
            return Ok(0);
        }
        request(&memory, guest, request_at, request_len)
    };
    let (Ok(request), Some(alloc)) = (request, alloc) else {
        return Ok(0);
    };
    let answer = ask(&mut caller, &request)?;
    let place = alloc.call(&mut caller, answer.len() as i32)?;
    let mut memory = Linear(memory.data_mut(&mut caller));
    if place == 0 || memory.write(place as u32, answer.as_bytes()).is_err() {
        return Ok(0);
    }
    match memory.write(pointer_at as u32, &place.to_le_bytes()) {
        Ok(()) => Ok(answer.len() as i32),
        Err(_) => Ok(0),
    }
}

/// Answers into a buffer of the guest; returns the length that is needed. An answer that does not fit is kept for the
/// next call with the same request.
fn rpc_call_into(
    mut caller: Caller<'_, Guest>,
    request_at: i32,
    request_len: i32,
    buffer_at: i32,
    buffer_len: i32,
) -> wasmtime::Result<i32> {
    let memory = begin(&mut caller)?;
    let request = {
        let (bytes, guest) = memory.data_and_store_mut(&mut caller);
        let memory = Linear(bytes);
        if memory.slice(buffer_at as u32, buffer_len as u32).is_err() {
            return Ok(0);
        }
        request(&memory, guest, request_at, request_len)
    };
    let Ok(request) = request else {
        return Ok(0);
    };
    let kept = caller.data_mut().kept.take();
    let answer = match kept {
        Some((asked, answer)) if asked == request => answer,
        _ => ask(&mut caller, &request)?.into_bytes(),
    };
    let needed = answer.len() as i32;
    if answer.len() > buffer_len as u32 as usize {
        caller.data_mut().kept = Some((request, answer));
        return Ok(needed);
    }
    let written = Linear(memory.data_mut(&mut caller)).write(buffer_at as u32, &answer);
    Ok(if written.is_ok() { needed } else { 0 })
}

/// A request, or as much of one that is too long as tells so: all of a guest's memory may be called a request.
fn request(memory: &Linear<'_>, guest: &Guest, at: i32, len: i32) -> Result<Vec<u8>, Errno> {
    let request = memory.slice(at as u32, len as u32)?;
    let most = guest.rpc.request_bytes().saturating_add(1);
    Ok(request[..request.len().min(most)].to_vec())
}

fn ask(caller: &mut Caller<'_, Guest>, request: &[u8]) -> Result<String, Stop> {
    let guest = caller.data_mut();
    guest.rpc.answer(request, &mut guest.deadline)
}

/// Writes a line to standard error and to the server's log.
fn log(mut caller: Caller<'_, Guest>, level: i32, at: i32, len: i32) -> wasmtime::Result<()> {
    let memory = begin(&mut caller)?;
    let (bytes, guest) = memory.data_and_store_mut(&mut caller);
    let Ok(text) = Linear(bytes)
        .slice(at as u32, (len as u32).min(MAX_LOG))
        .map(<[u8]>::to_vec)
    else {
        return Ok(());
    };
    if let Some(log) = &guest.log {
        log(level, &String::from_utf8_lossy(&text));
    }
    guest.stderr.write(&text)?;
    guest.stderr.write(b"\n")?;
    Ok(())
}
