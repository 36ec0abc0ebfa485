;; Works for as many rounds as the argument says, six instructions each.
(module
  (import "ic0" "debug_print" (func $print (param i32 i32)))
  (import "ic0" "msg_arg_data_copy" (func $copy (param i32 i32 i32)))
  (import "ic0" "performance_counter" (func $counter (param i32) (result i64)))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "msg_reply" (func $reply))
  (memory 1)
  (data (i32.const 0) "go")
  (func (export "canister_update work") (local $rounds i32)
    (call $print (i32.const 0) (i32.const 2))
    (call $copy (i32.const 16) (i32.const 0) (i32.const 4))
    (local.set $rounds (i32.load (i32.const 16)))
    (loop
      (br_if 0 (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
    (i64.store (i32.const 24) (call $counter (i32.const 0)))
    (call $append (i32.const 24) (i32.const 8))
    (call $reply)))
