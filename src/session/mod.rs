//! Runs the statements of a program on a node, one after the other.
//!
//! Owns what names stand for, who sends, snapshots, and the last result that expectations are about. It opens no file and
//! prints nothing: results and what is not met are handed back. How a node is driven is `runner`'s.

mod act;
mod expect;
mod identity;
mod lower;
mod readable;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use candid::Principal;

use crate::idl::Interface;
use crate::runner::outcome::{MessageResult, Outcome};
use crate::runner::{self, Runner};
use crate::script::Party;
use crate::script::statement::{Identity, Management, Sender, Statement};
use crate::script::{Diagnostic, Diagnostics, Placed};
use drun_ic::canister::queues::CallerInfo;
use drun_ic::management::ids::canister_id;
use drun_ic::management::types::lifecycle::CanisterIdRecord;

/// Number of the canister that vouches for what a script tells about a sender, unless it names another.
const INTERNET_IDENTITY: u64 = 7;

/// The files of a program: its modules, which were read before, and what it reads and writes while it runs.
pub trait Surroundings {
    /// A module by the script that names it and the path in there.
    fn module(&self, from: &str, path: &str) -> Arc<[u8]>;

    /// The content of a file.
    ///
    /// # Errors
    /// Why it cannot be read, in a few words.
    fn load(&self, from: &str, path: &str) -> Result<Vec<u8>, String>;

    /// Writes a file.
    ///
    /// # Errors
    /// Why it cannot be written.
    fn save(&self, from: &str, path: &str, content: &[u8]) -> Result<(), Unsaved>;
}

/// Why a file was not written, in a few words.
#[derive(Debug)]
pub enum Unsaved {
    /// It may not be where the script wants it.
    NoPlace(String),
    /// The machine has refused.
    Refused(String),
}

/// What became of a statement.
#[derive(Debug, Default)]
pub struct Step {
    /// The canister that an installation made first, with its text for people.
    created: Option<Box<(Outcome, Option<String>)>>,
    outcome: Option<Rc<Outcome>>,
    /// The outcome for people, where the bytes are hard to read or that is wanted.
    text: Option<String>,
    /// What is not as expected, or could not be done.
    pub wrong: Option<Diagnostics>,
    /// What the machine has refused: the run cannot go on.
    pub refused: Option<String>,
}

impl Step {
    /// The outcomes to be printed, with text for people where the bytes are hard to read.
    pub fn outcomes(&self) -> impl Iterator<Item = (&Outcome, Option<&str>)> {
        let created = self.created.iter();
        let created = created.map(|made| (&made.0, made.1.as_deref()));
        let text = self.text.as_deref();
        created.chain(self.outcome.iter().map(move |outcome| (&**outcome, text)))
    }
}

/// The last result.
struct Last {
    outcome: Rc<Outcome>,
    interface: Option<Rc<Interface>>,
}

/// What a snapshot holds: the node, and who had which name.
struct Kept {
    runner: runner::Snapshot,
    names: BTreeMap<String, Principal>,
}

/// A run of a program.
pub struct Session<'a> {
    runner: Runner,
    surroundings: &'a dyn Surroundings,
    seed: u64,
    names: BTreeMap<String, Principal>,
    /// Those of the names that `let` gave.
    lets: BTreeSet<String>,
    sender: Option<(Principal, Option<CallerInfo>)>,
    snapshots: BTreeMap<String, Kept>,
    last: Option<Last>,
    /// Whether all replies that are Candid are wanted as text.
    decodes: bool,
}

impl<'a> Session<'a> {
    /// A run on a node without canisters. The seed is the one of all randomness.
    pub fn new(runner: Runner, seed: u64, surroundings: &'a dyn Surroundings) -> Self {
        Self {
            runner,
            surroundings,
            seed,
            names: BTreeMap::new(),
            lets: BTreeSet::new(),
            sender: None,
            snapshots: BTreeMap::new(),
            last: None,
            decodes: false,
        }
    }

