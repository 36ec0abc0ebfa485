//! System calls: the fixed part, the part for each byte, and what is paid by calls that then fail.

use super::{DRUN, POCKET_IC, costs, messages, with_methods};

const IC0: &str = r#"
    (import "ic0" "msg_caller_size" (func $caller_size (result i32)))
    (import "ic0" "msg_caller_copy" (func $caller_copy (param i32 i32 i32)))
    (import "ic0" "msg_reject_code" (func $reject_code (result i32)))
    (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
    (import "ic0" "msg_reject" (func $reject (param i32 i32)))
    (import "ic0" "is_controller" (func $is_controller (param i32 i32) (result i32)))
    (import "ic0" "debug_print" (func $print (param i32 i32)))
    (import "ic0" "trap" (func $trap (param i32 i32)))
    (import "ic0" "performance_counter" (func $counter (param i32) (result i64)))
    (import "ic0" "certified_data_set" (func $certify (param i32 i32)))
    (import "ic0" "canister_cycle_balance128" (func $balance (param i32)))
    (import "ic0" "cycles_burn128" (func $burn (param i64 i64 i32)))
    (import "ic0" "cost_sign_with_ecdsa" (func $ecdsa (param i32 i32 i32 i32) (result i32)))
    (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "ic0" "call_data_append" (func $data (param i32 i32)))
    (import "ic0" "call_perform" (func $perform (result i32)))
    (import "ic0" "stable_size" (func $size32 (result i32)))
    (import "ic0" "stable_grow" (func $grow32 (param i32) (result i32)))
    (import "ic0" "stable_read" (func $read32 (param i32 i32 i32)))
    (import "ic0" "stable_write" (func $write32 (param i32 i32 i32)))
    (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
    (import "ic0" "stable64_read" (func $read (param i64 i64 i64)))
    (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
    (memory 2)"#;

#[test]
fn functions_of_the_system() {
    costs(
        IC0,
        DRUN,
        &[
            // 1 + call 5 + drop 1, and 500.
            ("(drop (call $caller_size))", 7 + 500),
            // 1 + operands 3 + call 5, 500 and a byte; the byte of the anonymous principal changes a page.
            (
                "(call $caller_copy (i32.const 0) (i32.const 0) (i32.const 1))",
                9 + 501 + 1000,
            ),
            // 1 + 2 + 5 + drop 1, 1000 and a byte.
            (
                "(drop (call $is_controller (i32.const 0) (i32.const 1)))",
                9 + 1001,
            ),
            // 1 + 2 + 5, 500 and 32 bytes.
            ("(call $certify (i32.const 0) (i32.const 32))", 8 + 532),
            // 1 + 1 + 5 + drop 1, and 200.
            ("(drop (call $counter (i32.const 0)))", 8 + 200),
            // Charged before the type is refused.
            ("(drop (call $counter (i32.const 2)))", 8 + 200),
            // Charged before the context is refused: 1 + 5 + 1.
            ("(drop (call $reject_code))", 7 + 500),
            // 50 for each byte, paid before the range is refused: 1 + 2 + 5, 500 + 10 * 50.
            ("(call $append (i32.const 131072) (i32.const 10))", 8 + 1000),
            // 1 + 2 + 5, 500 + 3 * 50.
            ("(call $reject (i32.const 65536) (i32.const 3))", 8 + 650),
            // 1 + 1 + 5, 500; the balance changes a page.
            ("(call $balance (i32.const 4096))", 7 + 500 + 1000),
            // 1 + 3 + 5, 500; a burned amount of zero changes none.
            (
                "(call $burn (i64.const 0) (i64.const 0) (i32.const 8192))",
                9 + 500,
            ),
            // 1 + 4 + 5 + 1, 500 and the three bytes of a name.
            (
                "(drop (call $ecdsa (i32.const 65536) (i32.const 3) (i32.const 0) (i32.const 0)))",
                11 + 503,
            ),
            // 1 + call_new 8 + 5, call_data_append 2 + 5, call_perform 5 + drop 1; 1500 + 10 + 4, 500 + 6 * 50, 5000. The
            // message fails, so nothing is called.
            (
                "(call $new (i32.const 65536) (i32.const 10) (i32.const 65536) (i32.const 4)
                    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
                 (call $data (i32.const 0) (i32.const 6)) (drop (call $perform)) unreachable",
                1 + 13 + 7 + 6 + 1 + 1514 + 800 + 5000,
            ),
        ],
    );
}

/// A record takes 40 bytes more than its text in a buffer of 4096 that begins empty with every execution.
#[test]
fn printing_and_the_room_in_the_log() {
    costs(
        IC0,
        DRUN,
        &[
            // 1 + 2 + 5; 100, twice the length, 50 times the length, and the length.
            ("(call $print (i32.const 0) (i32.const 12))", 8 + 100 + 24 + 600 + 12),
            // Nothing printed: 100.
            ("(call $print (i32.const 0) (i32.const 0))", 8 + 100),
            // The empty record leaves 4056 bytes: 100, then 100 + 2 * 4096 + 50 * 4056 + 4096.
            (
                "(call $print (i32.const 0) (i32.const 0)) (call $print (i32.const 0) (i32.const 4096))",
                15 + 100 + 100 + 8192 + 202_800 + 4096,
            ),
            // The first leaves 56 bytes, and so does the second, for which the first had to go: 100 + 8000 + 200_000 + 4000,
            // then twice 100 + 8000 + 2800 + 4000.
            (
                "(call $print (i32.const 0) (i32.const 4000)) (call $print (i32.const 0) (i32.const 4000))
                 (call $print (i32.const 0) (i32.const 4000))",
                22 + 212_100 + 14_900 + 14_900,
            ),
            // More than a record holds: twice 4096, 50 times 4096, but the length in full.
            ("(call $print (i32.const 0) (i32.const 5000))", 8 + 100 + 8192 + 204_800 + 5000),
            // Out of bounds the charge goes by the length asked for; the text that takes its place has 42 bytes and leaves
            // 4096 - 82 = 4014: 100 + 20 + 500 + 10, then 100 + 8192 + 50 * 4014 + 4096.
            (
                "(call $print (i32.const 131070) (i32.const 10)) (call $print (i32.const 0) (i32.const 4096))",
                15 + 630 + 100 + 8192 + 200_700 + 4096,
            ),
        ],
    );
}

/// 1 + 2 + 5 + 500 + 4 in March 2025; since then the record in the log is paid for too: 4 * 2 + 4 * 50.
#[test]
fn trapping_pays_for_the_log_since_october() {
    let body = "(call $trap (i32.const 0) (i32.const 4))";
    costs(IC0, DRUN, &[(body, 512)]);
    costs(IC0, POCKET_IC, &[(body, 720)]);
}

/// 16,384 bytes of the message were kept in March 2025, and are twice as many since (system-api.md 6.2).
#[test]
fn the_message_of_a_trap_is_cut_later_since_october() {
    let fill = |at, letter| {
        format!("(memory.fill (i32.const {at}) (i32.const {letter}) (i32.const 16384))")
    };
    let fills = [fill(0, 97), fill(16_384, 98), fill(32_768, 99)].concat();
    let body = format!("{fills} (call $trap (i32.const 0) (i32.const 49152))");
    let module = with_methods(IC0, [&*body].into_iter());
    for (arguments, end) in [(DRUN, "a'."), (POCKET_IC, "b'.")] {
        let outcome = &messages(&module, "ingress ID m0 0x\n", arguments)[0];
        let message = outcome["message"].as_str().unwrap();
        assert!(message.contains(end), "{message}");
    }
}

#[test]
fn stable_memory() {
    costs(
        IC0,
        DRUN,
        &[
            // Nothing there yet: 1 + 3 + 5, 20 and ten bytes, then the trap.
            ("(call $write (i64.const 0) (i64.const 0) (i64.const 10))", 9 + 30),
            // 1 + grow 1 + 5 + drop 1, write and read 3 + 5 each, size 5 + drop 1; 100; 20 + 10 and a page; 20 + 10; 0.
            (
                "(drop (call $grow32 (i32.const 1)))
                 (call $write32 (i32.const 0) (i32.const 0) (i32.const 10))
                 (call $read32 (i32.const 65536) (i32.const 0) (i32.const 10)) (drop (call $size32))",
                1 + 7 + 16 + 6 + 100 + 30 + 1000 + 30,
            ),
            // Each page once in an execution, whatever is written: 1 + 2 * 8; 20 + 10 and two pages, 20 + 10.
            (
                "(call $write (i64.const 4090) (i64.const 0) (i64.const 10))
                 (call $write (i64.const 4095) (i64.const 0) (i64.const 10))",
                17 + 30 + 2000 + 30,
            ),
            // Again in the next.
            ("(call $write (i64.const 4090) (i64.const 0) (i64.const 10))", 9 + 30 + 2000),
            // Without bytes nothing is touched, not even looked at: 20.
            ("(call $write (i64.const -1) (i64.const -1) (i64.const 0))", 9 + 20),
            // Reading costs bytes, no pages; 16 pages here.
            ("(call $read (i64.const 65536) (i64.const 0) (i64.const 65536))", 9 + 20 + 65_536),
            // More than there can be: 1 + 1 + 5 + 1, 100.
            ("(drop (call $grow (i64.const 9000000)))", 8 + 100),
        ],
    );
}

/// Queries pay for stable pages like updates, but not for heap pages; asked in replicated execution they do not either.
#[test]
fn queries_do_not_pay_for_heap_pages() {
    let module = r#"(module
        (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
        (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
        (memory 1)
        (func (export "canister_query q") (i32.store (i32.const 0) (i32.const 1))
            (drop (call $grow (i64.const 1)))
            (call $write (i64.const 0) (i64.const 0) (i64.const 5))))"#;
    // 1 + store 3, grow 1 + 5 + drop 1, write 8; 100; 20 + 5 and a page.
    let expected = 1 + 3 + 7 + 8 + 100 + 25 + 1000;
    let outcomes = messages(module, "query ID q 0x\ningress ID q 0x\n", DRUN);
    assert_eq!(outcomes[0]["instructions"], expected);
    assert_eq!(outcomes[1]["instructions"], expected);
    assert_eq!(outcomes[1]["stable_pages"], 1);
}
