//! One round, phase by phase (scheduling.md 1.1 and 1.15).

use candid::Principal;

use super::Node;
use super::budget::{Budget, CORES};
use super::management_queue::ManagementCall;
use crate::canister::Status;
use crate::errors::{ErrorCode, UserError};
use crate::management::raw_rand::RoundRandomness;
use crate::management::{Caller, Method, Notice, Verdict};
use crate::module::memory::PAGE_SIZE;

/// Nanoseconds of a second.
pub(super) const SECOND: u64 = 1_000_000_000;
/// Seconds after which a request to stop fails.
const STOP_TIMEOUT: u64 = 300;
/// The part of a round's instructions that management calls may use.
const MANAGEMENT_SHARE: u64 = 16;

impl Node {
    /// Runs one round (scheduling.md 1.1).
    pub fn tick(&mut self) {
        let _texts = self.texts();
        self.state.time = self.clock.tick();
        self.state.round += 1;
        self.state.metrics.block_makers.round(self.state.time);
        self.state.random = RoundRandomness::new(self.state.round, self.state.config.seed);
        self.observers
            .round_begins(self.state.round, self.state.time);
        let checkpoint = self.is_checkpoint_due();
        if checkpoint {
            // What is installed in such a round pays in full (metering.md 5.2).
            self.state.known_modules.clear();
        }
        self.state.refresh_memory();
        self.expire();
        self.induct_loopback();
        self.induct_ingress();
        self.continue_install();
        self.run_iterations();
        self.finish_stopping();
        self.answer_outcalls();
        self.pay_off_debits();
        self.charge_resources();
        self.route_outputs();
        self.state.tell_metrics();
        if checkpoint {
            self.checkpoint();
        }
    }

    /// A round passes for canisters that installed or changed too much.
    fn pay_off_debits(&mut self) {
        if self.state.has_rate_limits() {
            let canisters = &mut self.state.canisters;
            canisters.for_each_busy(|canister| canister.debits.pay_off());
        }
    }

    /// The inner loop: management calls, tasks, canisters, and messages between them until nothing is left or the budget is used up.
    fn run_iterations(&mut self) {
        let mut budget = Budget::new(self.state.limits.round_budget());
        let mut management_budget =
            i64::try_from(self.state.limits.round / MANAGEMENT_SHARE).unwrap_or(i64::MAX);
        let pages_before = self.state.usage.heap_pages + self.state.usage.stable_pages;
        let mut first = true;
        self.used_up = false;
        self.state.canisters.stir();
        loop {
            self.drain_management(&mut management_budget);
            if std::mem::take(&mut first) {
                self.schedule_tasks();
            }
            let paused = &self.paused;
            let canisters = &mut self.state.canisters;
            canisters.settle(|id| paused.contains_key(id));
            let active = self.active_canisters();
            if active.is_empty() {
                break;
            }
            budget.begin_iteration();
            let mut consumed = false;
            for (position, id) in active {
                consumed |= self.run_turn(id, position, &mut budget);
            }
            let pages = self.state.usage.heap_pages + self.state.usage.stable_pages - pages_before;
            let may_go_on = budget.end_iteration(self.state.canisters.len());
            self.used_up = !may_go_on;
            if !consumed || !may_go_on || pages * PAGE_SIZE as u64 >= self.state.limits.heap_delta {
                break;
            }
            self.induct_locally();
        }
        let canisters = &mut self.state.canisters;
        canisters.for_each_busy(|canister| canister.tasks.clear());
        self.rested.clear();
    }

    /// Canisters with something to execute, each with its place among those that share the cores: executions under way first, then
    /// the newest canister first. Those that come first on their cores run in the order of their ids, then those behind them.
    fn active_canisters(&self) -> Vec<(usize, Principal)> {
        let mut active: Vec<Principal> = self
            .state
            .canisters
            .stirred()
            .filter(|canister| self.may_run(canister))
            .map(|canister| canister.id)
            .collect();
        if active.len() < 2 {
            return active.into_iter().map(|id| (0, id)).collect();
        }
        active.sort_by_key(|id| (!self.paused.contains_key(id), std::cmp::Reverse(*id)));
        let mut placed: Vec<_> = active.into_iter().enumerate().collect();
        placed.sort_by_key(|(position, id)| (position / CORES, *id));
        placed
    }

    /// Executes the calls of the management canister that wait. A heavy one that uses up the budget ends the drain; while there
    /// is none left, only the light ones are executed.
    fn drain_management(&mut self, budget: &mut i64) {
        if self.management.is_empty() {
            return;
        }
        let date = self.state.config.protocol.date;
        let mut calls = self.management.take();
        while let Some(mut call) = calls.pop_front() {
            let method = self.state.method(call.method());
            let effective = method
                .and_then(|method| call.open(method, date).canister().ok())
                .flatten();
            let busy = effective
                .is_some_and(|id| self.is_paused_for(&id, method) || self.is_installing(&id))
                || method.is_some_and(|method| self.waits_for_install(method));
            let heavy = method.is_some_and(Method::is_heavy);
            if busy || heavy && *budget <= 0 {
                self.management.postpone(call);
                continue;
            }
            let before = self.state.usage.instructions;
            self.execute_management(call);
            if heavy {
                *budget -= (self.state.usage.instructions - before) as i64;
                if *budget <= 0 {
                    break;
                }
            }
        }
        calls
            .into_iter()
            .for_each(|call| self.management.postpone(call));
    }

