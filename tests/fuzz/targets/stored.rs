//! What is read back: snapshots of canisters that users upload, and compiled code out of a cache that somebody has changed. The
//! first are taken or refused with a text, alike by all code; the second never shows in a result.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use drun::internals::canister::InstallMode;
use drun::internals::config::CompilerChoice;
use drun::internals::outcome::Outcome;
use drun::internals::{Compat, Config, Runner};
use drun::{Principal, Protocol};

/// Counts in a global, in its memory and in its stable memory.
const MODULE: &str = r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
  (import "ic0" "stable64_size" (func $size (result i64)))
  (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
  (import "ic0" "stable64_read" (func $read (param i64 i64 i64)))
  (memory 1 20)
  (global $g (mut i64) (i64.const 3))
  (func (export "canister_update go")
    (global.set $g (i64.add (global.get $g) (i64.const 1)))
    (i64.store (i32.const 8) (i64.add (i64.load (i32.const 8)) (i64.const 2)))
    (if (i64.eqz (call $size)) (then (drop (call $grow (i64.const 1)))))
    (call $write (i64.const 0) (i64.const 8) (i64.const 8))
    (call $reply))
  (func (export "canister_query get")
    (if (i64.ne (call $size) (i64.const 0)) (then (call $read (i64.const 16) (i64.const 0) (i64.const 8))))
    (i64.store (i32.const 0) (global.get $g))
    (call $append (i32.const 0) (i32.const 24))
    (call $reply)))"#;

/// The methods for snapshots; [`snapshots`] takes their numbers.
pub const METHODS: [&str; 8] = [
    "take_canister_snapshot",
    "load_canister_snapshot",
    "read_canister_snapshot_metadata",
    "read_canister_snapshot_data",
    "upload_canister_snapshot_metadata",
    "upload_canister_snapshot_data",
    "delete_canister_snapshot",
    "list_canister_snapshots",
];

/// Calls that one input makes at most.
const MOST: usize = 12;

/// The module.
pub fn snapshot_module() -> Vec<u8> {
    wat::parse_str(MODULE).expect("valid text")
}

fn canister(config: Config, module: &[u8]) -> (Runner, Principal, Vec<Outcome>) {
    let mut runner = Runner::new(config);
    runner.create();
    let id = runner.canisters().next().expect("it was created").id;
    let mut all = vec![runner.install(InstallMode::Install, id, module, b"")];
    all.push(runner.ingress(id, "go", b""));
    (runner, id, all)
}

fn config(compiler: CompilerChoice, cache: Option<&Path>) -> Config {
    Config {
        compiler,
        cache_dir: cache.map(Path::to_owned),
        // The older ones know no snapshots that are read and uploaded.
        protocol: Protocol::NEWEST,
        ..Config::new(Compat::Drun)
    }
}

/// Calls of the methods for snapshots with any arguments: a number, the length in two bytes, the argument.
pub fn snapshots(bytes: &[u8]) {
    let module = snapshot_module();
    let outcomes = |compiler| {
        let (mut runner, id, mut all) = canister(config(compiler, None), &module);
        let mut rest = bytes;
        for _ in 0..MOST {
            let [what, low, high, after @ ..] = rest else {
                break;
            };
            let length = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
            let (argument, after) = after.split_at(length);
            rest = after;
            let method = METHODS[usize::from(*what) % METHODS.len()];
            all.push(runner.ingress(Principal::management_canister(), method, argument));
            all.push(runner.query_outcome(id, "get", b""));
            all.push(runner.ingress(id, "go", b""));
        }
        all
    };
    let expected = outcomes(CompilerChoice::Optimizing);
    assert_eq!(outcomes(CompilerChoice::Fast), expected);
}

/// The files of a cache, by their paths in it.
struct Cache {
    directory: tempfile::TempDir,
    files: Vec<PathBuf>,
    expected: Vec<Outcome>,
}

fn files(directory: &Path, below: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(directory.join(below)).expect("it can be read");
    let mut names: Vec<_> = entries
        .map(|entry| below.join(entry.expect("it can be read").file_name()))
        .collect();
    names.sort();
    for name in names {
        match directory.join(&name).is_dir() {
            true => files(directory, &name, found),
            false => found.push(name),
        }
    }
}

fn filled() -> &'static Cache {
    static CACHE: OnceLock<Cache> = OnceLock::new();
    CACHE.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let run = || {
            let config = config(CompilerChoice::Auto, Some(directory.path()));
            let (runner, _, all) = canister(config, &snapshot_module());
            // What the cache is to keep is waited for.
            runner.end_with_process();
            all
        };
        let expected = run();
        let mut found = Vec::new();
        files(directory.path(), Path::new(""), &mut found);
        assert!(!found.is_empty(), "something is kept");
        Cache {
            directory,
            files: found,
            expected,
        }
    })
}

/// Changes to the files of a cache: a file, what is done, where, and a byte.
pub fn cache(bytes: &[u8]) {
    let filled = filled();
    let copy = tempfile::tempdir().expect("a temporary directory");
    for name in &filled.files {
        let (from, to) = (filled.directory.path().join(name), copy.path().join(name));
        let mut parents: Vec<&Path> = name.ancestors().skip(1).collect();
        parents.pop();
        for parent in parents.into_iter().rev() {
            let made = copy.path().join(parent);
            if !made.is_dir() {
                std::fs::create_dir(&made).expect("it can be made");
                let mode = std::fs::metadata(filled.directory.path().join(parent));
                let mode = mode.expect("it is there").permissions();
                std::fs::set_permissions(&made, mode).expect("it is ours");
            }
        }
        std::fs::copy(from, to).expect("it can be copied");
    }
    for change in bytes.chunks_exact(8) {
        let path = copy
            .path()
            .join(&filled.files[usize::from(change[0]) % filled.files.len()]);
        let mut content = std::fs::read(&path).expect("it is there");
        let place = u32::from_le_bytes([change[2], change[3], change[4], change[5]]) as usize;
        let place = place % content.len().max(1);
        match change[1] % 4 {
            0 if !content.is_empty() => content[place] ^= change[6].max(1),
            1 => content.truncate(place),
            2 => content.insert(place, change[6]),
            _ => content.extend([change[6]; 9]),
        }
        // The file's owner and permissions stay.
        std::fs::write(&path, content).expect("it is ours");
    }
    let config = config(CompilerChoice::Auto, Some(copy.path()));
    let (runner, _, all) = canister(config, &snapshot_module());
    assert_eq!(all, filled.expected);
    runner.end_with_process();
}
