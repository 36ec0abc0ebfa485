//! Tests of whole programs: what is read, what each mistake looks like, and that the older language means what it did.

use std::collections::HashMap;

use candid::Principal;
use proptest::prelude::*;

use super::statement::*;
use super::*;
use crate::idl;

/// Files in memory: scripts, interfaces, and modules by what they say of their interface.
#[derive(Default)]
struct Memory {
    files: HashMap<&'static str, &'static str>,
    modules: HashMap<&'static str, &'static str>,
}

impl Files for Memory {
    fn read(&mut self, _: &str, path: &str) -> Result<(String, Vec<u8>), String> {
        match self.files.get(path) {
            Some(text) => Ok((path.into(), text.as_bytes().into())),
            None => Err("there is no such file".into()),
        }
    }

    fn interface(&mut self, _: &str, module: &str) -> Option<InterfaceText> {
        let service = self.modules.get(module)?.to_string();
        let init = None;
        Some(InterfaceText { service, init })
    }
}

const LEDGER: &str = "type Result = variant { ok : record { block : nat }; err : text };
service : (record { owner : principal }) -> {
  mint : (to : principal, amount : nat) -> (Result);
  transfer : (record { to : principal; amount : nat; memo : opt blob }) -> (Result);
  balance : (principal) -> (nat) query;
  \"icrc1:x\" : () -> ();
}";

fn memory() -> Memory {
    let mut memory = Memory::default();
    memory.modules.insert("ledger.wasm", LEDGER);
    memory
        .modules
        .insert("broken.wasm", "service : { f : (nope) -> () }");
    memory.files.insert("ledger.did", LEDGER);
    memory
        .files
        .insert("wrong.did", "type A = nat;\nservice : { f : (B) -> () }");
    memory.files.insert(
        "setup.drun",
        "create ledger\ninstall ledger ledger.wasm (record { owner = $alice })\n",
    );
    memory
        .files
        .insert("bad.drun", "create a\n\n  instal a m.wasm\n");
    memory
        .files
        .insert("self.drun", "create a\ninclude \"self.drun\"\n");
    memory.files.insert("ping.drun", "include \"pong.drun\"\n");
    memory
        .files
        .insert("pong.drun", "# over to the other\ninclude \"ping.drun\"\n");
    memory
}

fn parsed(source: &str) -> Result<Program, Diagnostics> {
    Program::parse("t.drun", source.as_bytes(), &mut memory())
}

fn program(source: &str) -> Vec<Statement> {
    let program = parsed(source).unwrap_or_else(|mistakes| panic!("{source}\n{mistakes}"));
    let statements = program.statements.into_iter();
    statements.map(|placed| placed.statement).collect()
}

/// The only mistake: line, column, length, what is said, what is expected.
fn mistake(source: &str) -> (usize, usize, usize, String, String) {
    let mistakes = parsed(source).expect_err(source);
    let all: Vec<&Diagnostic> = mistakes.iter().collect();
    assert_eq!(all.len(), 1, "{mistakes}");
    let only = all[0];
    let (said, expected) = (only.kind.to_string(), only.kind.expected());
    (only.line, only.column, only.length, said, expected)
}

/// A script, the place of its mistake (line, column, length), what is wrong, and what was expected.
type Wrong<'a> = (&'a str, (usize, usize, usize), &'a str, &'a str);

