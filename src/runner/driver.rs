//! In what the two programs differ that drive a node from a script. Owns the interface; each program has a file of its own.

use candid::Principal;
use drun_ic::canister::InstallMode;
use drun_ic::config::NodeSettings;
use drun_ic::management::types::lifecycle::ProvisionalCreateArgs;

use super::config::Config;
use super::outcome::Wording;

/// Name of the section that asks for the heap to be kept.
const PERSISTENCE_SECTION: &str = "icp:private enhanced-orthogonal-persistence";

/// A message on its way to a method: receiver is known, name and argument are these.
pub(super) type Step = (&'static str, Vec<u8>);

/// How the answer of a message is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    /// Nanoseconds that pass after each round beside what it takes.
    pub pause: u64,
    /// Rounds after which the message counts as never answered.
    pub rounds: u64,
    /// The same for rounds that used up all their instructions: an endless chain of calls.
    pub full_rounds: u64,
    /// A refusal is told beside the result.
    pub tells_refusal: bool,
}

/// One of the programs.
pub(super) trait Driver: std::fmt::Debug + Send {
    /// What it knows by now, to be gone back to.
    fn boxed(&self) -> Box<dyn Driver>;

    /// How a node is set up.
    fn settings(&self, config: &Config) -> NodeSettings;

    /// Rounds that run before the first message.
    fn rounds_before_start(&self) -> u64;

    /// Who sends all messages.
    fn sender(&self) -> Principal {
        Principal::anonymous()
    }

    /// The id that a `create` line asks for; the subnet's next one if it does not.
    fn next_id(&mut self) -> Option<Principal>;

    /// True if the first message for an id that no `create` line made creates the canister in a message of its own.
    fn creates_before_install(&self) -> bool;

    /// The argument that creates a canister, of the given id if there is one.
    fn creation(&self, id: Option<Principal>) -> ProvisionalCreateArgs;

    /// Cycles that are added to a canister which was created by its id.
    fn cycles_on_top(&self) -> u128;

    /// The calls of the management canister that install a module.
    fn installation(
        &self,
        mode: InstallMode,
        canister: Principal,
        module: &[u8],
        argument: &[u8],
    ) -> Vec<Step>;

    /// The argument that really is sent with a message to the management canister.
    fn management_argument(&self, method: &str, argument: &[u8]) -> Vec<u8>;

    /// How an answer of the management canister is awaited.
    fn wait_for_management(&self) -> Wait;

    /// How an answer of a canister is awaited.
    fn wait_for_canister(&self, method: &str) -> Wait;

    /// True if messages are checked before they are taken, and canisters asked whether they want them.
    fn inspects(&self) -> bool;

    /// How results print.
    fn wording(&self) -> Wording;
}

/// True if an upgrade of this module is to keep the heap.
pub(super) fn keeps_heap(module: &[u8]) -> bool {
    drun_ic::module::has_custom_section(module, PERSISTENCE_SECTION)
}
