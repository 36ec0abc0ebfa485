//! Every host function against every way it can refuse, without any Wasm.

use super::*;
use crate::inbox::Input;
use crate::storage::Value;

/// The size of the memory of these tests.
const SIZE: u32 = 16_384;
/// Where keys are put: two of them.
const KEY: u32 = 100;
const OTHER: u32 = 1_000;
/// Where data goes.
const DATA: u32 = 4_000;

struct Test {
    memory: Vec<u8>,
    world: World,
    printed: String,
}

impl Test {
    fn new() -> Self {
        let mut world = World::default();
        for (key, value) in [
            ("/file", &b"content"[..]),
            ("/both", b"v"),
            ("/both/below", b""),
            ("/dir/a", b"1"),
            ("/dir/b", b"2"),
            ("/readonly/x", b"r"),
            ("/empty", b""),
        ] {
            world.durable.set(&Path::known(key), Value::from(value));
        }
        world.outbox.open(0, 100);
        Self {
            memory: vec![0; SIZE as usize],
            world,
            printed: String::new(),
        }
    }

    fn put(&mut self, at: u32, text: &str) -> [i64; 2] {
        let at = at as usize;
        self.memory[at..at + text.len()].copy_from_slice(text.as_bytes());
        [at as i64, text.len() as i64]
    }

    fn call(&mut self, function: Function, args: &[i64]) -> Outcome {
        let args: Vec<u64> = args.iter().map(|arg| *arg as u64).collect();
        assert_eq!(args.len(), function.params().len(), "{function:?}");
        let printed = &mut self.printed;
        call(
            function,
            &args,
            &mut self.memory,
            &mut self.world,
            &mut |text| {
                printed.push_str(&String::from_utf8_lossy(text));
            },
        )
    }

    /// A call on a key with further arguments.
    fn on(&mut self, function: Function, key: &str, more: &[i64]) -> (i64, u64) {
        let [at, len] = self.put(KEY, key);
        let args: Vec<i64> = [at, len].iter().chain(more).copied().collect();
        self.done(function, &args)
    }

    fn done(&mut self, function: Function, args: &[i64]) -> (i64, u64) {
        match self.call(function, args) {
            Outcome::Done { result, ticks } => (result.unwrap_or(i64::MIN), ticks),
            Outcome::Reveal(pending) => panic!("{pending:?}"),
        }
    }

    /// The arguments behind the key that make a call succeed.
    fn usual(&mut self, function: Function) -> Vec<i64> {
        let other = self.put(OTHER, "/other");
        match function {
            Function::StoreGetNthKey => vec![0, i64::from(DATA), 10],
            Function::StoreCopy | Function::StoreMove => other.to_vec(),
            Function::StoreRead | Function::StoreWrite => vec![0, i64::from(DATA), 3],
            Function::StoreCreate => vec![8],
            Function::StoreGetHash => vec![i64::from(DATA), 32],
            _ => Vec::new(),
        }
    }
}

fn on_keys() -> impl Iterator<Item = Function> {
    Function::all().filter(|function| function.name().contains("store") && !function.is_nds())
}

#[test]
fn the_new_durable_storage_is_linked_and_not_enabled() {
    for function in Function::all().filter(|function| function.is_nds()) {
        let args = vec![0; function.params().len()];
        assert_eq!(Test::new().done(function, &args), (-16, 0), "{function:?}");
    }
}

#[test]
fn every_function_on_a_key_refuses_the_same_bad_keys() {
    for function in on_keys() {
        let mut test = Test::new();
        let more = test.usual(function);
        let longest = format!("/{}", "k".repeat(239));
        assert_ne!(test.on(function, &longest, &more).0, -1, "{function:?}");
        assert_eq!(
            test.on(function, &format!("{longest}k"), &more),
            (-1, 0),
            "{function:?}"
        );
        for bad in ["/", "file", "/file/", "//file", "/fi le", "/a@"] {
            assert_eq!(test.on(function, bad, &more), (-2, 0), "{function:?} {bad}");
        }
        let with = |at: i64, len: i64| [&[at, len][..], &more].concat();
        assert_eq!(
            test.done(function, &with(i64::from(SIZE) - 3, 4)),
            (-6, 0),
            "{function:?}"
        );
        assert_eq!(
            test.done(function, &with(-1, 5)),
            (-6, 0),
            "addresses are unsigned: {function:?}"
        );
        assert_eq!(test.done(function, &with(0, -1)), (-8, 0), "{function:?}");
    }
}

