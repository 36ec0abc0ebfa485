;; Asks for a mebibyte of stable memory forty times, and answers how often it got it.
(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
  (memory 1)
  (func (export "canister_update grow") (local $turns i32) (local $got i32)
    (loop $l
      (if (i64.ge_s (call $grow (i64.const 16)) (i64.const 0)) (then (local.set $got (i32.add (local.get $got) (i32.const 1)))))
      (br_if $l (i32.lt_u (local.tee $turns (i32.add (local.get $turns) (i32.const 1))) (i32.const 40))))
    (i32.store (i32.const 0) (local.get $got)) (call $append (i32.const 0) (i32.const 4)) (call $reply)))
