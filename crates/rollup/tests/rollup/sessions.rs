//! Sessions: over a pipe, from a file, as JSON, as golden cases; what a profile says.

use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::{debugger, kernel, package, talk, text};

#[test]
fn every_golden_case_gives_its_transcript() {
    let output = debugger().args(["test", "tests/cases"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stdout));
}

#[test]
fn a_pipe_gets_prompts_and_the_end_of_input_ends_the_session() {
    let output = talk(
        debugger().arg("--kernel").arg(kernel("hello")),
        "show status\nwhat is this\n",
    );
    assert!(output.status.success());
    assert_eq!(
        text(&output.stdout),
        "> Status: Waiting for input\nInternal_status: Collect\n> > "
    );
    assert_eq!(text(&output.stderr), "Unknown command `what is this`\n");
}

#[test]
fn the_kernel_may_be_positional_as_in_the_first_releases() {
    let inputs = "tests/cases/hello-messages/inputs.json";
    let output = talk(
        debugger().arg(kernel("hello")).args(["--inputs", inputs]),
        "load inputs\nstop\nshow status\n",
    );
    assert_eq!(text(&output.stdout), "> Loaded 2 inputs at level 0\n> ");
}

#[test]
fn each_command_is_an_object_in_json_mode() {
    let inputs = "tests/cases/hello-empty/inputs.json";
    let output = talk(
        debugger()
            .arg("--json")
            .arg("--kernel")
            .arg(kernel("reboot"))
            .args(["--inputs", inputs]),
        "load inputs\nstep inbox\n",
    );
    let events: Vec<serde_json::Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["output"], "Loaded 0 inputs at level 0\n");
    assert_eq!(events[0]["internal_status"], "Snapshot");
    assert_eq!(events[1]["debug"], "again\nagain\nagain\n");
    assert_eq!(events[1]["ticks"], "55000000000");
    assert_eq!(events[1]["schema"], 1);
    let readme = fs::read_to_string(package().join("README.md")).unwrap();
    for field in events[1].as_object().unwrap().keys() {
        assert!(readme.contains(&format!("\n| `{field}` |")), "{field}");
    }
}

/// Whatever is asked for, and wherever commands come from: every line of standard output is an object.
#[test]
fn in_json_mode_nothing_else_is_on_standard_output() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let hash = drun_rollup::encoding::hash::blake2b(b"late");
    let name = format!("00{}", hex::encode(hash));
    fs::write(path("inputs"), format!(r#"[[{{"external":"{name}"}}]]"#)).unwrap();
    fs::write(path("commands"), "step inbox\nxyz\n6c617465\nshow status\n").unwrap();
    let session = |more: &[&str], lines: &str| {
        let mut command = debugger();
        command.arg("--json").arg("--kernel").arg(kernel("reveal"));
        let output = talk(
            command.args(["--inputs", &path("inputs")]).args(more),
            lines,
        );
        let events: Vec<serde_json::Value> = text(&output.stdout)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
            .collect();
        assert_eq!((events.len(), &events[0]["debug"]), (2, &"late".into()));
        let err = text(&output.stderr);
        assert!(
            err.contains(&format!("Preimage {name} not found in")),
            "{err}"
        );
        assert!(
            err.contains("Error: the data is not a valid hexadecimal value."),
            "{err}"
        );
    };
    session(&[], "step inbox\nxyz\n6c617465\nshow status\n");
    session(&["--commands", &path("commands")], "");
}

/// A key that is moved into itself makes the storage one level deeper each time.
#[test]
fn storage_may_be_deeper_than_a_stack() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deep.wat");
    let text_of = r#"(module
      (import "smart_rollup_core" "store_move" (func $move (param i32 i32 i32 i32) (result i32)))
      (import "smart_rollup_core" "store_write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
      (memory (export "m") 1)
      (data (i32.const 0) "/a/a")
      (func (export "kernel_run") (local $n i32)
        (drop (call $write (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 1)))
        (loop $again
          (drop (call $move (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 4)))
          (br_if $again (i32.lt_u
            (local.tee $n (i32.add (local.get $n) (i32.const 1)))
            (i32.const 300000))))))"#;
    fs::write(&path, text_of).unwrap();
    let inputs = "tests/cases/hello-empty/inputs.json";
    let output = talk(
        debugger()
            .arg("--kernel")
            .arg(&path)
            .args(["--inputs", inputs]),
        "step inbox\nls /a\n",
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).ends_with("/a\n> "),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn what_the_kernel_prints_can_be_hidden_or_timed() {
    let directory = tempfile::tempdir().unwrap();
    let timings = directory.path().join("timings");
    let inputs = "tests/cases/hello-empty/inputs.json";
    let run = |options: &[&str]| {
        let output = talk(
            debugger()
                .arg("--kernel")
                .arg(kernel("hello"))
                .args(["--inputs", inputs])
                .args(options),
            "step inbox\n",
        );
        text(&output.stdout)
    };
    let quiet = run(&["--no-kernel-debug"]);
    assert!(!quiet.contains("Hello"));
    assert_eq!(run(&["--timings-file", timings.to_str().unwrap()]), quiet);
    let lines = fs::read_to_string(timings).unwrap();
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["message"], "Hello, kernel!");
    assert!(first["elapsed"]["nanos"].is_f64());
}

