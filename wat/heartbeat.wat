;; A heartbeat that prints.
(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "debug_print" (func $print (param i32 i32)))
  (memory 1)
  (data (i32.const 0) "beat")
  (func (export "canister_heartbeat") (call $print (i32.const 0) (i32.const 4)))
  (func (export "canister_update nothing") (call $reply)))
