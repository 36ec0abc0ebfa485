//! `--stats`, from outside: the table agrees with counts derived by hand and with the results of the messages.

use crate::support::drun;

const ID: &str = "rwlgt-iiaaa-aaaaa-aaaaa-cai";

/// `balance` is the worked example of metering.md, appendix A; `nothing` has an empty body.
const MODULE: &str = r#"(module
    (import "ic0" "canister_cycle_balance128" (func $balance (param i32)))
    (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
    (import "ic0" "msg_reply" (func $reply))
    (memory 1)
    (func (export "canister_update balance")
        (call $balance (i32.const 528))
        (call $append (i32.const 512) (i32.const 32))
        (call $reply))
    (func (export "canister_update nothing"))
    (func (export "canister_query nought")))"#;

/// A canister whose method `ask` calls its own method `answer`.
const CALLER: &str = r#"(module
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "ic0" "call_perform" (func $perform (result i32)))
    (import "ic0" "canister_self_size" (func $size (result i32)))
    (import "ic0" "canister_self_copy" (func $copy (param i32 i32 i32)))
    (memory 1)
    (data (i32.const 100) "answer")
    (table funcref (elem $done))
    (func $done (param i32) (call $reply))
    (func (export "canister_update ask")
        (call $copy (i32.const 0) (i32.const 0) (call $size))
        (call $new (i32.const 0) (call $size) (i32.const 100) (i32.const 6)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
        (drop (call $perform)))
    (func (export "canister_update answer") (call $reply)))"#;

/// Standard output and standard error of a script with this module.
fn run(module: &str, messages: &str, args: &[&str]) -> (String, String) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("m.wat"), module).unwrap();
    let script = format!("create\ninstall {ID} m.wat 0x\n{messages}").replace("ID", ID);
    std::fs::write(directory.path().join("s.drun"), script).unwrap();
    let output = drun(directory.path())
        .args(["--compat", "drun"])
        .args(args)
        .arg("s.drun")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

/// The words of the row for a method.
fn row<'a>(table: &'a str, start: &str) -> Vec<&'a str> {
    let line = table.lines().find(|line| words(line).contains(start));
    line.unwrap_or_else(|| panic!("{start}: {table}"))
        .split_whitespace()
        .collect()
}

fn words(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn without_the_option_nothing_is_printed() {
    let (_, error) = run(MODULE, "ingress ID balance 0x\n", &[]);
    assert_eq!(error, "");
}

/// `balance` uses 4,119 instructions and costs 384,932 cycles on one node (metering.md, appendix A); an empty function
/// uses 1 and costs the difference of floor((5_000_000 + 40_000_000_000) / 13) and floor(39_999_999_999 / 13).
#[test]
fn methods_are_counted_with_instructions_cycles_and_pages() {
    let messages =
        "ingress ID balance 0x\ningress ID balance 0x\ningress ID nothing 0x\nquery ID nought 0x\n";
    let (_, table) = run(
        MODULE,
        messages,
        &["--stats", "--subnet-type", "application"],
    );
    let head = words(table.lines().next().unwrap());
    assert_eq!(
        head,
        "canister kind method calls instructions min mean max cycles heap pages stable pages"
    );
    assert_eq!(
        row(&table, "update balance"),
        [
            ID, "update", "balance", "2", "8_238", "4_119", "4_119", "4_119", "769_864", "2", "0"
        ]
    );
    assert_eq!(
        row(&table, "update nothing"),
        [
            ID, "update", "nothing", "1", "1", "1", "1", "1", "384_616", "0", "0"
        ]
    );
    assert_eq!(
        row(&table, "query nought"),
        [
            ID, "query", "nought", "1", "1", "1", "1", "1", "0", "0", "0"
        ]
    );
}

#[test]
fn rows_are_sorted_by_instructions_and_end_with_the_sums() {
    let (_, table) = run(
        MODULE,
        "ingress ID nothing 0x\ningress ID balance 0x\n",
        &["--stats"],
    );
    let methods: Vec<&str> = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().nth(2).unwrap())
        .collect();
    assert_eq!(methods[..3], ["compile", "balance", "nothing"]);
    let end: Vec<&str> = table.lines().rev().take(2).collect();
    assert_eq!(end[0], "as of 2025-03");
    assert!(end[1].starts_with("total "), "{table}");
}

#[test]
fn the_sum_is_that_of_all_messages() {
    let messages = "ingress ID ask 0x\ningress ID answer 0x\n";
    let (results, table) = run(CALLER, messages, &["--stats", "--format", "json"]);
    let sum: u64 = results
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["instructions"]
                .as_u64()
                .unwrap()
        })
        .sum();
    let total = row(&table, "total")[2].replace('_', "");
    assert_eq!(total, sum.to_string(), "{table}{results}");
}

/// Where cycles are charged, the table's sum is what all messages together were charged.
#[test]
fn the_sum_of_cycles_is_that_of_all_messages() {
    let messages = "ingress ID ask 0x\nquery ID nothing 0x\ningress ID answer 0x\n";
    let args = [
        "--stats",
        "--format",
        "json",
        "--subnet-type",
        "application",
    ];
    let (results, table) = run(CALLER, messages, &args);
    let sum: i64 = results
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["cycles"]
                .as_i64()
                .unwrap()
        })
        .sum();
    let total = row(&table, "total")[3].replace('_', "");
    assert_eq!(total, sum.to_string(), "{table}{results}");
    // Reception of 3 + 8 and of 6 + 8 bytes on one node, and the request of 6 bytes; receiving the installation is not in it.
    let messages = (1_222_000 / 13) + (1_228_000 / 13) + 260_000 / 13 + 6_000 / 13;
    let fees: i64 = row(&table, "fees for messages and storage")[5]
        .replace('_', "")
        .parse()
        .unwrap();
    assert!(fees > messages, "{table}");
}

/// A callback is told apart from the method whose call it answers: its code uses 1 + 5 + 500 instructions.
#[test]
fn callbacks_are_counted_under_the_method_that_called() {
    let (results, table) = run(CALLER, "ingress ID ask 0x\n", &["--stats"]);
    assert!(results.ends_with("Completed: Empty\n"), "{results}");
    assert_eq!(
        row(&table, "callback ask")[1..6],
        ["callback", "ask", "1", "506", "506"]
    );
    assert_eq!(row(&table, "update answer")[3..5], ["1", "506"]);
}
