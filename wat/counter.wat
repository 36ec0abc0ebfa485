;; The counter of the manual. `write` counts up the byte at the address that its argument gives (a 32-bit number, little
;; end first; 0 without argument) and replies with nothing; `read` replies with that byte.
(module
  (import "ic0" "msg_arg_data_size" (func $arg_size (result i32)))
  (import "ic0" "msg_arg_data_copy" (func $arg_copy (param i32 i32 i32)))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "msg_reply" (func $reply))
  ;; One page of counters, and one with the address that is being read.
  (memory 2)
  (func $address (result i32)
    (i32.store (i32.const 65536) (i32.const 0))
    (call $arg_copy (i32.const 65536) (i32.const 0) (call $arg_size))
    (i32.load (i32.const 65536)))
  (func (export "canister_update write") (local $at i32)
    (local.set $at (call $address))
    (i32.store8 (local.get $at) (i32.add (i32.load8_u (local.get $at)) (i32.const 1)))
    (call $reply))
  (func (export "canister_query read")
    (call $append (call $address) (i32.const 1))
    (call $reply)))
