;; Traps when a user sends `!`; otherwise reads its inbox.
(module
  (import "smart_rollup_core" "read_input" (func $read_input (param i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "write_debug" (func $write_debug (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "reading\n")
  (func (export "kernel_run")
    (call $write_debug (i32.const 0) (i32.const 8))
    (loop $next
      (if (i32.gt_s (call $read_input (i32.const 100) (i32.const 200) (i32.const 4096)) (i32.const 0))
        (then
          (if (i32.eq (i32.load16_u (i32.const 200)) (i32.const 0x2101)) (then (unreachable)))
          (br $next))))))
