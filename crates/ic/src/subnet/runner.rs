//! What each kind of message makes the node do, in the steps of either program (scheduling.md 7.4, 7.5).

use candid::{Encode, Principal};

use super::Subnet;
use crate::canister::InstallMode;
use crate::canister::chunks::{CHUNK_BYTES, hash_of};
use crate::compat::Compat;
use crate::errors::UserError;
use crate::management::Usage;
use crate::management::types::chunks::{ChunkHash, UploadChunkArgs};
use crate::management::types::install as types;
use crate::management::types::lifecycle::ProvisionalCreateArgs;
use crate::management::types::limited::Limited;
use crate::management::types::settings::CanisterSettings;
use crate::outcome::{MessageKind, MessageResult, Outcome};

/// Cycles that the runner adds to the canister it makes.
const RUNNER_CYCLES: u128 = 1_000_000_000_000_000;
/// Rounds after which a message counts as never answered.
const MAX_ROUNDS: u64 = 100_000;
/// The same for a message that the runner awaits without letting time pass.
const MAX_ROUNDS_OF_RUNNER: u64 = 100;
/// The same for rounds that used up the thousands of millions of instructions of a round without slices: an endless chain
/// of calls.
const MAX_FULL_ROUNDS: u64 = 100;
/// Bytes of module and argument from which on the runner reinstalls through the chunk store.
const LARGE_INSTALLATION: usize = 2_000_000;
/// Name of the section that asks for the heap to be kept.
const PERSISTENCE_SECTION: &str = "icp:private enhanced-orthogonal-persistence";

/// How time passes while an answer is awaited.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// A second after each round.
    Seconds,
    /// Only what a round takes.
    Rounds,
}

impl Subnet {
    /// Creates a canister and tells its id in the reply.
    pub fn create(&mut self) -> Outcome {
        self.measure(MessageKind::Create, None, None, |subnet| {
            let id = subnet.state.ids.next_specified();
            subnet.create_canister(id)
        })
    }

    /// What the runner does before the first message for an id that no `create` line has made: creates the canister, as a message of its own.
    /// Nothing if the canister exists or the circumstances are not the runner's.
    pub fn create_for_install(&mut self, canister: Principal) -> Option<Outcome> {
        if self.state.is_drun() || self.state.canisters.contains_key(&canister) {
            return None;
        }
        Some(self.measure(MessageKind::Create, None, None, |subnet| {
            subnet.adopt(canister);
            subnet.create_canister(Some(canister))
        }))
    }

    /// Installs a module (raw or gzip) in a canister. An id that does not exist yet is created.
    pub fn install(
        &mut self,
        mode: InstallMode,
        canister: Principal,
        module: &[u8],
        argument: &[u8],
    ) -> Outcome {
        let kind = match mode {
            InstallMode::Install => MessageKind::Install,
            InstallMode::Reinstall => MessageKind::Reinstall,
            InstallMode::Upgrade => MessageKind::Upgrade,
        };
        self.measure(kind, Some(canister), None, |subnet| {
            if mode == InstallMode::Install && !subnet.state.canisters.contains_key(&canister) {
                subnet.adopt(canister);
                let created = subnet.create_canister(Some(canister));
                if !matches!(created, MessageResult::Replied(_)) {
                    return created;
                }
            }
            let drun = subnet.state.is_drun();
            let large = module.len() + argument.len() >= LARGE_INSTALLATION;
            if mode == InstallMode::Reinstall && large && !drun {
                return subnet.reinstall_from_chunks(canister, module, argument);
            }
            let payload = install_payload(drun, mode, canister, module, argument);
            subnet.call_management("install_code", payload)
        })
    }

