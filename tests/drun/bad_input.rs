//! Wrong scripts, configurations and arguments: each gets its message and its exit status, and nothing runs.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use crate::support;
use crate::support::place::{ID, Place};

/// A script of one line in the language of the original gets this picture of its mistake.
fn mistake(line: &str, column: usize, length: usize, message: &str, expected: &str) {
    let indent = " ".repeat(column - 1);
    let carets = "^".repeat(length);
    let picture = format!(
        "error: {message}\n --> s:1:{column}\n  |\n1 | {line}\n  | {indent}{carets}\n  = expected: {expected}"
    );
    let place = Place::new().file("s", line);
    place.run(&["--strict", "s"]).refused(&picture);
}

/// Such a payload behind `query <id> m `, which is 36 characters long.
fn payload_mistake(payload: &str, column: usize, length: usize, message: &str, expected: &str) {
    mistake(
        &format!("query {ID} m {payload}"),
        36 + column,
        length,
        message,
        expected,
    );
}

const CALL: &str = "`query <canister_id> <method_name> <payload>`";
const ESCAPES: &str = r#"`\\`, `\"`, `\xHH` or `\bBBBBBBBB`"#;

#[test]
fn unknown_keyword() {
    let line = format!("instal {ID} m.wasm 0x");
    mistake(&line, 1, 6, "unknown message `instal`", "perhaps `install`");
    let all = "`create`, `install`, `reinstall`, `upgrade`, `ingress`, `query` or `#`";
    mistake("remove", 1, 6, "unknown message `remove`", all);
}

#[test]
fn too_few_fields() {
    mistake("query", 6, 1, "the canister id is missing", CALL);
    mistake(
        &format!("query {ID}"),
        34,
        1,
        "the method name is missing",
        CALL,
    );
    mistake(
        &format!("query {ID} m"),
        36,
        1,
        "the payload is missing",
        CALL,
    );
    let install = "`install <canister_id> <wasmfile> <payload>`";
    mistake(
        &format!("install {ID}"),
        36,
        1,
        "the module file is missing",
        install,
    );
}

#[test]
fn too_many_fields() {
    mistake(
        "create now",
        8,
        3,
        "the message is complete before this",
        "`create`",
    );
    payload_mistake("0x00 0x", 6, 2, "the message is complete before this", CALL);
    payload_mistake(
        "\"a\" b",
        4,
        2,
        "something follows the closing quote",
        "the end of the line",
    );
    payload_mistake(
        "\"a\"b",
        4,
        1,
        "something follows the closing quote",
        "the end of the line",
    );
}

#[test]
fn illegal_escapes() {
    for letter in ["n", "0", "u", "X", "'"] {
        let message = format!("unknown escape: a backslash before `{letter}`");
        payload_mistake(&format!("\"\\{letter}\""), 2, 2, &message, ESCAPES);
    }
    let hex = "`\\xHH`, such as `\\x2a`";
    payload_mistake(
        "\"\\x4\"",
        2,
        3,
        "a hex escape needs two hex digits, here are 1",
        hex,
    );
    payload_mistake(
        "\"\\xg0\"",
        2,
        2,
        "a hex escape needs two hex digits, here are 0",
        hex,
    );
    let bits = "`\\bBBBBBBBB`, such as `\\b00101010`";
    payload_mistake(
        "\"\\b0101\"",
        2,
        6,
        "a binary escape needs eight binary digits, here are 4",
        bits,
    );
    payload_mistake(
        "\"\\b00000002\"",
        2,
        9,
        "a binary escape needs eight binary digits, here are 7",
        bits,
    );
}

#[test]
fn hex_payloads() {
    payload_mistake(
        "0x123",
        5,
        1,
        "an odd number of hex digits: 3",
        "two hex digits for each byte",
    );
    payload_mistake(
        "0x0g",
        4,
        1,
        "`g` is no hex digit",
        "the digits 0 to 9 and a to f",
    );
    payload_mistake(
        "12",
        1,
        2,
        "this is no payload",
        "`0x` and hex digits, or a string in double quotes",
    );
}