    /// Whether a call of the management canister waits for an execution of this canister that is not at its end. One that was aborted
    /// keeps only those waiting that would take the canister or its code away from it (scheduling.md 1.4).
    fn is_paused_for(&self, id: &Principal, method: Option<Method>) -> bool {
        let Some(pending) = self.paused.get(id) else {
            return false;
        };
        !pending.aborted
            || matches!(
                method,
                Some(
                    Method::StopCanister
                        | Method::DeleteCanister
                        | Method::InstallCode
                        | Method::InstallChunkedCode
                        | Method::UninstallCode
                        | Method::TakeCanisterSnapshot
                        | Method::LoadCanisterSnapshot
                )
            )
    }

    fn execute_management(&mut self, mut call: ManagementCall) {
        let mut notices = Vec::new();
        self.observers.management_begins(match &call {
            ManagementCall::Ingress(_) => None,
            ManagementCall::Canister(request) => Some((request.sender, request.callback)),
        });
        let date = self.state.config.protocol.date;
        let method = self.state.method(call.method());
        let method = method.map(|method| (method, call.take_argument(method, date)));
        let caller = match &call {
            ManagementCall::Ingress(ingress) => Caller::User {
                id: ingress.id,
                sender: ingress.sender,
            },
            ManagementCall::Canister(request) => Caller::Canister(Box::new(request.clone())),
        };
        let verdict = crate::management::execute(
            &mut self.state,
            &mut self.outcalls,
            caller,
            method.ok_or(call.method()),
            call.payload().len(),
            &mut notices,
            &mut self.observers,
        );
        // What is created in a round has no place among those that run in it (scheduling.md 1.9).
        self.rested.extend(self.state.created.take());
        if let Verdict::Answered { result, refund } = verdict {
            match self.state.long_install.take() {
                Some(install) => self.begin_install(install, call, result, refund),
                None => self.answer_management(call, result, refund),
            }
        }
        for notice in notices {
            self.deliver_notice(notice);
        }
    }

    /// Answers a call of the management canister.
    pub(super) fn answer_management(
        &mut self,
        call: ManagementCall,
        result: Result<Vec<u8>, UserError>,
        refund: u128,
    ) {
        match call {
            ManagementCall::Ingress(ingress) => {
                self.answer_ingress(ingress.id, crate::answer::MessageResult::from(result));
            }
            ManagementCall::Canister(request) => {
                self.answer_from_management(request, result, refund);
            }
        }
    }

    /// Passes on what a management method decided about others.
    pub(super) fn deliver_notice(&mut self, notice: Notice) {
        match notice {
            Notice::ToUser(id, result) => self.answer_ingress(id, result),
            Notice::FromManagement(request, result) => {
                let refund = request.cycles;
                self.answer_from_management(request, result, refund);
            }
            Notice::FromCanister(response) => {
                if let Some(canister) = self.state.canisters.get_mut(&response.respondent) {
                    canister
                        .outputs
                        .push(crate::canister::queues::CanisterMessage::Response(response));
                }
            }
        }
    }

    /// Stopping canisters without open calls become stopped; requests that waited too long fail.
    fn finish_stopping(&mut self) {
        let time = self.state.time;
        let mut answers = Vec::new();
        let paused = &self.paused;
        self.state.canisters.for_each_busy(|canister| {
            let Status::Stopping(waiters) = &mut canister.status else {
                return;
            };
            if canister.calls.is_empty() && !paused.contains_key(&canister.id) {
                let waiters = std::mem::take(waiters);
                canister.status = Status::Stopped;
                canister.version += 1;
                answers.extend(waiters.into_iter().map(|(waiter, _)| (waiter, true)));
                return;
            }
            let (late, waiting): (Vec<_>, _) = std::mem::take(waiters)
                .into_iter()
                .partition(|(_, since)| time.saturating_sub(*since) > STOP_TIMEOUT * SECOND);
            *waiters = waiting;
            answers.extend(late.into_iter().map(|(waiter, _)| (waiter, false)));
        });
        for (waiter, stopped) in answers {
            let result = if stopped {
                Ok(crate::management::empty_reply())
            } else {
                Err(UserError::new(
                    ErrorCode::StopCanisterRequestTimeout,
                    "Stop canister request timed out",
                ))
            };
            self.deliver_notice(Notice::to_waiter(waiter, result));
        }
    }
}
