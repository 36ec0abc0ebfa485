//! Tests of whole scripts. What several of them need: files in memory, and what a program or its only mistake is.

use std::collections::HashMap;

use super::statement::Statement;
use super::*;

mod included;
mod mistakes;
mod older;
mod reading;
mod roundtrip;

/// Files in memory: scripts, interfaces, and modules by what they say of their interface.
#[derive(Default)]
struct Memory {
    files: HashMap<&'static str, &'static str>,
    modules: HashMap<&'static str, &'static str>,
}

impl Files for Memory {
    fn read(&mut self, _: &str, path: &str) -> Result<(String, Vec<u8>), String> {
        match self.files.get(path) {
            Some(text) => Ok((path.into(), text.as_bytes().into())),
            None => Err("there is no such file".into()),
        }
    }

    fn interface(&mut self, _: &str, module: &str) -> Option<InterfaceText> {
        let service = self.modules.get(module)?.to_string();
        let init = None;
        Some(InterfaceText { service, init })
    }
}

const LEDGER: &str = "type Result = variant { ok : record { block : nat }; err : text };
service : (record { owner : principal }) -> {
  mint : (to : principal, amount : nat) -> (Result);
  transfer : (record { to : principal; amount : nat; memo : opt blob }) -> (Result);
  balance : (principal) -> (nat) query;
  \"icrc1:x\" : () -> ();
}";

fn memory() -> Memory {
    let mut memory = Memory::default();
    memory.modules.insert("ledger.wasm", LEDGER);
    memory
        .modules
        .insert("broken.wasm", "service : { f : (nope) -> () }");
    memory.files.insert("ledger.did", LEDGER);
    memory
        .files
        .insert("wrong.did", "type A = nat;\nservice : { f : (B) -> () }");
    memory.files.insert(
        "setup.drun",
        "create ledger\ninstall ledger ledger.wasm (record { owner = $alice })\n",
    );
    memory
        .files
        .insert("bad.drun", "create a\n\n  instal a m.wasm\n");
    memory
        .files
        .insert("self.drun", "create a\ninclude \"self.drun\"\n");
    memory.files.insert("ping.drun", "include \"pong.drun\"\n");
    memory
        .files
        .insert("pong.drun", "# over to the other\ninclude \"ping.drun\"\n");
    memory
}

fn parsed(source: &str) -> Result<Program, Diagnostics> {
    Program::parse("t.drun", source.as_bytes(), &mut memory())
}

fn program(source: &str) -> Vec<Statement> {
    let program = parsed(source).unwrap_or_else(|mistakes| panic!("{source}\n{mistakes}"));
    let statements = program.statements.into_iter();
    statements.map(|placed| placed.statement).collect()
}

/// The only mistake: line, column, length, what is said, what is expected.
fn mistake(source: &str) -> (usize, usize, usize, String, String) {
    let mistakes = parsed(source).expect_err(source);
    let all: Vec<&Diagnostic> = mistakes.iter().collect();
    assert_eq!(all.len(), 1, "{mistakes}");
    let only = all[0];
    let (said, expected) = (only.kind.to_string(), only.kind.expected());
    (only.line, only.column, only.length, said, expected)
}

/// A script, the place of its mistake (line, column, length), what is wrong, and what was expected.
type Wrong<'a> = (&'a str, (usize, usize, usize), &'a str, &'a str);

/// Each source with the place and the words of its only mistake.
fn check(cases: &[Wrong<'_>]) {
    for (source, place, said, expected) in cases {
        let (line, column, length, is_said, is_expected) = mistake(source);
        let told = ((line, column, length), &*is_said, &*is_expected);
        assert_eq!(told, (*place, *said, *expected), "{source}");
    }
}