#[test]
fn strings() {
    let ascii = "printable ASCII; other bytes as `\\xHH`";
    payload_mistake(
        "\"é\"",
        2,
        1,
        "a quoted payload cannot hold `é` (U+00E9)",
        ascii,
    );
    payload_mistake(
        "\"abc",
        5,
        1,
        "the quoted payload has no end",
        "a closing double quote",
    );
    payload_mistake(
        "\"abc\\\"",
        7,
        1,
        "the quoted payload has no end",
        "a closing double quote",
    );
}

#[test]
fn bad_ids() {
    let alphabet = "letters, the digits 2 to 7 and dashes";
    mistake(
        "query rwlgt-iiaaa-aaaaa-aaaaa-ca1 m 0x",
        33,
        1,
        "a canister id cannot hold `1`",
        alphabet,
    );
    // CRC-32 of the ten bytes 00…00 01 01 is the 8d9669a1 in the right id; 'u' for 't' changes the fifth group of five bits.
    let message = "the checksum of the canister id is wrong: computed 8d9669a1, found 8d966a21";
    mistake(
        "query rwlgu-iiaaa-aaaaa-aaaaa-cai m 0x",
        7,
        27,
        message,
        "the id exactly as it was handed out",
    );
    let old = "the checksum of the canister id is wrong: computed 2d, found 2e";
    let expected = "`2D` at the end, if the rest is right";
    mistake(
        "query ic:0100000000000000000000000000000000012E m 0x",
        46,
        2,
        old,
        expected,
    );
    // 60 characters of base32 are 300 bits: 37 bytes, 4 of them checksum.
    let long = ["aaaaa"; 12].join("-");
    mistake(
        &format!("query {long} m 0x"),
        7,
        71,
        "the canister id is too long: 33 bytes",
        "at most 29 bytes",
    );
}

#[test]
fn several_mistakes_are_all_reported_and_nothing_runs() {
    let script = format!("create\ninstall {ID} none.wasm 0x\ncreat\nquery {ID} m 0x1\n");
    let ran = Place::new().file("s", &script).run(&["s"]);
    ran.refused_with("error: unknown message `creat`\n --> s:3:1\n");
    ran.refused_with("error: an odd number of hex digits: 1\n --> s:4:39\n");
    let two_wrong_fields = format!("query {ID}x 1m 0x\n");
    let ran = Place::new()
        .file("s", two_wrong_fields)
        .run(&["--strict", "s"]);
    ran.refused_with("s:1:7");
    ran.refused_with("error: a method name cannot have `1` here\n --> s:1:36\n");
}

#[test]
fn directories_and_missing_files_for_scripts() {
    let place = Place::new();
    place.run(&["."]).refused_with("error: cannot read .: ");
    place
        .run(&["none.drun"])
        .refused_with("error: cannot read none.drun: ");
}

#[cfg(target_os = "linux")]
#[test]
fn what_never_ends_is_refused_at_a_limit() {
    let place = Place::new();
    let script = place.run(&["/dev/zero"]);
    script.refused("error: cannot read /dev/zero: it is longer than 1024 MiB");
    let config = place.file("s", "").run(&["-c", "/dev/zero", "s"]);
    config.refused("error: cannot read /dev/zero: it is longer than 16 MiB");
    for module in ["/dev/zero", "/dev/stdin"] {
        let install = format!("install rwlgt-iiaaa-aaaaa-aaaaa-cai {module} 0x");
        let ran = Place::new().file("s", &install).run(&["s"]);
        ran.refused_with("this is no file, but a device or a pipe");
    }
}

