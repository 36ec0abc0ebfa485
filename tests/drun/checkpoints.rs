//! What scripts can see of checkpoints (scheduling.md 1.13 and 6): an execution of several slices that one interrupts begins
//! anew in the next round, and prints again.

use drun::MessageResult;
use drun::Principal;
use drun::internals::canister::InstallMode;
use drun::internals::{Compat, Config, Runner};

/// A PocketIC server makes a checkpoint every 200 rounds on a system subnet.
#[test]
fn a_checkpoint_makes_a_sliced_execution_begin_anew() {
    // 300 million turns of eight instructions and more: over one slice of 2 * 10^9, under two.
    let module = wat::parse_str(
        r#"(module
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "debug_print" (func $print (param i32 i32)))
        (memory 1)
        (data (i32.const 0) "firstlater")
        (func (export "canister_update short") (call $reply))
        (func (export "canister_update long") (local $n i32)
          (call $print (i32.const 0) (i32.const 5))
          (local.set $n (i32.const 300000000))
          (loop $l (br_if $l (local.tee $n (i32.sub (i32.add (local.get $n) (i32.const 1)) (i32.const 2)))))
          (call $print (i32.const 5) (i32.const 5))
          (call $reply)))"#,
    )
    .expect("a valid module");
    let id = Principal::from_text("rwlgt-iiaaa-aaaaa-aaaaa-cai").expect("an id");
    let mut subnet = Runner::new(Config::new(Compat::PocketIc));
    subnet.install(InstallMode::Install, id, &module, b"");
    let long = |subnet: &mut Runner| {
        let outcome = subnet.ingress(id, "long", b"");
        assert_eq!(outcome.result, MessageResult::Replied(Vec::new()));
        let lines = outcome.debug.into_iter();
        let lines: Vec<_> = lines.map(|line| (line.text, line.time)).collect();
        (lines, outcome.rounds)
    };

    let (lines, rounds) = long(&mut subnet);
    let time = lines[0].1;
    let expected = [("first".to_owned(), time), ("later".to_owned(), time)];
    assert_eq!((lines.as_slice(), rounds), (expected.as_slice(), 2));

    while subnet.rounds() < 199 {
        subnet.ingress(id, "short", b"");
    }
    let (lines, rounds) = long(&mut subnet);
    let (time, later) = (lines[0].1, lines[0].1 + 1_000_000_000);
    let expected = [
        ("first".to_owned(), time),
        ("first".to_owned(), later),
        ("later".to_owned(), later),
    ];
    assert_eq!((lines.as_slice(), rounds), (expected.as_slice(), 3));
}
