//! `drun test`, from outside: suites written here, run by the program, with what it must say, write and exit with.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::drun;

/// What the script `create` prints.
const CREATED: &str =
    "ingress(0) Completed: Reply: 0x4449444c016c01b3c4b1f204680100010a00000000000000000101\n";
/// The same in format drun.
const CREATED_DRUN: &str =
    "ingress Completed: Reply: 0x4449444c016c01b3c4b1f204680100010a00000000000000000101\n";

/// A directory with these files.
fn suite(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    directory
}

/// The command in a directory, in an environment that asks for nothing.
fn test(directory: &Path, args: &[&str]) -> Command {
    let mut command = drun(directory);
    for name in ["CI", "DRUN_ACCEPT", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.arg("test").args(args);
    command
}

fn run(directory: &Path, args: &[&str]) -> Output {
    test(directory, args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Standard output without the time it took, and the exit status.
fn told(output: &Output) -> (String, i32) {
    let mut out = text(&output.stdout);
    if let Some(at) = out.rfind(" in ") {
        out.truncate(at);
    }
    (out, output.status.code().unwrap())
}

fn read(directory: &Path, name: &str) -> String {
    std::fs::read_to_string(directory.join(name)).unwrap()
}

#[test]
fn equal_cases_pass_in_the_order_of_their_names() {
    let suite = suite(&[
        ("z.drun", "create\n"),
        ("z.ok", CREATED),
        ("dir/script.drun", "create\n"),
        ("dir/expected", CREATED),
        ("a.drun", "create\n"),
        ("a.ok", CREATED),
    ]);
    for jobs in ["1", "3"] {
        let output = run(suite.path(), &["--jobs", jobs]);
        let expected = "ok       a\nok       dir\nok       z\n3 passed".to_owned();
        assert_eq!(told(&output), (expected, 0));
        assert_eq!(text(&output.stderr), "", "a progress line is for terminals");
    }
}

#[test]
fn a_difference_is_shown_with_the_command_that_accepts_it() {
    let suite = suite(&[("it's new.drun", "create\n"), ("it's new.ok", "old\n")]);
    let output = run(suite.path(), &["--format", "drun", "--", "--seed", "7"]);
    let program = env!("CARGO_BIN_EXE_drun");
    let command = format!("{program} test --accept --format drun 'it'\\''s new.drun' -- --seed 7");
    let expected = format!(
        "FAILED   it's new: the output differs\n--- it's new.ok (expected)\n+++ it's new.ok (actual)\n\
         @@ -1 +1 @@\n-old\n+{CREATED_DRUN}to accept this output: {command}\n\n0 passed, 1 failed"
    );
    assert_eq!(told(&output), (expected, 1));
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(&command)
        .current_dir(suite.path())
        .env_remove("CI");
    assert!(shell.output().unwrap().status.success());
    assert_eq!(read(suite.path(), "it's new.ok"), CREATED_DRUN);
}

/// A name that begins like an option is told as a path.
#[test]
fn the_command_that_accepts_takes_any_name() {
    let suite = suite(&[("-a b.drun", "create\n")]);
    let (out, status) = told(&run(suite.path(), &[]));
    assert_eq!(status, 1);
    assert!(out.contains(" test --accept './-a b.drun'\n"), "{out}");
    let accepted = run(suite.path(), &["--accept", "./-a b.drun"]);
    assert_eq!(told(&accepted).1, 0);
}

#[test]
fn a_missing_expected_output_is_a_difference() {
    let suite = suite(&[("a.drun", "create\n")]);
    let (out, status) = told(&run(suite.path(), &[]));
    assert!(out.starts_with("FAILED   a: there is no a.ok\n"), "{out}");
    assert_eq!(status, 1);
}

#[test]
fn accepting_is_asked_for_by_option_or_variable() {
    for (args, variable) in [(&["--accept"][..], "0"), (&[], "1")] {
        let suite = suite(&[
            ("a.drun", "create\n"),
            ("b.drun", "create\n"),
            ("b.ok", CREATED),
        ]);
        let output = test(suite.path(), args)
            .env("DRUN_ACCEPT", variable)
            .output()
            .unwrap();
        let expected = format!(
            "accepted a: wrote a.ok\n--- a.ok (expected)\n+++ a.ok (actual)\n@@ -0,0 +1 @@\n+{CREATED}\
             ok       b\n1 passed, 1 accepted"
        );
        assert_eq!(told(&output), (expected, 0));
        assert_eq!(read(suite.path(), "a.ok"), CREATED);
    }
}

#[test]
fn where_ci_is_set_nothing_is_accepted_unless_asked_twice() {
    let suite = suite(&[("a.drun", "create\n"), ("a.ok", "old\n")]);
    for (args, variable) in [(&["--accept"][..], ""), (&[], "1")] {
        let mut command = test(suite.path(), args);
        let output = command
            .env("CI", "true")
            .env("DRUN_ACCEPT", variable)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).starts_with("warning: CI is set, so nothing is accepted"));
        assert_eq!(read(suite.path(), "a.ok"), "old\n");
    }
    let mut command = test(suite.path(), &["--accept"]);
    let output = command
        .env("CI", "true")
        .env("DRUN_ACCEPT", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(read(suite.path(), "a.ok"), CREATED);
}

#[test]
fn accepting_writes_only_cases_that_were_run_and_removes_nothing() {
    let suite = suite(&[
        ("a.drun", "create\n"),
        ("b.drun", "create\n"),
        ("b.ok", "old\n"),
        ("c.drun", "# skip: later\ncreate\n"),
        ("c.ok", "old\n"),
        ("orphan.ok", "old\n"),
    ]);
    run(suite.path(), &["--accept", "--filter", "a"]);
    assert_eq!(read(suite.path(), "a.ok"), CREATED);
    assert_eq!(read(suite.path(), "b.ok"), "old\n");
    run(suite.path(), &["--accept"]);
    assert_eq!(read(suite.path(), "c.ok"), "old\n");
    assert_eq!(read(suite.path(), "orphan.ok"), "old\n");
}

#[test]
fn an_output_that_ends_in_the_wrong_status_is_not_accepted() {
    let suite = suite(&[("a.drun", "nonsense\n"), ("a.ok", "old\n")]);
    let (out, status) = told(&run(suite.path(), &["--accept"]));
    assert!(
        out.starts_with("FAILED   a: exit status 2, expected 0\n"),
        "{out}"
    );
    assert_eq!((status, read(suite.path(), "a.ok")), (1, "old\n".into()));
}

#[test]
fn the_head_of_a_script_says_how_it_is_run_and_how_it_ends() {
    let suite = suite(&[
        ("args.drun", "# args: --format drun\ncreate\n"),
        ("args.ok", CREATED_DRUN),
        ("exit.drun", "# exit: 2\nnonsense\n"),
        ("skip.drun", "# skip: not yet\nnonsense\n"),
    ]);
    // The script's own option wins over that of the command line.
    run(
        suite.path(),
        &["--accept", "--format", "manual", "exit.drun"],
    );
    assert!(
        read(suite.path(), "exit.ok").contains("exit.drun:2:1"),
        "a diagnostic is part of the output"
    );
    let output = run(suite.path(), &["--format", "json"]);
    let expected = "ok       args\nok       exit\nskipped  skip: not yet\n2 passed, 1 skipped";
    assert_eq!(told(&output), (expected.into(), 0));
}

/// A suite file names cases as they lie below it: also those of Motoko's suite.
#[test]
fn a_case_is_left_out_wherever_the_command_is_typed() {
    let skip = "skip = [{ cases = \"tests/slow/*\", reason = \"slow\" }]\n";
    let suite = suite(&[
        ("drun.toml", skip),
        ("tests/a.drun", "create\n"),
        ("tests/a.ok", CREATED),
        ("tests/slow/b.drun", "create\n"),
        ("tests/slow/mo/c.mo", ""),
        ("tests/slow/mo/ok/c.drun-run.ok", ""),
    ]);
    for (directory, name) in [("", "tests/"), ("tests", "")] {
        let (out, status) = told(&run(&suite.path().join(directory), &["--filter", "!*c"]));
        let expected =
            format!("ok       {name}a\nskipped  {name}slow/b: slow\n1 passed, 1 skipped");
        assert_eq!((out, status), (expected, 0));
    }
    let motoko = suite.path().join("tests/slow/mo");
    std::fs::write(suite.path().join("drun.toml"), skip.replace("/*", "/**")).unwrap();
    let (out, status) = told(&run(&motoko, &[]));
    assert_eq!(
        (out.as_str(), status),
        ("skipped  c: slow\n0 passed, 1 skipped", 0)
    );
}

#[test]
fn a_directive_that_makes_no_sense_is_one_failed_case() {
    let suite = suite(&[("a.drun", "create\n"), ("b.drun", "#\n# exit: many\n")]);
    let (out, status) = told(&run(suite.path(), &["--accept"]));
    let reason = "FAILED   b: b.drun:2: exit: expected a status from 0 to 255, got `many`\n";
    assert!(out.contains(reason), "{out}");
    assert_eq!(status, 1);
    assert!(suite.path().join("a.ok").exists());
}

#[test]
fn both_streams_are_compared_in_their_true_order() {
    let module = r#"(module
        (import "ic0" "debug_print" (func $print (param i32 i32)))
        (import "ic0" "msg_reply" (func $reply))
        (memory 1) (data (i32.const 0) "hello")
        (func (export "canister_update say")
            (call $print (i32.const 0) (i32.const 5)) (call $reply)))"#;
    let id = "rwlgt-iiaaa-aaaaa-aaaaa-cai";
    let script =
        format!("create\ninstall {id} m.wat 0x\ningress {id} say 0x\ningress {id} say 0x\n");
    let suite = suite(&[("deep/a.drun", &script), ("deep/m.wat", module)]);
    run(suite.path(), &["--accept"]);
    let lines: Vec<String> = read(suite.path(), "deep/a.ok")
        .lines()
        .skip(2)
        .map(|line| {
            line.rsplit(": ")
                .next()
                .unwrap()
                .split("] ")
                .last()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(lines, ["hello", "Empty", "hello", "Empty"]);
}

#[test]
fn what_is_in_the_environment_does_not_change_outputs() {
    let suite = suite(&[("a.drun", "create\n"), ("a.ok", CREATED)]);
    let output = test(suite.path(), &[])
        .env("DRUN_FORMAT", "json")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn names_are_listed_and_filtered_and_nothing_runs() {
    let suite = suite(&[
        ("a.drun", ""),
        ("sub/ab.drun", ""),
        ("c.drun", ""),
        ("no.txt", ""),
    ]);
    let list = |args: &[&str]| told(&run(suite.path(), &[&["--list"], args].concat()));
    assert_eq!(list(&[]), ("a\nc\nsub/ab\n".into(), 0));
    assert_eq!(list(&["--filter", "b"]), ("sub/ab\n".into(), 0));
    assert_eq!(
        list(&["--filter", "b", "--filter", "c"]),
        ("c\nsub/ab\n".into(), 0)
    );
    assert_eq!(list(&["sub", "c.drun"]), ("c\nsub/ab\n".into(), 0));
    assert_eq!(list(&["./sub/"]), ("sub/ab\n".into(), 0));
    assert_eq!(
        list(&["--exact", "--filter", "!sub/ab", "--filter", "!b"]),
        ("a\nc\n".into(), 0)
    );
    assert!(!suite.path().join("a.ok").exists());
}

#[test]
fn nothing_to_run_is_bad_usage() {
    let suite = suite(&[("a.drun", "create\n"), ("a.txt", "")]);
    for (args, reason) in [
        (
            &["--filter", "nothing"][..],
            "error: no case matches the filter in .\n",
        ),
        (
            &["absent"],
            "error: cannot read absent: there is no such file, directory or case\n",
        ),
        (
            &["a.txt"],
            "error: a.txt: expected a directory or a script, whose name ends in .drun\n",
        ),
        (&["--", "--nonsense"], "after `--`: error: "),
        (&["--partition", "3/2"], "error: invalid value '3/2'"),
        (&["--jobs", "0"], "error: invalid value '0'"),
    ] {
        let output = run(suite.path(), args);
        assert!(
            text(&output.stderr).starts_with(reason),
            "{args:?}: {}",
            text(&output.stderr)
        );
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn parts_add_up_to_the_suite_wherever_it_lies() {
    let names: Vec<String> = (0..20).map(|n| format!("case-{n:02}.drun")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "")).collect();
    let (one, other) = (suite(&files), suite(&files));
    let part =
        |directory: &Path, part: &str| told(&run(directory, &["--list", "--partition", part])).0;
    let mut all = String::new();
    for n in ["1/3", "2/3", "3/3"] {
        all += &part(one.path(), n);
        assert_eq!(part(one.path(), n), part(other.path(), n));
    }
    let mut all: Vec<&str> = all.lines().collect();
    all.sort_unstable();
    let expected: Vec<String> = (0..20).map(|n| format!("case-{n:02}")).collect();
    assert_eq!(all, expected);
}

#[test]
fn json_has_one_object_per_case_and_one_with_the_sums() {
    let suite = suite(&[
        ("a.drun", "create\n"),
        ("a.ok", CREATED),
        ("b.drun", "create\n"),
        ("b.ok", "old\n"),
        ("c.drun", "# skip\n"),
        ("d.ok", ""),
    ]);
    let output = run(suite.path(), &["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let objects: Vec<serde_json::Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let fields = |name: &str| {
        objects
            .iter()
            .map(|object| object[name].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(fields("kind"), ["case", "case", "case", "summary"]);
    assert_eq!(fields("status")[..3], ["passed", "failed", "skipped"]);
    assert!(
        objects[1]["diff"]
            .as_str()
            .unwrap()
            .contains("-old\n+ingress(0)")
    );
    assert!(
        objects[1]["accept"]
            .as_str()
            .unwrap()
            .ends_with(" test --accept b.drun")
    );
    let sums =
        ["passed", "failed", "accepted", "skipped"].map(|name| objects[3][name].as_u64().unwrap());
    assert_eq!(sums, [1, 1, 0, 1]);
    assert_eq!(objects[3]["orphans"], serde_json::json!(["d.ok"]));
}

#[test]
fn an_expected_output_without_a_script_is_reported_unless_only_a_part_was_asked_for() {
    let suite = suite(&[("a.drun", "create\n"), ("a.ok", CREATED), ("b.ok", "")]);
    let expected = "ok       a\nwarning: b.ok belongs to no script\n1 passed";
    assert_eq!(told(&run(suite.path(), &[])), (expected.into(), 0));
    assert_eq!(
        told(&run(suite.path(), &["--filter", "a"])),
        ("ok       a\n1 passed".into(), 0)
    );
}

#[test]
fn junit_holds_every_case_in_well_formed_xml() {
    let suite = suite(&[
        ("a&b.drun", "create\n"),
        ("a&b.ok", "<old> \u{1b}[0m\n"),
        ("c.drun", "create\n"),
        ("c.ok", CREATED),
        ("d.drun", "# skip: \"later\"\n"),
    ]);
    assert_eq!(
        run(suite.path(), &["--junit", "out.xml"]).status.code(),
        Some(1)
    );
    let xml = read(suite.path(), "out.xml");
    assert!(
        xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites "),
        "{xml}"
    );
    assert!(
        xml.contains(
            "<testsuite name=\"drun\" tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\" "
        ),
        "{xml}"
    );
    assert!(
        xml.contains("<testcase name=\"a&amp;b\" classname=\".\" file=\"a&amp;b.drun\" "),
        "{xml}"
    );
    assert!(
        xml.contains("\n-&lt;old&gt; \\u{1b}[0m\n+ingress(0)"),
        "{xml}"
    );
    assert!(
        xml.contains("<skipped message=\"&quot;later&quot;\"/>"),
        "{xml}"
    );
    assert_eq!(xml.matches("<testcase ").count(), 3);
}

#[test]
fn a_case_that_takes_too_long_is_ended() {
    let module = r#"(module (func (export "canister_update spin") (loop (br 0))))"#;
    let id = "rwlgt-iiaaa-aaaaa-aaaaa-cai";
    let script = format!("create\ninstall {id} m.wat 0x\ningress {id} spin 0x\n");
    // Far more than can be executed in a second.
    let head = "# args: --instruction-limit 1000000000000000\n";
    let suite = suite(&[("a.drun", &format!("{head}{script}")), ("m.wat", module)]);
    let (out, status) = told(&run(suite.path(), &["--timeout", "1", "--accept"]));
    assert!(
        out.starts_with("FAILED   a: no end within 1 s, at a.drun:4\n"),
        "{out}"
    );
    assert!(
        out.contains("\n+ingress(1) Completed: Reply: "),
        "what came before is shown: {out}"
    );
    assert_eq!(status, 1);
    assert!(!suite.path().join("a.ok").exists());
}

#[test]
fn colours_are_for_terminals_unless_the_environment_says_otherwise() {
    let suite = suite(&[("a.drun", "create\n"), ("a.ok", CREATED)]);
    let coloured = |set: &[&str]| {
        let mut command = test(suite.path(), &[]);
        set.iter().for_each(|name| {
            command.env(name, "1");
        });
        text(&command.output().unwrap().stdout).contains("\u{1b}[32mok\u{1b}[0m")
    };
    assert!(!coloured(&[]));
    assert!(coloured(&["CLICOLOR_FORCE"]));
    assert!(!coloured(&["CLICOLOR_FORCE", "NO_COLOR"]));
}

/// Cases share a process, and the time of one is over in the middle of another.
#[test]
fn the_time_of_a_case_that_has_ended_ends_no_other() {
    let suite = suite(&[
        ("drun.toml", "timeout = \"1s\"\n"),
        ("a.drun", "create\n"),
        ("a.ok", CREATED),
        ("b/drun.toml", "timeout = \"120s\"\nbuild = \"sleep 1.5\"\n"),
        ("b/b.drun", "create\n"),
        ("b/b.ok", CREATED),
    ]);
    let (out, status) = told(&run(suite.path(), &["-j", "1", "."]));
    assert!(out.starts_with("ok       a\nok       b/b\n"), "{out}");
    assert_eq!(status, 0);
}

/// What a case needs is ended too, and what was done so far is written; nothing waits for an hour.
#[test]
fn a_suite_that_is_interrupted_in_a_build_ends_with_its_report() {
    let suite = suite(&[
        ("a.drun", "create\n"),
        ("a.ok", CREATED),
        ("b/b.drun", "create\n"),
        ("b/b.ok", CREATED),
        ("b/drun.toml", "build = \"echo > begun; sleep 3600\"\n"),
    ]);
    let directory = suite.path();
    let child = test(directory, &["-j", "1", "--junit", "junit.xml", "."])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let begun = std::time::Instant::now();
    while !directory.join("b/begun").exists() {
        assert!(begun.elapsed().as_secs() < 120, "the build begins");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status();
    assert!(sent.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let out = text(&output.stdout);
    assert!(!output.status.success(), "{out}");
    assert!(out.contains("ok       a\n"), "{out}");
    let junit = read(directory, "junit.xml");
    assert!(junit.contains("name=\"a\""), "{junit}");
}

/// The streams of a case are one here, so a warning of the tool would be part of what is compared.
#[test]
fn a_cache_that_cannot_be_kept_is_told_once_and_by_the_suite() {
    let module = "(module)";
    let script = "create\ninstall rwlgt-iiaaa-aaaaa-aaaaa-cai m.wat 0x\n";
    let expected = format!("{CREATED}ingress(1) Completed: Reply: 0x4449444c0000\n");
    let suite = suite(&[
        ("m.wat", module),
        ("a.drun", script),
        ("a.ok", &expected),
        ("b.drun", script),
        ("b.ok", &expected),
        ("file", ""),
    ]);
    let told = |arguments: &[&str]| {
        let mut command = drun(suite.path());
        let output = command
            .args(arguments)
            .env("DRUN_CACHE_DIR", suite.path().join("file/cache"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stdout));
        text(&output.stderr)
            .matches("warning: module cache ")
            .count()
    };
    assert_eq!(told(&["test", "."]), 1);
    assert_eq!(told(&["test", "--quiet", "."]), 0);
    assert_eq!(told(&["a.drun"]), 1);
    assert_eq!(told(&["-q", "a.drun"]), 0);
}

#[test]
fn a_suite_file_is_made_once_in_a_directory_that_is_there() {
    let suite = suite(&[]);
    let init = |arguments: &[&str]| {
        let mut command = drun(suite.path());
        let output = command.arg("init").args(arguments).output().unwrap();
        (output.status.code(), text(&output.stderr))
    };
    let (status, told) = init(&["absent"]);
    assert_eq!(status, Some(2), "{told}");
    assert!(
        told.starts_with("error: cannot write absent/drun.toml: "),
        "{told}"
    );
    assert!(!suite.path().join("absent").exists());
    assert_eq!(init(&[]), (Some(0), String::new()));
    let (status, told) = init(&[]);
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("drun.toml exists already"), "{told}");
}
