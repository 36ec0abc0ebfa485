//! `drun upgrade-check`, on the modules of the examples and on small ones made here.

use std::path::Path;

use crate::support::place::{Place, Ran};

/// A module with these custom sections, hooks and methods.
fn module(sections: &[(&str, &str)], code: &str) -> String {
    let sections: String = sections
        .iter()
        .map(|(name, text)| {
            let text = text.replace('"', "\\\"").replace('\n', "\\n");
            format!("(@custom \"icp:public {name}\" \"{text}\")")
        })
        .collect();
    format!("(module (memory 1) {sections} {code})")
}

const REPLIES: &str = r#"
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))"#;

fn replying(did: &str, stable: &str, value: u8) -> String {
    let sections = [("candid:service", did), ("motoko:stable-types", stable)];
    let code = format!(
        "(data (i32.const 0) \"DIDL\\00\\01\\7b\\{value:02x}\")
         (func (export \"canister_query get\")
           (call $append (i32.const 0) (i32.const 8)) (call $reply))"
    );
    module(&sections, &code).replacen("(module", &format!("(module {REPLIES}"), 1)
}

const DID: &str = "service : { get : () -> (nat8) query }";
const STABLE: &str = "actor { stable var n : Nat };";

fn check(old: &str, new: &str, arguments: &[&str]) -> Ran {
    let place = Place::new()
        .file("old.wat", old)
        .file("new.wat", new)
        .file("probe.drun", "query canister get\n");
    let all = [&["upgrade-check", "old.wat", "new.wat"], arguments].concat();
    place.run(&all)
}

#[test]
fn an_upgrade_that_nobody_notices_is_fine() {
    let module = replying(DID, STABLE, 5);
    let ran = check(&module, &module, &["probe.drun"]);
    assert_eq!((ran.status, ran.err.as_str()), (Some(0), ""), "{}", ran.out);
    assert!(
        ran.out
            .starts_with("interface: ok\nstable variables: ok\nupgrade: ok\n")
    );
    assert!(
        ran.out.contains("answers        1 the same, 0 changed\n"),
        "{}",
        ran.out
    );
}

#[test]
fn each_verdict_has_its_reason_and_its_place_in_json() {
    let old = replying(DID, STABLE, 5);
    let new = replying(
        "service : { got : () -> (nat8) query }",
        "actor { stable var n : Text };",
        6,
    );
    let ran = check(&old, &new, &["probe.drun"]);
    assert_eq!(ran.status, Some(1), "{}", ran.err);
    assert!(ran.out.contains("interface: fails\n  get: "), "{}", ran.out);
    assert!(
        ran.out
            .contains("stable variables: fails\n  n: var Nat -> var Text\n    Nat is no Text\n"),
        "{}",
        ran.out
    );
    let ran = check(&old, &new, &["--json", "probe.drun"]);
    let object: serde_json::Value = serde_json::from_str(&ran.out).expect("it is JSON");
    assert_eq!(ran.status, Some(1));
    assert_eq!(object["status"], "fails");
    assert_eq!(object["interface"]["breaks"][0]["method"], "get");
    assert_eq!(object["stable"]["clashes"][0]["from"], "var Nat");
    assert_eq!(object["upgrade"]["status"], "ok");
    let changed = &object["upgrade"]["answers"]["changed"][0];
    assert_eq!(changed["before"], "query canister get: reply (5 : nat8)");
    assert_eq!(changed["after"], "query canister get: reply (6 : nat8)");
}

#[test]
fn a_removed_method_and_an_upgrade_that_traps_fail() {
    let old = replying(DID, STABLE, 5);
    let traps = old.replacen(
        "(memory",
        "(func (export \"canister_post_upgrade\") unreachable) (memory",
        1,
    );
    let ran = check(&old, &traps, &[]);
    assert_eq!(ran.status, Some(1));
    assert!(
        ran.out
            .contains("upgrade: fails\n  upgrade canister: error IC0502"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("hooks          canister_post_upgrade\n"),
        "{}",
        ran.out
    );
    let empty = replying("service : {}", STABLE, 5);
    let ran = check(&old, &empty, &[]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.out.contains("interface: fails\n  get: "), "{}", ran.out);
}

#[test]
fn an_expectation_of_the_script_holds_before_and_after() {
    let (old, new) = (replying(DID, STABLE, 5), replying(DID, STABLE, 6));
    let place = Place::new()
        .file("old.wat", old)
        .file("new.wat", new)
        .file("probe.drun", "query canister get\nexpect reply (5)\n");
    let ran = place.run(&["upgrade-check", "old.wat", "new.wat", "probe.drun"]);
    assert_eq!(ran.status, Some(1));
    assert!(
        ran.out.contains("upgrade: fails\n  after the upgrade:\n"),
        "{}",
        ran.out
    );
}

#[test]
fn an_interface_forges_no_line_and_drives_no_terminal() {
    let named = |name: &str| replying(&format!("service : {{ {name} : () -> () }}"), STABLE, 5);
    let old = named(r#""\\1b[2J\\nupgrade: ok""#);
    let ran = check(&old, &named("get"), &[]);
    assert_eq!(ran.status, Some(1), "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "interface: fails", "{}", ran.out);
    assert!(
        lines[1].starts_with("  \\u{1b}[2J\\nupgrade: ok: is expected"),
        "{}",
        ran.out
    );
    assert_eq!(lines[2], "stable variables: ok", "{}", ran.out);
}

/// What was created before the upgrade is not created again, so nothing is expected of that either.
#[test]
fn expectations_of_what_is_left_out_after_the_upgrade_are_left_out_too() {
    let module = replying(DID, STABLE, 5);
    let probe = "create other\nexpect reply (record { canister_id = $other })\n\
        as anonymous\ninstall other old.wat\nlet same = other\nexpect reply ()\n\
        query other get\nexpect reply (5)\n";
    let place = Place::new()
        .file("old.wat", &module)
        .file("new.wat", &module)
        .file("probe.drun", probe);
    let ran = place.run(&["upgrade-check", "old.wat", "new.wat", "probe.drun"]);
    assert_eq!(ran.status, Some(0), "{}", ran.out);
    assert!(
        ran.out.contains("answers        1 the same, 0 changed\n"),
        "{}",
        ran.out
    );
}

/// The newest replica, unless another one is asked for; the figures are its own.
#[test]
fn the_replica_is_of_the_newest_date_or_of_the_one_that_is_named() {
    let module = replying(DID, STABLE, 5);
    let figure = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("  instructions"));
        line.expect("they are told").to_owned()
    };
    let newest = check(&module, &module, &[]);
    assert!(
        newest.out.contains("  as of          2026-11\n"),
        "{}",
        newest.out
    );
    let march = check(&module, &module, &["--protocol", "2025-03"]);
    assert!(
        march.out.contains("  as of          2025-03\n"),
        "{}",
        march.out
    );
    let script = "create canister\ninstall canister old.wat\nupgrade canister new.wat\n";
    let place = Place::new()
        .file("old.wat", &module)
        .file("new.wat", &module)
        .file("s", script);
    for (options, checked) in [
        (&["s"][..], &newest),
        (&["--protocol", "2025-03", "s"], &march),
    ] {
        let ran = place.run(&[&["--format", "json"], options].concat());
        let last = ran.out.lines().last().expect("the upgrade");
        let last: serde_json::Value = serde_json::from_str(last).unwrap();
        let told = figure(&checked.out).replace(['_', ' '], "");
        assert_eq!(told, format!("instructions{}", last["instructions"]));
    }
    let json = check(&module, &module, &["--json"]).out;
    let object: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(object["upgrade"]["protocol"], "2026-11");
}

#[test]
fn what_cannot_be_asked_is_said_and_wrong_input_is_told() {
    let plain = "(module (memory 1))";
    let ran = check(plain, plain, &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.out);
    assert!(
        ran.out
            .starts_with("interface: not checked: the old module does not tell"),
        "{}",
        ran.out
    );
    check("(modul)", plain, &[])
        .refused_with("error: old.wat: it is not WebAssembly text: old.wat:1:2: ");
    check(plain, plain, &["absent.drun"]).refused_with("the script cannot be included");
    check(plain, plain, &["--init", "(1"]).refused_with("--> <upgrade-check>:");
}

#[test]
fn a_wrong_argument_names_its_option_and_an_upgrade_that_was_not_run_has_no_figures() {
    let plain = "(module (memory 1))";
    let options = ["--init", "(1"];
    check(plain, plain, &options).refused_with("The argument of `install` is that of --init");
    let ran = check("(module (import \"x\" \"y\" (func)))", plain, &[]);
    assert_eq!(ran.status, Some(1), "{}", ran.out);
    assert!(
        ran.out.contains("the old module cannot be installed") && !ran.out.contains("main memory"),
        "{}",
        ran.out
    );
}

#[test]
fn a_file_that_cannot_be_written_ends_the_check() {
    let module = replying(DID, STABLE, 5);
    let place = Place::new()
        .file("old.wat", &module)
        .file("new.wat", &module)
        .file("save.drun", "stable save canister old.wat/below\n");
    let ran = place.run(&["upgrade-check", "old.wat", "new.wat", "save.drun"]);
    assert_eq!((ran.status, ran.out.as_str()), (Some(3), ""), "{}", ran.err);
    assert!(
        ran.err.starts_with("error: cannot write old.wat/below: "),
        "{}",
        ran.err
    );
}

#[test]
fn the_ledgers_versions_fit_in_one_direction() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ledger");
    let place = Place::new();
    let run = |old: &str, new: &str| {
        let [old, new] = [old, new].map(|name| root.join(name).to_string_lossy().into_owned());
        let owner = "(record { owner = principal \"2vxsx-fae\" })";
        place.run(&["upgrade-check", &old, &new, "--init", owner])
    };
    let forth = run("ledger.wasm", "ledger-v2.wasm");
    assert_eq!(forth.status, Some(0), "{}{}", forth.out, forth.err);
    let back = run("ledger-v2.wasm", "ledger.wasm");
    assert_eq!(back.status, Some(1), "{}", back.err);
    let clash = "stable variables: fails\n  blocks: var Int -> var Nat\n    Int is no Nat\n";
    assert!(back.out.contains(clash), "{}", back.out);
    let broken = run("ledger.wasm", "ledger-broken.wasm");
    assert!(
        broken.out.contains("  blocks: var Nat -> var Text\n"),
        "{}",
        broken.out
    );
}
