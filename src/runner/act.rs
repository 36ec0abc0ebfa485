//! What a script can do to a node beside the messages of the original programs: senders, settings, options, time, cycles, fixtures.
//!
//! Owns how each is done by either program's steps. Which names stand for whom, and what is printed, is not known here.

use candid::{Nat, Principal};
use drun_ic::canister::InstallMode;
use drun_ic::canister::queues::CallerInfo;
use drun_ic::management::encoded;
use drun_ic::management::types::install as types;
use drun_ic::management::types::settings::CanisterSettings;
use drun_ic::mock::HttpMock;
use drun_ic::node::proxy;

use super::driver::{Driver, keeps_heap};
use super::outcome::{MessageKind, MessageResult, Outcome};
use super::{MANAGEMENT, Runner};

/// A runner between two messages: its node, and what its program knows.
pub struct Snapshot {
    node: drun_ic::node::Snapshot,
    driver: Box<dyn Driver>,
}

impl Runner {
    /// What there is now, for [`restore`](Self::restore). It costs the pages of memories that changed since the last snapshot.
    pub fn snapshot(&mut self) -> Snapshot {
        Snapshot {
            node: self.node.snapshot(),
            driver: self.driver.boxed(),
        }
    }

    /// Goes back to a snapshot of this runner. Answers for HTTP outcalls stay.
    ///
    /// # Errors
    /// If the machine has no memory left.
    pub fn restore(&mut self, snapshot: &Snapshot) -> anyhow::Result<()> {
        self.driver = snapshot.driver.boxed();
        self.node.restore(&snapshot.node)
    }

    /// Who sends all messages from now on; the program's own sender if nobody is named.
    pub fn set_sender(&mut self, sender: Option<Principal>) {
        self.sender = sender;
    }

    /// What all messages tell about their sender from now on; nobody checks it (since-october-2025.md 3.1).
    pub fn set_caller_info(&mut self, info: Option<CallerInfo>) {
        self.caller_info = info;
    }

    /// Who sends messages.
    pub(super) fn sender(&self) -> Principal {
        self.sender.unwrap_or_else(|| self.driver.sender())
    }

    /// Creates a canister with settings and perhaps an amount of cycles of its own.
    pub fn create_with(&mut self, settings: CanisterSettings, cycles: Option<u128>) -> Outcome {
        self.measure(MessageKind::Create, None, None, |runner| {
            let id = runner.driver.next_id();
            let mut args = runner.driver.creation(id);
            let mut own = args.settings.take().unwrap_or_default();
            // The sender takes the place of the program's own among the controllers.
            let (from, to) = (runner.driver.sender(), runner.sender());
            for controller in own.controllers.iter_mut().flat_map(|list| &mut list.0) {
                if *controller == from {
                    *controller = to;
                }
            }
            args.settings = Some(CanisterSettings {
                controllers: settings.controllers.clone().or(own.controllers),
                ..settings
            });
            args.amount = cycles.map(Nat::from).or(args.amount);
            let payload = encoded(&args);
            let result = runner.call_management("provisional_create_canister_with_cycles", payload);
            if let (MessageResult::Replied(_), Some(id), None) = (&result, id, cycles) {
                runner.node.add_cycles(&id, runner.driver.cycles_on_top());
            }
            result
        })
    }

    /// Upgrades with options. Whether the heap is kept is the module's own wish if nothing is said.
    pub fn upgrade_with(
        &mut self,
        canister: Principal,
        module: &[u8],
        argument: &[u8],
        skip_pre_upgrade: bool,
        keep: Option<bool>,
    ) -> Outcome {
        let persistence = match keep {
            Some(true) => Some(types::WasmMemoryPersistence::Keep),
            Some(false) => Some(types::WasmMemoryPersistence::Replace),
            None => keeps_heap(module).then_some(types::WasmMemoryPersistence::Keep),
        };
        let payload = encoded(&types::InstallCodeArgs {
            mode: types::CanisterInstallMode::Upgrade(Some(types::UpgradeOptions {
                skip_pre_upgrade: Some(skip_pre_upgrade),
                wasm_memory_persistence: persistence,
            })),
            canister_id: canister,
            wasm_module: module.to_vec(),
            arg: argument.to_vec(),
            sender_canister_version: None,
        });
        self.measure(MessageKind::Upgrade, Some(canister), None, |runner| {
            runner.call_management("install_code", payload)
        })
    }

