//! `--profile`, from outside: stacks derived by hand, sums that agree with the instructions of the messages, and results
//! that do not depend on being profiled.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support;
use crate::support::place::{ID, Place, installed};

/// A finished run: what it printed, and its folded stacks.
struct Profiled {
    out: String,
    folded: String,
}

/// Runs `s.drun` of a place with `m.wat` installed, then these messages; checks what holds for every run.
fn profile(module: &str, messages: &str, arguments: &[&str]) -> Profiled {
    let script = format!("{}{messages}", installed("m.wat")).replace("ID", ID);
    let place = Place::new().file("m.wat", module).file("s.drun", script);
    check(place.0.path(), "s.drun", arguments)
}

/// Runs a script with and without a profile: the output is the same, and the sums of all messages are right.
fn check(directory: &Path, script: &str, arguments: &[&str]) -> Profiled {
    let output = |more: &[&std::ffi::OsStr]| {
        let mut command = support::drun(directory);
        command.args(["--format", "json", "--compat", "drun"]);
        command.args(arguments);
        command.args(more).arg(script);
        let output = support::merged(command).unwrap();
        assert_eq!(output.status, Some(0), "{script} {arguments:?}");
        String::from_utf8(output.bytes).unwrap()
    };
    let to = tempfile::tempdir().unwrap();
    let out = output(&["--profile".as_ref(), to.path().join("a/b").as_ref()]);
    assert_eq!(support::difference(&output(&[]), &out), None, "{script}");
    let read = |name: &str| std::fs::read_to_string(to.path().join("a/b").join(name)).unwrap();
    let folded = read("profile.folded");
    assert_eq!(sums_of_stacks(&folded), sums_of_results(&out), "{script}");
    check_picture(&read("profile.svg"));
    Profiled { out, folded }
}

/// Instructions by message, numbered as in the profile.
fn sums_of_results(out: &str) -> BTreeMap<String, u64> {
    let (mut queries, mut sums) = (0, BTreeMap::new());
    for line in out.lines().filter(|line| line.starts_with("{\"schema\"")) {
        let result: serde_json::Value = serde_json::from_str(line).unwrap();
        let number = match result["n"].as_u64() {
            Some(number) => number.to_string(),
            None => {
                queries += 1;
                format!("q{}", queries - 1)
            }
        };
        let instructions = result["instructions"].as_u64().unwrap();
        if instructions > 0 {
            sums.insert(number, instructions);
        }
    }
    sums
}

/// The same of all that has a result.
fn sums_of_stacks(folded: &str) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for line in folded.lines().filter(|line| !line.starts_with('t')) {
        let (stack, count) = line.rsplit_once(' ').unwrap();
        let number = stack.split(' ').next().unwrap();
        *sums.entry(number.to_owned()).or_default() += count.parse::<u64>().unwrap();
    }
    sums
}

/// Well-formed XML of one element.
fn check_picture(svg: &str) {
    let mut reader = quick_xml::Reader::from_str(svg);
    let mut open = 0;
    loop {
        use quick_xml::events::Event;
        match reader.read_event().unwrap() {
            Event::Start(_) => open += 1,
            Event::End(_) => open -= 1,
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(open, 0);
    assert!(svg.contains("<svg "));
}

impl Profiled {
    /// The stacks of a message, without the message itself and with `ID` for the canister.
    fn stacks(&self, message: &str) -> Vec<String> {
        let start = format!("{message};");
        let lines = self.folded.lines().map(|line| line.replace(ID, "ID"));
        lines
            .filter_map(|line| Some(line.strip_prefix(&start)?.to_owned()))
            .collect()
    }
}

/// A function costs 1 and its operators; `go` pays 1, 1 for the constant, 5 for each call and 1 for `drop`; `twice` pays
/// 1 and 3. Compiling counts 72, 10 for each function and its operators (6 of `go` with its end, 4 of `twice`).
#[test]
fn stacks_of_a_small_canister() {
    let module = r#"(module
        (import "ic0" "msg_reply" (func $reply))
        (func $twice (param i32) (result i32) local.get 0 local.get 0 i32.add)
        (func $go (export "canister_update go")
            (drop (call $twice (i32.const 1)))
            (call $reply)))"#;
    let run = profile(module, "ingress ID go 0x\n", &[]);
    assert_eq!(
        run.stacks("1 install (ID)"),
        [format!("[compile] (ID) {}", 6000 * (72 + 20 + 5 + 4))]
    );
    assert_eq!(
        run.stacks("2 ingress go (ID)"),
        [
            "update go (ID);go 13",
            "update go (ID);go;twice 4",
            "update go (ID);go;ic0.msg_reply 500"
        ]
    );
}

/// Time that passes has no result, nor has the installation of the canister that calls with cycles: neither takes a number. A
/// function costs 1, and 5 for a call.
#[test]
fn messages_have_the_numbers_of_their_results_behind_what_has_none() {
    let module = r#"(module
        (import "ic0" "msg_reply" (func $reply))
        (func $go (export "canister_update go") (call $reply)))"#;
    let script = "advance 1s\ncall ID go with 5 cycles\ntick\ningress ID go 0x\n";
    let run = profile(module, script, &[]);
    assert_eq!(
        run.stacks("3 ingress go (ID)"),
        ["update go (ID);go 6", "update go (ID);go;ic0.msg_reply 500"]
    );
    assert!(!run.stacks("2 ingress go (ID)").is_empty());
    assert!(run.folded.contains("\nt1 install ("), "{}", run.folded);
}