#[test]
fn keys_that_kernels_cannot_write_are_refused_by_what_writes_only() {
    for function in on_keys() {
        let mut test = Test::new();
        let more = test.usual(function);
        let writes = !matches!(
            function,
            Function::StoreHas
                | Function::StoreExists
                | Function::StoreListSize
                | Function::StoreGetNthKey
                | Function::StoreValueSize
                | Function::StoreRead
                | Function::StoreGetHash
                // The source of a copy is only read.
                | Function::StoreCopy
        );
        let before = test.world.clone();
        let (result, _) = test.on(function, "/readonly/x", &more);
        assert_eq!(result == -9, writes, "{function:?}: {result}");
        if writes {
            assert!(test.world == before, "{function:?}");
            assert_eq!(test.on(function, "", &more).0, -9, "the root: {function:?}");
        }
    }
    let mut test = Test::new();
    let to = test.put(OTHER, "/readonly/y");
    assert_eq!(
        test.on(Function::StoreCopy, "/none", &to).0,
        -9,
        "the destination is looked at first"
    );
}

#[test]
fn looking_at_keys() {
    let mut test = Test::new();
    for (key, has, count, size) in [
        ("/none", 0, 0, -3),
        ("/file", 1, 1, 7),
        ("/dir", 2, 2, -3),
        ("/both", 3, 2, 1),
        ("/empty", 1, 1, 0),
        ("", 2, 5, -3),
    ] {
        let ticks = key.len() as u64 * 42 + 1;
        assert_eq!(test.on(Function::StoreHas, key, &[]), (has, ticks), "{key}");
        assert_eq!(
            test.on(Function::StoreExists, key, &[]),
            (i64::from(has > 0), ticks),
            "{key}"
        );
        assert_eq!(
            test.on(Function::StoreListSize, key, &[]),
            (count, ticks),
            "{key}"
        );
        let paid = if size < 0 { 0 } else { ticks };
        assert_eq!(
            test.on(Function::StoreValueSize, key, &[]),
            (size, paid),
            "{key}"
        );
    }
}

#[test]
fn names_of_children() {
    let mut test = Test::new();
    let data = i64::from(DATA);
    for (key, index, max, result, name) in [
        ("/dir", 0, 10, 1, "a"),
        ("/dir", 1, 10, 1, "b"),
        ("/dir", 2, 10, -12, ""),
        ("/dir", -1, 10, -12, ""),
        ("/both", 0, 10, 0, ""),
        ("/both", 1, 3, 3, "bel"),
        ("/none", 0, 10, -10, ""),
    ] {
        test.memory[DATA as usize..][..16].fill(0);
        assert_eq!(
            test.on(Function::StoreGetNthKey, key, &[index, data, max])
                .0,
            result,
            "{key} {index}"
        );
        assert!(test.memory[DATA as usize..].starts_with(name.as_bytes()));
        assert_eq!(
            test.memory[DATA as usize + name.len()],
            0,
            "nothing more is written"
        );
    }
    assert_eq!(
        test.on(
            Function::StoreGetNthKey,
            "/both",
            &[1, i64::from(SIZE) - 2, 10]
        )
        .0,
        -6
    );
}

#[test]
fn reading_values() {
    let mut test = Test::new();
    let data = i64::from(DATA);
    for (key, offset, to, max, result) in [
        ("/file", 0, data, 100, 7),
        ("/file", 5, data, 100, 2),
        ("/file", 0, data, 0, 0),
        ("/file", 7, data, 1, -4),
        ("/file", -1, data, 1, -4),
        ("/empty", 0, data, 1, -4),
        ("/dir", 0, data, 1, -3),
        ("/none", 0, data, 2048, -3),
        ("/none", 0, data, 2049, -7),
        ("/file", 0, i64::from(SIZE) - 6, 100, -6),
        ("/file", 0, i64::from(SIZE) - 7, 100, 7),
        ("/file", 0, data, -1, -6),
    ] {
        let (found, ticks) = test.on(Function::StoreRead, key, &[offset, to, max]);
        assert_eq!(found, result, "{key} {offset} {to} {max}");
        let paid = if result < 0 {
            0
        } else {
            (key.len() as u64 + result as u64) * 42 + 1
        };
        assert_eq!(ticks, paid);
    }
    test.on(Function::StoreRead, "/file", &[3, data, 100]);
    assert!(test.memory[DATA as usize..].starts_with(b"tent"));
}

