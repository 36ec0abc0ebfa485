//! The canisters that are measured, in WebAssembly text.

mod engine;

pub(crate) use engine::engine;

/// Replies and does nothing else.
pub(crate) const EMPTY: &str = r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (memory (export "memory") 1)
  (func (export "canister_update go") (call $reply)))"#;

/// Calls that a message of the caller makes, one after the other.
pub(crate) const TRIPS: usize = 90;

/// Calls the second canister again and again.
pub(crate) const CALLER: &str = r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "ic0" "call_perform" (func $perform (result i32)))
  (memory (export "memory") 1)
  (table (export "table") 2 funcref)
  (elem (i32.const 0) $again $rejected)
  (global $left (mut i32) (i32.const 0))
  (data (i32.const 0) "\00\00\00\00\00\00\00\01\01\01ping")
  (func $call
    (call $new (i32.const 0) (i32.const 10) (i32.const 10) (i32.const 4)
      (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0))
    (if (call $perform) (then (unreachable))))
  (func $again (param i32)
    (global.set $left (i32.sub (global.get $left) (i32.const 1)))
    (if (global.get $left) (then (call $call)) (else (call $reply))))
  (func $rejected (param i32) (unreachable))
  (func (export "canister_update start") (global.set $left (i32.const 90)) (call $call))
  (func (export "canister_update ping") (call $reply)))"#;

/// Compute-bound canisters with their names. `go` of each works a few hundred milliseconds.
pub(crate) const COMPUTE: [(&str, &str); 4] = [
    ("sieve", SIEVE),
    ("recursion", RECURSION),
    ("integers", INTEGERS),
    ("matrices", MATRICES),
];

/// Host calls of [`HOST_CALLS`] in one message.
pub(crate) const HOST_CALLS_MADE: u32 = 1_000_000;

/// Makes a million host calls, which are written in the place of `(CALL)`.
pub(crate) const HOST_CALLS: &str = r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_arg_data_size" (func $size (result i32)))
  (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
  (import "ic0" "stable64_read" (func $read (param i64 i64 i64)))
  (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
  (memory (export "memory") 1)
  (func (export "canister_init") (drop (call $grow (i64.const 1))))
  (func (export "canister_update go") (local $times i32)
    (local.set $times (i32.const 1000000))
    (loop $again
      (CALL)
      (local.set $times (i32.sub (local.get $times) (i32.const 1)))
      (br_if $again (local.get $times)))
    (call $reply)))"#;

/// Sieves, with calls, branches, loads and stores.
const SIEVE: &str = r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (memory (export "memory") 64)
  (func $mark (param $step i32) (local $at i32)
    (local.set $at (i32.mul (local.get $step) (local.get $step)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (i32.const 4000000)))
        (i32.store8 (local.get $at) (i32.const 1))
        (local.set $at (i32.add (local.get $at) (local.get $step)))
        (br $next))))
  (func $sieve (local $number i32)
    (memory.fill (i32.const 0) (i32.const 0) (i32.const 4000000))
    (local.set $number (i32.const 2))
    (loop $next
      (if (i32.eqz (i32.load8_u (local.get $number)))
        (then (call $mark (local.get $number))))
      (local.set $number (i32.add (local.get $number) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $number) (i32.const 2000)))))
  (func (export "canister_update go") (local $times i32)
    (local.set $times (i32.const 20))
    (loop $again
      (call $sieve)
      (local.set $times (i32.sub (local.get $times) (i32.const 1)))
      (br_if $again (local.get $times)))
    (call $reply)))"#;

/// Fibonacci numbers, naively: nothing but calls.
const RECURSION: &str = r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (func $fib (param $n i32) (result i32)
    (if (result i32) (i32.lt_u (local.get $n) (i32.const 2))
      (then (local.get $n))
      (else (i32.add (call $fib (i32.sub (local.get $n) (i32.const 1)))
                     (call $fib (i32.sub (local.get $n) (i32.const 2)))))))
  (func (export "canister_update go") (drop (call $fib (i32.const 36))) (call $reply)))"#;

