//! What the statements of a program mean together: names, interfaces, order.
//!
//! Owns which names are known where, what types a payload has, and that nothing is expected before there is a result.
//! It follows the script as if every statement succeeds, but for those of which a failure is expected.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use drun_ic::canister::InstallMode;

use super::canister_id::canister_id;
use super::diagnostic::{Diagnostic, Source};
use super::files::Files;
use super::flaw::Flaw;
use super::mistake::{Mistake, quoted};
use super::party::Party;
use super::placed::Placed;
use super::settings::Setting;
use super::span::Spanned;
use super::statement::{Expectation, Identity, Payload, Sender, Statement};
use crate::idl::{self, Fit, Interface};

/// Nanoseconds that a script may let pass: half of what a clock of 64 bits can show, which began in 1970.
const MOST_TIME: u64 = u64::MAX / 2;

/// Looks at all statements in order, types their payloads, and tells what is wrong.
pub(super) fn resolve(statements: &mut [Placed], files: &mut dyn Files) -> Vec<Diagnostic> {
    let mut world = World {
        files,
        now: Now::default(),
        snapshots: BTreeMap::new(),
        loaded: HashMap::new(),
        dids: HashMap::new(),
        has_result: false,
        passed: 0,
        mistakes: Vec::new(),
    };
    for index in 0..statements.len() {
        let Some((placed, following)) = statements[index..].split_first_mut() else {
            break;
        };
        let fails = expects_failure(following);
        let expects = following
            .first()
            .is_some_and(|next| matches!(next.statement, Statement::Expect(_)));
        world.statement(placed, fails, expects);
    }
    world.mistakes
}

/// Whether what follows expects that the statement before it fails.
fn expects_failure(following: &[Placed]) -> bool {
    following
        .iter()
        .map_while(|placed| match &placed.statement {
            Statement::Expect(expectation) => Some(&**expectation),
            _ => None,
        })
        .any(|expectation| matches!(expectation, Expectation::Reject(_) | Expectation::Error(..)))
}

/// An interface, or why it cannot be read.
type Read = Option<Result<Rc<Interface>, String>>;

/// What a snapshot brings back.
#[derive(Debug, Clone, Default)]
struct Now {
    /// Names, with what made each.
    names: BTreeMap<String, Made>,
    /// The module of each canister: the file that names it, and its path.
    modules: HashMap<Party, (String, String)>,
}

/// What made a name.
#[derive(Debug, Clone)]
struct Made {
    source: Arc<Source>,
    line: usize,
    /// It is a canister's.
    canister: bool,
    /// Whom `let` has it stand for, if that is a name or an id.
    of: Option<Party>,
}

struct World<'a> {
    files: &'a mut dyn Files,
    now: Now,
    snapshots: BTreeMap<String, Now>,
    loaded: HashMap<(String, String), Read>,
    dids: HashMap<Party, Rc<Interface>>,
    has_result: bool,
    /// Nanoseconds that the script lets pass, whatever is restored.
    passed: u64,
    mistakes: Vec<Diagnostic>,
}

