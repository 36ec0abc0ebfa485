//! What comes of an execution: its effects are applied, its instructions counted and paid for, and its call answered
//! if that is due (scheduling.md 2.4 to 2.6, metering.md 8).

use candid::Principal;

use super::Node;
use super::pending::{Kind, Pending};
use crate::answer::MessageResult;
use crate::canister::consumed::Purpose;
use crate::canister::contexts::{Callback, Origin};
use crate::canister::queues::{CanisterMessage, Payload, Request, Response};
use crate::canister::{Canister, ContextId};
use crate::errors::text::shorten_reject;
use crate::errors::{
    CallError, ErrorCode, ExecutionError, OutOfCycles, Reject, RejectCode, SystemReject, UserError,
};
use crate::execution::{Entry, Execution};
use crate::ic0::exec::{Answer, PerformedCall};
use crate::ic0::mode::Mode;
use crate::observe::Cause;

impl Node {
    /// Applies the effects of an execution and answers its call if it is due.
    #[expect(
        clippy::boxed_local,
        reason = "it comes in a box; out of it, it would be copied"
    )]
    pub(super) fn conclude(&mut self, canister: &mut Canister, pending: Box<Pending>) {
        let Pending {
            context,
            mut kind,
            mut execution,
            time,
            version,
            mut balance,
            prepayment,
            cleanup,
            ..
        } = *pending;
        if let Some(error) = unpaid(canister, balance, &execution) {
            execution.result = Err(error.into());
            let calls = std::mem::take(&mut execution.calls);
            give_up_calls(canister, self.state.subnet_id(), calls);
            if let Some(closure) = cleanup {
                let wasm64 = prepayment.wasm64();
                let cleanup = self.run_cleanup(canister, context, &execution, closure, wasm64);
                for (_, line) in &cleanup.prints {
                    self.observers.printed(line);
                }
                kind = Kind::Callback(Some(cleanup));
                balance = canister.cycles;
            }
        }
        let mut instructions = execution.instructions;
        self.record(canister, context, &mut execution, time);
        let (effects, result) = match kind {
            Kind::Method | Kind::Callback(None) => split(execution),
            Kind::Callback(Some(mut cleanup)) => {
                instructions += cleanup.instructions;
                self.record(canister, context, &mut cleanup, time);
                let (_, callback_result) = split(execution);
                let (effects, cleanup_result) = split(cleanup);
                let error = match (callback_result, cleanup_result) {
                    (Err(callback), Err(cleanup)) => ExecutionError::Cleanup {
                        callback: Box::new(callback),
                        cleanup: Box::new(cleanup),
                    },
                    (Err(callback), Ok(_)) => callback,
                    (Ok(_), _) => unreachable!("a cleanup follows a failure only"),
                };
                (effects, Err(error))
            }
        };
        if let Some(effects) = effects {
            self.apply(canister, context, effects, version, balance);
        }
        prepayment.settle(&mut self.state, canister, instructions);
        if let Some(context) = canister.calls.get_mut(context) {
            context.instructions += instructions;
        }
        self.settle(canister, context, result);
    }

    /// Counts what an execution has used, where users see it.
    fn record(
        &mut self,
        canister: &mut Canister,
        context: ContextId,
        execution: &mut Execution,
        time: u64,
    ) {
        self.state.record(canister, execution, time);
        let cause = match &execution.entry {
            Entry::Export(_) => Cause::Call(context),
            Entry::Table(_) => Cause::Callback(context),
        };
        self.observers.concluded(canister, cause, execution);
    }

    /// Applies what a successful execution asked for.
    fn apply(
        &mut self,
        canister: &mut Canister,
        context: ContextId,
        mut execution: Box<Execution>,
        version: u64,
        balance: u128,
    ) {
        // A cleanup makes no calls; what else it may have spent can be gone, too.
        let balance = balance_after(canister.cycles, balance, execution.balance);
        canister.cycles = balance.unwrap_or(0);
        canister.reserved_cycles += execution.reserved;
        canister.version += 1;
        if let Some(timer) = execution.timer_set {
            canister.global_timer = timer;
        }
        if let Some(data) = execution.certified_data.take() {
            canister.certified_data = data;
        }
        if let Some(context) = canister.calls.get_mut(context) {
            context.available = execution.message.available_cycles;
        }
        if let Some(parked) = execution.parked.take() {
            self.state.runtime.unpark(canister, *parked);
        }
        if execution.grew {
            self.state.update_hook(canister);
        }
        for call in std::mem::take(&mut execution.calls) {
            self.send(canister, context, call, version);
        }
    }

    /// Registers the callback of a call and sends the request.
    fn send(
        &mut self,
        canister: &mut Canister,
        context: ContextId,
        call: PerformedCall,
        version: u64,
    ) {
        let PerformedCall {
            call,
            deadline,
            prepaid_execution,
            prepaid_transmission,
            place,
        } = call;
        let bytes = (call.method.len() + call.payload.len()) as u64;
        let price = self.state.fees.request(bytes) + prepaid_execution + prepaid_transmission;
        self.state.charged(price);
        let transmission = price - prepaid_execution;
        canister.consumed.add(Purpose::Transmission, transmission);
        canister
            .consumed
            .add(Purpose::Instructions, prepaid_execution);
        let to_management =
            self.is_management(&call.callee) || self.neighbours.is_subnet(&call.callee);
        let callee = if to_management {
            Principal::management_canister()
        } else {
            call.callee
        };
        let callback = canister.calls.register(Callback {
            context,
            callee,
            subnet: None,
            reply: call.on_reply,
            reject: call.on_reject,
            cleanup: call.on_cleanup,
            prepaid_execution,
            prepaid_transmission,
            deadline,
        });
        self.observers.call_sent(canister.id, callback, place);
        let request = Request {
            sender: canister.id,
            receiver: call.callee,
            callback,
            cycles: call.cycles,
            method: call.method,
            payload: call.payload,
            decoded: None,
            deadline,
        };
        if to_management {
            self.send_to_management(canister, request, version);
        } else {
            canister.outputs.push(CanisterMessage::Request(request));
        }
    }

    /// The outcome of an execution for its context (scheduling.md 2.6).
    fn settle(
        &mut self,
        canister: &mut Canister,
        id: ContextId,
        result: Result<Option<Answer>, ExecutionError>,
    ) {
        let canister_id = canister.id;
        let Some(context) = canister.calls.get_mut(id) else {
            return;
        };
        let open = context.outstanding > 0;
        let answer = match result {
            _ if context.responded => None,
            Ok(Some(answer)) => Some(Ok(answer)),
            _ if open => None,
            Ok(None) => Some(Err(CallError::DidNotReply(canister_id).into())),
            Err(error) => {
                let reveal = canister_may_show_log(canister, id);
                let error = if reveal {
                    error
                } else {
                    error.without_backtrace()
                };
                Some(Err(error.into_user_error(canister_id)))
            }
        };
        if let Some(answer) = answer
            && let Some(context) = canister.calls.get_mut(id)
        {
            context.responded = true;
            let refund = std::mem::take(&mut context.available);
            let origin = context.origin.clone();
            self.answer_origin(canister, &origin, refund, answer);
        }
        canister.calls.close_if_done(id);
    }

    /// An error as somebody sees it; backtraces are for those who may read the canister's log (errors.md 4.3).
    pub(super) fn shown(
        &self,
        error: ExecutionError,
        canister: &Principal,
        to: &Principal,
    ) -> UserError {
        let may_read = self
            .canister(canister)
            .is_some_and(|canister| canister.may_read_log(to));
        let error = match may_read {
            true => error,
            false => error.without_backtrace(),
        };
        error.into_user_error(*canister)
    }

    /// Answers a call.
    pub(super) fn answer_origin(
        &mut self,
        canister: &mut Canister,
        origin: &Origin,
        refund: u128,
        result: Result<Answer, UserError>,
    ) {
        match origin {
            Origin::SystemTask => {}
            Origin::Ingress { id, .. } => {
                let result = match result {
                    Ok(Answer::Reply(data)) => MessageResult::Replied(data),
                    Ok(Answer::Reject(text)) => MessageResult::Rejected(text),
                    Err(error) => MessageResult::Failed(error),
                };
                self.answer_ingress(*id, result);
            }
            Origin::Canister {
                sender, callback, ..
            } => {
                let payload = match result {
                    Ok(Answer::Reply(data)) => Payload::Reply(data),
                    Ok(Answer::Reject(message)) => Payload::Reject(Reject {
                        code: RejectCode::CanisterReject,
                        message,
                    }),
                    Err(error) => Payload::Reject(reject_of(&error)),
                };
                canister.outputs.push(CanisterMessage::Response(Response {
                    originator: *sender,
                    respondent: canister.id,
                    callback: *callback,
                    refund,
                    payload,
                }));
            }
        }
    }
}

