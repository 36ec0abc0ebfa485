//! Modules that cannot be read or are not valid, and canisters that misbehave: each gets its message, and the script goes
//! on where it can.

use std::io::Write;

use crate::support::place::{ID, Place, installed};

#[test]
fn modules_that_cannot_be_read() {
    let place = Place::new()
        .file("s", installed("none.wasm"))
        .file("d", installed("."))
        .file("w", installed("bad.wat"))
        .file("bad.wat", "(module (func");
    let file = "a file with WebAssembly, plain or gzip-compressed, or its text form";
    place.run(&["s"]).refused(&format!(
        "error: the module cannot be used: there is no such file\n --> s:2:37\n  |\n2 | install {ID} none.wasm 0x\n  | {}^^^^^^^^^\n  = expected: {file}",
        " ".repeat(36)
    ));
    place
        .run(&["d"])
        .refused_with("error: the module cannot be used: this is a directory\n --> d:2:37\n");
    place
        .run(&["w"])
        .refused_with(
            "error: the module cannot be used: it is not WebAssembly text: bad.wat:1:14: expected `)`\n --> w:2:",
        );
}

/// Installing such a module fails with this text; the line after it is processed.
fn invalid(module: impl AsRef<[u8]>, text: &str) {
    let script = installed("m") + &format!("query {ID} missing 0x\n");
    let ran = Place::new().file("m", module).file("s", script).run(&["s"]);
    assert_eq!((ran.err.as_str(), ran.status), ("", Some(0)), "{}", ran.out);
    let failed = format!(
        "\ningress(1) Failed: IC0505: Error from Canister {ID}: Canister's Wasm module is not valid: "
    );
    assert!(ran.out.contains(&(failed + text)), "{}", ran.out);
    let last = ran
        .out
        .lines()
        .rev()
        .find(|line| line.starts_with("CanisterErr: IC0537: "));
    assert!(last.is_some(), "{}", ran.out);
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

#[test]
fn files_that_are_no_modules() {
    let unknown = "Failed to decode wasm module: unsupported canister module format.";
    invalid("", unknown);
    invalid("just a text file", unknown);
    // The header, then a type section of five bytes that has only one.
    let cut = "Failed to decode wasm module: Error finding code section: unexpected end-of-file (at offset 0x";
    invalid(b"\0asm\x01\0\0\0\x01\x05\x01", cut);
}

#[test]
fn gzip_that_unpacks_to_too_much() {
    let size = 101 << 20;
    let text = format!("Wasm module size of {size} exceeds the maximum allowed size of 104857600.");
    let bomb = gzip(&vec![0; size]);
    invalid(&bomb, &text);
    // The same, with a length of 8 bytes in its last four.
    let mut liar = bomb;
    let end = liar.len();
    liar[end - 4..].copy_from_slice(&8u32.to_le_bytes());
    invalid(&liar, "Failed to decode wasm module: ");
    // The checksum is in the four bytes before the length.
    let mut damaged = gzip(b"\0asm\x01\0\0\0");
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    let decode =
        "Failed to decode wasm module: failed to decode compressed Wasm module: CRC32 mismatched";
    invalid(&damaged, decode);
    damaged.truncate(15);
    invalid(
        &damaged,
        "Failed to decode wasm module: invalid Wasm module: gzip stream is too short.",
    );
}

/// The same for WebAssembly text.
fn invalid_text(module: &str, text: &str) {
    let ran = Place::new()
        .file("m.wat", module)
        .file("s", installed("m.wat"))
        .run(&["s"]);
    assert_eq!((ran.err.as_str(), ran.status), ("", Some(0)), "{}", ran.out);
    assert!(
        ran.out
            .contains(&format!("Canister's Wasm module is not valid: {text}")),
        "{}",
        ran.out
    );
}

#[test]
fn forbidden_features_and_imports() {
    let engine =
        "Wasmtime failed to validate wasm module wasmtime::Module::validate() failed with ";
    invalid_text("(module (memory 1) (memory 1))", engine);
    let table =
        "Wasm module contains a function at index 0 with unsupported instruction table.fill.";
    invalid_text(
        "(module (table 1 funcref) (func (table.fill 0 (i32.const 0) (ref.null func) (i32.const 1))))",
        table,
    );
    let section = "Wasm module has an invalid import section. Module imports function";
    invalid_text(
        r#"(module (import "ic0" "make_coffee" (func)))"#,
        &format!("{section} 'make_coffee' from 'ic0' that is not exported by the runtime."),
    );
    invalid_text(
        r#"(module (import "wasi" "fd_write" (func)))"#,
        &format!("{section} 'fd_write' from 'wasi' that is not exported by the runtime."),
    );
}

const MISBEHAVING: &str = r#"
(module
  (import "ic0" "msg_reply" (func $reply))
  (memory 1)
  (func (export "canister_update loop") (loop (br 0)))
  (func $recurse (export "canister_update recurse") (call $recurse))
  (func (export "canister_update grow") (loop (drop (memory.grow (i32.const 1024))) (br 0)))
  (func (export "canister_update well") (call $reply)))
"#;

#[test]
fn canisters_that_loop_recurse_and_grow_without_end() {
    let lines = ["loop", "well", "recurse", "well", "grow", "well"]
        .map(|method| format!("ingress {ID} {method} 0x\n"));
    let script = installed("m.wat") + &lines.concat();
    let place = Place::new().file("m.wat", MISBEHAVING).file("s", script);
    for compiler in ["interpreter", "fast", "optimizing"] {
        let ran = place.run(&[
            "--compiler",
            compiler,
            "--instruction-limit",
            "100000000",
            "s",
        ]);
        assert_eq!((ran.err.as_str(), ran.status), ("", Some(0)));
        let results: Vec<&str> = ran
            .out
            .lines()
            .filter(|line| line.starts_with("ingress("))
            .collect();
        let from = format!("Error from Canister {ID}: Canister");
        let starts = [
            "ingress(0) Completed: Reply: 0x".to_owned(),
            "ingress(1) Completed: Reply: 0x4449444c0000".to_owned(),
            format!(
                "ingress(2) Failed: IC0522: {from} exceeded the limit of 100000000 instructions for single message execution."
            ),
            "ingress(3) Completed: Empty".to_owned(),
            format!("ingress(4) Failed: IC0502: {from} trapped: stack overflow."),
            "ingress(5) Completed: Empty".to_owned(),
            // The limit of new canisters is 3 GiB, 49152 pages; 48 times 1024 pages and the first are one more.
            format!(
                "ingress(6) Failed: IC0539: {from} exceeded its current Wasm memory limit of 3221225472 bytes. The peak Wasm memory usage was 3221291008 bytes."
            ),
            "ingress(7) Completed: Empty".to_owned(),
        ];
        assert_eq!(results.len(), starts.len(), "{}", ran.out);
        for (result, start) in results.iter().zip(&starts) {
            assert!(result.starts_with(start), "expected {start}\ngot {result}");
        }
    }
}

#[test]
fn a_failing_canister_counts_only_if_asked() {
    let script = installed("m.wat") + &format!("ingress {ID} missing 0x\n");
    let place = Place::new().file("m.wat", "(module)").file("s", script);
    assert_eq!(place.run(&["s"]).status, Some(0));
    assert_eq!(place.run(&["--fail-on-error", "s"]).status, Some(1));
}
