//! Baselines of `drun test`: which cases they hold, and where, however the command was typed.

use std::path::Path;

use crate::support::{self, place::Place};

const EXPECTED: &str =
    "ingress(0) Completed: Reply: 0x4449444c016c01b3c4b1f204680100010a00000000000000000101\n";

/// Two cases in a folder of a suite, which lies in a folder itself.
fn suite() -> Place {
    let place = Place::new();
    let tests = place.0.path().join("suite/t");
    std::fs::create_dir_all(&tests).unwrap();
    std::fs::write(place.0.path().join("suite/drun.toml"), "paths = [\"t\"]\n").unwrap();
    for name in ["a", "b"] {
        std::fs::write(tests.join(format!("{name}.drun")), "create\n").unwrap();
        std::fs::write(tests.join(format!("{name}.ok")), EXPECTED).unwrap();
    }
    place
}

/// Runs `drun test` in a folder of the place; its status and standard error.
fn test(place: &Place, folder: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = support::drun(&place.0.path().join(folder))
        .arg("test")
        .args(arguments)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text)
}

fn cases(file: &Path) -> Vec<String> {
    let text = std::fs::read(file).unwrap();
    let baseline: serde_json::Value = serde_json::from_slice(&text).unwrap();
    baseline["cases"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

#[test]
fn cases_are_named_from_the_suite_file_on_wherever_the_command_is_typed() {
    let place = suite();
    let file = place.0.path().join("suite/baselines/main.json");
    let whole = place.0.path().join("suite");
    for (folder, path) in [
        ("", "suite"),
        ("suite", "t"),
        ("suite", "."),
        ("suite/t", "."),
        ("suite/t", "../../suite/t"),
        ("suite/t", whole.to_str().unwrap()),
    ] {
        let _ = std::fs::remove_file(&file);
        assert_eq!(
            test(&place, folder, &[path, "--save-baseline", "main"]).0,
            Some(0)
        );
        assert_eq!(cases(&file), ["t/a", "t/b"], "{path} in {folder}");
    }
    for (folder, path) in [("", "suite/t/a"), ("suite/t", "b.drun")] {
        let compared = test(&place, folder, &[path, "--compare", "main"]);
        assert_eq!(compared, (Some(0), String::new()), "{path} in {folder}");
    }
}

#[test]
fn what_was_not_run_keeps_its_figures_and_what_is_gone_goes_with_a_whole_run() {
    let place = suite();
    let file = place.0.path().join("suite/baselines/main.json");
    test(&place, "suite", &["--save-baseline", "main"]);
    for part in [
        &["--filter", "t/a"][..],
        &["--partition", "1/9"],
        &["--grep", "create", "t/a"],
        &["t/b"],
    ] {
        test(
            &place,
            "suite",
            &[part, &["--save-baseline", "main"]].concat(),
        );
        assert_eq!(cases(&file), ["t/a", "t/b"], "{part:?}");
    }
    std::fs::remove_file(place.0.path().join("suite/t/b.drun")).unwrap();
    test(&place, "suite", &["t/a", "--save-baseline", "main"]);
    assert_eq!(cases(&file), ["t/a", "t/b"]);
    test(&place, "suite", &["--save-baseline", "main"]);
    assert_eq!(cases(&file), ["t/a"]);
}

#[test]
fn a_baseline_belongs_to_one_suite_and_a_threshold_to_a_comparison() {
    let place = suite();
    let other = place.0.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("drun.toml"), "").unwrap();
    std::fs::write(other.join("c.drun"), "create\n").unwrap();
    let (status, error) = test(&place, "", &["suite", "other", "--save-baseline", "main"]);
    assert_eq!(status, Some(2));
    assert!(
        error.starts_with("error: a baseline belongs to one suite"),
        "{error}"
    );
    let (status, error) = test(&place, "suite", &["--threshold", "2%"]);
    assert_eq!(status, Some(2));
    assert!(error.contains("--compare <NAME>"), "{error}");
}

#[test]
fn a_baseline_that_is_not_there_is_told_before_any_case_runs() {
    let place = suite();
    let ran = place.run(&["test", "suite", "--compare", "mian"]);
    ran.refused_with("mian.json");
}
