//! Cycles on application subnets: prices to the cycle, and the balance of the canister.

use serde_json::Value;

use super::{DRUN_APPLICATION, POCKET_IC, POCKET_IC_APPLICATION, messages};

/// Methods that cost 1, and one that replies with the balance.
const MODULE: &str = r#"(module
    (import "ic0" "canister_cycle_balance128" (func $balance (param ADDRESS)))
    (import "ic0" "msg_reply_data_append" (func $append (param ADDRESS ADDRESS)))
    (import "ic0" "msg_reply" (func $reply))
    (memory MEMORY 1)
    (func (export "canister_update t"))
    (func (export "canister_update trap") unreachable)
    (func (export "canister_query q"))
    (func (export "canister_update dirty") (i32.store (ADDRESS.const 0) (i32.const 1)))
    (func (export "canister_query balance")
        (call $balance (ADDRESS.const 100)) (call $append (ADDRESS.const 100) (ADDRESS.const 16)) (call $reply)))"#;

fn module(bits: u32) -> String {
    let memory = if bits == 64 { "i64" } else { "" };
    MODULE
        .replace("ADDRESS", &format!("i{bits}"))
        .replace("MEMORY", memory)
}

/// The 128-bit number of a reply.
fn balance(outcome: &Value) -> i128 {
    let bytes = hex::decode(outcome["reply"].as_str().unwrap()).unwrap();
    i128::from_le_bytes(bytes.try_into().unwrap())
}

fn cycles(outcome: &Value) -> i64 {
    outcome["cycles"].as_i64().unwrap()
}

/// On 13 nodes nothing is rounded: 1,200,000 and 2,000 for each byte of the envelope, 121 and the name; 5,000,000 and one
/// cycle for each instruction, two in a 64-bit module.
#[test]
fn thirteen_nodes_pay_the_prices_of_the_table() {
    let ingress = |name: i64| 1_200_000 + 2000 * (121 + name);
    let lines = "ingress ID t 0x\ningress ID q 0x\nquery ID q 0x\ningress ID missing 0x\ningress ID trap 0x\n";
    for (bits, price) in [(32, 1), (64, 2)] {
        let outcomes = messages(&module(bits), lines, POCKET_IC_APPLICATION);
        let paid: Vec<i64> = outcomes.iter().map(cycles).collect();
        let expected = [
            ingress(1) + 5_000_000 + price,
            // A replicated query prepays less and costs the same.
            ingress(1) + 5_000_000 + price,
            0,
            // What does not run costs the fixed part.
            ingress(7) + 5_000_000,
            // 1 + unreachable 1.
            ingress(4) + 5_000_000 + 2 * price,
        ];
        assert_eq!(paid, expected, "{bits} bits");
    }
}

/// Changed pages are instructions: 1 + operands 2 + store 1 and 1000; in a 64-bit module 1 + 2 + 2 and 4000, at twice the
/// price.
#[test]
fn pages_are_paid_for_as_instructions() {
    let ingress = 1_200_000 + 2000 * (121 + 5);
    let line = "ingress ID dirty 0x\n";
    for (bits, price) in [(32, 1004), (64, 2 * 4005)] {
        let outcome = &messages(&module(bits), line, POCKET_IC_APPLICATION)[0];
        assert_eq!(cycles(outcome), ingress + 5_000_000 + price, "{bits} bits");
        assert_eq!(outcome["heap_pages"], 1);
    }
}

/// One node pays a thirteenth, rounded down at each step. Reception: name, argument and a nonce of 8 bytes. Execution: the
/// prepayment of 40,005,000,000 less what comes back of 39,999,999,999, each rounded, is one more than the quotient.
#[test]
fn one_node_pays_a_thirteenth_rounded_step_by_step() {
    let outcome = &messages(&module(32), "ingress ID t 0x00\n", DRUN_APPLICATION)[0];
    let ingress = (1_200_000 + 2000 * (1 + 1 + 8)) / 13;
    let execution = 40_005_000_000 / 13 - 39_999_999_999 / 13;
    assert_eq!((ingress, execution), (93_846, 384_616));
    assert_eq!(cycles(outcome), ingress + execution);
}

#[test]
fn a_system_subnet_charges_nothing() {
    let outcomes = messages(
        &module(64),
        "ingress ID dirty 0x\ningress ID missing 0x\n",
        POCKET_IC,
    );
    assert_eq!(outcomes.iter().map(cycles).sum::<i64>(), 0);
}

