//! `drun upgrade-check`: three verdicts about an upgrade. Owns what is asked of each and how it is told; the rules are
//! `upgrade`'s, and running is `session`'s.

use std::io::Write;
use std::path::PathBuf;

use candid::Principal;
use clap::Args;
use serde_json::{Value, json};

use super::exit::{FAILURE, Failure, SUCCESS};
use super::modules::Disk;
use super::table::grouped;
use crate::idl::{Interface, quoted};
use crate::report::visible::on_one_line;
use crate::report::{Beside, Format, Printer};
use crate::runner::Runner;
use crate::runner::config::{self, Config, SubnetType};
use crate::runner::outcome::{MessageResult, Outcome, Wording};
use crate::script::statement::Statement;
use crate::script::{Files, InterfaceText, Placed, Program, headline};
use crate::session::Session;
use crate::upgrade::{Break, Clash, breaks, clashes};
use drun_ic::canister::code::CanisterModule;
use drun_ic::module::ValidationLimits;
use drun_ic::protocol::{Date, Protocol};

/// Tells whether a canister can be upgraded from one module to another.
///
/// Three verdicts: whether everybody who calls the old interface can call the new one; whether Motoko's stable variables
/// can be taken over; and whether the upgrade runs, on a node of its own.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct UpgradeCheckOptions {
    /// The module that runs now
    old: PathBuf,

    /// The module that is to take its place
    new: PathBuf,

    /// Statements that are run before the upgrade and again after it; the canister's name there is `canister`
    script: Option<PathBuf>,

    /// The argument of the first installation, as in a script: Candid text or hex
    #[arg(long, value_name = "ARGUMENT", default_value = "()")]
    init: String,

    /// The argument of the upgrade [default: that of the first installation]
    #[arg(long, value_name = "ARGUMENT")]
    argument: Option<String>,

    /// Fees and limits: system or application [default: system]
    #[arg(long, value_name = "KIND")]
    subnet_type: Option<SubnetType>,

    /// Which replica: the network of 2025-03, 2025-10 or 2026-11 [default: the newest]
    #[arg(long, value_name = "DATE")]
    protocol: Option<Date>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Examples:
  drun upgrade-check released.wasm built.wasm
  drun upgrade-check released.wasm built.wasm probe.drun --init '(record { owner = principal \"aaaaa-aa\" })'

Exit status:
  0  no verdict speaks against the upgrade
  1  one does
  2  the command line is wrong, or a file cannot be read
  3  drun itself failed";

/// Version of the JSON object.
const SCHEMA: u32 = 1;
/// What the canister is called in the script.
const NAME: &str = "canister";
/// What the generated script is called in mistakes.
const GENERATED: &str = "<upgrade-check>";

/// Why a path cannot stand in the generated script.
const NOT_UTF8: &str = "its path is not UTF-8";

/// What is said about one question.
enum Verdict<T> {
    /// It was not asked, for this reason.
    NotAsked(String),
    /// These speak against the upgrade; none is good.
    Found(Vec<T>),
    /// It cannot be answered, and should be.
    Unclear(String),
}

impl<T> Verdict<T> {
    fn fails(&self) -> bool {
        match self {
            Verdict::NotAsked(_) => false,
            Verdict::Found(found) => !found.is_empty(),
            Verdict::Unclear(_) => true,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Verdict::NotAsked(_) => "not checked",
            _ if self.fails() => "fails",
            _ => "ok",
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Verdict::NotAsked(reason) | Verdict::Unclear(reason) => Some(reason),
            Verdict::Found(_) => None,
        }
    }
}

/// A module and what it says of itself.
struct Module {
    bytes: std::sync::Arc<[u8]>,
    interface: Option<InterfaceText>,
}

impl Module {
    fn section(&self, name: &str) -> Option<String> {
        String::from_utf8(drun_ic::module::icp_section(&self.bytes, name)?).ok()
    }

    fn keeps_memory(&self) -> bool {
        let name = "icp:private enhanced-orthogonal-persistence";
        drun_ic::module::has_custom_section(&self.bytes, name)
    }

    /// Those of the hooks around an upgrade that it has.
    fn hooks(&self) -> Vec<&'static str> {
        let module = CanisterModule::new(self.bytes.clone(), &ValidationLimits::REPLICA);
        module.map_or_else(|_| Vec::new(), |module| super::inspect::hooks(&module))
    }

    fn has(&self, hook: &str) -> bool {
        self.hooks().contains(&hook)
    }
}

