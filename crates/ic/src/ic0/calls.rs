//! Making calls. A call is built step by step and recorded when it is performed; it leaves only if the execution succeeds.

use candid::Principal;
use drun_engine::record::Stack;
use drun_engine::{Guest, Imports};

use super::answer::OUTBOUND_BYTE;
use super::api::{Address, Api, Ic, Ret};
use super::exec::{CallUnderConstruction, Exec, PerformedCall};
use super::mode::CALL;
use crate::canister::contexts::Closure;
use crate::errors::{ContractViolation, ExecutionError};

/// Longest method name, in bytes.
const MAX_METHOD_NAME_BYTES: u64 = 20_000;
/// Method name and argument together, in bytes.
const MAX_CALL_BYTES: u64 = 10_485_760;
/// Longest timeout of a best-effort call, in seconds.
const MAX_TIMEOUT_SECONDS: u32 = 300;
/// Nanoseconds of a second.
const NANOS: u64 = 1_000_000_000;
/// Longest principal, in bytes.
const MAX_PRINCIPAL_BYTES: u64 = 29;
/// Message memory that an open guaranteed-response call reserves, in bytes.
pub const RESPONSE_RESERVATION_BYTES: u64 = 2 << 20;

/// What `call_perform` returns for a call that was recorded.
const PERFORMED: u32 = 0;
/// What `call_perform` returns for a call that cannot be made now: SYS_TRANSIENT.
const REFUSED: u32 = 2;

pub(super) fn link<A: Address>(l: &mut Imports<Ic>) {
    l.function(
        "ic0",
        "call_new",
        |c: &mut Guest<'_, Ic>,
         callee_src: A,
         callee_size: A,
         name_src: A,
         name_size: A,
         reply_fun: A,
         reply_env: A,
         reject_fun: A,
         reject_env: A| {
            let (callee_size, name_size) = (callee_size.to_u64(), name_size.to_u64());
            let bytes = callee_size.saturating_add(name_size);
            let mut api = Api::enter(c, "call_new", 1500, bytes, CALL)?;
            api.exec().abandon_call();
            if name_size > MAX_METHOD_NAME_BYTES {
                return api.violation(ContractViolation::MethodNameTooLong {
                    size: name_size,
                    max: MAX_METHOD_NAME_BYTES,
                });
            }
            let name = api.read("ic0.call_new method_name", name_src.to_u64(), name_size)?;
            let callee_src = callee_src.to_u64();
            let callee = api.heap_range("ic0.call_new callee_src", callee_src, callee_size)?;
            if callee_size > MAX_PRINCIPAL_BYTES {
                return api.fail(ExecutionError::InvalidPrincipal);
            }
            let (callee, exec) = api.bytes(callee);
            exec.effects.call = Some(CallUnderConstruction {
                callee: Principal::from_slice(callee),
                method: String::from_utf8_lossy(&name).into_owned(),
                payload: Vec::new(),
                on_reply: closure(reply_fun, reply_env),
                on_reject: closure(reject_fun, reject_env),
                on_cleanup: None,
                cycles: 0,
                timeout: None,
            });
            Ok(())
        },
    );
    l.function(
        "ic0",
        "call_data_append",
        |c: &mut Guest<'_, Ic>, src: A, size: A| {
            let (src, size) = (src.to_u64(), size.to_u64());
            let outbound = size.saturating_mul(OUTBOUND_BYTE);
            let mut api = Api::enter(c, "call_data_append", 500, outbound, CALL)?;
            let call = open_call(&mut api, "call_data_append")?;
            let total = (call.method.len() as u64 + call.payload.len() as u64).saturating_add(size);
            if total > MAX_CALL_BYTES {
                let (callee, method) = (call.callee, call.method.clone());
                return api.violation(ContractViolation::PayloadTooLarge {
                    callee,
                    method,
                    size: total,
                    max: MAX_CALL_BYTES,
                });
            }
            let range = api.heap_range("ic0.call_data_append", src, size)?;
            let (bytes, exec) = api.bytes(range);
            if let Some(call) = &mut exec.effects.call {
                call.payload.extend_from_slice(bytes);
            }
            Ok(())
        },
    );
    l.function(
        "ic0",
        "call_on_cleanup",
        |c: &mut Guest<'_, Ic>, fun: A, env: A| {
            let mut api = Api::enter(c, "call_on_cleanup", 500, 0, CALL)?;
            let call = open_call(&mut api, "call_on_cleanup")?;
            if call.on_cleanup.replace(closure(fun, env)).is_some() {
                return api.violation(ContractViolation::CleanupAlreadySet);
            }
            Ok(())
        },
    );
    l.function(
        "ic0",
        "call_with_best_effort_response",
        |c: &mut Guest<'_, Ic>, seconds: u32| {
            let name = "call_with_best_effort_response";
            let mut api = Api::enter(c, name, 500, 0, CALL)?;
            let call = open_call(&mut api, "call_with_best_effort_response")?;
            let timeout = seconds.min(MAX_TIMEOUT_SECONDS);
            if call.timeout.replace(timeout).is_some() {
                return api.violation(ContractViolation::TimeoutAlreadySet);
            }
            Ok(())
        },
    );
    l.function("ic0", "call_perform", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "call_perform", 5000, 0, CALL)?;
        open_call(&mut api, "call_perform")?;
        let place = api.place();
        Ok(perform(api.exec(), place))
    });
}

fn closure<A: Address>(function: A, env: A) -> Closure {
    Closure {
        function: u32::try_from(function.to_u64()).unwrap_or(u32::MAX),
        env: env.to_u64(),
    }
}

/// The call under construction; `name` is told when there is none.
pub(super) fn open_call<'a>(
    api: &'a mut Api<'_, '_>,
    name: &'static str,
) -> Ret<&'a mut CallUnderConstruction> {
    if api.exec().effects.call.is_none() {
        return api.violation(ContractViolation::NoCallUnderConstruction { api: name });
    }
    Ok(api.exec().effects.call.as_mut().expect("checked above"))
}

/// Records the call, made in this place of the recording, if there is room and money for it.
fn perform(exec: &mut Exec, place: Stack) -> u32 {
    let Some(call) = exec.effects.call.take() else {
        return REFUSED;
    };
    let slot = exec.slot_of(&call.callee);
    let fees = &exec.subnet.fees;
    let bytes = (call.method.len() + call.payload.len()) as u64;
    let (prepaid_transmission, prepaid_execution) = fees.response_prepayments(exec.wasm64);
    let price = if exec.mode.replicated() {
        fees.request(bytes) + prepaid_transmission + prepaid_execution
    } else {
        0
    };
    let reservation = match call.timeout {
        None => RESPONSE_RESERVATION_BYTES,
        Some(_) => 0,
    };
    let affordable = price == 0
        || exec
            .canister
            .balance
            .saturating_sub(exec.freezing_threshold(reservation))
            >= price;
    if exec.slots.free(&slot) == 0 || exec.canister.free_callbacks == 0 || !affordable {
        exec.canister.balance = exec.canister.balance.saturating_add(call.cycles);
        return REFUSED;
    }
    exec.slots.take(slot);
    exec.canister.free_callbacks -= 1;
    exec.canister.balance -= price;
    exec.canister.memory.message_bytes += reservation;
    let now = exec.time;
    let deadline = call
        .timeout
        .map(|seconds| now.saturating_add(u64::from(seconds) * NANOS) / NANOS);
    exec.effects.calls.push(PerformedCall {
        call,
        deadline,
        prepaid_execution,
        prepaid_transmission,
        place,
    });
    PERFORMED
}
