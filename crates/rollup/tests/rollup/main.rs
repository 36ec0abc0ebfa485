//! The program `kernel-debugger` as its users see it: sessions, mistakes, installers, profiles, golden cases.

mod bad_input;
mod engine;
mod fuzz;
mod hammer;
mod installing;
mod node;
mod random;
mod readme;
mod sessions;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The package's directory.
fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn kernel(name: &str) -> PathBuf {
    package().join("kernels").join(format!("{name}.wat"))
}

/// The program, in the package's directory.
fn debugger() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kernel-debugger"));
    // What a person or a machine for tests has set concerns other people's suites.
    command
        .current_dir(package())
        .env_remove("CI")
        .env_remove("DRUN_ACCEPT");
    command
}

/// Runs a command with these lines on its standard input.
fn talk(command: &mut Command, lines: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that has ended does not read what is left.
    let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
