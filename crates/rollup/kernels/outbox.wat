;; Fills its outbox: 101 messages of one byte, of which the last finds no room.
(module
  (import "smart_rollup_core" "write_output" (func $write_output (param i32 i32) (result i32)))
  (import "smart_rollup_core" "write_debug" (func $write_debug (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "full\n")
  (func (export "kernel_run")
    (local $n i32)
    (loop $next
      (i32.store8 (i32.const 0) (local.get $n))
      (if (i32.eq (call $write_output (i32.const 0) (i32.const 1)) (i32.const -11))
        (then (return (call $write_debug (i32.const 16) (i32.const 5)))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br $next))))
