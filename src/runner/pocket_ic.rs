//! The runner on a PocketIC server (scheduling.md 7.4): nodes with an ingress filter, ids asked for by number, a
//! second after each round of an ingress message, and a client that reinstalls large modules in chunks.

use candid::Principal;
use drun_ic::canister::InstallMode;
use drun_ic::canister::chunks::{CHUNK_BYTES, hash_of};
use drun_ic::config::{IdRanges, NodeSettings};
use drun_ic::management::ids::{RANGE as ID_RANGE, canister_id};
use drun_ic::management::types::chunks::{ChunkHash, UploadChunkArgs};
use drun_ic::management::types::install as types;
use drun_ic::management::types::lifecycle::ProvisionalCreateArgs;
use drun_ic::management::types::limited::Limited;
use drun_ic::management::types::settings::CanisterSettings;
use drun_ic::management::{canister_id_reply, encoded};

use super::config::{Config, SubnetType};
use super::driver::{Driver, Step, Wait, keeps_heap};
use super::outcome::Wording;

/// Cycles that the runner adds to a canister it makes.
const CYCLES: u128 = 1_000_000_000_000_000;
/// Nanoseconds after each round of an ingress message.
const SECOND: u64 = 1_000_000_000;
/// Rounds after which a message counts as never answered.
const MAX_ROUNDS: u64 = 100_000;
/// The same for a message that is awaited without letting time pass.
const MAX_ROUNDS_WITHOUT_TIME: u64 = 100;
/// Rounds that the server runs before the first message.
const ROUNDS_BEFORE_START: u64 = 2;
/// Bytes of module and argument from which on a module is reinstalled through the chunk store.
const LARGE_INSTALLATION: usize = 2_000_000;
/// First number that the first subnet of a server hands out.
const FIRST_ALLOCATION: u64 = 0xffff_ffff_ffe0_0000;
/// First number that the second one does.
const SECOND_ALLOCATION: u64 = 0xffff_ffff_ffd0_0000;
/// Number of the first canister on an application subnet; on a system subnet it is zero.
const FIRST_APPLICATION_CANISTER: u64 = 0x1e0_1d15;
/// The method that is awaited like the management canister's.
const STABILIZATION: &str = "__motoko_stabilize_before_upgrade";

/// The program.
#[derive(Debug, Clone)]
pub(super) struct PocketIc {
    /// Number of the canister that the next `create` line asks for.
    next: u64,
}

impl PocketIc {
    pub(super) fn new(subnet_type: SubnetType) -> Self {
        PocketIc {
            next: match subnet_type {
                SubnetType::System => 0,
                SubnetType::Application => FIRST_APPLICATION_CANISTER,
            },
        }
    }
}

impl Driver for PocketIc {
    fn boxed(&self) -> Box<dyn Driver> {
        Box::new(self.clone())
    }

    fn settings(&self, config: &Config) -> NodeSettings {
        let system = config.subnet_type == SubnetType::System;
        NodeSettings {
            subnet_id: subnet_id(),
            is_nns: system,
            nodes: if system { 40 } else { 13 },
            ids: match system {
                true => IdRanges {
                    first: FIRST_ALLOCATION,
                    own_may_be_chosen: false,
                    hosted: vec![(0, 6), (8, ID_RANGE - 1)],
                    elsewhere: vec![(SECOND_ALLOCATION, SECOND_ALLOCATION + ID_RANGE - 1)],
                },
                false => IdRanges {
                    first: SECOND_ALLOCATION,
                    own_may_be_chosen: false,
                    hosted: vec![(0x1e0_0000, 0x1ef_ffff)],
                    elsewhere: vec![(FIRST_ALLOCATION, FIRST_ALLOCATION + ID_RANGE - 1)],
                },
            },
            ..super::settings(config)
        }
    }

    fn inspects(&self) -> bool {
        true
    }

    fn rounds_before_start(&self) -> u64 {
        ROUNDS_BEFORE_START
    }

    fn next_id(&mut self) -> Option<Principal> {
        let number = self.next;
        self.next += 1;
        Some(canister_id(number))
    }

    fn creates_before_install(&self) -> bool {
        true
    }

    fn creation(&self, id: Option<Principal>) -> ProvisionalCreateArgs {
        let controllers = std::iter::once(self.sender()).chain(id).collect();
        ProvisionalCreateArgs {
            amount: Some(0u8.into()),
            settings: Some(CanisterSettings {
                controllers: Some(Limited(controllers)),
                ..CanisterSettings::default()
            }),
            specified_id: id,
            sender_canister_version: None,
        }
    }

    fn cycles_on_top(&self) -> u128 {
        CYCLES
    }

