;; Counts the messages of users under /counter: eight bytes, little-endian.
(module
  (import "smart_rollup_core" "read_input" (func $read_input (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_read" (func $store_read (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_write" (func $store_write (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "/counter")
  (func $count
    (drop (call $store_read (i32.const 0) (i32.const 8) (i32.const 0) (i32.const 16) (i32.const 8)))
    (i64.store (i32.const 16) (i64.add (i64.load (i32.const 16)) (i64.const 1)))
    (drop (call $store_write (i32.const 0) (i32.const 8) (i32.const 0) (i32.const 16) (i32.const 8))))
  (func (export "kernel_run")
    (local $n i32)
    (block $done
      (loop $next
        (local.set $n (call $read_input (i32.const 32) (i32.const 48) (i32.const 4096)))
        (br_if $done (i32.le_s (local.get $n) (i32.const 0)))
        (if (i32.eq (i32.load8_u (i32.const 48)) (i32.const 1)) (then (call $count)))
        (br $next)))))