/// A canister that calls itself, with an argument of five bytes and a reply of three.
const CALLER: &str = r#"(module
    (import "ic0" "canister_cycle_balance128" (func $balance (param i32)))
    (import "ic0" "canister_self_copy" (func $self (param i32 i32 i32)))
    (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "ic0" "call_data_append" (func $data (param i32 i32)))
    (import "ic0" "call_perform" (func $perform (result i32)))
    (memory 1)
    (data (i32.const 10) "answerboom")
    (table funcref (elem $done $fail))
    (func $done (param i32) (call $reply))
    (func $fail (param i32) unreachable)
    (func $call (param i32 i32 i32)
        (call $self (i32.const 0) (i32.const 0) (i32.const 10))
        (call $new (i32.const 0) (i32.const 10) (local.get 0) (local.get 1)
            (local.get 2) (i32.const 0) (local.get 2) (i32.const 0))
        (call $data (i32.const 0) (i32.const 5))
        (drop (call $perform)))
    (func (export "canister_update answer") (call $append (i32.const 0) (i32.const 3)) (call $reply))
    (func (export "canister_update ask") (call $call (i32.const 10) (i32.const 6) (i32.const 0)))
    (func (export "canister_update ask_boom") (call $call (i32.const 16) (i32.const 4) (i32.const 1)))
    (func (export "canister_update one_way")
        (call $call (i32.const 10) (i32.const 6) (i32.const -1)) (call $reply))
    (func (export "canister_query balance")
        (call $balance (i32.const 100)) (call $append (i32.const 100) (i32.const 16)) (call $reply)))"#;

/// `ask`: 1, operands 3, call 5. `$call`: 1, canister_self_copy 3 + 5, call_new 8 + 5, call_data_append 2 + 5, call_perform
/// 5 + 1; 500 + 10, 1500 + 10 + 6, 500 + 5 * 50, 5000; the id changes a page. `answer`: 1 + 2 + 5 + 5, 500 + 150, 500. The
/// callback: 1 + 5 + 500.
/// Beside reception and three executions: 260,000, the request of 6 + 5 bytes and the reply of 3 at 1,000 a byte.
#[test]
fn a_call_is_paid_by_request_reply_and_three_executions() {
    let instructions = (9 + 35 + 510 + 1516 + 750 + 5000 + 1000) + (13 + 650 + 500) + 506;
    let outcome = &messages(CALLER, "ingress ID ask 0x\n", POCKET_IC_APPLICATION)[0];
    assert_eq!(outcome["status"], "replied", "{outcome}");
    assert_eq!(outcome["instructions"], instructions);
    let ingress = 1_200_000 + 2000 * (121 + 3);
    let call = 260_000 + 1000 * (6 + 5) + 1000 * 3;
    assert_eq!(
        cycles(outcome),
        ingress + call + 3 * 5_000_000 + instructions
    );
}

/// Whatever a message does, its `cycles` are what the balance has lost.
#[test]
fn cycles_are_the_difference_of_balances() {
    let methods = [
        "ask",
        "ask_boom",
        "one_way",
        "answer",
        "balance",
        "nothing_like_that",
        "ask",
    ];
    let mut lines = "query ID balance 0x\n".to_owned();
    for method in methods {
        lines += &format!("ingress ID {method} 0x0102\nquery ID balance 0x\n");
    }
    lines +=
        "reinstall ID m.wat 0x\nquery ID balance 0x\nupgrade ID m.wat 0x\nquery ID balance 0x\n";
    for arguments in [DRUN_APPLICATION, POCKET_IC_APPLICATION] {
        let outcomes = messages(CALLER, &lines, arguments);
        let (mut before, mut waiting) = (balance(&outcomes[0]), 0);
        for pair in outcomes[1..].chunks(2) {
            let after = balance(&pair[1]);
            let paid = i128::from(cycles(&pair[0]));
            assert_eq!(before - after, paid, "{}", pair[0]);
            (before, waiting) = (after, waiting + 1);
        }
        assert_eq!(waiting, methods.len() + 2);
    }
}

