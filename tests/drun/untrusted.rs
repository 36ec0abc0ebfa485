//! What reads bytes from outside takes any bytes: configurations, modules, arguments of the management canister, entries
//! of the module cache. Whatever stands there, the program ends as it promises, with a result or a message, and a
//! damaged cache changes no result.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::support::place::{ID, Place, Ran, installed};

/// A module with something of everything that is read: types, imports, memory, table, globals, exports, elements, code,
/// data, names and custom sections.
const MODULE: &str = r#"(module $m
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
    (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
    (memory 1 4)
    (table 2 funcref)
    (global $counter (mut i32) (i32.const 7))
    (type $unary (func (param i32) (result i32)))
    (func $double (type $unary) (i32.mul (local.get 0) (i32.const 2)))
    (elem (i32.const 0) $double)
    (func (export "canister_init") (drop (call $grow (i64.const 1))))
    (func (export "canister_query read") (local $n i32)
      (local.set $n (i32.const 3))
      (loop $again
        (global.set $counter (call_indirect (type $unary) (global.get $counter) (i32.const 0)))
        (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (i32.store (i32.const 8) (global.get $counter))
      (call $append (i32.const 0) (i32.const 12))
      (call $reply))
    (data (i32.const 0) "answered")
    (@custom "icp:public candid:service" "service : {}"))"#;

static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| wat::parse_str(MODULE).expect("it is valid"));

/// Installs `m` and asks it.
fn script() -> String {
    installed("m") + &format!("query {ID} read 0x\n")
}

/// A change of some bytes.
#[derive(Clone, Debug)]
enum Change {
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        4 => (any::<Index>(), 1u8..).prop_map(|(at, bits)| Change::Flip(at, bits)),
        1 => any::<Index>().prop_map(Change::Cut),
        2 => (any::<Index>(), prop::collection::vec(any::<u8>(), 1..6)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        2 => (any::<Index>(), 1usize..6).prop_map(|(at, count)| Change::Remove(at, count)),
    ];
    prop::collection::vec(change, 1..4)
}

fn changed(bytes: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        match change {
            Change::Flip(at, bits) => {
                let at = at.index(bytes.len());
                bytes[at] ^= bits;
            }
            Change::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Change::Insert(at, inserted) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, inserted.iter().copied());
            }
            Change::Remove(at, count) => {
                let at = at.index(bytes.len());
                bytes.drain(at..(at + count).min(bytes.len()));
            }
        }
    }
    bytes
}

/// Runs the script, with code of one kind so that a case costs as little as it can.
fn run(place: &Place, arguments: &[&str]) -> Ran {
    place.run(&[&["--compiler", "fast"], arguments].concat())
}

/// The module was refused with a text of the Internet Computer, or it was installed; either way the script went on to its end.
fn ends_well(ran: &Ran) -> Result<(), TestCaseError> {
    prop_assert_eq!(ran.status, Some(0), "{}", ran.err);
    prop_assert_eq!(&ran.err, "");
    let answers: Vec<&str> = ran
        .out
        .lines()
        .filter(|line| {
            ["ingress(", "Ok: ", "Err: ", "CanisterErr: "]
                .iter()
                .any(|beginning| line.starts_with(beginning))
        })
        .collect();
    prop_assert_eq!(answers.len(), 3, "{}", ran.out);
    if answers[1].contains("Failed: ") {
        // IC0505: not valid; IC0521, 0502, 0503, 0504, 0507, 0522: valid, but it fails when it is instantiated or run.
        prop_assert!(answers[1].contains("Failed: IC05"), "{}", ran.out);
    }
    Ok(())
}

/// Methods of the management canister whose argument is looked at when a user calls them.
const METHODS: [&str; 16] = [
    "canister_status",
    "clear_chunk_store",
    "delete_canister_snapshot",
    "install_chunked_code",
    "install_code",
    "list_canister_snapshots",
    "load_canister_snapshot",
    "provisional_create_canister_with_cycles",
    "provisional_top_up_canister",
    "start_canister",
    "stop_canister",
    "stored_chunks",
    "take_canister_snapshot",
    "uninstall_code",
    "update_settings",
    "upload_chunk",
];

/// Candid to begin with: a record with the canister's id; one with settings as well, `(record { canister_id; settings = record {
/// freezing_threshold = opt 1 } })`; one with a list of lists.
const ARGUMENTS: [&str; 3] = [
    "4449444c016c01b3c4b1f204680100010a00000000000000000101",
    "4449444c036c02b3c4b1f20468e3a683c304016c01d7e09b9002026e7d010001010a0000000000000000010101",
    "4449444c026d016d7b01000203010203020405",
];

