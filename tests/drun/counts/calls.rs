//! Counters of both kinds across calls: in callbacks, in cleanup, with two calls under way, in composite queries.

use serde_json::Value;

use super::{DRUN, messages};

/// Every method calls `answer` of its own canister, whose id is the data at 0. A call without attachments costs 8 operands
/// and 5 for call_new, 5 and a drop for call_perform, so 19; 1500 + 10 + 6, and 5000. `answer` costs 1 + 5 + 500.
const CALLER: &str = r#"(module
    (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "performance_counter" (func $counter (param i32) (result i64)))
    (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "ic0" "call_on_cleanup" (func $on_cleanup (param i32 i32)))
    (import "ic0" "call_perform" (func $perform (result i32)))
    (memory 1)
    (data (i32.const 0) "\00\00\00\00\00\00\00\00\01\01")
    (data (i32.const 100) "answer")
    (table funcref (elem $done $nth $fails $clean))
    (func (export "canister_query answer") (call $reply))
    (func $done (param i32)
        (i64.store (i32.const 200) (call $counter (i32.const 0)))
        (i64.store (i32.const 208) (call $counter (i32.const 1)))
        (call $append (i32.const 200) (i32.const 16)) (call $reply))
    (func $nth (param i32)
        (i64.store (local.get 0) (call $counter (i32.const 1)))
        (if (i32.eq (local.get 0) (i32.const 208))
            (then (call $append (i32.const 200) (i32.const 16)) (call $reply))))
    (func $fails (param i32) nop unreachable)
    (func $clean (param i32)
        (i64.store (i32.const 200) (call $counter (i32.const 0)))
        (i64.store (i32.const 208) (call $counter (i32.const 1))))
    (func (export "canister_update one")
        (call $new (i32.const 0) (i32.const 10) (i32.const 100) (i32.const 6)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
        (drop (call $perform)))
    (func (export "canister_composite_query one_by_query")
        (call $new (i32.const 0) (i32.const 10) (i32.const 100) (i32.const 6)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
        (drop (call $perform)))
    (func (export "canister_update two")
        (call $new (i32.const 0) (i32.const 10) (i32.const 100) (i32.const 6)
            (i32.const 1) (i32.const 200) (i32.const 1) (i32.const 200))
        (drop (call $perform))
        (call $new (i32.const 0) (i32.const 10) (i32.const 100) (i32.const 6)
            (i32.const 1) (i32.const 208) (i32.const 1) (i32.const 208))
        (drop (call $perform)))
    (func (export "canister_update failing")
        (call $new (i32.const 0) (i32.const 10) (i32.const 100) (i32.const 6)
            (i32.const 2) (i32.const 0) (i32.const 2) (i32.const 0))
        (call $on_cleanup (i32.const 3) (i32.const 0))
        (drop (call $perform)))
    (func (export "canister_query read") (call $append (i32.const 200) (i32.const 16)) (call $reply)))"#;

/// The two 64-bit numbers of a reply.
fn counters(outcome: &Value) -> [u64; 2] {
    let bytes = hex::decode(outcome["reply"].as_str().unwrap()).unwrap();
    [0, 8].map(|at| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()))
}

/// `one` uses 1 + 19 + 6516. The callback is one segment: 1, twice const, const, call 5 and store, 2 + 5 for the append and
/// 5 for the reply, so 29; each reading adds 200. At its end: 500 + 16 * 50, 500, and a page.
#[test]
fn a_callback_counts_itself_and_what_came_before() {
    let callback = 29 + 400 + 1300 + 500 + 1000;
    for line in ["ingress ID one 0x\n", "query ID one_by_query 0x\n"] {
        let outcome = &messages(CALLER, line, DRUN)[0];
        assert_eq!(counters(outcome), [29 + 200, 6536 + 29 + 400], "{outcome}");
        assert_eq!(outcome["instructions"], 6536 + 506 + callback, "{outcome}");
    }
}

/// `two` uses 1 + 2 * (19 + 6516). A callback's segment: 1, get, const, call 5, store, then get, const, eq, if 2: 14, and
/// 200; the first one changes a page, which the second one sees in the sum.
#[test]
fn callbacks_of_one_context_add_up() {
    let outcome = &messages(CALLER, "ingress ID two 0x\n", DRUN)[0];
    let first = 13_071 + 14 + 200;
    assert_eq!(counters(outcome), [first, first + 1000 + 14 + 200]);
    // The second one also replies: 7 + 5, 500 + 800, 500.
    let callbacks = 214 + 1000 + 214 + 12 + 1300 + 500 + 1000;
    assert_eq!(outcome["instructions"], 13_071 + 2 * 506 + callbacks);
}

/// `failing` uses 1 + 19 + 6516, 2 + 5 and 500 for the cleanup: 7043. The callback uses 1 + 1 + 1. Cleanup is a segment of
/// 1 + 2 * 8; the failed callback is not in the sum that it reads.
#[test]
fn cleanup_does_not_count_the_callback_that_failed() {
    let outcomes = messages(CALLER, "ingress ID failing 0x\nquery ID read 0x\n", DRUN);
    assert_eq!(outcomes[0]["error_code"], "IC0502");
    assert_eq!(
        outcomes[0]["instructions"],
        7043 + 506 + 3 + 17 + 400 + 1000
    );
    assert_eq!(counters(&outcomes[1]), [17 + 200, 7043 + 17 + 400]);
}
