//! A node at rest as a record that can be written to a file, and back. What is under way is not part of it: whoever makes a record lets
//! calls end before. Owns which parts of canisters it holds; the form on disk is decided by who writes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use candid::Principal;
use serde::{Deserialize, Serialize};

use super::Node;
use crate::canister::code::Code;
use crate::canister::consumed::Consumed;
use crate::canister::history::{Change, ChangeDetails, ChangeOrigin};
use crate::canister::log::{Log, LogRecord};
use crate::canister::settings::{Controllers, Settings, Visibility};
use crate::canister::snapshot_id::SnapshotId;
use crate::canister::snapshots::Snapshot;
use crate::canister::tasks::LowMemoryHook;
use crate::canister::{Canister, InstallMode, Status};
use crate::management::node_metrics::BlockMakers;
use crate::module::GlobalValue;
use crate::module::memory::{Image, StableMemory};

/// A node at rest.
#[derive(Debug, Serialize, Deserialize)]
pub struct NodeRecord {
    time: u64,
    round: u64,
    /// Automatic ids that were handed out.
    ids: u64,
    block_makers: BlockMakers,
    canisters: Vec<CanisterRecord>,
    /// Modules by hash, each once.
    modules: BTreeMap<[u8; 32], Vec<u8>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct CanisterRecord {
    id: Principal,
    stopped: bool,
    version: u64,
    cycles: u128,
    reserved_cycles: u128,
    settings: SettingsRecord,
    code: Option<CodeRecord>,
    stable: Memory,
    certified_data: Vec<u8>,
    global_timer: u64,
    hook: u8,
    log_limit: u64,
    /// Number, time and content of each record.
    log: Vec<(u64, u64, Vec<u8>)>,
    next_log_index: u64,
    history: Vec<ChangeRecord>,
    history_before: u64,
    chunks: Vec<Vec<u8>>,
    snapshots: Vec<SnapshotRecord>,
    next_snapshot: u64,
    created_at: u64,
    charged_at: u64,
    consumed: Consumed,
}

#[derive(Debug, Serialize, Deserialize)]
struct SettingsRecord {
    controllers: Vec<Principal>,
    compute_allocation: u64,
    memory_allocation: u64,
    freezing_threshold: u64,
    reserved_cycles_limit: u128,
    /// Of log, snapshots and status.
    visibilities: [Option<Vec<Principal>>; 3],
    public: [bool; 3],
    minimum_incoming_cycles: u128,
    wasm_memory_limit: u64,
    wasm_memory_threshold: u64,
    environment_variables: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct CodeRecord {
    module: [u8; 32],
    heap: Option<Memory>,
    globals: Vec<Global>,
    installed_at: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct SnapshotRecord {
    number: u64,
    canister: Principal,
    taken_at: u64,
    taken_in_round: u64,
    uploaded: bool,
    module: [u8; 32],
    heap: Memory,
    stable: Memory,
    globals: Vec<Global>,
    chunks: Vec<Vec<u8>>,
    certified_data: Vec<u8>,
    version: u64,
    global_timer: Option<u64>,
    hook: Option<u8>,
    total_bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct ChangeRecord {
    time: u64,
    version: u64,
    origin: Principal,
    /// Made by a canister, with the version it said it had.
    canister: Option<Option<u64>>,
    details: DetailsRecord,
}

#[derive(Debug, Serialize, Deserialize)]
enum DetailsRecord {
    Creation(Vec<Principal>, Option<Vec<u8>>),
    Uninstall,
    Deployment(u8, [u8; 32]),
    Load {
        version: u64,
        number: u64,
        canister: Principal,
        taken_at: u64,
        uploaded: bool,
        from: Option<Principal>,
    },
    Controllers(Vec<Principal>),
}

/// The pages of a memory that are not zero.
#[derive(Debug, Serialize, Deserialize)]
struct Memory {
    bytes: u64,
    pages: Vec<(u64, Page)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Page(#[serde(with = "serde_bytes")] Vec<u8>);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Global {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    V128(u128),
}

impl From<GlobalValue> for Global {
    fn from(value: GlobalValue) -> Self {
        match value {
            GlobalValue::I32(value) => Global::I32(value),
            GlobalValue::I64(value) => Global::I64(value),
            GlobalValue::F32(value) => Global::F32(value),
            GlobalValue::F64(value) => Global::F64(value),
            GlobalValue::V128(value) => Global::V128(value),
        }
    }
}

impl From<Global> for GlobalValue {
    fn from(value: Global) -> Self {
        match value {
            Global::I32(value) => GlobalValue::I32(value),
            Global::I64(value) => GlobalValue::I64(value),
            Global::F32(value) => GlobalValue::F32(value),
            Global::F64(value) => GlobalValue::F64(value),
            Global::V128(value) => GlobalValue::V128(value),
        }
    }
}

impl Memory {
    fn of(image: &Image) -> Self {
        let pages = image.pages();
        Memory {
            bytes: image.size_bytes(),
            pages: pages
                .map(|(number, page)| (number, Page(page.to_vec())))
                .collect(),
        }
    }

    fn image(&self) -> anyhow::Result<Image> {
        let mut image = Image::zeroed(self.bytes);
        for (number, page) in &self.pages {
            let offset = number.saturating_mul(page.0.len() as u64);
            anyhow::ensure!(
                image.write(offset, &page.0),
                "a page lies outside its memory"
            );
        }
        Ok(image)
    }
}

impl Node {
    /// True if a further round could not go on with anything that was begun.
    pub fn is_at_rest(&self) -> bool {
        !self.has_work()
            && self.outgoing.is_empty()
            && self.incoming.is_empty()
            && self.outcalls.is_empty()
    }

    /// The node as a record.
    pub fn to_record(&mut self) -> NodeRecord {
        let mut modules = BTreeMap::new();
        let canisters = self
            .state
            .canisters
            .at_rest()
            .map(|canister| CanisterRecord::of(canister, &mut modules));
        NodeRecord {
            canisters: canisters.collect(),
            time: self.state.time,
            round: self.state.round,
            ids: self.state.ids.handed_out(),
            block_makers: self.state.metrics.block_makers.clone(),
            modules,
        }
    }

    /// Takes the state of a record; the node must be new.
    ///
    /// # Errors
    /// If the record does not fit together, a module of it cannot be run, or the machine has no room.
    pub fn resume(&mut self, record: NodeRecord) -> anyhow::Result<()> {
        self.state.time = record.time;
        self.state.round = record.round;
        self.state.ids.hand_out(record.ids);
        self.state.metrics.block_makers = record.block_makers;
        self.clock.pass(record.time);
        let modules: BTreeMap<_, Arc<[u8]>> = record
            .modules
            .into_iter()
            .map(|(hash, blob)| (hash, blob.into()))
            .collect();
        for canister in record.canisters {
            let canister = canister.thaw(self, &modules)?;
            self.state.canisters.insert(canister.id, Box::new(canister));
        }
        self.state.refresh_memory();
        Ok(())
    }
}

fn hook_number(hook: LowMemoryHook) -> u8 {
    match hook {
        LowMemoryHook::NotSatisfied => 0,
        LowMemoryHook::Ready => 1,
        LowMemoryHook::Executed => 2,
    }
}

fn hook(number: u8) -> LowMemoryHook {
    match number {
        1 => LowMemoryHook::Ready,
        2 => LowMemoryHook::Executed,
        _ => LowMemoryHook::NotSatisfied,
    }
}

impl CanisterRecord {
    fn of(canister: &mut Canister, modules: &mut BTreeMap<[u8; 32], Vec<u8>>) -> Self {
        let mut keep = |hash: [u8; 32], blob: &[u8]| {
            modules.entry(hash).or_insert_with(|| blob.to_vec());
            hash
        };
        let code = canister.code.as_mut().map(|code| CodeRecord {
            module: keep(code.module.hash, &code.module.blob),
            heap: code.heap.as_mut().map(|heap| Memory::of(&heap.snapshot())),
            globals: code.globals.iter().map(|value| (*value).into()).collect(),
            installed_at: code.installed_at,
        });
        let snapshots = canister.snapshots.iter().map(|snapshot| SnapshotRecord {
            number: snapshot.id.number,
            canister: snapshot.id.canister,
            taken_at: snapshot.taken_at,
            taken_in_round: snapshot.taken_in_round,
            uploaded: snapshot.uploaded,
            module: keep(
                crate::canister::chunks::hash_of(&snapshot.module),
                &snapshot.module,
            ),
            heap: Memory::of(&snapshot.heap),
            stable: Memory::of(&snapshot.stable),
            globals: snapshot
                .globals
                .iter()
                .map(|value| (*value).into())
                .collect(),
            chunks: chunks(&snapshot.chunks),
            certified_data: snapshot.certified_data.clone(),
            version: snapshot.version,
            global_timer: snapshot.global_timer,
            hook: snapshot.hook.map(hook_number),
            total_bytes: snapshot.total_bytes,
        });
        let snapshots = snapshots.collect();
        let history: Vec<_> = canister
            .history
            .recent(u64::MAX)
            .map(change_record)
            .collect();
        CanisterRecord {
            id: canister.id,
            stopped: !canister.status.is_running(),
            version: canister.version,
            cycles: canister.cycles,
            reserved_cycles: canister.reserved_cycles,
            settings: SettingsRecord::of(&canister.settings),
            code,
            stable: Memory::of(&canister.stable.snapshot()),
            certified_data: canister.certified_data.clone(),
            global_timer: canister.global_timer,
            hook: hook_number(canister.hook),
            log_limit: canister.log.limit(),
            log: canister
                .log
                .records()
                .map(|record| (record.index, record.time, record.content.clone()))
                .collect(),
            next_log_index: canister.log.next_index(),
            history_before: canister.history.total() - history.len() as u64,
            history,
            chunks: chunks(&canister.chunks),
            snapshots,
            next_snapshot: canister.next_snapshot,
            created_at: canister.created_at,
            charged_at: canister.charged_at,
            consumed: canister.consumed,
        }
    }

    fn thaw(
        self,
        node: &mut Node,
        modules: &BTreeMap<[u8; 32], Arc<[u8]>>,
    ) -> anyhow::Result<Canister> {
        let module = |hash: &[u8; 32]| {
            let blob = modules.get(hash).cloned();
            blob.ok_or_else(|| anyhow::anyhow!("a module of canister {} is missing", self.id))
        };
        let mut canister = Canister::new(
            self.id,
            self.settings.settings(),
            self.cycles,
            self.charged_at,
        );
        if self.stopped {
            canister.status = Status::Stopped;
        }
        canister.created_at = self.created_at;
        canister.version = self.version;
        canister.reserved_cycles = self.reserved_cycles;
        *canister.stable = StableMemory::from_image(&self.stable.image()?)?;
        canister.certified_data = self.certified_data;
        canister.global_timer = self.global_timer;
        canister.hook = hook(self.hook);
        canister.consumed = self.consumed;
        let records = self.log.into_iter();
        let records = records.map(|(index, time, content)| LogRecord {
            index,
            time,
            content,
        });
        canister.log = Log::resumed(self.log_limit, records, self.next_log_index);
        canister.history.skip(self.history_before);
        for change in self.history {
            canister.history.push(change_of(change)?);
        }
        for chunk in self.chunks {
            canister.chunks.insert(chunk);
        }
        canister.next_snapshot = self.next_snapshot;
        for record in self.snapshots {
            let mut store = crate::canister::chunks::ChunkStore::default();
            for chunk in record.chunks {
                store.insert(chunk);
            }
            canister.snapshots.push(Snapshot {
                id: SnapshotId {
                    canister: record.canister,
                    number: record.number,
                },
                taken_at: record.taken_at,
                taken_in_round: record.taken_in_round,
                uploaded: record.uploaded,
                module: module(&record.module)?,
                heap: record.heap.image()?,
                stable: record.stable.image()?,
                globals: record.globals.into_iter().map(GlobalValue::from).collect(),
                chunks: store,
                certified_data: record.certified_data,
                version: record.version,
                global_timer: record.global_timer,
                hook: record.hook.map(hook),
                total_bytes: record.total_bytes,
            });
        }
        if let Some(code) = self.code {
            let blob = module(&code.module)?;
            let limits = node.state.config.protocol.modules;
            let loaded = node.state.runtime.load(&blob, &limits).map_err(|error| {
                let error = error.into_user_error(self.id);
                anyhow::anyhow!("the module of a canister is not what it was: {error}")
            })?;
            let heap = match code.heap {
                None => None,
                Some(memory) => {
                    let image = memory.image()?;
                    Some(node.state.runtime.heap_from_image(&loaded, &image))
                }
            };
            node.state.generation += 1;
            canister.code = Some(Code {
                module: loaded,
                heap,
                globals: code.globals.into_iter().map(GlobalValue::from).collect(),
                generation: node.state.generation,
                installed_at: code.installed_at,
            });
        }
        Ok(canister)
    }
}

fn chunks(store: &crate::canister::chunks::ChunkStore) -> Vec<Vec<u8>> {
    let chunks = store.hashes().filter_map(|hash| store.get(hash));
    chunks.map(|chunk| chunk.to_vec()).collect()
}

impl SettingsRecord {
    fn of(settings: &Settings) -> Self {
        let all = [
            &settings.log_visibility,
            &settings.snapshot_visibility,
            &settings.status_visibility,
        ];
        SettingsRecord {
            controllers: settings.controllers.to_vec(),
            compute_allocation: settings.compute_allocation,
            memory_allocation: settings.memory_allocation,
            freezing_threshold: settings.freezing_threshold,
            reserved_cycles_limit: settings.reserved_cycles_limit,
            visibilities: all.map(|visibility| match visibility {
                Visibility::AllowedViewers(viewers) => Some(viewers.clone()),
                Visibility::Controllers | Visibility::Public => None,
            }),
            public: all.map(|visibility| *visibility == Visibility::Public),
            minimum_incoming_cycles: settings.minimum_incoming_cycles,
            wasm_memory_limit: settings.wasm_memory_limit,
            wasm_memory_threshold: settings.wasm_memory_threshold,
            environment_variables: (*settings.environment_variables).clone(),
        }
    }

    fn settings(&self) -> Settings {
        let visibility = |of: usize| match (&self.visibilities[of], self.public[of]) {
            (Some(viewers), _) => Visibility::AllowedViewers(viewers.clone()),
            (None, true) => Visibility::Public,
            (None, false) => Visibility::Controllers,
        };
        Settings {
            compute_allocation: self.compute_allocation,
            memory_allocation: self.memory_allocation,
            freezing_threshold: self.freezing_threshold,
            reserved_cycles_limit: self.reserved_cycles_limit,
            log_visibility: visibility(0),
            snapshot_visibility: visibility(1),
            status_visibility: visibility(2),
            minimum_incoming_cycles: self.minimum_incoming_cycles,
            wasm_memory_limit: self.wasm_memory_limit,
            wasm_memory_threshold: self.wasm_memory_threshold,
            environment_variables: Arc::new(self.environment_variables.clone()),
            ..Settings::new(Controllers::from_iter(self.controllers.iter().copied()))
        }
    }
}

fn change_record(change: &Change) -> ChangeRecord {
    ChangeRecord {
        time: change.time,
        version: change.version,
        origin: change.origin.principal(),
        canister: match &change.origin {
            ChangeOrigin::User(_) => None,
            ChangeOrigin::Canister(_, version) => Some(*version),
        },
        details: match &change.details {
            ChangeDetails::Creation {
                controllers,
                environment_variables_hash,
            } => DetailsRecord::Creation(controllers.clone(), environment_variables_hash.clone()),
            ChangeDetails::CodeUninstall => DetailsRecord::Uninstall,
            ChangeDetails::CodeDeployment { mode, module_hash } => DetailsRecord::Deployment(
                match mode {
                    InstallMode::Install => 0,
                    InstallMode::Reinstall => 1,
                    InstallMode::Upgrade => 2,
                },
                *module_hash,
            ),
            ChangeDetails::LoadSnapshot {
                canister_version,
                snapshot_id,
                taken_at,
                uploaded,
                from_canister,
            } => DetailsRecord::Load {
                version: *canister_version,
                number: snapshot_id.number,
                canister: snapshot_id.canister,
                taken_at: *taken_at,
                uploaded: *uploaded,
                from: *from_canister,
            },
            ChangeDetails::ControllersChange { controllers } => {
                DetailsRecord::Controllers(controllers.clone())
            }
        },
    }
}

fn change_of(record: ChangeRecord) -> anyhow::Result<Change> {
    Ok(Change {
        time: record.time,
        version: record.version,
        origin: match record.canister {
            None => ChangeOrigin::User(record.origin),
            Some(version) => ChangeOrigin::Canister(record.origin, version),
        },
        details: match record.details {
            DetailsRecord::Creation(controllers, environment_variables_hash) => {
                ChangeDetails::Creation {
                    controllers,
                    environment_variables_hash,
                }
            }
            DetailsRecord::Uninstall => ChangeDetails::CodeUninstall,
            DetailsRecord::Deployment(mode, module_hash) => ChangeDetails::CodeDeployment {
                mode: match mode {
                    0 => InstallMode::Install,
                    1 => InstallMode::Reinstall,
                    2 => InstallMode::Upgrade,
                    other => anyhow::bail!("{other} is no way to install"),
                },
                module_hash,
            },
            DetailsRecord::Load {
                version,
                number,
                canister,
                taken_at,
                uploaded,
                from,
            } => ChangeDetails::LoadSnapshot {
                canister_version: version,
                snapshot_id: SnapshotId { canister, number },
                taken_at,
                uploaded,
                from_canister: from,
            },
            DetailsRecord::Controllers(controllers) => {
                ChangeDetails::ControllersChange { controllers }
            }
        },
    })
}