/// Each source with the place and the words of its only mistake.
fn check(cases: &[Wrong<'_>]) {
    for (source, place, said, expected) in cases {
        let (line, column, length, is_said, is_expected) = mistake(source);
        let told = ((line, column, length), &*is_said, &*is_expected);
        assert_eq!(told, (*place, *said, *expected), "{source}");
    }
}

#[test]
fn the_example_of_the_contract_is_read() {
    let statements = program(
        r#"# A ledger: who may mint, what a transfer does, what survives an upgrade.
let alice = identity
let bob   = identity
create ledger with 5T cycles
install ledger ledger.wasm (record { owner = $alice })

as alice ingress ledger mint ($bob, 100)
expect reply (variant { ok })
as bob ingress ledger mint ($bob, 1)          # not the owner
expect reject ~ "only the owner"

snapshot rich-bob
as bob ingress ledger transfer (record {
  to     = $alice;
  amount = 40;
})
expect reply (variant { ok = record { block = 1; .. } })
expect instructions < 2_000_000
query ledger balance ($bob)
expect reply (60)

restore rich-bob
advance 1d                                    # the daily interest timer fires
expect prints "interest paid"
query ledger balance ($bob)
expect reply (101)

upgrade ledger ledger-v2.wasm.gz
query ledger balance ($bob)
expect reply (101)
upgrade ledger ledger-broken.wasm
expect error IC0503 ~ "Memory-incompatible program upgrade"
"#,
    );
    assert_eq!(statements.len(), 24);
    assert_eq!(
        statements[15],
        Statement::Advance(Duration(86_400_000_000_000))
    );
}

#[test]
fn statements_of_several_lines_count_their_lines() {
    let source = "create a\ningress a go (\n  1,\n  2\n) # end\n\ntick\n";
    let lines: Vec<usize> = parsed(source)
        .unwrap()
        .statements
        .iter()
        .map(|placed| placed.line)
        .collect();
    assert_eq!(lines, [1, 2, 7]);
    assert_eq!(
        parsed(&source.replace('\n', "\r\n"))
            .unwrap()
            .statements
            .len(),
        3
    );
}

#[test]
fn each_statement_is_read() {
    for line in [
        "create",
        "create b",
        "create b with 5T cycles, controllers a anonymous, freezing-threshold 30d",
        "create with 1k cycles",
        "let b = anonymous",
        "let b = a",
        "let b = rwlgt-iiaaa-aaaaa-aaaaa-cai",
        "as a",
        "as anonymous query a get",
        "as a create b",
        "install a \"a b/m.wasm\" 0x00 # comment",
        "install a m.wasm",
        "  upgrade a m.wasm (1, \"x\") with skip-pre-upgrade, replace",
        "upgrade a m.wasm with keep",
        "ingress a go",
        "ingress a go(1)",
        "ingress a \"icrc1:x\" \"DIDL\\x00\\x00\" # comment",
        "query a get () # comment",
        "query a get 0x # comment",
        "call a go (1) with 5_000 cycles",
        "call a go",
        "advance 1h30m",
        "tick",
        "tick 3",
        "snapshot one",
        "expect reply",
        "expect reply 0x00",
        "expect reply (_, record { a = $a; .. })",
        "expect reject",
        "expect reject \"no\"",
        "expect error",
        "expect error IC0503",
        "expect error ~\"part\"",
        "expect prints ~ \"x\"",
        "expect instructions >= 1",
        "expect cycles<1B",
        "top-up a 5T cycles",
        "top-up a 5",
        "start a",
        "stop a",
        "uninstall a",
        "delete a",
        "status a",
        "logs a",
        "settings a with compute-allocation 10%, log-visibility public",
        "controllers a",
        "controllers a = a anonymous",
        "controllers a =",
        "controllers a + anonymous",
        "controllers a - anonymous",
        "http respond https://a.b/c 200",
        "http respond \"https://a.b/c\" 404 header \"A\" \"b\" \"body\\x00\"",
        "stable save a \"dump file\"",
        "stable load a dump",
    ] {
        let source = format!("create a\n{line}\n");
        let statements = program(&source);
        assert_eq!(statements.len(), 2, "{line}");
        let printed = statements[1].to_string();
        let again = program(&format!("create a\n{printed}\n"));
        assert_eq!(again[1], statements[1], "{line} -> {printed}");
    }
}

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
fn an_expected_failure_excuses_an_unknown_method_and_keeps_the_old_interface() {
    let head = "create l\ninstall l ledger.wasm (record { owner = $l })\n";
    program(&format!("{head}ingress l burn\nexpect error IC0536"));
    program(&format!("{head}ingress l __motoko_hidden"));
    program(&format!(
        "{head}upgrade l broken.wasm\nexpect error\ningress l mint ($l, 1)"
    ));
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
fn included_scripts_stand_in_their_place() {
    let statements =
        program("let alice = identity\ninclude \"setup.drun\"\ningress ledger mint ($alice, 1)\n");
    assert_eq!(statements.len(), 4);
    let placed = &parsed("let alice = identity\ninclude setup.drun # once")
        .unwrap()
        .statements[2];
    assert_eq!((placed.file(), placed.line), ("setup.drun", 2));
}

#[test]
fn a_mistake_in_an_included_script_names_both_places() {
    let drawn = parsed("create x\ninclude \"bad.drun\"\n")
        .unwrap_err()
        .to_string();
    assert_eq!(
        drawn,
        "\
error: unknown message `instal`
 --> bad.drun:3:3
  |
3 |   instal a m.wasm
  |   ^^^^^^
  = expected: perhaps `install`
  = included from t.drun:2:9"
    );
    let drawn = parsed("create a\ndid a wrong.did\n")
        .unwrap_err()
        .to_string();
    assert_eq!(
        drawn,
        "\
error: unknown type `B`
 --> wrong.did:2:18
  |
2 | service : { f : (B) -> () }
  |                  ^
  = expected: a type of Candid or one that is defined
  = included from t.drun:2:7"
    );
    check(&[(
        "include \"nothing.drun\"",
        (1, 9, 14),
        "the script cannot be included: there is no such file",
        "a script, relative to this one",
    )]);
}

#[test]
fn scripts_cannot_include_themselves() {
    let drawn = parsed("include \"ping.drun\"\n").unwrap_err().to_string();
    assert_eq!(
        drawn,
        "\
error: the script includes itself
 --> pong.drun:2:9
  |
2 | include \"ping.drun\"
  |         ^^^^^^^^^^^
  = expected: no circle: t.drun -> ping.drun -> pong.drun -> ping.drun
  = included from ping.drun:1:9
  = included from t.drun:1:9"
    );
    assert!(parsed("include self.drun").is_err());
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
        let (line, column, _, said, _) = mistake(&format!("create {name}"));
        assert_eq!(
            (line, column, said),
            (1, 8, format!("a name cannot be `{name}`"))
        );
    }
}

#[test]
fn a_restored_snapshot_gives_names_back() {
    program(
        "let a = identity\nsnapshot s\ncreate x\nlet b = identity\nrestore s\ncreate x\nas b stop x",
    );
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

fn any_party() -> impl Strategy<Value = Spanned<Party>> + Clone {
    let id = prop::collection::vec(any::<u8>(), 0..=29)
        .prop_map(|bytes| Party::Id(Principal::from_slice(&bytes)));
    let name =
        prop::sample::select(vec!["a", "b-2", "_c"]).prop_map(|name| Party::Name(name.into()));
    prop_oneof![id, name].prop_map(|party| Spanned::new(party, 0..0))
}

fn any_text() -> impl Strategy<Value = Spanned<String>> {
    "[^\r\n]{1,12}".prop_map(|text| Spanned::new(text, 0..0))
}

fn any_statement() -> impl Strategy<Value = Statement> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..20);
    let values = |text: &str| {
        let (values, end) = idl::arguments(text, idl::Grammar::Values).unwrap();
        Payload::Text(idl::Argument::new(values, end..end).into())
    };
    let payload = prop_oneof![
        bytes().prop_map(Payload::Bytes),
        Just(values("()")),
        Just(values("(record { to = $a; n = 1 : nat8; }, \"x\\n\")")),
    ];
    let parties = prop::collection::vec(any_party(), 1..3);
    let seconds = |n: u32| Duration(u64::from(n) * 1_000_000_000);
    let setting = prop_oneof![
        parties.clone().prop_map(Setting::Controllers),
        any::<u64>().prop_map(Setting::ComputeAllocation),
        any::<u64>().prop_map(Setting::MemoryAllocation),
        any::<u32>().prop_map(move |n| Setting::FreezingThreshold(seconds(n))),
        any::<u128>().prop_map(Setting::ReservedCyclesLimit),
        Just(Setting::LogsPublic),
        Just(Setting::LogsForControllers),
    ];
    let settings = prop::collection::vec(setting, 1..4);
    let text = (any::<bool>(), ".{0,9}").prop_map(|(within, text)| TextPattern { within, text });
    let relation = prop::sample::select(Relation::ALL.map(|(_, relation)| relation).to_vec());
    let mode = prop::sample::select(vec![InstallMode::Install, InstallMode::Reinstall]);
    let kind = prop::sample::select(vec![CallKind::Ingress, CallKind::Query, CallKind::Call]);
    let expectation = prop_oneof![
        Just(Expectation::AnyReply),
        bytes().prop_map(Expectation::ReplyBytes),
        prop::option::of(text.clone()).prop_map(Expectation::Reject),
        (
            prop::option::of("IC[0-9]{4}"),
            prop::option::of(text.clone())
        )
            .prop_map(|(code, text)| Expectation::Error(code, text)),
        text.prop_map(Expectation::Prints),
        (relation, any::<u64>()).prop_map(|(r, n)| Expectation::Instructions(r, n.into())),
    ];
    prop_oneof![
        (settings.clone(), any::<u128>()).prop_map(|(mut settings, n)| {
            settings.push(Setting::Cycles(n));
            Statement::Create {
                name: None,
                settings,
            }
        }),
        any_party().prop_map(Statement::As),
        (mode, any_party(), any_text(), payload.clone()).prop_map(
            |(mode, canister, module, payload)| {
                Statement::Install {
                    mode,
                    canister,
                    module,
                    payload,
                    options: UpgradeOptions::default(),
                }
            }
        ),
        (
            any_party(),
            any_text(),
            payload.clone(),
            any::<bool>(),
            any::<Option<bool>>()
        )
            .prop_map(|(canister, module, payload, skip_pre_upgrade, keep)| {
                Statement::Install {
                    mode: InstallMode::Upgrade,
                    canister,
                    module,
                    payload,
                    options: UpgradeOptions {
                        skip_pre_upgrade,
                        keep,
                    },
                }
            }),
        (kind, any_party(), any_text(), payload, any::<u128>()).prop_map(
            |(kind, canister, method, payload, cycles)| {
                let cycles = if kind == CallKind::Call { cycles } else { 0 };
                Statement::Call {
                    kind,
                    canister,
                    method: Spanned::new(method.value.as_str().into(), 0..0),
                    payload,
                    cycles,
                }
            }
        ),
        any::<u32>().prop_map(|n| Statement::Advance(Duration(n.into()))),
        any::<u64>().prop_map(Statement::Tick),
        expectation.prop_map(|expectation| Statement::Expect(Box::new(expectation))),
        (any_party(), any::<u128>())
            .prop_map(|(canister, cycles)| Statement::TopUp { canister, cycles }),
        (prop::sample::select(Management::ALL.to_vec()), any_party()).prop_map(
            |((_, management), canister)| Statement::Manage {
                management,
                canister
            }
        ),
        (any_party(), settings)
            .prop_map(|(canister, settings)| Statement::Settings { canister, settings }),
        (
            any_party(),
            parties,
            prop::sample::select(vec![Change::Set, Change::Add, Change::Remove])
        )
            .prop_map(|(canister, parties, change)| Statement::Controllers {
                canister,
                change: Some((change, parties)),
            }),
        (
            ".{0,9}",
            100..600u16,
            prop::collection::vec((".{0,5}", ".{0,5}"), 0..3),
            bytes()
        )
            .prop_map(
                |(url, status, headers, body)| Statement::HttpRespond(Box::new(HttpResponse {
                    url,
                    status,
                    headers,
                    body
                }))
            ),
        (any::<bool>(), any_party(), any_text()).prop_map(|(save, canister, file)| {
            Statement::Stable {
                save,
                canister,
                file,
            }
        }),
    ]
}