impl World<'_> {
    fn wrong(&mut self, placed: &Placed, flaw: Flaw) {
        self.mistakes.push(placed.flaw(flaw));
    }

    fn statement(&mut self, placed: &mut Placed, fails: bool, expects: bool) {
        if let Some(mut sender) = placed.sender.take() {
            self.sender(placed, &mut sender);
            placed.sender = Some(sender);
        }
        // Taken out, so that its payload can be changed while its place is looked at.
        let mut statement = std::mem::replace(&mut placed.statement, Statement::Tick(0));
        self.look_at(placed, &mut statement, fails, expects);
        self.has_result |= statement.has_result();
        placed.statement = statement;
    }

    fn look_at(
        &mut self,
        placed: &mut Placed,
        statement: &mut Statement,
        fails: bool,
        expects: bool,
    ) {
        match statement {
            Statement::Create { name, settings } => {
                self.settings(placed, settings);
                if let Some(name) = name {
                    self.define(placed, name, true, None);
                }
            }
            Statement::Let { name, identity } => {
                let of = match identity {
                    Identity::Derived => None,
                    Identity::Of(party) => {
                        self.party(placed, party);
                        Some(self.meant(party))
                    }
                };
                self.define(placed, name, false, of);
            }
            Statement::As(sender) => self.sender(placed, sender),
            Statement::Install {
                mode,
                canister,
                module,
                payload,
                ..
            } => {
                self.party(placed, canister);
                let module = (placed.file().to_owned(), module.value.clone());
                if let Payload::Text(argument) = payload {
                    self.initialization(placed, *mode, canister, &module, argument);
                }
                if !fails {
                    self.now.modules.insert(self.meant(canister), module);
                }
            }
            Statement::Call {
                canister,
                method,
                payload,
                ..
            } => {
                self.party(placed, canister);
                match payload {
                    Payload::Text(argument) => {
                        self.argument(placed, canister, method, argument, fails);
                    }
                    Payload::Bytes(_) if expects || self.files.wants_interfaces() => {
                        placed.interface = self.interface(canister).and_then(Result::ok);
                    }
                    Payload::Bytes(_) => {}
                }
            }
            Statement::Snapshot(name) => {
                self.snapshots.insert(name.value.clone(), self.now.clone());
            }
            Statement::Restore(name) => match self.snapshots.get(&name.value) {
                Some(then) => {
                    let mut now = then.clone();
                    // What `let` named is no part of the node.
                    let lets = self.now.names.iter().filter(|(_, made)| !made.canister);
                    now.names
                        .extend(lets.map(|(name, made)| (name.clone(), made.clone())));
                    self.now = now;
                }
                None => {
                    let known: Vec<String> = self.snapshots.keys().cloned().collect();
                    let none = "`snapshot NAME` before this";
                    let said = format!("unknown snapshot {}", quoted(name));
                    let expected = idl::one_of(none, "", name, &known);
                    self.wrong(placed, Flaw::said(name.at(), said, expected));
                }
            },
            Statement::Expect(expectation) => {
                if !self.has_result {
                    let said = "there is no result yet of which something could be expected";
                    let expected = "a message before this";
                    self.wrong(placed, Flaw::said(placed.place(), said, expected));
                }
                if let Expectation::Reply(values, _) = &**expectation {
                    self.names(placed, values);
                }
            }
            Statement::TopUp { canister, .. }
            | Statement::Manage { canister, .. }
            | Statement::Stable { canister, .. } => self.party(placed, canister),
            Statement::Settings { canister, settings } => {
                self.party(placed, canister);
                self.settings(placed, settings);
            }
            Statement::Controllers { canister, change } => {
                self.party(placed, canister);
                for party in change.iter().flat_map(|(_, parties)| parties) {
                    self.party(placed, party);
                }
            }
            Statement::Did { canister, file } => {
                self.party(placed, canister);
                self.did(placed, canister, file);
            }
            Statement::Advance(duration) => {
                self.passed = self.passed.saturating_add(duration.0);
                if self.passed > MOST_TIME {
                    let said = "too much time passes in this script";
                    let expected = "at most 292 years, with everything before this";
                    self.wrong(placed, Flaw::said(placed.place(), said, expected));
                }
            }
            Statement::Tick(_) | Statement::HttpRespond(_) | Statement::Include(_) => {}
        }
    }

    fn define(
        &mut self,
        placed: &Placed,
        name: &Spanned<String>,
        canister: bool,
        of: Option<Party>,
    ) {
        match self.now.names.get(&name.value) {
            Some(made) => {
                let of = match Arc::ptr_eq(&made.source, &placed.source) {
                    true => String::new(),
                    false => format!(" of {}", made.source.name),
                };
                let line = made.line;
                let said = format!("the name {} is taken since line {line}{of}", quoted(name));
                let flaw = Flaw::said(name.at(), said, "another name");
                self.wrong(placed, flaw);
            }
            None => {
                let made = Made {
                    source: Arc::clone(&placed.source),
                    line: placed.line,
                    canister,
                    of,
                };
                self.now.names.insert(name.value.clone(), made);
                // A name that a restored snapshot took away may be another canister's now.
                let party = Party::Name(name.value.clone());
                self.now.modules.remove(&party);
            }
        }
    }

    /// Whom a name stands for that `let` has made of another: what is known of a canister is known under each of its names.
    fn meant(&self, party: &Party) -> Party {
        let Party::Name(name) = party else {
            return party.clone();
        };
        let of = self.now.names.get(name).and_then(|made| made.of.clone());
        of.unwrap_or_else(|| party.clone())
    }

    fn known(&self) -> Vec<String> {
        self.now.names.keys().cloned().collect()
    }

    fn party(&mut self, placed: &Placed, party: &Spanned<Party>) {
        let Party::Name(name) = &party.value else {
            return;
        };
        if self.now.names.contains_key(name) {
            return;
        }
        let known = self.known();
        let near = idl::nearest(name, known.iter().map(String::as_str)).is_some();
        // Groups with dashes are an id with a mistake, unless they look like a name.
        if let (true, false, Err(fault)) = (name.contains('-'), near, canister_id(name)) {
            let start = party.at().start + nom::Offset::offset(name.as_str(), fault.at);
            let at = start..start + fault.at.len();
            self.wrong(placed, Flaw::new(at, fault.kind));
            return;
        }
        let said = format!("unknown name {}", quoted(name));
        let none = format!("an id, or a name from `create {name}` or `let {name} = identity`");
        let expected = idl::one_of(&none, "", name, &known);
        self.wrong(placed, Flaw::said(party.at(), said, expected));
    }

    /// Who sends, and what is told about that: Candid with its own types.
    fn sender(&mut self, placed: &Placed, sender: &mut Sender) {
        self.party(placed, &sender.party);
        let Some(info) = &mut sender.info else {
            return;
        };
        if let Some(signer) = &info.signer {
            self.party(placed, signer);
        }
        if let Payload::Text(argument) = &mut info.data
            && self.names(placed, &argument.values)
            && let Err(fault) = argument.typed(Fit::Own)
        {
            self.wrong(placed, Flaw::candid(0, fault));
        }
    }

    fn settings(&mut self, placed: &Placed, settings: &[Setting]) {
        for setting in settings {
            if let Setting::Controllers(parties) | Setting::LogsFor(parties) = setting {
                for party in parties {
                    self.party(placed, party);
                }
            }
        }
    }

    /// Whether all names in the values are known.
    fn names(&mut self, placed: &Placed, values: &[idl::Value]) -> bool {
        let mut names = Vec::new();
        values.iter().for_each(|value| value.names(&mut names));
        let known = self.known();
        let mut all = true;
        for (name, at) in names {
            if !self.now.names.contains_key(name) {
                all = false;
                let (name, known) = (name.to_owned(), known.clone());
                let kind = Mistake::Candid(idl::Mistake::UnknownName { name, known });
                self.wrong(placed, Flaw::new(at, kind));
            }
        }
        all
    }

    /// Types the argument of `canister_init` or `canister_post_upgrade`.
    fn initialization(
        &mut self,
        placed: &mut Placed,
        mode: InstallMode,
        canister: &Party,
        module: &(String, String),
        argument: &mut idl::Argument,
    ) {
        if !self.names(placed, &argument.values) {
            return;
        }
        let did = self.dids.get(&self.meant(canister)).cloned().map(Ok);
        let fit = match did.or_else(|| self.load(module)) {
            Some(Ok(interface)) => match interface.init.clone() {
                Some(types) => Fit::Types(interface, types),
                None => Fit::Own,
            },
            Some(Err(reason)) if !argument.values.is_empty() => {
                self.unreadable(placed, canister, &reason);
                return;
            }
            _ => Fit::Own,
        };
        let mut result = argument.typed(fit);
        // What an upgrade takes is not told by an interface; it often is what the initialization takes.
        if mode == InstallMode::Upgrade && result.is_err() {
            result = argument.typed(Fit::Own);
        }
        if let Err(fault) = result {
            self.wrong(placed, Flaw::candid(0, fault));
        }
    }

    fn argument(
        &mut self,
        placed: &mut Placed,
        canister: &Party,
        method: &Spanned<Box<str>>,
        argument: &mut idl::Argument,
        fails: bool,
    ) {
        if !self.names(placed, &argument.values) {
            return;
        }
        let interface = match self.interface(canister) {
            Some(Err(reason)) => {
                if !argument.values.is_empty() {
                    self.unreadable(placed, canister, &reason);
                }
                return;
            }
            Some(Ok(interface)) => Some(interface),
            None => None,
        };
        placed.interface = interface.clone();
        let fit = match interface {
            Some(interface) => match interface.method(method) {
                Some(function) => Fit::Types(interface.clone(), function.args.clone()),
                None => {
                    // Methods that a compiler adds stand in no interface.
                    if !fails && !method.starts_with("__") {
                        let methods = interface.methods.iter();
                        let known: Vec<String> = methods.map(|(name, _)| name.clone()).collect();
                        let said = format!("`{canister}` has no method {}", quoted(method));
                        let expected = idl::one_of("no method at all", "", method, &known);
                        self.wrong(placed, Flaw::said(method.at(), said, expected));
                        return;
                    }
                    Fit::Own
                }
            },
            None => Fit::Own,
        };
        if let Err(fault) = argument.typed(fit) {
            self.wrong(placed, Flaw::candid(0, fault));
        }
    }

    fn unreadable(&mut self, placed: &Placed, canister: &Party, reason: &str) {
        let said = format!("the interface of `{canister}` cannot be read: {reason}");
        let expected = format!("a readable one: `did {canister} FILE`");
        self.wrong(placed, Flaw::said(placed.place(), said, expected));
    }

    fn interface(&mut self, canister: &Party) -> Read {
        let canister = self.meant(canister);
        if let Some(interface) = self.dids.get(&canister) {
            return Some(Ok(Rc::clone(interface)));
        }
        let module = self.now.modules.get(&canister)?.clone();
        self.load(&module)
    }

    fn load(&mut self, module: &(String, String)) -> Read {
        if let Some(read) = self.loaded.get(module) {
            return read.clone();
        }
        let text = self.files.interface(&module.0, &module.1);
        let parse = |text: &str| {
            Interface::parse(text).map_err(|fault| {
                let line = 1 + text[..fault.at.start].matches('\n').count();
                format!("{} in its line {line}", fault.kind)
            })
        };
        let read = text.map(|text| {
            let interface = parse(&text.service)?;
            let init = text.init.as_deref().map(parse).transpose()?;
            Ok(Rc::new(match init {
                Some(init) => interface.with_init(init),
                None => interface,
            }))
        });
        self.loaded.insert(module.clone(), read.clone());
        read
    }

    fn did(&mut self, placed: &Placed, canister: &Party, file: &Spanned<String>) {
        let read = self.files.read(placed.file(), file);
        let (name, bytes) = match read {
            Ok(read) => read,
            Err(reason) => {
                let said = format!("the interface cannot be used: {reason}");
                let expected = "a `.did` file, relative to the script";
                self.wrong(placed, Flaw::said(file.at(), said, expected));
                return;
            }
        };
        let Ok(text) = String::from_utf8(bytes) else {
            let said = "the interface cannot be used: it is not UTF-8 text";
            let flaw = Flaw::said(file.at(), said, "a `.did` file");
            self.wrong(placed, flaw);
            return;
        };
        match Interface::parse(&text) {
            Ok(interface) => {
                self.dids.insert(self.meant(canister), Rc::new(interface));
            }
            Err(fault) => {
                let place = placed.flaw(Flaw::said(file.at(), "", ""));
                let from = (Arc::clone(&placed.source), place.line, place.column);
                let source = Arc::new(Source::new(name, text.into_bytes(), Some(from)));
                let kind = Mistake::Candid(fault.kind);
                self.mistakes.push(Diagnostic::at(&source, fault.at, kind));
            }
        }
    }
}