    /// Sends a message to the management canister, exactly as it is.
    pub fn manage(&mut self, method: &str, argument: Vec<u8>) -> Outcome {
        let kind = MessageKind::Ingress;
        self.measure(kind, Some(MANAGEMENT), Some(method), |runner| {
            runner.call_management(method, argument)
        })
    }

    /// Lets time pass. Timers run when they are due and in that order, also those that are set meanwhile; the last round is at the end
    /// of the time.
    pub fn advance(&mut self, nanoseconds: u64) -> Outcome {
        self.measure(MessageKind::Advance, None, None, |runner| {
            runner.node.run_for(nanoseconds);
            MessageResult::Replied(Vec::new())
        })
    }

    /// Runs rounds.
    pub fn tick(&mut self, rounds: u64) -> Outcome {
        self.measure(MessageKind::Advance, None, None, |runner| {
            for _ in 0..rounds {
                runner.node.tick();
            }
            MessageResult::Replied(Vec::new())
        })
    }

    /// Calls a method with cycles, by way of a canister of ours, since no user has any. The result is the callee's.
    pub fn call(
        &mut self,
        canister: Principal,
        method: &str,
        argument: &[u8],
        cycles: u128,
    ) -> Outcome {
        let caller = proxy::id();
        if self.node.canister(&caller).is_none() {
            let sender = self.sender.take();
            self.unnumbered = true;
            let installed = self.install(InstallMode::Install, caller, proxy::MODULE, b"");
            self.unnumbered = false;
            self.sender = sender;
            if !matches!(installed.result, MessageResult::Replied(_)) {
                return installed;
            }
        }
        self.node
            .add_cycles(&caller, cycles.saturating_add(proxy::CYCLES));
        let kind = MessageKind::Ingress;
        self.measure(kind, Some(canister), Some(method), |runner| {
            let payload = match proxy::argument(canister, method, cycles, argument) {
                Ok(payload) => payload,
                Err(error) => return MessageResult::Failed(error),
            };
            let wait = runner.driver.wait_for_canister(proxy::METHOD);
            proxy::callees(runner.send_and_wait(caller, proxy::METHOD, payload, wait))
        })
    }

    /// Answers HTTP outcalls from now on.
    pub fn respond(&mut self, mock: HttpMock) {
        self.node.respond(mock);
    }

    /// Replaces a canister's stable memory; false if there is no such canister or the content is too large.
    pub fn set_stable_memory(&mut self, canister: &Principal, content: &[u8]) -> bool {
        self.node.set_stable_memory(canister, content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::config::{Compat, Config};

    #[test]
    fn a_call_takes_its_cycles_along_and_brings_the_answer_back() {
        let callee = wat::parse_str(
            r#"(module
              (import "ic0" "msg_cycles_available128" (func $available (param i32)))
              (import "ic0" "msg_reply" (func $reply))
              (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
              (import "ic0" "msg_reject" (func $reject (param i32 i32)))
              (memory 1) (data (i32.const 32) "no")
              (func (export "canister_update go")
                (call $available (i32.const 0)) (call $append (i32.const 0) (i32.const 16)) (call $reply))
              (func (export "canister_update no") (call $reject (i32.const 32) (i32.const 2)))
              (func (export "canister_update trap") unreachable))"#,
        )
        .expect("valid text");
        for compat in [Compat::Drun, Compat::PocketIc] {
            let mut runner = Runner::new(Config::new(compat));
            runner.create();
            let id = runner.canisters().next().expect("it was created").id;
            runner.install(InstallMode::Install, id, &callee, b"");
            let cycles = (3 << 64) + 5;
            let result = runner.call(id, "go", b"", cycles).result;
            assert_eq!(
                result,
                MessageResult::Replied(cycles.to_le_bytes().to_vec())
            );
            let result = runner.call(id, "no", b"", 0).result;
            assert_eq!(result, MessageResult::Rejected("no".into()));
            let MessageResult::Failed(error) = runner.call(id, "trap", b"", 0).result else {
                panic!("a trap is an error");
            };
            assert_eq!(error.code.to_string(), "IC0502");
        }
    }
}
