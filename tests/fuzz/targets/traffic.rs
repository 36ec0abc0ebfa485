//! Random messages to canisters that call each other, trap, reject, grow and are upgraded: the same in every circumstance, and as a
//! small model of queues and rollback says.

use std::path::Path;

use drun::Principal;
use drun::internals::canister::InstallMode;
use drun::internals::config::CompilerChoice;
use drun::internals::outcome::{MessageResult, Outcome};
use drun::internals::{Compat, Config, Runner};

/// Canisters that there are.
const CANISTERS: u8 = 3;

/// Runs the operations in its argument; see [`Op`].
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
  (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
  (import "ic0" "global_timer_set" (func $timer (param i64) (result i64)))
  (import "ic0" "debug_print" (func $print (param i32 i32)))
  (memory 1)
  (global $count (mut i32) (i32.const 0))
  (table funcref (elem $on_reply $on_reject))
  (data (i32.const 512) "\00\00\00\00\00\00\00\00\01\01")
  (data (i32.const 600) "run")
  (func $add (param i32)
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (local.get 0)))
    (global.set $count (i32.add (global.get $count) (local.get 0)))
    (i32.store (i32.const 4) (global.get $count)))
  (func $answer (call $append (i32.const 0) (i32.const 8)) (call $msg_reply))
  (func $on_reply (param i32) (call $add (i32.const 1)) (call $answer))
  (func $on_reject (param i32) (call $add (i32.const 100)) (call $answer))
  (func (export "canister_global_timer") (call $add (i32.const 7)))
  (func (export "canister_query get") (call $answer))
  (func (export "canister_update run") (local $p i32) (local $end i32) (local $op i32) (local $length i32)
    (local $called i32) (local $rejected i32)
    (call $copy (i32.const 1024) (i32.const 0) (call $size))
    (local.set $p (i32.const 1024))
    (local.set $end (i32.add (i32.const 1024) (call $size)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $p) (local.get $end)))
      (local.set $op (i32.rem_u (i32.load8_u (local.get $p)) (i32.const 9)))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (if (i32.eq (local.get $op) (i32.const 1)) (then
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
      (if (i32.eq (local.get $op) (i32.const 7)) (then (drop (call $timer (i64.const 1)))))
      (if (i32.eq (local.get $op) (i32.const 8)) (then (call $print (i32.const 600) (i32.const 3))))
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

/// How an execution ends in the model.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Reply(u32),
    Reject,
    Trap,
}

/// What the canisters hold in the model, by the rules of the interface specification: what an execution does is kept unless it traps,
/// and what a callee did is kept whatever becomes of the caller.
fn model(counts: &mut [u32], to: u8, operations: &[u8]) -> End {
    let (mut count, mut call, mut rejected) = (counts[usize::from(to)], None, false);
    let mut rest = operations;
    while let [op, after @ ..] = rest {
        rest = after;
        match op % 9 {
            1 => {
                // Behind the end of the argument lie zeros, or what longer arguments have left there.
                let [amount, after @ ..] = rest else {
                    return End::Trap;
                };
                count = count.wrapping_add((*amount).into());
                rest = after;
            }
            2 => return End::Trap,
            3 => {
                let ([callee, length, after @ ..], None) = (rest, call) else {
                    return End::Trap;
                };
                let length = usize::from(*length).min(after.len());
                call = Some((callee % CANISTERS, &after[..length]));
                rest = &after[length..];
            }
            4 => rejected = true,
            _ => {}
        }
    }
    counts[usize::from(to)] = count;
    if let Some((callee, operations)) = call {
        let plus = match model(counts, callee, operations) {
            End::Reply(_) => 1,
            End::Reject | End::Trap => 100,
        };
        counts[usize::from(to)] = counts[usize::from(to)].wrapping_add(plus);
        return End::Reply(counts[usize::from(to)]);
    }
    match rejected {
        true => End::Reject,
        false => End::Reply(count),
    }
}

/// Whether the model knows what happens: timers run between the messages, and an amount that is cut off is what was there before.
fn is_modelled(operations: &[u8]) -> bool {
    let mut rest = operations;
    while let [op, after @ ..] = rest {
        rest = after;
        match (op % 9, rest) {
            (7, _) | (1, []) => return false,
            (1, [_, after @ ..]) => rest = after,
            (3, [_, length, after @ ..]) => {
                let length = usize::from(*length).min(after.len());
                if !is_modelled(&after[..length]) {
                    return false;
                }
                rest = &after[length..];
            }
            _ => {}
        }
    }
    true
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
            End::Reply(number(0))
        }
        MessageResult::Rejected(_) => End::Reject,
        MessageResult::Failed(_) => End::Trap,
    }
}

fn check_model(steps: &[Step<'_>], outcomes: &[Outcome]) {
    let mut counts = [0; CANISTERS as usize];
    for (step, outcome) in steps.iter().zip(outcomes) {
        match step {
            Step::Run(_, operations) if !is_modelled(operations) => return,
            Step::Run(to, operations) => assert_eq!(
                end_of(outcome),
                model(&mut counts, *to, operations),
                "{step:?}"
            ),
            Step::Get(to) => assert_eq!(
                end_of(outcome),
                End::Reply(counts[usize::from(*to)]),
                "{step:?}"
            ),
            Step::Upgrade(to) => counts[usize::from(*to)] = 0,
        }
    }
}

/// The same messages in every circumstance.
pub fn traffic(bytes: &[u8]) {
    let steps = steps(bytes);
    let expected = outcomes(&steps, config(CompilerChoice::Optimizing, false, None));
    check_model(&steps, &expected);
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
        [run(2, &[7, 1, 2]), run(2, &[1, 1]), vec![0, 2, 1, 2, 0, 2]].concat(),
    ]
}
