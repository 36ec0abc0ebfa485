//! The program `rollup-node`: the command line of the real node, and a few words of our own
//! (rollup-node.md, section 1).

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use super::arguments::{Arguments, base_dir};
use super::config::File;
use super::dump::dump;
use super::operators::{alias, memorise};
use super::process::run;
use super::setting::{boot_sector, config_path, first_kernel, new_address, settings};
use super::snapshot::snapshot;
use super::{compare, config, log, offline, remembered, server, tell};
use crate::encoding::base58::ROLLUP;
use crate::replace::replace;
use crate::say::say;

/// The program.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line: Vec<OsString> = arguments.into_iter().collect();
    let arguments = match Arguments::try_parse_from(&line) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::FAILURE
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match command(arguments, &line) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            let lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
            eprintln!("Error:\n{}", lines.join("\n"));
            ExitCode::FAILURE
        }
    }
}

fn command(mut arguments: Arguments, line: &[OsString]) -> Result<(), String> {
    if arguments.words.first().is_some_and(|word| word == "run") {
        let line = remembered::complete(&arguments, line)?;
        arguments = Arguments::try_parse_from(line)
            .map_err(|error| format!("sandbox.json: {}", error.render()))?;
    }
    let arguments = &arguments;
    log::configure(
        match arguments.log_format.as_str() {
            "json" => true,
            "text" => false,
            other => return Err(format!("--log-format: `{other}` is neither text nor json")),
        },
        false,
    );
    let words: Vec<&str> = arguments.words.iter().map(String::as_str).collect();
    match words[..] {
        ["run"] => run(arguments, None, None, &[]),
        ["run", mode, "for", address, ref rest @ ..] => {
            run(arguments, Some(mode), Some(address), operators_of(rest)?)
        }
        ["init", mode, "config", "for", address, ref rest @ ..] => {
            init(arguments, mode, address, operators_of(rest)?)?;
            remembered::remember(arguments, line)
        }
        ["show", "supported", "protocols"] => {
            for name in PROTOCOLS {
                say!("{name}")?;
            }
            Ok(())
        }
        ["originate", "smart", "rollup", name, ref rest @ ..] => originate(arguments, name, rest),
        ["send", "smart", "rollup", "message", text, ref rest @ ..] => {
            tell::send(arguments, text, rest)
        }
        ["transfer", payload, "from", sender, ref rest @ ..] => {
            tell::transfer(arguments, payload, sender, rest)
        }
        ["bake"] => tell::bake(arguments, 1),
        ["bake", count] => {
            let count = count
                .parse()
                .map_err(|_| format!("bake: `{count}` is not a number"))?;
            tell::bake(arguments, count)
        }
        ["generate", "openapi"] => {
            say!("{}", server::openapi())?;
            Ok(())
        }
        ["list", "metrics"] => server::list_metrics(),
        ["dump-metrics"] => server::dump_metrics(),
        ["dump", "durable", "storage", "into", file] => dump(arguments, file),
        ["snapshot", ref rest @ ..] => snapshot(arguments, rest),
        ["patch", "durable", "storage", "at", key, "with", value] => {
            offline::patch(arguments, key, value)
        }
        ["replay", "block", block] => offline::replay(arguments, block, block),
        ["replay", "blocks", "from", from, "to", to] => offline::replay(arguments, from, to),
        ["repair", "commitments", "for", protocol] => offline::repair(arguments, protocol),
        ["recompute", "outbox", "messages", "from", level] => offline::recompute(arguments, level),
        ["compare", one, two] => compare::compare(arguments, [one, two]),
        [] => Err("a command is missing: see --help".into()),
        _ => Err(format!("unknown command `{}`: see --help", words.join(" "))),
    }
}

/// Protocols whose migration the machine knows.
const PROTOCOLS: [&str; 10] = [
    "nairobi_017",
    "oxford_018",
    "paris_019",
    "paris_020",
    "quebec_021",
    "r022_022",
    "s023_023",
    "t024_024",
    "u025_025",
    "alpha_current",
];

fn operators_of<'a>(rest: &'a [&'a str]) -> Result<&'a [&'a str], String> {
    match rest {
        [] => Ok(&[]),
        ["with", "operators", keys @ ..] => Ok(keys),
        _ => Err(format!(
            "expected `with operators …`, found `{}`",
            rest.join(" ")
        )),
    }
}

fn init(arguments: &Arguments, mode: &str, address: &str, keys: &[&str]) -> Result<(), String> {
    // What is already there is replaced and not read.
    let none = File::default();
    let kernel = first_kernel(arguments, &none)?;
    let path = config_path(arguments);
    if path.exists() && !arguments.force {
        return Err(format!(
            "Configuration file \"{}\" already exists. Use --force to overwrite.",
            path.display()
        ));
    }
    let settings = settings(
        arguments,
        &none,
        Some(mode),
        Some(address),
        keys,
        kernel.as_deref(),
    )?;
    let v18 = match arguments.config_style.as_str() {
        "v18" => true,
        "new" => false,
        other => return Err(format!("--config-style: `{other}` is neither v18 nor new")),
    };
    let text = serde_json::to_string_pretty(&config::written(&settings, v18))
        .map_err(|error| error.to_string())?;
    let parent = path.parent().map_or(Ok(()), fs::create_dir_all);
    parent
        .and_then(|()| replace(&path, text + "\n"))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    say!(
        "Smart rollup node configuration written in {}",
        path.display()
    )?;
    Ok(())
}

fn originate(arguments: &Arguments, name: &str, rest: &[&str]) -> Result<(), String> {
    let kernel = match rest {
        ["of", "kind", "wasm_2_0_0", "of", "type", _, "with", "kernel", kernel] => *kernel,
        ["of", "kind", kind, ..] if *kind != "wasm_2_0_0" => {
            return Err(format!("only rollups of kind wasm_2_0_0 can be run, not {kind}"));
        }
        _ => return Err("expected: originate smart rollup NAME of kind wasm_2_0_0 of type TYPE with kernel (HEX|file:FILE)".into()),
    };
    let bytes = match kernel.strip_prefix("file:") {
        Some(path) => boot_sector(Path::new(path))?,
        None => hex::decode(kernel)
            .map_err(|error| format!("the kernel is not hexadecimal: {error}"))?,
    };
    let base_dir = base_dir(arguments);
    if alias(&base_dir, "smart_rollups", name).is_some() && !arguments.force {
        return Err(format!(
            "The smart rollup alias {name} already exists. Use --force to overwrite."
        ));
    }
    let address = ROLLUP.encode(&new_address(name, &bytes));
    memorise(&base_dir, "smart_rollups", name, &address)?;
    let path = base_dir.join(format!("{address}.kernel"));
    fs::write(&path, hex::encode(&bytes))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    say!("Address: {address}\nSmart rollup {address} memorized as \"{name}\"")?;
    Ok(())
}
