//! Executing calls and responses, applying what they did, and answering (scheduling.md 2.4 to 2.7, metering.md 8).

use candid::Principal;

use super::Subnet;
use super::pending::{Kind, Pending};
use super::turn::Item;
use crate::canister::contexts::{CallContext, Callback, Closure, Origin};
use crate::canister::queues::{CanisterMessage, Ingress, Payload, Request, Response};
use crate::canister::{Canister, ContextId, Status};
use crate::errors::text::shorten_reject;
use crate::errors::{
    CallError, ErrorCode, ExecutionError, Reject, RejectCode, SystemReject, UserError,
};
use crate::execution::{Entry, Execution, Job, Keep};
use crate::outcome::MessageResult;
use crate::statistics::Label;
use crate::system_api::exec::{Answer, MessageView, PerformedCall};
use crate::system_api::mode::Mode;
use crate::wasm::MethodKind;

/// The part of a callback's instructions that is kept for its cleanup, in percent.
const CLEANUP_PERCENT: u64 = 5;

impl Subnet {
    pub(super) fn execute_ingress(&mut self, canister: &mut Canister, ingress: Ingress) -> Item {
        let origin = Origin::Ingress {
            id: ingress.id,
            sender: ingress.sender,
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
        let price = self.state.fees.execution(limit, wasm64);
        let caller = origin.caller();
        if let Err(error) = self.state.charge(canister, price, Some(&caller)) {
            let error = UserError::new(ErrorCode::CanisterOutOfCycles, error.to_string());
            self.answer(canister, &origin, cycles, Err(error));
            return Item::Done;
        }
        if let Err(error) = check_callable(canister, kind, &method) {
            let unused = self.state.fees.unused(limit, wasm64);
            self.state.refund(canister, unused);
            self.answer(canister, &origin, cycles, Err(error));
            return Item::Done;
        }
        let message = MessageView {
            argument: payload,
            caller: Some(caller),
            deadline: origin.deadline_ns(),
            available_cycles: cycles,
            ..MessageView::default()
        };
        let context = canister.calls.open(origin, cycles);
        let entry = Entry::Export(format!("{prefix} {method}"));
        let job = self.method_job(canister, entry, mode, limit, message);
        Item::Ran(Box::new(self.run_method(canister, context, job, wasm64)))
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
        Job {
            entry,
            mode,
            message,
            slice: self.state.limits.slice,
            keep: match mode {
                Mode::ReplicatedQuery => Keep::Never,
                _ => Keep::ParkIfSliced,
            },
            ..self.job(canister, limit)
        }
    }

    /// What most jobs have in common: an update under the given limit.
    pub(super) fn job(&self, canister: &Canister, limit: u64) -> Job {
        Job {
            entry: Entry::Export(String::new()),
            mode: Mode::Update,
            time: self.state.time,
            message: MessageView::default(),
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
        wasm64: bool,
    ) -> Pending {
        let (time, version, balance, limit) = (job.time, canister.version, job.balance, job.limit);
        let label = self
            .state
            .statistics
            .is_some()
            .then(|| Label::of(&job.entry, job.mode));
        let execution = self.state.runtime.run(canister, job);
        if let (Some(statistics), Some(label)) = (&mut self.state.statistics, label) {
            let cycles = self
                .state
                .fees
                .executed(limit, execution.instructions, wasm64);
            statistics.method(canister.id, label, context, &execution, cycles);
        }
        Pending {
            context,
            kind: Kind::Method,
            execution: Box::new(execution),
            time,
            version,
            balance,
            limit,
            prepaid: self.state.fees.execution(limit, wasm64),
            wasm64,
            cleanup: None,
            done: 0,
            aborted: false,
        }
    }

    /// Runs an execution again that a checkpoint aborted: as before, at the time of this round. It is paid for and counted.
    pub(super) fn begin_anew(&mut self, canister: &mut Canister, pending: Pending) -> Pending {
        let Pending {
            context,
            kind,
            execution,
            limit,
            prepaid,
            wasm64,
            cleanup,
            ..
        } = pending;
        let Execution {
            entry,
            mode,
            mut message,
            ..
        } = *execution;
        let statistics = self.state.statistics.take();
        let open = canister.calls.get(context);
        message.available_cycles = open.map_or(0, |context| context.available);
        let again = match kind {
            Kind::Method => {
                let job = self.method_job(canister, entry, mode, limit, message);
                self.run_method(canister, context, job, wasm64)
            }
            Kind::Callback(_) => {
                let job = self.callback_job(canister, mode, entry, limit - reserve(limit), message);
                self.run_callback(canister, context, job, cleanup, prepaid, wasm64)
            }
        };
        self.state.statistics = statistics;
        // What was prepaid at first is what comes back.
        Pending { prepaid, ..again }
    }

    /// Takes a response: credits what it brings and runs the callback.
    pub(super) fn execute_response(&mut self, canister: &mut Canister, response: Response) -> Item {
        canister.cycles = canister.cycles.saturating_add(response.refund);
        let Some(callback) = canister.calls.take_callback(response.callback) else {
            return Item::Done;
        };
        let sent = self.state.fees.transmission(response.payload.bytes());
        let unsent = callback.prepaid_transmission.saturating_sub(sent);
        self.state.refund(canister, unsent);
        let limit = self.state.limits.message;
        let wasm64 = canister
            .code
            .as_ref()
            .is_some_and(|code| code.module.facts.memory64);
        let context = canister.calls.get(callback.context).cloned();
        let Some(context) = context.filter(|context| !context.deleted && canister.code.is_some())
        else {
            let unused = self
                .state
                .fees
                .unused(limit, wasm64)
                .min(callback.prepaid_execution);
            self.state.refund(canister, unused);
            canister.calls.close_if_done(callback.context);
            return Item::Done;
        };
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
        let prepaid = callback.prepaid_execution;
        Item::Ran(Box::new(
            self.run_callback(canister, context, job, cleanup, prepaid, wasm64),
        ))
    }

    /// Runs a callback, and the cleanup if it fails.
    fn run_callback(
        &mut self,
        canister: &mut Canister,
        context: ContextId,
        job: Job,
        closure: Option<Closure>,
        prepaid: u128,
        wasm64: bool,
    ) -> Pending {
        let limit = self.state.limits.message;
        let (time, version, balance) = (job.time, canister.version, job.balance);
        let execution = self.state.runtime.run(canister, job);
        if let Some(statistics) = &mut self.state.statistics {
            let cycles = self
                .state
                .fees
                .executed(limit, execution.instructions, wasm64);
            statistics.callback(canister.id, context, &execution, cycles);
        }
        let mut cleanup = None;
        if let (Err(_), Some(closure)) = (&execution.result, closure) {
            let left = limit - execution.instructions;
            let view = canister.calls.get(context).map(callback_view);
            let (view, entry) = (view.unwrap_or_default(), Entry::Table(closure));
            let job = self.callback_job(canister, Mode::Cleanup, entry, left, view);
            let execution = self.state.runtime.run(canister, job);
            if let Some(statistics) = &mut self.state.statistics {
                let fees = self.state.fees;
                let after = fees.unused(left.saturating_sub(execution.instructions), wasm64);
                let cycles = fees.unused(left, wasm64) - after;
                statistics.callback(canister.id, context, &execution, cycles);
            }
            cleanup = Some(Box::new(execution));
        }
        Pending {
            context,
            kind: Kind::Callback(cleanup),
            execution: Box::new(execution),
            time,
            version,
            balance,
            limit,
            prepaid,
            wasm64,
            cleanup: closure,
            done: 0,
            aborted: false,
        }
    }

    fn callback_job(
        &self,
        canister: &Canister,
        mode: Mode,
        entry: Entry,
        limit: u64,
        message: MessageView,
    ) -> Job {
        Job {
            entry,
            mode,
            message,
            slice: self.state.limits.slice,
            reported_limit: self.state.limits.message,
            keep: Keep::ParkIfSliced,
            ..self.job(canister, limit)
        }
    }

    /// Applies the effects of an execution and answers its call if it is due.
    pub(super) fn conclude(&mut self, canister: &mut Canister, pending: Pending) {
        let Pending {
            context,
            kind,
            mut execution,
            time,
            version,
            balance,
            limit,
            prepaid,
            wasm64,
            ..
        } = pending;
        let mut instructions = execution.instructions;
        self.record(canister, context, &mut execution, time);
        let (effects, result) = match kind {
            Kind::Method | Kind::Callback(None) => split(*execution),
            Kind::Callback(Some(mut cleanup)) => {
                instructions += cleanup.instructions;
                self.record(canister, context, &mut cleanup, time);
                let (_, callback_result) = split(*execution);
                let (effects, cleanup_result) = split(*cleanup);
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
        let unused = self
            .state
            .fees
            .unused(limit.saturating_sub(instructions), wasm64)
            .min(prepaid);
        if let Some(effects) = effects {
            self.apply(canister, context, effects, version, balance);
        }
        self.state.refund(canister, unused);
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
        let Some(profile) = &mut self.state.profile else {
            return;
        };
        let entry = match (&execution.entry, canister.calls.get(context)) {
            (Entry::Export(_), Some(begun)) => {
                let label = Label::of(&execution.entry, execution.mode).text();
                profile.method(canister.id, &label, &begun.origin, context)
            }
            _ => profile.callback(canister.id, execution.mode.callback_name(), context),
        };
        execution.add_to(profile, entry);
    }

    /// Applies what a successful execution asked for.
    fn apply(
        &mut self,
        canister: &mut Canister,
        context: ContextId,
        execution: Execution,
        version: u64,
        balance: u128,
    ) {
        let change = execution.balance.wrapping_sub(balance);
        canister.cycles = canister.cycles.wrapping_add(change);
        canister.reserved_cycles += execution.reserved;
        canister.version += 1;
        if let Some(timer) = execution.timer_set {
            canister.global_timer = timer;
        }
        if let Some(data) = execution.certified_data {
            canister.certified_data = data;
        }
        if let Some(context) = canister.calls.get_mut(context) {
            context.available = execution.message.available_cycles;
        }
        if let Some(parked) = execution.parked {
            self.state.runtime.unpark(canister, *parked);
        }
        if execution.grew {
            canister.update_hook(self.state.bookkeeping);
        }
        for call in execution.calls {
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
        self.state.usage.charged(price);
        let to_management = self.is_management(&call.callee);
        let callee = if to_management {
            Principal::management_canister()
        } else {
            call.callee
        };
        let callback = canister.calls.register(Callback {
            context,
            callee,
            reply: call.on_reply,
            reject: call.on_reject,
            cleanup: call.on_cleanup,
            prepaid_execution,
            prepaid_transmission,
            deadline,
        });
        if let Some(profile) = &mut self.state.profile {
            profile.sent(canister.id, callback, place);
        }
        let request = Request {
            sender: canister.id,
            receiver: call.callee,
            callback,
            cycles: call.cycles,
            method: call.method,
            payload: call.payload,
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
            self.answer(canister, &origin, refund, answer);
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
    fn answer(
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
    limit * CLEANUP_PERCENT / 100
}

/// What the callbacks of a context see of the call that they help to answer.
fn callback_view(context: &CallContext) -> MessageView {
    MessageView {
        caller: Some(context.origin.caller()),
        deadline: context.origin.deadline_ns(),
        answered: context.responded,
        available_cycles: context.available,
        context_instructions: context.instructions,
        ..MessageView::default()
    }
}

/// The effects of an execution, if it succeeded, and its result.
fn split(mut execution: Execution) -> (Option<Execution>, Result<Option<Answer>, ExecutionError>) {
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
