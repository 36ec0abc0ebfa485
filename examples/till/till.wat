;; A till: its owner deposits, and once a day a hundredth is added. Values of its interface are so simple that their bytes can be
;; read by hand: a nat64 is `DIDL 00 01 78` and eight bytes, a principal `DIDL 00 01 68 01`, a length and bytes.
(module
  (import "ic0" "msg_arg_data_copy" (func $arg (param i32 i32 i32)))
  (import "ic0" "msg_arg_data_size" (func $arg_size (result i32)))
  (import "ic0" "msg_caller_copy" (func $caller (param i32 i32 i32)))
  (import "ic0" "msg_caller_size" (func $caller_size (result i32)))
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "msg_reject" (func $reject (param i32 i32)))
  (import "ic0" "debug_print" (func $print (param i32 i32)))
  (import "ic0" "time" (func $time (result i64)))
  (import "ic0" "global_timer_set" (func $timer (param i64) (result i64)))
  (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
  (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
  (import "ic0" "stable64_read" (func $read (param i64 i64 i64)))
  (memory 1)
  ;; 0: balance, 8: length of the owner, 9: the owner; 64: a nat64 of the interface; 128: an argument or a caller; 256: texts
  (data (i32.const 64) "DIDL\00\01\78")
  (data (i32.const 256) "only the owner depositsinterest paid")

  (func $tomorrow
    (drop (call $timer (i64.add (call $time) (i64.const 86_400_000_000_000)))))

  (func $answer
    (i64.store (i32.const 71) (i64.load (i32.const 0)))
    (call $append (i32.const 64) (i32.const 15))
    (call $reply))

  (func $is_owner (result i32) (local $at i32)
    (call $caller (i32.const 128) (i32.const 0) (call $caller_size))
    (if (i32.ne (call $caller_size) (i32.load8_u (i32.const 8))) (then (return (i32.const 0))))
    (loop $next
      (if (i32.eq (local.get $at) (call $caller_size)) (then (return (i32.const 1))))
      (if (i32.ne
            (i32.load8_u (i32.add (i32.const 128) (local.get $at)))
            (i32.load8_u (i32.add (i32.const 9) (local.get $at))))
        (then (return (i32.const 0))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next))
    (unreachable))

  (func (export "canister_init")
    (call $arg (i32.const 8) (i32.const 8) (i32.sub (call $arg_size) (i32.const 8)))
    (call $tomorrow))

  (func (export "canister_update deposit")
    (if (i32.eqz (call $is_owner))
      (then (call $reject (i32.const 256) (i32.const 23)) (return)))
    (call $arg (i32.const 128) (i32.const 7) (i32.const 8))
    (i64.store (i32.const 0) (i64.add (i64.load (i32.const 0)) (i64.load (i32.const 128))))
    (call $answer))

  (func (export "canister_query balance") (call $answer))

  (func (export "canister_global_timer")
    (i64.store (i32.const 0)
      (i64.add (i64.load (i32.const 0)) (i64.div_u (i64.load (i32.const 0)) (i64.const 100))))
    (call $print (i32.const 279) (i32.const 13))
    (call $tomorrow))

  (func (export "canister_pre_upgrade")
    (drop (call $grow (i64.const 1)))
    (call $write (i64.const 0) (i64.const 0) (i64.const 64)))

  (func (export "canister_post_upgrade")
    (call $read (i64.const 0) (i64.const 0) (i64.const 64))
    (call $tomorrow)))
