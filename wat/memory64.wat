;; A 64-bit module: addresses and sizes of the system API are i64. Echoes its argument from beyond 4 GiB.
(module
  (import "ic0" "msg_arg_data_size" (func $arg_size (result i64)))
  (import "ic0" "msg_arg_data_copy" (func $arg_copy (param i64 i64 i64)))
  (import "ic0" "msg_reply_data_append" (func $append (param i64 i64)))
  (import "ic0" "msg_reply" (func $reply))
  (memory i64 1)
  ;; 65537 pages: one page behind the 4 GiB.
  (func (export "canister_update grow")
    (i64.store (i64.const 0) (memory.grow (i64.const 65536)))
    (i64.store (i64.const 8) (memory.size))
    (call $append (i64.const 0) (i64.const 16))
    (call $reply))
  (func (export "canister_query echo")
    (call $arg_copy (i64.const 4294967296) (i64.const 0) (call $arg_size))
    (call $append (i64.const 4294967296) (call $arg_size))
    (call $reply)))
