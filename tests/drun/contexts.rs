//! Every ic0 function in every context that its caller can tell apart: the matrix of the interface specification
//! ("Overview of imports"), as a table of marks that is compared with what canisters are told.

use candid::{CandidType, Encode};
use drun::MessageResult;
use drun::Principal;
use drun::Protocol;
use drun::internals::canister::InstallMode;
use drun::internals::module::{Ic0Function, Slot, ic0_functions};
use drun::internals::protocol::Date;
use drun::internals::{Compat, Config, Runner};

/// The contexts, in the order of the columns below, with the name in the refusal.
const CONTEXTS: [(&str, &str); 14] = [
    ("start", "start"),
    ("init", "init"),
    ("pre", "pre upgrade"),
    ("u", "update"),
    ("q", "replicated query"),
    ("nq", "non replicated query"),
    ("cq", "composite query"),
    ("ry", "reply callback"),
    ("rt", "reject callback"),
    ("cry", "composite reply callback"),
    ("crt", "composite reject callback"),
    ("cl", "cleanup"),
    ("ccl", "composite cleanup"),
    ("inspect", "inspect message"),
];

/// Who may be called where: s I G U RQ NRQ CQ Ry Rt CRy CRt C CC F.
const MATRIX: [(&str, &[&str]); 17] = [
    (
        "...xxxxxxxxxxx",
        &[
            "msg_caller_info_data_size",
            "msg_caller_info_data_copy",
            "msg_caller_info_signer_size",
            "msg_caller_info_signer_copy",
        ],
    ),
    (
        ".x.xxxxx.x...x",
        &["msg_arg_data_size", "msg_arg_data_copy"],
    ),
    (".xxxxxxxxxxxxx", &["msg_caller_size", "msg_caller_copy"]),
    (".......xxxx...", &["msg_reject_code"]),
    (
        "........x.x...",
        &["msg_reject_msg_size", "msg_reject_msg_copy"],
    ),
    (
        "...xxxxxxxx...",
        &[
            "msg_reply",
            "msg_reply_data_append",
            "msg_reject",
            "msg_deadline",
        ],
    ),
    (
        ".............x",
        &[
            "msg_method_name_size",
            "msg_method_name_copy",
            "accept_message",
        ],
    ),
    (
        "...xx..xx.....",
        &[
            "msg_cycles_available",
            "msg_cycles_available128",
            "msg_cycles_accept",
            "msg_cycles_accept128",
        ],
    ),
    (
        ".......xx.....",
        &["msg_cycles_refunded", "msg_cycles_refunded128"],
    ),
    (".xxxx..xx..x..", &["cycles_burn128"]),
    (
        "...x...xx.....",
        &["mint_cycles128", "call_cycles_add", "call_cycles_add128"],
    ),
    (
        "...x..xxxxx...",
        &[
            "call_new",
            "call_data_append",
            "call_on_cleanup",
            "call_perform",
            "call_with_best_effort_response",
        ],
    ),
    (".xxx...xx.....", &["certified_data_set"]),
    (
        ".....xx.......",
        &["data_certificate_size", "data_certificate_copy"],
    ),
    (".xxx...xx..x..", &["global_timer_set"]),
    (".xxxx..xx..x..", &["root_key_size", "root_key_copy"]),
    (
        ".xxxxxxxxxxxxx",
        &[
            "data_certificate_present",
            "canister_self_size",
            "canister_self_copy",
            "subnet_self_node_count",
            "subnet_self_size",
            "subnet_self_copy",
            "canister_cycle_balance",
            "canister_cycle_balance128",
            "canister_liquid_cycle_balance128",
            "canister_status",
            "canister_version",
            "time",
            "env_var_count",
            "env_var_name_size",
            "env_var_name_copy",
            "env_var_name_exists",
            "env_var_value_size",
            "env_var_value_copy",
        ],
    ),
];