    /// Has all replies that are Candid told as text, too.
    pub fn decode(&mut self) {
        self.decodes = true;
    }

    /// Who a name of the script stands for now.
    pub fn named(&self, name: &str) -> Option<Principal> {
        self.names.get(name).copied()
    }

    /// The node and its driver.
    pub fn runner(&self) -> &Runner {
        &self.runner
    }

    /// The same, to be told what it has seen.
    pub fn runner_mut(&mut self) -> &mut Runner {
        &mut self.runner
    }

    /// What the script asked for that a replica of another date has, in words; each is told once.
    pub fn take_notes(&mut self) -> Vec<String> {
        self.runner.take_notes()
    }

    /// The node and its driver, at the end of a run.
    pub fn into_runner(self) -> Runner {
        self.runner
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// If the machine fails.
    pub fn run(&mut self, placed: &Placed) -> anyhow::Result<Step> {
        match &placed.statement {
            Statement::Let { name, identity } => {
                let principal = match identity {
                    Identity::Derived => Some(identity::derived(self.seed, name)),
                    Identity::Of(party) => self.principal(party),
                };
                let Some(principal) = principal else {
                    return Ok(self.without_name(placed));
                };
                self.names.insert(name.value.clone(), principal);
                self.lets.insert(name.value.clone());
            }
            Statement::As(sender) => match self.sending(sender) {
                Some(principal) => self.sender = Some(principal),
                None => return Ok(self.without_name(placed)),
            },
            Statement::Snapshot(name) => {
                let snapshot = Kept {
                    runner: self.runner.snapshot(),
                    names: self.names.clone(),
                };
                self.snapshots.insert(name.value.clone(), snapshot);
            }
            Statement::Restore(name) => self.restore(name)?,
            Statement::Expect(expectation) => {
                let names = |name: &str| self.names.get(name).copied();
                let unmet = expect::unmet(placed, expectation, self.last.as_ref(), &names);
                let wrong = (!unmet.is_empty()).then(|| unmet.into());
                return Ok(Step {
                    wrong,
                    ..Step::default()
                });
            }
            Statement::Stable {
                save,
                canister,
                file,
            } => return Ok(self.stable(placed, *save, canister, file)),
            Statement::Did { .. } | Statement::Include(_) => {}
            _ => return Ok(self.act(placed)),
        }
        Ok(Step::default())
    }

    /// Does what a statement comes down to, and remembers its result.
    fn act(&mut self, placed: &Placed) -> Step {
        let sender = match &placed.sender {
            None => self.sender.clone(),
            Some(sender) => match self.sending(sender) {
                Some(sender) => Some(sender),
                None => return self.without_name(placed),
            },
        };
        let Some(act) = self.lowered(placed) else {
            return self.without_name(placed);
        };
        let (sender, info) = match sender {
            Some((sender, info)) => (Some(sender), info),
            None => (None, None),
        };
        self.runner.set_caller_info(info);
        let (created, outcome) = act.perform(&mut self.runner, sender);
        let Some(mut outcome) = outcome else {
            return Step::default();
        };
        if let Statement::Create {
            name: Some(name), ..
        } = &placed.statement
        {
            // Before a snapshot was restored it may have been another canister's.
            self.names.remove(&name.value);
            if let MessageResult::Replied(reply) = &outcome.result
                && let Ok(record) = candid::decode_one::<CanisterIdRecord>(reply)
            {
                self.names.insert(name.value.clone(), record.canister_id);
            }
        }
        if let Statement::Controllers { change: None, .. } = &placed.statement
            && let MessageResult::Replied(reply) = &mut outcome.result
        {
            *reply = lower::controllers_of(reply);
        }
        let for_people = matches!(
            &placed.statement,
            Statement::Controllers { change: None, .. }
                | Statement::Manage {
                    management: Management::Status | Management::Logs,
                    ..
                }
        );
        let text = |outcome: &Outcome, forced: bool| match &outcome.result {
            MessageResult::Replied(reply) if forced || self.decodes => {
                readable::text(reply, placed.interface.as_deref(), forced)
            }
            _ => None,
        };
        let created = created.map(|outcome| {
            let text = text(&outcome, false);
            Box::new((outcome, text))
        });
        let text = text(&outcome, for_people);
        let outcome = Rc::new(outcome);
        self.last = Some(Last {
            outcome: Rc::clone(&outcome),
            interface: placed.interface.clone(),
        });
        // Time that passes is no message, so it has no result of its own.
        let passes = matches!(placed.statement, Statement::Advance(_) | Statement::Tick(_));
        Step {
            created,
            outcome: (!passes).then_some(outcome),
            text,
            wrong: None,
            refused: None,
        }
    }

    /// Goes back to a snapshot. Names that `let` gave stay, as they are no part of the node.
    fn restore(&mut self, name: &str) -> anyhow::Result<()> {
        if let Some(kept) = self.snapshots.get(name) {
            self.runner.restore(&kept.runner)?;
            let names = kept.names.iter();
            let canisters = names.filter(|(name, _)| !self.lets.contains(*name));
            self.names
                .extend(canisters.map(|(name, id)| (name.clone(), *id)));
        }
        Ok(())
    }

    /// Who sends, and what is told about that; nobody if a canister that is named could not be made.
    fn sending(&self, sender: &Sender) -> Option<(Principal, Option<CallerInfo>)> {
        let info = match &sender.info {
            None => None,
            Some(info) => Some(CallerInfo {
                data: self.payload(&info.data)?.into_owned(),
                signer: match &info.signer {
                    Some(signer) => self.principal(signer)?,
                    None => canister_id(INTERNET_IDENTITY),
                },
            }),
        };
        Some((self.principal(&sender.party)?, info))
    }

    /// Whom a party stands for; nobody if its canister could not be made.
    fn principal(&self, party: &Party) -> Option<Principal> {
        match party {
            Party::Id(id) => Some(*id),
            Party::Name(name) => self.names.get(name).copied(),
        }
    }

    /// A statement about a canister that could not be made.
    fn without_name(&mut self, placed: &Placed) -> Step {
        self.last = None;
        let said = "this cannot be run: a canister that it names was not created";
        failed(placed, said.to_owned(), "a `create` that succeeds".into())
    }

    fn stable(&mut self, placed: &Placed, save: bool, canister: &Party, file: &str) -> Step {
        let Some(id) = self.principal(canister) else {
            return self.without_name(placed);
        };
        let missing = || {
            let said = format!("there is no canister `{canister}`");
            failed(placed, said, "a canister that exists".into())
        };
        let from = placed.file();
        let unusable = |reason: String| {
            let said = format!("the file `{file}` cannot be used: {reason}");
            failed(placed, said, "a file, relative to the script".into())
        };
        if save {
            let Some(content) = self.runner.node().stable_memory(&id) else {
                return missing();
            };
            return match self.surroundings.save(from, file, &content) {
                Ok(()) => Step::default(),
                Err(Unsaved::NoPlace(reason)) => unusable(reason),
                Err(Unsaved::Refused(reason)) => Step {
                    refused: Some(format!("cannot write {file}: {reason}")),
                    ..Step::default()
                },
            };
        }
        if self.runner.canister(&id).is_none() {
            return missing();
        }
        match self.surroundings.load(from, file) {
            Ok(content) => {
                if self.runner.set_stable_memory(&id, &content) {
                    Step::default()
                } else {
                    unusable("it is too large".to_owned())
                }
            }
            Err(reason) => unusable(reason),
        }
    }
}

fn failed(placed: &Placed, said: String, expected: String) -> Step {
    let diagnostic: Diagnostic = placed.mistake(placed.rest_of_line(), said, expected);
    Step {
        wrong: Some(vec![diagnostic].into()),
        ..Step::default()
    }
}
