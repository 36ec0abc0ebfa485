//! Queries: run between rounds on the latest state, leave nothing behind, and may call other queries (scheduling.md 3).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use candid::Principal;
use drun_engine::record::Stack;

use super::Node;
use super::query_cache::{Asked, Cached, Seen};
use crate::answer::MessageResult;
use crate::canister::contexts::Closure;
use crate::canister::queues::CallerInfo;
use crate::canister::{Canister, Status};
use crate::certify::Certificate;
use crate::errors::{ExecutionError, QueryError, Reject, UserError};
use crate::execution::{Entry, Execution, Keep, Parked};
use crate::ic0::exec::{Answer, Dependencies, MessageView, PerformedCall};
use crate::ic0::mode::Mode;
use crate::module::MethodKind;
use crate::observe::Cause;

/// Calls may be nested so deep.
const MAX_DEPTH: u64 = 6;
/// Instructions charged for each call beside what the callee uses.
const CALL_OVERHEAD: i64 = 50_000_000;

/// The method of the management canister whose refusal in composite queries is never delivered (errors.md 5.7).
const LOST_METHOD: &str = "fetch_canister_logs";

/// A query and all queries that it calls.
struct Tree {
    root: Principal,
    instructions_left: i64,
    canisters: BTreeMap<Principal, Seen>,
    dependencies: Dependencies,
    /// An error occurred that may be gone the next time.
    transient: bool,
    /// Where the next method was called, for who watches.
    place: Stack,
    asked: Asked,
}

/// Why a query failed.
enum Failure {
    /// It failed; a calling query goes on.
    Own(UserError),
    /// The whole tree fails.
    Tree(QueryError),
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        Failure::Own(error.into())
    }
}

/// The call context of a composite query.
struct Context<'a> {
    caller: Principal,
    info: Option<Arc<CallerInfo>>,
    method: &'a str,
    instructions: u64,
    waiting: VecDeque<PerformedCall>,
    state: Option<Box<Parked>>,
    /// Its place for who watches.
    entry: Stack,
}

impl Node {
    /// Runs a query on the latest state. Nothing of it stays but what the canister printed.
    pub fn query(
        &mut self,
        from: Principal,
        to: Principal,
        method: &str,
        argument: Vec<u8>,
    ) -> MessageResult {
        self.query_with_info(from, None, to, method, argument)
    }

    /// As [`Node::query`], with what the query tells about its sender; see [`Node::submit_with_info`].
    pub fn query_with_info(
        &mut self,
        from: Principal,
        info: Option<CallerInfo>,
        to: Principal,
        method: &str,
        argument: Vec<u8>,
    ) -> MessageResult {
        let _texts = self.texts();
        self.run_tree(
            Asked::ByUser(info.map(Arc::new)),
            from,
            to,
            method,
            argument,
        )
    }

    /// Runs the function that transforms the response of an HTTP outcall.
    pub(super) fn transform(
        &mut self,
        canister: Principal,
        method: &str,
        argument: Vec<u8>,
    ) -> MessageResult {
        // Who transforms by right can tell by this caller (interface specification, http_request).
        let caller = Principal::management_canister();
        let asked = match self.state.config.protocol.transforms_have_a_context {
            true => Asked::ToTransform,
            false => Asked::ByUser(None),
        };
        self.run_tree(asked, caller, canister, method, argument)
    }

    fn run_tree(
        &mut self,
        asked: Asked,
        sender: Principal,
        canister: Principal,
        method: &str,
        payload: Vec<u8>,
    ) -> MessageResult {
        if self.is_management(&canister) {
            return match crate::management::query(&self.state, &sender, method, &payload) {
                Ok(reply) => MessageResult::Replied(reply),
                Err(error) => MessageResult::Failed(error),
            };
        }
        let key = (sender, canister, method.to_owned(), payload, asked);
        if let Some(error) = self.take_fault(&canister, &key.2) {
            return MessageResult::Failed(error);
        }
        if let Some(result) = self.query_cache.get(&key, &self.state) {
            return result;
        }
        let mut tree = Tree {
            root: canister,
            instructions_left: self.state.limits.query_graph as i64,
            canisters: BTreeMap::new(),
            dependencies: Dependencies::default(),
            transient: false,
            place: Stack::EMPTY,
            asked: key.4.clone(),
        };
        let result = match self.evaluate(&mut tree, 0, canister, &key.2, key.3.clone(), sender) {
            Ok(Answer::Reply(data)) => MessageResult::Replied(data),
            Ok(Answer::Reject(text)) => MessageResult::Rejected(text),
            Err(Failure::Own(error)) => MessageResult::Failed(error),
            Err(Failure::Tree(error)) => MessageResult::Failed(error.into()),
        };
        if !tree.transient && !tree.canisters.is_empty() {
            let entry = Cached {
                result: result.clone(),
                canisters: tree.canisters,
                time: self.state.time,
                dependencies: tree.dependencies,
            };
            self.query_cache.insert(key, entry);
        }
        result
    }

