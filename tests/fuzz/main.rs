//! The hunt: what reads bytes from outside gets any bytes, and all ways to run a canister have to agree. Each target is a function of
//! bytes that panics on a finding; `fuzz/` hands them to cargo-fuzz, and here each gets some thousand inputs of its own making.
//!
//! `DRUN_FUZZ_SECONDS` lets every target run so long, from seeds that begin at `DRUN_FUZZ_SEED` (`just fuzz`). Every input that
//! ever failed lies in `found/TARGET` and is tried first.

#[allow(unreachable_pub, reason = "fuzz/ has them public")]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

/// A source of numbers that is the same everywhere (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ (number >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Any bytes, or those of a seed with some changes.
fn input(numbers: &mut Numbers, seeds: &[Vec<u8>], longest: usize) -> Vec<u8> {
    if seeds.is_empty() || numbers.below(4) == 0 {
        let length = numbers.below(longest + 1);
        return (0..length).map(|_| numbers.next() as u8).collect();
    }
    let mut bytes = seeds[numbers.below(seeds.len())].clone();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len().max(1));
        let end = (at + 1 + numbers.below(8)).min(bytes.len());
        match numbers.below(6) {
            _ if bytes.is_empty() => bytes.push(numbers.next() as u8),
            0 => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes[at] = numbers.next() as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let part = bytes[at..end].to_vec();
                let place = numbers.below(bytes.len() + 1);
                bytes.splice(place..place, part);
            }
            _ => {
                let other = &seeds[numbers.below(seeds.len())];
                let from = numbers.below(other.len().max(1)).min(other.len());
                bytes.splice(at..at, other[from..].iter().copied());
            }
        }
        bytes.truncate(longest.max(4096));
    }
    bytes
}

/// Tries what failed before, and then so many inputs, or as many as the time allows that the environment gives.
fn hunt(name: &str, cases: u64, longest: usize, seeds: Vec<Vec<u8>>, target: fn(&[u8])) {
    let found = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/found")
        .join(name);
    let files = std::fs::read_dir(&found).into_iter().flatten().flatten();
    for file in files {
        let bytes = std::fs::read(file.path()).expect("a kept input can be read");
        attempt(name, &bytes, target);
    }
    seeds.iter().for_each(|seed| attempt(name, seed, target));
    let number = |name| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let first = number("DRUN_FUZZ_SEED").unwrap_or(0);
    let time = number("DRUN_FUZZ_SECONDS").map(Duration::from_secs);
    let start = Instant::now();
    let mut tried = 0;
    while time.map_or(tried < cases, |time| start.elapsed() < time) {
        let mut numbers = Numbers((first << 32) + tried);
        attempt(name, &input(&mut numbers, &seeds, longest), target);
        tried += 1;
    }
    println!("{name}: {tried} inputs in {:?}", start.elapsed());
}

fn attempt(name: &str, bytes: &[u8], target: fn(&[u8])) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(bytes))) {
        eprintln!(
            "{name} fails; to keep it: echo {} | xxd -r -p > tests/fuzz/found/{name}/NAME",
            hex::encode(bytes)
        );
        resume_unwind(panic);
    }
}