/// The Collatz sequences of many numbers: short loops with branches, no memory.
const INTEGERS: &str = r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (func (export "canister_update go") (local $number i64) (local $at i64) (local $steps i64)
    (loop $numbers
      (local.set $number (i64.add (local.get $number) (i64.const 1)))
      (local.set $at (local.get $number))
      (loop $sequence
        (local.set $steps (i64.add (local.get $steps) (i64.const 1)))
        (if (i64.eqz (i64.and (local.get $at) (i64.const 1)))
          (then (local.set $at (i64.shr_u (local.get $at) (i64.const 1))))
          (else (local.set $at (i64.add (i64.mul (local.get $at) (i64.const 3)) (i64.const 1)))))
        (br_if $sequence (i64.gt_u (local.get $at) (i64.const 1))))
      (br_if $numbers (i64.lt_u (local.get $number) (i64.const 800000))))
    (call $reply)))"#;

/// Multiplies matrices of floating-point numbers: nested loops over memory.
const MATRICES: &str = r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (memory (export "memory") 64)
  (func (export "canister_update go") (local $i i32) (local $j i32) (local $k i32) (local $sum f64)
    (loop $rows
      (local.set $j (i32.const 0))
      (loop $columns
        (local.set $k (i32.const 0))
        (local.set $sum (f64.const 0))
        (loop $products
          (local.set $sum (f64.add (local.get $sum) (f64.mul
            (f64.load (i32.add (i32.mul (local.get $i) (i32.const 3200)) (i32.shl (local.get $k) (i32.const 3))))
            (f64.load offset=1280000
              (i32.add (i32.mul (local.get $j) (i32.const 3200)) (i32.shl (local.get $k) (i32.const 3)))))))
          (local.set $k (i32.add (local.get $k) (i32.const 1)))
          (br_if $products (i32.lt_u (local.get $k) (i32.const 400))))
        (f64.store offset=2560000
          (i32.add (i32.mul (local.get $i) (i32.const 3200)) (i32.shl (local.get $j) (i32.const 3)))
          (local.get $sum))
        (local.set $j (i32.add (local.get $j) (i32.const 1)))
        (br_if $columns (i32.lt_u (local.get $j) (i32.const 400))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $rows (i32.lt_u (local.get $i) (i32.const 400))))
    (call $reply)))"#;

/// Has a heap of so many mebibytes, all of it written by `fill`; the other methods write one page.
pub(crate) fn heap(mebibytes: u64) -> String {
    format!(
        r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (memory (export "memory") {pages})
  (global $at (mut i32) (i32.const 0))
  (func $write
    (global.set $at (i32.and (i32.add (global.get $at) (i32.const 69632)) (i32.const {mask})))
    (i32.store (global.get $at) (i32.add (i32.load (global.get $at)) (i32.const 1))))
  (func (export "canister_update fill")
    (memory.fill (i32.const 0) (i32.const 1) (i32.const {bytes}))
    (call $reply))
  (func (export "canister_update touch") (call $write) (call $reply))
  (func (export "canister_update trap") (call $write) (unreachable))
  (func (export "canister_query peek") (call $write) (call $reply)))"#,
        pages = mebibytes * 16,
        bytes = mebibytes << 20,
        mask = (mebibytes << 20) - 4,
    )
}

/// Writes much.
pub(crate) const BULK: &str = r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
  (import "ic0" "stable64_size" (func $size (result i64)))
  (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
  (memory (export "memory") 1024)
  (global $value (mut i32) (i32.const 0))
  (func (export "canister_update heap")
    (global.set $value (i32.add (global.get $value) (i32.const 1)))
    (memory.fill (i32.const 0) (global.get $value) (i32.const 67108864))
    (call $reply))
  (func (export "canister_update stable") (local $at i64)
    (if (i64.eqz (call $size)) (then (drop (call $grow (i64.const 16384)))))
    (loop $next
      (call $write (local.get $at) (i64.const 0) (i64.const 67108864))
      (local.set $at (i64.add (local.get $at) (i64.const 67108864)))
      (br_if $next (i64.lt_u (local.get $at) (i64.const 1073741824))))
    (call $reply)))"#;