/// A pipe with a name, behind which nobody writes, is not waited for where a file is meant.
#[cfg(target_os = "linux")]
#[test]
fn pipes_directories_and_huge_files_are_no_modules() {
    let place = Place::new();
    let path = |name: &str| place.0.path().join(name);
    let made = std::process::Command::new("mkfifo")
        .arg(path("pipe.wasm"))
        .status();
    assert!(made.is_ok_and(|status| status.success()));
    std::fs::create_dir(path("dir.wasm")).expect("it can be made");
    let huge = std::fs::File::create(path("huge.wasm")).expect("it can be made");
    huge.set_len(10 << 30).expect("a file with holes");
    for (module, reason) in [
        ("pipe.wasm", "this is no file, but a device or a pipe"),
        ("dir.wasm", "this is a directory"),
        ("huge.wasm", "it is longer than 1024 MiB"),
    ] {
        let script = format!("install rwlgt-iiaaa-aaaaa-aaaaa-cai {module} 0x\n");
        std::fs::write(path("s"), script).expect("it can be written");
        place.run(&["s"]).refused_with(reason);
        // Other ways to name a module refuse it, too.
        let inspected = place.run(&["inspect", module]);
        assert_eq!(inspected.status, Some(2), "{}", inspected.err);
        assert!(inspected.err.contains(reason), "{}", inspected.err);
    }
    place
        .run(&["huge.wasm"])
        .refused("error: cannot read huge.wasm: it is longer than 1024 MiB");
    let mock = place.run(&["-c", "dir.wasm", "s"]);
    mock.refused_with("error: cannot read dir.wasm: ");
}

/// Nothing of a suite is waited for or read without end: each is a case that fails.
#[cfg(target_os = "linux")]
#[test]
fn pipes_and_devices_are_no_files_of_a_suite() {
    let place = Place::new();
    let path = |name: &str| place.0.path().join(name);
    for name in ["case.drun", "part"] {
        let made = std::process::Command::new("mkfifo")
            .arg(path(name))
            .status();
        assert!(made.is_ok_and(|status| status.success()));
    }
    std::fs::write(path("endless.drun"), "create\n").expect("it can be written");
    std::os::unix::fs::symlink("/dev/zero", path("endless.ok")).expect("it can be made");
    std::fs::write(path("includes.drun"), "include \"part\"\n").expect("it can be written");
    std::fs::write(path("includes.ok"), "").expect("it can be written");
    let ran = place.run(&["test"]);
    assert_eq!(ran.status, Some(1), "{}", ran.err);
    let told = "this is no file, but a device or a pipe";
    assert_eq!(ran.out.matches(told).count(), 3, "{}", ran.out);
}

#[test]
fn of_a_decimal_id_the_principal_is_told() {
    let ran = Place::new().file("s", "ingress 1 go 0x\n").run(&["s"]);
    ran.refused_with("a canister id is no decimal number any more");
    assert!(
        ran.err
            .contains("= expected: `rrkah-fqaaa-aaaaa-aaaaq-cai`"),
        "{}",
        ran.err
    );
}

#[test]
fn scripts_without_messages_are_fine() {
    for script in ["", "\n", "# nothing\r\n  \t\r\n", "\u{feff}"] {
        Place::new().file("s", script).run(&["s"]).printed("");
    }
}

#[test]
fn the_last_line_needs_no_end() {
    let made =
        "ingress(0) Completed: Reply: 0x4449444c016c01b3c4b1f204680100010a00000000000000000101\n";
    for script in ["create", "create\r", "create\r\n"] {
        Place::new().file("s", script).run(&["s"]).printed(made);
    }
}

/// A query whose payload fills the line to this length.
fn line_of(length: usize) -> String {
    let mut line = format!("query {ID} m \"");
    line.push_str(&"a".repeat(length - line.len() - 1));
    line + "\""
}

#[test]
fn lines_of_16_and_17_mebibytes() {
    let ran = Place::new().file("s", line_of(17 << 20)).run(&["s"]);
    ran.refused_with("error: the line is too long: 17825792 bytes\n --> s:1:16777217\n");
    ran.refused_with("  = expected: at most 16777216 bytes (16 MiB) in a line\n");
    assert!(
        ran.err.len() < 1000,
        "the picture shows a part of the line only"
    );

    let ran = Place::new().file("s", line_of(16 << 20)).run(&["s"]);
    assert_eq!((ran.err.as_str(), ran.status), ("", Some(0)));
    assert!(
        ran.out.starts_with("Err: IC"),
        "there is no such canister: {}",
        ran.out
    );
}

