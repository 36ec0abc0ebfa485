//! Random modules in every kind of code: results, counts and cycles are the same, also at the end of instructions, and
//! with a profile.

use std::fmt::Write;

use drun::Protocol;
use drun::internals::canister::InstallMode;
use drun::internals::config::CompilerChoice;
use drun::internals::outcome::{MessageResult, Outcome};
use drun::internals::{Compat, Config, Runner};

/// Functions of a module.
const FUNCTIONS: usize = 3;
/// Instructions that a message may use.
const LIMIT: u64 = 30_000_000;

/// The bytes as a source of choices; when they are used up every choice is the first.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn of<'b>(&mut self, all: &[&'b str]) -> &'b str {
        all[usize::from(self.byte()) % all.len()]
    }
}

const BINARY: [&str; 14] = [
    "add", "sub", "mul", "and", "or", "xor", "shl", "shr_s", "rotl", "lt_u", "eq", "div_s",
    "rem_u", "div_u",
];

/// An expression with a result of 32 bits.
fn expression(choices: &mut Choices<'_>, depth: u32) -> String {
    if depth == 0 {
        return match choices.byte() % 4 {
            0 => format!("(i32.const {})", i32::from(choices.byte()) - 100),
            1 => "(local.get 0)".to_owned(),
            2 => "(global.get $g)".to_owned(),
            _ => "(i32.wrap_i64 (call $counter (i32.const 0)))".to_owned(),
        };
    }
    let mut inner = || expression(choices, depth - 1);
    let (a, b) = (inner(), inner());
    match choices.byte() % 19 {
        0..4 => format!("(i32.{} {a} {b})", choices.of(&BINARY)),
        4 => format!("(i32.load (i32.and {a} (i32.const 65532)))"),
        5 => format!(
            "(i32.load8_u offset={} {a})",
            u32::from(choices.byte()) * 600
        ),
        6 => format!("(if (result i32) {a} (then {b}) (else (i32.const 3)))"),
        7 => format!("(call $f{} {a})", usize::from(choices.byte()) % FUNCTIONS),
        8 => format!(
            "(call_indirect (type $t) {a} (i32.and {b} (i32.const {})))",
            [1, 3, 7][usize::from(choices.byte()) % 3]
        ),
        9 => format!("(i32.add (memory.grow (i32.and {a} (i32.const 1))) {b})"),
        10 => format!("(block (result i32) (global.set $g {a}) {b})"),
        11 => format!(
            "(block (result i32) (i32.store (i32.and {a} (i32.const 131068)) {b}) (i32.const 5))"
        ),
        12 => {
            let turns = 1 + u32::from(choices.byte()) * 40;
            format!(
                "(block (result i32) (local.set 1 (i32.const {turns})) (loop $l (global.set $g (i32.add (global.get $g) {a})) \
                 (br_if $l (local.tee 1 (i32.sub (local.get 1) (i32.const 1))))) {b})"
            )
        }
        13 => format!(
            "(i32.wrap_i64 (i64.{} (i64.extend_i32_s {a}) (i64.extend_i32_u {b})))",
            choices.of(&BINARY[..9])
        ),
        14 => format!(
            "(i32.trunc_sat_f64_s (f64.div (f64.convert_i32_s {a}) (f64.sqrt (f64.convert_i32_s {b}))))"
        ),
        15 => format!(
            "(block (result i32) (memory.fill (i32.and {a} (i32.const 65535)) {b} (i32.and {b} (i32.const 8191))) {a})"
        ),
        16 => format!(
            "(block $b (result i32) (br_table $b $b (i32.add {a} (i32.const 1)) (i32.and {b} (i32.const 1))))"
        ),
        17 => {
            // Now and then to where it is.
            let from = if choices.byte().is_multiple_of(3) {
                &a
            } else {
                &b
            };
            format!(
                "(block (result i32) (memory.copy (i32.and {a} (i32.const 65535)) (i32.and {from} (i32.const 65535)) \
                 (i32.and {b} (i32.const 131071))) {a})"
            )
        }
        _ if choices.byte().is_multiple_of(8) => "(block (result i32) unreachable)".to_owned(),
        _ => format!("(select {a} {b} (i32.eqz {a}))"),
    }
}