/// Values as configurations hold them, for keys that are known and others.
fn configuration() -> impl Strategy<Value = String> {
    let key = select(
        &[
            "compat",
            "subnet_type",
            "instruction_limit",
            "extra_batches",
            "compiler",
            "seed",
            "time",
            "backtrace",
            "http_mocks",
            "threshold_keys",
            "other",
            "url",
            "status",
            "headers",
            "body",
        ][..],
    );
    let scalar = prop_oneof![
        select(
            &[
                "null",
                "true",
                "-1",
                "0",
                "7",
                "1e400",
                "1.5",
                "NaN",
                "Infinity",
                "0x10",
                "18446744073709551616"
            ][..]
        )
        .prop_map(str::to_owned),
        select(
            &[
                "'drun'",
                "\"pocket-ic\"",
                "'application'",
                "'fast'",
                "'2021-05-06T19:17:10Z'",
                "'\\u{D800}'",
                "''"
            ][..]
        )
        .prop_map(str::to_owned),
        "\"\\PC{0,8}\"",
    ];
    let value = scalar.prop_recursive(3, 16, 4, {
        let key = key.clone();
        move |inner| {
            let member =
                (key.clone(), inner.clone()).prop_map(|(key, value)| format!("{key}: {value}"));
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(|all| format!("[{}]", all.join(", "))),
                prop::collection::vec(member, 0..4)
                    .prop_map(|all| format!("{{{}}}", all.join(", "))),
            ]
        }
    });
    let members = prop::collection::vec(
        (key, value).prop_map(|(key, value)| format!("{key}: {value}")),
        0..5,
    );
    prop_oneof![
        4 => members.prop_map(|all| format!("{{ {} }}", all.join(", "))),
        1 => "\\PC{0,40}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_configuration_is_taken_or_refused_with_a_message(text in configuration()) {
        let place = Place::new().file("s", "create\n").file("c", &text);
        let ran = place.run(&["--config", "c", "s"]);
        match ran.status {
            Some(0) => prop_assert!(ran.err.is_empty() || ran.err.starts_with("warning: c: "), "{}", ran.err),
            Some(2) => {
                prop_assert_eq!(&ran.out, "");
                prop_assert!(ran.err.starts_with("error: c: "), "{}", ran.err);
            }
            status => prop_assert!(false, "{status:?} {}", ran.err),
        }
    }

    #[test]
    fn any_module_is_installed_or_refused_with_a_text(changes in changes()) {
        let place = Place::new().file("m", changed(&BYTES, &changes)).file("s", script());
        let ran = run(&place, &["--no-cache", "--instruction-limit", "1000000", "s"]);
        ends_well(&ran)?;
    }

    #[test]
    fn any_compressed_module_is_installed_or_refused_with_a_text(changes in changes()) {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&BYTES).expect("writing to memory does not fail");
        let bytes = gzip.finish().expect("writing to memory does not fail");
        let place = Place::new().file("m", changed(&bytes, &changes)).file("s", script());
        let ran = run(&place, &["--no-cache", "--instruction-limit", "1000000", "s"]);
        ends_well(&ran)?;
    }

    #[test]
    fn any_argument_of_the_management_canister_gets_an_answer(
        calls in prop::collection::vec((select(&METHODS[..]), select(&ARGUMENTS[..]), changes()), 20),
    ) {
        let mut script = "create\n".to_owned();
        for (method, argument, changes) in &calls {
            let argument = changed(&hex::decode(argument).expect("it is hexadecimal"), changes);
            script += &format!("ingress aaaaa-aa {method} 0x{}\n", hex::encode(argument));
        }
        let ran = Place::new().file("s", script).run(&["s"]);
        prop_assert_eq!((ran.err.as_str(), ran.status), ("", Some(0)));
        let answers = ran.out.lines().filter(|line| line.starts_with("ingress(")).count();
        prop_assert_eq!(answers, 21, "{}", ran.out);
    }

    #[test]
    fn a_damaged_cache_changes_nothing(changes in changes()) {
        let place = Place::new().file("m", &*BYTES).file("s", script());
        let arguments = ["--cache-dir", "cache", "s"];
        let cold = run(&place, &arguments);
        prop_assert_eq!(cold.status, Some(0), "{}", cold.err);
        let entries = files(&place.0.path().join("cache"));
        prop_assert!(!entries.is_empty(), "a cold run leaves an entry");
        for entry in entries {
            let bytes = std::fs::read(&entry).expect("the entry can be read");
            std::fs::write(&entry, changed(&bytes, &changes)).expect("the entry can be written");
        }
        let warm = run(&place, &arguments);
        prop_assert_eq!((warm.out, warm.status), (cold.out, cold.status));
        // Nothing, if a change took the other back.
        let told = warm.err.is_empty()
            || warm.err.starts_with("warning: module cache ")
                && warm.err.ends_with(": the entry is damaged; it is compiled again\n");
        prop_assert!(told, "{}", warm.err);
    }
}

/// Whoever runs a suite of somebody else reads what became of it, and not what its files are called.
#[cfg(target_os = "linux")]
#[test]
fn names_of_a_suite_forge_no_line_and_drive_no_terminal() {
    let place = Place::new()
        .file("a\nok       b.drun", "# skip: it\u{1b}[2J\ncreate\n")
        .file("c\u{1b}[2J.drun", "create\n");
    let ran = place.run(&["test"]);
    assert_eq!(ran.status, Some(1), "{}", ran.out);
    assert!(!ran.out.contains('\u{1b}'), "{}", ran.out);
    let first = "skipped  a\\nok       b: it\\u{1b}[2J\nFAILED   c\\u{1b}[2J: there is no ";
    assert!(ran.out.starts_with(first), "{}", ran.out);
}

/// All files below a directory.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).expect("the directory can be read");
    entries
        .map(|entry| entry.expect("the directory can be read").path())
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![path],
        })
        .collect()
}
