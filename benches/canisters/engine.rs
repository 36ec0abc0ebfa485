//! A large canister as those are whose language brings an engine along: thousands of functions, reached by a table, a few hundred
//! of which do the work of `canister_init`.

use std::fmt::Write;

/// Functions of the module, which has 3.5 MB with them.
const FUNCTIONS: u32 = 18_500;
/// Functions that are called, round and round.
const HOT: u32 = 400;

/// The module as text; `canister_init` makes so many calls of about 270 instructions, `go` 20,000.
pub(crate) fn engine(calls: u32) -> String {
    let mut state = 5_u64;
    let mut below = |end: u32| {
        state = state
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 33) as u32 % end
    };
    let mut text = String::from(
        r#"(module (import "ic0" "msg_reply" (func $reply)) (memory 16)
           (type $step (func (param i32) (result i32)))"#,
    );
    let _ = write!(text, "(table {FUNCTIONS} funcref) (elem (i32.const 0)");
    (0..FUNCTIONS).for_each(|n| text += &format!(" $f{n}"));
    text += ")";
    for n in 0..FUNCTIONS {
        let _ = write!(
            text,
            "(func $f{n} (type $step) (local $n i32) (local $b i32) (local.set $b (i32.const {})) (loop $again",
            below(1 << 30)
        );
        for _ in 0..3 + below(6) {
            let (number, offset) = (below(1 << 30), below(1 << 18));
            let _ = match below(5) {
                0 => write!(
                    text,
                    "(local.set 0 (i32.add (i32.mul (local.get 0) (i32.const {number})) (local.get $b)))"
                ),
                1 => write!(
                    text,
                    "(if (i32.and (local.get 0) (i32.const 64))
                       (then (local.set $b (i32.xor (local.get $b) (i32.shr_u (local.get 0) (i32.const 3)))))
                       (else (local.set 0 (i32.rotl (local.get 0) (i32.const 5)))))"
                ),
                2 => write!(
                    text,
                    "(i32.store offset={offset} (i32.and (local.get 0) (i32.const 65535)) (local.get $b))"
                ),
                3 => write!(
                    text,
                    "(local.set $b (i32.add (local.get $b)
                       (i32.load offset={offset} (i32.and (local.get $b) (i32.const 65532)))))"
                ),
                _ => write!(
                    text,
                    "(block $out (br_if $out (i32.lt_u (local.get 0) (i32.const {number})))
                       (local.set 0 (i32.sub (local.get 0) (i32.const {number}))))"
                ),
            };
        }
        text += "(local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 4))))
            (i32.add (local.get 0) (local.get $b)))";
    }
    let _ = write!(
        text,
        r#"(func $run (param $calls i32) (local $at i32) (local $x i32)
             (loop $again
               (local.set $at (i32.rem_u (i32.add (i32.mul (local.get $at) (i32.const 5)) (i32.const 7)) (i32.const {HOT})))
               (local.set $x (call_indirect (type $step) (local.get $x) (i32.mul (local.get $at) (i32.const 46))))
               (local.set $calls (i32.sub (local.get $calls) (i32.const 1)))
               (br_if $again (local.get $calls))))
           (func (export "canister_init") (call $run (i32.const {calls})))
           (func (export "canister_update go") (call $run (i32.const 20000)) (call $reply)))"#
    );
    text
}
