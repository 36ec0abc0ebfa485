//! Operators and control flow. A method that does not reply fails, but has used what it used.

use super::{DRUN, POCKET_IC, costs};

/// `$f` costs 1 for its entry and 1 for `nop`.
const NARROW: &str = r#"
    (memory 1)
    (data $d "abcdef")
    (global $g (mut i32) (i32.const 0))
    (table 2 funcref)
    (elem (i32.const 0) $f)
    (elem $e func $f)
    (type $v (func))
    (func $f nop)
    (func $early (param i32) local.get 0 if return end nop nop)
    (func $deep (param i32) local.get 0 if local.get 0 i32.const 1 i32.sub call $deep end)"#;

#[test]
fn control_flow() {
    costs(
        NARROW,
        DRUN,
        &[
            // The entry alone.
            ("", 1),
            // Blocks and their ends are free: 1 + nop 1.
            ("block block nop end end", 2),
            // 1 + const 1 + if 2, the arm 2, nothing behind its end.
            ("i32.const 1 if nop nop end", 6),
            // The arm is left out, what is behind its end is not: 4 + nop 1.
            ("i32.const 0 if nop nop end nop", 5),
            // 4, else-arm 3, behind the end 1.
            ("i32.const 0 if nop else nop nop nop end nop", 8),
            // br_if that falls through: 1 + const 1 + br_if 2, then 2, then 1.
            ("block (br_if 0 (i32.const 0)) nop nop end nop", 7),
            // Taken: 4, then what is behind the end, 1.
            ("block (br_if 0 (i32.const 1)) nop nop end nop", 5),
            // br_table to the innermost: 1 + const 1 + br_table 2, then behind three ends 1, 2 and 1.
            (
                "block block block (br_table 0 1 2 (i32.const 0)) end nop end nop nop end nop",
                8,
            ),
            // To the middle one: 4 + 2 + 1.
            (
                "block block block (br_table 0 1 2 (i32.const 1)) end nop end nop nop end nop",
                7,
            ),
            // Out of the table's range, to the outermost: 4 + 1.
            (
                "block block block (br_table 0 1 2 (i32.const 9)) end nop end nop nop end nop",
                5,
            ),
            // Entry 1 + const 1 + set 1. The outer loop twice: const, set 2; get, const, sub, tee, br_if 6. The inner one
            // three times in each: 6. So 3 + 2 * (2 + 6) + 6 * 6.
            (
                "(local i32 i32) i32.const 2 local.set 0
                 loop i32.const 3 local.set 1
                   loop local.get 1 i32.const 1 i32.sub local.tee 1 br_if 0 end
                   local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0
                 end",
                55,
            ),
            // Dead code is not paid for: 1 + return 1.
            ("return nop nop nop", 2),
            // Behind br 2 only the end of the block is alive again: 1 + 2, then 1.
            ("block br 0 nop nop end nop", 4),
            // A trap leaves the whole segment paid: 1 + nop 1 + unreachable 1.
            ("nop unreachable nop", 3),
            // A division that traps: 1 + const 1 + const 1 + div 10 + drop 1 + nop 1.
            ("(drop (i32.div_u (i32.const 1) (i32.const 0))) nop", 15),
            // Caller 1 + const 1 + call 5, callee 1 + get 1 + if 2, its arm: return 1.
            ("(call $early (i32.const 1))", 12),
            // The callee behind its arm instead: 2.
            ("(call $early (i32.const 0))", 13),
            // Caller 7; four entries of 4; three arms of get 1, const 1, sub 1, call 5.
            ("(call $deep (i32.const 3))", 47),
            // 1 + const 1 + call_indirect 10, callee 2.
            ("(call_indirect (type $v) (i32.const 0))", 14),
            // The same, but the element is null: no callee.
            ("(call_indirect (type $v) (i32.const 1))", 12),
            // 1 + return_call 3, callee 2.
            ("return_call $f", 6),
            // A length at the head of a segment is paid as well: 1 + 3, length 10, then 100.
            (
                "i32.const 0 i32.const 0 i32.const 10 loop (param i32 i32 i32) memory.fill end",
                114,
            ),
        ],
    );
}

/// The weight changed between the two programs: 1 + const 1 + 6 or 60, callee 2.
#[test]
fn indirect_tail_calls_cost_what_they_did_then() {
    let body = "(return_call_indirect (type $v) (i32.const 0))";
    costs(NARROW, DRUN, &[(body, 10)]);
    costs(NARROW, POCKET_IC, &[(body, 64)]);
}

