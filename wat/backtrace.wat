;; Ways to trap below named functions. Two have names as the Rust compiler makes them, of its older and its newer kind.
(module
  (import "ic0" "trap" (func $trap (param i32 i32)))
  (memory 1)
  (data (i32.const 0) "boom")
  (func $innermost unreachable)
  (func $inner (call $innermost))
  (func $outer (export "canister_update engine") (export "canister_query ask") (call $inner))
  (func $explicit (call $trap (i32.const 0) (i32.const 4)))
  (func $entry (export "canister_update explicit") (call $explicit))
  (func $_ZN7counter5clock4tick17h0123456789abcdefE unreachable)
  (func $_RNvNtCs1234_7counter5clock4tock (call $_ZN7counter5clock4tick17h0123456789abcdefE))
  (func $rust (export "canister_update rust") (call $_RNvNtCs1234_7counter5clock4tock)))
