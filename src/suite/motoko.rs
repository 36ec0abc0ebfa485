//! Motoko's own suite as it is: sources whose comments hold calls (`//CALL ingress go 0x…`), scripts that name sources,
//! `ok/` folders, and the rules by which cases are left out. Compiles with `moc` and makes a plain script of a case.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use super::case::{Build, Case, Expected};
use super::child::{self, Failure, Limits};
use super::compilation::{Compilation, OK};
use super::names::Names;
use super::settings::Settings;
use crate::input;

/// The first canister that the runner makes, and the first on an application subnet.
const ID: &str = "rwlgt-iiaaa-aaaaa-aaaaa-cai";
const APPLICATION_ID: &str = "22ajg-aqaaa-aaaap-adukq-cai";
/// The argument that names the first one: a record with `canister_id`, in Candid.
const PRINCIPAL: &str = "0x4449444c016c01b3c4b1f204680100010a00000000000000000101";
/// What a source is compiled to, beside the script that is made of it.
const MODULE: &str = "case.wasm";

/// The case of a source or script; nothing for a source that is only part of another.
pub(super) fn case(source: &Path, names: Names, settings: &Settings) -> Option<Case> {
    let directory = source.parent().unwrap_or(Path::new(""));
    let stem = source.file_stem()?.to_string_lossy().into_owned();
    let is_script = source.extension().is_some_and(|ending| ending == "drun");
    // Sources in other folders belong to a script or to another source.
    if !directory.join(OK).is_dir() {
        return None;
    }
    let step = if is_script { "drun" } else { "drun-run" };
    let expected = directory.join(OK).join(format!("{stem}.{step}.ok"));
    // A status other than 0 is expected of the check of types or of the compilation.
    let fails = ["tc", "comp"].iter().any(|step| {
        let status = directory.join(OK).join(format!("{stem}.{step}.ret.ok"));
        status.is_file()
    });
    let (text, unreadable) = match input::expected(source) {
        Ok(bytes) => (String::from_utf8_lossy(&bytes).into_owned(), None),
        Err(error) => (
            String::new(),
            Some(format!("cannot read {}: {error}", source.display())),
        ),
    };
    let extra: Vec<String> = std::env::var("EXTRA_MOC_ARGS")
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let args = [&settings.moc_args[..], &extra].concat();
    let stem_name = |folder: &Path| {
        folder
            .join(&stem)
            .to_string_lossy()
            .replace(std::path::MAIN_SEPARATOR, "/")
    };
    let name = stem_name(directory);
    Some(Case {
        skip: skipped(&text, step, &args).or_else(|| settings.skipped(&name)),
        name,
        key: match names.key.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{stem}"),
            None => stem.clone(),
        },
        source: source.to_owned(),
        build: Build::Motoko(Compilation {
            moc: std::env::var("MOC")
                .ok()
                .filter(|moc| !moc.is_empty())
                .unwrap_or_else(|| settings.moc.clone()),
            args,
            application: is_script && text.contains("# APPLICATION-SUBNET"),
            fails: fails && !expected.is_file(),
        }),
        suite_args: settings.args.clone(),
        args: Vec::new(),
        expected: Expected::MergedOrNothing(expected),
        exit: 0,
        unreadable,
        timeout: settings.timeout,
        normalizer: Arc::clone(&settings.normalizer),
    })
}

