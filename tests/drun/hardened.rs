//! Where memory may not become executable, as in some sandboxes, modules are interpreted. Linux can be asked to forbid it to a
//! process and its children; without Perl, which asks, or on a kernel that cannot, nothing is tested.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::support;

/// `prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN)` on x86-64, and then the program.
const FORBID: &str = "syscall(157, 65, 1, 0, 0, 0) == 0 or exit 77; exec @ARGV or exit 77";

const MODULE: &str = r#"(module
    (import "ic0" "msg_reply" (func $reply))
    (memory 1)
    (func (export "canister_update loop") (local $i i32)
        (loop (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 30000000))))
        (call $reply))
    (func $endless (call $endless))
    (func (export "canister_update endless") (call $endless))
    (func (export "canister_update half_outside") (i32.store (i32.const 65534) (i32.const 5)))
    (func (export "canister_update outside") (i32.store (i32.const 65536) (i32.const 5))))"#;

const SCRIPT: &str = r#"create
install rwlgt-iiaaa-aaaaa-aaaaa-cai module.wat ""
ingress rwlgt-iiaaa-aaaaa-aaaaa-cai loop ""
ingress rwlgt-iiaaa-aaaaa-aaaaa-cai endless ""
ingress rwlgt-iiaaa-aaaaa-aaaaa-cai half_outside ""
ingress rwlgt-iiaaa-aaaaa-aaaaa-cai outside ""
"#;

fn run(directory: &Path, forbid: bool) -> Output {
    let plain = support::drun(directory);
    let mut command = match forbid {
        true => {
            let mut perl = Command::new("perl");
            perl.args(["-e", FORBID]).arg(plain.get_program());
            perl.current_dir(directory);
            for (name, value) in plain.get_envs() {
                match value {
                    Some(value) => perl.env(name, value),
                    None => perl.env_remove(name),
                };
            }
            perl
        }
        false => plain,
    };
    command.args(["--no-cache", "script.drun"]);
    command.output().unwrap()
}

fn can_forbid() -> bool {
    cfg!(all(target_os = "linux", target_arch = "x86_64"))
        && Command::new("perl")
            .args(["-e", FORBID, "true"])
            .status()
            .is_ok_and(|status| status.success())
}

#[test]
fn without_executable_memory_results_are_the_same_and_a_warning_says_so_once() {
    if !can_forbid() {
        eprintln!("skipped: executable memory cannot be forbidden here");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("module.wat"), MODULE).unwrap();
    fs::write(directory.path().join("script.drun"), SCRIPT).unwrap();
    let (plain, forbidden) = (run(directory.path(), false), run(directory.path(), true));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(text(&forbidden.stdout), text(&plain.stdout));
    assert_eq!(forbidden.status.code(), plain.status.code());
    assert!(text(&plain.stdout).contains("stack overflow"));
    assert_eq!(text(&plain.stderr), "");
    assert_eq!(
        text(&forbidden.stderr),
        "warning: executable memory is forbidden here: modules are interpreted, and deep recursion ends sooner than on the \
         Internet Computer\n"
    );
}

#[test]
fn a_module_that_needs_machine_code_ends_with_a_failure_of_the_machine() {
    if !can_forbid() {
        eprintln!("skipped: executable memory cannot be forbidden here");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let module = r#"(module (func (export "canister_init") (drop (v128.const i64x2 1 2))))"#;
    fs::write(directory.path().join("module.wat"), module).unwrap();
    let script = "create\ninstall rwlgt-iiaaa-aaaaa-aaaaa-cai module.wat \"\"\n";
    fs::write(directory.path().join("script.drun"), script).unwrap();
    let output = run(directory.path(), true);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(
        errors.contains("the machine refuses memory for compiled code"),
        "{errors}"
    );
}