/// However a function ends, its caller goes on: each of the functions that `go` calls is found right below it, and so
/// is what a tail call calls. A tail call in a loop needs no more stack than one.
#[test]
fn functions_end_in_every_way() {
    let module = r#"(module
        (type $nothing (func))
        (table funcref (elem $leaf))
        (func $leaf)
        (func $by_return (result i32) (return (i32.const 7)))
        (func $by_branch (br 0))
        (func $by_inner_branch (block (loop (br 2))))
        (func $by_table (br_table 0 0 (i32.const 3)))
        (func $by_if (if (i32.const 1) (then (return))))
        (func $pair (result i32 i64) (br 0 (i32.const 1) (i64.const 2)))
        (func $tail (return_call $leaf))
        (func $tail_indirect (return_call_indirect (type $nothing) (i32.const 0)))
        (func $loop (param i32)
            (if (local.get 0) (then (return_call $loop (i32.sub (local.get 0) (i32.const 1))))))
        (func $last nop)
        (func (export "canister_update go")
            (drop (call $by_return))
            (call $by_branch) (call $by_inner_branch) (call $by_table) (call $by_if)
            (drop (drop (call $pair)))
            (call $tail) (call $tail_indirect)
            (call $loop (i32.const 1000000))
            (call $last)))"#;
    let run = profile(module, "ingress ID go 0x\n", &[]);
    // `go`: 1, 10 calls, 3 drops, a constant. `by_table` and `by_if`: a constant, 2, and 1 for a return that is taken.
    // `tail_indirect`: 1, a constant, and 6 for the call as in March. A turn of `loop`: 1, its condition 1 and 2, and 3 for the difference and 3 for the call; 4 in the end.
    assert_eq!(
        run.stacks("2 ingress go (ID)"),
        [
            "update go (ID);canister_update go 55",
            "update go (ID);canister_update go;by_branch 3",
            "update go (ID);canister_update go;by_if 5",
            "update go (ID);canister_update go;by_inner_branch 3",
            "update go (ID);canister_update go;by_return 3",
            "update go (ID);canister_update go;by_table 4",
            "update go (ID);canister_update go;last 2",
            "update go (ID);canister_update go;leaf 2",
            "update go (ID);canister_update go;loop 10000004",
            "update go (ID);canister_update go;pair 5",
            "update go (ID);canister_update go;tail 4",
            "update go (ID);canister_update go;tail_indirect 8",
        ]
    );
}

const CALLER: &str = r#"(module
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "ic0" "call_perform" (func $perform (result i32)))
    (import "ic0" "call_data_append" (func $append (param i32 i32)))
    (memory 1)
    (data (i32.const 0) "\00\00\00\00\00\00\00\00\01\01answerraw_randDIDL\00\00")
    (table funcref (elem $done $late))
    (func $done (param i32) (call $reply))
    (func $late (param i32) nop)
    (func $ask (export "canister_update ask")
        (call $new (i32.const 0) (i32.const 10) (i32.const 10) (i32.const 6)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
        (drop (call $perform)))
    (func $answer (export "canister_update answer") (call $reply))
    (func $forget (export "canister_update forget")
        (call $reply)
        (call $new (i32.const 0) (i32.const 0) (i32.const 16) (i32.const 8)
            (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0))
        (call $append (i32.const 24) (i32.const 6))
        (drop (call $perform)))
    (func $nothing (export "canister_update nothing")))"#;

/// `ask` pays 1, 8 constants, 2 calls and 1 for `drop`; `call_new` 1500 and the bytes of callee and name; `answer` and
/// `done` 1 and a call.
#[test]
fn callees_stand_below_the_call_and_callbacks_below_the_method() {
    let run = profile(CALLER, "ingress ID ask 0x\n", &[]);
    assert_eq!(
        run.stacks("2 ingress ask (ID)"),
        [
            "update ask (ID);reply callback (ID);done 6",
            "update ask (ID);reply callback (ID);done;ic0.msg_reply 500",
            "update ask (ID);ask 20",
            "update ask (ID);ask;ic0.call_new 1516",
            "update ask (ID);ask;ic0.call_perform 5000",
            "update ask (ID);ask;ic0.call_perform;update answer (ID);answer 6",
            "update ask (ID);ask;ic0.call_perform;update answer (ID);answer;ic0.msg_reply 500",
        ]
    );
}

