//! What executing costs: the examples of metering.md, Appendix A, and the limits at which execution ends.

use super::*;

fn costs(text: &str, expected: i64) {
    with_each(text, |running| {
        running.call("t", PLENTY).unwrap();
        assert_eq!(running.used(), expected, "{text}");
    });
}

/// Execution ends because of this limit, with this counter.
fn runs_out(text: &str, limit: i64, counter: i64) {
    with_each(text, |running| {
        let error = running.call("t", limit).unwrap_err();
        assert!(error.is::<OutOfInstructions>(), "{error:?}");
        assert_eq!(running.counter(), counter, "{text}");
    });
}

/// Execution succeeds with this limit.
fn suffices(text: &str, limit: i64) {
    with_each(text, |running| {
        running.call("t", limit).unwrap();
    });
}

/// A 32-bit module with one page whose function `t` has this body.
fn t(body: &str) -> String {
    format!(r#"(module (memory 1) (func (export "t") {body}))"#)
}

const IC0: &str = r#"
    (import "ic0" "performance_counter" (func $pc (param i32) (result i64)))
    (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
    (import "ic0" "stable64_size" (func $size (result i64)))
    (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
    (import "ic0" "stable64_read" (func $read (param i64 i64 i64)))
    (import "ic0" "msg_reply" (func $reply))"#;

fn t_with_ic0(body: &str) -> String {
    format!(r#"(module {IC0} (memory 1) (func (export "t") {body}))"#)
}

fn example_2() -> String {
    t("(drop (i32.add (i32.const 1) (i32.const 2)))")
}

fn example_4() -> String {
    t("(local i32) i32.const 3 local.set 0
       loop local.get 0 i32.const 1 i32.sub local.set 0 local.get 0 br_if 0 end")
}

fn example_6() -> String {
    t("(memory.fill (i32.const 0) (i32.const 7) (i32.const 5000))")
}

fn example_15() -> String {
    t(&format!("i32.const 1 if {} end", "nop ".repeat(20)))
}

#[test]
fn examples_1_to_6_of_appendix_a() {
    costs(&t(""), 1);
    costs(&example_2(), 5);
    costs(
        r#"(module (global (mut i32) (i32.const 0))
            (func (export "t") global.get 0 if nop nop else nop end nop))"#,
        7,
    );
    costs(&example_4(), 24);
    costs(
        r#"(module (func $f nop) (func (export "t") call $f call $f))"#,
        15,
    );
    costs(&example_6(), 5104);
}

#[test]
fn example_7_counters_inside_a_segment() {
    let text = format!(
        r#"(module {IC0} (func (export "t") (result i64 i64)
            (call $pc (i32.const 0)) nop nop nop (call $pc (i32.const 0))))"#
    );
    // Without the two drops of the example, which cost 1 each.
    with_each(&text, |running| {
        assert_eq!(running.call("t", PLENTY).unwrap(), [216, 416]);
        assert_eq!(running.used(), 416);
    });
    costs(
        &t_with_ic0("(drop (call $pc (i32.const 0))) nop nop nop (drop (call $pc (i32.const 0)))"),
        418,
    );
}

#[test]
fn example_8_stable_memory() {
    costs(
        &t_with_ic0(
            "(drop (call $grow (i64.const 1)))
             (call $write (i64.const 4090) (i64.const 0) (i64.const 10))
             (call $write (i64.const 0) (i64.const 0) (i64.const 10))
             (call $read (i64.const 8) (i64.const 0) (i64.const 100))
             (drop (call $size))",
        ),
        2318,
    );
}

#[test]
fn examples_9_to_13_of_appendix_a() {
    costs(
        &t("(drop (memory.grow (i32.const 1)))
            (i32.store (i32.const 70000) (i32.const 1)) (i32.store (i32.const 8) (i32.const 0))"),
        309,
    );
    costs(
        r#"(module (memory i64 1) (func (export "t")
            (i64.store (i64.const 0) (i64.const 1)) (drop (i64.load (i64.const 0)))
            (memory.copy (i64.const 100) (i64.const 0) (i64.const 64))))"#,
        176,
    );
    costs(
        &t("block block (br_table 0 1 (i32.const 1)) end nop end nop"),
        5,
    );
    costs(&t("block (br 0) nop nop nop end nop"), 4);
    costs(
        r#"(module (table 1 funcref) (elem (i32.const 0) $f) (func $f return)
            (func (export "t") (call_indirect (i32.const 0)) (return_call $f)))"#,
        19,
    );
}