#[test]
fn writing_values() {
    let mut test = Test::new();
    test.put(DATA, "new!");
    let data = i64::from(DATA);
    for (key, offset, from, n, result) in [
        ("/file", 0, data, 4, 0),
        ("/file", 7, data, 4, 0),
        ("/file", 12, data, 1, -4),
        ("/file", -1, data, 1, -4),
        ("/made/here", 0, data, 0, 0),
        ("/made/there", 1, data, 0, -4),
        ("/file", 0, data, 2048, 0),
        ("/file", 0, data, 2049, -7),
        ("/readonly/x", 0, data, 2049, -9),
        ("/file", 0, data, -1, -5),
        ("/file", 0, i64::from(SIZE) - 3, 4, -6),
    ] {
        let (found, ticks) = test.on(Function::StoreWrite, key, &[offset, from, n]);
        assert_eq!(found, result, "{key} {offset} {from} {n}");
        assert_eq!(
            ticks,
            if result < 0 {
                0
            } else {
                (key.len() as u64 + n as u64) * 42 + 1
            }
        );
    }
    assert_eq!(test.on(Function::StoreHas, "/made/here", &[]).0, 1);
    assert_eq!(test.on(Function::StoreHas, "/made/there", &[]).0, 0);
}

#[test]
fn values_have_2_gigabytes_at_most() {
    let mut test = Test::new();
    assert_eq!(
        test.on(Function::StoreCreate, "/big", &[i64::from(i32::MAX)])
            .0,
        0
    );
    assert_eq!(
        test.on(Function::StoreValueSize, "/big", &[]).0,
        i64::from(i32::MAX)
    );
    // Size and count are added, not offset and count.
    assert_eq!(
        test.on(Function::StoreWrite, "/big", &[0, i64::from(DATA), 1])
            .0,
        -5
    );
    assert_eq!(
        test.on(Function::StoreWrite, "/big", &[0, i64::from(DATA), 0])
            .0,
        0
    );
    assert_eq!(test.on(Function::StoreCreate, "/big", &[1]).0, -13);
    assert_eq!(
        test.on(Function::StoreCreate, "/dir", &[1]).0,
        0,
        "a directory can get a value"
    );
    assert_eq!(test.on(Function::StoreCreate, "/x", &[-1]).0, -5);
    assert_eq!(
        test.on(Function::StoreRead, "/dir", &[0, i64::from(DATA), 9]),
        (1, 5 * 42 + 1)
    );
}

#[test]
fn copying_moving_deleting() {
    let mut test = Test::new();
    let to = test.put(OTHER, "/dir/c");
    assert_eq!(
        test.on(Function::StoreCopy, "/both", &to),
        (0, (5 + 6) * 42 + 1)
    );
    assert_eq!(test.on(Function::StoreHas, "/dir/c/below", &[]).0, 1);
    assert_eq!(test.on(Function::StoreCopy, "/readonly/x", &to).0, 0);
    assert_eq!(
        test.on(Function::StoreHas, "/dir/c/below", &[]).0,
        0,
        "the destination is replaced as a whole"
    );
    assert_eq!(test.on(Function::StoreCopy, "/none", &to).0, -10);
    assert_eq!(test.on(Function::StoreMove, "/none", &to).0, -10);
    assert_eq!(test.on(Function::StoreMove, "/file", &to).0, 0);
    assert_eq!(test.on(Function::StoreHas, "/file", &[]).0, 0);
    let bad = test.put(OTHER, "/bad/");
    assert_eq!(test.on(Function::StoreMove, "/both", &bad).0, -2);
    assert_eq!(test.on(Function::StoreDeleteValue, "/both", &[]).0, 0);
    assert_eq!(test.on(Function::StoreHas, "/both", &[]).0, 2);
    assert_eq!(test.on(Function::StoreDelete, "/both", &[]).0, 0);
    assert_eq!(
        test.on(Function::StoreDelete, "/both", &[]).0,
        0,
        "what is not there can be deleted"
    );
    assert_eq!(test.on(Function::StoreHas, "/both", &[]).0, 0);
}

