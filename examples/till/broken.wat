;; A version of the till that cannot follow any other.
(module
  (import "ic0" "trap" (func $trap (param i32 i32)))
  (memory 1)
  (data (i32.const 0) "the till cannot be read")
  (func (export "canister_post_upgrade") (call $trap (i32.const 0) (i32.const 23))))