/// Why the suite's own rules leave a case out.
fn skipped(text: &str, step: &str, args: &[String]) -> Option<String> {
    let has = |option: &str| args.iter().any(|arg| arg.contains(option));
    let lines = || text.lines().map(str::trim);
    let says = |mark: &str| {
        lines().any(|line| {
            line.trim_start_matches(['#', '/', ' ']).starts_with(mark)
                && line.starts_with(['#', '/'])
        })
    };
    let skip_step = |line: &str| {
        let rest = line.strip_prefix("//SKIP ").or_else(|| {
            line.strip_prefix('#')
                .and_then(|rest| rest.trim_start().strip_prefix("SKIP "))
        });
        rest.is_some_and(|named| {
            let named = named.trim();
            named == step || step == "drun-run" && matches!(named, "comp" | "wasm" | "tc")
        })
    };
    let enhanced = has("--enhanced-orthogonal-persistence");
    let reason = if lines().any(skip_step) {
        "the case says so"
    } else if says("ENHANCED-ORTHOGONAL-PERSISTENCE-ONLY") && !enhanced {
        "only with --enhanced-orthogonal-persistence"
    } else if says("CLASSICAL-PERSISTENCE-ONLY") && enhanced {
        "only without --enhanced-orthogonal-persistence"
    } else if says("INCREMENTAL-GC-ONLY") && !has("--incremental-gc") {
        "only with --incremental-gc"
    } else if says("DEFAULT-GC-ONLY") && has("-gc") && !has("--force-gc") {
        "only with the default collector"
    } else if says("SKIP-SANITY-CHECKS") && has("--sanity-checks") {
        "not with --sanity-checks"
    } else {
        return None;
    };
    Some(reason.to_owned())
}

/// What came of building a case.
pub(super) enum Built {
    /// The script to be run, and further options.
    Script(PathBuf, Vec<String>),
    /// It does not compile, and the suite knows.
    ExpectedFailure,
}

impl Compilation {
    /// Compiles the modules of a case into a directory and writes its script there.
    ///
    /// # Errors
    /// What the compiler says, or why it cannot be run.
    pub(super) fn build(
        &self,
        case: &Case,
        scratch: &Path,
        limits: Limits,
    ) -> Result<Built, String> {
        let source = &case.source;
        let directory = case.directory();
        let file = source
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = input::text_file(source)?;
        let id = if self.application { APPLICATION_ID } else { ID };
        let mut script = String::from("create\n");
        if file.ends_with(".mo") {
            let mangled = mangle(&text);
            let copy = copy_beside(directory, &file, &mangled)?;
            let name = copy
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let module = scratch.join(MODULE);
            if let Err(failure) = self.compile(directory, &name, &text, &module, true, limits) {
                return match self.fails && failure.own {
                    true => Ok(Built::ExpectedFailure),
                    false => Err(failure.text),
                };
            }
            script.push_str(&format!("install {id} {MODULE} 0x\n"));
            for line in mangled.lines() {
                if let Some(call) = line.strip_prefix("//CALL ") {
                    if call.starts_with("upgrade") {
                        script.push_str(&format!("upgrade {id} {MODULE} 0x\n"));
                    } else if let Some((kind @ ("ingress" | "query"), rest)) = call.split_once(' ')
                    {
                        script.push_str(&format!("{kind} {id} {rest}\n"));
                    }
                }
            }
        } else {
            for (number, line) in text.lines().enumerate() {
                let mut line = line.replace("$ID", id).replace("$PRINCIPAL", PRINCIPAL);
                let named = line
                    .split_whitespace()
                    .find(|word| word.ends_with(".mo"))
                    .map(str::to_owned);
                if let Some(named) = named.filter(|_| !line.starts_with('#')) {
                    let module = format!("{number}.wasm");
                    let code = input::text_file(&directory.join(&named))
                        .map_err(|error| format!("cannot read {named}: {error}"))?;
                    self.compile(
                        directory,
                        &named,
                        &code,
                        &scratch.join(&module),
                        false,
                        limits,
                    )
                    .map_err(|failure| failure.text)?;
                    line = line.replacen(&named, &module, 1);
                }
                script.push_str(&line);
                script.push('\n');
            }
        }
        let path = scratch.join("case.drun");
        std::fs::write(&path, script)
            .map_err(|error| format!("cannot write the script: {error}"))?;
        let mut args = Vec::new();
        if self.application {
            args.extend(["--subnet-type", "application"].map(str::to_owned));
        }
        Ok(Built::Script(path, args))
    }