    /// How the runner's client reinstalls a large module: through the chunk store of the canister.
    fn reinstall_from_chunks(
        &mut self,
        canister: Principal,
        module: &[u8],
        argument: &[u8],
    ) -> MessageResult {
        let cleared = crate::management::canister_id_reply(canister);
        let mut steps = vec![("clear_chunk_store", cleared)];
        let mut hashes = Vec::new();
        for chunk in module.chunks(CHUNK_BYTES as usize) {
            let hash = hash_of(chunk).to_vec();
            hashes.push(ChunkHash { hash });
            let args = UploadChunkArgs {
                canister_id: canister,
                chunk: chunk.to_vec(),
            };
            let payload = Encode!(&args).expect("encoding to memory does not fail");
            steps.push(("upload_chunk", payload));
        }
        let args = types::InstallChunkedCodeArgs {
            mode: types::InstallMode::Reinstall,
            target_canister: canister,
            store_canister: None,
            chunk_hashes_list: hashes,
            wasm_module_hash: hash_of(module).to_vec(),
            arg: argument.to_vec(),
            sender_canister_version: None,
        };
        for (method, payload) in steps {
            let result = self.call_management(method, payload);
            if !matches!(result, MessageResult::Replied(_)) {
                return result;
            }
        }
        let payload = Encode!(&args).expect("encoding to memory does not fail");
        self.call_management("install_chunked_code", payload)
    }

    /// Sends a message to a method of a canister.
    pub fn ingress(&mut self, canister: Principal, method: &str, argument: &[u8]) -> Outcome {
        let kind = MessageKind::Ingress;
        self.measure(kind, Some(canister), Some(method), |subnet| {
            let wait = match (subnet.is_management(&canister), method) {
                (true, _) | (_, "__motoko_stabilize_before_upgrade") => Wait::Rounds,
                _ => Wait::Seconds,
            };
            let by_name = !subnet.state.is_drun()
                && subnet.is_management(&canister)
                && matches!(method, "start_canister" | "stop_canister");
            let argument = match by_name {
                true => named_by_runner(argument),
                false => argument.to_vec(),
            };
            subnet.send_and_wait(canister, method, argument, wait)
        })
    }

    /// Asks a query method of a canister.
    pub fn query_outcome(&mut self, canister: Principal, method: &str, argument: &[u8]) -> Outcome {
        let kind = MessageKind::Query;
        self.measure(kind, Some(canister), Some(method), |subnet| {
            subnet.query(canister, method, argument.to_vec())
        })
    }

    /// Runs what a message makes the node do, and tells what it took.
    fn measure(
        &mut self,
        kind: MessageKind,
        canister: Option<Principal>,
        method: Option<&str>,
        run: impl FnOnce(&mut Self) -> MessageResult,
    ) -> Outcome {
        self.state.usage = Usage::default();
        self.debug.clear();
        if let Some(profile) = &mut self.state.profile {
            profile.begin(kind, canister, method);
        }
        let rounds = self.state.round;
        let result = run(self);
        if kind != MessageKind::Query {
            for _ in 0..self.state.config.extra_batches {
                self.round();
            }
        }
        let usage = self.state.usage;
        if let Some(statistics) = &mut self.state.statistics {
            statistics.charge(usage.cycles);
        }
        Outcome {
            kind,
            canister,
            method: method.map(str::to_owned),
            result,
            instructions: usage.instructions,
            rounds: self.state.round - rounds,
            cycles: usage.cycles,
            heap_pages: usage.heap_pages,
            stable_pages: usage.stable_pages,
            debug: std::mem::take(&mut self.debug),
        }
    }

    /// From now on the subnet hosts this id, unless it is a name of the management canister.
    fn adopt(&mut self, canister: Principal) {
        if !self.is_management(&canister) {
            self.state.ids.adopt(canister);
        }
    }

    fn create_canister(&mut self, id: Option<Principal>) -> MessageResult {
        let runner = self.state.config.compat == Compat::PocketIc;
        let settings = runner.then(|| CanisterSettings {
            controllers: Some(Limited(
                std::iter::once(Principal::anonymous()).chain(id).collect(),
            )),
            ..CanisterSettings::default()
        });
        let args = ProvisionalCreateArgs {
            amount: runner.then(|| 0u8.into()),
            settings,
            specified_id: id,
            sender_canister_version: None,
        };
        let payload = Encode!(&args).expect("encoding to memory does not fail");
        let result = self.call_management("provisional_create_canister_with_cycles", payload);
        let MessageResult::Replied(_) = result else {
            return result;
        };
        if let Some(canister) = id.and_then(|id| self.state.canisters.get_mut(&id))
            && runner
        {
            canister.cycles += RUNNER_CYCLES;
        }
        result
    }