/// The balance of a canister that has `now`, after an execution that changed it from `before` to `after`. Nothing if what was spent
/// is not there any more: fees may have been taken between two slices (scheduling.md 6).
fn balance_after(now: u128, before: u128, after: u128) -> Option<u128> {
    match after.checked_sub(before) {
        Some(gained) => Some(now.saturating_add(gained)),
        None => now.checked_sub(before - after),
    }
}

/// What a successful execution that saw `before` fails with, if the canister has no longer what it spent.
fn unpaid(canister: &Canister, before: u128, execution: &Execution) -> Option<OutOfCycles> {
    let covered = balance_after(canister.cycles, before, execution.balance).is_some();
    (execution.result.is_ok() && !covered).then(|| OutOfCycles {
        canister: canister.id,
        threshold: 0,
        requested: before - execution.balance,
        available: canister.cycles,
        reveal: false,
    })
}

/// Frees the places of calls that an execution has performed and that are not made after all.
pub(super) fn give_up_calls(
    canister: &mut Canister,
    subnet_id: Principal,
    calls: Vec<PerformedCall>,
) {
    for PerformedCall { call, .. } in calls {
        let slot = match call.callee == subnet_id {
            true => Principal::management_canister(),
            false => call.callee,
        };
        canister.calls.slots_mut().release(&slot);
    }
}

