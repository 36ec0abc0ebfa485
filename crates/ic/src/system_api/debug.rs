//! Printing, trapping, and the canister log (system-api.md 6, metering.md 3.3).

use wasmtime::{Caller, Linker};

use super::api::{Address, Api, Host, Ret};
use super::exec::Exec;
use super::mode::ALL;
use crate::canister::log::LOG_CAPACITY;
use crate::errors::ExecutionError;

/// Bytes of a print or trap text that are kept.
const MAX_TEXT_BYTES: u64 = 32_768;

pub fn link<A: Address>(l: &mut Linker<Host>) -> Ret<()> {
    l.func_wrap(
        "ic0",
        "debug_print",
        |mut c: Caller<'_, Host>, src: A, size: A| {
            let (src, size) = (src.to_u64(), size.to_u64());
            let logged = log_charge(c.data_mut().exec(), size);
            // Printing is enabled, so the text is charged once more.
            let price = 100u64.saturating_add(logged).saturating_add(size);
            let mut api = Api::enter(&mut c, "debug_print", price, 0, ALL)?;
            let text = text(&mut api, src, size, "(debug message out of memory bounds)")?;
            let (heap, exec) = api.heap()?;
            let logged: &[u8] = match range(heap, src, size) {
                Some(bytes) => &bytes[..bytes.len().min(LOG_CAPACITY)],
                None => b"(debug_print message out of memory bounds)",
            };
            let time = exec.time;
            exec.log.push(time, logged);
            exec.print(text);
            Ok(())
        },
    )?;
    l.func_wrap(
        "ic0",
        "trap",
        |mut c: Caller<'_, Host>, src: A, size: A| -> Ret<()> {
            let (src, size) = (src.to_u64(), size.to_u64());
            let exec = c.data_mut().exec();
            let logged = match exec.subnet.trap_logs_are_charged {
                true => log_charge(exec, size),
                false => 0,
            };
            let price = 500u64.saturating_add(size).saturating_add(logged);
            let mut api = Api::enter(&mut c, "trap", price, 0, ALL)?;
            let message = text(&mut api, src, size, "(trap message out of memory bounds)")?;
            let backtrace = api.backtrace();
            api.fail(ExecutionError::CalledTrap { message, backtrace })
        },
    )?;
    Ok(())
}

/// What recording so many bytes in the log costs.
fn log_charge(exec: &Exec, size: u64) -> u64 {
    2 * size.min(LOG_CAPACITY as u64) + 50 * size.min(exec.log.free())
}

fn range(heap: &[u8], src: u64, size: u64) -> Option<&[u8]> {
    let end = src.checked_add(size)?;
    heap.get(usize::try_from(src).ok()?..usize::try_from(end).ok()?)
}

fn text(api: &mut Api<'_, '_>, src: u64, size: u64, out_of_bounds: &str) -> Ret<String> {
    let (heap, _) = api.heap()?;
    Ok(match range(heap, src, size.min(MAX_TEXT_BYTES)) {
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        None => out_of_bounds.to_owned(),
    })
}