#[test]
fn a_profile_has_a_file_of_stacks_and_a_table() {
    let directory = tempfile::tempdir().unwrap();
    let profile = |options: &str| {
        let output = talk(
            debugger()
                .arg("--kernel")
                .arg(kernel("hello"))
                .args([
                    "--inputs",
                    "tests/cases/hello-messages/inputs.json",
                    "--no-kernel-debug",
                ])
                .args(["--flamecharts-dir", directory.path().to_str().unwrap()]),
            &format!("profile {options}\n"),
        );
        let out = text(&output.stdout);
        let found = |what: &str| {
            let line = out.lines().find_map(|line| line.strip_prefix(what));
            line.map(|path| fs::read_to_string(path).unwrap())
        };
        (
            found("Profiling result can be found in "),
            found("Flame graph can be found in "),
            out,
        )
    };
    let (stacks, picture, out) = profile("");
    let stacks = stacks.unwrap();
    assert_eq!(picture, None);
    let ticks = |text: &str| {
        text.lines()
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum::<u64>()
    };
    let line = |name: &str| {
        out.lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap()
            .to_owned()
    };
    let number = |line: &str| line.split(' ').next().unwrap().parse::<u64>().unwrap();
    // The tick that begins the evaluation is no function's.
    assert_eq!(number(&line("kernel_run: ")), ticks(&stacks) + 1);
    assert_eq!(number(&line("%interpreter(link): ")), 3);
    assert_eq!(line("Full execution with padding: "), "11000000000 ticks");
    assert!(stacks.starts_with("function[5] "), "{stacks}");

    let (collapsed, picture, out) = profile("--collapsed --without-time --flamegraph");
    let collapsed = collapsed.unwrap();
    assert_eq!(ticks(&collapsed), ticks(&stacks));
    assert!(collapsed.lines().count() < stacks.lines().count());
    assert!(picture.unwrap().contains("<svg"));
    assert!(out.contains("%interpreter(link): 3 ticks\n"));
}

#[test]
fn a_kernel_can_measure_parts_of_itself_in_a_profile() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kernel.wat");
    let text = r#"(module
        (import "smart_rollup_core" "write_debug" (func $debug (param i32 i32)))
        (memory (export "m") 1)
        (data (i32.const 0) "__wasm_debugger__::start_section(ab)__wasm_debugger__::end_section(c)")
        (func (export "kernel_run")
            (call $debug (i32.const 0) (i32.const 36))
            (nop)
            (call $debug (i32.const 36) (i32.const 33))))"#;
    fs::write(&path, text).unwrap();
    let inputs = "tests/cases/hello-empty/inputs.json";
    let output = talk(
        debugger()
            .arg("--kernel")
            .arg(&path)
            .args(["--inputs", inputs])
            .arg("--flamecharts-dir")
            .arg(directory.path()),
        "profile\n",
    );
    // A call of the host, 11; nothing, 6; two constants, 12; fetching and doing the call, 6: less what the first had paid.
    let out = super::text(&output.stdout);
    assert!(
        out.contains("__wasm_debugger__::Section{ticks:29;data:(0x6162,0x63)}\n"),
        "{out}"
    );
}

