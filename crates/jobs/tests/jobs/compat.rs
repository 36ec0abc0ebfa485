//! What every guest of the original's table comes to, in both modes.

use serde_json::{Value, json};

use crate::client::Server;
use crate::guests::named;

/// Guest, result or error of the original, code of ours ("" for success).
fn table() -> Vec<(&'static str, Result<Value, &'static str>, &'static str)> {
    let ok = json!({"ok": true, "result": {"a": 1}});
    vec![
        ("ok", Ok(ok.clone()), ""),
        ("two", Ok(json!({"first": 1})), ""),
        ("nonl", Ok(json!({"x": 1})), ""),
        ("scalar", Ok(json!(42)), ""),
        ("notjson", Err("stdout is not JSON: "), "bad_json"),
        ("empty", Err("empty stdout"), "empty_stdout"),
        ("stderr", Err("empty stdout"), "empty_stdout"),
        ("startonly", Err("exit code 1"), ""),
        ("norun", Err("exit code 1"), "entry_missing"),
        ("trap", Err("exit code 134"), "trap"),
        ("okthentrap", Err("exit code 134"), "trap"),
        ("loop", Err("timeout after 1000ms"), "timeout"),
        ("recurse", Err("exit code 134"), "stack_overflow"),
        ("exit3", Err("exit code 3"), "exit"),
        ("exit0", Ok(ok), ""),
        ("ret", Ok(json!(7)), "exit"),
        ("arg", Err("exit code 1"), "entry_signature"),
        ("badimport", Err("exit code 1"), "import_missing"),
        (
            "flood",
            Err("killed: stdout/stderr size limit exceeded"),
            "output_limit",
        ),
        (
            "floods",
            Err("killed: stdout/stderr size limit exceeded"),
            "output_limit",
        ),
        ("garbage", Err("exit code 1"), "module_invalid"),
        ("short", Err("exit code 1"), "module_invalid"),
        ("grow", Err("empty stdout"), "empty_stdout"),
        ("growtrap", Err("exit code 134"), "memory_limit"),
    ]
}

#[test]
fn the_original_is_reproduced() {
    let server = Server::start(&["--compat"]);
    for (name, expected, _) in table() {
        let answer = server.job(&named(name), json!({"timeoutMs": 1000}));
        match expected {
            Ok(result) => {
                assert_eq!(
                    (&answer["ok"], &answer["result"]),
                    (&json!(true), &result),
                    "{name}"
                );
            }
            Err(error) => {
                assert_eq!(answer["ok"], false, "{name}");
                assert!(
                    answer["error"].as_str().unwrap().starts_with(error),
                    "{name}: {answer}"
                );
            }
        }
        for member in answer.as_object().unwrap().keys() {
            assert!(
                ["jobId", "ok", "result", "error", "stderr", "durationMs"]
                    .contains(&member.as_str()),
                "{name}: {member}"
            );
        }
    }
    let stderr = |name| {
        server.job(&named(name), json!({}))["stderr"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(stderr("stderr"), "warn\n");
    assert!(stderr("trap").starts_with("Error: ") && stderr("trap").contains("unreachable"));
    for name in ["norun", "badimport", "garbage"] {
        assert!(stderr(name).starts_with("Error: "), "{name}");
    }
    assert!(stderr("ret").starts_with("warning: "));
}

#[test]
fn failures_have_codes() {
    let server = Server::start(&[]);
    for (name, _, code) in table() {
        let answer = server.job(&named(name), json!({"timeoutMs": 1000}));
        match code {
            "" => assert_eq!(answer["ok"], true, "{name}: {answer}"),
            code => assert_eq!(answer["code"], code, "{name}: {answer}"),
        }
    }
    let job = |name| server.job(&named(name), json!({"timeoutMs": 1000}));
    assert_eq!(job("startonly")["result"], json!({"via": "_start"}));
    assert_eq!(job("flood")["stream"], "stdout");
    assert_eq!(job("floods")["stream"], "stderr");
    assert_eq!(job("exit3")["exitCode"], 3);
    assert_eq!(job("notjson")["stdoutHead"], "hello\n");
    assert_eq!(
        job("notjson")["error"],
        "stdout is not JSON: expected value at line 1 column 1"
    );
    assert_eq!(
        job("badimport")["error"],
        "unknown import env.foo (known: wasi_snapshot_preview1, host)"
    );
    assert_eq!(
        job("norun")["error"],
        "no export \"run\" or \"_start\" (exports: memory, main)"
    );
    assert_eq!(
        job("arg")["error"],
        "export \"run\" must take no parameters and return nothing or i32"
    );
    assert_eq!(job("recurse")["error"], "trap: call stack exhausted");
    let trap = job("trap");
    assert_eq!(
        trap["error"],
        "trap: wasm `unreachable` instruction executed"
    );
    assert_eq!(
        (&trap["exitCode"], &trap["trap"]["reason"]),
        (&json!(134), &json!("unreachable"))
    );
    assert!(
        trap["trap"]["backtrace"][0]
            .as_str()
            .unwrap()
            .contains(" +0x"),
        "{trap}"
    );
    let grow = job("grow");
    assert_eq!(
        grow["warnings"],
        json!(["memory.grow to 2050 pages refused (limit 2048)"])
    );
    assert_eq!(job("growtrap")["error"], "memory limit exceeded (128 MiB)");
    assert_eq!(
        job("short")["error"].as_str().unwrap().split(':').next(),
        Some("invalid wasm module")
    );
}
