;; Looks at messages before they are let in: only those for `open` are.
(module
  (import "ic0" "msg_method_name_size" (func $name_size (result i32)))
  (import "ic0" "accept_message" (func $accept))
  (import "ic0" "msg_reply" (func $reply))
  (memory 1)
  (func (export "canister_inspect_message")
    (if (i32.eq (call $name_size) (i32.const 4)) (then (call $accept))))
  (func (export "canister_update open") (call $reply))
  (func (export "canister_update closed") (call $reply))
  (func (export "canister_query ask") (call $reply)))