/// Files of the repository whose names end so.
fn files(directory: &str, ending: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut paths: Vec<_> = std::fs::read_dir(directory)
        .expect("it is there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).expect("it can be read"))
        .collect()
}

#[test]
fn scripts_of_any_bytes() {
    let mut seeds = files("wat", ".drun");
    seeds.extend(files("examples/till", ".drun"));
    seeds.push(targets::SCRIPT.as_bytes().to_vec());
    hunt("script", 3_000, 300, seeds, targets::script);
}

#[test]
fn what_a_script_says_is_read_again_as_it_was() {
    hunt(
        "round_trip",
        3_000,
        300,
        files("wat", ".drun"),
        targets::round_trip,
    );
}

#[test]
fn configurations_of_any_bytes() {
    let seeds = [
        "{ compat: 'pocket-ic', seed: 7, time: '2021-05-06T19:17:10Z', other: [1] }",
        "{ http_mocks: [{ url: 'a', method: 'GET', headers: [['a', 'b']], answers: [{ reject: { code: 1 } }, { timeout: true }] }] }",
    ];
    let seeds = seeds.map(|seed| seed.as_bytes().to_vec()).to_vec();
    hunt("configuration", 3_000, 200, seeds, targets::configuration);
}

#[test]
fn suite_files_of_any_bytes() {
    // Short expressions: long ones take most of the time, and are another library's.
    let seeds = [
        "paths = ['a']\nargs = ['--compat', 'drun']\nformat = 'lines'\ndecode = true\nprotocol = '2025-03-01'\n",
        "kind = 'motoko'\ntimeout = '2m'\nbuild = 'make'\norphans = 'refuse'\nmoc = 'moc'\nmoc-args = ['-g']\n",
        "expected = '{name}.ok'\nstderr = '{name}.err'\nnormalize = [{ pattern = 'a', replace = '$1' }, { delete = 'b' }, { end-after = 'c' }]\n",
        "skip = [{ cases = 'a/*', reason = 'b' }]\n[folder.wat]\nargs = []\n[folder.'a/b'.variant.c]\nexpected = 'd'\nnormalize = ['times']\n",
        "# args: --compat 'pocket-ic' \"a b\"\n# exit: 3\n# timeout: 5s\n# skip: not now\n# tiemout: 1\ncreate\n",
    ];
    let seeds = seeds.map(|seed| seed.as_bytes().to_vec()).to_vec();
    hunt("suite", 3_000, 300, seeds, targets::suite);
}

/// Arguments of the management canister.
fn candid_seeds() -> Vec<Vec<u8>> {
    let seeds = [
        "4449444c016c01b3c4b1f204680100010a00000000000000000101",
        "4449444c036c02b3c4b1f20468e3a683c304016c01d7e09b9002026e7d010001010a0000000000000000010101",
        "4449444c086c06efd6e40271e1edeb4a01e8d6d8930102a2f5ed880403ecdaccac0405c6a4a19806066b019681ba027f6e786e046d7b6e7f6d076c02f1fee18d0371cbe4fdc7047101001468747470733a2f2f6170692e6578616d706c652f00011400000000000000000000",
    ];
    seeds
        .map(|seed| hex::decode(seed).expect("digits"))
        .to_vec()
}

#[test]
fn arguments_in_candid_of_any_bytes() {
    hunt("candid", 5_000, 200, candid_seeds(), targets::candid);
}

#[test]
fn values_of_any_bytes_are_printed() {
    hunt("values", 200, 200, candid_seeds(), targets::values);
}

#[test]
fn modules_of_any_bytes() {
    let paths = [
        "wat/counter.wat",
        "testdata/reported/eop.wat",
        "testdata/reported/outcall.wat",
    ];
    let mut seeds: Vec<_> = paths
        .iter()
        .filter_map(|path| wat::parse_file(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok())
        .collect();
    seeds.extend(files("testdata/reported", ".wasm.gz"));
    hunt("module", 3_000, 400, seeds, targets::module);
}

#[test]
fn all_kinds_of_code_agree_on_random_modules() {
    hunt(
        "instrumentation",
        12,
        400,
        Vec::new(),
        targets::instrumentation,
    );
}

#[test]
fn all_kinds_of_code_agree_on_the_bits_of_every_operator() {
    hunt("operators", 40, 400, Vec::new(), targets::operators);
}

/// Modules of `fuzz/modules`, a few or those of the file that `DRUN_FUZZ_MODULES` names.
#[test]
fn all_kinds_of_code_agree_on_random_canisters() {
    let few = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/random_canisters");
    let path = std::env::var_os("DRUN_FUZZ_MODULES").unwrap_or_else(|| few.into());
    let all = std::fs::read(path).expect("modules");
    let (mut rest, mut tried, mut ran) = (all.as_slice(), 0, 0);
    while let Some((length, after)) = rest.split_first_chunk() {
        let (module, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        ran += u64::from(targets::random_canister(module));
        (rest, tried) = (after, tried + 1);
    }
    println!("random canisters: {tried} modules, {ran} of which could be installed");
    assert!(ran > tried / 2, "{ran} of {tried}");
}

#[test]
fn random_traffic_is_the_same_in_all_circumstances_and_in_a_model() {
    hunt(
        "traffic",
        40,
        200,
        targets::traffic_seeds(),
        targets::traffic,
    );
}

/// Calls that a client makes: a snapshot is taken, read, uploaded again piece by piece, loaded and deleted.
fn snapshot_seeds() -> Vec<Vec<u8>> {
    use candid::Encode;
    use drun::internals::canister::snapshot_id::SnapshotId;
    use drun::internals::management::ids::canister_id;
    use drun::internals::management::types::snapshots as types;

    let id = canister_id(0);
    let snapshot = |number| SnapshotId {
        canister: id,
        number,
    };
    let call = |method: &str, argument: Vec<u8>| {
        let number = targets::SNAPSHOT_METHODS
            .iter()
            .position(|known| *known == method)
            .expect("it is known");
        let [low, high] = (argument.len() as u16).to_le_bytes();
        [&[number as u8, low, high][..], &argument].concat()
    };
    let encoded = |result: Result<Vec<u8>, candid::Error>| result.expect("it can be encoded");
    let module = targets::snapshot_module();
    let take = call(
        "take_canister_snapshot",
        encoded(Encode!(&types::TakeSnapshotArgs {
            canister_id: id,
            replace_snapshot: None,
            uninstall_code: None,
            sender_canister_version: None,
        })),
    );
    let of = |number| {
        encoded(Encode!(&types::SnapshotArgs {
            canister_id: id,
            snapshot_id: snapshot(number),
        }))
    };
    let load = |number| {
        call(
            "load_canister_snapshot",
            encoded(Encode!(&types::LoadSnapshotArgs {
                canister_id: id,
                snapshot_id: snapshot(number),
                sender_canister_version: None,
            })),
        )
    };
    let read = |kind| {
        call(
            "read_canister_snapshot_data",
            encoded(Encode!(&types::ReadSnapshotDataArgs {
                canister_id: id,
                snapshot_id: snapshot(0),
                kind,
            })),
        )
    };
    let upload = |kind, chunk: &[u8]| {
        call(
            "upload_canister_snapshot_data",
            encoded(Encode!(&types::UploadSnapshotDataArgs {
                canister_id: id,
                snapshot_id: snapshot(0),
                kind,
                chunk: chunk.to_vec(),
            })),
        )
    };
    let metadata = call(
        "upload_canister_snapshot_metadata",
        encoded(Encode!(&types::UploadSnapshotMetadataArgs {
            canister_id: id,
            replace_snapshot: None,
            wasm_module_size: module.len() as u64,
            globals: vec![types::Global::I64(9)],
            wasm_memory_size: 1 << 16,
            stable_memory_size: 1 << 16,
            certified_data: vec![7; 3],
            global_timer: Some(types::GlobalTimer::Active(5)),
            on_low_wasm_memory_hook_status: Some(types::HookStatus::ConditionNotSatisfied),
        })),
    );
    use types::{ReadDataKind, UploadDataKind};
    vec![
        [
            take.clone(),
            call("read_canister_snapshot_metadata", of(0)),
            read(ReadDataKind::WasmMemory { offset: 8, size: 8 }),
            read(ReadDataKind::StableMemory { offset: 0, size: 9 }),
            load(0),
            call("delete_canister_snapshot", of(0)),
            load(0),
        ]
        .concat(),
        [
            metadata,
            upload(UploadDataKind::WasmModule { offset: 0 }, &module),
            upload(UploadDataKind::WasmMemory { offset: 8 }, &[1; 8]),
            upload(UploadDataKind::StableMemory { offset: 0 }, &[2; 8]),
            upload(UploadDataKind::WasmChunk, b"chunk"),
            load(0),
            take,
            call("list_canister_snapshots", of(0)),
            load(1),
        ]
        .concat(),
    ]
}

#[test]
fn snapshots_that_are_uploaded_are_taken_or_refused_alike() {
    hunt("snapshots", 60, 600, snapshot_seeds(), targets::snapshots);
}

#[cfg(feature = "serve")]
#[test]
fn requests_of_any_bytes_are_answered() {
    hunt("http", 2_000, 200, targets::http_seeds(), targets::http);
}

#[cfg(feature = "serve")]
#[test]
fn signed_requests_of_any_content_are_answered() {
    let seeds = targets::signed_seeds();
    for seed in &seeds {
        let status = targets::signed_status(seed);
        let said = hex::encode(seed);
        assert!(matches!(status, Some(200 | 202)), "{status:?}: {said}");
    }
    hunt("signed", 500, 200, seeds, targets::signed);
}

#[test]
fn a_cache_that_was_changed_never_shows() {
    let seeds = vec![vec![0; 8], vec![1; 8], vec![2, 2, 40, 0, 0, 0, 9, 0]];
    hunt("cache", 60, 64, seeds, targets::cache);
}