/// Both calls stand at the same tick of their runs, so the period between is what was measured.
#[test]
fn a_part_may_begin_in_one_run_and_end_in_another() {
    let text = r#"(module
        (import "smart_rollup_core" "write_debug" (func $debug (param i32 i32)))
        (import "smart_rollup_core" "store_write" (func $write (param i32 i32 i32 i32 i32) (result i32)))
        (import "smart_rollup_core" "store_has" (func $has (param i32 i32) (result i32)))
        (memory (export "m") 1)
        (data (i32.const 0) "__wasm_debugger__::start_section(ab)__wasm_debugger__::end_section(c)")
        (data (i32.const 100) "/x/kernel/env/reboot")
        (func (export "kernel_run")
            (if (call $has (i32.const 100) (i32.const 2))
                (then (call $debug (i32.const 36) (i32.const 33)))
                (else
                    (call $debug (i32.const 0) (i32.const 36))
                    (drop (call $write (i32.const 100) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0)))
                    (drop (call $write (i32.const 102) (i32.const 18) (i32.const 0) (i32.const 0) (i32.const 0)))))))"#;
    let directory = tempfile::tempdir().unwrap();
    let options = ["--flamecharts-dir", directory.path().to_str().unwrap()];
    let (status, out, _) = own(text, &options, "profile\n");
    assert_eq!(status, Some(0));
    assert!(
        out.contains("__wasm_debugger__::Section{ticks:11000000000;data:(0x6162,0x63)}\n"),
        "{out}"
    );
}

/// A session over a kernel of the test's own, with one empty level: exit status, output, errors.
fn own(text: &str, options: &[&str], commands: &str) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kernel.wat");
    fs::write(&path, text).unwrap();
    let inputs = "tests/cases/hello-empty/inputs.json";
    let output = talk(
        debugger()
            .arg("--kernel")
            .arg(&path)
            .args(["--inputs", inputs])
            .args(options),
        commands,
    );
    (
        output.status.code(),
        super::text(&output.stdout),
        super::text(&output.stderr),
    )
}

#[test]
fn a_command_on_a_kernel_that_does_not_end_can_be_bounded() {
    let endless = r#"(module (memory (export "m") 1) (func (export "kernel_run") (loop (br 0))))"#;
    let options = ["-p", "2.0.0-r6", "--command-timeout", "0.2"];
    for command in ["step inbox", "step result"] {
        let (status, _, err) = own(endless, &options, &format!("load inputs\n{command}\n"));
        assert_eq!(status, Some(1), "{command}");
        assert_eq!(err, "Error:\n  The command took longer than 200ms\n");
    }
}

/// It always wants something, so that nobody ever waits for it in vain.
const ENDLESS_TALK: &str = r#"(module
    (import "smart_rollup_core" "write_debug" (func $debug (param i32 i32)))
    (memory (export "m") 1)
    (func (export "kernel_run") (loop (call $debug (i32.const 0) (i32.const 1000)) (br 0))))"#;

#[test]
fn a_kernel_that_prints_without_end_can_be_bounded_too() {
    let options = [
        "--no-kernel-debug",
        "-p",
        "2.0.0-r6",
        "--command-timeout",
        "0.2",
    ];
    for command in ["step inbox", "step result"] {
        let (status, _, err) = own(ENDLESS_TALK, &options, &format!("load inputs\n{command}\n"));
        assert_eq!(status, Some(1), "{command}");
        assert_eq!(err, "Error:\n  The command took longer than 200ms\n");
    }
}

#[test]
fn a_session_ends_when_nobody_reads_what_its_kernel_prints() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kernel.wat");
    fs::write(&path, ENDLESS_TALK).unwrap();
    let mut child = debugger()
        .args([
            "-p",
            "2.0.0-r6",
            "--inputs",
            "tests/cases/hello-empty/inputs.json",
        ])
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"step inbox\n").unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 5_000]).unwrap();
    drop(stdout);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_file_of_times_has_a_line_that_did_not_end_and_its_errors_are_told() {
    let text = r#"(module
        (import "smart_rollup_core" "write_debug" (func $debug (param i32 i32)))
        (memory (export "m") 1) (data (i32.const 0) "one\0atwo")
        (func (export "kernel_run") (call $debug (i32.const 0) (i32.const 7))))"#;
    let directory = tempfile::tempdir().unwrap();
    let timings = directory.path().join("timings");
    let options = ["--timings-file", timings.to_str().unwrap()];
    let (status, _, err) = own(text, &options, "step inbox\n");
    assert_eq!((status, err.as_str()), (Some(0), ""));
    let messages: Vec<serde_json::Value> = fs::read_to_string(&timings)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["message"].clone())
        .collect();
    assert_eq!(messages, ["one", "two"]);

    // A file that is always full, where there is one.
    if fs::exists("/dev/full").unwrap() {
        let (status, _, err) = own(text, &["--timings-file", "/dev/full"], "step inbox\n");
        assert_eq!(status, Some(1));
        assert!(err.starts_with("Error:\n  /dev/full: "), "{err}");
    }
}

