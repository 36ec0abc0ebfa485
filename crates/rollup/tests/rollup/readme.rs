//! The session in the package's README is what the program prints.

use super::{debugger, package, talk, text};
use std::fs;

#[test]
fn the_session_is_real() {
    let readme = fs::read_to_string(package().join("README.md")).unwrap();
    let block = readme
        .split("```console\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let (first, session) = block.split_once('\n').unwrap();
    let args = first.strip_prefix("$ kernel-debugger ").unwrap();
    let commands: String = session
        .lines()
        .filter_map(|line| line.strip_prefix("> "))
        .map(|command| format!("{command}\n"))
        .collect();
    let output = talk(debugger().args(args.split(' ')), &commands);
    // A terminal shows what is typed behind the prompt; a pipe does not.
    let mut typed = commands.lines();
    let shown: String = text(&output.stdout)
        .split("> ")
        .map(|part| match typed.next() {
            Some(command) => format!("{part}> {command}\n"),
            None => part.to_owned(),
        })
        .collect();
    assert_eq!(shown, session, "{}", text(&output.stderr));
}
