//! What each mistake looks like, and where it is.

use super::*;

#[test]
fn near_misses_are_named() {
    check(&[
        (
            "crate a",
            (1, 1, 5),
            "unknown message `crate`",
            "perhaps `create`",
        ),
        (
            "advanc 3s",
            (1, 1, 6),
            "unknown message `advanc`",
            "perhaps `advance`",
        ),
        (
            "create a\nexpect replay",
            (2, 8, 6),
            "`replay` cannot be expected",
            "perhaps `reply`",
        ),
        (
            "create a with contollers a",
            (1, 15, 10),
            "unknown setting `contollers`",
            "perhaps `controllers`",
        ),
        (
            "create a\nupgrade a m.wasm with kep",
            (2, 23, 3),
            "unknown option `kep`",
            "perhaps `keep`",
        ),
        (
            "create ledger\nstop leger",
            (2, 6, 5),
            "unknown name `leger`",
            "perhaps `ledger`",
        ),
    ]);
    let (.., expected) = mistake("// x");
    assert!(expected.starts_with("`create`, `install`"), "{expected}");
    assert!(expected.ends_with("`stable` or `#`"), "{expected}");
}

#[test]
fn settings_that_are_missing_are_told_where_they_should_be() {
    for source in ["create with", "create with # nothing", "create a with"] {
        let (.., said, expected) = mistake(source);
        assert_eq!(said, "the setting is missing", "{source}");
        assert!(expected.starts_with("one of `controllers`"), "{expected}");
    }
}

#[test]
fn a_setting_that_is_there_twice_is_told() {
    check(&[
        (
            "create a with 1T cycles, compute-allocation 1%, 2T cycles # more",
            (1, 49, 9),
            "the setting `cycles` is there already",
            "each setting once",
        ),
        (
            "create a\nsettings a with log-visibility public, log-visibility anonymous",
            (2, 40, 24),
            "the setting `log-visibility` is there already",
            "each setting once",
        ),
    ]);
}

/// Each line is counted once: a file that is no script may have a mistake in each of them.
#[test]
fn places_of_many_mistakes_are_found_without_reading_the_file_for_each() {
    let lines = 100_000;
    let source = "\u{feff}".to_owned() + &"x\r\n".repeat(lines) + "creat";
    let mistakes = parsed(&source).unwrap_err();
    let places: Vec<(usize, usize)> = mistakes.iter().map(|it| (it.line, it.column)).collect();
    let expected: Vec<(usize, usize)> = (1..=lines + 1).map(|line| (line, 1)).collect();
    assert_eq!(places, expected);
}

#[test]
fn unknown_names_list_the_known_ones() {
    check(&[
        (
            "stop ledger",
            (1, 6, 6),
            "unknown name `ledger`",
            "an id, or a name from `create ledger` or `let ledger = identity`",
        ),
        (
            "create a\nlet b = identity\nstop ledger",
            (3, 6, 6),
            "unknown name `ledger`",
            "one of `a`, `b`",
        ),
        (
            "create a\ningress a go ($bobby)",
            (2, 15, 6),
            "unknown name `bobby`",
            "one of `$a`",
        ),
        (
            "create a\nexpect reply (record { x = $b; .. })",
            (2, 28, 2),
            "unknown name `b`",
            "one of `$a`",
        ),
        (
            "as alice",
            (1, 4, 5),
            "unknown name `alice`",
            "an id, or a name from `create alice` or `let alice = identity`",
        ),
        (
            "create a with controllers carol",
            (1, 27, 5),
            "unknown name `carol`",
            "an id, or a name from `create carol` or `let carol = identity`",
        ),
        (
            "restore x",
            (1, 9, 1),
            "unknown snapshot `x`",
            "`snapshot NAME` before this",
        ),
        (
            "snapshot here\nrestore there",
            (2, 9, 5),
            "unknown snapshot `there`",
            "perhaps `here`",
        ),
        (
            "create a\ncreate a",
            (2, 8, 1),
            "the name `a` is taken since line 1",
            "another name",
        ),
    ]);
}

#[test]
fn a_principal_that_is_none_is_told() {
    check(&[
        (
            "let a = rwlgt-iiaaa-aaaaa-aaaaa-caj",
            (1, 35, 1),
            "a canister id of this length cannot end in this character",
            "a last character without superfluous bits",
        ),
        (
            "stop aaaba-aa",
            (1, 6, 8),
            "the checksum of the canister id is wrong: computed 00000000, found 00001000",
            "the id exactly as it was handed out",
        ),
        (
            "create a\ningress a go (principal \"aaaba-aa\")",
            (2, 25, 10),
            "this is no principal: CRC32 check sequence doesn't match with calculated from Principal bytes.",
            "a principal as it was handed out, such as \"rwlgt-iiaaa-aaaaa-aaaaa-cai\"",
        ),
    ]);
}

