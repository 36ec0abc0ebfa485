;; A small token: balances under /ledger/<letter>, eight bytes each. A message is `m`, an account and an amount to mint,
;; or `t`, two accounts and an amount to transfer; accounts are one letter, amounts one byte.
(module
  (import "smart_rollup_core" "read_input" (func $read_input (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "write_debug" (func $write_debug (param i32 i32)))
  (import "smart_rollup_core" "store_read" (func $store_read (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_write" (func $store_write (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "/ledger/?")
  (data (i32.const 16) "not enough\n")
  (data (i32.const 32) "not understood\n")

  (func $balance (param $account i32) (result i64)
    (i32.store8 (i32.const 8) (local.get $account))
    (i64.store (i32.const 64) (i64.const 0))
    (drop (call $store_read (i32.const 0) (i32.const 9) (i32.const 0) (i32.const 64) (i32.const 8)))
    (i64.load (i32.const 64)))

  (func $set (param $account i32) (param $balance i64)
    (i32.store8 (i32.const 8) (local.get $account))
    (i64.store (i32.const 64) (local.get $balance))
    (drop (call $store_write (i32.const 0) (i32.const 9) (i32.const 0) (i32.const 64) (i32.const 8))))

  (func $transfer (param $from i32) (param $to i32) (param $amount i64)
    (if (i64.lt_u (call $balance (local.get $from)) (local.get $amount))
      (then (return (call $write_debug (i32.const 16) (i32.const 11)))))
    (call $set (local.get $from) (i64.sub (call $balance (local.get $from)) (local.get $amount)))
    (call $set (local.get $to) (i64.add (call $balance (local.get $to)) (local.get $amount))))

  ;; 100: level and counter. 200: the message, its tag first.
  (func $message (param $n i32)
    (if (i32.and (i32.eq (local.get $n) (i32.const 4)) (i32.eq (i32.load8_u (i32.const 201)) (i32.const 109)))
      (then
        (return (call $set
          (i32.load8_u (i32.const 202))
          (i64.add (call $balance (i32.load8_u (i32.const 202))) (i64.load8_u (i32.const 203)))))))
    (if (i32.and (i32.eq (local.get $n) (i32.const 5)) (i32.eq (i32.load8_u (i32.const 201)) (i32.const 116)))
      (then
        (return (call $transfer
          (i32.load8_u (i32.const 202)) (i32.load8_u (i32.const 203)) (i64.load8_u (i32.const 204))))))
    (call $write_debug (i32.const 32) (i32.const 15)))

  (func (export "kernel_run")
    (local $n i32)
    (block $done
      (loop $next
        (local.set $n (call $read_input (i32.const 100) (i32.const 200) (i32.const 4096)))
        (br_if $done (i32.le_s (local.get $n) (i32.const 0)))
        (if (i32.eq (i32.load8_u (i32.const 200)) (i32.const 1)) (then (call $message (local.get $n))))
        (br $next)))))