/// A call of the management canister is executed in the next round and its answer taken in the one after that; the
/// message has its reply in the first.
#[test]
fn what_runs_with_a_later_message_counts_there_and_tells_its_cause() {
    let messages = "ingress ID forget 0x\ningress ID nothing 0x\ningress ID ask 0x\n";
    let run = profile(CALLER, messages, &[]);
    let late = "caused by 2 ingress forget (ID);update forget (ID);reply callback (ID);late 2";
    let stacks = run.stacks("4 ingress ask (ID)");
    assert!(stacks.iter().any(|stack| stack == late), "{stacks:?}");
}

/// A changed heap page costs 1000; `trap` 500 and the bytes of its text. Where the name section is left out, functions have
/// the names of their exports, or their numbers.
#[test]
fn traps_pages_and_functions_without_names() {
    let text = r#"(module
        (import "ic0" "trap" (func $trap (param i32 i32)))
        (memory 1)
        (func (i32.store (i32.const 0) (i32.const 1)) (call $trap (i32.const 0) (i32.const 4)))
        (func (export "canister_update go") (call 1)))"#;
    let mut module = wat::parse_str(text).unwrap();
    if let Some(start) = module.windows(5).position(|bytes| bytes == b"\x04name") {
        module.truncate(start - 2);
    }
    let script = format!("{}ingress {ID} go 0x\n", installed("m.wasm"));
    let place = Place::new().file("m.wasm", module).file("s.drun", script);
    let run = check(place.0.path(), "s.drun", &[]);
    assert!(run.out.contains("IC0503"), "{}", run.out);
    assert_eq!(
        run.stacks("2 ingress go (ID)"),
        [
            "update go (ID);canister_update go 6",
            "update go (ID);canister_update go;func[1] 11",
            "update go (ID);canister_update go;func[1];ic0.trap 504",
            "update go (ID);[heap pages] 1000",
        ]
    );
}

/// Recursion that profiled code has no room for in 5 MiB, but other code has; and recursion without an end.
/// Reported: counts and even results differed where the stack ends (testdata/reported). Frames of any size, and of none.
#[test]
fn the_end_of_the_stack_is_where_it_is_without_a_profile() {
    let reported = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/reported");
    let read = |name: &str| std::fs::read_to_string(reported.join(name)).unwrap();
    for subnet in ["system", "application"] {
        let arguments = ["--subnet-type", subnet];
        let run = profile(
            &read("overflow-count.wat"),
            "ingress ID recbig 0x\n",
            &arguments,
        );
        assert_eq!(sums_of_results(&run.out).get("2"), Some(&2_948_966));
        let messages =
            ["d150000", "d163000", "endless"].map(|name| format!("ingress ID {name} 0x\n"));
        let run = profile(&read("deep.wat"), &messages.concat(), &arguments);
        let sums = sums_of_results(&run.out);
        assert_eq!(sums.get("2"), Some(&1_800_516));
        // A level more is twelve instructions more; the end of the stack comes behind all that fit.
        assert_eq!(sums.get("3"), Some(&(1_800_516 + 12 * 13_000)));
        assert_eq!(sums.get("4"), Some(&1_965_984));
        assert_eq!(
            run.out.matches(r#""status":"failed""#).count(),
            1,
            "{}",
            run.out
        );
    }
}

#[test]
fn deep_recursion_ends_where_it_ends_without_a_profile() {
    let module = r#"(module
        (func $down (param i32)
            (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1))))))
        (func (export "canister_update deep") (call $down (i32.const 100000)))
        (func $endless (call $endless))
        (func (export "canister_update endless") (call $endless)))"#;
    let messages = "ingress ID deep 0x\ningress ID endless 0x\ningress ID deep 0x\n";
    let run = profile(module, messages, &[]);
    // 12 for a turn, 4 for the last, 7 for the method.
    assert_eq!(sums_of_stacks(&run.folded)["2"], 1_200_011);
    assert!(run.out.contains("stack overflow"), "{}", run.out);
    let deepest = run
        .stacks("4 ingress deep (ID)")
        .into_iter()
        .max_by_key(String::len);
    assert!(deepest.unwrap().contains(";down;[deeper];down "));
}