/// What heartbeat, timer and low-memory hook may not call (column T).
const REFUSED_IN_TASKS: [&str; 24] = [
    "msg_caller_info_data_size",
    "msg_caller_info_data_copy",
    "msg_caller_info_signer_size",
    "msg_caller_info_signer_copy",
    "msg_arg_data_size",
    "msg_arg_data_copy",
    "msg_reject_code",
    "msg_reject_msg_size",
    "msg_reject_msg_copy",
    "msg_reply",
    "msg_reply_data_append",
    "msg_reject",
    "msg_deadline",
    "msg_method_name_size",
    "msg_method_name_copy",
    "accept_message",
    "msg_cycles_available",
    "msg_cycles_available128",
    "msg_cycles_accept",
    "msg_cycles_accept128",
    "msg_cycles_refunded",
    "msg_cycles_refunded128",
    "data_certificate_size",
    "data_certificate_copy",
];

/// Marks of a function; those not in the table may be called everywhere.
fn marks(function: &str, date: Date) -> &'static str {
    // Since 2026 also in a cleanup callback.
    if function == "msg_reject_code" && date == Date::November2026 {
        return ".......xxxxx..";
    }
    let row = MATRIX
        .iter()
        .find(|(_, functions)| functions.contains(&function));
    row.map_or("xxxxxxxxxxxxxx", |(marks, _)| marks)
}

fn wat_type(slot: Slot, wasm64: bool) -> &'static str {
    match (slot, wasm64) {
        (Slot::Pointer, false) | (Slot::I32, _) => "i32",
        (Slot::Pointer, true) | (Slot::I64, _) => "i64",
    }
}

/// A module that calls one function, with zeros, in every context; `hook` is the export that calls it besides the methods.
fn module(index: usize, wasm64: bool, hook: &str) -> Vec<u8> {
    let function = &ic0_functions()[index];
    let pointer = if wasm64 { "i64" } else { "i32" };
    let mut call = String::new();
    let mut types = String::new();
    for slot in function.parameters {
        let ty = wat_type(*slot, wasm64);
        call += &format!("({ty}.const 0) ");
        types += &format!("(param {ty}) ");
    }
    let mut dropped = String::new();
    for slot in function.results {
        types += &format!("(result {}) ", wat_type(*slot, wasm64));
        dropped += "drop ";
    }
    let hook = match hook {
        "" => String::new(),
        "start" => "(start $f)".to_owned(),
        hook => format!(r#"(func (export "{hook}") (call $f))"#),
    };
    let p = pointer;
    let text = format!(
        r#"(module
        (import "ic0" "{name}" (func $tested {types}))
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "msg_reject" (func $reject (param {p} {p})))
        (import "ic0" "canister_self_copy" (func $self (param {p} {p} {p})))
        (import "ic0" "call_new" (func $new (param {p} {p} {p} {p} {p} {p} {p} {p})))
        (import "ic0" "call_on_cleanup" (func $on_cleanup (param {p} {p})))
        (import "ic0" "call_perform" (func $perform (result i32)))
        (type $callback (func (param {p})))
        (memory {memory} 1)
        (table 4 funcref) (elem (i32.const 0) $test_callback $trap_callback $cleanup)
        (data ({p}.const 0) "echorejqechoqrej")
        (func $f {call} call $tested {dropped})
        (func $test_callback (param {p}) (call $f) (call $reply))
        (func $trap_callback (param {p}) unreachable)
        (func $cleanup (param {p}) (call $f))
        (func $start (param $name {p}) (param $size {p}) (param $callback {p}) (param $cleanup i32)
          (call $self ({p}.const 100) ({p}.const 0) ({p}.const 10))
          (call $new ({p}.const 100) ({p}.const 10) (local.get $name) (local.get $size)
            (local.get $callback) ({p}.const 0) (local.get $callback) ({p}.const 0))
          (if (local.get $cleanup) (then (call $on_cleanup ({p}.const 2) ({p}.const 0))))
          (drop (call $perform)))
        (func (export "canister_update echo") (call $reply))
        (func (export "canister_update rej") (call $reject ({p}.const 0) ({p}.const 0)))
        (func (export "canister_query qecho") (call $reply))
        (func (export "canister_query qrej") (call $reject ({p}.const 0) ({p}.const 0)))
        (func (export "canister_update u") (call $f) (call $reply))
        (func (export "canister_query q") (call $f) (call $reply))
        (func (export "canister_composite_query cq") (call $f) (call $reply))
        (func (export "canister_update ry") (call $start ({p}.const 0) ({p}.const 4) ({p}.const 0) (i32.const 0)))
        (func (export "canister_update rt") (call $start ({p}.const 4) ({p}.const 3) ({p}.const 0) (i32.const 0)))
        (func (export "canister_update cl") (call $start ({p}.const 0) ({p}.const 4) ({p}.const 1) (i32.const 1)))
        (func (export "canister_composite_query cry") (call $start ({p}.const 7) ({p}.const 5) ({p}.const 0) (i32.const 0)))
        (func (export "canister_composite_query crt") (call $start ({p}.const 12) ({p}.const 4) ({p}.const 0) (i32.const 0)))
        (func (export "canister_composite_query ccl") (call $start ({p}.const 7) ({p}.const 5) ({p}.const 1) (i32.const 1)))
        {hook})"#,
        name = function.name,
        memory = if wasm64 { "i64" } else { "" },
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{}: {error}", function.name))
}

