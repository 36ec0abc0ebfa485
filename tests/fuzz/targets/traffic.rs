//! Random messages to canisters that call each other, set timers, trap, reject, grow and are upgraded: the same in every
//! circumstance, and as a small model of queues and rollback says (`model.rs`).

use std::path::Path;

use drun::Principal;
use drun::internals::canister::InstallMode;
use drun::internals::config::CompilerChoice;
use drun::internals::outcome::{MessageResult, Outcome};
use drun::internals::{Compat, Config, Runner};

use super::model::{CANISTERS, End, Model, State};

/// Runs the operations in its argument, and what one of them tells its timer to do. It answers with its state.
const MODULE: &str = r#"(module
  (import "ic0" "msg_arg_data_size" (func $size (result i32)))
  (import "ic0" "msg_arg_data_copy" (func $copy (param i32 i32 i32)))
  (import "ic0" "msg_reply" (func $msg_reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "msg_reject" (func $reject (param i32 i32)))
  (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "ic0" "call_data_append" (func $data (param i32 i32)))
  (import "ic0" "call_perform" (func $perform (result i32)))
  (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
  (import "ic0" "stable64_size" (func $stable_size (result i64)))
  (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
  (import "ic0" "global_timer_set" (func $timer (param i64) (result i64)))
  (import "ic0" "debug_print" (func $print (param i32 i32)))
  (memory 1)
  (global $count (mut i32) (i32.const 0))
  (table funcref (elem $on_reply $on_reject $on_timer_reply $on_timer_reject))
  (data (i32.const 512) "\00\00\00\00\00\00\00\00\01\01")
  (data (i32.const 600) "run")
  (data (i32.const 610) "\01\05")
  (func $add (param i32)
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (local.get 0)))
    (global.set $count (i32.add (global.get $count) (local.get 0)))
    (i32.store (i32.const 4) (global.get $count)))
  (func $answer
    (i64.store (i32.const 8) (call $stable_size))
    (i32.store (i32.const 12) (memory.size))
    (call $append (i32.const 0) (i32.const 16)) (call $msg_reply))
  (func $on_reply (param i32) (call $add (i32.const 1)) (call $answer))
  (func $on_reject (param i32) (call $add (i32.const 100)) (call $answer))
  (func $on_timer_reply (param i32) (call $add (i32.const 1)))
  (func $on_timer_reject (param i32) (call $add (i32.const 100)))
  (func (export "canister_global_timer") (local $what i32)
    (local.set $what (i32.rem_u (i32.load8_u (i32.const 20)) (i32.const 4)))
    (call $add (i32.const 7))
    (if (i32.eq (local.get $what) (i32.const 1)) (then (drop (call $timer (i64.const 1)))))
    (if (i32.eq (local.get $what) (i32.const 2)) (then unreachable))
    (if (i32.eq (local.get $what) (i32.const 3)) (then
      (i32.store8 (i32.const 519) (i32.rem_u (i32.shr_u (i32.load8_u (i32.const 20)) (i32.const 2)) (i32.const 3)))
      (call $new (i32.const 512) (i32.const 10) (i32.const 600) (i32.const 3) (i32.const 2) (i32.const 0) (i32.const 3) (i32.const 0))
      (call $data (i32.const 610) (i32.const 2))
      (if (call $perform) (then unreachable)))))
  (func (export "canister_query get") (call $answer))
  (func (export "canister_update run") (local $p i32) (local $end i32) (local $op i32) (local $length i32)
    (local $called i32) (local $rejected i32)
    (call $copy (i32.const 1024) (i32.const 0) (call $size))
    (local.set $p (i32.const 1024))
    (local.set $end (i32.add (i32.const 1024) (call $size)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $p) (local.get $end)))
      (local.set $op (i32.rem_u (i32.load8_u (local.get $p)) (i32.const 10)))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (if (i32.eq (local.get $op) (i32.const 1)) (then
        (if (i32.ge_u (local.get $p) (local.get $end)) (then unreachable))
        (call $add (i32.load8_u (local.get $p)))
        (local.set $p (i32.add (local.get $p) (i32.const 1)))))
      (if (i32.eq (local.get $op) (i32.const 2)) (then unreachable))
      (if (i32.eq (local.get $op) (i32.const 3)) (then
        (if (i32.or (local.get $called) (i32.gt_u (i32.add (local.get $p) (i32.const 2)) (local.get $end))) (then unreachable))
        (local.set $length (i32.load8_u offset=1 (local.get $p)))
        (if (i32.gt_u (i32.add (i32.add (local.get $p) (i32.const 2)) (local.get $length)) (local.get $end)) (then
          (local.set $length (i32.sub (i32.sub (local.get $end) (local.get $p)) (i32.const 2)))))
        (i32.store8 (i32.const 519) (i32.rem_u (i32.load8_u (local.get $p)) (i32.const 3)))
        (call $new (i32.const 512) (i32.const 10) (i32.const 600) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0))
        (call $data (i32.add (local.get $p) (i32.const 2)) (local.get $length))
        (if (call $perform) (then unreachable))
        (local.set $called (i32.const 1))
        (local.set $p (i32.add (i32.add (local.get $p) (i32.const 2)) (local.get $length)))))
      (if (i32.eq (local.get $op) (i32.const 4)) (then (local.set $rejected (i32.const 1))))
      (if (i32.eq (local.get $op) (i32.const 5)) (then
        (if (i64.ge_s (call $grow (i64.const 1)) (i64.const 0)) (then (call $write (i64.const 8) (i64.const 0) (i64.const 4096))))))
      (if (i32.eq (local.get $op) (i32.const 6)) (then
        (i32.store (i32.shl (memory.grow (i32.const 1)) (i32.const 16)) (i32.const 1))))
      (if (i32.eq (local.get $op) (i32.const 7)) (then
        (if (i32.ge_u (local.get $p) (local.get $end)) (then unreachable))
        (i32.store8 (i32.const 20) (i32.load8_u (local.get $p)))
        (drop (call $timer (select (i64.const -1) (i64.const 1) (i32.ge_u (i32.load8_u (local.get $p)) (i32.const 128)))))
        (local.set $p (i32.add (local.get $p) (i32.const 1)))))
      (if (i32.eq (local.get $op) (i32.const 8)) (then (call $print (i32.const 600) (i32.const 3))))
      (if (i32.eq (local.get $op) (i32.const 9)) (then (drop (call $timer (i64.const 0)))))
      (br $next)))
    (if (local.get $called) (then (return)))
    (if (local.get $rejected) (then (call $reject (i32.const 600) (i32.const 3)) (return)))
    (call $answer)))"#;