#[test]
fn numbers_vectors_and_references() {
    costs(
        NARROW,
        DRUN,
        &[
            // Entry 1, operands 1 each, drop 1; the operator is what is left.
            ("(drop (f64.min (f64.const 1) (f64.const 2)))", 4 + 18),
            ("(drop (f32.convert_i64_u (i64.const 1)))", 3 + 16),
            ("(drop (f64.convert_i32_s (i32.const 1)))", 3 + 3),
            ("(drop (i64.trunc_sat_f64_s (f64.const 1)))", 3 + 20),
            ("(drop (i64.rem_s (i64.const 7) (i64.const 2)))", 4 + 10),
            ("(drop (f32.sqrt (f32.const 4)))", 3 + 5),
            ("(drop (f64.copysign (f64.const 1) (f64.const -1)))", 4 + 3),
            ("(drop (f32.copysign (f32.const 1) (f32.const -1)))", 4 + 2),
            ("(drop (f32.div (f32.const 1) (f32.const 2)))", 4 + 3),
            (
                "(drop (select (result i32) (i32.const 1) (i32.const 2) (i32.const 0)))",
                5 + 1,
            ),
            // Two for reading and two for writing a global.
            ("(global.set $g (global.get $g))", 1 + 2 + 2),
            (
                "(drop (f64x2.div (v128.const i64x2 1 1) (v128.const i64x2 1 1)))",
                4 + 12,
            ),
            ("(drop (f64x2.sqrt (v128.const i64x2 1 1)))", 3 + 14),
            (
                "(drop (i64x2.mul (v128.const i64x2 1 1) (v128.const i64x2 1 1)))",
                4 + 4,
            ),
            (
                "(drop (i32x4.mul (v128.const i64x2 1 1) (v128.const i64x2 1 1)))",
                4 + 2,
            ),
            (
                "(drop (i16x8.mul (v128.const i64x2 1 1) (v128.const i64x2 1 1)))",
                4 + 1,
            ),
            (
                "(drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
                    (v128.const i64x2 1 1) (v128.const i64x2 1 1)))",
                4 + 3,
            ),
            // ref.func 130 and ref.is_null 5.
            ("(drop (ref.is_null (ref.func $f)))", 2 + 130 + 5),
            ("(drop (ref.null func))", 2 + 1),
            ("(drop (table.get 0 (i32.const 1)))", 3 + 5),
            ("(drop (table.size 0))", 2 + 100),
            ("elem.drop $e", 1 + 300),
        ],
    );
}

#[test]
fn memory_of_32_bits() {
    costs(
        NARROW,
        DRUN,
        &[
            // 1 + operands 2 + store 1, and a page that is not as before: 1000. The next cases find page 0 changed.
            ("(i32.store (i32.const 0) (i32.const 1))", 4 + 1000),
            // The same value again changes nothing.
            ("(i32.store (i32.const 0) (i32.const 1))", 4),
            // Written and put back.
            (
                "(i32.store8 (i32.const 0) (i32.const 9)) (i32.store8 (i32.const 0) (i32.const 1))",
                7,
            ),
            // A value across the border of two pages.
            ("(i64.store (i32.const 8188) (i64.const -1))", 4 + 2000),
            // 1 + 3 + 100, ten bytes, one page.
            (
                "(memory.fill (i32.const 16384) (i32.const 7) (i32.const 10))",
                104 + 10 + 1000,
            ),
            // Zeros over zeros: length only.
            (
                "(memory.copy (i32.const 32768) (i32.const 40960) (i32.const 4096))",
                104 + 4096,
            ),
            // Out of bounds: the length is paid before the trap, and nothing is changed.
            (
                "(memory.fill (i32.const 65530) (i32.const 7) (i32.const 10))",
                104 + 10,
            ),
            // 1 + 3 + 100, six bytes, one page.
            (
                "(memory.init $d (i32.const 20480) (i32.const 0) (i32.const 6))",
                104 + 6 + 1000,
            ),
            // data.drop 300, and no length left to copy: 104 + 0.
            (
                "data.drop $d (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))",
                404,
            ),
            // 1 + memory.size 20 + drop 1.
            ("(drop (memory.size))", 22),
            // Growth that the engine refuses costs the same as any: 1 + const 1 + grow 300 + drop 1.
            ("(drop (memory.grow (i32.const 70000)))", 303),
            ("(drop (memory.grow (i32.const 3)))", 303),
            // A new page in which something is written counts against zeros.
            ("(i32.store (i32.const 70000) (i32.const 1))", 4 + 1000),
            // Changes of a message that traps are paid for all the same.
            (
                "(i32.store (i32.const 4) (i32.const 5)) unreachable",
                5 + 1000,
            ),
        ],
    );
}

/// Loads and stores 2, changed pages 4000, lengths of 64 bits; the rest as with 32 bits.
#[test]
fn memory_of_64_bits() {
    costs(
        r#"(memory i64 1) (data $d "abcdef")"#,
        DRUN,
        &[
            // 1 + const 1 + load 2 + drop 1.
            ("(drop (i64.load8_u (i64.const 0)))", 5),
            // 1 + operands 2 + store 2.
            ("(f64.store (i64.const 0) (f64.const 1))", 5 + 4000),
            ("(v128.store (i64.const 4096) (v128.const i64x2 0 0))", 5),
            // 1 + const 1 + load 2 + drop 1.
            ("(drop (v128.load32_splat (i64.const 0)))", 5),
            (
                "(memory.fill (i64.const 8190) (i32.const 7) (i64.const 10))",
                104 + 10 + 8000,
            ),
            (
                "(memory.copy (i64.const 12288) (i64.const 16384) (i64.const 5000))",
                104 + 5000,
            ),
            (
                "(memory.init $d (i64.const 20480) (i32.const 0) (i32.const 6))",
                104 + 6 + 4000,
            ),
            ("(drop (memory.grow (i64.const 1)))", 303),
        ],
    );
}
