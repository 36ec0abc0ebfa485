//! Environment variables that stand for options.

use crate::support::{self, place::Place};

/// Runs the program with one variable; its status, output and standard error.
fn run(place: &Place, variable: (&str, &str), arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = support::drun(place.0.path())
        .env(variable.0, variable.1)
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn an_empty_variable_counts_as_unset_and_a_wrong_one_is_told() {
    let place = Place::new().file("s", "create\n");
    for variable in ["DRUN_FORMAT", "DRUN_CACHE_DIR", "DRUN_CACHE_LIMIT"] {
        let (status, out, error) = run(&place, (variable, ""), &["s"]);
        assert_eq!((status, error.as_str()), (Some(0), ""), "{variable}");
        assert!(out.starts_with("ingress(0) "), "{variable}: {out}");
    }
    for (variable, wrong, arguments) in [
        ("DRUN_FORMAT", "xml", &["s"][..]),
        ("DRUN_CACHE_LIMIT", "much", &["s"]),
        ("DRUN_CACHE_LIMIT", "much", &["inspect", "s"]),
        #[cfg(feature = "serve")]
        ("DRUN_CACHE_LIMIT", "much", &["serve", "--ttl", "1"]),
    ] {
        let (status, out, error) = run(&place, (variable, wrong), arguments);
        assert_eq!((status, out.as_str()), (Some(2), ""), "{variable}");
        assert!(
            error.starts_with(&format!("error: {variable}: ")),
            "{error}"
        );
    }
    let (status, out, _) = run(&place, ("DRUN_FORMAT", "json"), &["s"]);
    assert!(status == Some(0) && out.starts_with("{\"schema\""), "{out}");
}

#[test]
fn the_directory_of_the_cache_holds_for_every_command_that_compiles() {
    let place = Place::new()
        .file("m.wat", "(module (func (export \"canister_init\")))")
        .file("s", "create a\ninstall a m.wat\n");
    for arguments in [&["s"][..], &["upgrade-check", "m.wat", "m.wat"]] {
        let cache = place.0.path().join("cache");
        let (status, _, error) = run(
            &place,
            ("DRUN_CACHE_DIR", cache.to_str().unwrap()),
            arguments,
        );
        assert_eq!(status, Some(0), "{error}");
        let entries = std::fs::read_dir(&cache).expect("it was made").count();
        assert!(entries > 0, "{arguments:?}");
        std::fs::remove_dir_all(&cache).unwrap();
    }
}
