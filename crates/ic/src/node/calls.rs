//! Executing calls and responses: which function runs, in which circumstances (scheduling.md 2.7, metering.md 8). What
//! comes of it is `conclusion`'s business.

use super::Node;
use super::pending::{Kind, Pending};
use super::prepayment::Prepayment;
use super::turn::Item;
use crate::canister::consumed::Purpose;
use crate::canister::contexts::{CallContext, Closure, Origin};
use crate::canister::queues::{Ingress, Payload, Request, Response};
use crate::canister::{Canister, ContextId, Status};
use crate::errors::{CallError, ErrorCode, ExecutionError, UserError};
use crate::execution::{Entry, Execution, Job, Keep};
use crate::ic0::exec::MessageView;
use crate::ic0::mode::Mode;
use crate::module::MethodKind;
use crate::observe::Cause;

/// The part of a callback's instructions that is kept for its cleanup, in percent.
const CLEANUP_PERCENT: u64 = 5;

impl Node {
    pub(super) fn execute_ingress(&mut self, canister: &mut Canister, ingress: Ingress) -> Item {
        let origin = Origin::Ingress {
            id: ingress.id,
            sender: ingress.sender,
            info: ingress.info,
        };
        self.execute_call(canister, origin, 0, ingress.method, ingress.payload)
    }

    pub(super) fn execute_request(&mut self, canister: &mut Canister, request: Request) -> Item {
        let origin = Origin::Canister {
            sender: request.sender,
            callback: request.callback,
            deadline: request.deadline,
        };
        self.execute_call(
            canister,
            origin,
            request.cycles,
            request.method,
            request.payload,
        )
    }

    fn execute_call(
        &mut self,
        canister: &mut Canister,
        origin: Origin,
        cycles: u128,
        method: String,
        payload: Vec<u8>,
    ) -> Item {
        if let Some(error) = self.take_fault(&canister.id, &method) {
            self.fail(canister, &origin, cycles, error);
            return Item::Done;
        }
        let code = canister.code.as_ref();
        let kind = code.and_then(|code| code.module.facts.methods.get(&method).copied());
        let wasm64 = code.is_some_and(|code| code.module.facts.memory64);
        let (mode, limit, prefix) = match kind {
            Some(MethodKind::Query) => (
                Mode::ReplicatedQuery,
                self.state.limits.without_slicing,
                "canister_query",
            ),
            _ => (Mode::Update, self.state.limits.message, "canister_update"),
        };
        let caller = origin.caller();
        let paid = Prepayment::take(&mut self.state, canister, limit, wasm64, Some(&caller));
        let prepayment = match paid {
            Ok(prepayment) => prepayment,
            Err(error) => {
                let error = UserError::new(ErrorCode::CanisterOutOfCycles, error.to_string());
                self.answer_origin(canister, &origin, cycles, Err(error));
                return Item::Unpaid;
            }
        };
        if let Err(error) = check_callable(canister, kind, &method) {
            prepayment.settle(&mut self.state, canister, 0);
            self.answer_origin(canister, &origin, cycles, Err(error));
            return Item::Done;
        }
        let message = MessageView {
            argument: payload,
            caller: Some(caller),
            caller_info: origin.caller_info(),
            deadline: origin.deadline_ns(),
            available_cycles: cycles,
            ..MessageView::default()
        };
        let context = canister.calls.open(origin, cycles);
        let entry = Entry::Export([prefix, " ", &method].concat());
        let job = self.method_job(canister, entry, mode, limit, message);
        Item::Ran(self.run_method(canister, context, job, prepayment))
    }

    /// The first execution of a call or task.
    pub(super) fn method_job(
        &self,
        canister: &Canister,
        entry: Entry,
        mode: Mode,
        limit: u64,
        message: MessageView,
    ) -> Job {
        let mut job = self.job(canister, entry, mode, limit, message);
        job.slice = self.state.limits.slice;
        job.keep = match mode {
            Mode::ReplicatedQuery => Keep::Never,
            _ => Keep::ParkIfSliced,
        };
        job
    }