fn module(bytes: &[u8]) -> String {
    let mut choices = Choices(bytes.iter());
    let mut functions = String::new();
    for number in 0..FUNCTIONS {
        let depth = 2 + u32::from(choices.byte() % 3);
        let body = expression(&mut choices, depth);
        let _ = writeln!(functions, "(func $f{number} (type $t) (local i32) {body})");
        let _ = writeln!(
            functions,
            "(func (export \"canister_update m{number}\") (i32.store (i32.const 8) (call $f{number} (i32.const {number}))) \
             (i32.store (i32.const 12) (global.get $g)) (call $append (i32.const 0) (i32.const 32)) (call $reply))"
        );
    }
    format!(
        "(module (import \"ic0\" \"msg_reply\" (func $reply))
          (import \"ic0\" \"msg_reply_data_append\" (func $append (param i32 i32)))
          (import \"ic0\" \"performance_counter\" (func $counter (param i32) (result i64)))
          (type $t (func (param i32) (result i32))) (memory 2 40) (global $g (mut i32) (i32.const 1))
          (table 6 funcref) (elem (i32.const 0) $f0 $f1 $f2 $f0) {functions})"
    )
}

fn outcomes(
    module: &[u8],
    methods: &[&str],
    protocol: Protocol,
    compiler: CompilerChoice,
    profile: bool,
) -> Vec<Outcome> {
    let config = Config {
        compiler,
        profile,
        stats: profile,
        protocol,
        instruction_limit: Some(LIMIT),
        ..Config::new(Compat::Drun)
    };
    let mut runner = Runner::new(config);
    runner.create();
    let id = runner.canisters().next().expect("it was created").id;
    let mut all = vec![runner.install(InstallMode::Install, id, module, b"")];
    for method in methods {
        all.push(runner.ingress(id, method, b""));
    }
    all
}

/// All kinds of code agree on the module that the bytes describe.
pub fn instrumentation(bytes: &[u8]) {
    agree(&module(bytes), &["m0", "m1", "m2", "m0"]);
}

/// All kinds of code agree on what these methods of a module do, one after the other.
pub(super) fn agree(text: &str, methods: &[&str]) {
    let module = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    // By the newest rules, and by those before, which charge for changes and not for touching.
    let protocol = match text.len() % 4 {
        0 => Protocol::OCTOBER_2025,
        _ => Protocol::NEWEST,
    };
    let outcomes = |compiler, profile| outcomes(&module, methods, protocol, compiler, profile);
    let expected = outcomes(CompilerChoice::Optimizing, false);
    for (compiler, profile) in [
        (CompilerChoice::Interpreter, false),
        (CompilerChoice::Hasty, false),
        (CompilerChoice::Fast, false),
        (CompilerChoice::Auto, false),
        (CompilerChoice::Auto, true),
    ] {
        let actual = outcomes(compiler, profile);
        assert_eq!(actual, expected, "{compiler:?}, profile: {profile}\n{text}");
    }
}

/// All kinds of code agree on a module that was made by another program: on results, counts, what is left in memory and globals.
/// Whether it could be installed.
pub fn random_canister(module: &[u8]) -> bool {
    let expected = history(module, CompilerChoice::Optimizing, false);
    for (compiler, profile) in [
        (CompilerChoice::Interpreter, false),
        (CompilerChoice::Hasty, false),
        (CompilerChoice::Fast, false),
        (CompilerChoice::Auto, true),
    ] {
        let actual = history(module, compiler, profile);
        if actual != expected {
            let differ = actual.iter().zip(&expected).find(|(a, b)| a != b);
            let hex = hex::encode(module);
            panic!("{compiler:?}, profile: {profile}: {differ:?}\n{hex}");
        }
    }
    matches!(expected[0].result, MessageResult::Replied(_))
}

/// What comes of some messages, and a snapshot of what they leave.
fn history(module: &[u8], compiler: CompilerChoice, profile: bool) -> Vec<Outcome> {
    use drun::Principal;
    use drun::internals::canister::snapshot_id::SnapshotId;
    use drun::internals::management::types::snapshots as types;

    let config = Config {
        compiler,
        profile,
        instruction_limit: Some(LIMIT),
        install_instruction_limit: Some(LIMIT),
        protocol: Protocol::NEWEST,
        ..Config::new(Compat::Drun)
    };
    let mut runner = Runner::new(config);
    runner.create();
    let id = runner.canisters().next().expect("it was created").id;
    let mut all = vec![runner.install(InstallMode::Install, id, module, b"")];
    for method in ["a", "b", "a"] {
        all.push(runner.ingress(id, method, b"argument"));
    }
    let snapshot_id = SnapshotId {
        canister: id,
        number: 0,
    };
    let take = types::TakeSnapshotArgs {
        canister_id: id,
        replace_snapshot: None,
        uninstall_code: None,
        sender_canister_version: None,
    };
    let of = types::SnapshotArgs {
        canister_id: id,
        snapshot_id,
    };
    let mut ask = |method: &str, argument: Result<Vec<u8>, candid::Error>| {
        let argument = argument.expect("it can be encoded");
        runner.ingress(Principal::management_canister(), method, &argument)
    };
    all.push(ask("take_canister_snapshot", candid::encode_one(&take)));
    all.push(ask(
        "read_canister_snapshot_metadata",
        candid::encode_one(&of),
    ));
    // As much as can be read at once; a smaller memory is read in smaller pieces.
    for size in [2_000_000, 1 << 18, 1 << 16] {
        let read = types::ReadSnapshotDataArgs {
            canister_id: id,
            snapshot_id,
            kind: types::ReadDataKind::WasmMemory { offset: 0, size },
        };
        all.push(ask(
            "read_canister_snapshot_data",
            candid::encode_one(&read),
        ));
    }
    all
}
