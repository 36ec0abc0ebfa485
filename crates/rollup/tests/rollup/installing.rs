//! Installers: made by the program, run by the program, until the installed kernel runs.

use super::{debugger, kernel, talk, text};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A debugger of a kernel whose storage this setup file fills.
fn configured(path: &Path) -> Command {
    let mut command = debugger();
    command
        .arg("--kernel")
        .arg(kernel("hello"))
        .arg("--installer-config")
        .arg(path);
    command
}

#[test]
fn an_installer_and_its_preimages_end_in_the_installed_kernel() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(
        at("setup.yaml"),
        "instructions:\n- set:\n    value: cafe\n    to: /config\n",
    )
    .unwrap();
    fs::write(at("inputs.json"), "[ [] ]").unwrap();
    let made = debugger()
        .args(["installer", "get-reveal-installer", "--display-root-hash"])
        .arg("--upgrade-to")
        .arg(kernel("hello"))
        .arg("--output")
        .arg(at("installer.hex"))
        .arg("--preimages-dir")
        .arg(at("preimages"))
        .arg("--setup-file")
        .arg(at("setup.yaml"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let root = text(&made.stdout)
        .trim()
        .strip_prefix("ROOT_HASH: ")
        .unwrap()
        .to_owned();
    assert!(at("preimages").join(&root).is_file());

    let output = talk(
        debugger()
            .arg("--kernel")
            .arg(at("installer.hex"))
            .arg("--inputs")
            .arg(at("inputs.json"))
            .arg("--preimage-dir")
            .arg(at("preimages")),
        "step inbox\nshow key /config\n",
    );
    assert_eq!(
        text(&output.stdout),
        "> Loaded 0 inputs at level 0\nHello, kernel!\nGot message: Internal(StartOfLevel)\n\
         Got message: Internal(InfoPerLevel)\nGot message: Internal(EndOfLevel)\n\
         Evaluation took 22000000000 ticks so far\nStatus: Waiting for input\nInternal_status: Collect\n> cafe\n> "
    );
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn setup_files_are_merged() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(
        at("one.yaml"),
        "instructions:\n- set: {value: '01', to: /a}\n",
    )
    .unwrap();
    fs::write(
        at("two.yaml"),
        "instructions:\n- move: {from: /a, to: /b}\n",
    )
    .unwrap();
    let merged = debugger()
        .args(["installer", "merge-setup-files", "--output"])
        .arg(at("both.yaml"))
        .arg("--setup-files")
        .arg(at("one.yaml"))
        .arg(at("two.yaml"))
        .output()
        .unwrap();
    assert!(merged.status.success(), "{}", text(&merged.stderr));
    let both = fs::read_to_string(at("both.yaml")).unwrap();
    assert!(both.find("/a").unwrap() < both.find("/b").unwrap());

    fs::write(at("bad.yaml"), "instructions:\n- fly: {}\n").unwrap();
    let refused = debugger()
        .args(["installer", "merge-setup-files", "--output"])
        .arg(at("both.yaml"))
        .arg("--setup-files")
        .arg(at("bad.yaml"))
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr)
            .contains("The 0th instruction is invalid: expected one of `set`, `move`, `reveal`")
    );
}

#[test]
fn values_can_be_set_before_the_first_level() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    fs::write(
        &path,
        r#"{"instructions":[{"set":{"value":"0102","to":"/p"}}]}"#,
    )
    .unwrap();
    let output = talk(&mut configured(&path), "show key /p\n");
    assert_eq!(text(&output.stdout), "> 0102\n> ");
}

/// As in inputs: the original says nothing at all.
#[test]
fn digits_that_are_none_set_an_empty_value_with_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    for (name, config) in [
        (
            "config.yaml",
            "instructions:\n- set: {value: xyz, to: /p}\n",
        ),
        (
            "config.json",
            r#"{"instructions":[{"set":{"value":"xyz","to":"/p"}}]}"#,
        ),
    ] {
        let path = directory.path().join(name);
        fs::write(&path, config).unwrap();
        let output = talk(&mut configured(&path), "show key /p\nls /none\n");
        assert_eq!(
            text(&output.stdout),
            "> \n> The path /none is not available in the durable storage.\n> "
        );
        assert_eq!(
            text(&output.stderr),
            format!(
                "Warning: {}: The 0th instruction is not hexadecimal: `value`: Odd number of digits: taken as empty\n",
                path.display()
            )
        );
    }
}

#[test]
fn all_values_are_shown_to_a_depth_of_ten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.yaml");
    let long = "ab".repeat(5_000);
    let config = format!(
        "instructions:\n- set: {{value: {long}, to: /p}}\n- set: {{value: ff, to: /1/2/3/4/5/6/7/8/9/10/11}}\n"
    );
    fs::write(&path, config).unwrap();
    let output = talk(&mut configured(&path), "show durable storage\n");
    let out = text(&output.stdout);
    assert!(out.starts_with("> /\n  \n/1\n  \n/1/2\n  \n"), "{out}");
    assert!(
        out.contains("/9/10\n  \n/kernel\n") && out.contains(&format!("\n/p\n  {long}\n")),
        "{out}"
    );
}
