;; Another module for the upgrade of trace T9: at index 1 of its table, where the old one had its reply callback, stands a function that prints.
(module
  (import "ic0" "debug_print" (func $print (param i32 i32)))
  (import "ic0" "msg_reply" (func $reply))
  (memory 1)
  (data (i32.const 0) "other at 1m")
  (table 2 funcref)
  (elem (i32.const 1) $other)
  (func $other (param i32) (call $print (i32.const 0) (i32.const 10)))
  (func (export "canister_update run") (call $print (i32.const 10) (i32.const 1)) (call $reply)))
