;; Two globals, one exported, memory that can grow, and ways to fail that need no argument.
(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "canister_cycle_balance" (func $balance (result i64)))
  (import "ic0" "stable64_grow" (func $stable_grow (param i64) (result i64)))
  (memory 1)
  (global (export "open") (mut i32) (i32.const 5))
  (global $hidden (mut i64) (i64.const 6))
  (func $again (call $again) (global.set $hidden (i64.const 7)))
  (func (export "canister_update grow") (drop (memory.grow (i32.const 16))) (call $reply))
  (func (export "canister_update recurse") (call $again))
  (func (export "canister_update balance") (drop (call $balance)) (call $reply))
  (func (export "canister_query ask") (call $reply)))
