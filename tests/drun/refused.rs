//! A machine that refuses: every kind of system call, at many instants. Whatever is refused, the results that are printed are
//! right; if not all are, the status is 3 and one sentence says what was missing. `tests/support/refuse.c` does the refusing.
//!
//! A hunt, for `just refuse` and the nightly workflow: which call is the so-and-so-many-th depends on how threads come to run, and not
//! all that is found is ours to mend. `DRUN_REFUSE=some` refuses some calls of each kind, `all` each one in turn, which takes minutes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::place::{ID, Place};

/// How many calls of each kind are refused, one in each run.
const SOME: i64 = 6;

/// What the loader and the standard library say when they get nothing before the program begins; they end as they will.
const NOT_OURS: [&str; 4] = [
    "error while loading shared libraries",
    "failed to allocate an alternative stack",
    "failed to set up alternative stack guard page",
    "cannot allocate memory in static TLS block",
];

/// The program that refuses, if this machine has a C compiler and lets programs be traced.
fn harness() -> Option<&'static Path> {
    static HARNESS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let made = HARNESS.get_or_init(|| {
        if cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
            return None;
        }
        std::env::var_os("DRUN_REFUSE")?;
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/refuse.c");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("refuse");
        let compiled = Command::new("cc")
            .args(["-O1", "-o"])
            .arg(&program)
            .arg(source)
            .status();
        if !compiled.is_ok_and(|status| status.success()) {
            return None;
        }
        let works = Command::new(&program)
            .args(["write", "0", "/bin/true"])
            .output();
        works
            .is_ok_and(|it| it.status.code() == Some(0))
            .then_some(program)
    });
    if made.is_none() {
        eprintln!(
            "skipped: DRUN_REFUSE is not set, there is no C compiler, or programs may not be traced here"
        );
    }
    made.as_deref()
}

/// What came out of a run in which something was refused.
struct Ran {
    out: String,
    err: String,
    status: i32,
    /// How many calls of the kind there were.
    calls: i64,
}

fn run(place: &Place, call: &str, number: i64, arguments: &[&str]) -> Option<Ran> {
    let output = Command::new(harness()?)
        .args([call, &number.to_string(), env!("CARGO_BIN_EXE_drun")])
        .args(arguments)
        .current_dir(place.0.path())
        .env("XDG_CACHE_HOME", place.0.path().join("home"))
        .env("RAYON_NUM_THREADS", "2")
        .env_remove("DRUN_FORMAT")
        .output()
        .expect("the harness can be started");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    let (err, last) = err.trim_end().rsplit_once("refuse: ").map_or_else(
        || panic!("the harness tells how many calls there were: {err}"),
        |(err, last)| (err.to_owned(), last.to_owned()),
    );
    let calls = last
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok());
    Some(Ran {
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err,
        status: output.status.code().expect("the harness ends by itself"),
        calls: calls.expect("a number"),
    })
}

/// The instants at which calls are refused.
fn instants(calls: i64) -> Vec<i64> {
    match std::env::var_os("DRUN_REFUSE").is_some_and(|it| it == "all") {
        true => (1..=calls).collect(),
        false => {
            let mut some: Vec<i64> = (1..=SOME).map(|part| part * calls / SOME).collect();
            some.dedup();
            some.retain(|instant| *instant > 0);
            some
        }
    }
}

/// Results are the beginning of the right ones, and all of them unless a sentence says why not.
fn judge(what: &str, ran: &Ran, expected: &str) {
    let told = format!("{what}: status {}\n{}{}", ran.status, ran.out, ran.err);
    if NOT_OURS.iter().any(|text| ran.err.contains(text)) {
        return;
    }
    let sentences = ran.err.lines().filter(|line| line.starts_with("error: "));
    match ran.status {
        0 => assert_eq!(ran.out, expected, "{told}"),
        // Each place of the script that names a file which cannot be read is told.
        2 => assert!(ran.out.is_empty() && sentences.count() > 0, "{told}"),
        3 => {
            assert!(expected.starts_with(&ran.out), "{told}");
            assert!(ran.out.is_empty() || ran.out.ends_with('\n'), "{told}");
            assert!(sentences.count() == 1, "{told}");
        }
        _ => panic!("{told}"),
    }
}

