//! What the cache gives back, and that it never gives back anything else.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::compiler::Compiler;
use super::*;
use crate::module::Module as Loaded;
use crate::rewrite::Metering;
use crate::testing::Plain;
use crate::tier::Choice;

const LIMITS: Plain = Plain(1);

/// A module with something in each part of what is known about it.
fn blob() -> Arc<[u8]> {
    let text = r#"(module
        (memory (export "memory") 1)
        (global (export "shown") i64 (i64.const 7))
        (global $hidden (mut i32) (i32.const 5))
        (data (i32.const 40) "some data")
        (func (export "go") (global.set $hidden (i32.const 6))))"#;
    wat::parse_str(text).unwrap().into()
}

fn settings(directory: &Path) -> Settings {
    Settings {
        choice: Choice::Fast,
        cache: Some(directory.to_owned()),
        ..Settings::default()
    }
}

fn load_with(settings: Settings, host: &Plain) -> Loaded<Plain> {
    let blob = blob();
    let hash = Sha256::digest(&blob).into();
    Compiler::new(settings)
        .load(host, &blob, hash)
        .unwrap()
        .unwrap()
}

fn load(directory: &Path, host: &Plain) -> Loaded<Plain> {
    load_with(settings(directory), host)
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|it| it == "module"))
        .collect()
}

/// True if the module came out of the cache, which keeps no rewritten module.
fn was_cached(module: &Loaded<Plain>) -> bool {
    module.rewritten.wasm.is_empty()
}

#[test]
fn a_second_load_finds_what_the_first_has_made() {
    let directory = tempfile::tempdir().unwrap();
    let first = load(directory.path(), &LIMITS);
    let second = load(directory.path(), &LIMITS);
    assert!(!was_cached(&first) && was_cached(&second));
    assert!(second.is_compiled(Tier::Fast));
    assert_eq!(first.facts, second.facts);
    assert_eq!(first.compile_operators(), second.compile_operators());
    assert_eq!(first.saved_globals(), second.saved_globals());
    assert!(first.data().eq(second.data()));
    for metering in [Metering::Global, Metering::Profiled] {
        assert_eq!(
            first.rewritten_for(metering).unwrap(),
            second.rewritten_for(metering).unwrap()
        );
    }
}

/// There is no machine code, but it is not examined again.
#[test]
fn what_was_interpreted_is_known_the_next_time() {
    let directory = tempfile::tempdir().unwrap();
    let interpreted = || {
        let settings = Settings {
            choice: Choice::Auto,
            ..settings(directory.path())
        };
        load_with(settings, &LIMITS)
    };
    let first = interpreted();
    assert_eq!(entries(directory.path()).len(), 1);
    let second = interpreted();
    assert!(second.program().is_some() && !second.is_compiled(Tier::Fast));
    assert_eq!(first.facts, second.facts);
    assert_eq!(first.compile_operators(), second.compile_operators());
    assert_eq!(first.saved_globals(), second.saved_globals());
    assert!(first.data().eq(second.data()));
    let entry = entries(directory.path()).remove(0);
    let mut content = fs::read(&entry).unwrap();
    content[0] ^= 1;
    fs::write(&entry, content).unwrap();
    assert_eq!(first.facts, interpreted().facts);
}

/// What is charged and saved is the same; the code is not.
#[test]
fn code_for_a_profile_has_its_own_entries() {
    let directory = tempfile::tempdir().unwrap();
    let plain = load(directory.path(), &LIMITS);
    let profiled = || {
        let settings = Settings {
            profile: true,
            ..settings(directory.path())
        };
        load_with(settings, &LIMITS)
    };
    let (first, second) = (profiled(), profiled());
    assert!(!was_cached(&first) && was_cached(&second));
    for module in [first, second] {
        assert!(module.is_compiled(Tier::Profiled) && !module.is_compiled(Tier::Fast));
        assert_eq!(module.compile_operators(), plain.compile_operators());
        assert_eq!(module.saved_globals(), plain.saved_globals());
    }
    let again = load(directory.path(), &LIMITS);
    assert!(again.is_compiled(Tier::Fast) && !again.is_compiled(Tier::Profiled));
}

#[test]
fn other_rules_or_another_code_generator_find_nothing() {
    let directory = tempfile::tempdir().unwrap();
    load(directory.path(), &LIMITS);
    assert!(!was_cached(&load(directory.path(), &Plain(2))));
    let other = Settings {
        choice: Choice::Optimizing,
        ..settings(directory.path())
    };
    assert!(!was_cached(&load_with(other, &LIMITS)));
}

/// Whatever happens to the file of an entry, the module is made again and the entry is replaced.
#[test]
fn damaged_entries_are_not_used_and_replaced() {
    let damages: [fn(&mut Vec<u8>); 7] = [
        |file| file.clear(),
        |file| file.truncate(59),
        |file| file.truncate(file.len() / 2),
        |file| file.push(0),
        |file| file[1000] ^= 1,
        |file| *file.last_mut().unwrap() ^= 1,
        |file| {
            file.splice(.., b"something else altogether".repeat(20))
                .for_each(drop)
        },
    ];
    let directory = tempfile::tempdir().unwrap();
    load(directory.path(), &LIMITS);
    let entry = entries(directory.path()).remove(0);
    let whole = fs::read(&entry).unwrap();
    for (number, damage) in damages.iter().enumerate() {
        let mut content = whole.clone();
        damage(&mut content);
        fs::write(&entry, content).unwrap();
        assert!(
            !was_cached(&load(directory.path(), &LIMITS)),
            "damage {number}"
        );
        assert!(
            was_cached(&load(directory.path(), &LIMITS)),
            "after damage {number}"
        );
    }
}

/// An entry that is whole, but was made by somebody who does not know the secret.
#[test]
fn a_planted_entry_is_not_used() {
    let [own, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    load(own.path(), &LIMITS);
    load(other.path(), &LIMITS);
    let [own_entry, planted] = [&own, &other].map(|place| entries(place.path()).remove(0));
    assert_eq!(own_entry.file_name(), planted.file_name());
    fs::copy(planted, own_entry).unwrap();
    assert!(!was_cached(&load(own.path(), &LIMITS)));
    assert!(was_cached(&load(own.path(), &LIMITS)));
}

/// A whole entry under the name of another is not taken for it.
#[test]
fn the_entry_of_another_key_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    load(directory.path(), &LIMITS);
    let own = entries(directory.path()).remove(0);
    load(directory.path(), &Plain(2));
    let other = entries(directory.path())
        .into_iter()
        .find(|path| *path != own)
        .unwrap();
    fs::rename(other, own).unwrap();
    assert!(!was_cached(&load(directory.path(), &LIMITS)));
}

#[test]
fn a_cache_that_cannot_be_made_is_gone_without() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(!was_cached(&load(&file.join("below"), &LIMITS)));
    assert!(!was_cached(&load(&file, &LIMITS)));
}

#[test]
fn many_threads_at_once_leave_whole_entries() {
    let directory = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let module = load(directory.path(), &LIMITS);
                assert_eq!(module.saved_globals().len(), 2);
            });
        }
    });
    assert_eq!(entries(directory.path()).len(), 1);
    assert!(was_cached(&load(directory.path(), &LIMITS)));
}