/// The effects of an execution, if it succeeded, and its result.
fn split(
    mut execution: Box<Execution>,
) -> (
    Option<Box<Execution>>,
    Result<Option<Answer>, ExecutionError>,
) {
    match std::mem::replace(&mut execution.result, Ok(())) {
        Ok(()) => {
            let answer = match execution.answer.take() {
                // Only replicated queries may reject at any length (errors.md 2.3).
                Some(Answer::Reject(text)) if execution.mode != Mode::ReplicatedQuery => {
                    Some(Answer::Reject(shorten_reject(text)))
                }
                answer => answer,
            };
            (Some(execution), Ok(answer))
        }
        Err(error) => (None, Err(error)),
    }
}

/// The reject that a calling canister gets for a failed call (errors.md 2.4, R1, R2, R8).
fn reject_of(error: &UserError) -> Reject {
    match error.code {
        ErrorCode::CanisterDidNotReply => SystemReject::NoResponse.into(),
        _ => Reject::with_code(error),
    }
}

/// True if the caller of a context may read the log of the canister, and so see backtraces.
fn canister_may_show_log(canister: &Canister, id: ContextId) -> bool {
    canister
        .calls
        .get(id)
        .is_some_and(|context| canister.may_read_log(&context.origin.caller()))
}

#[cfg(test)]
mod tests {
    use super::balance_after;

    #[test]
    fn cycles_come_of_nothing_neither_below_zero_nor_above_all() {
        assert_eq!(balance_after(90, 100, 120), Some(110));
        assert_eq!(balance_after(90, 100, 20), Some(10));
        assert_eq!(balance_after(90, 100, 10), Some(0));
        assert_eq!(balance_after(90, 100, 9), None);
        assert_eq!(balance_after(u128::MAX, 1, 2), Some(u128::MAX));
    }
}
