;; The installer: follows the program in the section `config` at the end of its own module, then asks for another run, in
;; which the kernel it installed is the one that runs.
;;
;; The program is a list of instructions, each with its size in front (four bytes, little-endian); the last four bytes of
;; the module are the size of the list. Instructions: 0 reveals a tree of pages into a key, 1 moves a key, 2 sets one.
(module
  (import "smart_rollup_core" "write_debug" (func $write_debug (param i32 i32)))
  (import "smart_rollup_core" "store_read" (func $store_read (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_write" (func $store_write (param i32 i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_delete" (func $store_delete (param i32 i32) (result i32)))
  (import "smart_rollup_core" "store_move" (func $store_move (param i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_copy" (func $store_copy (param i32 i32 i32 i32) (result i32)))
  (import "smart_rollup_core" "store_value_size" (func $store_value_size (param i32 i32) (result i32)))
  (import "smart_rollup_core" "reveal_preimage" (func $reveal_preimage (param i32 i32 i32 i32) (result i32)))

  (memory (export "mem") 1)

  ;; Keys.
  (data (i32.const 0) "/kernel/boot.wasm")
  (data (i32.const 32) "/__installer_kernel/auxiliary/kernel/boot.wasm")
  (data (i32.const 96) "/kernel/env/reboot")
  ;; What can go wrong.
  (data (i32.const 128) "Failed to retrieve preimage")
  (data (i32.const 192) "Unable to decode DAC page: Decode into SlicePage failed")
  (data (i32.const 256) "DAC preimage tree contains too many levels.")
  (data (i32.const 320) "Failed to write kernel content page")
  (data (i32.const 384) "Failed to read size of config program")
  (data (i32.const 448) "Failed to copy kernel boot before config execution")
  (data (i32.const 512) "Couldn't decode config instruction")
  (data (i32.const 576) "Couldn't move path during config application")
  (data (i32.const 640) "Couldn't set key during config application")

  ;; 0x1000: an instruction, or a part of a value. 0x2000: its key. 0x4000 to 0x7fff: a page for each level of a tree.

  ;; Where the next part of a revealed value goes.
  (global $written (mut i32) (i32.const 0))

  ;; Says what went wrong; the result is for the caller to hand on.
  (func $fail (param $text i32) (param $len i32) (result i32)
    (call $write_debug (local.get $text) (local.get $len))
    (i32.const 0))

  ;; Reads exactly n bytes of the copied module.
  (func $read (param $offset i32) (param $to i32) (param $n i32) (result i32)
    (i32.eq
      (local.get $n)
      (call $store_read (i32.const 32) (i32.const 46) (local.get $offset) (local.get $to) (local.get $n))))

  ;; Writes behind what has been revealed, at most 2048 bytes at once.
  (func $append (param $key i32) (param $key_len i32) (param $from i32) (param $n i32) (result i32)
    (local $part i32)
    (loop $more
      (local.set $part (select (i32.const 2048) (local.get $n) (i32.gt_u (local.get $n) (i32.const 2048))))
      (if (call $store_write (local.get $key) (local.get $key_len) (global.get $written) (local.get $from) (local.get $part))
        (then (return (call $fail (i32.const 320) (i32.const 35)))))
      (global.set $written (i32.add (global.get $written) (local.get $part)))
      (local.set $from (i32.add (local.get $from) (local.get $part)))
      (local.set $n (i32.sub (local.get $n) (local.get $part)))
      (br_if $more (local.get $n)))
    (i32.const 1))

  ;; Reveals the page of a hash and everything under it.
  (func $reveal (param $hash i32) (param $level i32) (param $key i32) (param $key_len i32) (result i32)
    (local $page i32) (local $n i32) (local $end i32)
    (local.set $page (i32.add (i32.const 0x4000) (i32.mul (local.get $level) (i32.const 0x1000))))
    (local.set $n (call $reveal_preimage (local.get $hash) (i32.const 33) (local.get $page) (i32.const 4096)))
    (if (i32.lt_s (local.get $n) (i32.const 0))
      (then (return (call $fail (i32.const 128) (i32.const 27)))))
    ;; A page is its tag, the length of what follows (four bytes, big-endian), and that.
    (if (i32.or
          (i32.lt_u (local.get $n) (i32.const 5))
          (i32.or
            (i32.gt_u (i32.load8_u (local.get $page)) (i32.const 1))
            (i32.ne
              (i32.sub (local.get $n) (i32.const 5))
              (i32.or
                (i32.shl (i32.load8_u offset=3 (local.get $page)) (i32.const 8))
                (i32.load8_u offset=4 (local.get $page))))))
      (then (return (call $fail (i32.const 192) (i32.const 55)))))
    (local.set $end (i32.add (local.get $page) (local.get $n)))
    (if (i32.eqz (i32.load8_u (local.get $page)))
      (then
        (return (call $append
          (local.get $key) (local.get $key_len)
          (i32.add (local.get $page) (i32.const 5)) (i32.sub (local.get $n) (i32.const 5))))))
    (if (i32.ge_u (local.get $level) (i32.const 3))
      (then (return (call $fail (i32.const 256) (i32.const 43)))))
    (local.set $page (i32.add (local.get $page) (i32.const 5)))
    (block $done
      (loop $next
        (br_if $done (i32.gt_u (i32.add (local.get $page) (i32.const 33)) (local.get $end)))
        (if (i32.eqz (call $reveal
              (local.get $page) (i32.add (local.get $level) (i32.const 1)) (local.get $key) (local.get $key_len)))
          (then (return (i32.const 0))))
        (local.set $page (i32.add (local.get $page) (i32.const 33)))
        (br $next)))
    (i32.const 1))

  ;; Copies n bytes of the copied module into a key.
  (func $set (param $at i32) (param $n i32) (param $key i32) (param $key_len i32) (result i32)
    (local $part i32) (local $offset i32)
    (loop $more
      (local.set $part (select (i32.const 2048) (local.get $n) (i32.gt_u (local.get $n) (i32.const 2048))))
      (if (local.get $part)
        (then
          (if (i32.eqz (call $read (local.get $at) (i32.const 0x1000) (local.get $part)))
            (then (return (call $fail (i32.const 512) (i32.const 34)))))))
      (if (call $store_write (local.get $key) (local.get $key_len) (local.get $offset) (i32.const 0x1000) (local.get $part))
        (then (return (call $fail (i32.const 640) (i32.const 42)))))
      (local.set $at (i32.add (local.get $at) (local.get $part)))
      (local.set $offset (i32.add (local.get $offset) (local.get $part)))
      (local.set $n (i32.sub (local.get $n) (local.get $part)))
      (br_if $more (local.get $n)))
    (i32.const 1))

  ;; Follows the instruction of n bytes at an offset of the copied module.
  (func $instruction (param $at i32) (param $n i32) (result i32)
    (local $len i32) (local $key_len i32)
    (if (i32.eqz (call $read (local.get $at) (i32.const 0x1000)
          (select (i32.const 512) (local.get $n) (i32.gt_u (local.get $n) (i32.const 512)))))
      (then (return (call $fail (i32.const 512) (i32.const 34)))))
    (block $bad
      (block $set
        (block $move
          (block $reveal
            (br_table $reveal $move $set $bad (i32.load8_u (i32.const 0x1000))))
          ;; Reveal: 33, the hash, the key's length, the key.
          (br_if $bad (i32.ne (i32.load (i32.const 0x1001)) (i32.const 33)))
          (global.set $written (i32.const 0))
          (return (call $reveal
            (i32.const 0x1005) (i32.const 0) (i32.const 0x1027) (i32.load8_u (i32.const 0x1026)))))
        ;; Move: a length and a key, twice.
        (local.set $len (i32.load8_u (i32.const 0x1001)))
        (if (call $store_move
              (i32.const 0x1002) (local.get $len)
              (i32.add (i32.const 0x1003) (local.get $len))
              (i32.load8_u (i32.add (i32.const 0x1002) (local.get $len))))
          (then (return (call $fail (i32.const 576) (i32.const 44)))))
        (return (i32.const 1)))
      ;; Set: the value's length, the value, the key's length, the key.
      (local.set $len (i32.load (i32.const 0x1001)))
      (br_if $bad (i32.gt_u (i32.add (local.get $len) (i32.const 6)) (local.get $n)))
      (br_if $bad (i32.gt_u (local.get $len) (local.get $n)))
      (local.set $key_len (i32.sub (local.get $n) (i32.add (local.get $len) (i32.const 6))))
      (br_if $bad (i32.gt_u (local.get $key_len) (i32.const 255)))
      (br_if $bad (i32.eqz (call $read
        (i32.add (local.get $at) (i32.add (local.get $len) (i32.const 6))) (i32.const 0x2000) (local.get $key_len))))
      (return (call $set (i32.add (local.get $at) (i32.const 5)) (local.get $len) (i32.const 0x2000) (local.get $key_len))))
    (call $fail (i32.const 512) (i32.const 34)))

  (func (export "kernel_run")
    (local $at i32) (local $end i32) (local $n i32)
    (local.set $end (i32.sub (call $store_value_size (i32.const 0) (i32.const 17)) (i32.const 4)))
    ;; The kernel's own key is about to change under it.
    (if (call $store_copy (i32.const 0) (i32.const 17) (i32.const 32) (i32.const 46))
      (then (drop (call $fail (i32.const 448) (i32.const 50))) (return)))
    (if (i32.eqz (call $read (local.get $end) (i32.const 0x1000) (i32.const 4)))
      (then (drop (call $fail (i32.const 384) (i32.const 37))) (return)))
    (local.set $at (i32.sub (local.get $end) (i32.load (i32.const 0x1000))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (if (i32.eqz (call $read (local.get $at) (i32.const 0x1000) (i32.const 4)))
          (then (drop (call $fail (i32.const 512) (i32.const 34))) (return)))
        (local.set $n (i32.load (i32.const 0x1000)))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (if (i32.eqz (call $instruction (local.get $at) (local.get $n)))
          (then (return)))
        (local.set $at (i32.add (local.get $at) (local.get $n)))
        (br $next)))
    (drop (call $store_delete (i32.const 32) (i32.const 19)))
    (drop (call $store_write (i32.const 96) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 0)))))