const MODULE: &str = r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
  (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
  (memory 2)
  (func (export "canister_update go")
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (i32.store (i32.const 4) (memory.grow (i32.const 40)))
    (memory.fill (i32.const 200000) (i32.const 7) (i32.const 1000000))
    (i64.store (i32.const 8) (call $grow (i64.const 3)))
    (call $write (i64.const 100000) (i64.const 0) (i64.const 5000))
    (call $append (i32.const 0) (i32.const 16)) (call $reply))
  (func $deep (param i32) (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "canister_update deep") (call $deep (i32.const -1)) (call $reply))
  (func (export "canister_update trap") (i32.store (i32.const -1) (i32.const 0)))
  (func (export "canister_query get") (call $append (i32.const 0) (i32.const 16)) (call $reply)))"#;

fn with_messages(messages: &[&str]) -> Place {
    let script = format!("create\ninstall ID m.wat 0x\n{}\n", messages.join("\n"));
    Place::new()
        .file("m.wat", MODULE)
        .file("s", script.replace("ID", ID))
}

fn place() -> Place {
    let messages = [
        "ingress ID go 0x",
        "ingress ID deep 0x",
        "ingress ID trap 0x",
        "query ID get 0x",
        "upgrade ID m.wat 0x",
        "ingress ID go 0x",
    ];
    with_messages(&messages)
}

#[test]
fn whatever_is_refused_no_line_is_wrong_and_no_signal_ends_the_program() {
    let expected = place().run(&["--no-cache", "s"]);
    assert_eq!((expected.err.as_str(), expected.status), ("", Some(0)));
    for compiler in ["auto", "optimizing"] {
        for call in [
            "mmap",
            "mprotect",
            "madvise",
            "sigaltstack",
            "clone",
            "write",
            "open",
            "read",
        ] {
            let options = ["--compiler", compiler, "--cache-dir", "cache", "s"];
            let Some(whole) = run(&place(), call, 0, &options) else {
                return;
            };
            assert_eq!((whole.out.as_str(), whole.status), (&*expected.out, 0));
            for instant in instants(whole.calls) {
                let ran = run(&place(), call, instant, &options).expect("it ran before");
                judge(
                    &format!("{call} {instant} ({compiler})"),
                    &ran,
                    &expected.out,
                );
            }
        }
    }
}

#[test]
fn what_is_refused_from_some_instant_on_ends_the_program_with_a_sentence() {
    let expected = place().run(&["--no-cache", "s"]);
    for compiler in ["auto", "optimizing"] {
        for call in ["mmap", "mprotect", "madvise", "clone", "open"] {
            let options = ["--compiler", compiler, "--no-cache", "s"];
            let Some(whole) = run(&place(), call, 0, &options) else {
                return;
            };
            for instant in instants(whole.calls) {
                let ran = run(&place(), call, -instant, &options).expect("it ran before");
                judge(
                    &format!("{call} from {instant} on ({compiler})"),
                    &ran,
                    &expected.out,
                );
            }
        }
    }
}

/// The program with so many KiB of address space; nothing where a shell cannot limit it.
fn with_address_space(place: &Place, kibibytes: u64, arguments: &[&str]) -> Option<Ran> {
    if cfg!(not(target_os = "linux")) {
        return None;
    }
    let shell = |command: &str| {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("ulimit -v {kibibytes} && {command}"), "sh"])
            .current_dir(place.0.path())
            .env("XDG_CACHE_HOME", place.0.path().join("home"))
            .env_remove("DRUN_FORMAT");
        shell
    };
    let able = shell("true").output().is_ok_and(|it| it.status.success());
    if !able {
        eprintln!("skipped: there is no shell here that can limit address space");
        return None;
    }
    let output = shell("exec \"$@\"")
        .arg(env!("CARGO_BIN_EXE_drun"))
        .args(arguments)
        .output()
        .expect("the shell can be started");
    Some(Ran {
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        status: output.status.code().expect("no signal ends it"),
        calls: 0,
    })
}