/// What is told when the function is called in a context.
fn told(index: usize, wasm64: bool, context: &str, date: Date) -> String {
    let mut subnet = Runner::new(config(date));
    let id = Principal::from_text("rwlgt-iiaaa-aaaaa-aaaaa-cai").expect("an id");
    let install = |subnet: &mut Runner, mode, hook: &str| {
        let outcome = subnet.install(mode, id, &module(index, wasm64, hook), b"");
        text(outcome.result)
    };
    let hook = match context {
        "start" => "start",
        "init" => "canister_init",
        "pre" => "canister_pre_upgrade",
        "inspect" => "canister_inspect_message",
        _ => "",
    };
    let installed = install(&mut subnet, InstallMode::Install, hook);
    match context {
        "start" | "init" => installed,
        "pre" => install(&mut subnet, InstallMode::Upgrade, ""),
        "inspect" => text(subnet.ingress(id, "echo", b"").result),
        "nq" => text(subnet.query_outcome(id, "q", b"").result),
        "cq" | "cry" | "crt" | "ccl" => text(subnet.query_outcome(id, context, b"").result),
        method => text(subnet.ingress(id, method, b"").result),
    }
}

fn text(result: MessageResult) -> String {
    match result {
        MessageResult::Replied(_) => String::new(),
        MessageResult::Rejected(text) => text,
        MessageResult::Failed(error) => error.to_string(),
    }
}

fn config(date: Date) -> Config {
    Config {
        protocol: Protocol::of(date),
        ..Config::new(Compat::PocketIc)
    }
}

/// The functions to be looked at at a date: in October 2025 all, later those that are new or allowed elsewhere.
fn is_looked_at(function: &Ic0Function, date: Date) -> bool {
    let old = function.era.contains(Date::October2025);
    match date {
        Date::November2026 => !old || function.name == "msg_reject_code",
        date => function.era.contains(date),
    }
}

