;; Reveals the preimage of every hash that users send, and prints it.
(module
  (import "smart_rollup_core" "read_input" (func $read_input (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "write_debug" (func $write_debug (param i32 i32)))
  (import "smart_rollup_core" "reveal_preimage" (func $reveal (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "kernel_run")
    (local $n i32)
    (block $done
      (loop $next
        (local.set $n (call $read_input (i32.const 0) (i32.const 8) (i32.const 4096)))
        (br_if $done (i32.le_s (local.get $n) (i32.const 0)))
        (if (i32.eq (i32.load8_u (i32.const 8)) (i32.const 1))
          (then
            (call $write_debug
              (i32.const 8192)
              (call $reveal
                (i32.const 9) (i32.sub (local.get $n) (i32.const 1)) (i32.const 8192) (i32.const 4096)))))
        (br $next)))))
