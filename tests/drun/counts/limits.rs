//! Where executions end: one instruction too few, just enough, and what is recorded as used.

use super::{DRUN, DRUN_APPLICATION, POCKET_IC_APPLICATION, messages, script, with_methods};

const IC0: &str = r#"
    (import "ic0" "msg_caller_size" (func $caller_size (result i32)))
    (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
    (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
    (memory 1)"#;

/// The outcome of a method with this body under a limit: error code and instructions.
fn under(limit: u64, body: &str) -> (String, u64) {
    let module = format!("(module {IC0} (func (export \"canister_update t\") {body}))");
    let limit_text = limit.to_string();
    let outcomes = messages(
        &module,
        "ingress ID t 0x\n",
        &["--instruction-limit", &limit_text],
    );
    let code = outcomes[0]["error_code"].as_str().unwrap().to_owned();
    if code == "IC0522" {
        let text = format!("exceeded the limit of {limit} instructions for single message");
        assert!(outcomes[0]["message"].as_str().unwrap().contains(&text));
    }
    (code, outcomes[0]["instructions"].as_u64().unwrap())
}

/// A method that ends well, without a reply.
const ENOUGH: &str = "IC0506";
const TOO_MANY: &str = "IC0522";

#[test]
fn the_limit_itself_may_be_used() {
    for (body, needed) in [
        // 1 + const 1 + drop 1, checked at the entry.
        ("(drop (i32.const 1))", 3),
        // 1 + 3 + 100, and the length.
        (
            "(memory.fill (i32.const 0) (i32.const 0) (i32.const 5000))",
            5104,
        ),
        // 1 + const 1 + set 1, and three times get, const, sub, tee, br_if: 6.
        (
            "(local i32) i32.const 3 local.set 0
             loop local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end",
            21,
        ),
        // 1 + 5 + 1, and 500.
        ("(drop (call $caller_size))", 507),
        // 1 + 7 + 8, 100, 20 + 10, and the page.
        (
            "(drop (call $grow (i64.const 1))) (call $write (i64.const 0) (i64.const 0) (i64.const 10))",
            1146,
        ),
    ] {
        let too_few = needed - 1;
        assert_eq!(under(too_few, body), (TOO_MANY.into(), too_few), "{body}");
        assert_eq!(under(needed, body), (ENOUGH.into(), needed), "{body}");
        assert_eq!(under(needed + 1, body), (ENOUGH.into(), needed), "{body}");
    }
}

/// An arm is paid when it is entered, but nobody looks whether it was affordable: 1 + const 1 + if 2, then 20.
#[test]
fn what_is_not_checked_is_free_beyond_the_limit() {
    let body = format!("i32.const 1 if {} end", "nop ".repeat(20));
    assert_eq!(under(3, &body), (TOO_MANY.into(), 3));
    assert_eq!(under(4, &body), (ENOUGH.into(), 4));
    assert_eq!(under(24, &body), (ENOUGH.into(), 24));
    assert_eq!(under(100, &body), (ENOUGH.into(), 24));
}

/// Changed pages are charged when it is too late to fail: 1 + 2 + store 1, and 1000.
#[test]
fn changed_pages_do_not_fail_a_message() {
    let body = "(i32.store (i32.const 0) (i32.const 1))";
    assert_eq!(under(3, body), (TOO_MANY.into(), 3));
    assert_eq!(under(4, body), (ENOUGH.into(), 4));
    assert_eq!(under(1003, body), (ENOUGH.into(), 1003));
    assert_eq!(under(2000, body), (ENOUGH.into(), 1004));
}

/// A canister that calls its own `answer`; its callback and its cleanup have these bodies.
fn caller(kind: &str, callback: &str, cleanup: &str) -> String {
    format!(
        r#"(module
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
        (import "ic0" "call_on_cleanup" (func $on_cleanup (param i32 i32)))
        (import "ic0" "call_perform" (func $perform (result i32)))
        (memory 1)
        (data (i32.const 0) "\00\00\00\00\00\00\00\00\01\01answer")
        (table funcref (elem $callback $cleanup))
        (func (export "canister_query answer") (call $reply))
        (func $callback (param i32) {callback})
        (func $cleanup (param i32) {cleanup})
        (func (export "{kind} ask")
            (call $new (i32.const 0) (i32.const 10) (i32.const 10) (i32.const 6)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
            (call $on_cleanup (i32.const 1) (i32.const 0))
            (drop (call $perform))))"#
    )
}

/// The message of a failed `ask`, whose callback and cleanup fill so many bytes, under a limit of 20,000. Filling costs
/// 1 + 3 + 100 and the length.
fn ask(callback: &str, cleanup_bytes: u64) -> String {
    let cleanup =
        format!("(memory.fill (i32.const 100) (i32.const 0) (i32.const {cleanup_bytes}))");
    let module = caller("canister_update", callback, &cleanup);
    let arguments = ["--instruction-limit", "20000"];
    let outcome = &messages(&module, "ingress ID ask 0x\n", &arguments)[0];
    outcome["message"].as_str().unwrap().to_owned()
}

fn fill(bytes: u64) -> String {
    format!("(memory.fill (i32.const 100) (i32.const 0) (i32.const {bytes}))")
}

/// A callback may use 95 %: 19,000 = 104 + 18,896. The text tells the whole limit.
#[test]
fn a_callback_leaves_five_percent() {
    assert!(ask(&fill(18_896), 0).contains("did not reply"));
    let error = ask(&fill(18_897), 0);
    assert!(
        error.contains("exceeded the limit of 20000 instructions"),
        "{error}"
    );
}

/// Cleanup has what is left. After a callback that used its 19,000: 1,000 = 104 + 896. After one that trapped with 1 + 1:
/// 19,998 = 104 + 19,894.
#[test]
fn cleanup_has_what_is_left_and_the_five_percent() {
    const ALSO: &str = "call_on_cleanup also failed";
    assert!(!ask(&fill(18_897), 896).contains(ALSO));
    assert!(ask(&fill(18_897), 897).contains(ALSO));
    assert!(!ask("unreachable", 19_894).contains(ALSO));
    assert!(ask("unreachable", 19_895).contains(ALSO));
}

/// A composite query and all that it calls share a budget, of which each call takes 50,000,000 beside what it runs. `ask`
/// uses 1 + 19 + 7, 1516, 500 and 5000; `answer` and the callback 506 each.
#[test]
fn a_tree_of_queries_has_one_budget() {
    let module = caller("canister_composite_query", "(call $reply)", "");
    let limit = |limit: u64| {
        let lines = "create\ninstall ID m.wat 0x\nquery ID ask 0x\n";
        script(&module, lines, &["--instruction-limit", &limit.to_string()]).remove(2)
    };
    let ask = 27 + 1516 + 500 + 5000;
    let until_callback = ask + 506 + 50_000_000;
    let outcome = limit(until_callback + 506);
    assert_eq!(outcome["status"], "replied", "{outcome}");
    // What is charged for calling is not executed.
    assert_eq!(outcome["instructions"], ask + 506 + 506);
    let outcome = limit(until_callback + 505);
    let text = "exceeded the limit of 505 instructions";
    assert!(
        outcome["message"].as_str().unwrap().contains(text),
        "{outcome}"
    );
    for too_few in [until_callback, until_callback - 1, ask] {
        assert_eq!(limit(too_few)["error_code"], "IC0526", "{too_few}");
    }
}

/// 2,000,000,000 are a slice where executions are sliced; one charge that is a slice and more beyond the end of one fails
/// although the limit is far: a print out of bounds costs 100, 2 * 4096, 50 * 4096 and its length, after 1 + 2 + 5.
#[test]
fn a_charge_may_not_overrun_a_slice_by_a_slice() {
    let module = r#"(module (import "ic0" "debug_print" (func $print (param i32 i32))) (memory 1)
        (func (export "canister_update t") (call $print (i32.const 0) (i32.const -1))))"#;
    let used = 8 + 100 + 8192 + 204_800 + u64::from(u32::MAX);
    let outcome = &messages(
        module,
        "ingress ID t 0x\n",
        &["--subnet-type", "application"],
    )[0];
    let text = format!("used {used} instructions and exceeded the slice limit 2000000000.");
    assert!(
        outcome["message"].as_str().unwrap().contains(&text),
        "{outcome}"
    );
    assert_eq!(outcome["instructions"], used);
    // On a system subnet the original does not slice.
    let outcome = &messages(module, "ingress ID t 0x\n", DRUN)[0];
    assert_eq!(
        (&outcome["error_code"], &outcome["instructions"]),
        (&"IC0506".into(), &used.into())
    );
}

/// A charge of 2^63 and more is none (metering.md 3.1): the function itself refuses the size. A print goes on with the 32,768 bytes
/// that it keeps, and costs what they do. What runs on has the limit that it had: the fills need 20 * 65,536.
#[test]
fn an_absurd_size_neither_exceeds_the_limit_nor_moves_it() {
    let fill = "(memory.fill (i64.const 0) (i32.const 0) (i64.const 65536))".repeat(20);
    let declarations = r#"
        (import "ic0" "debug_print" (func $print (param i64 i64)))
        (import "ic0" "msg_arg_data_copy" (func $copy (param i64 i64 i64)))
        (memory i64 1)"#;
    for size in ["0x8000000000000000", "0xc000000000000000", "-1"] {
        let copy = format!("(call $copy (i64.const 0) (i64.const 0) (i64.const {size}))");
        let print = format!("(call $print (i64.const 0) (i64.const {size}))");
        let on = format!("{print}{fill}");
        let module = with_methods(declarations, [&*copy, &*print, &*on].into_iter());
        let lines = "ingress ID m0 0x\ningress ID m1 0x\ningress ID m2 0x\n";
        let outcomes = messages(&module, lines, &["--instruction-limit", "1000000"]);
        let told = outcomes.iter().map(|outcome| {
            let instructions = outcome["instructions"].as_u64().unwrap();
            (outcome["error_code"].as_str().unwrap(), instructions)
        });
        // 1 + 3 + 5; 1 + 2 + 5, 100, the log's 2 * 4096 + 50 * 4096, and what is printed.
        let printed = 8 + 100 + 8192 + 204_800 + 32_768;
        let expected = [("IC0504", 9), (ENOUGH, printed), (TOO_MANY, 1_000_000)];
        assert_eq!(told.collect::<Vec<_>>(), expected, "{size}");
    }
}

/// Prints "one", prints 2,100,000,000 bytes that are not there, which takes it beyond its first slice, prints "two". The
/// first print is in the first slice; the others are in the second one, a round later.
/// The original makes a checkpoint at the end of a round with a message: what was under way starts again.
#[test]
fn a_checkpoint_makes_a_sliced_execution_start_again() {
    let module = r#"(module (import "ic0" "debug_print" (func $print (param i32 i32))) (memory 1)
        (data (i32.const 0) "onetwo")
        (func (export "canister_update t") (call $print (i32.const 0) (i32.const 3))
            (call $print (i32.const 70000) (i32.const 2100000000))
            (call $print (i32.const 3) (i32.const 3))))"#;
    const GONE: &str = "(debug message out of memory bounds)";
    for (arguments, rounds, prints) in [
        (POCKET_IC_APPLICATION, 2, vec!["one", GONE, "two"]),
        (DRUN_APPLICATION, 3, vec!["one", "one", GONE, "two"]),
        (DRUN, 1, vec!["one", GONE, "two"]),
    ] {
        let outcome = &messages(module, "ingress ID t 0x\n", arguments)[0];
        let debug = outcome["debug"].as_array().unwrap().iter();
        let printed: Vec<_> = debug.map(|print| print["text"].as_str().unwrap()).collect();
        assert_eq!(printed, prints, "{arguments:?}");
        assert_eq!(outcome["rounds"], rounds, "{arguments:?}");
        // 1 + 3 * 7; 100 and 53 for each of three bytes, twice; 100 + 2 * 4096 + 50 * (4096 - 43) and the length.
        let used = 22 + 2 * (100 + 3 * 53) + 100 + 8192 + 202_650 + 2_100_000_000_u64;
        assert_eq!(outcome["instructions"], used, "{arguments:?}");
    }
}
