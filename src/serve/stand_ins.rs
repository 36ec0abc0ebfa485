//! The two canisters without which `icp` makes no canister, as stand-ins of our own: each has the one method that is asked for
//! (pocket-ic-api.md 8.5).

use candid::{CandidType, Nat, Principal};
use drun_ic::management::encoded;

/// What a canister is made with, in cycles.
const CANISTER_CYCLES: u64 = 4_000_000_000_000;

/// Bytes as a string of WebAssembly text.
fn data(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

/// `get_default_subnets : () -> (vec principal) query`.
pub(crate) fn minting(subnet: Principal) -> String {
    let reply = encoded(&vec![subnet]);
    format!(
        r#"(module
            (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
            (import "ic0" "msg_reply" (func $reply))
            (memory 1)
            (data (i32.const 0) "{}")
            (func (export "canister_query get_default_subnets")
                (call $append (i32.const 0) (i32.const {}))
                (call $reply)))"#,
        data(&reply),
        reply.len()
    )
}

/// What stands before and after a principal of ten bytes in an encoded value, without its length.
fn around(encoded: &[u8], id: &Principal) -> (Vec<u8>, Vec<u8>) {
    let id = id.as_slice();
    let place = encoded.windows(id.len()).rposition(|bytes| bytes == id);
    let place = place.expect("the principal was encoded");
    (
        encoded[..place - 1].to_vec(),
        encoded[place + id.len()..].to_vec(),
    )
}

/// `create_canister` of the cycles ledger: makes a canister for who calls, whatever he says about it.
pub(crate) fn ledger() -> String {
    #[derive(CandidType)]
    struct Created {
        block_id: Nat,
        canister_id: Principal,
    }
    #[derive(CandidType)]
    enum Reply {
        Ok(Created),
    }
    #[derive(CandidType)]
    struct Settings {
        controllers: Option<Vec<Principal>>,
    }
    #[derive(CandidType)]
    struct Wish {
        settings: Option<Settings>,
    }
    let mark = Principal::from_slice(&[0xa5; 10]);
    let wish = encoded(&Wish {
        settings: Some(Settings {
            controllers: Some(vec![mark]),
        }),
    });
    let reply = encoded(&Reply::Ok(Created {
        block_id: 0u8.into(),
        canister_id: mark,
    }));
    let (wish_before, wish_after) = around(&wish, &mark);
    let (reply_before, reply_after) = around(&reply, &mark);
    format!(
        r#"(module
            (import "ic0" "msg_caller_size" (func $caller_size (result i32)))
            (import "ic0" "msg_caller_copy" (func $caller_copy (param i32 i32 i32)))
            (import "ic0" "msg_arg_data_size" (func $arg_size (result i32)))
            (import "ic0" "msg_arg_data_copy" (func $arg_copy (param i32 i32 i32)))
            (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
            (import "ic0" "msg_reply" (func $reply))
            (import "ic0" "msg_reject" (func $reject (param i32 i32)))
            (import "ic0" "call_new" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32)))
            (import "ic0" "call_data_append" (func $argument (param i32 i32)))
            (import "ic0" "call_cycles_add128" (func $cycles (param i64 i64)))
            (import "ic0" "call_perform" (func $perform (result i32)))
            (table funcref (elem $created $failed))
            (memory 1)
            (data (i32.const 0) "create_canister")
            (data (i32.const 20) "no canister was made")
            (data (i32.const 1000) "{}")
            (data (i32.const 2000) "{}")
            (data (i32.const 3000) "{}")
            (data (i32.const 4000) "{}")
            (func (export "canister_update create_canister")
                (i32.store8 (i32.const 50) (call $caller_size))
                (call $caller_copy (i32.const 51) (i32.const 0) (call $caller_size))
                (call $call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 15)
                    (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0))
                (call $argument (i32.const 1000) (i32.const {}))
                (call $argument (i32.const 50) (i32.add (call $caller_size) (i32.const 1)))
                (call $argument (i32.const 2000) (i32.const {}))
                (call $cycles (i64.const 0) (i64.const {CANISTER_CYCLES}))
                (if (call $perform) (then (call $failed (i32.const 0)))))
            (func $created (param i32)
                (i32.store8 (i32.const 50) (i32.const 10))
                (call $arg_copy (i32.const 51) (i32.sub (call $arg_size) (i32.const 10)) (i32.const 10))
                (call $append (i32.const 3000) (i32.const {}))
                (call $append (i32.const 50) (i32.const 11))
                (call $append (i32.const 4000) (i32.const {}))
                (call $reply))
            (func $failed (param i32) (call $reject (i32.const 20) (i32.const 20))))"#,
        data(&wish_before),
        data(&wish_after),
        data(&reply_before),
        data(&reply_after),
        wish_before.len(),
        wish_after.len(),
        reply_before.len(),
        reply_after.len(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stand_ins_are_modules() {
        for module in [ledger(), minting(Principal::anonymous())] {
            wat::parse_str(module).expect("valid text");
        }
    }
}