/// How the upgrade went.
struct Trial {
    /// Of the replica that ran it.
    date: Date,
    /// Whether it came to it: the old module could be installed.
    ran: bool,
    /// Why it did not, or what is not as expected.
    problems: Vec<String>,
    instructions: u64,
    /// Bytes of the heap and of stable memory.
    before: [u64; 2],
    after: [u64; 2],
    /// What was answered before and after, where it is not the same.
    changed: Vec<[String; 3]>,
    /// How many answers are the same.
    same: usize,
}

/// Checks an upgrade.
pub(super) fn run(options: &UpgradeCheckOptions) -> Result<u8, Failure> {
    let mut disk = Disk::default();
    let [old, new] = [&options.old, &options.new].map(|path| {
        let wrong = |error: &str| Failure::Input(format!("error: {}: {error}", path.display()));
        let bytes = super::modules::read(path).map_err(|error| wrong(&error))?;
        // It will stand in a script.
        let path = path.to_str().ok_or_else(|| wrong(NOT_UTF8))?;
        let interface = disk.interface(GENERATED, path);
        Ok::<_, Failure>(Module { bytes, interface })
    });
    let (old, new) = (old?, new?);
    let interface = interface(&old, &new);
    let stable = stable(&old, &new);
    let trial = trial(options, disk)?;
    let fails = interface.fails() || stable.fails() || !trial.problems.is_empty();
    let text = match options.json {
        true => format!(
            "{}\n",
            as_json(&interface, &stable, &trial, [&old, &new], fails)
        ),
        false => as_text(&interface, &stable, &trial, [&old, &new]),
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(if fails { FAILURE } else { SUCCESS })
}

fn interface(old: &Module, new: &Module) -> Verdict<Break> {
    let parse = |which: &str, text: &InterfaceText| {
        Interface::parse(&text.service).map_err(|fault| {
            format!(
                "the interface of the {which} module cannot be read: {}",
                fault.kind
            )
        })
    };
    match (&old.interface, &new.interface) {
        (None, _) => Verdict::NotAsked("the old module does not tell its interface".to_owned()),
        (_, None) => Verdict::Unclear("the new module does not tell its interface".to_owned()),
        (Some(old), Some(new)) => match (parse("old", old), parse("new", new)) {
            (Ok(old), Ok(new)) => Verdict::Found(breaks(&old, &new)),
            (Err(reason), _) | (_, Err(reason)) => Verdict::Unclear(reason),
        },
    }
}

fn stable(old: &Module, new: &Module) -> Verdict<Clash> {
    let section = |module: &Module| module.section("motoko:stable-types");
    match (section(old), section(new)) {
        (None, _) => {
            Verdict::NotAsked("the old module is not Motoko's, or has no stable types".to_owned())
        }
        (_, None) => {
            Verdict::Unclear("the new module has no stable types, the old one has".to_owned())
        }
        (Some(old), Some(new)) => match clashes(&old, &new) {
            Ok(clashes) => Verdict::Found(clashes),
            Err(reason) => Verdict::Unclear(reason),
        },
    }
}

/// Runs the upgrade, with the script before and after it.
fn trial(options: &UpgradeCheckOptions, mut disk: Disk) -> Result<Trial, Failure> {
    let module = |path: &PathBuf| quoted(&path.to_string_lossy());
    let mut source = format!(
        "create {NAME}\ninstall {NAME} {} {}\n",
        module(&options.old),
        options.init
    );
    if let Some(script) = &options.script {
        if script.to_str().is_none() {
            let wrong = format!("error: {}: {NOT_UTF8}", script.display());
            return Err(Failure::Input(wrong));
        }
        source += &format!("include {}\n", module(script));
    }
    let argument = options.argument.as_ref().unwrap_or(&options.init);
    source += &format!("upgrade {NAME} {} {argument}\n", module(&options.new));
    let program = Program::parse(GENERATED, source, &mut disk)
        .and_then(|program| {
            disk.load(&program)?;
            Ok(program)
        })
        .map_err(|mistakes| {
            let mut text = mistakes.to_string();
            if text.contains(&format!("--> {GENERATED}:")) {
                text += "\nThe argument of `install` is that of --init, the one of `upgrade` that of --argument.";
            }
            Failure::Input(text)
        })?;
    let config = Config {
        subnet_type: options.subnet_type.unwrap_or(SubnetType::System),
        protocol: options.protocol.map_or(Protocol::NEWEST, Protocol::of),
        cache_dir: config::default_cache_dir(),
        ..Config::default()
    };
    let (seed, date) = (config.seed, config.protocol.date);
    let mut session = Session::new(Runner::new(config), seed, &disk);
    session.decode();
    let (mut problems, mut instructions) = (Vec::new(), 0);
    let (mut before, mut after) = ([0; 2], [0; 2]);
    let mut answers = [Vec::new(), Vec::new()];
    let (upgrade, earlier) = match program.statements.split_last() {
        Some(split) => split,
        None => {
            return Err(Failure::Tool(anyhow::anyhow!(
                "the upgrade has no statement"
            )));
        }
    };
    let script: Vec<&Placed> = earlier
        .iter()
        .filter(|placed| placed.file() != GENERATED)
        .collect();
    for placed in &earlier[..earlier.len() - script.len()] {
        if let Some(problem) = failure(&mut session, placed)? {
            problems.push(format!("the old module cannot be installed: {problem}"));
        }
    }
    let ran = problems.is_empty();
    if ran {
        answer(
            &mut session,
            &script,
            &mut answers[0],
            &mut problems,
            "before",
        )?;
        before = memories(&session);
        let step = session.run(upgrade)?;
        for (outcome, _) in step.outcomes() {
            instructions = outcome.instructions;
            if !matches!(outcome.result, MessageResult::Replied(_)) {
                problems.push(told(outcome, None, upgrade));
            }
        }
        after = memories(&session);
    }
    if problems.is_empty() {
        let again = again(&script);
        answer(
            &mut session,
            &again,
            &mut answers[1],
            &mut problems,
            "after",
        )?;
    }
    let [was, is] = answers;
    let mut changed = Vec::new();
    let mut same = 0;
    for (place, after, replied) in &is {
        let Some((_, before, replied_before)) = was.iter().find(|(other, ..)| other == place)
        else {
            continue;
        };
        if before == after {
            same += 1;
            continue;
        }
        if *replied_before && !replied {
            problems.push(format!("{place} is no longer answered: {after}"));
        }
        changed.push([place.clone(), before.clone(), after.clone()]);
    }
    Ok(Trial {
        date,
        ran,
        problems,
        instructions,
        before,
        after,
        changed,
        same,
    })
}

/// What of a script is run after the upgrade: what was created stays, so it is not created again, and nothing is expected of
/// that.
fn again<'a>(script: &[&'a Placed]) -> Vec<&'a Placed> {
    let mut left_out = false;
    let mut again = Vec::new();
    for placed in script {
        let statement = &placed.statement;
        if statement.has_result() {
            left_out = matches!(
                statement,
                Statement::Create { .. } | Statement::Install { .. }
            );
            if left_out {
                continue;
            }
        }
        if !(left_out && matches!(statement, Statement::Expect(_))) {
            again.push(*placed);
        }
    }
    again
}