/// What a stage of an installation burned is not burned if a later one fails; instructions stay paid: pre_upgrade 1 + 3 + 5
/// and 500, the amount changes a page, post_upgrade 1 + 1.
#[test]
fn a_failed_upgrade_undoes_what_its_first_stage_burned() {
    let module = r#"(module
        (import "ic0" "cycles_burn128" (func $burn (param i64 i64 i32)))
        (import "ic0" "canister_cycle_balance128" (func $balance (param i32)))
        (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
        (import "ic0" "msg_reply" (func $reply))
        (memory 1)
        (func (export "canister_pre_upgrade")
            (call $burn (i64.const 0) (i64.const 1000000) (i32.const 0)))
        (func (export "canister_post_upgrade") unreachable)
        (func (export "canister_query balance")
            (call $balance (i32.const 100)) (call $append (i32.const 100) (i32.const 16)) (call $reply)))"#;
    let lines = "query ID balance 0x\nupgrade ID m.wat 0x\nquery ID balance 0x\n";
    for arguments in [DRUN_APPLICATION, POCKET_IC_APPLICATION] {
        let outcomes = messages(module, lines, arguments);
        assert_eq!(outcomes[1]["error_code"], "IC0502", "{}", outcomes[1]);
        let lost = balance(&outcomes[0]) - balance(&outcomes[2]);
        assert_eq!(lost, i128::from(cycles(&outcomes[1])));
        // Functions of 5, 2 and 7 operators; the runner's subnet knows the module.
        let price = if arguments == DRUN_APPLICATION {
            6000
        } else {
            60
        };
        let used = price * (72 + 15 + 12 + 17) + 509 + 1000 + 2;
        assert_eq!(outcomes[1]["instructions"], used);
    }
}

/// On a subnet that is fuller than 750 GiB, cycles are set aside for new memory: two canisters with 500 and 300 GiB of stable
/// memory are; for 300 GiB the default limit of 5,000,000,000,000 does not suffice.
#[test]
fn memory_on_a_full_subnet_is_reserved_within_a_limit() {
    let module = r#"(module
        (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
        (import "ic0" "msg_reply" (func $reply))
        (func (export "canister_update most") (drop (call $grow (i64.const 8192000))) (call $reply))
        (func (export "canister_update much") (drop (call $grow (i64.const 4915200))) (call $reply)))"#;
    let other = "2tdc2-wyaaa-aaaap-adula-cai";
    let lines =
        format!("ingress ID most 0x\ncreate\ninstall {other} m.wat 0x\ningress {other} much 0x\n");
    let outcomes = messages(module, &lines, POCKET_IC_APPLICATION);
    assert_eq!(outcomes[0]["status"], "replied", "{}", outcomes[0]);
    let text = outcomes[3]["message"].as_str().unwrap();
    let expected = "Canister cannot grow memory by 322122547200 bytes due to its reserved cycles limit. The current limit \
                    (5_000_000_000_000) would be exceeded by ";
    assert_eq!(outcomes[3]["error_code"], "IC0534", "{text}");
    assert!(text.contains(expected), "{text}");
}

/// metering.md 5.3: a response that finds its call's context deleted runs nothing and pays the fixed fee only, whatever was prepaid
/// for the callback: twice as much in a 64-bit module as in a 32-bit one.
#[test]
fn who_was_uninstalled_gets_back_what_was_prepaid_for_callbacks() {
    let text = r#"(module
        (import "ic0" "call_new" (func $new (param {p} {p} {p} {p} {p} {p} {p} {p})))
        (import "ic0" "call_perform" (func $perform (result i32)))
        (import "ic0" "msg_reply" (func $reply))
        (memory {m} 1)
        (data ({p}.const 0) "raw_rand")
        (func (export "canister_update go")
            (call $new ({p}.const 8) ({p}.const 0) ({p}.const 0) ({p}.const 8)
                ({p}.const 0) ({p}.const 0) ({p}.const 0) ({p}.const 0))
            (drop (call $perform))
            (call $reply)))"#;
    let [narrow, wide] = [("i32", "", 1), ("i64", "i64", 2)].map(|(pointer, memory, price)| {
        let text = text.replace("{p}", pointer).replace("{m}", memory);
        let module = wat::parse_str(text).expect("valid text");
        let mut subnet = drun::Subnet::new().application();
        let canister = subnet.create();
        subnet.install(canister, &module, ()).expect("it installs");
        let before = subnet.cycles(canister).expect("it is there");
        let outcome = subnet.call(canister, "go").outcome();
        subnet.uninstall(canister).expect("it has a module");
        subnet.tick(2);
        let lost = before - subnet.cycles(canister).expect("it is there");
        lost - price * u128::from(outcome.instructions)
    });
    assert_eq!(narrow, wide);
}