#[test]
fn reading_the_inbox() {
    let mut test = Test::new();
    let input = |counter, n| Input {
        level: 7,
        counter,
        payload: vec![9; n].into(),
    };
    for n in 0..3 {
        test.world.inbox.push(input(n, 10));
    }
    let size = i64::from(SIZE);
    let data = i64::from(DATA);
    // Nothing is lost by a call that is refused; both comparisons are strict.
    for (info, to, max) in [
        (size - 8, data, 10),
        (0, size - 10, 10),
        (0, data, -1),
        (-1, data, 1),
        (0, -1, 1),
    ] {
        assert_eq!(
            test.done(Function::ReadInput, &[info, to, max]),
            (-6, 0),
            "{info} {to} {max}"
        );
    }
    assert_eq!(
        test.done(Function::ReadInput, &[size - 9, size - 11, 10]),
        (10, 420)
    );
    assert_eq!(
        test.done(Function::ReadInput, &[0, data, 4]),
        (4, 168),
        "the rest is lost"
    );
    assert_eq!(test.memory[..8], [7, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(test.memory[DATA as usize..][..5], [9, 9, 9, 9, 0]);
    assert_eq!(
        test.done(Function::ReadInput, &[0, data, 1_000_000]),
        (10, 420),
        "the maximum is cut to 4,096"
    );
    assert_eq!(test.done(Function::ReadInput, &[0, data, 4096]), (0, 0));
}

#[test]
fn writing_the_outbox() {
    let mut test = Test::new();
    assert_eq!(test.done(Function::WriteOutput, &[0, 4097]), (-7, 0));
    assert_eq!(
        test.done(Function::WriteOutput, &[i64::from(SIZE), 1]),
        (-6, 0)
    );
    assert_eq!(test.done(Function::WriteOutput, &[0, -1]), (-6, 0));
    for _ in 0..100 {
        assert_eq!(test.done(Function::WriteOutput, &[0, 4096]), (0, 0));
    }
    assert_eq!(test.done(Function::WriteOutput, &[0, 1]), (-11, 0));
}

#[test]
fn printing_never_fails() {
    let mut test = Test::new();
    let text = test.put(DATA, "hi\n");
    assert_eq!(
        test.call(Function::WriteDebug, &text),
        Outcome::Done {
            result: None,
            ticks: 0
        }
    );
    test.call(Function::WriteDebug, &[i64::from(SIZE) - 1, 2]);
    assert_eq!(test.printed, "hi\nError code: -6");
}

#[test]
fn revealing() {
    let mut test = Test::new();
    let data = i64::from(DATA);
    for function in [Function::RevealPreimage, Function::Reveal] {
        assert_eq!(test.done(function, &[0, 4097, data, 10]), (-7, 0));
        assert_eq!(
            test.done(function, &[i64::from(SIZE), 1, data, 10]),
            (-6, 0)
        );
    }
    let Outcome::Reveal(pending) = test.call(Function::RevealMetadata, &[data, 10]) else {
        panic!()
    };
    assert_eq!(pending.request, Request::Metadata);
    assert_eq!(deliver(&pending, b"short", &mut test.memory), (5, 210));
    assert_eq!(
        deliver(&pending, b"longer than ten", &mut test.memory),
        (10, 420)
    );
    let Outcome::Reveal(pending) = test.call(Function::RevealMetadata, &[i64::from(SIZE) - 5, 10])
    else {
        panic!()
    };
    assert_eq!(deliver(&pending, b"short", &mut test.memory), (5, 210));
    assert_eq!(deliver(&pending, b"longer", &mut test.memory), (-6, 0));
}

/// The original's debugger does not look at the size of a preimage; a node does.
#[test]
fn data_is_cut_by_what_the_kernel_takes_and_by_nothing_else() {
    let mut test = Test::new();
    let Outcome::Reveal(pending) = test.call(Function::RevealMetadata, &[0, 5_000]) else {
        panic!()
    };
    let answer = deliver(&pending, &[1; 6_000], &mut test.memory);
    assert_eq!(answer, (5_000, 5_000 * 42));
    assert_eq!(test.memory[4_999..=5_000], [1, 0]);
}
