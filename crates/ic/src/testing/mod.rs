//! The face for Rust tests: subnets in a test's own process, canisters by handle, typed calls, time that passes when the
//! test says so.
//!
//! Owns what tests ask of a [`Node`]; everything a message does is the node's business.
//!
//! ```
//! use drun_ic::testing::Subnet;
//! use std::time::Duration;
//!
//! let wasm = wat::parse_str(r#"
//!     (module
//!       (import "ic0" "msg_reply" (func $reply))
//!       (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
//!       (memory 1)
//!       (data (i32.const 0) "DIDL\00\01\7d\2a")
//!       (func (export "canister_query answer")
//!         (call $append (i32.const 0) (i32.const 8)) (call $reply)))"#)?;
//!
//! let mut subnet = Subnet::new();
//! let canister = subnet.create();
//! subnet.install(canister, &wasm, ())?;
//! let (answer,): (candid::Nat,) = subnet.query(canister, "answer", ())?;
//! assert_eq!(answer, 42u8);
//!
//! let before = subnet.snapshot();
//! subnet.advance(Duration::from_secs(60));
//! subnet.restore(&before)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arguments;
mod call;
mod outcome;
mod settings;
#[cfg(test)]
mod tests;

use std::time::Duration;

use candid::{Nat, Principal};

use crate::answer::MessageResult;
use crate::canister::InstallMode;
use crate::config::NodeSettings;
use crate::management::types::install as types;
use crate::management::types::lifecycle::{
    CanisterIdRecord, ProvisionalCreateArgs, UninstallCodeArgs,
};
use crate::management::types::limited::Limited;
use crate::management::types::settings::{AskedSettings, EnvironmentVariable, UpdateSettingsArgs};
use crate::mock::HttpMock;
use crate::node::{Node, Snapshot, proxy};
use crate::observe::KeptPrints;
use crate::protocol::{Protocol, SubnetType};

pub use arguments::{Arguments, Bytes};
pub use call::{Call, Submitted};
pub use outcome::{CallError, Outcome};
pub use settings::Settings;

/// Cycles of a new canister unless the subnet was made `with_cycles`.
const CYCLES: u128 = 100_000_000_000_000;
/// Rounds after which a message counts as never answered.
const MAX_ROUNDS: u64 = 100_000;

/// A subnet of the Internet Computer in this process.
///
/// Independent of all others, [`Send`], and deterministic: the same calls give the same bytes, counts and cycles on every
/// run and machine. Subnets of a process share compiled modules, so that a module is compiled once however many tests use it.
pub struct Subnet {
    settings: NodeSettings,
    cycles: u128,
    node: Node,
}

impl std::fmt::Debug for Subnet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subnet")
            .field("time", &self.node.time())
            .field("rounds", &self.node.rounds())
            .finish_non_exhaustive()
    }
}

impl Default for Subnet {
    fn default() -> Self {
        Subnet::new()
    }
}

fn node_of(settings: &NodeSettings) -> Node {
    let mut node = Node::new(settings.clone());
    node.attach(KeptPrints::default());
    node
}

impl Subnet {
    /// A system subnet without canisters: free of charge, with the larger limits, as of the newest replica, at the genesis
    /// of the test environments (2021-05-06 19:17:10 UTC).
    pub fn new() -> Self {
        Subnet::of(NodeSettings::new(Protocol::NEWEST, SubnetType::System))
    }

    fn of(settings: NodeSettings) -> Self {
        Subnet {
            node: node_of(&settings),
            settings,
            cycles: CYCLES,
        }
    }

    /// The same without its canisters, with other settings.
    fn with(self, change: impl FnOnce(&mut NodeSettings)) -> Self {
        let mut settings = self.settings;
        change(&mut settings);
        Subnet {
            cycles: self.cycles,
            ..Subnet::of(settings)
        }
    }

    /// An application subnet of 13 nodes instead: fees are charged (metering.md 8), limits are smaller (metering.md 7).
    ///
    /// Like all that change one thing of a subnet, this comes before its first canister: the result has none.
    #[must_use]
    pub fn application(self) -> Self {
        self.with(|settings| {
            *settings = NodeSettings {
                start_time: settings.start_time,
                seed: settings.seed,
                key_seed: settings.key_seed,
                ..NodeSettings::new(settings.protocol, SubnetType::Application)
            };
        })
    }