/// One message from outside.
#[derive(Debug)]
enum Step<'a> {
    Run(u8, &'a [u8]),
    Get(u8),
    Upgrade(u8),
}

/// The bytes as messages: what, to whom, how long, and the operations.
fn steps(mut bytes: &[u8]) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    while let [what, to, rest @ ..] = bytes {
        let to = to % CANISTERS;
        (steps, bytes) = match what % 6 {
            0 => (with(steps, Step::Get(to)), rest),
            1 => (with(steps, Step::Upgrade(to)), rest),
            _ => {
                let length = usize::from(what / 6).min(rest.len());
                let (operations, rest) = rest.split_at(length);
                (with(steps, Step::Run(to, operations)), rest)
            }
        };
    }
    steps
}

fn with<'a>(mut steps: Vec<Step<'a>>, step: Step<'a>) -> Vec<Step<'a>> {
    steps.push(step);
    steps
}

fn perform(runner: &mut Runner, ids: &[Principal], module: &[u8], step: &Step<'_>) -> Outcome {
    match step {
        Step::Run(to, operations) => runner.ingress(ids[usize::from(*to)], "run", operations),
        Step::Get(to) => runner.query_outcome(ids[usize::from(*to)], "get", b""),
        Step::Upgrade(to) => {
            runner.install(InstallMode::Upgrade, ids[usize::from(*to)], module, b"")
        }
    }
}

