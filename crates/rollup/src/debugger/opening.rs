//! The options of a session, what they mean for it, and how mistakes are told.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use drun_engine::{Choice, Settings};

use super::console::{Captured, Console, Timings};
use super::lines::Lines;
use super::prints::Prints;
use super::session::{Failure, Options, Session};
use super::{interrupt, kernel};
use crate::compiled::Compiled;
use crate::encoding::base58::ROLLUP;
use crate::inbox::inputs;
use crate::installer::{self, Instruction};
use crate::pvm::Pvm;
use crate::storage::Value;
use crate::version::Version;

/// The options of a session.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct SessionArguments {
    /// The kernel: .wasm, .wast, .wat or .hex
    #[arg(long, value_name = "FILE")]
    pub kernel: Option<PathBuf>,
    /// The same, as the first releases had it
    #[arg(value_name = "KERNEL", conflicts_with = "kernel")]
    positional: Option<PathBuf>,
    /// Messages, level by level, in JSON
    #[arg(long, value_name = "FILE")]
    pub inputs: Option<PathBuf>,
    /// The rollup's address
    #[arg(long, value_name = "SR1")]
    rollup: Option<String>,
    /// Where preimages are [default: preimage]
    #[arg(long, value_name = "DIR")]
    pub preimage_dir: Option<PathBuf>,
    /// Where pages of the data availability layer are [default: dal_pages]
    #[arg(long, value_name = "DIR")]
    dal_pages_dir: Option<PathBuf>,
    /// The version of the machine [default: 2.0.0-r2]
    #[arg(short, long, value_name = "VERSION")]
    pvm_version: Option<String>,
    /// Does not show what the kernel prints
    #[arg(long)]
    no_kernel_debug: bool,
    /// Values to set before the first level: .yaml or .json
    #[arg(long, value_name = "FILE")]
    installer_config: Option<PathBuf>,
    /// Where profiles go [default: the system's directory for temporary files]
    #[arg(long, value_name = "DIR")]
    flamecharts_dir: Option<PathBuf>,
    /// Writes what the kernel prints to a file, each line with its time
    #[arg(long, value_name = "FILE")]
    timings_file: Option<PathBuf>,
    /// Not supported: plugins are compiled OCaml
    #[arg(long, value_name = "FILES")]
    plugins: Option<String>,
    /// Runs the commands in a file instead of asking for them
    #[arg(long, value_name = "FILE")]
    pub commands: Option<PathBuf>,
    /// One JSON object for each command
    #[arg(long)]
    json: bool,
    /// Ends the session when a command takes longer
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    command_timeout: Option<Duration>,
    /// What the data availability layer tells of itself: slots, attestation lag, bytes of a slot, bytes of a page
    #[arg(long, value_name = "N,N,N,N", value_parser = dal_parameters)]
    dal_parameters: Option<[u64; 4]>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn dal_parameters(text: &str) -> Result<[u64; 4], String> {
    let numbers: Result<Vec<u64>, _> = text.split(',').map(str::parse).collect();
    numbers
        .ok()
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or_else(|| "expected four numbers, with commas between them".into())
}

/// The version the original had when the manual was written.
const DEFAULT_VERSION: Version = Version::R2;

/// How the original prints an error.
pub(super) fn block(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
    format!("Error:\n{}", lines.join("\n"))
}

/// What the end of a session means for the program: nothing when nobody reads it any more.
pub(super) fn finish(result: Result<(), Failure>) -> Result<(), String> {
    match result {
        Ok(()) => Ok(()),
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(Failure::Output(error)) => Err(error.to_string()),
        Err(Failure::Command(text)) => Err(text),
    }
}

pub(super) fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|_| format!("{} is not a valid file", path.display()))
}

/// A directory that was asked for must be there; the default one need not.
fn directory(given: &Option<PathBuf>, base: &Path, default: &str) -> Result<PathBuf, String> {
    match given {
        None => Ok(base.join(default)),
        Some(path) => {
            let path = base.join(path);
            if path.is_dir() {
                Ok(path)
            } else {
                Err(format!("{} is not a valid directory", path.display()))
            }
        }
    }
}

