//! Drives a node from messages, one after the other, in the steps of either program (scheduling.md 7.4, 7.5).
//!
//! Owns what a message makes its driver do, and what it took; [`Config`] says which program is re-enacted, and each program
//! has a file of its own. What happens inside of a round is the business of `drun_ic::node`.

mod act;
mod compat;
pub mod config;
mod driver;
mod original;
pub mod outcome;
mod pocket_ic;

pub use act::Snapshot;
use candid::Principal;
use drun_ic::canister::queues::CallerInfo;
use drun_ic::canister::{Canister, InstallMode};
use drun_ic::config::NodeSettings;
use drun_ic::errors::{ErrorCode, UserError};
use drun_ic::management::encoded;
use drun_ic::node::Node;
use drun_ic::observe::{Begun, KeptPrints, Observer, PrintHook, Prints, Profile, Statistics};

use config::{Compat, Config};
use driver::{Driver, Wait};
use original::Original;
use outcome::{MessageKind, MessageResult, Outcome, Wording};
use pocket_ic::PocketIc;

/// The management canister.
const MANAGEMENT: Principal = Principal::management_canister();

/// Called with the refusal of a message that the program goes on after.
pub type RefusalHook = Box<dyn FnMut(&UserError) + Send>;

/// A node and the program that drives it.
pub struct Runner {
    node: Node,
    driver: Box<dyn Driver>,
    /// Who sends messages, if not the program's own sender.
    sender: Option<Principal>,
    /// What messages tell about their sender.
    caller_info: Option<CallerInfo>,
    /// What is done now has no result of its own.
    unnumbered: bool,
    extra_batches: u64,
    on_refusal: Option<RefusalHook>,
    /// What a module asks for that this program does not do; taken once.
    note: Option<Note>,
}

/// A note that has its time once in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Note {
    Due,
    Told,
}

impl Runner {
    /// A node without canisters.
    pub fn new(config: Config) -> Self {
        let driver: Box<dyn Driver> = match config.compat {
            Compat::Drun => Box::new(Original::new(config.subnet_type)),
            Compat::PocketIc => Box::new(PocketIc::new(config.subnet_type)),
        };
        let mut node = Node::new(driver.settings(&config));
        if config.stats {
            node.attach(Statistics::default());
        }
        if config.profile {
            node.attach(Profile::default());
        }
        if config.keep_prints {
            node.attach(KeptPrints::default());
        }
        for _ in 0..driver.rounds_before_start() {
            node.tick();
        }
        Runner {
            node,
            driver,
            sender: None,
            caller_info: None,
            unnumbered: false,
            extra_batches: config.extra_batches,
            on_refusal: None,
            // Who chose the program knows; suites that were made with it hold what was printed, and no notes.
            note: config.implied_date.then_some(Note::Told),
        }
    }

    /// The node.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// How results print.
    pub fn wording(&self) -> Wording {
        self.driver.wording()
    }

    /// Has every printed line handed to `hook` at once, beside the hooks that are here already.
    pub fn on_print(&mut self, hook: PrintHook) {
        self.node.attach(Prints::to(hook));
    }

    /// Has an observer told what the node does, after those that are here already.
    pub fn watch(&mut self, observer: impl Observer) {
        self.node.attach(observer);
    }

    /// The first observer of this kind, if there is one.
    pub fn watching_mut<T: Observer>(&mut self) -> Option<&mut T> {
        self.node.observer_mut()
    }

    /// Has the refusal of an installation, or of preparing one, handed to `hook`: what a PocketIC server says on standard error.
    pub fn on_refusal(&mut self, hook: RefusalHook) {
        self.on_refusal = Some(hook);
    }

    /// What was executed so far, if the settings ask for it.
    pub fn statistics(&self) -> Option<&Statistics> {
        self.node.observer()
    }

    /// Where the instructions went so far, if the settings ask for it.
    pub fn profile(&self) -> Option<&Profile> {
        self.node.observer()
    }

    /// What the script asked for that a replica of another date has, in words; each is told once.
    pub fn take_notes(&mut self) -> Vec<String> {
        let mut notes = self.node.take_notes();
        if self.note == Some(Note::Due) {
            self.note = Some(Note::Told);
            notes.push(
                "canister_inspect_message is never asked under --compat drun; --compat pocket-ic asks it"
                    .to_owned(),
            );
        }
        notes
    }

    /// Rounds that were run.
    pub fn rounds(&self) -> u64 {
        self.node.rounds()
    }

    /// All canisters, by ascending id.
    pub fn canisters(&self) -> impl Iterator<Item = &Canister> {
        self.node.canisters()
    }

