;; The performance counter, read twice. The whole method is one segment and is charged when it is entered: 1 for the entry,
;; 6 constants, 2 stores and 4 calls at 5 make 29. Each reading adds the 200 of the host function itself: 229, 429.
(module
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "performance_counter" (func $counter (param i32) (result i64)))
  (memory 1)
  (func (export "canister_query count")
    (i64.store (i32.const 0) (call $counter (i32.const 0)))
    (i64.store (i32.const 8) (call $counter (i32.const 0)))
    (call $append (i32.const 0) (i32.const 16))
    (call $reply)))