proptest! {
    #[test]
    fn what_is_printed_parses_back(expected in prop::collection::vec(any_statement(), 0..6)) {
        let mut source = String::from("let a = identity\nlet b-2 = identity\nlet _c = identity\ncreate\n");
        for statement in &expected {
            source.push_str(&format!("{statement}\n"));
        }
        let read = parsed(&source).map_err(|mistakes| mistakes.to_string());
        let read = read.map(|program| {
            let statements = program.statements.into_iter().skip(4);
            statements.map(|placed| placed.statement).collect::<Vec<_>>()
        });
        prop_assert_eq!(read, Ok(expected), "{}", source);
    }

    /// Whatever the older language reads means the same here; no bytes make the parser panic.
    #[test]
    fn the_older_language_is_a_part(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        lines in prop::collection::vec(prop::sample::select(vec![
            "create", "ingress aaaaa-aa go 0x00", "query rwlgt-iiaaa-aaaaa-aaaaa-cai x \"a\\x00#\"",
            "install aaaaa-aa a#b.wasm 0x ", "# x", "", "\tupgrade ic:00 ( 0x", "reinstall aaaaa-aa #x \"\"",
            "ingress aaaaa-aa go ()", "expect reply (", "as", ")", "let x = identity", "create x with", "\"",
        ]), 0..8),
        words in "(expect|create|call|as|let|http|upgrade) ([a-z(\"~,=<>0-9$-]{0,6} ?){0,8}",
    ) {
        for source in [&bytes, lines.join("\n").as_bytes(), words.as_bytes()] {
            let ours = Program::parse("t.drun", source, &mut memory());
            if let Err(mistakes) = &ours {
                let drawn = mistakes.to_string();
                prop_assert!(drawn.chars().all(|c| c == '\n' || !c.is_control()), "{}", drawn);
            }
            if let Ok(script) = parse("t.drun", source) {
                let read = |program: Program| {
                    let statements = program.statements.into_iter();
                    statements.map(|placed| (placed.line, placed.statement)).collect::<Vec<_>>()
                };
                let ours = ours.map_err(|mistakes| mistakes.to_string()).map(read);
                prop_assert_eq!(ours, Ok(read(Program::of_script(script))));
            }
        }
    }
}