    /// The canister of this id.
    pub fn canister(&self, id: &Principal) -> Option<&Canister> {
        self.node.canister(id)
    }

    /// Ends a run together with the process, to which all its memory is left: giving gigabytes back piece by piece takes
    /// longer than most scripts. Only what the module cache is to keep is waited for.
    pub fn end_with_process(self) {
        self.node.end_with_process();
    }

    /// Creates a canister and tells its id in the reply.
    pub fn create(&mut self) -> Outcome {
        self.measure(MessageKind::Create, None, None, |runner| {
            let id = runner.driver.next_id();
            runner.create_canister(id)
        })
    }

    /// What the program does before the first message for an id that no `create` line has made, if it does anything: creates the
    /// canister, as a message of its own. Nothing if the canister exists.
    pub fn create_for_install(&mut self, canister: Principal) -> Option<Outcome> {
        if !self.driver.creates_before_install() || self.node.canister(&canister).is_some() {
            return None;
        }
        Some(self.measure(MessageKind::Create, None, None, |runner| {
            runner.node.host(canister);
            runner.create_canister(Some(canister))
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
        self.measure(kind, Some(canister), None, |runner| {
            if mode == InstallMode::Install && runner.node.canister(&canister).is_none() {
                runner.node.host(canister);
                let created = runner.create_canister(Some(canister));
                if !matches!(created, MessageResult::Replied(_)) {
                    return created;
                }
            }
            let steps = runner.driver.installation(mode, canister, module, argument);
            let mut last = MessageResult::Replied(Vec::new());
            for (method, payload) in steps {
                last = runner.call_management(method, payload);
                if !matches!(last, MessageResult::Replied(_)) {
                    break;
                }
            }
            let code = runner
                .node
                .canister(&canister)
                .and_then(|canister| canister.code.as_ref());
            if runner.note.is_none()
                && !runner.driver.inspects()
                && code.is_some_and(|code| code.module.facts.has_inspect_message)
            {
                runner.note = Some(Note::Due);
            }
            last
        })
    }

    /// Sends a message to a method of a canister.
    pub fn ingress(&mut self, canister: Principal, method: &str, argument: &[u8]) -> Outcome {
        let kind = MessageKind::Ingress;
        self.measure(kind, Some(canister), Some(method), |runner| {
            let (wait, argument) = match runner.node.is_management(&canister) {
                true => (
                    runner.driver.wait_for_management(),
                    runner.driver.management_argument(method, argument),
                ),
                false => (runner.driver.wait_for_canister(method), argument.to_vec()),
            };
            runner.send_and_wait(canister, method, argument, wait)
        })
    }

    /// Asks a query method of a canister.
    pub fn query_outcome(&mut self, canister: Principal, method: &str, argument: &[u8]) -> Outcome {
        let kind = MessageKind::Query;
        self.measure(kind, Some(canister), Some(method), |runner| {
            let (sender, info) = (runner.sender(), runner.caller_info.clone());
            runner
                .node
                .query_with_info(sender, info, canister, method, argument.to_vec())
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
        let begun = match kind {
            _ if self.unnumbered => Begun::NoResult,
            MessageKind::Advance => Begun::NoResult,
            MessageKind::Query => Begun::Query,
            _ => Begun::Message,
        };
        let description = || {
            let method = method.map_or_else(String::new, |method| format!(" {method}"));
            let canister = canister.map_or_else(String::new, |id| format!(" ({id})"));
            format!("{}{method}{canister}", kind.name())
        };
        self.node.begin_message(&description, begun);
        let rounds = self.node.rounds();
        let result = run(self);
        if begun != Begun::Query {
            for _ in 0..self.extra_batches {
                self.node.tick();
            }
        }
        let (usage, debug) = self.node.end_message();
        Outcome {
            kind,
            canister,
            method: method.map(str::to_owned),
            result,
            instructions: usage.instructions,
            rounds: self.node.rounds() - rounds,
            cycles: usage.cycles,
            heap_pages: usage.heap_pages,
            stable_pages: usage.stable_pages,
            debug,
        }
    }

    fn create_canister(&mut self, id: Option<Principal>) -> MessageResult {
        let payload = encoded(&self.driver.creation(id));
        let result = self.call_management("provisional_create_canister_with_cycles", payload);
        if let (MessageResult::Replied(_), Some(id)) = (&result, id) {
            self.node.add_cycles(&id, self.driver.cycles_on_top());
        }
        result
    }

    fn call_management(&mut self, method: &str, payload: Vec<u8>) -> MessageResult {
        let wait = self.driver.wait_for_management();
        self.send_and_wait(Principal::management_canister(), method, payload, wait)
    }

    fn send_and_wait(
        &mut self,
        canister: Principal,
        method: &str,
        payload: Vec<u8>,
        wait: Wait,
    ) -> MessageResult {
        let sender = self.sender();
        let info = self.caller_info.clone();
        let (bytes, max) = self
            .node
            .ingress_size(&canister, method, &payload, info.as_ref());
        let submitted = match self.driver.inspects() && bytes > max {
            // What a server says of a message that is larger than the network takes (management-canister.md 0.2).
            true => Err(UserError::new(
                ErrorCode::CanisterRejectedMessage,
                format!(
                    "Request is too large. Message byte size {bytes} is larger than the max allowed {max}."
                ),
            )),
            false => self
                .node
                .submit_with_info(sender, info, canister, method, payload, None),
        };
        let id = match submitted {
            Ok(id) => id,
            Err(error) => {
                if wait.tells_refusal
                    && let Some(hook) = &mut self.on_refusal
                {
                    hook(&error);
                }
                return MessageResult::Failed(error);
            }
        };
        let before = self.node.rounds();
        let mut full = 0;
        for _ in 0..wait.rounds {
            self.node.tick();
            full += u64::from(self.node.used_up());
            if full == wait.full_rounds {
                break;
            }
            self.node.advance(wait.pause);
            if let Some(result) = self.node.take_answer(id) {
                return result;
            }
        }
        let rounds = self.node.rounds() - before;
        MessageResult::Failed(UserError::new(
            ErrorCode::IngressMessageTimeout,
            format!("The message was not answered within {rounds} rounds"),
        ))
    }
}

/// What of the settings of a run every node is told, whoever drives it.
fn settings(config: &Config) -> NodeSettings {
    NodeSettings {
        implied_date: config.implied_date,
        instruction_limit: config.instruction_limit,
        install_instruction_limit: config.install_instruction_limit,
        max_memory: config.max_memory,
        start_time: config.start_time,
        seed: config.seed,
        key_seed: config.seed,
        compiler: config.compiler,
        cache_dir: config.cache_dir.clone(),
        backtrace: config.backtrace,
        http_mocks: config.http_mocks.clone(),
        recording: config.profile,
        threshold_keys: config.threshold_keys.clone(),
        ..NodeSettings::new(config.protocol, config.subnet_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module that does nothing, of about so many bytes: one custom section after the header.
    fn module_of(bytes: usize) -> Vec<u8> {
        wat::parse_str(format!(
            "(module (@custom \"filler\" \"{}\"))",
            "0".repeat(bytes)
        ))
        .expect("valid text")
    }

    /// management-canister.md 0.2: 2 MiB on an application subnet, 3.5 MiB on a system subnet, and no limit in the original.
    #[test]
    fn an_installation_is_as_large_as_a_message_may_be() {
        let installs = |compat, subnet_type, bytes| {
            let mut runner = Runner::new(Config {
                subnet_type,
                ..Config::new(compat)
            });
            runner.create();
            let id = runner.canisters().next().expect("it was created").id;
            let module = module_of(bytes);
            let outcome = runner.install(InstallMode::Install, id, &module, b"");
            match outcome.result {
                MessageResult::Replied(_) => true,
                MessageResult::Failed(error) => {
                    let text = "Request is too large. Message byte size ";
                    assert!(error.description.starts_with(text), "{}", error.description);
                    false
                }
                other => panic!("{other:?}"),
            }
        };
        use config::SubnetType::{Application, System};
        assert!(installs(Compat::PocketIc, Application, 2_090_000));
        assert!(!installs(Compat::PocketIc, Application, 2_100_000));
        assert!(installs(Compat::PocketIc, System, 3_660_000));
        assert!(!installs(Compat::PocketIc, System, 3_680_000));
        assert!(installs(Compat::Drun, Application, 4_000_000));
    }

    /// management-canister.md 3.7: the store holds the chunks of the module afterwards.
    #[test]
    fn the_runner_reinstalls_a_large_module_from_chunks() {
        let chunks_after = |compat, bytes| {
            let mut runner = Runner::new(Config::new(compat));
            runner.create();
            let id = runner.canisters().next().expect("it was created").id;
            let module = module_of(bytes);
            let outcome = runner.install(InstallMode::Reinstall, id, &module, b"");
            assert!(matches!(outcome.result, MessageResult::Replied(_)));
            runner.canister(&id).expect("it exists").chunks.len()
        };
        assert_eq!(chunks_after(Compat::PocketIc, 2_000_000), 2);
        assert_eq!(chunks_after(Compat::PocketIc, 1_999_000), 0);
        assert_eq!(chunks_after(Compat::Drun, 2_000_000), 0);
    }
}