    /// What most jobs have in common: they run in one slice, and keep what they change.
    pub(super) fn job(
        &self,
        canister: &Canister,
        entry: Entry,
        mode: Mode,
        limit: u64,
        message: MessageView,
    ) -> Job {
        Job {
            entry,
            mode,
            time: self.state.time,
            message,
            limit,
            slice: limit,
            reported_limit: limit,
            balance: canister.cycles,
            free_callbacks: self.state.free_callbacks(canister),
            memory: self.state.memory_rules(canister),
            keep: Keep::IfSuccessful,
        }
    }

    /// Runs the first execution of a context.
    pub(super) fn run_method(
        &mut self,
        canister: &mut Canister,
        context: ContextId,
        job: Job,
        prepayment: Prepayment,
    ) -> Box<Pending> {
        let (time, version, balance) = (job.time, canister.version, job.balance);
        let execution = self.state.runtime.run(canister, job);
        let (fees, used) = (&self.state.fees, execution.instructions);
        self.observers
            .executed(canister, Cause::Call(context), &execution, || {
                fees.executed(prepayment.instructions(), used, prepayment.wasm64())
            });
        Box::new(Pending {
            context,
            kind: Kind::Method,
            execution,
            time,
            version,
            balance,
            prepayment,
            cleanup: None,
            done: 0,
            aborted: false,
        })
    }

    /// Runs an execution again that a checkpoint aborted: as before, at the time of this round. It is paid for and counted.
    pub(super) fn begin_anew(&mut self, canister: &mut Canister, pending: Pending) -> Box<Pending> {
        let Pending {
            context,
            kind,
            execution,
            prepayment,
            cleanup,
            ..
        } = pending;
        let limit = prepayment.instructions();
        let Execution {
            entry,
            mode,
            mut message,
            ..
        } = *execution;
        let observers = std::mem::take(&mut self.observers);
        let open = canister.calls.get(context);
        message.available_cycles = open.map_or(0, |context| context.available);
        let again = match kind {
            Kind::Method => {
                let job = self.method_job(canister, entry, mode, limit, message);
                self.run_method(canister, context, job, prepayment)
            }
            Kind::Callback(_) => {
                let job = self.callback_job(canister, mode, entry, limit - reserve(limit), message);
                self.run_callback(canister, context, job, cleanup, prepayment)
            }
        };
        self.observers = observers;
        again
    }

    /// Takes a response: credits what it brings and runs the callback.
    pub(super) fn execute_response(&mut self, canister: &mut Canister, response: Response) -> Item {
        canister.cycles = canister.cycles.saturating_add(response.refund);
        let Some(callback) = canister.calls.take_callback(response.callback) else {
            return Item::Done;
        };
        let sent = self.state.fees.transmission(response.payload.bytes());
        let unsent = callback.prepaid_transmission.saturating_sub(sent);
        self.state
            .refund_for(Purpose::Transmission, canister, unsent);
        let limit = self.state.limits.message;
        let context = canister.calls.get(callback.context).cloned();
        let Some(context) = context.filter(|context| !context.deleted && canister.code.is_some())
        else {
            // The module that the call was paid for may be gone: which width it had, its price tells.
            let wasm64 = callback.prepaid_execution > self.state.fees.execution(limit, false);
            let prepayment = Prepayment::of_callback(limit, wasm64, callback.prepaid_execution);
            prepayment.settle(&mut self.state, canister, 0);
            canister.calls.close_if_done(callback.context);
            return Item::Done;
        };
        let wasm64 = canister
            .code
            .as_ref()
            .is_some_and(|code| code.module.facts.memory64);
        let prepayment = Prepayment::of_callback(limit, wasm64, callback.prepaid_execution);
        let mut message = callback_view(&context);
        message.refunded_cycles = response.refund;
        let (mode, closure) = match response.payload {
            Payload::Reply(data) => {
                message.argument = data;
                (Mode::Reply, callback.reply)
            }
            Payload::Reject(reject) => {
                message.reject = Some(reject);
                (Mode::Reject, callback.reject)
            }
        };
        let entry = Entry::Table(closure);
        let job = self.callback_job(canister, mode, entry, limit - reserve(limit), message);
        let (context, cleanup) = (callback.context, callback.cleanup);
        Item::Ran(self.run_callback(canister, context, job, cleanup, prepayment))
    }