/// Makes a session; relative paths start at `base`.
pub(super) fn session(
    arguments: &SessionArguments,
    base: &Path,
    mut prints: Box<dyn Prints>,
    lines: Box<dyn Lines>,
) -> Result<Session, String> {
    let kernel = arguments.kernel.as_ref().or(arguments.positional.as_ref());
    let path = base.join(kernel.ok_or("A kernel file must be provided")?);
    if arguments.plugins.is_some() {
        return Err("Plugins are compiled OCaml, which this debugger cannot load".into());
    }
    let version = match &arguments.pvm_version {
        None => DEFAULT_VERSION,
        Some(name) => Version::parse(name).ok_or_else(|| {
            let all: Vec<String> = Version::ALL
                .iter()
                .map(|version| format!("'{version}'"))
                .collect();
            format!(
                "{name} is not a valid WASM PVM version. Expected one of: {}.",
                all.join(", ")
            )
        })?,
    };
    let rollup = match &arguments.rollup {
        None => [0; 20],
        Some(text) => ROLLUP.address(text).map_err(|_| {
            format!(
                "Parameter '{text}' is an invalid smart rollup address encoded in a base58 string."
            )
        })?,
    };
    let wasm = kernel::read_kernel(&path).map_err(|error| error.to_string())?;
    let checked = kernel::check(&path, &wasm).map_err(|error| error.to_string())?;
    for warning in kernel::warnings(&checked, version) {
        prints.err(&warning);
    }
    let mut pvm = Pvm::originate(&wasm, version);
    if let Some(path) = &arguments.installer_config {
        configure(&mut pvm, &base.join(path), &mut *prints)?;
    }
    let levels = match &arguments.inputs {
        None => Vec::new(),
        Some(path) => {
            let path = base.join(path);
            let inputs = inputs::parse(&read(&path)?, rollup)
                .map_err(|error| format!("{}: {error}", path.display()))?;
            inputs
                .warnings
                .iter()
                .for_each(|warning| prints.err(&format!("Warning: {}: {warning}", path.display())));
            inputs.levels
        }
    };
    let timings = arguments.timings_file.as_ref();
    let timings = timings
        .map(|path| Timings::create(base.join(path)))
        .transpose()
        .map_err(|error| error.to_string())?;
    let console = Console {
        prints,
        lines,
        preimages: directory(&arguments.preimage_dir, base, "preimage")?,
        dal_pages: directory(&arguments.dal_pages_dir, base, "dal_pages")?,
        rollup,
        show_debug: !arguments.no_kernel_debug,
        timings,
        sections: None,
        dal_parameters: arguments.dal_parameters,
        patience: interrupt::Patience::new(arguments.command_timeout),
        events: arguments.json.then(Captured::default),
        lost: None,
    };
    let profiles = match &arguments.flamecharts_dir {
        None => std::env::temp_dir(),
        given => directory(given, base, "")?,
    };
    Ok(Session::new(
        pvm,
        Box::new(compiled()?),
        console,
        Options { profiles },
        levels,
    ))
}

/// The compiler that the original's variable asks for; without it, one is chosen while the kernel runs.
fn compiled() -> Result<Compiled, String> {
    let choice = match std::env::var("OCTEZ_WASMER_COMPILER").as_deref() {
        Err(_) => Choice::Auto,
        Ok("singlepass") => Choice::Fast,
        Ok("cranelift") => Choice::Optimizing,
        Ok(other) => {
            return Err(format!(
                "OCTEZ_WASMER_COMPILER: unknown compiler `{other}`: expected singlepass or cranelift"
            ));
        }
    };
    Ok(Compiled::new(Settings {
        choice,
        ..Settings::default()
    }))
}

/// Sets the values of an installer's configuration.
fn configure(pvm: &mut Pvm, path: &Path, prints: &mut dyn Prints) -> Result<(), String> {
    let json = match path.extension().and_then(|ending| ending.to_str()) {
        Some("yaml" | "yml") => false,
        Some("json") => true,
        _ => return Err("Expecting either a .yaml of .json file".into()),
    };
    let text = read(path)?;
    if json && let Err(error) = serde_json::from_str::<serde_json::Value>(&text) {
        return Err(format!("Config is not a valid JSON: {error}"));
    }
    let mut warn = |what: String| prints.err(&format!("Warning: {}: {what}", path.display()));
    for (n, instruction) in installer::configuration(&text, &mut warn)
        .map_err(|error| error.to_string())?
        .into_iter()
        .enumerate()
    {
        match instruction {
            Instruction::Set { value, to } => pvm.world.durable.set(&to, Value::from(&value[..])),
            Instruction::Move { .. } | Instruction::Reveal { .. } => {
                prints.err("Only `set` can be used here");
                return Err(format!("The {n}th instruction is invalid."));
            }
        }
    }
    Ok(())
}