    fn installation(
        &self,
        mode: InstallMode,
        canister: Principal,
        module: &[u8],
        argument: &[u8],
    ) -> Vec<Step> {
        let mode = match mode {
            InstallMode::Reinstall if module.len() + argument.len() >= LARGE_INSTALLATION => {
                return reinstallation_from_chunks(canister, module, argument);
            }
            InstallMode::Install => types::CanisterInstallMode::Install,
            InstallMode::Reinstall => types::CanisterInstallMode::Reinstall,
            InstallMode::Upgrade => {
                let options = types::UpgradeOptions {
                    skip_pre_upgrade: Some(false),
                    wasm_memory_persistence: keeps_heap(module)
                        .then_some(types::WasmMemoryPersistence::Keep),
                };
                let args = types::UpgradeCodeArgs {
                    mode: types::CanisterInstallMode::Upgrade(Some(options)),
                    canister_id: canister,
                    wasm_module: module.to_vec(),
                    arg: argument.to_vec(),
                };
                return vec![("install_code", encoded(&args))];
            }
        };
        let args = types::InstallCodeArgs {
            mode,
            canister_id: canister,
            wasm_module: module.to_vec(),
            arg: argument.to_vec(),
            sender_canister_version: None,
        };
        vec![("install_code", encoded(&args))]
    }

    /// Of `start_canister` and `stop_canister` the runner takes the last ten bytes for the canister's id.
    fn management_argument(&self, method: &str, argument: &[u8]) -> Vec<u8> {
        match argument.last_chunk::<10>() {
            Some(id) if matches!(method, "start_canister" | "stop_canister") => {
                canister_id_reply(Principal::from_slice(id))
            }
            _ => argument.to_vec(),
        }
    }

    fn wait_for_management(&self) -> Wait {
        Wait {
            pause: 0,
            rounds: MAX_ROUNDS_WITHOUT_TIME,
            full_rounds: MAX_ROUNDS,
            tells_refusal: true,
        }
    }

    fn wait_for_canister(&self, method: &str) -> Wait {
        if method == STABILIZATION {
            return self.wait_for_management();
        }
        Wait {
            pause: SECOND,
            rounds: MAX_ROUNDS,
            full_rounds: MAX_ROUNDS,
            tells_refusal: false,
        }
    }

    fn wording(&self) -> Wording {
        Wording::POCKET_IC
    }
}

/// The subnet's principal (system-api.md 7.4, 7.5). That of a server depends on keys it generates; ours stands for it.
fn subnet_id() -> Principal {
    let mut bytes = [0x5b; 29];
    bytes[28] = 2;
    Principal::from_slice(&bytes)
}

/// How the runner's client reinstalls a large module: through the chunk store of the canister.
fn reinstallation_from_chunks(canister: Principal, module: &[u8], argument: &[u8]) -> Vec<Step> {
    let mut steps = vec![("clear_chunk_store", canister_id_reply(canister))];
    let mut hashes = Vec::new();
    for chunk in module.chunks(CHUNK_BYTES as usize) {
        let hash = hash_of(chunk).to_vec();
        hashes.push(ChunkHash { hash });
        let args = UploadChunkArgs {
            canister_id: canister,
            chunk: chunk.to_vec(),
        };
        steps.push(("upload_chunk", encoded(&args)));
    }
    let args = types::InstallChunkedCodeArgs {
        mode: types::CanisterInstallMode::Reinstall,
        target_canister: canister,
        store_canister: None,
        chunk_hashes_list: hashes,
        wasm_module_hash: hash_of(module).to_vec(),
        arg: argument.to_vec(),
        sender_canister_version: None,
    };
    steps.push(("install_chunked_code", encoded(&args)));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    /// management-canister.md 2.1, the table of drivers.
    #[test]
    fn canisters_are_asked_for_by_number() {
        let mut application = PocketIc::new(SubnetType::Application);
        let first = application.next_id().map(|id| id.to_text());
        assert_eq!(first.as_deref(), Some("22ajg-aqaaa-aaaap-adukq-cai"));
        let mut system = PocketIc::new(SubnetType::System);
        let ids = [(); 2].map(|()| system.next_id().map(|id| id.to_text()));
        let ids: Vec<_> = ids.iter().flatten().map(String::as_str).collect();
        assert_eq!(
            ids,
            ["rwlgt-iiaaa-aaaaa-aaaaa-cai", "rrkah-fqaaa-aaaaa-aaaaq-cai"]
        );
    }

    /// What a canister makes gets an id of the subnet's own.
    #[test]
    fn the_first_ids_of_the_subnets_follow_from_their_place() {
        let first = |subnet_type| {
            let config = Config {
                subnet_type,
                ..Config::new(super::super::Compat::PocketIc)
            };
            let settings = PocketIc::new(subnet_type).settings(&config);
            canister_id(settings.ids.first).to_text()
        };
        assert_eq!(first(SubnetType::System), "lxzze-o7777-77777-aaaaa-cai");
        assert_eq!(
            first(SubnetType::Application),
            "7tjcv-pp777-77776-qaaaa-cai"
        );
    }

    #[test]
    fn who_starts_or_stops_is_named_by_the_last_ten_bytes() {
        let driver = PocketIc::new(SubnetType::System);
        let mut argument = b"whatever".to_vec();
        argument.extend_from_slice(canister_id(7).as_slice());
        let named = canister_id_reply(canister_id(7));
        assert_eq!(
            driver.management_argument("stop_canister", &argument),
            named
        );
        for (method, argument) in [
            ("stop_canister", &b"short"[..]),
            ("delete_canister", &argument),
        ] {
            assert_eq!(driver.management_argument(method, argument), argument);
        }
    }
}