    fn compile(
        &self,
        directory: &Path,
        file: &str,
        text: &str,
        module: &Path,
        forced: bool,
        limits: Limits,
    ) -> Result<(), Failure> {
        let marked = |mark: &str| {
            let lines = text
                .lines()
                .filter_map(|line| line.trim_start().strip_prefix(mark));
            lines
                .flat_map(str::split_whitespace)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let mut moc = self.moc.split_whitespace();
        let mut command = Command::new(moc.next().unwrap_or("moc"));
        command
            .args(moc)
            .args(["--legacy-persistence", "--legacy-actors"]);
        for assignment in marked("//MOC-ENV") {
            if let Some((name, value)) = assignment.split_once('=') {
                command.env(name, value);
            }
        }
        command.args(marked("//MOC-FLAG"));
        if forced && !text.contains("//MOC-NO-FORCE-GC") {
            command.arg("--force-gc");
        }
        command
            .args(&self.args)
            .args(["--hide-warnings", "-c", file, "-o"])
            .arg(module)
            .current_dir(directory);
        let compiled = child::succeed(&mut command, limits);
        compiled.map_err(|failure| {
            let hint = match failure.text.starts_with("cannot be run") {
                true => "; MOC of the environment, or `moc` in drun.toml, names the compiler",
                false => "",
            };
            let text = format!("{file}: {} {}{hint}", self.moc, failure.text);
            Failure { text, ..failure }
        })
    }
}

/// Writes the source that is compiled beside the one that it is made of, which relative imports want. Its name is what the suite's
/// own runner calls it, since traps tell it and what is compared is without `.mangled`; unless another run has it.
fn copy_beside(directory: &Path, file: &str, mangled: &str) -> Result<tempfile::TempPath, String> {
    let cannot = |error: std::io::Error| format!("cannot write beside the source: {error}");
    let path = std::path::absolute(directory).map_err(cannot)?;
    let path = path.join(format!("{file}.mangled"));
    let copy = match std::fs::File::create_new(&path) {
        Ok(_) => tempfile::TempPath::try_from_path(path).map_err(cannot)?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let named = tempfile::Builder::new()
                .prefix(&format!("{file}."))
                .suffix(".mangled")
                .tempfile_in(directory);
            named.map_err(cannot)?.into_temp_path()
        }
        Err(error) => return Err(cannot(error)),
    };
    std::fs::write(&copy, mangled).map_err(cannot)?;
    Ok(copy)
}

/// The source with what interpreters call themselves taken out; the node calls it instead.
fn mangle(text: &str) -> String {
    let line = |line: &str| match line.split_once("//OR-CALL") {
        Some((_, rest)) => format!("//CALL{rest}\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_left_out_by_the_rules_of_the_suite() {
        let skip = |text: &str, args: &str| {
            let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
            skipped(text, "drun-run", &args).is_some()
        };
        assert!(skip("//SKIP comp\n", ""));
        assert!(skip("//SKIP drun-run\n", ""));
        assert!(!skip("//SKIP run\n//SKIP run-ir\n", ""));
        assert!(skip("//ENHANCED-ORTHOGONAL-PERSISTENCE-ONLY", ""));
        assert!(!skip(
            "//ENHANCED-ORTHOGONAL-PERSISTENCE-ONLY",
            "--enhanced-orthogonal-persistence"
        ));
        assert!(skip(
            "# CLASSICAL-PERSISTENCE-ONLY",
            "--enhanced-orthogonal-persistence"
        ));
        assert!(skip("# DEFAULT-GC-ONLY", "--copying-gc"));
        assert!(!skip("actor { }", "--copying-gc"));
    }

    #[test]
    fn two_runs_at_once_have_their_own_copies_and_leave_none() {
        let directory = tempfile::tempdir().unwrap();
        let copy = || copy_beside(directory.path(), "a.mo", "actor {}").unwrap();
        let (first, second) = (copy(), copy());
        assert_eq!(first.file_name().unwrap(), "a.mo.mangled");
        assert_ne!(first.as_os_str(), second.as_os_str());
        assert_eq!(std::fs::read_to_string(&second).unwrap(), "actor {}");
        drop((first, second));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_interpreters_run_is_called_by_the_node_instead() {
        assert_eq!(
            mangle("actor a {};\na.go(); //OR-CALL ingress go 0x\n"),
            "actor a {};\n//CALL ingress go 0x\n"
        );
    }
}