/// A canister that grows, writes, reads, traps and is upgraded.
fn small() -> Place {
    let messages = [
        "ingress ID go 0x",
        "ingress ID trap 0x",
        "query ID get 0x",
        "upgrade ID m.wat 0x",
        "ingress ID go 0x",
    ];
    with_messages(&messages)
}

#[test]
fn a_small_script_runs_in_little_address_space() {
    let expected = small().run(&["--no-cache", "s"]);
    assert_eq!((expected.err.as_str(), expected.status), ("", Some(0)));
    for mebibytes in [350, 500, 1_000, 2_000, 4_000, 8_000, 20_000, 80_000] {
        let options = ["--no-cache", "s"];
        let Some(ran) = with_address_space(&small(), mebibytes << 10, &options) else {
            return;
        };
        assert_eq!(
            (ran.out, ran.err.as_str(), ran.status),
            (expected.out.clone(), "", 0),
            "{mebibytes} MiB"
        );
    }
}

#[test]
fn machine_code_runs_in_16_gb_of_address_space() {
    let expected = place().run(&["--no-cache", "s"]);
    for compiler in ["fast", "optimizing"] {
        let options = ["--no-cache", "--compiler", compiler, "s"];
        let Some(ran) = with_address_space(&place(), 16_000_000, &options) else {
            return;
        };
        assert_eq!(
            (ran.out, ran.status),
            (expected.out.clone(), 0),
            "{}",
            ran.err
        );
    }
}

#[test]
fn what_needs_more_address_space_than_there_is_ends_with_a_sentence() {
    let expected = place().run(&["--no-cache", "s"]);
    // Not even the program; not its heap; not the machine code that says where a recursion ends.
    for (mebibytes, compiler) in [(100, "auto"), (400, "optimizing"), (400, "auto")] {
        let options = ["--no-cache", "--compiler", compiler, "s"];
        let Some(ran) = with_address_space(&place(), mebibytes << 10, &options) else {
            return;
        };
        assert_eq!(ran.status, 3, "{}{}", ran.out, ran.err);
        judge(
            &format!("{mebibytes} MiB ({compiler})"),
            &ran,
            &expected.out,
        );
    }
}

#[test]
fn an_expected_file_is_the_old_or_the_new_one_whatever_is_refused() {
    let make = || {
        let text = "# what it prints is not what is expected\ncreate\n";
        Place::new().file("a.drun", text).file("a.ok", "old\n")
    };
    let read = |place: &Place| std::fs::read_to_string(place.0.path().join("a.ok"));
    let whole = make();
    let Some(ran) = run(&whole, "fsync", 0, &["test", "--accept", "a.drun"]) else {
        return;
    };
    let new = read(&whole).expect("it was written");
    let told = format!("{new}{}{}", ran.out, ran.err);
    assert!(new.starts_with("ingress(0) Completed"), "{told}");
    for call in ["write", "fsync", "rename", "open"] {
        let calls = run(&make(), call, 0, &["test", "--accept", "a.drun"]).map_or(0, |it| it.calls);
        for instant in instants(calls) {
            let place = make();
            let ran =
                run(&place, call, instant, &["test", "--accept", "a.drun"]).expect("as before");
            let now = read(&place).expect("there is always one");
            let told = format!(
                "{call} {instant}: status {}\n{}{}",
                ran.status, ran.out, ran.err
            );
            assert!(now == "old\n" || now == new, "{told}");
            assert!(
                (0..=3).contains(&ran.status) || NOT_OURS.iter().any(|it| ran.err.contains(it)),
                "{told}"
            );
        }
    }
}
