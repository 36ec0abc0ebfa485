;; Greets, then tells what is in the inbox: messages of the protocol by name, others as the list of their bytes.
(module
  (import "smart_rollup_core" "read_input" (func $read_input (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "write_debug" (func $write_debug (param i32 i32)))

  (memory (export "memory") 1)
  (data (i32.const 0) "Hello, kernel!\n")
  (data (i32.const 16) "Got message: ")
  (data (i32.const 32) "Internal(Transfer)\n")
  (data (i32.const 64) "Internal(StartOfLevel)\n")
  (data (i32.const 96) "Internal(EndOfLevel)\n")
  (data (i32.const 128) "Internal(InfoPerLevel)\n")
  (data (i32.const 160) "Internal(ProtocolMigration)\n")
  (data (i32.const 192) "External([")
  (data (i32.const 208) ", ")
  (data (i32.const 212) "])\n")

  ;; 1000: level and counter. 2000: the message. 7000: where a number is written.

  (func $number (param $n i32)
    (local $at i32)
    (local.set $at (i32.const 7010))
    (loop $digit
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
      (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
      (br_if $digit (local.get $n)))
    (call $write_debug (local.get $at) (i32.sub (i32.const 7010) (local.get $at))))

  (func $external (param $end i32)
    (local $at i32)
    (local.set $at (i32.const 2001))
    (call $write_debug (i32.const 192) (i32.const 10))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (if (i32.ne (local.get $at) (i32.const 2001))
          (then (call $write_debug (i32.const 208) (i32.const 2))))
        (call $number (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (call $write_debug (i32.const 212) (i32.const 3)))

  (func $internal
    (block $migration (block $info (block $end (block $start (block $transfer
      (br_table $transfer $start $end $info $migration (i32.load8_u (i32.const 2001))))
      (return (call $write_debug (i32.const 32) (i32.const 19))))
      (return (call $write_debug (i32.const 64) (i32.const 23))))
      (return (call $write_debug (i32.const 96) (i32.const 21))))
      (return (call $write_debug (i32.const 128) (i32.const 23))))
    (call $write_debug (i32.const 160) (i32.const 28)))

  (func (export "kernel_run")
    (local $n i32)
    (call $write_debug (i32.const 0) (i32.const 15))
    (block $done
      (loop $next
        (local.set $n (call $read_input (i32.const 1000) (i32.const 2000) (i32.const 4096)))
        (br_if $done (i32.le_s (local.get $n) (i32.const 0)))
        (call $write_debug (i32.const 16) (i32.const 13))
        (if (i32.load8_u (i32.const 2000))
          (then (call $external (i32.add (i32.const 2000) (local.get $n))))
          (else (call $internal)))
        (br $next)))))
