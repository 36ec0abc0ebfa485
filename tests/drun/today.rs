//! What the network of November 2026 does otherwise than that of October 2025 (docs/internet-computer/since-october-2025.md and
//! since-october-2025-rules.md), seen by canisters in text: each new import in both widths with right and wrong uses, the
//! charge for pages, and the dates by themselves.

use candid::{CandidType, Decode, Deserialize, Encode, Nat, Principal, Reserved};
use drun::{MessageResult, Protocol, Subnet};

use crate::support::drun;
use crate::support::place::{ID, Place};

/// Imports that most modules here need; `{p}` is the width of addresses.
const PRELUDE: &str = r#"
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "msg_reply_data_append" (func $append (param {p} {p})))
    (import "ic0" "msg_arg_data_size" (func $size (result {p})))
    (import "ic0" "msg_arg_data_copy" (func $copy (param {p} {p} {p})))
"#;

/// A module of either width: `{p}` in it is the type of an address, `{m}` the word before the size of a memory.
fn module(body: &str, wasm64: bool) -> Vec<u8> {
    let (pointer, memory) = match wasm64 {
        true => ("i64", "i64"),
        false => ("i32", ""),
    };
    let text = format!("(module {PRELUDE} {body} (memory {{m}} 4))");
    let text = text.replace("{p}", pointer).replace("{m}", memory);
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A canister of the newest network with this module.
fn canister(subnet: &mut Subnet, body: &str, wasm64: bool) -> Principal {
    let id = subnet.create();
    let installed = subnet.install(id, &module(body, wasm64), ());
    installed.unwrap_or_else(|error| panic!("{error}"));
    id
}

fn reply(result: MessageResult) -> Vec<u8> {
    match result {
        MessageResult::Replied(reply) => reply,
        other => panic!("{other:?}"),
    }
}

fn error(result: MessageResult) -> String {
    match result {
        MessageResult::Failed(error) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

const CALLER_INFO: &str = r#"
    (import "ic0" "msg_caller_info_data_size" (func $data_size (result {p})))
    (import "ic0" "msg_caller_info_data_copy" (func $data_copy (param {p} {p} {p})))
    (import "ic0" "msg_caller_info_signer_size" (func $signer_size (result {p})))
    (import "ic0" "msg_caller_info_signer_copy" (func $signer_copy (param {p} {p} {p})))
    (import "ic0" "canister_self_copy" (func $self (param {p} {p} {p})))
    (import "ic0" "call_new" (func $new (param {p} {p} {p} {p} {p} {p} {p} {p})))
    (import "ic0" "call_perform" (func $perform (result i32)))
    (table 1 funcref) (elem (i32.const 0) $told)
    (data ({p}.const 200) "who")
    (func $tell
        (call $data_copy ({p}.const 0) ({p}.const 0) (call $data_size))
        (call $append ({p}.const 0) (call $data_size))
        (call $signer_copy ({p}.const 100) ({p}.const 0) (call $signer_size))
        (call $append ({p}.const 100) (call $signer_size))
        (call $reply))
    (func $told (param {p}) (call $tell))
    (func (export "canister_update who") (call $tell))
    (func (export "canister_query ask") (call $tell))
    (func (export "canister_update later")
        (call $self ({p}.const 300) ({p}.const 0) ({p}.const 10))
        (call $new ({p}.const 300) ({p}.const 10) ({p}.const 200) ({p}.const 3)
            ({p}.const 0) ({p}.const 0) ({p}.const 0) ({p}.const 0))
        (drop (call $perform)))
    (func (export "canister_update beyond") (call $data_copy ({p}.const 0) ({p}.const 3) ({p}.const 3)))
    (func (export "canister_update outside") (call $signer_copy ({p}.const 262143) ({p}.const 0) ({p}.const 2)))"#;

#[test]
fn information_about_a_caller_belongs_to_its_call() {
    for wasm64 in [false, true] {
        let mut subnet = Subnet::new();
        let id = canister(&mut subnet, CALLER_INFO, wasm64);
        let signer = Principal::from_text("rdmx6-jaaaa-aaaaa-aaadq-cai").unwrap();
        let expected = [&b"hello"[..], signer.as_slice()].concat();
        let mut told = |method: &str, query: bool| {
            let call = subnet.call(id, method).with_caller_info(signer, *b"hello");
            match query {
                true => call.query_outcome().result,
                false => call.outcome().result,
            }
        };
        assert_eq!(reply(told("who", false)), expected);
        assert_eq!(reply(told("ask", true)), expected);
        assert_eq!(reply(told("ask", false)), expected, "a query as an update");
        // The callback sees it, although the canister that is called in between does not.
        assert_eq!(reply(told("later", false)), expected);
        let beyond = error(told("beyond", false));
        let text = "ic0.msg_caller_info_data_copy data: src=3 + length=3 exceeds the slice size=5";
        assert!(beyond.contains(text), "{beyond}");
        let outside = error(told("outside", false));
        assert!(
            outside.contains("ic0.msg_caller_info_signer_copy heap: "),
            "{outside}"
        );
        let nobody = subnet.call(id, "who").outcome().result;
        assert_eq!(reply(nobody), b"");
    }
}

#[test]
fn the_number_of_nodes_is_the_one_that_fees_scale_by() {
    let body = r#"(import "ic0" "subnet_self_node_count" (func $nodes (result i32)))
        (func (export "canister_query go")
            (i32.store ({p}.const 0) (call $nodes))
            (call $append ({p}.const 0) ({p}.const 4)) (call $reply))"#;
    for wasm64 in [false, true] {
        let mut subnet = Subnet::new().application();
        let id = canister(&mut subnet, body, wasm64);
        let told = subnet.call(id, "go").query_outcome().result;
        assert_eq!(reply(told), 13u32.to_le_bytes());
    }
}

#[derive(CandidType)]
struct Parameters {
    request_bytes: u64,
    http_roundtrip_time_ms: u64,
    raw_response_bytes: u64,
    transformed_response_bytes: u64,
    transform_instructions: u64,
    outcall_type: Option<OutcallType>,
}

#[derive(CandidType)]
#[allow(non_camel_case_types, reason = "the names of the interface")]
enum OutcallType {
    fully_replicated(Reserved),
}

#[test]
fn an_outcall_is_quoted_at_its_published_price() {
    let body = r#"(import "ic0" "cost_http_request_v2" (func $cost (param {p} {p} {p})))
        (func (export "canister_query go")
            (call $copy ({p}.const 0) ({p}.const 0) (call $size))
            (call $cost ({p}.const 0) (call $size) ({p}.const 8192))
            (call $append ({p}.const 8192) ({p}.const 16)) (call $reply))
        (func (export "canister_query outside")
            (call $cost ({p}.const 262143) ({p}.const 2) ({p}.const 0)))"#;
    let blob = |outcall_type| {
        Encode!(&Parameters {
            request_bytes: 200,
            http_roundtrip_time_ms: 60_000,
            raw_response_bytes: 4000,
            transformed_response_bytes: 5024,
            transform_instructions: 5_000_000_000,
            outcall_type,
        })
        .unwrap()
    };
    for wasm64 in [false, true] {
        let mut subnet = Subnet::new().application();
        let id = canister(&mut subnet, body, wasm64);
        let mut ask = |method: &str, argument: Vec<u8>| {
            let call = subnet.call(id, method).with_bytes(argument);
            call.query_outcome().result
        };
        let price = 5_344_015_469u128.to_le_bytes();
        assert_eq!(reply(ask("go", blob(None))), price);
        let replicated = Some(OutcallType::fully_replicated(Reserved));
        assert_eq!(reply(ask("go", blob(replicated))), price);
        for wrong in [b"DIDL".to_vec(), Vec::new(), vec![0; 4097]] {
            let text = error(ask("go", wrong));
            assert!(
                text.contains("ic0.cost_http_request_v2: cannot decode parameters"),
                "{text}"
            );
        }
        let outside = error(ask("outside", Vec::new()));
        assert!(
            outside.contains("ic0.cost_http_request_v2 heap: "),
            "{outside}"
        );
    }
    let mut free = Subnet::new();
    let id = canister(&mut free, body, false);
    let told = free.call(id, "go").with_bytes(blob(None)).query_outcome();
    assert_eq!(
        reply(told.result),
        [0; 16],
        "system subnets ask for nothing"
    );
}

#[test]
fn imports_of_today_are_refused_before_with_a_note_that_says_when() {
    let mut subnet = Subnet::new().as_of(Protocol::OCTOBER_2025);
    let id = subnet.create();
    let refused = subnet
        .install(id, &module(CALLER_INFO, true), ())
        .unwrap_err();
    let text = "Module imports function 'msg_caller_info_data_size' from 'ic0' that is not exported by the runtime.";
    assert!(refused.to_string().contains(text), "{refused}");
    assert_eq!(
        subnet.notes(),
        [
            "the import ic0.msg_caller_info_data_size is known from 2026-11 on, and this is a replica of 2025-10 (--protocol)"
        ]
    );
}

const PAGES: &str = r#"
    (import "ic0" "performance_counter" (func $counter (param i32) (result i64)))
    (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
    (import "ic0" "stable64_read" (func $sread (param i64 i64 i64)))
    (import "ic0" "stable64_write" (func $swrite (param i64 i64 i64)))
    (global $before (mut i64) (i64.const 0))
    (func $tell
        (i64.store ({p}.const 0) (i64.sub (call $counter (i32.const 0)) (global.get $before)))
        (call $append ({p}.const 0) ({p}.const 8)) (call $reply))
    (func $begin (i64.store ({p}.const 0) (i64.const 0)) (global.set $before (call $counter (i32.const 0))))
    (func (export "canister_init") (drop (call $grow (i64.const 4))))
    (func (export "canister_query nothing") (call $begin) (call $tell))
    (func (export "canister_query read") (call $begin) (drop (i64.load ({p}.const 65536))) (call $tell))
    (func (export "canister_query again") (call $begin)
        (drop (i64.load ({p}.const 65536))) (drop (i64.load ({p}.const 131064))) (call $tell))
    (func (export "canister_query write") (call $begin) (i64.store ({p}.const 65536) (i64.const 0)) (call $tell))
    (func (export "canister_query both") (call $begin)
        (drop (i64.load ({p}.const 131068))) (call $tell))
    (func (export "canister_query sread") (call $begin) (call $sread (i64.const 65536) (i64.const 0) (i64.const 0))
        (call $sread (i64.const 0) (i64.const 0) (i64.const 1)) (call $tell))
    (func (export "canister_query swrite") (call $begin)
        (call $swrite (i64.const 65535) (i64.const 0) (i64.const 2)) (call $tell))"#;

/// since-october-2025-rules.md 1.1, beside what the code itself costs: 80,000 for the first access to 64 KiB, 80,000 more for the
/// first write, at once. `both` reads across two of them; `swrite` writes across two of stable memory.
#[test]
fn touching_memory_is_charged_at_once_by_64_kib() {
    for wasm64 in [false, true] {
        let mut pages = Vec::new();
        for protocol in [Protocol::OCTOBER_2025, Protocol::NOVEMBER_2026] {
            let mut subnet = Subnet::new().as_of(protocol);
            let id = canister(&mut subnet, PAGES, wasm64);
            let methods = [
                "nothing", "read", "again", "write", "both", "sread", "swrite",
            ];
            let told = methods.map(|method| {
                let told = reply(subnet.call(id, method).query_outcome().result);
                i64::from_le_bytes(told.try_into().unwrap())
            });
            pages.push(told);
        }
        let more: Vec<i64> = pages[1]
            .iter()
            .zip(pages[0])
            .map(|(now, then)| now - then)
            .collect();
        // In October the first write to each 4 KiB of stable memory cost 1,000.
        let expected = [
            0,
            80_000,
            80_000,
            160_000,
            160_000,
            80_000,
            4 * 80_000 - 2_000,
        ];
        assert_eq!(more, expected, "wasm64: {wasm64}");
    }
}

#[test]
fn touching_memory_counts_against_the_limit() {
    let mut subnet = Subnet::new().with_instruction_limit(100_000);
    let body = r#"(func (export "canister_update one") (drop (i32.load ({p}.const 0))))
        (func (export "canister_update two") (i32.store ({p}.const 0) (i32.const 0)))"#;
    let id = subnet.create();
    subnet.install(id, &module(body, false), ()).unwrap();
    let one = subnet.call(id, "one").outcome();
    assert!(error(one.result).starts_with("IC0506"), "it does not reply");
    let two = subnet.call(id, "two").outcome();
    assert!(error(two.result).starts_with("IC0522"));
    assert_eq!(two.instructions, 100_000);
}

/// A caller that asks the management canister in a composite query and replies with what it is told: the name of the method is
/// the argument up to a zero, the rest is sent along.
const COMPOSITE: &str = r#"
    (import "ic0" "call_new" (func $new (param {p} {p} {p} {p} {p} {p} {p} {p})))
    (import "ic0" "call_data_append" (func $data (param {p} {p})))
    (import "ic0" "call_perform" (func $perform (result i32)))
    (import "ic0" "msg_reject_code" (func $code (result i32)))
    (table 2 funcref) (elem (i32.const 0) $ok $no)
    (global $n (mut {p}) ({p}.const 0))
    (func $ok (param {p})
        (call $copy ({p}.const 0) ({p}.const 0) (call $size)) (call $append ({p}.const 0) (call $size)) (call $reply))
    (func $no (param {p})
        (i32.store8 ({p}.const 0) (call $code)) (call $append ({p}.const 0) ({p}.const 1)) (call $reply))
    (func (export "canister_composite_query ask")
        (call $copy ({p}.const 0) ({p}.const 0) (call $size))
        (loop $more
            (global.set $n ({p}.add (global.get $n) ({p}.const 1)))
            (br_if $more (i32.load8_u (global.get $n))))
        (call $new ({p}.const 0) ({p}.const 0) ({p}.const 0) (global.get $n)
            ({p}.const 0) ({p}.const 0) ({p}.const 1) ({p}.const 0))
        (call $data ({p}.add (global.get $n) ({p}.const 1))
            ({p}.sub (call $size) ({p}.add (global.get $n) ({p}.const 1))))
        (drop (call $perform)))"#;

#[derive(CandidType, Deserialize)]
struct CanisterId {
    canister_id: Principal,
}

/// since-october-2025.md 6.1: the five methods answer with the calling canister as caller, all others are refused.
#[test]
fn composite_queries_ask_the_management_canister() {
    #[derive(CandidType, Deserialize)]
    struct Info {
        total_num_changes: u64,
    }
    let mut subnet = Subnet::new();
    let id = canister(&mut subnet, COMPOSITE, false);
    let ask = |subnet: &mut Subnet, method: &str| {
        let record = Encode!(&CanisterId { canister_id: id }).unwrap();
        let argument = [method.as_bytes(), &[0], &record].concat();
        reply(
            subnet
                .call(id, "ask")
                .with_bytes(argument)
                .query_outcome()
                .result,
        )
    };
    let info = ask(&mut subnet, "canister_info");
    assert_eq!(Decode!(&info, Info).unwrap().total_num_changes, 2);
    assert!(
        ask(&mut subnet, "canister_status").starts_with(b"DIDL"),
        "its own"
    );
    assert_eq!(
        ask(&mut subnet, "canister_metrics"),
        [5],
        "it does not control itself"
    );
    assert_eq!(
        ask(&mut subnet, "list_canisters"),
        [4],
        "there are no administrators"
    );
    assert_eq!(
        ask(&mut subnet, "fetch_canister_logs"),
        [4],
        "nor may it read the log"
    );
    assert_eq!(ask(&mut subnet, "raw_rand"), [5], "no query");
}

/// What a cleanup callback is told: the code of what it cleans up after, 0 after a reply.
#[test]
fn a_cleanup_callback_learns_the_reject_code() {
    let body = r#"
        (import "ic0" "canister_self_copy" (func $self (param {p} {p} {p})))
        (import "ic0" "call_new" (func $new (param {p} {p} {p} {p} {p} {p} {p} {p})))
        (import "ic0" "call_on_cleanup" (func $on_cleanup (param {p} {p})))
        (import "ic0" "call_perform" (func $perform (result i32)))
        (import "ic0" "msg_reject_code" (func $code (result i32)))
        (table 2 funcref) (elem (i32.const 0) $trap $cleanup)
        (global $told (mut i32) (i32.const 99))
        (data ({p}.const 100) "replymissing")
        (func $trap (param {p}) unreachable)
        (func $cleanup (param {p}) (global.set $told (call $code)))
        (func $go (param $name {p}) (param $length {p})
            (call $self ({p}.const 0) ({p}.const 0) ({p}.const 10))
            (call $new ({p}.const 0) ({p}.const 10) (local.get $name) (local.get $length)
                ({p}.const 0) ({p}.const 0) ({p}.const 0) ({p}.const 0))
            (call $on_cleanup ({p}.const 1) ({p}.const 0))
            (drop (call $perform)))
        (func (export "canister_update reply") (call $reply))
        (func (export "canister_update after_reply") (call $go ({p}.const 100) ({p}.const 5)))
        (func (export "canister_update after_reject") (call $go ({p}.const 105) ({p}.const 7)))
        (func (export "canister_query told")
            (i32.store ({p}.const 0) (global.get $told))
            (call $append ({p}.const 0) ({p}.const 4)) (call $reply))"#;
    for wasm64 in [false, true] {
        let mut subnet = Subnet::new();
        let id = canister(&mut subnet, body, wasm64);
        for (method, code) in [("after_reject", 5u32), ("after_reply", 0)] {
            let failed = error(subnet.call(id, method).outcome().result);
            assert!(!failed.contains("call_on_cleanup also failed"), "{failed}");
            let told = reply(subnet.call(id, "told").query_outcome().result);
            assert_eq!(told, code.to_le_bytes(), "{method}");
        }
        let mut old = Subnet::new().as_of(Protocol::OCTOBER_2025);
        let id = canister(&mut old, body, wasm64);
        let failed = error(old.call(id, "after_reply").outcome().result);
        assert!(failed.contains(r#""ic0_msg_reject_code" cannot be executed in cleanup mode"#));
    }
}

#[derive(CandidType)]
struct UpdateSettings {
    canister_id: Principal,
    settings: NewSettings,
}

#[derive(CandidType, Default)]
struct NewSettings {
    log_memory_limit: Option<Nat>,
    minimum_incoming_canister_call_cycles: Option<Nat>,
    status_visibility: Option<Visibility>,
}

#[derive(CandidType)]
#[allow(non_camel_case_types, reason = "the names of the interface")]
enum Visibility {
    public,
}

fn set(subnet: &mut Subnet, canister_id: Principal, settings: NewSettings) -> MessageResult {
    let update = UpdateSettings {
        canister_id,
        settings,
    };
    let argument = Encode!(&update).unwrap();
    let management = Principal::management_canister();
    let call = subnet
        .call(management, "update_settings")
        .with_bytes(argument);
    call.outcome().result
}

#[test]
fn calls_have_to_bring_what_the_callee_asks_for() {
    let body = r#"
        (import "ic0" "call_new" (func $new (param {p} {p} {p} {p} {p} {p} {p} {p})))
        (import "ic0" "call_cycles_add128" (func $add (param i64 i64)))
        (import "ic0" "call_perform" (func $perform (result i32)))
        (import "ic0" "msg_reject_code" (func $code (result i32)))
        (import "ic0" "msg_cycles_refunded128" (func $refunded (param {p})))
        (table 2 funcref) (elem (i32.const 0) $ok $no)
        (data ({p}.const 200) "free")
        (func $ok (param {p}) (call $append ({p}.const 0) ({p}.const 0)) (call $reply))
        (func $no (param {p})
            (i32.store8 ({p}.const 0) (call $code))
            (call $refunded ({p}.const 1))
            (call $append ({p}.const 0) ({p}.const 17)) (call $reply))
        (func (export "canister_update free") (call $reply))
        (func (export "canister_update call")
            (call $copy ({p}.const 0) ({p}.const 0) (call $size))
            (call $new ({p}.const 0) ({p}.const 10) ({p}.const 200) ({p}.const 4)
                ({p}.const 0) ({p}.const 0) ({p}.const 1) ({p}.const 0))
            (call $add (i64.const 0) (i64.load ({p}.const 10)))
            (drop (call $perform)))"#;
    let mut subnet = Subnet::new();
    let caller = canister(&mut subnet, body, false);
    let callee = canister(&mut subnet, body, false);
    let minimum = NewSettings {
        minimum_incoming_canister_call_cycles: Some(Nat::from(1000u32)),
        ..NewSettings::default()
    };
    reply(set(&mut subnet, callee, minimum));
    let mut call = |from: Principal, to: Principal, cycles: u64| {
        let argument = [to.as_slice(), &cycles.to_le_bytes()].concat();
        reply(
            subnet
                .call(from, "call")
                .with_bytes(argument)
                .outcome()
                .result,
        )
    };
    let refused = [&[5][..], &999u128.to_le_bytes()].concat();
    assert_eq!(call(caller, callee, 999), refused);
    assert_eq!(call(caller, callee, 1000), b"");
    assert_eq!(call(callee, callee, 0), b"", "it may call itself");
    assert_eq!(
        reply(subnet.call(callee, "free").outcome().result),
        b"",
        "so may users"
    );
}

/// since-october-2025.md 5.1, 2.1: the log may hold more, or nothing; 4,097 bytes of text do not fit into the usual one.
#[test]
fn a_log_is_as_large_as_its_limit() {
    let body = r#"(import "ic0" "debug_print" (func $print (param {p} {p})))
        (func (export "canister_update print") (call $print ({p}.const 0) ({p}.const 4000)) (call $reply))"#;
    let mut subnet = Subnet::new();
    let id = canister(&mut subnet, body, false);
    let limit = |bytes: u64| NewSettings {
        log_memory_limit: Some(Nat::from(bytes)),
        ..NewSettings::default()
    };
    let kept = |subnet: &mut Subnet, bytes| {
        reply(set(subnet, id, limit(bytes)));
        for _ in 0..3 {
            reply(subnet.call(id, "print").outcome().result);
        }
        subnet.logs(id).len()
    };
    assert_eq!(kept(&mut subnet, 4096), 1);
    assert_eq!(kept(&mut subnet, 12_200), 3);
    assert_eq!(kept(&mut subnet, 0), 0);
    for (bytes, text) in [
        (
            4095,
            "IC0406: The canister log memory limit 4095 is too low. It must be at least 4096.",
        ),
        (
            2_097_153,
            "IC0406: The canister log memory limit 2097153 is too high. It must be at most 2097152.",
        ),
    ] {
        assert_eq!(error(set(&mut subnet, id, limit(bytes))), text);
    }
}

#[test]
fn a_status_is_for_whom_its_setting_says() {
    let mut subnet = Subnet::new();
    let id = subnet.create();
    let stranger = Principal::self_authenticating([1]);
    let status = |subnet: &mut Subnet| {
        let record = Encode!(&CanisterId { canister_id: id }).unwrap();
        let management = Principal::management_canister();
        let call = subnet
            .call(management, "canister_status")
            .with_bytes(record);
        call.sent_by(stranger).outcome().result
    };
    assert!(error(status(&mut subnet)).starts_with("IC0542: "));
    let public = NewSettings {
        status_visibility: Some(Visibility::public),
        ..NewSettings::default()
    };
    reply(set(&mut subnet, id, public));
    assert!(reply(status(&mut subnet)).starts_with(b"DIDL"));
}

/// What a run says that needs no canister.
fn said(arguments: &[&str], script: &str) -> (String, String) {
    let place = Place::new().file("s.drun", script);
    let output = drun(place.0.path())
        .args(arguments)
        .arg("s.drun")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

#[test]
fn the_date_is_the_newest_unless_a_program_or_a_date_is_named() {
    let date = |arguments: &[&str]| {
        let (out, _) = said(&[&["--format", "json"], arguments].concat(), "create\n");
        let object: serde_json::Value = serde_json::from_str(&out).unwrap();
        object["protocol"].as_str().unwrap().to_owned()
    };
    assert_eq!(date(&[]), "2026-11");
    assert_eq!(date(&["--compat", "drun"]), "2025-03");
    assert_eq!(date(&["--compat", "pocket-ic"]), "2025-10");
    assert_eq!(
        date(&["--compat", "pocket-ic", "--protocol", "2026-11"]),
        "2026-11"
    );
    assert_eq!(date(&["--protocol", "2025-10"]), "2025-10");
}

#[test]
fn the_list_says_what_rests_on_what() {
    let directory = tempfile::tempdir().unwrap();
    let output = drun(directory.path())
        .args(["--protocol", "list"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    for line in [
        "2025-03  by records",
        "2025-10  by records",
        "2026-11  by documents alone",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let wrong = drun(directory.path())
        .args(["--protocol", "2024-01", "x"])
        .output()
        .unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_script_tells_about_its_senders() {
    let text = format!("(module {PRELUDE} {CALLER_INFO} (memory 1))").replace("{p}", "i32");
    let place = Place::new().file("m.wat", text).file(
        "s.drun",
        format!(
            "let alice = identity\ncreate\ninstall {ID} m.wat\n\
             as alice with info \"hello\" ingress {ID} who 0x\n\
             as alice with info 0x41 signed-by {ID} query {ID} ask 0x\n\
             as alice with info (\"x\")\n\
             ingress {ID} who 0x\n\
             as alice ingress {ID} who 0x\n"
        ),
    );
    let output = drun(place.0.path()).arg("s.drun").output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = out.lines().skip(2).collect();
    // The information, then the ten bytes of the canister that vouches for it: number 7 of Internet Identity, or number 0.
    assert_eq!(
        lines,
        [
            "ingress(2) Completed: Payload: 0x68656c6c6f00000000000000070101",
            "Ok: Payload: 0x4100000000000000000101",
            "ingress(3) Completed: Payload: 0x4449444c000171017800000000000000070101",
            "ingress(4) Completed: Empty",
        ]
    );
}