    /// Runs a callback, and the cleanup if it fails.
    fn run_callback(
        &mut self,
        canister: &mut Canister,
        context: ContextId,
        job: Job,
        closure: Option<Closure>,
        prepayment: Prepayment,
    ) -> Box<Pending> {
        let wasm64 = prepayment.wasm64();
        let limit = self.state.limits.message;
        let (time, version, balance) = (job.time, canister.version, job.balance);
        let execution = self.state.runtime.run(canister, job);
        let (fees, cause) = (&self.state.fees, Cause::Callback(context));
        self.observers.executed(canister, cause, &execution, || {
            fees.executed(limit, execution.instructions, wasm64)
        });
        let mut cleanup = None;
        if let (Err(_), Some(closure)) = (&execution.result, closure) {
            cleanup = Some(self.run_cleanup(canister, context, &execution, closure, wasm64));
        }
        Box::new(Pending {
            context,
            kind: Kind::Callback(cleanup),
            execution,
            time,
            version,
            balance,
            prepayment,
            cleanup: closure,
            done: 0,
            aborted: false,
        })
    }

    /// Runs the cleanup of a callback that has failed.
    pub(super) fn run_cleanup(
        &mut self,
        canister: &mut Canister,
        context: ContextId,
        callback: &Execution,
        closure: Closure,
        wasm64: bool,
    ) -> Box<Execution> {
        let left = self.state.limits.message - callback.instructions;
        let view = canister.calls.get(context).map(callback_view);
        let view = MessageView {
            reject: callback.message.reject.clone(),
            ..view.unwrap_or_default()
        };
        let entry = Entry::Table(closure);
        let mut job = self.callback_job(canister, Mode::Cleanup, entry, left, view);
        // What follows several slices becomes visible with the last one, and not at all if a checkpoint comes before.
        if callback.slices.len() > 1 {
            job.keep = Keep::Park;
        }
        let execution = self.state.runtime.run(canister, job);
        let (fees, cause) = (&self.state.fees, Cause::Callback(context));
        self.observers.executed(canister, cause, &execution, || {
            let after = fees.unused(left.saturating_sub(execution.instructions), wasm64);
            fees.unused(left, wasm64) - after
        });
        execution
    }

    fn callback_job(
        &self,
        canister: &Canister,
        mode: Mode,
        entry: Entry,
        limit: u64,
        message: MessageView,
    ) -> Job {
        let mut job = self.job(canister, entry, mode, limit, message);
        job.slice = self.state.limits.slice;
        job.reported_limit = self.state.limits.message;
        job.keep = Keep::ParkIfSliced;
        job
    }
}

/// Why a call cannot be executed, in the order of the checks (errors.md 2.6).
fn check_callable(
    canister: &Canister,
    kind: Option<MethodKind>,
    method: &str,
) -> Result<(), UserError> {
    let id = canister.id;
    if !canister.status.is_running() {
        return match canister.status {
            Status::Stopped => Err(CallError::Stopped(id).into()),
            _ => Err(CallError::Stopping(id).into()),
        };
    }
    let Some(code) = &canister.code else {
        return Err(ExecutionError::WasmModuleNotFound.into_user_error(id));
    };
    match kind {
        None => Err(ExecutionError::MethodNotFound {
            kind: "update",
            name: method.to_owned(),
        }
        .into_user_error(id)),
        Some(MethodKind::CompositeQuery) => Err(CallError::CompositeQuery.into()),
        Some(MethodKind::Query) => Ok(()),
        Some(MethodKind::Update) => {
            let limit = canister.settings.wasm_memory_limit;
            let bytes = code.heap_bytes();
            if limit != 0 && bytes > limit {
                return Err(
                    ExecutionError::WasmMemoryLimitExceeded { bytes, limit }.into_user_error(id)
                );
            }
            Ok(())
        }
    }
}

/// The instructions of a callback that are kept for its cleanup.
fn reserve(limit: u64) -> u64 {
    (u128::from(limit) * u128::from(CLEANUP_PERCENT) / 100) as u64
}

/// What the callbacks of a context see of the call that they help to answer.
fn callback_view(context: &CallContext) -> MessageView {
    MessageView {
        caller: Some(context.origin.caller()),
        caller_info: context.origin.caller_info(),
        deadline: context.origin.deadline_ns(),
        answered: context.responded,
        available_cycles: context.available,
        context_instructions: context.instructions,
        ..MessageView::default()
    }
}