/// Why a statement did not succeed.
fn failure(session: &mut Session<'_>, placed: &Placed) -> Result<Option<String>, Failure> {
    let step = session.run(placed)?;
    let failed = step
        .outcomes()
        .find(|(outcome, _)| !matches!(outcome.result, MessageResult::Replied(_)))
        .map(|(outcome, text)| told(outcome, text, placed));
    Ok(failed)
}

/// Place, words, and whether it replied, of all results.
type Answers = Vec<(String, String, bool)>;

fn answer(
    session: &mut Session<'_>,
    script: &[&Placed],
    answers: &mut Answers,
    problems: &mut Vec<String>,
    when: &str,
) -> Result<(), Failure> {
    for placed in script {
        let step = session.run(placed)?;
        for (outcome, text) in step.outcomes() {
            let place = format!("{}:{}", placed.file(), placed.line);
            let replied = matches!(outcome.result, MessageResult::Replied(_));
            answers.push((place, told(outcome, text, placed), replied));
        }
        if let Some(wrong) = &step.wrong {
            problems.push(format!("{when} the upgrade:\n{wrong}"));
        }
        if let Some(refused) = step.refused {
            return Err(Failure::Tool(anyhow::anyhow!(refused)));
        }
    }
    Ok(())
}

/// A result in the words of the format `lines`.
fn told(outcome: &Outcome, text: Option<&str>, placed: &Placed) -> String {
    let mut printer = Printer::new(
        Format::Lines,
        Wording::ORIGINAL,
        Config::default().protocol.date,
    );
    let words = headline(&placed.statement);
    printer.print(
        outcome,
        &Beside {
            line: placed.line,
            words: &words,
            text,
            decoded: true,
            unseen: &[],
        },
    )
}

fn memories(session: &Session<'_>) -> [u64; 2] {
    let id = session.named(NAME).unwrap_or(Principal::anonymous());
    let Some(canister) = session.runner().canister(&id) else {
        return [0; 2];
    };
    let heap = canister.code.as_ref().map_or(0, |code| code.heap_bytes());
    [heap, canister.stable.size_bytes()]
}

/// The hooks that run in the upgrade.
fn hooks(old: &Module, new: &Module) -> Vec<&'static str> {
    let pre = Some("canister_pre_upgrade").filter(|hook| old.has(hook));
    let post = Some("canister_post_upgrade").filter(|hook| new.has(hook));
    pre.into_iter().chain(post).collect()
}

