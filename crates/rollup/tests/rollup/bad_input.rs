//! Everything that can be wrong before the first prompt: one block on standard error, exit status 1, at a place.

use super::{debugger, kernel, talk, text};
use std::fs;
use std::path::Path;

fn refused(args: &[&str]) -> String {
    let output = talk(debugger().args(args), "");
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    assert_eq!(text(&output.stdout), "", "{args:?}");
    text(&output.stderr)
}

fn module(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn kernels_that_cannot_be_debugged() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("kernel.txt"), "").unwrap();
    fs::write(at("bad.hex"), "xyz").unwrap();
    fs::write(at("bad.wasm"), "nonsense").unwrap();
    fs::write(at("bad.wat"), "(module\n  (func (i32.foo)))").unwrap();
    let memory = r#"(memory (export "m") 1)"#;
    for (kernel, expected) in [
        (
            at("none.wasm"),
            format!("{} is not a valid file", at("none.wasm")),
        ),
        (
            at("kernel.txt"),
            "Kernels should have .wasm or .wast file extension".into(),
        ),
        (
            at("bad.hex"),
            format!("\"{}\" is not a valid hexadecimal file", at("bad.hex")),
        ),
        (at("bad.wasm"), "bad:0x0: decoding error: ".into()),
        (
            at("bad.wat"),
            "bad:2.10: syntax error: unknown operator or unexpected token".into(),
        ),
        (
            module(
                directory.path(),
                "float.wasm",
                &format!("(module {memory} (func (drop (f32.const 1))))"),
            ),
            "float:0x".into(),
        ),
        (
            module(
                directory.path(),
                "floats.wasm",
                &format!("(module {memory} (func (param f64)))"),
            ),
            "floats:0x".into(),
        ),
        (
            module(
                directory.path(),
                "two.wasm",
                &format!("(module {memory} (memory 1))"),
            ),
            "two:0x".into(),
        ),
        (
            module(directory.path(), "hidden.wasm", "(module (memory 1))"),
            "hidden:0x".into(),
        ),
        (
            module(
                directory.path(),
                "import.wasm",
                &format!(r#"(module (import "smart_rollup_core" "foo" (func)) {memory})"#),
            ),
            "import:0x11: link failure: unknown import \"smart_rollup_core\".\"foo\"\n".into(),
        ),
        (
            module(
                directory.path(),
                "other.wasm",
                &format!(r#"(module (import "env" "read_input" (func)) {memory})"#),
            ),
            "other:0x11: link failure: unknown import \"env\".\"read_input\"\n".into(),
        ),
    ] {
        let found = refused(&["--kernel", &kernel]);
        assert!(
            found.starts_with(&format!("Error:\n  {expected}")),
            "{found}"
        );
    }
    for (name, what) in [
        ("float", "decoding error: float instructions are forbidden"),
        ("floats", "decoding error: float instructions are forbidden"),
        ("two", "invalid module: multiple memories are not allowed"),
        ("hidden", "invalid module: Module must export memory 0"),
    ] {
        let found = refused(&["--kernel", &at(&format!("{name}.wasm"))]);
        assert!(found.ends_with(&format!("{what}\n")), "{found}");
    }
    assert_eq!(refused(&[]), "Error:\n  A kernel file must be provided\n");
}

#[test]
fn options_that_make_no_sense() {
    let hello = kernel("hello");
    let hello = hello.to_str().unwrap();
    for (args, expected) in [
        (["--inputs", "/none"], "/none is not a valid file"),
        (
            ["--rollup", "sr1"],
            "Parameter 'sr1' is an invalid smart rollup address encoded in a base58 string.",
        ),
        (
            ["--preimage-dir", "/none"],
            "/none is not a valid directory",
        ),
        (
            ["--dal-pages-dir", "/none"],
            "/none is not a valid directory",
        ),
        (
            ["--flamecharts-dir", "/none"],
            "/none is not a valid directory",
        ),
        (
            ["--installer-config", "x.txt"],
            "Expecting either a .yaml of .json file",
        ),
        (
            ["--plugins", "x.cmxs"],
            "Plugins are compiled OCaml, which this debugger cannot load",
        ),
        (
            ["-p", "2.0.0-r9"],
            "2.0.0-r9 is not a valid WASM PVM version. Expected one of: '2.0.0', '2.0.0-r1', '2.0.0-r2', '2.0.0-r3', \
             '2.0.0-r4', '2.0.0-r5', '2.0.0-r6'.",
        ),
    ] {
        assert_eq!(
            refused(&["--kernel", hello, args[0], args[1]]),
            format!("Error:\n  {expected}\n")
        );
    }
}

#[test]
fn inputs_are_refused_at_a_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("inputs.json");
    let hello = kernel("hello");
    for (json, expected) in [
        ("[[", "EOF while parsing a list at line 1 column 2"),
        (
            "[[{\"payload\":\"0\",\n\"sender\":\"KT1x\"}]]",
            "level 0, message 0: `sender`: invalid address `KT1x`: its checksum is wrong",
        ),
    ] {
        fs::write(&path, json).unwrap();
        let found = refused(&[
            "--kernel",
            hello.to_str().unwrap(),
            "--inputs",
            path.to_str().unwrap(),
        ]);
        assert_eq!(found, format!("Error:\n  {}: {expected}\n", path.display()));
    }
}
