//! The commands `run` and `check`.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::client::{PROGRAM, Server};
use crate::guests::{named, prints, text as text_of};

fn program(arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(arguments)
        .env_clear()
        .output()
        .unwrap()
}

fn file(directory: &tempfile::TempDir, wasm: &[u8]) -> String {
    let path = directory.path().join("guest.wasm");
    std::fs::write(&path, wasm).unwrap();
    path.to_str().unwrap().to_owned()
}

/// An answer without what differs from run to run.
pub(crate) fn stable(mut answer: Value) -> Value {
    answer.as_object_mut().unwrap().remove("durationMs");
    if let Some(usage) = answer.get_mut("usage").and_then(Value::as_object_mut) {
        usage.retain(|name, _| !name.ends_with("Ms") && name != "module");
    }
    // A trap that was just behind a look at the time may have the place of that look.
    let frames = answer.pointer_mut("/trap/backtrace");
    for frame in frames.and_then(Value::as_array_mut).into_iter().flatten() {
        let function = frame.as_str().and_then(|frame| frame.split(" +0x").next());
        *frame = function.unwrap_or_default().to_owned().into();
    }
    answer
}

#[test]
fn run_answers_as_the_server_does() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&[]);
    for name in [
        "ok",
        "two",
        "nonl",
        "scalar",
        "notjson",
        "empty",
        "stderr",
        "startonly",
        "norun",
        "trap",
        "loop",
        "recurse",
        "exit3",
        "ret",
        "arg",
        "badimport",
        "flood",
        "garbage",
        "short",
        "grow",
        "growtrap",
    ] {
        let wasm = named(name);
        let output = program(&["run", &file(&directory, &wasm), "--timeout", "300"]);
        let ours: Value = serde_json::from_slice(&output.stdout).unwrap();
        let served = server.job(&wasm, json!({"jobId": "cli", "timeoutMs": 300}));
        assert_eq!(stable(ours.clone()), stable(served), "{name}");
        assert_eq!(
            output.status.code(),
            Some(if ours["ok"] == true { 0 } else { 1 })
        );
    }
}

/// Whoever lowers a limit for one lowers it for the other.
#[test]
fn check_goes_by_the_variables_that_run_goes_by() {
    let directory = tempfile::tempdir().unwrap();
    for (key, value, name) in [
        ("MAX_MEMORY_BYTES", "65536", "ok"),
        ("COMPAT", "1", "startonly"),
    ] {
        let path = file(&directory, &named(name));
        for command in ["run", "check"] {
            let mut program = Command::new(PROGRAM);
            program.args([command, &path]).env_clear();
            let usual = program.output().unwrap();
            assert_eq!(usual.status.code(), Some(0), "{command} {name}");
            let lowered = program.env(key, value).output().unwrap();
            assert_eq!(lowered.status.code(), Some(1), "{command} {name}");
        }
    }
}

/// JSON may be deeper, larger and odder than values in memory are.
#[test]
fn a_job_that_succeeds_is_a_success_whatever_its_result_is() {
    let directory = tempfile::tempdir().unwrap();
    let deep = "[".repeat(512) + &"]".repeat(512);
    for result in [&deep, "1e999", r#""\ud800""#] {
        let output = program(&["run", &file(&directory, &prints(result))]);
        let answer = String::from_utf8(output.stdout).unwrap();
        assert!(answer.contains(r#""ok":true"#), "{answer}");
        assert_eq!(output.status.code(), Some(0), "{result}");
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, &named("ok"));
    for command in ["run", "check"] {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let mut program = Command::new(PROGRAM);
        program.args([command, &path]).env_clear();
        let output = program.stdout(full.unwrap()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{command}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("standard output: No space left"), "{text}");
    }
}

#[test]
fn wrong_arguments_are_told() {
    assert_eq!(program(&["run", "/nowhere.wasm"]).status.code(), Some(2));
    assert_eq!(program(&["frob"]).status.code(), Some(2));
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, &named("ok"));
    let output = program(&["run", &path, "--input", "{bad"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("--input is not JSON")
    );
    assert_eq!(
        program(&["run", &path, "--input", "{\"jobId\":\"}\"}"])
            .status
            .code(),
        Some(0)
    );
}

/// Whatever else there is in the environment of a program.
#[test]
fn variables_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, &named("ok"));
    let run = |key: &str| {
        let value = std::ffi::OsStr::from_bytes(b"\xff");
        let mut command = Command::new(PROGRAM);
        command.args(["run", &path]).env_clear().env(key, value);
        command.output().unwrap()
    };
    assert_eq!(run("SHELL_PROMPT").status.code(), Some(0));
    let told = run("RPC_FIXTURE");
    assert_eq!(told.status.code(), Some(2));
    let text = String::from_utf8(told.stderr).unwrap();
    assert!(text.contains("RPC_FIXTURE: not UTF-8"), "{text}");
}

#[test]
fn check_tells_whether_a_module_could_run() {
    let directory = tempfile::tempdir().unwrap();
    let output = program(&["check", &file(&directory, &named("ok"))]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        text.contains("entry    run") && text.contains("wasi_snapshot_preview1.fd_write"),
        "{text}"
    );
    let output = program(&["check", &file(&directory, &named("badimport"))]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("import_missing: unknown import env.foo"),
        "{text}"
    );
    let several = text_of(
        r#"(module (import "env" "foo" (func)) (import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))
           (import "env" "bar" (func (param i64))) (func (export "go")))"#,
    );
    let output = program(&["check", &file(&directory, &several)]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "imports  wasi_snapshot_preview1.sched_yield",
        "unknown  env.foo, env.bar",
        "exports  go",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    for (declared, line) in [
        (
            "(memory 3000)",
            "memory   196608000 bytes at start, at most unlimited",
        ),
        (
            "(memory (export \"memory\") (export \"again\") 1100 1200)",
            "memory   72089600 bytes at start, at most 78643200",
        ),
        (
            "(memory 1 1) (memory 2 2)",
            "memory   196608 bytes at start, at most 196608",
        ),
        (
            "(table 90000 funcref) (table 90000 funcref)",
            "tables   180000 elements at start",
        ),
    ] {
        let module = text_of(&format!("(module {declared} (func (export \"run\")))"));
        let path = file(&directory, &module);
        let checked = program(&["check", &path]);
        let text = String::from_utf8(checked.stdout).unwrap();
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
        let runs: Value = serde_json::from_slice(&program(&["run", &path]).stdout).unwrap();
        let runs = runs["code"] == "empty_stdout";
        assert_eq!(checked.status.code() == Some(0), runs, "{declared}\n{text}");
    }
}