    /// Runs a method and everything it calls, depth first.
    fn evaluate(
        &mut self,
        tree: &mut Tree,
        depth: u64,
        id: Principal,
        method: &str,
        payload: Vec<u8>,
        caller: Principal,
    ) -> Result<Answer, Failure> {
        if depth > MAX_DEPTH {
            return Err(Failure::Tree(QueryError::TooDeep));
        }
        if tree.instructions_left <= 0 {
            return Err(Failure::Tree(QueryError::OutOfInstructions));
        }
        let (entry, mode) = self.lookup(tree, depth, id, method)?;
        let certified = id == tree.root && mode != Mode::Transform;
        let certificate = certified.then(|| self.certificate(&id));
        let info = match &tree.asked {
            Asked::ByUser(info) if depth == 0 => info.clone(),
            _ => None,
        };
        let message = MessageView {
            argument: payload,
            caller: Some(caller),
            caller_info: info.clone(),
            certificate,
            ..MessageView::default()
        };
        let mut execution = self.run_query(tree, id, None, entry, mode, message, None);
        let mut context = Context {
            caller,
            info,
            method,
            instructions: execution.instructions,
            waiting: VecDeque::new(),
            state: execution.parked.take(),
            entry: tree.place,
        };
        let mut last;
        loop {
            match std::mem::replace(&mut execution.result, Ok(())) {
                Ok(()) => {
                    if let Some(answer) = execution.answer.take() {
                        return Ok(answer);
                    }
                    context
                        .waiting
                        .extend(in_turn(std::mem::take(&mut execution.calls)));
                    last = Ok(());
                }
                Err(error) => last = Err(error),
            }
            let Some(call) = context.waiting.pop_front() else {
                break;
            };
            if self.is_management(&call.call.callee)
                && call.call.method == LOST_METHOD
                && !self.state.config.protocol.management_answers_queries
            {
                execution.result = last;
                continue;
            }
            execution = self.call_query(tree, depth, id, &mut context, call)?;
        }
        match last {
            Ok(()) => Err(QueryError::NoResponse(id).into()),
            Err(error) => Err(Failure::Own(self.shown(error, &id, &context.caller))),
        }
    }

    /// Finds the method, in the order of the checks of errors.md 2.7.
    fn lookup(
        &mut self,
        tree: &mut Tree,
        depth: u64,
        id: Principal,
        method: &str,
    ) -> Result<(String, Mode), Failure> {
        let Some(canister) = self.state.canisters.get(&id) else {
            tree.transient = true;
            return Err(QueryError::CanisterNotFound(id).into());
        };
        // Who has no code or no such method may have it the next time.
        tree.canisters.insert(id, Seen::of(canister));
        if matches!(canister.status, Status::Stopped) {
            tree.transient = true;
            return Err(QueryError::Stopped(id).into());
        }
        let fail = |error: ExecutionError| Err(Failure::Own(error.into_user_error(id)));
        let Some(code) = &canister.code else {
            return fail(ExecutionError::WasmModuleNotFound);
        };
        let (export, mode) = match code.module.facts.methods.get(method) {
            Some(MethodKind::CompositeQuery) => ("canister_composite_query", Mode::CompositeQuery),
            Some(MethodKind::Query) if tree.asked == Asked::ToTransform => {
                ("canister_query", Mode::Transform)
            }
            Some(MethodKind::Query) if depth == 0 => ("canister_query", Mode::Query),
            Some(MethodKind::Query) => ("canister_query", Mode::CompositeQuery),
            _ => {
                return fail(ExecutionError::MethodNotFound {
                    kind: "query",
                    name: method.to_owned(),
                });
            }
        };
        if canister.cycles < self.state.freezing_threshold(canister) {
            tree.transient = true;
            return Err(QueryError::Frozen(id).into());
        }
        if !canister.status.is_running() {
            tree.transient = true;
            return Err(QueryError::Stopping(id).into());
        }
        Ok((format!("{export} {method}"), mode))
    }