#[test]
fn nul_bytes_and_other_strange_bytes() {
    mistake_shown("a\0b", "unknown message `a␀b`", "a␀b");
    let nul = format!("query {ID} m \"\0\"");
    let shown = nul.replace('\0', "␀");
    mistake_shown(
        &nul,
        "a quoted payload cannot hold the character U+0000",
        &shown,
    );
    let ran = Place::new().file("s", b"create\n\xff\xfe\n").run(&["s"]);
    ran.refused_with("error: this is not UTF-8 text\n --> s:2:1\n");
}

fn mistake_shown(script: &str, message: &str, shown: &str) {
    let ran = Place::new().file("s", script).run(&["s"]);
    ran.refused_with(&format!("error: {message}\n"));
    ran.refused_with(&format!("\n1 | {shown}\n"));
    assert!(!ran.err.contains('\0'));
}

#[test]
fn a_closed_pipe_is_an_error() {
    let place = Place::new().file("s", "create\n".repeat(20_000));
    let mut command = support::drun(place.0.path());
    let mut child = command
        .arg("s")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let mut first = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
    out.read_line(&mut first).expect("it prints");
    drop(out);
    let mut err = String::new();
    let mut stderr = child.stderr.take().expect("it is piped");
    stderr
        .read_to_string(&mut err)
        .expect("its errors can be read");
    assert_eq!(
        (err.as_str(), child.wait().expect("it ends").code()),
        ("error: standard output is closed\n", Some(3))
    );
    assert!(first.starts_with("ingress(0) Completed: Reply: 0x"));
}

#[test]
fn configuration_files() {
    let place = Place::new()
        .file("s", "create")
        .file("number.json5", "{ seed: 'seven' }")
        .file("choice.json5", "{ compat: 'both' }")
        .file("list.json5", "[1]")
        .file("cut.json5", "{ seed: 1")
        .file("old.toml", "seed = 7\n[transport]\nport = 1\n")
        .file(
            "node.json5",
            "{ transport: { port: 1 }, seed: 1, /* a comment */ artifact_pool: {}, metrics: {}, }",
        )
        .file("other.json5", "{ sead: 1, flowers: 2 }");
    let run = |file| place.run(&["-c", file, "s"]);
    run("number.json5")
        .refused("error: number.json5: seed: expected a whole number, got \"seven\"");
    run("choice.json5")
        .refused("error: choice.json5: compat: expected drun or pocket-ic, got \"both\"");
    run("list.json5").refused("error: list.json5: expected an object");
    run("old.toml").refused(
        "error: old.toml: this is TOML, and configurations are JSON5: `seed = 1` is written { seed: 1 }",
    );
    run("cut.json5").refused_with("error: cut.json5: ");
    run("none.json5").refused_with("error: cannot read none.json5: ");
    // What a real node has there is none of our business.
    let ran = run("node.json5");
    assert_eq!(ran.status, Some(0));
    assert_eq!(ran.err, "");
    assert_eq!(
        run("other.json5").err,
        "warning: other.json5: ignored: flowers, sead (perhaps `seed`)\n"
    );
    assert_eq!(place.run(&["-q", "-c", "other.json5", "s"]).err, "");
    assert!(ran.out.starts_with("ingress(0) Completed"));
}

#[test]
fn arguments() {
    let place = Place::new().file("s", "create");
    place.run(&[]).refused_with("<SCRIPT>");
    place
        .run(&["--frobnicate", "s"])
        .refused_with("error: unexpected argument '--frobnicate' found");
    place
        .run(&["s", "t"])
        .refused_with("error: cannot read t: ");
    place
        .run(&["--format", "xml", "s"])
        .refused_with("error: invalid value 'xml' for '--format <FORMAT>'");
    place
        .run(&["--compiler", "slow", "s"])
        .refused_with("error: invalid value 'slow' for '--compiler <WHICH>'");
    place.run(&["--seed", "-1", "s"]).refused_with("error: ");
    place
        .run(&["--time", "noon", "s"])
        .refused_with("error: --time noon: ");
    place
        .run(&["--cache-dir", "c", "--no-cache", "s"])
        .refused_with("cannot be used with '--no-cache'");
}