/// All outcomes; the second half is done twice, from a snapshot of the middle.
fn outcomes(steps: &[Step<'_>], config: Config) -> Vec<Outcome> {
    let module = wat::parse_str(MODULE).expect("valid text");
    let mut runner = Runner::new(config);
    for _ in 0..CANISTERS {
        runner.create();
    }
    let ids: Vec<Principal> = runner.canisters().map(|canister| canister.id).collect();
    for id in &ids {
        runner.install(InstallMode::Install, *id, &module, b"");
    }
    let (first, second) = steps.split_at(steps.len() / 2);
    let mut all: Vec<Outcome> = first
        .iter()
        .map(|step| perform(&mut runner, &ids, &module, step))
        .collect();
    let middle = runner.snapshot();
    let mut once = || -> Vec<Outcome> {
        second
            .iter()
            .map(|step| perform(&mut runner, &ids, &module, step))
            .collect()
    };
    let told = once();
    runner.restore(&middle).expect("there is memory");
    let mut once = || -> Vec<Outcome> {
        second
            .iter()
            .map(|step| perform(&mut runner, &ids, &module, step))
            .collect()
    };
    assert_eq!(once(), told, "the same again from a snapshot");
    all.extend(told);
    all
}

fn config(compiler: CompilerChoice, observed: bool, cache: Option<&Path>) -> Config {
    Config {
        compiler,
        stats: observed,
        profile: observed,
        cache_dir: cache.map(Path::to_owned),
        ..Config::new(Compat::Drun)
    }
}

fn end_of(outcome: &Outcome) -> End {
    match &outcome.result {
        MessageResult::Replied(bytes) => {
            let number = |at: usize| {
                bytes[at..at + 4]
                    .try_into()
                    .map(u32::from_le_bytes)
                    .expect("four bytes")
            };
            assert_eq!(number(0), number(4), "memory and globals go together");
            End::Reply(State {
                count: number(0),
                stable_pages: number(8),
                pages: number(12),
            })
        }
        MessageResult::Rejected(_) => End::Reject,
        MessageResult::Failed(_) => End::Trap,
    }
}

fn check_model(steps: &[Step<'_>], outcomes: &[Outcome]) {
    let mut model = Model::default();
    for (step, outcome) in steps.iter().zip(outcomes) {
        match step {
            Step::Run(to, operations) => {
                assert_eq!(end_of(outcome), model.run(*to, operations), "{step:?}")
            }
            Step::Get(to) => assert_eq!(end_of(outcome), model.get(*to), "{step:?}"),
            Step::Upgrade(to) => model.upgrade(*to),
        }
    }
}

/// The same messages in every circumstance.
pub fn traffic(bytes: &[u8]) {
    let steps = steps(bytes);
    let expected = outcomes(&steps, config(CompilerChoice::Optimizing, false, None));
    check_model(&steps, &expected);
    // The other program runs as many rounds for such messages, and tells rejects otherwise.
    let other = Config {
        compiler: CompilerChoice::Optimizing,
        ..Config::new(Compat::PocketIc)
    };
    check_model(&steps, &outcomes(&steps, other));
    let cache = tempfile::tempdir().expect("a temporary directory");
    for (compiler, observed, cache) in [
        (CompilerChoice::Interpreter, false, None),
        (CompilerChoice::Hasty, false, None),
        (CompilerChoice::Fast, false, None),
        (CompilerChoice::Auto, true, None),
        (CompilerChoice::Auto, false, Some(cache.path())),
        (CompilerChoice::Auto, false, Some(cache.path())),
    ] {
        let actual = outcomes(&steps, config(compiler, observed, cache));
        assert_eq!(actual, expected, "{compiler:?}, observed: {observed}");
    }
}

/// Messages with something of everything.
pub fn seeds() -> Vec<Vec<u8>> {
    let run = |to: u8, operations: &[u8]| {
        [&[operations.len() as u8 * 6 + 2, to][..], operations].concat()
    };
    let call =
        |to: u8, operations: &[u8]| [&[3, to, operations.len() as u8][..], operations].concat();
    let chain = call(1, &[&[1, 5][..], &call(2, &[1, 7, 2])].concat());
    vec![
        [run(0, &[1, 9, 5, 6]), run(0, &chain), vec![0, 1, 0, 2]].concat(),
        [
            run(1, &[1, 3, 4]),
            run(2, &[1, 3, 2]),
            vec![1, 1],
            run(0, &call(0, &[1, 1, 8])),
            vec![0, 0],
        ]
        .concat(),
        [run(2, &[7, 0]), run(2, &[1, 1]), vec![0, 2, 1, 2, 0, 2]].concat(),
        // Timers that set themselves again, call others and trap, with messages and upgrades in between.
        [
            run(0, &[7, 1]),
            run(1, &[7, 3, 5]),
            run(2, &[1, 1]),
            vec![0, 0, 0, 1],
            run(0, &chain),
            run(2, &[7, 2, 6]),
            run(2, &[9]),
            vec![1, 0],
            run(1, &[7, 130]),
            run(1, &[7, 11, 4]),
            vec![0, 0, 0, 1, 0, 2],
        ]
        .concat(),
    ]
}
