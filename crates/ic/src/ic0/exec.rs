//! What one execution may see, and what it asks for. Host functions change nothing else: effects are data,
//! committed or dropped as a whole when the entry point has returned.

use std::collections::BTreeMap;
use std::sync::Arc;

use candid::Principal;

use drun_engine::memory::{StableAccess, StableMemory};
use drun_engine::record::Stack;

use super::mode::Mode;
use super::prints::Prints;
use crate::answer::DebugPrint;
use crate::canister::contexts::{Closure, Slots};
use crate::canister::log::Log;
use crate::canister::queues::CallerInfo;
use crate::canister::settings::Controllers;
use crate::certify::{Certificate, Certify};
use crate::errors::Reject;
use crate::fees::{Fees, Fullness};
use crate::module::ModuleNames;
use crate::protocol::Protocol;

/// What does not change while a subnet runs, as far as canisters see it.
#[derive(Clone, Debug)]
pub struct SubnetView {
    /// The subnet's principal.
    pub subnet_id: Principal,
    /// Who certifies, and under which root key.
    pub certification: Arc<dyn Certify>,
    /// Nodes of the subnet.
    pub nodes: u64,
    /// The price list.
    pub fees: Fees,
    /// Threshold keys that exist on the subnet, with the number of nodes that hold them: `(kind and curve, name)`.
    pub keys: BTreeMap<(KeyKind, String), u64>,
    /// Numbers of the canisters of the network itself, first and last, if they are on another subnet.
    pub nns: Vec<(u64, u64)>,
    /// Capture backtraces.
    pub backtrace: bool,
    /// Which replica it runs.
    pub protocol: Protocol,
}

/// Kinds of threshold keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// ECDSA over secp256k1.
    EcdsaSecp256k1,
    /// ECDSA over secp256r1.
    EcdsaSecp256r1,
    /// Schnorr as in BIP 340.
    SchnorrBip340,
    /// Schnorr over ed25519.
    SchnorrEd25519,
    /// vetKD over BLS12-381.
    VetKdBls12381G2,
}

impl KeyKind {
    /// The kind and name of a key as errors print it, `ecdsa:Secp256k1:key_1`.
    pub fn of_key(key: &str) -> Option<(KeyKind, String)> {
        let kinds = [
            ("ecdsa:Secp256k1:", KeyKind::EcdsaSecp256k1),
            ("ecdsa:Secp256r1:", KeyKind::EcdsaSecp256r1),
            ("schnorr:Bip340Secp256k1:", KeyKind::SchnorrBip340),
            ("schnorr:Ed25519:", KeyKind::SchnorrEd25519),
            ("vetkd:Bls12_381_G2:", KeyKind::VetKdBls12381G2),
        ];
        kinds
            .iter()
            .find_map(|(prefix, kind)| Some((*kind, key.strip_prefix(prefix)?.to_owned())))
    }
}

/// What the execution is about: the message or task, as the canister may ask for it.
#[derive(Clone, Debug, Default)]
pub struct MessageView {
    /// Argument or reply.
    pub argument: Vec<u8>,
    /// Who called, for callbacks who called first.
    pub caller: Option<Principal>,
    /// What the user's message told about its sender.
    pub caller_info: Option<Arc<CallerInfo>>,
    /// For `canister_inspect_message`.
    pub method_name: String,
    /// For reject callbacks.
    pub reject: Option<Reject>,
    /// Nanoseconds; 0 if there is none.
    pub deadline: u64,
    /// The call was answered by an earlier execution of its context.
    pub answered: bool,
    /// Cycles that may be accepted.
    pub available_cycles: u128,
    /// Cycles that came back with the response.
    pub refunded_cycles: u128,
    /// Instructions of earlier executions of the context.
    pub context_instructions: u64,
    /// Certificate of the queried state.
    pub certificate: Option<Certificate>,
}

