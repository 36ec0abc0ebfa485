//! `kernel-debugger test`: sessions with their expected transcripts.
//!
//! A case is a directory with a file `commands`; beside it stand the kernel (`kernel.wasm`, `.wat`, `.wast`, `.hex`),
//! optionally `inputs.json`, a directory `preimage`, further options in `args`, and the transcript in `expected`.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::{Args, Parser};

use super::lines::Script;
use super::opening::{SessionArguments, block, finish, session};
use super::prints::Prints;

/// The options of `test`.
#[derive(Debug, Args)]
pub(super) struct TestArguments {
    /// Cases, or directories with cases somewhere below
    #[arg(value_name = "DIR", default_value = ".")]
    paths: Vec<PathBuf>,
    /// Only cases whose name holds this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Names the cases and runs none
    #[arg(long)]
    list: bool,
    /// Writes what came out as what is expected
    #[arg(long)]
    accept: bool,
    /// Writes the results in JUnit's format too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

struct Case {
    name: String,
    directory: PathBuf,
}

enum Verdict {
    Same,
    Accepted,
    Differs(String),
}

struct Tested {
    name: String,
    verdict: Verdict,
    took: Duration,
}

/// Exit status: 0 all equal, 1 some differ, 2 nothing to run or a case that cannot be read.
pub(super) fn run(arguments: &TestArguments) -> ExitCode {
    match tested(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(text) => {
            eprintln!("{}", block(&text));
            ExitCode::from(2)
        }
    }
}

fn tested(arguments: &TestArguments) -> Result<bool, String> {
    let mut cases = Vec::new();
    for path in &arguments.paths {
        find(path, &mut cases)?;
    }
    cases.retain(|case| {
        arguments
            .filter
            .as_ref()
            .is_none_or(|filter| case.name.contains(filter))
    });
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    if cases.is_empty() {
        return Err("no case found: a case is a directory with a file `commands`".into());
    }
    if arguments.list {
        cases.iter().for_each(|case| println!("{}", case.name));
        return Ok(true);
    }
    let mut results = Vec::new();
    for case in cases {
        let start = Instant::now();
        let verdict = verdict(&case, arguments.accept)?;
        match &verdict {
            Verdict::Same => println!("ok       {}", case.name),
            Verdict::Accepted => println!("accepted {}", case.name),
            Verdict::Differs(diff) => {
                print!("differs  {}\n{diff}", case.name);
                println!(
                    "to accept it: kernel-debugger test --accept {}",
                    case.directory.display()
                );
            }
        }
        results.push(Tested {
            name: case.name,
            verdict,
            took: start.elapsed(),
        });
    }
    if let Some(path) = &arguments.junit {
        fs::write(path, junit(&results)).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let failed = results
        .iter()
        .filter(|tested| matches!(tested.verdict, Verdict::Differs(_)))
        .count();
    println!("{} cases, {failed} differ", results.len());
    Ok(failed == 0)
}

fn find(path: &Path, cases: &mut Vec<Case>) -> Result<(), String> {
    if path.join("commands").is_file() {
        cases.push(Case {
            name: path.display().to_string(),
            directory: path.to_owned(),
        });
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(|error| format!("{}: {error}", path.display()))?;
    for entry in entries {
        let entry = entry.map_err(|error| format!("{}: {error}", path.display()))?;
        // Links are not followed: they could lead round in a circle.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            find(&entry.path(), cases)?;
        }
    }
    Ok(())
}

fn verdict(case: &Case, accept: bool) -> Result<Verdict, String> {
    let found = transcript(&case.directory)?;
    let path = case.directory.join("expected");
    let expected = fs::read_to_string(&path)
        .unwrap_or_default()
        .replace("\r\n", "\n");
    if found == expected {
        return Ok(Verdict::Same);
    }
    if accept {
        fs::write(&path, &found).map_err(|error| format!("{}: {error}", path.display()))?;
        return Ok(Verdict::Accepted);
    }
    let diff = similar::TextDiff::from_lines(&expected, &found);
    let diff = diff.unified_diff().header("expected", "actual").to_string();
    Ok(Verdict::Differs(diff))
}

/// The options in a case's file `args`, one line or several.
#[derive(Parser)]
#[command(no_binary_name = true)]
struct CaseArguments {
    #[command(flatten)]
    session: SessionArguments,
}

/// What a case prints, both streams in one.
fn transcript(directory: &Path) -> Result<String, String> {
    let args = fs::read_to_string(directory.join("args")).unwrap_or_default();
    let parsed = CaseArguments::try_parse_from(args.split_whitespace())
        .map_err(|error| format!("{}/args: {error}", directory.display()))?;
    let mut arguments = parsed.session;
    let beside = |name: &str| directory.join(name).exists().then(|| PathBuf::from(name));
    if arguments.kernel.is_none() {
        let names = ["kernel.wasm", "kernel.wat", "kernel.wast", "kernel.hex"];
        arguments.kernel = names.into_iter().find_map(beside);
    }
    arguments.inputs = arguments.inputs.or_else(|| beside("inputs.json"));
    let commands = fs::read_to_string(directory.join("commands"))
        .map_err(|error| format!("{}/commands: {error}", directory.display()))?;
    let both = Both::default();
    let lines = Box::new(Script::new(&commands));
    let ended = session(&arguments, directory, Box::new(both.clone()), lines)
        .and_then(|mut session| finish(session.run()));
    let mut text = String::from_utf8_lossy(&both.0.borrow()).into_owned();
    if let Err(error) = ended {
        let _ = writeln!(text, "{}", block(&error));
    }
    // A case must not depend on where it stands.
    Ok(text.replace(&format!("{}/", directory.display()), ""))
}

/// Both streams in one, in memory.
#[derive(Clone, Default)]
struct Both(Rc<RefCell<Vec<u8>>>);

impl Prints for Both {
    fn out(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }

    fn err(&mut self, text: &str) {
        self.0
            .borrow_mut()
            .extend_from_slice(format!("{text}\n").as_bytes());
    }
}

fn junit(results: &[Tested]) -> String {
    let failures = results
        .iter()
        .filter(|tested| matches!(tested.verdict, Verdict::Differs(_)))
        .count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"kernel-debugger\" tests=\"{}\" failures=\"{failures}\">\n",
        results.len()
    );
    for Tested {
        name,
        verdict,
        took,
    } in results
    {
        let (name, took) = (escaped(name), took.as_secs_f64());
        let _ = match verdict {
            Verdict::Differs(diff) => writeln!(
                out,
                "<testcase name=\"{name}\" time=\"{took:.3}\"><failure message=\"output differs\">{}</failure></testcase>",
                escaped(diff)
            ),
            _ => writeln!(out, "<testcase name=\"{name}\" time=\"{took:.3}\"/>"),
        };
    }
    out + "</testsuite>\n</testsuites>\n"
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '"' => out += "&quot;",
            // XML has no way to write other control characters.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