    /// Runs one entry point of a query, on the committed state or on one that was set aside.
    #[expect(clippy::too_many_arguments, reason = "each is a part of one job")]
    fn run_query(
        &mut self,
        tree: &mut Tree,
        id: Principal,
        closure: Option<Closure>,
        export: String,
        mode: Mode,
        message: MessageView,
        on: Option<(&mut Context<'_>, u64)>,
    ) -> Box<Execution> {
        let execution = self.lend(&id, |node, canister| {
            let left = u64::try_from(tree.instructions_left).unwrap_or(0);
            let limit = match &on {
                Some((_, limit)) => *limit,
                None => left.min(node.state.limits.without_slicing),
            };
            let entry = match closure {
                Some(closure) => Entry::Table(closure),
                None => Entry::Export(export),
            };
            let mut job = node.job(canister, entry, mode, limit, message);
            // Queries run alone: what the executions of a round have to share is not divided for them.
            job.memory.subnet_available = node.state.memory_capacity();
            job.keep = match mode {
                Mode::Query | Mode::Transform => Keep::Never,
                _ => Keep::Park,
            };
            let (method, place) = match &on {
                Some((context, _)) => (context.method, context.entry),
                None => ("", tree.place),
            };
            let mut execution = match on {
                None => node.state.runtime.run(canister, job),
                Some((context, _)) => match context.state.take() {
                    Some(state) => {
                        let (execution, state) = node.state.runtime.run_on(canister, *state, job);
                        context.state = Some(Box::new(state));
                        execution
                    }
                    None => node.state.runtime.run(canister, job),
                },
            };
            let cause = Cause::Query { method, place };
            tree.place = node.tell_query(canister, cause, &mut execution);
            tree.instructions_left -= execution.instructions as i64;
            tree.dependencies.add(execution.dependencies);
            execution
        });
        execution.expect("queries look up their canister first")
    }

    /// Makes a call of a composite query and runs the callback, and the cleanup if that fails.
    fn call_query(
        &mut self,
        tree: &mut Tree,
        depth: u64,
        id: Principal,
        context: &mut Context<'_>,
        performed: PerformedCall,
    ) -> Result<Box<Execution>, Failure> {
        let call = performed.call;
        let to_management = self.is_management(&call.callee);
        let callee = if to_management {
            self.state.subnet_id()
        } else {
            call.callee
        };
        tree.place = performed.place;
        let answered = match self.state.config.protocol.management_answers_queries {
            true if to_management => {
                // It may be another answer the next time (since-october-2025.md 6.1).
                tree.transient = true;
                crate::management::query(&self.state, &id, &call.method, &call.payload)
                    .map(Answer::Reply)
                    .map_err(Failure::Own)
            }
            _ => self.evaluate(tree, depth + 1, callee, &call.method, call.payload, id),
        };
        let result = match answered {
            Err(Failure::Tree(error)) => return Err(Failure::Tree(error)),
            Err(Failure::Own(error)) => {
                tree.transient |= error.code.number() / 100 == 2;
                Err(Reject::without_code(error))
            }
            Ok(Answer::Reject(text)) => Err(Reject::explicit(text)),
            Ok(Answer::Reply(data)) => Ok(data),
        };
        tree.instructions_left -= CALL_OVERHEAD;
        if tree.instructions_left <= 0 {
            return Err(Failure::Tree(QueryError::OutOfInstructions));
        }
        let mut message = MessageView {
            caller: Some(context.caller),
            caller_info: context.info.clone(),
            context_instructions: context.instructions,
            ..MessageView::default()
        };
        let (mode, closure) = match result {
            Ok(data) => {
                message.argument = data;
                (Mode::CompositeReply, call.on_reply)
            }
            Err(reject) => {
                message.reject = Some(reject);
                (Mode::CompositeReject, call.on_reject)
            }
        };
        let limit = u64::try_from(tree.instructions_left)
            .unwrap_or(0)
            .min(self.state.limits.without_slicing);
        let before = context.instructions;
        let export = String::new();
        let mut execution = self.run_query(
            tree,
            id,
            Some(closure),
            export,
            mode,
            message,
            Some((context, limit)),
        );
        context.instructions += execution.instructions;
        if let (Err(error), Some(closure)) = (&execution.result, call.on_cleanup) {
            let message = MessageView {
                caller: Some(context.caller),
                caller_info: context.info.clone(),
                context_instructions: before,
                ..MessageView::default()
            };
            let left = limit - execution.instructions;
            let cleanup = self.run_query(
                tree,
                id,
                Some(closure),
                String::new(),
                Mode::CompositeCleanup,
                message,
                Some((context, left)),
            );
            context.instructions += cleanup.instructions;
            if let Err(cleanup) = cleanup.result {
                execution.result = Err(ExecutionError::Cleanup {
                    callback: Box::new(error.clone()),
                    cleanup: Box::new(cleanup),
                });
            }
        }
        Ok(execution)
    }

    /// Counts an execution that costs no cycles and leaves nothing in the log, tells of it, and tells its place.
    pub(super) fn tell_query(
        &mut self,
        canister: &Canister,
        cause: Cause<'_>,
        execution: &mut Execution,
    ) -> Stack {
        self.state.count(execution);
        self.observers.executed(canister, cause, execution, || 0);
        let place = self.observers.concluded(canister, cause, execution);
        for (_, line) in &execution.prints {
            self.observers.printed(line);
        }
        place
    }

    /// A certificate of the canister's data, made when the canister looks at it.
    fn certificate(&self, id: &Principal) -> Certificate {
        let data = self
            .canister(id)
            .map(|canister| canister.certified_data.clone());
        let by = self.state.config.certification.clone();
        Certificate::new(by, *id, data.unwrap_or_default(), self.state.time)
    }
}

/// The order in which the calls of one execution are made: one of each receiver in turn, receivers ascending.
fn in_turn(calls: Vec<PerformedCall>) -> Vec<PerformedCall> {
    let mut by_receiver: BTreeMap<Principal, VecDeque<PerformedCall>> = BTreeMap::new();
    for call in calls {
        by_receiver
            .entry(call.call.callee)
            .or_default()
            .push_back(call);
    }
    let mut ordered = Vec::new();
    while !by_receiver.is_empty() {
        by_receiver.retain(|_, queue| {
            ordered.extend(queue.pop_front());
            !queue.is_empty()
        });
    }
    ordered
}
