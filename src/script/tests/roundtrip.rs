//! What is printed parses back, and the older language means what it did.

use candid::Principal;
use drun_ic::canister::InstallMode;
use proptest::prelude::*;

use super::*;
use crate::idl;
use crate::script::statement::*;

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
    let setting = prop_oneof![
        parties.clone().prop_map(Setting::Controllers),
        any::<u64>().prop_map(Setting::ComputeAllocation),
        any::<u64>().prop_map(Setting::MemoryAllocation),
        any::<u64>().prop_map(Setting::FreezingThreshold),
        any::<u128>().prop_map(Setting::ReservedCyclesLimit),
        Just(Setting::LogsPublic),
        Just(Setting::LogsForControllers),
    ];
    let settings = prop::collection::vec(setting, 1..4).prop_map(|mut settings| {
        let mut words = std::collections::BTreeSet::new();
        settings.retain(|setting| words.insert(setting.word()));
        settings
    });
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
        (
            any_party(),
            prop::option::of((payload.clone(), prop::option::of(any_party())))
        )
            .prop_map(|(party, info)| {
                let info = info.map(|(data, signer)| Box::new(CallerInfo { data, signer }));
                Statement::As(Box::new(Sender { party, info }))
            }),
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
                    cycles: Cycles(cycles),
                }
            }
        ),
        any::<u32>().prop_map(|n| Statement::Advance(Duration(n.into()))),
        any::<u64>().prop_map(Statement::Tick),
        expectation.prop_map(|expectation| Statement::Expect(Box::new(expectation))),
        (any_party(), any::<u128>()).prop_map(|(canister, cycles)| Statement::TopUp {
            canister,
            cycles: Cycles(cycles)
        }),
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
