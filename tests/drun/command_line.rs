//! What else the command line does: several scripts, names that were meant, colours, completions and manual pages.

use crate::support::place::{ID, Place};

#[test]
fn several_scripts_run_one_after_the_other_each_on_its_own() {
    let place = Place::new().file("a", "create\n").file("b", "create x\n");
    let one = place.run(&["a"]).out;
    place.run(&["a", "b", "a"]).printed(&one.repeat(3));
}

/// Editors of some systems put one before whatever they write.
#[test]
fn a_byte_order_mark_is_no_part_of_any_text() {
    let marked = |text: &str| format!("\u{feff}{text}");
    let place = Place::new()
        .file("m.wat", marked("(module)"))
        .file("m.did", marked("service : { go : (nat8) -> () }"))
        .file("part", marked("did a m.did\ningress a go (300)\n"))
        .file("s", marked("create a\ninstall a m.wat\ninclude part\n"))
        .file("c", marked("{ seed: 1 }"));
    let ran = place.run(&["--config", "c", "s"]);
    ran.refused_with("error: the number does not fit into nat8\n --> part:2:15\n");
    let place = place.file("part", marked("did a m.did\ningress a go (30)\n"));
    let ran = place.run(&["--config", "c", "s"]);
    assert_eq!(
        (ran.status, ran.out.lines().count()),
        (Some(0), 4),
        "{}",
        ran.err
    );
}

#[test]
fn a_mistake_in_one_of_several_scripts_is_told_before_any_runs() {
    let place = Place::new()
        .file("a", "create\n")
        .file("b", "creat\n")
        .file("c", "x\n");
    let ran = place.run(&["a", "b", "c"]);
    ran.refused_with(" --> b:1:1\n");
    ran.refused_with(" --> c:1:1\n");
    place
        .run(&["--profile", "p", "a", "b"])
        .refused("error: --profile takes one script, here are 2");
}

#[test]
fn the_status_is_that_of_the_worst_script() {
    let place = Place::new()
        .file("good", "create\n")
        .file("bad", "create\nexpect reject\n");
    assert_eq!(place.run(&["bad", "good"]).status, Some(1));
}

#[test]
fn a_misspelled_command_is_named() {
    Place::new()
        .run(&["tset"])
        .refused("error: cannot read tset: there is no such file; perhaps `drun test` is meant");
    Place::new()
        .run(&["man", "inspct"])
        .refused("error: there is no command `inspct`; perhaps `inspect`");
}

#[test]
fn who_names_a_module_or_a_directory_as_script_learns_which_command_takes_it() {
    Place::new()
        .file("m.wasm", "\0asm\u{1}\0\0\0")
        .run(&["m.wasm"])
        .refused(
            "error: m.wasm is a WebAssembly module and no script; `drun inspect m.wasm` tells what is in it",
        );
    Place::new()
        .run(&["."])
        .refused("error: cannot read .: this is a directory; `drun test .` runs the suite in it");
}

#[test]
fn mistakes_have_colours_only_where_they_are_wanted() {
    let place = Place::new().file("s", "creat\n");
    assert!(!place.run(&["s"]).err.contains('\u{1b}'));
    let coloured = place.run(&["--color", "always", "s"]).err;
    assert!(coloured.starts_with("\u{1b}[31merror: unknown message `creat`\u{1b}[0m\n"));
    place
        .run(&["--color", "sometimes", "s"])
        .refused_with("`sometimes` is none of `auto`, `always` and `never`");
}

#[test]
fn completions_and_manual_pages_tell_of_every_command() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = place.run(&["completions", shell]);
        assert_eq!((ran.status, ran.err.as_str()), (Some(0), ""), "{shell}");
        for command in ["upgrade-check", "serve"] {
            assert!(ran.out.contains(command), "{shell}");
        }
        assert!(ran.out.contains("fail-on-error"), "{shell}");
    }
    place.run(&["completions", "csh"]).refused_with("csh");
    let page = place.run(&["man"]).out;
    assert!(page.starts_with(".ie") && page.contains("decode"), "{page}");
    assert!(place.run(&["man", "test"]).out.contains("partition"));
    assert!(place.run(&["man", "serve"]).out.contains("PocketIC"));
}

#[test]
fn the_server_is_a_command_like_any_other() {
    let place = Place::new();
    assert!(place.run(&["help"]).out.contains("\n  serve "));
    assert!(place.run(&["serve", "--help"]).out.contains("--port-file"));
}

#[cfg(unix)]
#[test]
fn under_the_name_of_motokos_runner_it_stands_in_for_it() {
    let place = Place::new().file("s", format!("create\nquery {ID} absent 0x\n"));
    let program = place.0.path().join("test-runner");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_drun"), &program).expect("a link");
    let output = std::process::Command::new(&program)
        .args(["--no-cache", "s"])
        .current_dir(place.0.path())
        .output()
        .expect("it runs");
    let expected = place.run(&["--compat", "pocket-ic", "--format", "drun", "s"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected.out);
}

#[test]
fn what_one_program_alone_does_is_told_under_the_other() {
    const INSPECTS: &str = r#"(module (func (export "canister_inspect_message")) (func (export "canister_update go")))"#;
    let script =
        format!("create\ninstall {ID} m.wat 0x\ningress {ID} go 0x\nreinstall {ID} m.wat 0x\n");
    let place = Place::new().file("m.wat", INSPECTS).file("s", script).file(
        "mocks.json5",
        "{ http_mocks: [{ url: 'https://a.b/', body: 'x' }] }",
    );
    let inspection = "note: canister_inspect_message is never asked under --compat drun; --compat pocket-ic asks it\n";
    assert_eq!(place.run(&["s"]).err, inspection);
    for silent in [
        &["--quiet", "s"][..],
        &["--compat", "drun", "s"],
        &["--compat", "pocket-ic", "s"],
    ] {
        assert_eq!(place.run(silent).err, "", "{silent:?}");
    }
    let mocks = place.run(&["-c", "mocks.json5", "s"]).err;
    assert!(
        mocks.starts_with("warning: answers for HTTP requests have no effect under --compat drun"),
        "{mocks}"
    );
}