/// What the canister may ask about itself.
#[derive(Debug)]
pub struct CanisterView {
    /// Its id.
    pub id: Principal,
    /// 1 running, 2 stopping, 3 stopped.
    pub status: u32,
    /// Its version when the execution started.
    pub version: u64,
    /// Who controls it.
    pub controllers: Arc<Controllers>,
    /// Bytes that its log may hold.
    pub log_limit: u64,
    /// Its environment variables.
    pub environment: Arc<BTreeMap<String, String>>,
    /// Cycles that it can see; what is withheld for the execution is not among them.
    pub balance: u128,
    /// Timestamp of the global timer; 0 if inactive.
    pub timer: u64,
    /// Callbacks that it may still register.
    pub free_callbacks: u64,
    /// How growing memory is judged.
    pub memory: MemoryRules,
}

/// What growing memory is checked against.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryRules {
    /// Bytes that the canister uses beside heap and stable memory.
    pub other_bytes: u64,
    /// Bytes reserved for responses to its open calls.
    pub message_bytes: u64,
    /// Heap bytes allowed by the setting; 0 is no limit.
    pub wasm_memory_limit: u64,
    /// The memory allocation in bytes; 0 is best effort.
    pub allocation: u64,
    /// More than that cannot be used.
    pub allocation_is_a_limit: bool,
    /// Bytes that the subnet has left for this execution.
    pub subnet_available: u64,
    /// Percent.
    pub compute_allocation: u64,
    /// Seconds.
    pub freezing_threshold: u64,
    /// Cycles that are reserved for storage.
    pub reserved_cycles: u128,
    /// How many may be.
    pub reserved_cycles_limit: u128,
    /// How full the subnet is.
    pub fullness: Fullness,
    /// Largest heap in bytes.
    pub max_heap: u64,
    /// Bytes that the user lets the canisters hold beyond what they have; no limit if absent.
    pub machine_left: Option<u64>,
    /// Bytes that were asked for and did not fit: the run is over with the execution.
    pub machine_refused: u64,
}

impl MemoryRules {
    /// Cycles below which the canister is frozen, with so many bytes of heap and stable memory (metering.md 8.6).
    pub fn freezing_threshold(
        &self,
        fees: &Fees,
        heap_and_stable: u64,
        message_bytes: u64,
    ) -> u128 {
        if fees.free() {
            return 0;
        }
        let used = self.other_bytes + heap_and_stable;
        let bytes = used.max(self.allocation);
        let per_day: u128 = fees
            .idle_per_day(bytes, message_bytes, self.compute_allocation)
            .iter()
            .sum();
        (per_day.saturating_mul(u128::from(self.freezing_threshold)) / 86_400)
            .saturating_sub(self.reserved_cycles)
    }
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A reply.
    Reply(Vec<u8>),
    /// An explicit reject.
    Reject(String),
}

/// A call between `call_new` and `call_perform`.
#[derive(Clone, Debug)]
pub struct CallUnderConstruction {
    /// Who is called.
    pub callee: Principal,
    /// The method.
    pub method: String,
    /// The argument so far.
    pub payload: Vec<u8>,
    /// Runs on a reply.
    pub on_reply: Closure,
    /// Runs on a reject.
    pub on_reject: Closure,
    /// Runs when a callback fails.
    pub on_cleanup: Option<Closure>,
    /// Cycles attached.
    pub cycles: u128,
    /// Seconds, of a best-effort call.
    pub timeout: Option<u32>,
}

/// A call that was performed.
#[derive(Clone, Debug)]
pub struct PerformedCall {
    /// What was built.
    pub call: CallUnderConstruction,
    /// Seconds since the Unix epoch, of a best-effort call.
    pub deadline: Option<u64>,
    /// Cycles prepaid for the callback's execution.
    pub prepaid_execution: u128,
    /// Cycles prepaid for the response's transmission.
    pub prepaid_transmission: u128,
    /// Where it was made: in the recording of its execution, later in the profile.
    pub place: Stack,
}

/// What an execution looked at that may change without the canister changing; decides whether a query's result may be reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dependencies {
    /// It asked for the time.
    pub time: bool,
    /// It asked for its balance.
    pub balance: bool,
    /// It copied its certificate.
    pub certificate: bool,
}

impl Dependencies {
    /// Has it depend on all that another execution depends on.
    pub fn add(&mut self, other: Self) {
        self.time |= other.time;
        self.balance |= other.balance;
        self.certificate |= other.certificate;
    }
}

