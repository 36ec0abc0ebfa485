//! Printing, trapping, and the canister log (system-api.md 6, metering.md 3.3).

use drun_engine::{Guest, Imports};

use super::api::{Address, Api, Ic, Ret};
use super::exec::Exec;
use super::mode::ALL;
use crate::errors::ExecutionError;
use crate::errors::text::{
    DEBUG_MESSAGE_OUT_OF_BOUNDS, LOG_MESSAGE_OUT_OF_BOUNDS, TRAP_MESSAGE_OUT_OF_BOUNDS,
};

/// From here on a charge is none (metering.md 3.1).
const NO_CHARGE: u64 = 1 << 63;
/// Bytes of a print that are kept.
const MAX_PRINT_BYTES: u64 = 32_768;

pub(super) fn link<A: Address>(l: &mut Imports<Ic>) {
    l.function(
        "ic0",
        "debug_print",
        |c: &mut Guest<'_, Ic>, src: A, size: A| {
            let (src, size) = (src.to_u64(), size.to_u64());
            let logged = log_charge(c.activation(), size);
            // Printing is enabled, so the text is charged once more.
            let fixed = 100u64.saturating_add(logged);
            let price = match fixed.saturating_add(size) {
                // What costs that much is free, and yet prints as much as there may be.
                NO_CHARGE.. => fixed.saturating_add(MAX_PRINT_BYTES),
                price => price,
            };
            let mut api = Api::enter(c, "debug_print", price, 0, ALL)?;
            let printed = size.min(MAX_PRINT_BYTES);
            let text = text(&mut api, src, printed, DEBUG_MESSAGE_OUT_OF_BOUNDS)?;
            let slice = api.slice();
            let kept = size.min(api.exec().canister.log_limit) as usize;
            let (logged, exec) = match api.range_within(src, size)? {
                Some(range) => api.bytes(range.start..range.start + kept),
                None => (LOG_MESSAGE_OUT_OF_BOUNDS.as_bytes(), api.exec()),
            };
            let time = exec.time;
            exec.effects.log.push(time, logged);
            exec.print(slice, text);
            Ok(())
        },
    );
    l.function(
        "ic0",
        "trap",
        |c: &mut Guest<'_, Ic>, src: A, size: A| -> Ret<()> {
            let (src, size) = (src.to_u64(), size.to_u64());
            let exec = c.activation();
            let logged = match exec.subnet.protocol.trap_logs_are_charged {
                true => log_charge(exec, size),
                false => 0,
            };
            let price = 500u64.saturating_add(size).saturating_add(logged);
            let mut api = Api::enter(c, "trap", price, 0, ALL)?;
            let kept = size.min(api.exec().subnet.protocol.trap_message_bytes);
            let message = text(&mut api, src, kept, TRAP_MESSAGE_OUT_OF_BOUNDS)?;
            let backtrace = api.backtrace();
            api.fail(ExecutionError::CalledTrap { message, backtrace })
        },
    );
}

/// What recording so many bytes in the log costs.
fn log_charge(exec: &Exec, size: u64) -> u64 {
    2 * size.min(exec.canister.log_limit) + 50 * size.min(exec.effects.log.free())
}

fn text(api: &mut Api<'_, '_>, src: u64, size: u64, out_of_bounds: &str) -> Ret<String> {
    Ok(match api.range_within(src, size)? {
        Some(range) => String::from_utf8_lossy(api.bytes(range).0).into_owned(),
        None => out_of_bounds.to_owned(),
    })
}