#[test]
fn candid_of_the_wrong_type_is_told_with_the_type() {
    let head = "create l\ninstall l ledger.wasm (record { owner = $l })\n";
    for (line, place, said, expected) in [
        (
            "ingress l mint ($l, \"x\")",
            (3, 21, 3),
            "a text has the wrong type",
            "nat",
        ),
        (
            "ingress l mint ($l)",
            (3, 19, 1),
            "argument 2 is missing",
            "nat",
        ),
        (
            "ingress l mint",
            (3, 15, 1),
            "argument 1 is missing",
            "principal",
        ),
        (
            "ingress l transfer (record {\n  to = $l;\n  amout = 3;\n})",
            (5, 3, 5),
            "the record has no field `amout`",
            "perhaps `amount`",
        ),
        (
            "ingress l burn (1)",
            (3, 11, 4),
            "`l` has no method `burn`",
            "one of `balance`, `icrc1:x`, `mint`, `transfer`",
        ),
        (
            "ingress l mnt (1)",
            (3, 11, 3),
            "`l` has no method `mnt`",
            "perhaps `mint`",
        ),
        (
            "install l ledger.wasm ()",
            (3, 24, 1),
            "argument 1 is missing",
            "record { owner : principal }",
        ),
        (
            "ingress l mint (1 2)",
            (3, 19, 1),
            "`2` cannot stand here",
            "`,` or `)`",
        ),
        (
            "did l ledger.did\nquery l balance (3)",
            (4, 18, 1),
            "a number has the wrong type",
            "principal",
        ),
        (
            "install l broken.wasm (1)",
            (3, 1, 7),
            "the interface of `l` cannot be read: unknown type `nope` in its line 1",
            "a readable one: `did l FILE`",
        ),
    ] {
        check(&[(&format!("{head}{line}"), place, said, expected)]);
    }
}

#[test]
fn amounts_that_do_not_fit_are_told() {
    let durations = "such as `30s`, `1h30m` or `7d` (ns, us, ms, s, m, h, d)";
    check(&[
        (
            "advance 100000d\nadvance 10000d",
            (2, 1, 7),
            "too much time passes in this script",
            "at most 292 years, with everything before this",
        ),
        (
            "advance 213504d",
            (1, 9, 7),
            "a duration is too large",
            durations,
        ),
        (
            "advance 99999999999999999999s",
            (1, 9, 21),
            "a duration is too large",
            durations,
        ),
        ("advance 5", (1, 9, 1), "`5` is not a duration", durations),
        (
            "advance -5s",
            (1, 9, 3),
            "`-5s` is not a duration",
            durations,
        ),
        ("advance", (1, 8, 1), "a duration is missing", durations),
        (
            "tick x",
            (1, 6, 1),
            "`x` is not a number of rounds",
            "such as `3`",
        ),
        (
            "create a with 5T",
            (1, 17, 1),
            "the word `cycles` is missing",
            "such as `5T cycles`",
        ),
        (
            "create a\ntop-up a 1e3",
            (2, 10, 3),
            "`1e3` is not a number of cycles",
            "such as `5T`",
        ),
        (
            "http respond u 999",
            (1, 16, 3),
            "`999` is not a status",
            "a number from 100 to 599",
        ),
    ]);
}

#[test]
fn expectations_need_a_result_and_a_form() {
    check(&[
        (
            "expect reply",
            (1, 1, 6),
            "there is no result yet of which something could be expected",
            "a message before this",
        ),
        (
            "let a = identity\nexpect prints \"x\"",
            (2, 1, 6),
            "there is no result yet of which something could be expected",
            "a message before this",
        ),
        (
            "create\nexpect",
            (2, 7, 1),
            "what is expected is missing",
            "one of `reply`, `reject`, `error`, `prints`, `instructions`, `cycles`",
        ),
        (
            "create\nexpect error 503",
            (2, 14, 3),
            "`503` is no error code",
            "a code such as `IC0503`, or `~ \"a part of the text\"`",
        ),
        (
            "create\nexpect instructions 5",
            (2, 21, 1),
            "the comparison is missing",
            "`<`, `<=`, `>`, `>=` or `=`",
        ),
        (
            "create\nexpect reject ~",
            (2, 16, 1),
            "the text behind `~` is missing",
            "`~ \"a part of the text\"`",
        ),
    ]);
}

#[test]
fn mistakes_of_several_lines_do_not_breed() {
    let source = "create a\ningress a go (record {\n  x = ;\n  y = 2;\n})\nquery a get\ninstal a";
    let mistakes = parsed(source).unwrap_err();
    let lines: Vec<usize> = mistakes.iter().map(|mistake| mistake.line).collect();
    assert_eq!(lines, [3, 7]);
}

#[test]
fn what_is_not_sent_has_no_sender() {
    check(&[(
        "as anonymous advance 1s",
        (1, 14, 7),
        "`advance` is not sent by anybody",
        "a message behind `as NAME`",
    )]);
}

#[test]
fn a_name_must_not_be_something_else() {
    for name in ["1a", "a-", "anonymous", "identity", "aaaaa-aa", "ä"] {
        let (line, column, _, said, expected) = mistake(&format!("create {name}"));
        let meaning = ["anonymous", "identity", "aaaaa-aa"].contains(&name);
        assert_eq!(
            expected.starts_with("another word"),
            meaning,
            "{name}: {expected}"
        );
        assert_eq!(
            (line, column, said),
            (1, 8, format!("a name cannot be `{name}`"))
        );
    }
}

#[test]
fn the_older_language_refuses_our_words() {
    for (line, word) in [
        ("advance 3s", "advance"),
        ("  let a = identity", "let"),
        ("call x y", "call"),
    ] {
        let mistakes = parse("t.drun", line.as_bytes()).unwrap_err();
        let kinds: Vec<&Mistake> = mistakes.iter().map(|mistake| &mistake.kind).collect();
        assert_eq!(kinds, [&Mistake::Extension(word.into())]);
    }
    for line in [
        "create a",
        "ingress aaaaa-aa go ()",
        "ingress aaaaa-aa go",
        "create # x",
        " # x",
    ] {
        assert!(parse("t.drun", line.as_bytes()).is_err(), "{line}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_told_where_they_are() {
    let mistakes =
        Program::parse("t.drun", b"create a\nst\xffop a\nstop b\xc3", &mut memory()).unwrap_err();
    let places: Vec<(usize, usize)> = mistakes.iter().map(|m| (m.line, m.column)).collect();
    assert_eq!(places, [(2, 3), (3, 7)]);
}
