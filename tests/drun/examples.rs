//! The applications of `examples/`, each tested by its own script, under both programs; and what is said when a script's
//! expectations are not met.

use std::path::Path;
use std::process::{Command, Output};

fn drun(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_drun"))
        .args(["--no-cache", "--quiet-canisters"])
        .args(arguments)
        .current_dir(directory)
        .output()
        .expect("drun runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_applications_meet_the_expectations_of_their_scripts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for script in ["examples/ledger/ledger.drun", "examples/till/till.drun"] {
        for compat in ["drun", "pocket-ic"] {
            let output = drun(root, &["--compat", compat, script]);
            let said = text(&output.stderr);
            assert!(output.status.success(), "{script} {compat}\n{said}");
            assert!(!said.contains("error:"), "{script} {compat}\n{said}");
        }
    }
}

/// Runs a script beside the till, and hands out status, standard output and standard error.
fn run(script: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let till = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/till");
    for file in ["till.wat", "till.did"] {
        std::fs::copy(till.join(file), directory.path().join(file)).expect("a copy");
    }
    std::fs::write(directory.path().join("t.drun"), script).expect("a script");
    let arguments: Vec<&str> = arguments.iter().copied().chain(["t.drun"]).collect();
    let output = drun(directory.path(), &arguments);
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

const HEAD: &str = "let alice = identity\nas alice\ncreate till\ninstall till till.wat ($alice)\n";

#[test]
fn what_is_not_met_is_drawn_and_the_run_goes_on() {
    let script = format!("{HEAD}ingress till deposit (5)\nexpect reply (6)\nquery till balance\n");
    let (status, out, said) = run(&script, &[]);
    assert_eq!(status, Some(1), "{said}");
    assert!(
        out.ends_with("Ok: Payload: 0x4449444c0001780500000000000000\n"),
        "{out}"
    );
    assert_eq!(
        said,
        "\
error: the reply is (5 : nat64)
 --> t.drun:6:15
  |
6 | expect reply (6)
  |               ^
  = expected: 6
  = actual:   5 : nat64

1 of 1 expectations is not met: t.drun:6
"
    );
}

#[test]
fn every_kind_of_expectation_can_fail() {
    for (expectation, told) in [
        ("expect reply 0x00", "the reply is another one"),
        ("expect reject", "there is no reject"),
        ("expect error IC0503", "there is no error"),
        ("expect prints \"x\"", "no such line is printed"),
        (
            "expect instructions < 10",
            "the instructions are not as expected",
        ),
        ("expect cycles > 1T", "the cycles are not as expected"),
    ] {
        let script = format!("{HEAD}ingress till deposit (5)\n{expectation}\n");
        let (status, _, said) = run(&script, &[]);
        assert_eq!(status, Some(1), "{expectation}\n{said}");
        assert!(said.contains(told), "{expectation}\n{said}");
    }
}

#[test]
fn strict_refuses_our_words() {
    let (status, out, said) = run(HEAD, &["--strict"]);
    assert_eq!((status, &*out), (Some(2), ""));
    assert!(
        said.contains("`let` is no word of the older language"),
        "{said}"
    );
}

#[test]
fn a_mistake_anywhere_lets_nothing_run() {
    let (status, out, said) = run(&format!("{HEAD}ingress till deposit (\"x\")\n"), &[]);
    assert_eq!((status, &*out), (Some(2), ""));
    assert!(said.contains("a text has the wrong type"), "{said}");
    assert!(said.contains("= expected: nat64"), "{said}");
}

#[test]
fn a_snapshot_brings_the_whole_node_back() {
    let script = format!(
        "{HEAD}ingress till deposit (5)\nsnapshot five\ningress till deposit (1)\ncreate other\n\
         restore five\nquery till balance\nexpect reply (5)\nadvance 1d\nrestore five\ncreate other\n"
    );
    let (status, out, said) = run(&script, &[]);
    assert_eq!(status, Some(0), "{said}");
    let created: Vec<&str> = out
        .lines()
        .filter(|line| line.contains("6c01b3c4b1f204"))
        .collect();
    let reply = |line: &str| line.rsplit(' ').next().map(str::to_owned);
    assert_eq!(reply(created[1]), reply(created[2]), "{out}");
}

#[test]
fn stable_memory_is_saved_and_loaded() {
    let script = format!(
        "{HEAD}ingress till deposit (5)\nupgrade till till.wat\nstable save till dump\n\
         ingress till deposit (6)\nstable load till dump\nquery till balance\nexpect reply (11)\n\
         stable load till nothing\n"
    );
    let (status, _, said) = run(&script, &[]);
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("the file `nothing` cannot be used: there is no such file"),
        "{said}"
    );
    assert!(said.contains(":12"), "{said}");
}