fn check(wasm64: bool, date: Date) {
    let mut wrong = Vec::new();
    for (index, function) in ic0_functions().iter().enumerate() {
        if wasm64 && function.only_32_bit || !is_looked_at(function, date) {
            continue;
        }
        for ((context, mode), mark) in CONTEXTS.iter().zip(marks(function.name, date).chars()) {
            let told = told(index, wasm64, context, date);
            let refused = told.contains(&format!("\" cannot be executed in {mode} mode"));
            if refused == (mark == 'x') {
                wrong.push(format!("{} in {context}: {told}", function.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A module that calls one function, with zeros and within a call under construction, in a task, and prints before and after.
fn task_module(index: usize, wasm64: bool, task: &str) -> Vec<u8> {
    let function = &ic0_functions()[index];
    let p = if wasm64 { "i64" } else { "i32" };
    let list = |slots: &[Slot], keyword: &str| -> String {
        let types = slots.iter().map(|slot| wat_type(*slot, wasm64));
        types.map(|ty| format!("({keyword} {ty}) ")).collect()
    };
    let zeros: String = function
        .parameters
        .iter()
        .map(|slot| format!("({}.const 0) ", wat_type(*slot, wasm64)))
        .collect();
    let text = format!(
        r#"(module
        (import "ic0" "{name}" (func $tested {parameters} {results}))
        (import "ic0" "debug_print" (func $print (param {p} {p})))
        (import "ic0" "global_timer_set" (func $timer (param i64) (result i64)))
        (import "ic0" "call_new" (func $new (param {p} {p} {p} {p} {p} {p} {p} {p})))
        (memory {memory} 1)
        (data ({p}.const 100) "beforeafter")
        (func (export "canister_init") (drop (call $timer (i64.const 1))))
        (func (export "{task}")
          (call $print ({p}.const 100) ({p}.const 6))
          (call $new {eight_zeros})
          {zeros} call $tested {dropped}
          (call $print ({p}.const 106) ({p}.const 5))))"#,
        name = function.name,
        parameters = list(function.parameters, "param"),
        results = list(function.results, "result"),
        memory = if wasm64 { "i64" } else { "" },
        eight_zeros = format!("({p}.const 0) ").repeat(8),
        dropped = "drop ".repeat(function.results.len()),
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{}: {error}", function.name))
}

#[derive(CandidType)]
struct Variable {
    name: String,
    value: String,
}

#[derive(CandidType)]
struct Settings {
    wasm_memory_threshold: Option<candid::Nat>,
    environment_variables: Option<Vec<Variable>>,
}

#[derive(CandidType)]
struct UpdateSettings {
    canister_id: Principal,
    settings: Settings,
}

/// What a task prints that calls the function; nobody is told how it ends, but what it prints stays.
fn printed_by_task(index: usize, wasm64: bool, task: &str, date: Date) -> Vec<String> {
    // The number of the canister that may mint cycles.
    let id = Principal::from_text("rkp4c-7iaaa-aaaaa-aaaca-cai").expect("an id");
    let mut subnet = Runner::new(config(date));
    subnet.create_for_install(id).expect("it is missing");
    // A variable whose name is empty; and for the low-memory hook, before which the others would wait, little memory.
    let little = (task == "canister_on_low_wasm_memory").then(|| (4u64 << 30).into());
    let settings = Settings {
        wasm_memory_threshold: little,
        environment_variables: Some(vec![Variable {
            name: String::new(),
            value: String::new(),
        }]),
    };
    let update = UpdateSettings {
        canister_id: id,
        settings,
    };
    let argument = Encode!(&update).expect("memory can be written");
    let management = Principal::management_canister();
    let outcome = subnet.ingress(management, "update_settings", &argument);
    assert_eq!(text(outcome.result), "");
    let module = task_module(index, wasm64, task);
    let outcome = subnet.install(InstallMode::Install, id, &module, b"");
    assert_eq!(text(outcome.result), "");
    outcome.debug.into_iter().map(|line| line.text).collect()
}

fn check_tasks(wasm64: bool, date: Date) {
    let mut wrong = Vec::new();
    for (index, function) in ic0_functions().iter().enumerate() {
        // Two end the task with these arguments wherever they may be called.
        let traps = matches!(function.name, "trap" | "cost_http_request_v2");
        if wasm64 && function.only_32_bit || traps || !is_looked_at(function, date) {
            continue;
        }
        let expected: &[&str] = match REFUSED_IN_TASKS.contains(&function.name) {
            true => &["before"],
            false if function.name == "debug_print" => &["before", "", "after"],
            false => &["before", "after"],
        };
        for task in [
            "canister_heartbeat",
            "canister_global_timer",
            "canister_on_low_wasm_memory",
        ] {
            let printed = printed_by_task(index, wasm64, task, date);
            if printed != expected {
                wrong.push(format!("{} in {task}: {printed:?}", function.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn tasks_of_32_bit_modules_may_call_what_the_matrix_says() {
    check_tasks(false, Date::October2025);
    check_tasks(false, Date::November2026);
}

#[test]
fn tasks_of_64_bit_modules_may_call_what_the_matrix_says() {
    check_tasks(true, Date::October2025);
    check_tasks(true, Date::November2026);
}

#[test]
fn functions_of_32_bit_modules_are_refused_where_the_matrix_says_so() {
    check(false, Date::October2025);
    check(false, Date::November2026);
}

#[test]
fn functions_of_64_bit_modules_are_refused_where_the_matrix_says_so() {
    check(true, Date::October2025);
    check(true, Date::November2026);
}
