//! The tables "value × October 2025 × today" of the two sheets, row by row: every row names the test or value that stands for
//! it, so that a new row fails until somebody has decided what it means here.

use super::*;
use crate::config::NodeSettings;
use crate::fees::Fees;
use crate::management::Method;
use crate::module::ic0_functions;

const INTERFACES: &str = include_str!("../../../../docs/internet-computer/since-october-2025.md");
const RULES: &str = include_str!("../../../../docs/internet-computer/since-october-2025-rules.md");

/// The first cells of the rows of the table that begins with this line.
fn rows(sheet: &'static str, head: &str) -> Vec<&'static str> {
    let start = sheet.find(head).expect("the sheet has the table");
    let lines = sheet[start..].lines().skip(2);
    let rows = lines.map_while(|line| line.strip_prefix('|'));
    rows.filter_map(|row| Some(row.split('|').next()?.trim()))
        .collect()
}

/// A value at a date, printed.
type Value = fn(&Protocol) -> String;

fn has_import(name: &'static str) -> impl Fn(&Protocol) -> bool {
    move |protocol| {
        ic0_functions()
            .iter()
            .any(|function| function.name == name && function.era.contains(protocol.date))
    }
}

fn queries(protocol: &Protocol) -> usize {
    Method::queries(protocol.date).count()
}

fn check(
    sheet: &'static str,
    head: &str,
    expected: &[(&str, Value, [&str; 2])],
    elsewhere: &[&str],
) {
    for row in rows(sheet, head) {
        let value = expected.iter().find(|(name, _, _)| *name == row);
        match value {
            Some((_, value, [october, today])) => {
                assert_eq!(value(&Protocol::OCTOBER_2025), *october, "{row}, 2025-10");
                assert_eq!(value(&Protocol::NOVEMBER_2026), *today, "{row}, 2026-11");
            }
            None => assert!(
                elsewhere.contains(&row),
                "the row `{row}` has neither a value here nor a test elsewhere"
            ),
        }
    }
    let all = rows(sheet, head);
    for name in expected
        .iter()
        .map(|it| it.0)
        .chain(elsewhere.iter().copied())
    {
        assert!(
            all.contains(&name),
            "the sheet has no row `{name}` any more"
        );
    }
}

#[test]
fn interfaces_are_those_of_their_date() {
    let expected: &[(&str, Value, [&str; 2])] = &[
        (
            "imports of `ic0` crate",
            |it| {
                ic0_functions()
                    .iter()
                    .filter(|f| f.era.contains(it.date))
                    .count()
                    .to_string()
            },
            ["71", "77"],
        ),
        (
            "`log_memory_limit`",
            |it| {
                let LogStore {
                    min,
                    max,
                    can_be_off,
                    ..
                } = it.log_store;
                format!("{min}..{max} {can_be_off}")
            },
            ["4096..4096 false", "4096..2097152 true"],
        ),
        (
            "log reply bound",
            |it| it.log_reply_bytes.to_string(),
            ["4096", "2000000"],
        ),
        (
            "log filter",
            |it| it.logs_are_filtered.to_string(),
            ["false", "true"],
        ),
        (
            "memory of an empty canister's log",
            |it| it.bookkeeping.log_store.to_string(),
            ["0", "8192"],
        ),
        (
            "`wasm_memory_threshold` max",
            |it| it.max_wasm_memory_threshold.to_string(),
            ["18446744073709551615", "281474976710656"],
        ),
        (
            "`memory_allocation`",
            |it| it.allocation_is_a_limit.to_string(),
            ["true", "false"],
        ),
        (
            "low-memory hook condition",
            |it| it.hook_counts_allocations.to_string(),
            ["true", "false"],
        ),
        (
            "management query methods",
            |it| queries(it).to_string(),
            ["2", "5"],
        ),
        (
            "management from composite queries",
            |it| it.management_answers_queries.to_string(),
            ["false", "true"],
        ),
        (
            "`canister_status` denial",
            |it| format!("{:?}", it.status_denial),
            ["Controllers", "Own"],
        ),
        (
            "outcall methods",
            |it| it.outcalls_pay_as_they_go.to_string(),
            ["false", "true"],
        ),
        (
            "outcall pricing versions",
            |it| it.outcalls_pay_as_they_go.to_string(),
            ["false", "true"],
        ),
        (
            "outcall modes",
            |it| Method::FlexibleHttpRequest.is_known(it.date).to_string(),
            ["false", "true"],
        ),
        (
            "ECDSA curves",
            |it| it.secp256r1.to_string(),
            ["false", "true"],
        ),
        (
            "`cost_sign_with_ecdsa` curve numbers",
            |it| it.secp256r1.to_string(),
            ["false", "true"],
        ),
        (
            "`msg_reject_code` contexts",
            |it| it.reject_code_in_cleanup.to_string(),
            ["false", "true"],
        ),
        (
            "transform context",
            |it| it.transforms_have_a_context.to_string(),
            ["false", "true"],
        ),
        (
            "snapshot arguments",
            |it| it.snapshots_uninstall.to_string(),
            ["false", "true"],
        ),
        (
            "`canister_settings` fields",
            |it| it.settings_of_access.to_string(),
            ["false", "true"],
        ),
    ];
    let elsewhere = [
        "interface specification",
        // The list decodes with ten principals: types::settings.
        "viewers per list",
        // management::access.
        "start/stop/delete denial with admins",
        // errors::code, management::access.
        "new error codes",
        // Of the server: keys, requests and trees.
        "PocketIC home of `test_key_1`, `dfx_test_key`",
        "request fields",
        "state tree, canister",
        "state tree, subnet",
        "PocketIC default canister balance (library)",
    ];
    check(
        INTERFACES,
        "| value | October 2025 | today |\n|---|---|---|\n| interface",
        expected,
        &elsewhere,
    );
}

#[test]
fn rules_are_those_of_their_date() {
    let fees =
        |protocol: &Protocol| Fees::new(&NodeSettings::new(*protocol, SubnetType::Application));
    let expected: &[(&str, Value, [&str; 2])] = &[
        (
            "heap page read",
            |it| format!("{:?}", it.pages.touched),
            ["None", "Some(80000)"],
        ),
        (
            "heap page write",
            |it| format!("{:?}", it.pages.changed_heap),
            ["[1000, 4000]", "[0, 0]"],
        ),
        (
            "stable page read / write",
            |it| format!("{} {:?}", it.pages.written_stable, it.pages.touched),
            ["1000 None", "0 Some(80000)"],
        ),
        (
            "installation, fixed",
            |it| it.install_instructions.to_string(),
            ["0", "20000000"],
        ),
        (
            "log resize",
            |it| it.log_store.resize_instructions.to_string(),
            ["0", "32"],
        ),
        (
            "base cost of a canister",
            |it| it.base_fee.to_string(),
            ["0", "10000"],
        ),
        (
            "outcall, version 2",
            |it| it.outcalls_pay_as_they_go.to_string(),
            ["false", "true"],
        ),
        (
            "fetch_canister_logs between canisters",
            |it| it.logs_are_filtered.to_string(),
            ["false", "true"],
        ),
        (
            "log memory",
            |it| it.log_store.max.to_string(),
            ["4096", "2097152"],
        ),
        (
            "Wasm64 heap",
            |it| it.modules.max_wasm64_pages.to_string(),
            ["98304", "98304"],
        ),
        (
            "function name",
            |it| format!("{:?}", it.modules.max_function_name),
            ["None", "Some(1048576)"],
        ),
        (
            "snapshots per canister",
            |it| it.max_snapshots.to_string(),
            ["10", "10"],
        ),
        (
            "memory_allocation",
            |it| it.allocation_is_a_limit.to_string(),
            ["true", "false"],
        ),
        (
            "help links",
            |it| it.documentation.to_owned(),
            [
                "https://internetcomputer.org/docs/current/references/execution-errors#",
                "https://docs.internetcomputer.org/references/execution-errors#",
            ],
        ),
        (
            "denied status",
            |it| format!("{:?}", it.status_denial),
            ["Controllers", "Own"],
        ),
        (
            "msg_reject_code in cleanup",
            |it| it.reject_code_in_cleanup.to_string(),
            ["false", "true"],
        ),
    ];
    let elsewhere = [
        // The same at all dates: `Fees` and `Limits` have one value.
        "execution, instruction, call, ingress, creation, storage, compute, signatures",
        "outcall, version 1",
        "message / query / install / round / slice instructions",
        "stable memory, access per message",
        "functions, globals, sections, methods, complexity",
        // Not published: the engine's own.
        "locals per function",
        // Nobody here makes so many.
        "canisters per subnet",
        "engine",
        "Wasm features",
        // Of the kit, not of the network.
        "empty argument, Rust",
    ];
    check(
        RULES,
        "| value | October 2025 | today | mark |",
        expected,
        &elsewhere,
    );
    let unchanged = |protocol: &Protocol| {
        let fees = fees(protocol);
        [
            fees.execution(1_000_000_000, false),
            fees.request(100),
            fees.ingress(100),
            fees.creation(),
            fees.compute(1, 1),
            fees.storage(1 << 30, 1),
            fees.http_request(100, 2000),
        ]
    };
    assert_eq!(
        unchanged(&Protocol::OCTOBER_2025),
        unchanged(&Protocol::NOVEMBER_2026)
    );
    assert_eq!(
        unchanged(&Protocol::NOVEMBER_2026),
        [
            1_005_000_000,
            360_000,
            1_400_000,
            500_000_000_000,
            10_000_000,
            127_000,
            (3_000_000 + 780_000 + 40_000 + 1_600_000) * 13
        ]
    );
}

/// A date without a column, or a column in the wrong place, is seen here; a row without a value for a date does not compile.
#[test]
fn every_date_has_its_column() {
    for date in Date::ALL {
        assert_eq!(Protocol::of(date).date, date);
        assert_eq!(date.name().parse(), Ok(Protocol::of(date)));
    }
    assert_eq!(
        Protocol::NEWEST,
        Protocol::of(Date::ALL[Date::ALL.len() - 1])
    );
    for name in [
        "msg_caller_info_data_size",
        "subnet_self_node_count",
        "cost_http_request_v2",
    ] {
        assert_eq!(
            Protocol::ALL.map(|it| has_import(name)(&it)),
            [false, false, true],
            "{name}"
        );
    }
}
