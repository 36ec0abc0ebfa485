//! `drun inspect`, from outside: what it says of modules written here, with costs derived by hand.

use std::path::Path;
use std::process::Output;

use crate::support::drun;

/// What each kind of declaration looks like. `$reply` makes a name section: a subsection's kind and length, one name,
/// its index and length, and five letters.
const MODULE: &str = r#"(module
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "debug_print" (func (param i32 i32)))
    (func (export "canister_update set") (call $reply))
    (func (export "canister_query get") (call $reply))
    (func (export "canister_composite_query all") (call $reply))
    (func (export "canister_init"))
    (func (export "canister_heartbeat"))
    (func (export "helper"))
    (global (export "counter") (mut i32) (i32.const 0))
    (global i32 (i32.const 0))
    (memory 2 3)
    (@custom "icp:public candid:service" "service : {}")
    (@custom "icp:private secret" "123")
    (@custom "producers" "x"))"#;

fn inspect(directory: &Path, args: &[&str]) -> Output {
    drun(directory).arg("inspect").args(args).output().unwrap()
}

/// The output and status for a module in a file of this name.
fn inspected(name: &str, content: &[u8]) -> (String, i32) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(name), content).unwrap();
    let output = inspect(directory.path(), &[name]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (
        String::from_utf8(output.stdout).unwrap(),
        output.status.code().unwrap(),
    )
}

fn json(name: &str, content: &[u8]) -> serde_json::Value {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(name), content).unwrap();
    let output = inspect(directory.path(), &["--json", name]);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The part of the text under a title.
fn block<'a>(text: &'a str, title: &str) -> &'a str {
    let (_, rest) = text
        .split_once(&format!("\n\n{title}\n"))
        .unwrap_or_else(|| panic!("{title}: {text}"));
    rest.split("\n\n").next().unwrap().trim_end()
}

#[test]
fn methods_hooks_imports_and_declarations_are_told() {
    let (text, status) = inspected("m.wat", MODULE.as_bytes());
    assert_eq!(status, 0, "{text}");
    assert!(text.starts_with("m.wat: valid\n"), "{text}");
    assert_eq!(block(&text, "update methods"), "  set");
    assert_eq!(block(&text, "query methods"), "  get");
    assert_eq!(block(&text, "composite query methods"), "  all");
    assert_eq!(
        block(&text, "hooks"),
        "  canister_init\n  canister_heartbeat"
    );
    assert_eq!(block(&text, "imports from ic0"), "  msg_reply debug_print");
    assert_eq!(block(&text, "other exports"), "  helper\n  counter");
    assert_eq!(
        block(&text, "declares"),
        "  memory     32-bit, 2 pages (128 KiB), at most 3 pages (192 KiB)\n  \
           globals    2, 1 of them mutable\n  functions  6, and 2 imported"
    );
    assert_eq!(
        block(&text, "custom sections"),
        "  bytes  readable by  name\n     12  everybody    candid:service\n      3  controllers  secret\n      1  nobody       producers\n     10  nobody       name"
    );
}

/// metering.md 5.2: an empty module counts 72 operators, each costs 6,000 instructions; 20,000,000 more are those of any module
/// since 2026, and 5,000,000 cycles are fixed. 13 nodes pay that in full. 1 node prepays
/// floor((5_000_000 + 300_000_000_000) / 13) = 23_077_307_692 and gets back floor((300_000_000_000 - 20_432_000) / 13) =
/// 23_075_351_384.
#[test]
fn installing_costs_what_compiling_costs() {
    let (text, status) = inspected("empty.wat", b"(module)");
    assert_eq!(status, 0);
    assert_eq!(
        block(&text, "installing, as of 2026-11"),
        "  compile    6_000 × 72 + 20_000_000 = 20_432_000 instructions\n  \
           13 nodes   25_432_000 cycles on an application subnet, 300_005_000_000 at hand until then\n  \
           1 node     1_956_308 cycles on an application subnet, 23_077_307_692 at hand until then"
    );
}

/// In a 64-bit module an instruction costs two cycles: 5_000_000 + 2 * 20_432_000; and before 2026 those of the module were all.
#[test]
fn a_64_bit_module_pays_twice_for_its_instructions() {
    let object = json("wide.wat", b"(module (memory i64 1))");
    assert_eq!(object["install"]["instructions"], 20_432_000);
    assert_eq!(object["install"]["cycles_13_nodes"], "45864000");
    // 5_000_000 + 2 * 300_000_000_000.
    assert_eq!(object["install"]["prepaid_13_nodes"], "600005000000");
    assert_eq!(object["memory"]["bits"], 64);
}

#[test]
fn the_size_and_hash_are_those_of_the_file_and_the_module_may_be_compressed() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(b"\0asm\x01\0\0\0").unwrap();
    let file = encoder.finish().unwrap();
    let (text, status) = inspected("m.wasm.gz", &file);
    assert_eq!(status, 0, "{text}");
    let size = format!("size       {} bytes, 8 bytes when extracted", file.len());
    assert!(block(&text, "file").contains(&size), "{text}");
    // SHA-256 of the eight bytes of an empty module, by sha256sum.
    let object = json("m.wasm", b"\0asm\x01\0\0\0");
    assert_eq!(
        object["sha256"],
        "93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476"
    );
}

#[test]
fn functions_are_named_and_sorted_by_size() {
    let object = json(
        "m.wat",
        b"(module (func $small) (func $large (drop (i32.const 1)) (drop (i32.const 2))))",
    );
    let names: Vec<_> = object["largest_functions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| &f["name"])
        .collect();
    assert_eq!(names, ["large", "small"]);
}

#[test]
fn a_module_that_is_refused_is_told_with_the_reason_and_status_1() {
    let (text, status) = inspected("m.wat", b"(module (import \"env\" \"f\" (func)))");
    assert_eq!(status, 1, "{text}");
    assert!(
        text.starts_with("m.wat: refused\nIC0505: Canister's Wasm module is not valid: "),
        "{text}"
    );
    let object = json("m.wat", b"(module (import \"env\" \"f\" (func)))");
    assert_eq!(
        (&object["valid"], &object["error"]["code"]),
        (&false.into(), &"IC0505".into())
    );
    let (text, status) = inspected("m.wasm", b"junk");
    assert_eq!(status, 1, "{text}");
}

#[test]
fn every_field_of_the_object_is_described() {
    let described = include_str!("../../src/report/JSON.md");
    let described = described.split("\n## `drun inspect --json`").nth(1);
    let described = described.and_then(|rest| rest.split("\n## ").next());
    let described = described.expect("there is a section");
    for module in [MODULE, r#"(module (import "env" "f" (func)))"#] {
        let object = json("m.wat", module.as_bytes());
        for field in object.as_object().unwrap().keys() {
            assert!(described.contains(&format!("\n| `{field}` |")), "{field}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_a_mistake_of_the_command_line() {
    let directory = tempfile::tempdir().unwrap();
    let output = inspect(directory.path(), &["absent.wasm"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "error: absent.wasm: there is no such file\n"
    );
}
