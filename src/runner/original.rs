//! The original program (scheduling.md 7.5): batches of five milliseconds, no ingress filter, ids from zero on,
//! and an answer is awaited as long as it takes.

use candid::Principal;
use drun_ic::canister::InstallMode;
use drun_ic::config::{Checkpoints, Envelope, NodeSettings};
use drun_ic::management::encoded;
use drun_ic::management::types::install as types;
use drun_ic::management::types::lifecycle::ProvisionalCreateArgs;
use drun_ic::protocol::Slicing;

use super::config::{Config, SubnetType};
use super::driver::{Driver, Step, Wait, keeps_heap};
use super::outcome::Wording;

/// Nanoseconds between two batches.
const BATCH: u64 = 5_000_000;
/// Batches after which a message counts as never answered.
const MAX_ROUNDS: u64 = 100_000;
/// The same for rounds that used up the thousand thousand millions of instructions of a round without slices.
const MAX_FULL_ROUNDS: u64 = 100;

/// The program.
#[derive(Debug, Clone)]
pub(super) struct Original {
    /// Rounds are those of an application subnet.
    sliced: bool,
}

impl Original {
    pub(super) fn new(subnet_type: SubnetType) -> Self {
        Original {
            sliced: subnet_type == SubnetType::Application,
        }
    }
}

impl Driver for Original {
    fn boxed(&self) -> Box<dyn Driver> {
        Box::new(self.clone())
    }

    fn settings(&self, config: &Config) -> NodeSettings {
        NodeSettings {
            nodes: 1,
            ingress_filter: false,
            envelope: Envelope::Nonce,
            slicing: match self.sliced {
                true => Slicing::Always,
                false => Slicing::Never,
            },
            checkpoints: Checkpoints::AfterIngress,
            rate_limits: false,
            http_outcalls: false,
            round_time: BATCH,
            ..super::settings(config)
        }
    }

    fn inspects(&self) -> bool {
        false
    }

    fn rounds_before_start(&self) -> u64 {
        0
    }

    fn next_id(&mut self) -> Option<Principal> {
        None
    }

    fn creates_before_install(&self) -> bool {
        false
    }

    fn creation(&self, id: Option<Principal>) -> ProvisionalCreateArgs {
        ProvisionalCreateArgs {
            amount: None,
            settings: None,
            specified_id: id,
            sender_canister_version: None,
        }
    }

    fn cycles_on_top(&self) -> u128 {
        0
    }

    fn installation(
        &self,
        mode: InstallMode,
        canister: Principal,
        module: &[u8],
        argument: &[u8],
    ) -> Vec<Step> {
        let mode = match mode {
            InstallMode::Install => types::CanisterInstallMode::Install,
            InstallMode::Reinstall => types::CanisterInstallMode::Reinstall,
            InstallMode::Upgrade => {
                types::CanisterInstallMode::Upgrade(Some(types::UpgradeOptions {
                    skip_pre_upgrade: None,
                    wasm_memory_persistence: keeps_heap(module)
                        .then_some(types::WasmMemoryPersistence::Keep),
                }))
            }
        };
        let args = types::InstallCodeArgs {
            mode,
            canister_id: canister,
            wasm_module: module.to_vec(),
            arg: argument.to_vec(),
            sender_canister_version: None,
        };
        let payload = encoded(&types::OldInstallCodeArgs::from(args));
        vec![("install_code", payload)]
    }

    fn management_argument(&self, _method: &str, argument: &[u8]) -> Vec<u8> {
        argument.to_vec()
    }

    fn wait_for_management(&self) -> Wait {
        Wait {
            pause: 0,
            rounds: MAX_ROUNDS,
            full_rounds: match self.sliced {
                true => MAX_ROUNDS,
                false => MAX_FULL_ROUNDS,
            },
            tells_refusal: true,
        }
    }

    fn wait_for_canister(&self, _method: &str) -> Wait {
        self.wait_for_management()
    }

    fn wording(&self) -> Wording {
        Wording::ORIGINAL
    }
}
