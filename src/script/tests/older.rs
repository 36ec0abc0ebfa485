//! Scripts of the older language alone: what is read, what each mistake looks like, and how fast it goes.

use std::fmt::Write;
use std::time::{Duration, Instant};

use candid::Principal;
use drun_ic::canister::InstallMode;
use proptest::prelude::*;

use crate::script::*;

const ID: &str = "rwlgt-iiaaa-aaaaa-aaaaa-cai";

fn canister() -> Principal {
    Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
}

fn messages(source: impl AsRef<[u8]>) -> Vec<Message> {
    let script = parse("t.drun", source.as_ref()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    script
        .messages
        .into_iter()
        .map(|located| located.message)
        .collect()
}

fn mistakes(source: impl AsRef<[u8]>) -> Diagnostics {
    let source = source.as_ref();
    parse("t.drun", source).expect_err(&String::from_utf8_lossy(source))
}

/// Line, column, length and kind of each mistake.
fn places(source: impl AsRef<[u8]>) -> Vec<(usize, usize, usize, Mistake)> {
    mistakes(source)
        .iter()
        .map(|mistake| {
            (
                mistake.line,
                mistake.column,
                mistake.length,
                mistake.kind.clone(),
            )
        })
        .collect()
}

fn install(mode: InstallMode, module: &str, argument: &[u8]) -> Message {
    Message::Install {
        mode,
        canister: canister(),
        module: module.into(),
        argument: argument.into(),
    }
}

fn ingress(argument: &[u8]) -> Message {
    Message::Ingress {
        canister: canister(),
        method: "go".into(),
        argument: argument.into(),
    }
}

#[test]
fn every_message_is_read() {
    let source = format!(
        "create\n\
         install {ID} a.wasm 0x00\n\
         reinstall {ID} ../ä#\"b.wat \"x y\"\n\
         upgrade {ID} C:\\c.wasm.gz \"\"\n\
         ingress {ID} go 0x4449\n\
         query aaaaa-aa _Go_2 0x\n"
    );
    let expected = [
        Message::Create,
        install(InstallMode::Install, "a.wasm", b"\0"),
        install(InstallMode::Reinstall, "../ä#\"b.wat", b"x y"),
        install(InstallMode::Upgrade, "C:\\c.wasm.gz", b""),
        ingress(b"DI"),
        Message::Query {
            canister: Principal::management_canister(),
            method: "_Go_2".into(),
            argument: vec![],
        },
    ];
    assert_eq!(messages(source), expected);
}

#[test]
fn comments_and_blank_lines_are_skipped_but_counted() {
    let script = parse("t.drun", b"# \xc3\xa4\0\n#\n\n \t\n\r\ncreate\n#").unwrap();
    let lines: Vec<usize> = script.messages.iter().map(|located| located.line).collect();
    assert_eq!(lines, [6]);
}

#[test]
fn a_script_may_be_empty() {
    for source in ["", "\n", "\r\n", " ", "# nothing", "\u{feff}"] {
        assert_eq!(messages(source), [], "{source:?}");
    }
}

#[test]
fn lines_end_in_lf_or_crlf_or_with_the_file() {
    for source in ["create\ncreate", "create\r\ncreate\r\n", "create\ncreate\r"] {
        assert_eq!(
            messages(source),
            [Message::Create, Message::Create],
            "{source:?}"
        );
    }
    assert_eq!(messages("\u{feff}create\r\n"), [Message::Create]);
    // A carriage return of its own ends no line.
    assert_eq!(places("create\rcreate\n")[0].1, 1);
}

#[test]
fn fields_are_separated_by_any_blanks() {
    for source in [
        format!("ingress\t{ID}  go \t 0x00"),
        format!(" \tingress {ID} go 0x00"),
        format!("ingress {ID} go 0x00 \t"),
        format!("ingress {ID} go 0x00 \r\n"),
    ] {
        assert_eq!(messages(&source), [ingress(b"\0")], "{source:?}");
    }
    assert_eq!(
        messages(format!("ingress {ID} go  \" a\t \"")),
        [ingress(b" a\t ")]
    );
    assert_eq!(messages("create \t"), [Message::Create]);
}

/// The form of an ingress, which several mistakes mention.
const INGRESS: &str = "ingress <canister_id> <method_name> <payload>";

#[test]
fn each_mistake_has_its_place_and_kind() {
    let missing = |field| Mistake::Missing {
        field,
        form: INGRESS,
    };
    let unknown = |word: &str, nearest| Mistake::UnknownMessage {
        word: word.into(),
        nearest,
    };
    let form = "install <canister_id> <wasmfile> <payload>";
    let no_module = Mistake::Missing {
        field: Field::Module,
        form,
    };
    for (line, column, length, kind) in [
        ("instal X y 0x", 1, 6, unknown("instal", Some("install"))),
        ("Create", 1, 6, unknown("Create", Some("create"))),
        ("  qurey", 3, 5, unknown("qurey", Some("query"))),
        ("// x", 1, 2, unknown("//", None)),
        ("create\0", 1, 7, unknown("create\0", Some("create"))),
        ("\u{a0}", 1, 1, unknown("\u{a0}", None)),
        (" # x", 2, 1, Mistake::IndentedComment),
        (
            "create now 1 ",
            8,
            5,
            Mistake::TrailingText { form: "create" },
        ),
        ("ingress", 8, 1, missing(Field::CanisterId)),
        ("ingress ", 9, 1, missing(Field::CanisterId)),
        ("ingress aaaaa-aa", 17, 1, missing(Field::Method)),
        ("ingress aaaaa-aa go", 20, 1, missing(Field::Payload)),
        ("ingress aaaaa-aa go ", 21, 1, missing(Field::Payload)),
        ("ingress aaaaa-aa 0x00", 18, 1, missing(Field::Method)),
        ("ingress aaaaa-aa \"a b\"", 18, 1, missing(Field::Method)),
        ("install aaaaa-aa 0x00", 18, 1, no_module.clone()),
        ("install aaaaa-aa", 17, 1, no_module),
        (
            "ingress aaaaa-aa go 0x00 0x",
            26,
            2,
            Mistake::TrailingText { form: INGRESS },
        ),
        ("ingress aaaaa-a1 go 0x", 16, 1, Mistake::IdCharacter('1')),
        (
            "ingress aaaa-aaa go 0x",
            13,
            1,
            Mistake::IdDashes {
                canonical: Some("aaaaa-aa".into()),
            },
        ),
        ("ingress aaaaa-a go 0x", 9, 7, Mistake::IdLength(6)),
        ("ingress aaaaa-ab go 0x", 16, 1, Mistake::IdTrailingBits),
        (
            "ingress aaaba-aa go 0x",
            9,
            8,
            Mistake::IdChecksum {
                computed: 0,
                found: 0x1000,
            },
        ),
        ("ingress ic: go 0x", 12, 1, Mistake::OldIdWithoutChecksum),
        (
            "ingress ic:01 go 0x",
            12,
            2,
            Mistake::OldIdChecksum {
                computed: 0,
                found: 1,
            },
        ),
        ("ingress ic:000 go 0x", 14, 1, Mistake::OddHex(3)),
        (
            "ingress aaaaa-aa 2go 0x",
            18,
            1,
            Mistake::MethodCharacter('2'),
        ),
        (
            "ingress aaaaa-aa go! 0x",
            20,
            1,
            Mistake::MethodCharacter('!'),
        ),
        (
            "ingress aaaaa-aa gö 0x",
            19,
            1,
            Mistake::MethodCharacter('ö'),
        ),
        ("ingress aaaaa-aa go ()", 21, 2, Mistake::PayloadStart),
        ("ingress aaaaa-aa go 0x0", 23, 1, Mistake::OddHex(1)),
        ("ingress aaaaa-aa go 0x0g", 24, 1, Mistake::HexDigit('g')),
        (
            r#"ingress aaaaa-aa go "ä""#,
            22,
            1,
            Mistake::StringCharacter('ä'),
        ),
        (r#"ingress aaaaa-aa go "\n""#, 22, 2, Mistake::Escape('n')),
        (r#"ingress aaaaa-aa go "\x0""#, 22, 3, Mistake::HexEscape(1)),
        (
            r#"ingress aaaaa-aa go "\b01""#,
            22,
            4,
            Mistake::BinaryEscape(2),
        ),
        (r#"ingress aaaaa-aa go "a"#, 23, 1, Mistake::Unterminated),
        (r#"ingress aaaaa-aa go "a" "#, 24, 1, Mistake::AfterQuote),
    ] {
        let source = format!("# first\r\n{line}\r\n");
        assert_eq!(places(source), [(2, column, length, kind)], "{line}");
    }
}

#[test]
fn columns_count_characters() {
    assert_eq!(
        places("install aaaaa-aa \u{4f60}é.wasm x")[0],
        (1, 26, 1, Mistake::PayloadStart)
    );
}

#[test]
fn bytes_that_are_not_utf8_are_mistakes_wherever_they_are() {
    assert_eq!(
        places(b"# \xc3\xa4\xff\n# \xe2\x82\ncreate \xc0"),
        [
            (1, 4, 1, Mistake::NotUtf8),
            (2, 3, 1, Mistake::NotUtf8),
            (3, 8, 1, Mistake::NotUtf8),
        ]
    );
}

#[test]
fn a_line_of_16_mib_is_read_and_a_longer_one_refused() {
    let head = format!("ingress {ID} go \"");
    let body = "a".repeat(16 * 1024 * 1024 - head.len() - 1);
    assert_eq!(messages(format!("{head}{body}\"\r\ncreate")).len(), 2);

    let source = format!("create\n{head}{body}a\"\ncreate");
    let bytes = 16_777_217;
    assert_eq!(
        places(&source),
        [(2, bytes, 1, Mistake::LineTooLong(bytes))]
    );
    assert_eq!(places(format!("#{}", " ".repeat(bytes - 1)))[0].0, 1);
}

#[test]
fn all_mistakes_are_told_in_order() {
    let source = "ingress aaaaa 1 2\ncreate\nnonsense\nquery aaaaa-aa x 0x0\n";
    let places: Vec<(usize, usize)> = mistakes(source)
        .iter()
        .map(|mistake| (mistake.line, mistake.column))
        .collect();
    assert_eq!(places, [(1, 9), (1, 15), (1, 17), (3, 1), (4, 20)]);
}

#[test]
fn a_mistake_draws_its_line_with_carets() {
    let source = format!("create\ninstal {ID} a.wasm 0x\n");
    let expected = "\
error: unknown message `instal`
 --> t.drun:2:1
  |
2 | instal rwlgt-iiaaa-aaaaa-aaaaa-cai a.wasm 0x
  | ^^^^^^
  = expected: perhaps `install`";
    assert_eq!(mistakes(source).to_string(), expected);
}

#[test]
fn something_missing_is_drawn_behind_the_line() {
    let expected = "\
error: the payload is missing
  --> t.drun:10:17
   |
10 | query aaaaa-aa x
   |                 ^
   = expected: `query <canister_id> <method_name> <payload>`";
    let source = format!("{}query aaaaa-aa x\n", "\n".repeat(9));
    assert_eq!(mistakes(source).to_string(), expected);
}

#[test]
fn several_mistakes_are_drawn_one_below_the_other() {
    let expected = "\
error: the checksum of the canister id is wrong: computed 00000000, found 00001000
 --> t.drun:1:7
  |
1 | query aaaba-aa x \"\\q\"
  |       ^^^^^^^^
  = expected: the id exactly as it was handed out

error: unknown escape: a backslash before `q`
 --> t.drun:1:19
  |
1 | query aaaba-aa x \"\\q\"
  |                   ^^
  = expected: `\\\\`, `\\\"`, `\\xHH` or `\\bBBBBBBBB`";
    assert_eq!(mistakes("query aaaba-aa x \"\\q\"").to_string(), expected);
}

/// The drawn line and the line of carets, of the only mistake.
fn drawing(source: impl AsRef<[u8]>) -> (String, String) {
    let text = mistakes(source).to_string();
    let mut lines = text.lines().skip(3);
    let mut next = || lines.next().unwrap()[4..].to_string();
    (next(), next())
}

#[test]
fn tabs_and_strange_letters_do_not_shift_the_caret() {
    // A tab is drawn as one blank; é is one column, also as e with a mark of its own; 你 takes two columns.
    for (line, drawn, columns) in [
        ("install\taaaaa-aa\ta x", "install aaaaa-aa a x", 19),
        ("install aaaaa-aa é x", "install aaaaa-aa é x", 19),
        (
            "install aaaaa-aa e\u{301} x",
            "install aaaaa-aa e\u{301} x",
            19,
        ),
        ("install aaaaa-aa 你 x", "install aaaaa-aa 你 x", 20),
    ] {
        assert_eq!(drawing(line), (drawn.into(), " ".repeat(columns) + "^"));
    }
}

#[test]
fn characters_that_disturb_a_terminal_are_replaced() {
    let line = "install aaaaa-aa \u{1b}[31m\0\u{7f}\u{202e}\u{9b} \u{7}x";
    let drawn = "install aaaaa-aa \u{241b}[31m\u{2400}\u{2421}\u{fffd}\u{fffd} \u{2407}x";
    assert_eq!(drawing(line), (drawn.into(), " ".repeat(27) + "^^"));

    let text = parse("a\u{1b}[2J\nb", b"\x1b[31m").unwrap_err().to_string();
    assert!(text.contains("unknown message `\u{241b}[31m`"), "{text}");
    assert!(text.contains("--> a\u{241b}[2J\u{240a}b:1:1"), "{text}");
    assert_eq!(drawing(b"\xff\xfe").0, "\u{fffd}\u{fffd}");
}

#[test]
fn a_long_line_is_drawn_around_the_place() {
    let zeros = "0".repeat(300);
    // `query aaaaa-aa x 0x` has 19 characters, so 319 stand before the place and 50 of them are drawn.
    let (line, carets) = drawing(format!("query aaaaa-aa x 0x{zeros}g{zeros}"));
    assert_eq!(line, format!("…{}g{}…", "0".repeat(50), "0".repeat(49)));
    assert_eq!(carets, " ".repeat(51) + "^");

    let (line, carets) = drawing(format!("query aaaaa-aa x 0x{zeros}0"));
    assert_eq!(line, format!("…{}", "0".repeat(51)));
    assert_eq!(carets, " ".repeat(51) + "^");

    let (line, carets) = drawing(format!("create {zeros}"));
    assert_eq!(line, format!("create {}…", "0".repeat(93)));
    assert_eq!(carets, " ".repeat(7) + &"^".repeat(93));
}

#[test]
fn a_line_that_fits_is_drawn_in_full() {
    let line = format!("{}query", " ".repeat(95));
    assert_eq!(drawing(&line), (line.clone(), " ".repeat(100) + "^"));
}

#[test]
fn only_twenty_mistakes_are_drawn() {
    let drawn = |count| mistakes("x\n".repeat(count)).to_string();
    assert_eq!(drawn(20).matches("-->").count(), 20);
    assert!(drawn(20).ends_with("`query` or `#`"));
    assert_eq!(drawn(21).matches("-->").count(), 20);
    assert!(drawn(21).ends_with("\n\nerror: 1 more mistake is not shown"));
    assert!(drawn(1000).ends_with("\n\nerror: 980 more mistakes are not shown"));
    assert_eq!(mistakes("x\n".repeat(1000)).iter().count(), 1000);
}

#[test]
fn a_module_that_cannot_be_read_is_a_mistake_like_the_others() {
    let source = format!("\ncreate\n install {ID} no\u{4f60}.wasm 0x\nupgrade {ID} dir 0x");
    let script = parse("t.drun", source.as_bytes()).unwrap();
    let mistakes: Vec<Diagnostic> = script.messages[1..]
        .iter()
        .zip(["no such file", "it is a\ndirectory"])
        .map(|(located, reason)| script.module_error(located, reason.into()))
        .collect();
    let expected = "\
error: the module cannot be used: no such file
 --> t.drun:3:38
  |
3 |  install rwlgt-iiaaa-aaaaa-aaaaa-cai no\u{4f60}.wasm 0x
  |                                      ^^^^^^^^^
  = expected: a file with WebAssembly, plain or gzip-compressed, or its text form

error: the module cannot be used: it is a\u{240a}directory
 --> t.drun:4:37
  |
4 | upgrade rwlgt-iiaaa-aaaaa-aaaaa-cai dir 0x
  |                                     ^^^
  = expected: a file with WebAssembly, plain or gzip-compressed, or its text form";
    assert_eq!(Diagnostics::from(mistakes).to_string(), expected);
    assert_eq!(script.name(), "t.drun");
}

/// The shortest of three runs, as other programs may be at work.
fn shortest(mut run: impl FnMut()) -> Duration {
    let time = |_| {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    (0..3).map(time).min().unwrap()
}

#[test]
fn long_scripts_and_long_payloads_are_read_fast() {
    let mut many = String::new();
    for number in 0..100_000 {
        writeln!(
            many,
            "ingress {ID} method_{number} 0x4449444c00017d{:06x}",
            number % 9
        )
        .unwrap();
    }
    let hex = format!("ingress {ID} go 0x{}", "4f".repeat((16 << 20) / 2 - 50));
    let text = format!("ingress {ID} go \"{}\"", "o ".repeat((16 << 20) / 2 - 50));
    let escapes = format!(
        "ingress {ID} go \"{}\"",
        "\\x4f".repeat((16 << 20) / 4 - 50)
    );
    // The limits leave room for a slow machine and debug builds; a quadratic parser takes minutes.
    for (source, name) in [
        (many, "lines"),
        (hex, "hex"),
        (text, "text"),
        (escapes, "escapes"),
    ] {
        let time = shortest(|| assert!(!messages(&source).is_empty()));
        println!("{name}: {time:?}");
        assert!(time < Duration::from_secs(5), "{name}: {time:?}");
    }
}

fn any_message() -> impl Strategy<Value = Message> {
    let canister =
        prop::collection::vec(any::<u8>(), 0..=29).prop_map(|bytes| Principal::from_slice(&bytes));
    let argument = prop::collection::vec(any::<u8>(), 0..200);
    // Paths that begin like payloads and comments, and any others without blanks and line ends.
    let module = "(0x|\"|#)?[^ \t\r\n]{1,20}";
    let mode = prop::sample::select(vec![
        InstallMode::Install,
        InstallMode::Reinstall,
        InstallMode::Upgrade,
    ]);
    let method = "[a-zA-Z_][a-zA-Z0-9_]{0,20}";
    prop_oneof![
        1 => Just(Message::Create),
        5 => (mode, canister.clone(), module, argument.clone()).prop_map(
            |(mode, canister, module, argument)| Message::Install { mode, canister, module, argument }
        ),
        5 => (canister.clone(), method, argument.clone())
            .prop_map(|(canister, method, argument)| Message::Ingress { canister, method, argument }),
        5 => (canister, method, argument)
            .prop_map(|(canister, method, argument)| Message::Query { canister, method, argument }),
    ]
}

/// A byte as each of the ways a quoted payload can have it.
fn quoted_byte(byte: u8, way: u8) -> String {
    match (byte, way % 3) {
        (b'"' | b'\\', 0) => format!("\\{}", char::from(byte)),
        (b'\t' | b' '..=b'~', 0) => char::from(byte).to_string(),
        (_, 1) => format!("\\b{byte:08b}"),
        _ => format!("\\x{byte:02x}"),
    }
}

proptest! {
    #[test]
    fn what_is_printed_parses_back(expected in prop::collection::vec(any_message(), 0..5)) {
        let source: String = expected.iter().map(|message| format!("{message}\n")).collect();
        prop_assert_eq!(messages(source), expected);
    }

    #[test]
    fn quoted_payloads_give_their_bytes(bytes in prop::collection::vec(any::<(u8, u8)>(), 0..100)) {
        let quoted: String = bytes.iter().map(|(byte, way)| quoted_byte(*byte, *way)).collect();
        let expected: Vec<u8> = bytes.iter().map(|(byte, _)| *byte).collect();
        prop_assert_eq!(messages(format!("ingress {ID} go \"{quoted}\"")), [ingress(&expected)]);
    }

    #[test]
    fn principals_are_read_as_the_candid_crate_prints_them(bytes in prop::collection::vec(any::<u8>(), 0..=29)) {
        let id = Principal::from_slice(&bytes);
        prop_assert_eq!(parse_principal_text(&id.to_text()).ok(), Some(id));
        prop_assert_eq!(parse_principal_text(&id.to_text().to_uppercase()).ok(), Some(id));
    }

    /// No bytes make the parser or its drawings panic, and texts for which the candid crate knows no principal are
    /// refused here too.
    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        text in "(create|query|ingress|install) ([a-z2-7A-F0]{0,5}-?){0,8} ?.{0,20}",
        id in "([a-c2]{5}-){0,3}[a-c]{1,5}|ic:[0-9a-fé]{0,8}",
    ) {
        for source in [&bytes, text.as_bytes()] {
            if let Err(mistakes) = parse("t.drun", source) {
                let drawn = mistakes.to_string();
                prop_assert!(drawn.contains("error: "));
                prop_assert!(drawn.chars().all(|c| c == '\n' || !c.is_control()), "{}", drawn);
            }
        }
        prop_assert_eq!(parse_principal_text(&id).ok(), Principal::from_text(&id).ok());
    }
}