#[test]
fn vectors_are_stepped_through_too() {
    let text = r#"(module (memory (export "m") 1)
        (global $g (mut v128) (v128.const i32x4 1 2 3 4))
        (func $twice (param v128) (result v128) (i32x4.add (local.get 0) (local.get 0)))
        (func (export "kernel_run")
            (global.set $g (call $twice (global.get $g)))
            (v128.store (i32.const 0) (i8x16.shuffle 12 13 14 15 0 1 2 3 16 17 18 19 4 5 6 7
                (global.get $g) (i64x2.splat (i64.const -1))))))"#;
    let commands = "load inputs\nstep result\nshow memory at 0 for 16 bytes\n";
    let (status, out, err) = own(text, &[], commands);
    assert_eq!((status, err.as_str()), (Some(0), ""));
    assert!(
        out.contains("> 0800000002000000ffffffff04000000\n"),
        "{out}"
    );
}

#[test]
fn parameters_of_the_data_availability_layer_come_from_an_option() {
    let text = r#"(module
        (import "smart_rollup_core" "reveal" (func $reveal (param i32 i32 i32 i32) (result i32)))
        (memory (export "m") 1) (data (i32.const 0) "\03")
        (func (export "kernel_run") (drop (call $reveal (i32.const 0) (i32.const 1) (i32.const 8) (i32.const 100)))))"#;
    let commands = "load inputs\nstep result\nshow memory at 8 for 32 bytes\n";
    let options = ["-p", "2.0.0-r3"];
    let (status, _, err) = own(text, &options, commands);
    assert_eq!(status, Some(1));
    assert!(
        err.contains("requested DAL parameters") || err.contains("request DAL parameters"),
        "{err}"
    );
    let options = ["-p", "2.0.0-r3", "--dal-parameters", "32,8,126944,3967"];
    let (status, out, _) = own(text, &options, commands);
    assert_eq!(status, Some(0));
    let numbers = [32u64, 8, 126_944, 3967].map(|n| hex::encode(n.to_be_bytes()));
    assert!(out.contains(&numbers.concat()), "{out}");
}