fn persistence(new: &Module) -> &'static str {
    match new.keeps_memory() {
        true => "kept",
        false => "replaced",
    }
}

fn as_text(
    interface: &Verdict<Break>,
    stable: &Verdict<Clash>,
    trial: &Trial,
    [old, new]: [&Module; 2],
) -> String {
    let mut text = head("interface", interface);
    if let Verdict::Found(found) = interface {
        for Break { method, reason } in found {
            let said = match method {
                Some(method) => format!("{method}: {reason}"),
                None => reason.clone(),
            };
            text += &format!("  {}\n", on_one_line(&said));
        }
    }
    text += &head("stable variables", stable);
    if let Verdict::Found(found) = stable {
        for clash in found {
            let none = "nothing".to_owned();
            let from = clash.from.as_ref().unwrap_or(&none);
            let to = clash.to.as_ref().unwrap_or(&none);
            let said = format!("{}: {from} -> {to}", clash.variable);
            text += &format!(
                "  {}\n    {}\n",
                on_one_line(&said),
                on_one_line(&clash.reason)
            );
        }
    }
    let word = if trial.problems.is_empty() {
        "ok"
    } else {
        "fails"
    };
    text += &format!("upgrade: {word}\n");
    for problem in &trial.problems {
        text += &format!("  {}\n", problem.replace('\n', "\n  "));
    }
    let number = |number: u64| grouped(number.into());
    text += &format!("  as of          {}\n", trial.date);
    if !trial.ran {
        return text;
    }
    text += &format!("  main memory    {}\n", persistence(new));
    let hooks = hooks(old, new);
    if !hooks.is_empty() {
        text += &format!("  hooks          {}\n", hooks.join(", "));
    }
    text += &format!("  instructions   {}\n", number(trial.instructions));
    for (name, place) in [("heap", 0), ("stable memory", 1)] {
        let (before, after) = (number(trial.before[place]), number(trial.after[place]));
        text += &format!("  {name:<14} {before} -> {after} bytes\n");
    }
    if trial.same + trial.changed.len() > 0 {
        let changed = trial.changed.len();
        text += &format!(
            "  answers        {} the same, {changed} changed\n",
            trial.same
        );
    }
    for [place, before, after] in &trial.changed {
        text += &format!("    {place}\n      before  {before}\n      after   {after}\n");
    }
    text
}

fn head<T>(question: &str, verdict: &Verdict<T>) -> String {
    match verdict.reason() {
        Some(reason) => {
            let reason = on_one_line(reason);
            format!("{question}: {}: {reason}\n", verdict.word())
        }
        None => format!("{question}: {}\n", verdict.word()),
    }
}

fn as_json(
    interface: &Verdict<Break>,
    stable: &Verdict<Clash>,
    trial: &Trial,
    [old, new]: [&Module; 2],
    fails: bool,
) -> Value {
    let breaks: Vec<Value> = match interface {
        Verdict::Found(found) => found
            .iter()
            .map(|found| json!({ "method": found.method, "reason": found.reason }))
            .collect(),
        _ => Vec::new(),
    };
    let clashes: Vec<Value> = match stable {
        Verdict::Found(found) => found
            .iter()
            .map(|clash| {
                json!({
                    "variable": clash.variable,
                    "from": clash.from,
                    "to": clash.to,
                    "reason": clash.reason,
                })
            })
            .collect(),
        _ => Vec::new(),
    };
    let changed: Vec<Value> = trial
        .changed
        .iter()
        .map(|[place, before, after]| json!({ "place": place, "before": before, "after": after }))
        .collect();
    json!({
        "schema": SCHEMA,
        "status": if fails { "fails" } else { "ok" },
        "interface": {
            "status": interface.word(),
            "reason": interface.reason(),
            "breaks": breaks,
        },
        "stable": {
            "status": stable.word(),
            "reason": stable.reason(),
            "clashes": clashes,
        },
        "upgrade": {
            "status": if trial.problems.is_empty() { "ok" } else { "fails" },
            "problems": trial.problems,
            "protocol": trial.date.to_string(),
            "main_memory": trial.ran.then(|| persistence(new)),
            "hooks": if trial.ran { hooks(old, new) } else { Vec::new() },
            "instructions": trial.instructions,
            "heap_bytes": trial.before.iter().take(1).chain(trial.after.iter().take(1)).collect::<Vec<_>>(),
            "stable_bytes": trial.before.iter().skip(1).chain(trial.after.iter().skip(1)).collect::<Vec<_>>(),
            "answers": { "same": trial.same, "changed": changed },
        },
    })
}