/// What a canister asks for in an execution. Nothing of it is real before the execution has succeeded.
#[derive(Debug, Default)]
pub struct Effects {
    /// Data appended for a reply.
    pub reply_data: Vec<u8>,
    /// The answer given.
    pub answer: Option<Answer>,
    /// The call under construction.
    pub call: Option<CallUnderConstruction>,
    /// Calls performed, in order.
    pub calls: Vec<PerformedCall>,
    /// Timer as set: `Some(0)` deactivates.
    pub timer_set: Option<u64>,
    /// Certified data as set.
    pub certified_data: Option<Vec<u8>>,
    /// `accept_message` was called.
    pub accepted: bool,
    /// What goes to the canister's log.
    pub log: Log,
    /// What the execution depended on.
    pub dependencies: Dependencies,
    /// Which stable pages were accessed and written.
    pub stable_access: StableAccess,
    /// How many 4 KiB stable pages were accessed so far.
    pub stable_accessed: u64,
    /// 4 KiB stable pages written so far.
    pub stable_written: u64,
    /// Which 64 KiB of stable memory were accessed and written, each standing for a page; where touching is charged for.
    pub stable_touched: StableAccess,
    /// Cycles burned.
    pub burned: u128,
}

impl Effects {
    /// None, of a canister whose log may hold so many bytes.
    pub fn with_log(limit: u64) -> Self {
        Effects {
            log: Log::with_limit(limit),
            ..Effects::default()
        }
    }
}

/// One execution: circumstances, working state, effects.
#[derive(Debug)]
pub struct Exec {
    /// The context.
    pub mode: Mode,
    /// Time of the round, nanoseconds.
    pub time: u64,
    /// The subnet.
    pub subnet: Arc<SubnetView>,
    /// The message; the cycles in it are the working ones.
    pub message: MessageView,
    /// The canister; balance and memory in it are the working ones.
    pub canister: CanisterView,
    /// The limit that errors name, in instructions.
    pub reported_limit: u64,
    /// The names in the code that runs.
    pub names: Arc<ModuleNames>,
    /// Stable memory, lent by the canister.
    pub stable: StableMemory,
    /// Requests that may be made per callee, lent by the canister.
    pub slots: Slots,
    /// The module has a 64-bit memory.
    pub wasm64: bool,
    /// Heap bytes at the moment.
    pub heap_bytes: u64,
    /// What was asked for.
    pub effects: Effects,
    /// What goes to the screen.
    pub prints: Prints,
}

impl Exec {
    /// The freezing threshold at the moment, with so many more bytes of messages.
    pub fn freezing_threshold(&self, more_message_bytes: u64) -> u128 {
        let rules = &self.canister.memory;
        rules.freezing_threshold(
            &self.subnet.fees,
            self.heap_bytes + self.stable.size_bytes(),
            rules.message_bytes + more_message_bytes,
        )
    }

    /// Drops the call under construction; its cycles return.
    pub fn abandon_call(&mut self) {
        if let Some(call) = self.effects.call.take() {
            self.canister.balance = self.canister.balance.saturating_add(call.cycles);
        }
    }

    /// Prints a line in a slice of the execution.
    pub fn print(&mut self, slice: usize, text: String) {
        let line = DebugPrint {
            time: self.time,
            canister: self.canister.id,
            text,
        };
        self.prints.push(slice, line);
    }

    /// Gives up what was lent for calls, which are then not made.
    fn release_slots(&mut self) {
        for performed in std::mem::take(&mut self.effects.calls) {
            let slot = self.slot_of(&performed.call.callee);
            self.slots.release(&slot);
        }
    }

    /// The callee under which a call counts: all names of the management canister share one allowance.
    pub fn slot_of(&self, callee: &Principal) -> Principal {
        match *callee == self.subnet.subnet_id {
            true => Principal::management_canister(),
            false => *callee,
        }
    }

    /// Undoes what the execution did to stable memory and slots, which belong to the canister.
    pub fn undo(&mut self) {
        self.stable.rollback();
        self.release_slots();
    }
}

/// Why beginning a level of the memories does not fail.
pub const LEVELS: &str = "executions nest no deeper than the memories allow";