#[test]
fn differences_are_told_and_can_be_accepted() {
    let directory = tempfile::tempdir().unwrap();
    let case = directory.path().join("deep/case");
    fs::create_dir_all(&case).unwrap();
    fs::copy(kernel("hello"), case.join("kernel.wat")).unwrap();
    fs::write(case.join("commands"), "show status\n").unwrap();
    let junit = directory.path().join("junit.xml");
    let run = |more: &[&str]| {
        let output = debugger()
            .arg("test")
            .arg(directory.path())
            .args(more)
            .output()
            .unwrap();
        (output.status.code(), text(&output.stdout))
    };
    let (status, out) = run(&["--junit", junit.to_str().unwrap()]);
    assert_eq!(status, Some(1));
    assert!(
        out.contains("+> show status\n+Status: Waiting for input\n"),
        "{out}"
    );
    assert!(
        fs::read_to_string(&junit)
            .unwrap()
            .contains("failures=\"1\"")
    );
    assert_eq!(run(&["--filter", "nothing"]).0, Some(2));
    assert_eq!(run(&["--accept"]).0, Some(0));
    assert_eq!(run(&[]).0, Some(0));

    // One that cannot be judged is an error of its own, one that is left out says why.
    let add = |name: &str, files: &[(&str, &str)]| {
        let case = directory.path().join(name);
        fs::create_dir_all(&case).unwrap();
        for (name, text) in files {
            fs::write(case.join(name), text).unwrap();
        }
    };
    add(
        "broken",
        &[("commands", "stop"), ("args", "--no-such-option")],
    );
    add("unread", &[("commands", "stop")]);
    fs::write(directory.path().join("unread/args"), b"\xff").unwrap();
    let (_, out) = run(&["--filter", "unread"]);
    assert!(
        out.contains("/args: stream did not contain valid UTF-8"),
        "{out}"
    );
    fs::remove_dir_all(directory.path().join("unread")).unwrap();
    add("left/out", &[("commands", "# skip: too slow\nstep inbox")]);
    let (status, out) = run(&["--junit", junit.to_str().unwrap(), "--jobs", "2"]);
    assert_eq!(status, Some(1), "{out}");
    assert!(out.contains("1 passed, 1 failed, 1 skipped in "), "{out}");
    assert!(out.contains("left/out: too slow\n"), "{out}");
    let document = fs::read_to_string(&junit).unwrap();
    for part in [
        "tests=\"3\" failures=\"0\" errors=\"1\" skipped=\"1\"",
        "<skipped message=\"too slow\"/>",
        "<testcase name=\"case\" classname=\"",
    ] {
        assert!(document.contains(part), "{part}: {document}");
    }
    let names = |more: &[&str]| {
        let (status, out) = run(&[&["--list"], more].concat());
        let last = |line: &str| line.rsplit('/').next().unwrap_or_default().to_owned();
        (status, out.lines().map(last).collect::<Vec<_>>())
    };
    assert_eq!(
        names(&[]),
        (Some(0), vec!["broken".into(), "case".into(), "out".into()])
    );
    assert_eq!(names(&["--filter", "!b*", "--filter", "!left"]).1, ["case"]);
    assert_eq!(names(&["--filter", "deep/c*"]).1, ["case"]);
    assert_eq!(names(&["--grep", "show"]).1, ["case"]);
    assert_eq!(run(&["--filter", "["]).0, Some(2));
    let shares = ["1/2", "2/2"].map(|share| names(&["--partition", share]).1.len());
    assert_eq!(shares[0] + shares[1], 3);
    let (_, out) = run(&["--fail-fast", "--quiet", "--jobs", "1"]);
    assert!(
        out.starts_with("FAILED") && out.contains("0 passed, 1 failed, 2 not run in "),
        "{out}"
    );
}

/// A person at a terminal, which the program `script` makes, interrupts a kernel that does not end.
#[test]
fn the_interrupt_key_gives_the_prompt_back_and_leaves_the_machine_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("endless.wat");
    let endless = r#"(module (memory (export "m") 1) (func (export "kernel_run") (loop (br 0))))"#;
    fs::write(&path, endless).unwrap();
    fs::write(directory.path().join("inputs.json"), "[[]]").unwrap();
    // A shell that stays would be interrupted as well, and some then end as if the program had been.
    let line = format!(
        "exec {} -p 2.0.0-r5 --kernel {} --inputs {}",
        env!("CARGO_BIN_EXE_kernel-debugger"),
        path.display(),
        directory.path().join("inputs.json").display()
    );
    let mut child = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("XDG_STATE_HOME", directory.path())
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (sender, said) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = stdout.read(&mut buffer) {
            let _ = sender.send(text(&buffer[..n]));
        }
    });
    let mut so_far = String::new();
    let mut until = |wanted: &str| {
        while !so_far.contains(wanted) {
            match said.recv_timeout(Duration::from_secs(60)) {
                Ok(more) => so_far += &more,
                Err(_) => panic!("no `{wanted}` in {so_far}"),
            }
        }
        so_far.clear();
    };
    let mut typed = |keys: &[u8]| stdin.write_all(keys).unwrap();
    until("> ");
    typed(b"step inbox\n");
    until("Loaded 0 inputs at level 0");
    // The key ends the command whenever it comes after its beginning, which has just been seen.
    typed(b"\x03");
    until("Interrupted; the machine is in the state Snapshot");
    typed(b"step tick\n");
    until("Internal_status: Decode");
    typed(b"stop\n");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn only_the_engine_may_know_the_runtime_and_the_system() {
    let forbidden = [
        concat!("wasm", "time::"),
        concat!("libc", "::"),
        concat!("un", "safe {"),
    ];
    let mut directories = vec![package().join("src")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            for word in forbidden {
                assert!(!source.contains(word), "{}: {word}", path.display());
            }
        }
    }
}