#[test]
fn example_14_replying() {
    costs(
        r#"(module (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
            (import "ic0" "msg_reply" (func $reply)) (memory 1)
            (func (export "t") (call $append (i32.const 0) (i32.const 5)) (call $reply)))"#,
        1263,
    );
}

#[test]
fn example_15_straight_segments_are_not_checked() {
    costs(&example_15(), 24);
    suffices(&example_15(), 4);
    runs_out(&example_15(), 3, -1);
}

#[test]
fn examples_16_to_19_of_appendix_a() {
    costs(
        r#"(module (memory 1) (data "abcdef") (func (export "t")
            (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 6)) data.drop 0
            (drop memory.size)))"#,
        431,
    );
    costs(
        &t("f64.const 1 f64.const 2 f64.sqrt f64.div drop i64.const 9 i64.const 2 i64.div_u drop"),
        30,
    );
    costs(
        &format!(
            r#"(module {IC0} (memory i64 1) (func (export "t")
                (drop (call $grow (i64.const 1)))
                (call $write (i64.const 0) (i64.const 0) (i64.const 10))))"#
        ),
        1146,
    );
    costs(
        &t(
            "block (result i32) (memory.fill (i32.const 0) (i32.const 0) (i32.const 10)) i32.const 4 end drop",
        ),
        116,
    );
}

#[test]
fn limits_hold_to_the_instruction() {
    runs_out(&example_6(), 103, -1);
    runs_out(&example_6(), 104, -5000);
    suffices(&example_6(), 5104);
    runs_out(&example_4(), 23, -1);
    suffices(&example_4(), 24);
    runs_out(&example_2(), 4, -1);
    suffices(&example_2(), 5);
}

#[test]
fn a_loop_that_costs_nothing_is_still_checked() {
    let text = t("i32.const 9 if loop end end");
    // 1 + 1 + 2 at entry; nothing after that costs anything.
    costs(&text, 4);
    runs_out(&text, 3, -1);
    // The function returns 7 below zero; a loop in its caller notices.
    let text = r#"(module (func $f i32.const 1 if nop nop nop nop nop nop nop end)
        (func (export "t") call $f loop end))"#;
    // Entry 1 + 5, callee 1 + 1 + 2, its arm 7.
    suffices(text, 17);
    runs_out(text, 10, -7);
}