    /// The genesis is at this time, in nanoseconds since the Unix epoch; the first round is a nanosecond later.
    #[must_use]
    pub fn with_time(self, nanoseconds: u64) -> Self {
        self.with(|settings| settings.start_time = nanoseconds)
    }

    /// Another seed of all randomness (`raw_rand`, keys).
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        self.with(|settings| {
            settings.seed = seed;
            settings.key_seed = seed;
        })
    }

    /// So many cycles for each new canister; 100 T unless said.
    #[must_use]
    pub fn with_cycles(self, cycles: u128) -> Self {
        Subnet { cycles, ..self }
    }

    /// As a replica of another date behaves, such as [`Protocol::OCTOBER_2025`] or `"2025-10".parse()?`. Unless said it is the newest
    /// that is known.
    #[must_use]
    pub fn as_of(self, protocol: Protocol) -> Self {
        self.with(|settings| {
            *settings = NodeSettings {
                start_time: settings.start_time,
                seed: settings.seed,
                key_seed: settings.key_seed,
                ..NodeSettings::new(protocol, settings.subnet_type)
            };
        })
    }

    /// Instructions allowed for one message, instead of the subnet's limit.
    #[must_use]
    pub fn with_instruction_limit(self, instructions: u64) -> Self {
        self.with(|settings| settings.instruction_limit = Some(instructions))
    }

    /// Keeps compiled modules in this directory, for the next process.
    #[must_use]
    pub fn with_cache_dir(self, directory: impl Into<std::path::PathBuf>) -> Self {
        self.with(|settings| settings.cache_dir = Some(directory.into()))
    }

    /// Creates an empty canister, controlled by the anonymous principal.
    ///
    /// # Panics
    /// If the subnet has no room for it.
    pub fn create(&mut self) -> Principal {
        self.create_with(Settings::default())
    }

    /// Creates an empty canister with settings of its own.
    ///
    /// # Panics
    /// If the subnet has no room for it, or refuses the settings.
    pub fn create_with(&mut self, settings: Settings) -> Principal {
        let args = ProvisionalCreateArgs {
            amount: Some(Nat::from(settings.cycles.unwrap_or(self.cycles))),
            settings: Some(settings.wire()),
            specified_id: None,
            sender_canister_version: None,
        };
        let method = "provisional_create_canister_with_cycles";
        let call = self.manage(Principal::anonymous(), method, args);
        let outcome = call.outcome();
        let reply = outcome.reply().unwrap_or_else(|error| panic!("{error}"));
        let created: CanisterIdRecord =
            candid::decode_one(reply).expect("the reply of a creation names the canister");
        created.canister_id
    }

    /// Installs a module, raw or gzip-compressed, in an empty canister. `argument` goes to `canister_init`.
    ///
    /// # Errors
    /// What the network says; [`installation`](Self::installation) tells more of a failure.
    pub fn install(
        &mut self,
        canister: Principal,
        module: &[u8],
        argument: impl Arguments,
    ) -> Result<Outcome, CallError> {
        self.install_code(InstallMode::Install, canister, module, argument)
    }

    /// Replaces the module and drops heap and stable memory.
    ///
    /// # Errors
    /// What the network says.
    pub fn reinstall(
        &mut self,
        canister: Principal,
        module: &[u8],
        argument: impl Arguments,
    ) -> Result<Outcome, CallError> {
        self.install_code(InstallMode::Reinstall, canister, module, argument)
    }

    /// Replaces the module and keeps stable memory, and the heap too if the module asks for that (enhanced orthogonal
    /// persistence). `argument` goes to `canister_post_upgrade`.
    ///
    /// # Errors
    /// What the network says; the canister is then as before.
    pub fn upgrade(
        &mut self,
        canister: Principal,
        module: &[u8],
        argument: impl Arguments,
    ) -> Result<Outcome, CallError> {
        self.install_code(InstallMode::Upgrade, canister, module, argument)
    }

    fn install_code(
        &mut self,
        mode: InstallMode,
        canister: Principal,
        module: &[u8],
        argument: impl Arguments,
    ) -> Result<Outcome, CallError> {
        let call = self.installation(mode, canister, module, argument)?;
        call.outcome().ok()
    }

    /// The message that [`install`](Self::install), [`reinstall`](Self::reinstall) or [`upgrade`](Self::upgrade) sends, not sent yet.
    /// Its [`outcome`](Call::outcome) tells also of an installation that fails what it printed and cost, and
    /// [`sent_by`](Call::sent_by) has somebody else send it than the first controller.
    ///
    /// # Errors
    /// Values that Candid cannot hold.
    pub fn installation<'a>(
        &'a mut self,
        mode: InstallMode,
        canister: Principal,
        module: &[u8],
        argument: impl Arguments,
    ) -> Result<Call<'a>, CallError> {
        let keeps = crate::module::has_custom_section(
            module,
            "icp:private enhanced-orthogonal-persistence",
        );
        let args = types::InstallCodeArgs {
            mode: match mode {
                InstallMode::Install => types::CanisterInstallMode::Install,
                InstallMode::Reinstall => types::CanisterInstallMode::Reinstall,
                InstallMode::Upgrade => {
                    types::CanisterInstallMode::Upgrade(Some(types::UpgradeOptions {
                        skip_pre_upgrade: None,
                        wasm_memory_persistence: keeps
                            .then_some(types::WasmMemoryPersistence::Keep),
                    }))
                }
            },
            canister_id: canister,
            wasm_module: module.to_vec(),
            arg: argument.encode()?,
            sender_canister_version: None,
        };
        Ok(self.control(canister, "install_code", args))
    }

    /// Stops a canister, as one of its controllers: it takes no more calls, and rounds are run until those that it has taken or made
    /// are answered. Its timers and heartbeats rest too.
    ///
    /// # Errors
    /// What the network says; IC0202 if calls are still open after 100,000 rounds. It takes no calls then either, until it is
    /// [started](Self::start).
    pub fn stop(&mut self, canister: Principal) -> Result<Outcome, CallError> {
        self.lifecycle(canister, "stop_canister")
    }

    /// Starts a canister that was stopped, as one of its controllers; one that runs goes on running.
    ///
    /// # Errors
    /// What the network says.
    pub fn start(&mut self, canister: Principal) -> Result<Outcome, CallError> {
        self.lifecycle(canister, "start_canister")
    }

    /// Empties a canister, as one of its controllers: module, memories, certified data, chunks and log are gone, and its open calls are
    /// rejected. Settings, cycles and snapshots stay.
    ///
    /// # Errors
    /// What the network says.
    pub fn uninstall(&mut self, canister: Principal) -> Result<Outcome, CallError> {
        let args = UninstallCodeArgs {
            canister_id: canister,
            sender_canister_version: None,
        };
        self.control(canister, "uninstall_code", args)
            .outcome()
            .ok()
    }

    /// Deletes a canister that was [stopped](Self::stop), as one of its controllers. Its cycles and its snapshots are lost, and its id
    /// is not given again.
    ///
    /// # Errors
    /// What the network says: IC0510 if it is not stopped.
    pub fn delete(&mut self, canister: Principal) -> Result<Outcome, CallError> {
        self.lifecycle(canister, "delete_canister")
    }

    /// Makes sure that the canister which calls with cycles is there, and has them.
    fn install_proxy(&mut self, cycles: u128) {
        if self.node.canister(&proxy::id()).is_none() {
            self.node.host(proxy::id());
            let args = ProvisionalCreateArgs {
                amount: None,
                settings: None::<AskedSettings>,
                specified_id: Some(proxy::id()),
                sender_canister_version: None,
            };
            let user = Principal::anonymous();
            let made = self.manage(user, "provisional_create_canister_with_cycles", args);
            made.outcome()
                .ok()
                .expect("the subnet has room for one more canister");
            self.install(proxy::id(), proxy::MODULE, ())
                .expect("the module can be installed");
        }
        let cycles = cycles.saturating_add(proxy::CYCLES);
        self.node.add_cycles(&proxy::id(), cycles);
    }

    /// A call of a method of the management canister.
    fn manage<'a>(
        &'a mut self,
        sender: Principal,
        method: &'a str,
        args: impl candid::CandidType,
    ) -> Call<'a> {
        let argument = candid::encode_one(args).expect("encoding to memory does not fail");
        self.call(Principal::management_canister(), method)
            .sent_by(sender)
            .with_bytes(argument)
    }

    /// The same by the first controller of a canister; by the anonymous principal if nobody controls it.
    fn control<'a>(
        &'a mut self,
        canister: Principal,
        method: &'a str,
        args: impl candid::CandidType,
    ) -> Call<'a> {
        let first = self.controllers(canister).first().copied();
        self.manage(first.unwrap_or_else(Principal::anonymous), method, args)
    }

    /// Sends a method that asks for nothing but the canister.
    fn lifecycle(&mut self, canister: Principal, method: &str) -> Result<Outcome, CallError> {
        let args = CanisterIdRecord {
            canister_id: canister,
        };
        self.control(canister, method, args).outcome().ok()
    }

    /// A message that can be given a sender, cycles and an argument before it is sent; see [`Call`].
    pub fn call<'a>(&'a mut self, canister: Principal, method: &'a str) -> Call<'a> {
        Call::new(self, canister, method)
    }

    /// Calls an update method as the anonymous user, and decodes its reply. A failure is told as the error alone;
    /// `call(…).with(…)?` and [`outcome`](Call::outcome) tell also what was printed and what it cost.
    ///
    /// # Errors
    /// A reject, an error of the network, and Candid that does not fit.
    pub fn update<A: Arguments, R: for<'de> candid::utils::ArgumentDecoder<'de>>(
        &mut self,
        canister: Principal,
        method: &str,
        argument: A,
    ) -> Result<R, CallError> {
        self.call(canister, method).with(argument)?.update()
    }

    /// Asks a query method as the anonymous user, and decodes its reply. Nothing changes.
    ///
    /// # Errors
    /// A reject, an error of the network, and Candid that does not fit.
    pub fn query<A: Arguments, R: for<'de> candid::utils::ArgumentDecoder<'de>>(
        &mut self,
        canister: Principal,
        method: &str,
        argument: A,
    ) -> Result<R, CallError> {
        self.call(canister, method).with(argument)?.query()
    }

    /// How a message of this subnet that was [submitted](Call::submit) ended; nothing if it has not ended yet, or if that was told
    /// before.
    pub fn answer(&mut self, message: Submitted) -> Option<MessageResult> {
        let result = self.node.take_answer(message.id)?;
        Some(match message.with_cycles {
            true => proxy::callees(result),
            false => result,
        })
    }

    /// Time of the last round, in nanoseconds since the Unix epoch.
    pub fn time(&self) -> u64 {
        self.node.time()
    }

    /// Lets time pass: timers run when they are due and in that order, also those that are set meanwhile, and so do
    /// heartbeats in the rounds that this takes; the last round is at the end.
    pub fn advance(&mut self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.node.run_for(nanoseconds);
    }

    /// Runs rounds of a nanosecond each.
    pub fn tick(&mut self, rounds: u64) {
        for _ in 0..rounds {
            self.node.tick();
        }
    }

    /// Cycles of a canister; nothing if there is none.
    pub fn cycles(&self, canister: Principal) -> Option<u128> {
        Some(self.node.canister(&canister)?.cycles)
    }

    /// Adds cycles out of nothing; nothing happens if there is no such canister.
    pub fn add_cycles(&mut self, canister: Principal, cycles: u128) {
        self.node.add_cycles(&canister, cycles);
    }

    /// Who controls a canister, in the order in which it is shown; nobody if there is none.
    pub fn controllers(&self, canister: Principal) -> Vec<Principal> {
        let canister = self.node.canister(&canister);
        canister.map_or_else(Vec::new, |canister| canister.settings.controllers.to_vec())
    }

    /// Changes settings of a canister, as one of its controllers.
    ///
    /// # Errors
    /// What the network says.
    pub fn set(&mut self, canister: Principal, settings: Settings) -> Result<Outcome, CallError> {
        let args = UpdateSettingsArgs {
            canister_id: canister,
            settings: settings.wire(),
            sender_canister_version: None,
        };
        self.control(canister, "update_settings", args)
            .outcome()
            .ok()
    }

    /// What was asked for that a replica of another date has, in words; each is told once. [`Subnet::as_of`] chooses the date.
    pub fn notes(&mut self) -> Vec<String> {
        self.node.take_notes()
    }

    /// What a canister has logged: the newest 4 KiB of prints and traps, oldest first (system-api.md 6.3).
    pub fn logs(&self, canister: Principal) -> Vec<String> {
        let Some(canister) = self.node.canister(&canister) else {
            return Vec::new();
        };
        let records = canister.log.records();
        records
            .map(|record| String::from_utf8_lossy(&record.content).into_owned())
            .collect()
    }

    /// The content of a canister's stable memory; nothing if there is no such canister.
    pub fn stable_memory(&self, canister: Principal) -> Option<Vec<u8>> {
        self.node.stable_memory(&canister)
    }

    /// Replaces a canister's stable memory, rounded up to whole pages of 64 KiB with zeros.
    ///
    /// # Panics
    /// If there is no such canister, or it is more than stable memory can hold.
    pub fn set_stable_memory(&mut self, canister: Principal, content: &[u8]) {
        let set = self.node.set_stable_memory(&canister, content);
        assert!(
            set,
            "there is no canister {canister}, or the content is too large"
        );
    }

    /// Answers HTTP outcalls to URLs that begin with `url` from now on.
    pub fn respond(&mut self, url: &str, status: u64, body: impl Into<Vec<u8>>) {
        self.respond_with(url, status, &[], body);
    }

    /// As [`respond`](Self::respond), with headers, in their order.
    pub fn respond_with(
        &mut self,
        url: &str,
        status: u64,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.node.respond(HttpMock {
            url: url.to_owned(),
            status,
            headers: headers.iter().map(owned).collect(),
            body: body.into(),
        });
    }

    /// The state of the whole subnet, at the cost of what has changed since the last snapshot.
    pub fn snapshot(&mut self) -> Snapshot {
        self.node.snapshot()
    }

    /// Goes back to a state of this subnet, at the cost of what has changed since.
    ///
    /// # Errors
    /// If the machine has no room for the memories; the subnet is then not to be used any more.
    pub fn restore(&mut self, snapshot: &Snapshot) -> anyhow::Result<()> {
        self.node.restore(snapshot)
    }

    /// A second subnet in the same state, which goes its own way from here on.
    ///
    /// # Errors
    /// If the machine has no room for the memories.
    pub fn fork(&mut self) -> anyhow::Result<Subnet> {
        let mut fork = Subnet {
            cycles: self.cycles,
            ..Subnet::of(self.settings.clone())
        };
        fork.node.restore(&self.node.snapshot())?;
        Ok(fork)
    }

    /// The node, for what this face does not show: all that a canister consists of ([`Node::canister`]), the time of the next
    /// round ([`Node::set_time`]).
    pub fn node(&mut self) -> &mut Node {
        &mut self.node
    }
}

impl Settings {
    fn wire(self) -> AskedSettings {
        let variable = |(name, value)| EnvironmentVariable { name, value };
        let variables = self.environment_variables;
        AskedSettings {
            controllers: self.controllers.map(Limited),
            compute_allocation: self.compute_allocation.map(Nat::from),
            memory_allocation: self.memory_allocation.map(Nat::from),
            freezing_threshold: self.freezing_threshold.map(Nat::from),
            reserved_cycles_limit: self.reserved_cycles_limit.map(Nat::from),
            log_visibility: self.log_visibility.map(Into::into),
            log_memory_limit: self.log_memory_limit.map(Nat::from),
            wasm_memory_limit: self.wasm_memory_limit.map(Nat::from),
            wasm_memory_threshold: self.wasm_memory_threshold.map(Nat::from),
            environment_variables: variables.map(|it| it.into_iter().map(variable).collect()),
            minimum_incoming_canister_call_cycles: self
                .minimum_incoming_canister_call_cycles
                .map(Nat::from),
            snapshot_visibility: self.snapshot_visibility.map(Into::into),
            status_visibility: self.status_visibility.map(Into::into),
        }
    }
}
