//! Every command that README shows with its output prints that output. The commands are in the blocks marked `console`,
//! behind `$ `; they run in the root of the repository, as a user would type them.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use crate::support;

/// A command and the lines below it.
struct Shown {
    command: String,
    output: String,
}

fn shown(readme: &str) -> Vec<Shown> {
    let mut all: Vec<Shown> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            line => match (line.strip_prefix("$ "), all.last_mut()) {
                (Some(command), _) => all.push(Shown {
                    command: command.to_owned(),
                    output: String::new(),
                }),
                (None, Some(last)) => last.output += &format!("{line}\n"),
                (None, None) => panic!("output without a command: {line}"),
            },
        }
    }
    all
}

/// What the command prints on both streams, with our program under its name.
fn run(command: &str, root: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_drun"));
    let directory = program.parent().expect("it is in a directory");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .current_dir(root)
        .env("PATH", format!("{}:{path}", directory.display()))
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .env_remove("DRUN_FORMAT")
        .env_remove("CI");
    let output = support::merged(shell).expect("there is a shell");
    String::from_utf8(output.bytes).expect("all output is UTF-8")
}

#[test]
fn readme_shows_what_the_program_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).expect("README can be read");
    let commands = shown(&readme);
    assert!(
        commands
            .iter()
            .any(|shown| shown.command == "drun examples/counter.drun")
    );
    let differences: Vec<String> = commands
        .iter()
        .filter_map(|shown| {
            let difference = support::difference(&shown.output, &run(&shown.command, root))?;
            Some(format!("$ {}\n{difference}", shown.command))
        })
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Cargo compiles the examples with the tests.
#[test]
fn readme_shows_the_example_of_the_library() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path| std::fs::read_to_string(root.join(path)).expect("it can be read");
    let example = read("examples/counter_test.rs");
    let code = &example[example.find("use ").expect("it uses the library")..];
    assert!(read("README.md").contains(&format!("```rust\n{code}```\n")));
}

/// With the answers for HTTP requests that README shows, a run has nothing to warn of.
#[test]
fn readme_shows_a_configuration_that_is_taken() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).expect("README can be read");
    let block = readme.split("```json5\n").nth(1);
    let block = block.and_then(|rest| rest.split("```").next());
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("drun.json5");
    std::fs::write(&path, block.expect("README shows one")).expect("it can be written");
    let output = Command::new(env!("CARGO_BIN_EXE_drun"))
        .args(["--no-cache", "--quiet-canisters", "--config"])
        .arg(&path)
        .arg("examples/counter.drun")
        .current_dir(root)
        .env_remove("DRUN_FORMAT")
        .output()
        .expect("drun runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
}
