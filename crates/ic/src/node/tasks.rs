//! Heartbeats, timers and low-memory hooks: when they run and how (scheduling.md 4).

use super::Node;
use super::prepayment::Prepayment;
use super::turn::Item;
use crate::canister::Canister;
use crate::canister::contexts::Origin;
use crate::canister::tasks::{LowMemoryHook, Task};
use crate::execution::Entry;
use crate::ic0::exec::MessageView;
use crate::ic0::mode::Mode;

impl Node {
    /// Decides which tasks run in this round, from what waits at its beginning.
    pub(super) fn schedule_tasks(&mut self) {
        let time = self.state.time;
        let installing = self.installing.as_ref().map(|it| it.canister());
        let (paused, rested) = (&self.paused, &self.rested);
        self.state.canisters.for_each_busy(|canister| {
            let Some(code) = &canister.code else {
                return;
            };
            let facts = &code.module.facts;
            let blocked = paused.contains_key(&canister.id)
                || rested.contains(&canister.id)
                || installing == Some(canister.id);
            if !canister.status.is_running() || blocked {
                return;
            }
            let timer = facts.has_global_timer
                && canister.global_timer != 0
                && time >= canister.global_timer;
            let input = !canister.inputs.is_empty();
            let hook = canister.hook == LowMemoryHook::Ready;
            let tasks = canister
                .rotation
                .choose(facts.has_heartbeat, timer, input, hook);
            canister.tasks = tasks.into();
        });
    }

    /// Runs heartbeat or timer. Who cannot pay does not run; a timer then stays active.
    pub(super) fn run_task(&mut self, canister: &mut Canister, task: Task) -> Item {
        match task {
            Task::Heartbeat => {
                self.run_system_task(canister, Mode::Heartbeat, "canister_heartbeat")
            }
            Task::GlobalTimer => {
                self.run_system_task(canister, Mode::GlobalTimer, "canister_global_timer")
            }
        }
    }

    /// Runs the low-memory hook, if the canister has one and runs.
    pub(super) fn run_low_memory_hook(&mut self, canister: &mut Canister) -> Item {
        let exported = canister
            .code
            .as_ref()
            .is_some_and(|code| code.module.facts.has_on_low_wasm_memory);
        if !exported || !canister.status.is_running() {
            return Item::Done;
        }
        self.run_system_task(canister, Mode::LowMemory, "canister_on_low_wasm_memory")
    }

    /// True if the canister can prepay a task. The low-memory hook of one that cannot stays ready.
    pub(super) fn can_pay_for_task(&self, canister: &Canister) -> bool {
        let wasm64 = canister
            .code
            .as_ref()
            .is_some_and(|code| code.module.facts.memory64);
        let price = self.state.fees.execution(self.state.limits.message, wasm64);
        self.state.can_pay(canister, price, None).is_ok()
    }

    fn run_system_task(&mut self, canister: &mut Canister, mode: Mode, export: &str) -> Item {
        let Some(code) = &canister.code else {
            return Item::Done;
        };
        let wasm64 = code.module.facts.memory64;
        let limit = self.state.limits.message;
        let Ok(prepayment) = Prepayment::take(&mut self.state, canister, limit, wasm64, None)
        else {
            return Item::Unpaid;
        };
        if mode == Mode::GlobalTimer {
            canister.global_timer = 0;
        }
        let context = canister.calls.open(Origin::SystemTask, 0);
        let message = MessageView {
            caller: Some(Origin::SystemTask.caller()),
            ..MessageView::default()
        };
        let entry = Entry::Export(export.to_owned());
        let job = self.method_job(canister, entry, mode, limit, message);
        Item::Ran(self.run_method(canister, context, job, prepayment))
    }
}
