;; Two ways to trap below named functions.
(module
  (import "ic0" "trap" (func $trap (param i32 i32)))
  (memory 1)
  (data (i32.const 0) "boom")
  (func $innermost unreachable)
  (func $inner (call $innermost))
  (func $outer (export "canister_update engine") (call $inner))
  (func $explicit (call $trap (i32.const 0) (i32.const 4)))
  (func $entry (export "canister_update explicit") (call $explicit)))