/// An execution that fails at its limit has used all of it; one that ends below zero has used no more.
#[test]
fn limits_and_slices() {
    let module = r#"(module
        (func $f)
        (func $work (param $n i32)
            (loop $again
                (drop (ref.func $f)) (drop (ref.func $f)) (drop (ref.func $f)) (drop (ref.func $f))
                (drop (ref.func $f)) (drop (ref.func $f)) (drop (ref.func $f)) (drop (ref.func $f))
                (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                (br_if $again (local.get $n))))
        (elem declare func $f)
        (func (export "canister_update long") (call $work (i32.const 3000000)))
        (func (export "canister_update short") (drop (i32.div_u (i32.const 1) (i32.const 1)))
            (if (i32.const 1) (then (drop (i32.div_u (i32.const 1) (i32.const 1)))))))"#;
    // 8 times 131, and 7: more than one slice of 2,000,000,000.
    let run = profile(
        module,
        "ingress ID long 0x\n",
        &["--subnet-type", "application"],
    );
    let stacks = run.stacks("2 ingress long (ID)");
    let work = format!(
        "update long (ID);canister_update long;work {}",
        1 + 3_000_000 * 1055u64
    );
    assert!(stacks.contains(&work), "{stacks:?}");

    let run = profile(
        module,
        "ingress ID long 0x\n",
        &["--instruction-limit", "100000"],
    );
    assert_eq!(sums_of_stacks(&run.folded)["2"], 100_000);
    // 14 and 3 in the first segment, 13 more in the second.
    let run = profile(
        module,
        "ingress ID short 0x\n",
        &["--instruction-limit", "20"],
    );
    assert_eq!(sums_of_stacks(&run.folded)["2"], 20);
}

/// Scripts of every kind, in the circumstances of both programs: 32 and 64 bits, calls, queries, tasks, upgrades, traps.
#[test]
fn recorded_scripts_have_the_same_results_and_right_sums() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let scripts = [
        ("wat", "calls.drun"),
        ("wat", "heartbeat.drun"),
        ("wat", "backtrace.drun"),
        ("testdata/motoko", "composite.drun"),
        ("testdata/motoko", "factory-32.drun"),
        ("testdata/motoko", "inspect.drun"),
        ("testdata/motoko", "parallel-32.drun"),
        ("testdata/motoko", "region.drun"),
        ("testdata/motoko", "upgrade.drun"),
    ];
    let circumstances: [&[&str]; 3] = [
        &[],
        &["--subnet-type", "application", "--backtrace"],
        &["--compat", "pocket-ic", "--compiler", "fast", "--no-cache"],
    ];
    for (directory, script) in scripts {
        for arguments in circumstances {
            let run = check(&root.join(directory), script, arguments);
            assert!(!run.folded.is_empty());
        }
    }
}

#[test]
fn the_picture_shows_names_and_is_the_same_every_time() {
    let script = format!("{}ingress {ID} ask 0x\n", installed("m.wat"));
    let place = Place::new().file("m.wat", CALLER).file("s.drun", script);
    let picture = || {
        let ran = place.run(&["--compat", "drun", "--profile", "p", "s.drun"]);
        assert_eq!(ran.status, Some(0), "{}", ran.err);
        std::fs::read_to_string(place.0.path().join("p/profile.svg")).unwrap()
    };
    let svg = picture();
    for part in [
        "s.drun",
        "7,548 instructions",
        "2 ingress ask (rwlgt-iiaaa-aaaaa-aaaaa-cai) (7,548 instructions, 100.00%)",
        "ic0.call_perform (5,506 instructions, 72.95%)",
        "answer (506 instructions, 6.70%)",
    ] {
        assert!(svg.contains(part), "{part}");
    }
    assert_eq!(picture(), svg);
}

#[test]
fn a_run_without_instructions_has_a_profile_too() {
    let place = Place::new().file("s.drun", "create\n");
    check(place.0.path(), "s.drun", &[]);
}

#[test]
fn a_directory_that_cannot_be_made_is_told_before_anything_runs() {
    let place = Place::new().file("s.drun", "create\n").file("taken", "");
    let ran = place.run(&["--profile", "taken", "s.drun"]);
    assert_eq!((ran.status, &*ran.out), (Some(3), ""));
    assert!(
        ran.err
            .starts_with("error: cannot make the directory taken: "),
        "{}",
        ran.err
    );
    let place = Place::new().file("s.drun", "create\n");
    std::fs::create_dir_all(place.0.path().join("p/profile.svg")).unwrap();
    let ran = place.run(&["--profile", "p", "s.drun"]);
    assert_eq!(ran.status, Some(3));
    assert!(
        ran.err.starts_with("error: cannot write p/profile.svg: "),
        "{}",
        ran.err
    );
}