#[test]
fn an_execution_goes_on_where_the_host_refills_the_counter() {
    let text = t("(local i32) (local.set 0 (i32.const 1000))
         (loop (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if 0 (local.get 0)))
         (memory.fill (i32.const 0) (i32.const 0) (i32.const 300))");
    with_each(&text, |running| {
        if running.metering == Metering::Lazy {
            return;
        }
        running.store.data_mut().refill = Some(100);
        running.call("t", 100).unwrap();
        // Entry 3, thousand rounds of 7, then 103 and a length of 300.
        assert_eq!(running.used(), 3 + 7000 + 103 + 300);
        // The fill is one charge of three slices, asked for once; it may leave the counter below zero.
        assert!(running.store.data().granted <= 7500);
    });
}

#[test]
fn a_length_at_the_head_of_a_segment_is_paid_before_the_segment() {
    let text = t(
        "block (result i32 i32 i32) i32.const 0 i32.const 0 i32.const 10 end
                  memory.fill nop nop",
    );
    costs(&text, 4 + 10 + 102);
    runs_out(&text, 13, -1);
    // In a loop as well, whose own check follows.
    let text = t("i32.const 0 i32.const 0 i32.const 10 loop (param i32 i32 i32) memory.fill end");
    costs(&text, 4 + 10 + 100);
    runs_out(&text, 13, -1);
    runs_out(&text, 113, -1);
}

#[test]
fn an_operator_that_fails_is_charged_first() {
    for (body, used) in [
        (
            "(memory.fill (i32.const 65000) (i32.const 0) (i32.const 1000))",
            104 + 1000,
        ),
        ("nop unreachable", 3),
        ("(drop (i32.load (i32.const 65536))) nop nop", 6),
    ] {
        with_each(&t(body), |running| {
            let error = running.call("t", PLENTY).unwrap_err();
            assert!(error.is::<Trap>(), "{error:?}");
            // Where a load fails, lazy metering has not stored what it knows.
            if running.metering != Metering::Lazy || !body.contains("load") {
                assert_eq!(running.used(), used, "{body}");
            }
        });
    }
}

/// The places at which code with lazy metering may be asked: each is behind a segment that was paid and not stored.
#[test]
fn the_counter_is_stored_wherever_the_function_is_left() {
    // 1 for the entry; 1 for each `nop`; what stands behind `call` or `unreachable` in the same segment is paid, too.
    for (body, used) in [
        ("nop", 2),
        ("nop return nop", 3),
        ("(br 0 (nop)) nop", 4),
        ("(block (br 1 (nop))) nop", 4),
        ("(loop (br 1 (nop)))", 4),
        // The arm is not taken: the constant, `if`, and the branch out of the function.
        (
            "(if (i32.const 0) (then nop)) (br_if 0 (i32.const 1)) nop",
            1 + 3 + 3,
        ),
        ("(block (br_if 1 (i32.const 0) (nop)) nop)", 1 + 4 + 1),
        ("(block (br_table 0 1 0 (i32.const 1) (nop))) nop", 1 + 4),
        (
            "(block (br_table 0 1 0 (i32.const 0) (nop))) nop",
            1 + 4 + 1,
        ),
        ("(block (br_table 0 0 1 (i32.const 9) (nop))) nop", 1 + 4),
        // Blocks that end with the function.
        ("(if (i32.const 0) (then nop) (else nop nop))", 1 + 3 + 2),
        ("(if (i32.const 1) (then nop) (else nop nop))", 1 + 3 + 1),
        ("(if (i32.const 1) (then nop))", 1 + 3 + 1),
        ("(if (i32.const 0) (then nop))", 1 + 3),
        ("(block (br_if 0 (i32.const 1) (nop)) nop)", 1 + 4),
        ("(block (loop (br_if 1 (i32.const 1)) (br 0)))", 1 + 3),
        ("(block (block (br_table 0 1 2 (i32.const 1))) nop)", 1 + 3),
        (
            "(if (i32.const 1) (then (call $f)) (else nop))",
            1 + 3 + 5 + 2,
        ),
        ("nop (call $f) nop", 1 + 7 + 2),
        (
            "nop (call_indirect (i32.const 0)) (call $f)",
            1 + 1 + 11 + 5 + 4,
        ),
        ("nop (return_call $f)", 1 + 4 + 2),
        ("nop (return_call_indirect (i32.const 0))", 1 + 1 + 61 + 2),
    ] {
        let text = format!(
            r#"(module (table 1 funcref) (elem (i32.const 0) $f) (func $f nop) (func (export "t") {body}))"#
        );
        costs(&text, used);
    }
    for (body, used) in [
        ("nop unreachable nop", 3),
        ("nop (call $f) (call $f) nop", 1 + 12 + 2),
        ("nop (call_indirect (i32.const 1)) nop", 1 + 13),
        (
            "nop (call_indirect (param i32) (i32.const 0) (i32.const 0)) nop",
            1 + 14,
        ),
    ] {
        let text = format!(
            r#"(module (table 2 funcref) (elem (i32.const 0) $f) (func $f nop unreachable)
                (func (export "t") {body}))"#
        );
        with_each(&text, |running| {
            assert!(running.call("t", PLENTY).unwrap_err().is::<Trap>());
            let more = i64::from(text.contains("call $f"));
            assert_eq!(running.used(), used + more, "{body}");
        });
    }
}

#[test]
fn lengths_of_64_bits_do_not_wrap_around() {
    let fill = |length: u64| {
        format!(
            r#"(module (memory i64 1) (func (export "t")
                (memory.fill (i64.const 0) (i32.const 0) (i64.const {length}))))"#
        )
    };
    // Less than the counter by any reckoning, so no wrap: counter after entry is 896.
    runs_out(&fill(1 << 63), 1000, 896_i64.wrapping_sub(i64::MIN));
    runs_out(&fill(u64::MAX), 1000, i64::MIN);
    runs_out(&fill(1 << 40), 1000, 896 - (1 << 40));
    // A 32-bit length is not negative.
    let fill = t("(memory.fill (i32.const 0) (i32.const 0) (i32.const -1))");
    runs_out(&fill, 1000, 896 - i64::from(u32::MAX));
}