    fn call_management(&mut self, method: &str, payload: Vec<u8>) -> MessageResult {
        self.send_and_wait(
            Principal::management_canister(),
            method,
            payload,
            Wait::Rounds,
        )
    }

    fn send_and_wait(
        &mut self,
        canister: Principal,
        method: &str,
        payload: Vec<u8>,
        wait: Wait,
    ) -> MessageResult {
        let id = match self.submit(canister, method, payload) {
            Ok(id) => id,
            Err(error) => {
                if wait == Wait::Rounds
                    && let Some(hook) = &mut self.on_refusal
                {
                    hook(&error);
                }
                return MessageResult::Failed(error);
            }
        };
        let before = self.state.round;
        let max_rounds = match wait {
            Wait::Rounds if !self.state.is_drun() => MAX_ROUNDS_OF_RUNNER,
            _ => MAX_ROUNDS,
        };
        let mut full = 0;
        for _ in 0..max_rounds {
            self.round();
            full += u64::from(self.used_up && self.state.is_drun());
            if full == MAX_FULL_ROUNDS && !self.state.is_application() {
                break;
            }
            if wait == Wait::Seconds {
                self.clock.after_ingress_round();
            }
            if let Some(result) = self.take_answer(id) {
                return result;
            }
        }
        MessageResult::Failed(UserError::new(
            crate::errors::ErrorCode::IngressMessageTimeout,
            format!(
                "The message was not answered within {} rounds",
                self.state.round - before
            ),
        ))
    }
}

/// The argument of `start_canister` and `stop_canister`: the runner takes the last ten bytes for the canister's id.
fn named_by_runner(argument: &[u8]) -> Vec<u8> {
    match argument.last_chunk::<10>() {
        Some(id) => crate::management::canister_id_reply(Principal::from_slice(id)),
        None => argument.to_vec(),
    }
}

/// The argument of `install_code` as the programs make it.
fn install_payload(
    drun: bool,
    mode: InstallMode,
    canister: Principal,
    module: &[u8],
    argument: &[u8],
) -> Vec<u8> {
    let keep = crate::wasm::has_custom_section(module, PERSISTENCE_SECTION);
    let mode = match mode {
        InstallMode::Install => types::InstallMode::Install,
        InstallMode::Reinstall => types::InstallMode::Reinstall,
        InstallMode::Upgrade => types::InstallMode::Upgrade(Some(types::UpgradeOptions {
            skip_pre_upgrade: (!drun).then_some(false),
            wasm_memory_persistence: keep.then_some(types::WasmMemoryPersistence::Keep),
        })),
    };
    let args = types::InstallCodeArgs {
        mode,
        canister_id: canister,
        wasm_module: module.to_vec(),
        arg: argument.to_vec(),
        sender_canister_version: None,
    };
    let encoded = if drun {
        Encode!(&types::OldInstallCodeArgs::from(args))
    } else {
        Encode!(&args)
    };
    encoded.expect("encoding to memory does not fail")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// A module that does nothing, of about so many bytes: one custom section after the header.
    fn module_of(bytes: usize) -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        let mut section = wasm_encoder::Module::new();
        section.section(&wasm_encoder::CustomSection {
            name: "filler".into(),
            data: vec![0; bytes].into(),
        });
        module.extend_from_slice(&section.finish()[8..]);
        module
    }

    /// management-canister.md 3.7: the store holds the chunks of the module afterwards.
    #[test]
    fn the_runner_reinstalls_a_large_module_from_chunks() {
        let chunks_after = |compat, bytes| {
            let mut subnet = Subnet::new(Config::new(compat)).expect("the engine starts");
            subnet.create();
            let id = subnet.canisters().next().expect("it was created").id;
            let module = module_of(bytes);
            let outcome = subnet.install(InstallMode::Reinstall, id, &module, b"");
            assert!(matches!(outcome.result, MessageResult::Replied(_)));
            subnet.canister(&id).expect("it exists").chunks.len()
        };
        assert_eq!(chunks_after(Compat::PocketIc, 2_000_000), 2);
        assert_eq!(chunks_after(Compat::PocketIc, 1_999_000), 0);
        assert_eq!(chunks_after(Compat::Drun, 2_000_000), 0);
    }
}
