//! Tests of the room as a whole: text to bytes and back, and the place of what is wrong.

mod replies;
mod written;

use std::rc::Rc;

use candid::types::value::IDLArgs;
use candid::{Encode, Principal};
use proptest::prelude::*;

use super::*;

fn encoded(text: &str, fit: Fit) -> Result<Vec<u8>, Fault> {
    let (values, end) = arguments(text, Grammar::Values)?;
    let mut argument = Argument::new(values, end - 1..end);
    argument.typed(fit)?;
    argument.encode(&|name| (name == "bob").then(Principal::anonymous))
}

fn interface(text: &str) -> Rc<Interface> {
    Rc::new(Interface::parse(text).unwrap_or_else(|fault| panic!("{text}: {}", fault.kind)))
}

/// Text for arguments of these types.
fn typed(types: &str, text: &str) -> Result<Vec<u8>, Fault> {
    let interface = interface(types);
    let init = interface.init.clone().expect("types in parentheses");
    encoded(text, Fit::Types(interface, init))
}

#[test]
fn values_have_types_of_their_own_without_an_interface() {
    let int = candid::Int::from(-5);
    for (text, bytes) in [
        ("()", Encode!().unwrap()),
        ("(-5)", Encode!(&int).unwrap()),
        ("(1.5e3, true)", Encode!(&1500f64, &true).unwrap()),
        ("(7 : nat8, 0xff : nat64)", Encode!(&7u8, &255u64).unwrap()),
        (
            "(0xffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff : nat)",
            Encode!(&candid::Nat::from(u128::MAX)).unwrap(),
        ),
        (r#"("a\n\22\u{e4}")"#, Encode!(&"a\n\"ä").unwrap()),
        ("(opt null)", Encode!(&Some(())).unwrap()),
        (
            "(vec { 1 : nat32; 2 : nat32 })",
            Encode!(&vec![1u32, 2]).unwrap(),
        ),
        (
            "(record { 1 : nat16; \"x\"; })",
            Encode!(&(1u16, "x")).unwrap(),
        ),
        (
            "(principal \"2vxsx-fae\")",
            Encode!(&Principal::anonymous()).unwrap(),
        ),
        ("($bob)", Encode!(&Principal::anonymous()).unwrap()),
    ] {
        assert_eq!(encoded(text, Fit::Own), Ok(bytes), "{text}");
    }
}

#[test]
fn an_interface_types_the_values() {
    let types = "type Account = record { owner : principal; sub : opt blob };
        (Account, nat, opt text, variant { up; down : nat8 })";
    let text = "(record { owner = $bob }, 1_000, null, variant { down = 3 })";
    let bytes = typed(types, text).unwrap();
    let decoded = IDLArgs::from_bytes(&bytes).unwrap();
    let mut names = FieldNames::default();
    names.add_interface(&interface(types));
    for name in ["owner", "sub", "up", "down"] {
        names.add(name);
    }
    assert_eq!(
        print_arguments(&decoded, &names),
        "(\n  record { sub = null; owner = principal \"2vxsx-fae\" },\n  1_000 : nat,\n  null,\n  \
         variant { down = 3 : nat8 },\n)"
    );
}

#[test]
fn what_may_be_absent_may_be_left_out() {
    let all = typed("(nat, opt nat, null, reserved)", "(1, null, null, null)");
    assert_eq!(typed("(nat, opt nat, null, reserved)", "(1)"), all);
}

#[test]
fn a_name_stands_for_a_service_too() {
    let types = "(service {}, func () -> ())";
    assert!(typed(types, "($bob, func $bob.go)").is_ok());
}

#[test]
fn recursive_types_are_encoded() {
    let types = "type List = opt record { nat; List }; (List)";
    let bytes = typed(types, "(opt record { 1; opt record { 2; null } })").unwrap();
    let text = print_arguments(&decode(&bytes).unwrap(), &FieldNames::default());
    assert_eq!(
        text,
        "(opt record { 1 : nat; opt record { 2 : nat; null } })"
    );
}

/// The wrong text, and the words about it.
fn mistake(types: &str, text: &str) -> (String, String, String) {
    let fault = typed(types, text).expect_err(text);
    let at = &text[fault.at.clone()];
    (at.into(), fault.kind.to_string(), fault.kind.expected())
}

#[test]
fn what_does_not_fit_is_told_with_its_place_and_type() {
    for (types, text, at, said, expected) in [
        (
            "(nat)",
            "(\"x\")",
            "\"x\"",
            "a text has the wrong type",
            "nat",
        ),
        (
            "(text)",
            "(12)",
            "12",
            "a number has the wrong type",
            "text",
        ),
        (
            "(nat)",
            "(-1)",
            "-1",
            "the number does not fit into nat",
            "0 to any number",
        ),
        (
            "(nat8)",
            "(256)",
            "256",
            "the number does not fit into nat8",
            "0 to 255",
        ),
        (
            "(nat)",
            "(1.5)",
            "1.5",
            "a number with a point has the wrong type",
            "nat",
        ),
        (
            "(nat)",
            "($bob)",
            "$bob",
            "`$bob`, a principal, has the wrong type",
            "nat",
        ),
        (
            "(opt nat)",
            "(3)",
            "3",
            "a number has the wrong type",
            "opt nat",
        ),
        ("(nat, text)", "(1)", ")", "argument 2 is missing", "text"),
        (
            "(nat)",
            "(1, 2)",
            "2",
            "there are too many arguments",
            "one argument",
        ),
        (
            "()",
            "(1)",
            "1",
            "there are too many arguments",
            "no arguments",
        ),
        (
            "(record { to : nat; amount : nat })",
            "(record { too = 1; amount = 2 })",
            "too",
            "the record has no field `too`",
            "perhaps `to`",
        ),
        (
            "(record { to : nat; amount : nat })",
            "(record { to = 1 })",
            "record",
            "the field `amount` is missing",
            "`amount` : nat",
        ),
        (
            "(variant { red; green })",
            "(variant { blue })",
            "blue",
            "the variant has no case `blue`",
            "one of `red`, `green`",
        ),
        (
            "type A = vec record { x : B }; type B = nat64; (A)",
            "(vec { record { x = 1 }; record { x = true } })",
            "true",
            "a bool has the wrong type",
            "nat64",
        ),
    ] {
        let told = mistake(types, text);
        assert_eq!(told, (at.into(), said.into(), expected.into()), "{text}");
    }
}

#[test]
fn text_that_cannot_be_read_is_told_with_its_place() {
    for (text, at, said) in [
        ("(1", "", "the Candid text ends too early"),
        ("(1 2)", "2", "`2` cannot stand here"),
        ("(record { a = })", "}", "`}` cannot stand here"),
        ("(recrd { a = 1 })", "recrd", "`recrd` cannot stand here"),
        ("(1__0)", "1__0", "this is no number"),
        ("(0x)", "0x", "this is no number"),
        ("(1.2.3)", "1.2.3", "this is no number"),
        ("(0x1_)", "0x1_", "this is no number"),
        (
            "(0x1_0000_0000_0000_0000_0000_0000_0000_0000)",
            "0x1_0000_0000_0000_0000_0000_0000_0000_0000",
            "the number has 33 hex digits",
        ),
        ("(\"a\\+1b\")", "\\+", "unknown escape"),
        ("(\"\\u{+41}\")", "\\u", "unknown escape"),
        ("(\"a\\q\")", "\\q", "unknown escape"),
        ("(\"a", "\"", "the text has no closing quote"),
        ("(/* x", "/*", "the comment has no end"),
        ("(_)", "_", "a pattern can only stand in `expect`"),
        (
            "(record { .. })",
            "..",
            "a pattern can only stand in `expect`",
        ),
        ("($)", "$", "`$` cannot stand here"),
        ("(1 : natt)", "1 : natt", "unknown type `natt`"),
        (
            "(vec { 1; true })",
            "true",
            "a bool in a vector of other values",
        ),
        ("(record { a = 1; a = 2 })", "a", "`a` is there twice"),
        ("(@)", "@", "`@` cannot stand here"),
        ("('1')", "'", "`'` cannot stand here"),
    ] {
        let fault = encoded(text, Fit::Own).expect_err(text);
        let told = (&text[fault.at.clone()], fault.kind.to_string());
        assert_eq!(told, (at, said.into()), "{text}");
    }
    let fault = encoded("(principal \"aaaaa\")", Fit::Own).unwrap_err();
    assert!(matches!(fault.kind, Mistake::Principal(_)));
}

#[test]
fn nesting_ends_before_the_stack_does() {
    let deep = format!("({}1{})", "opt ".repeat(100_000), "");
    assert_eq!(encoded(&deep, Fit::Own).unwrap_err().kind, Mistake::TooDeep);
    let deep = "(".repeat(100_000);
    assert_eq!(encoded(&deep, Fit::Own).unwrap_err().kind, Mistake::TooDeep);
    let deep = format!("({})", "vec ".repeat(100_000));
    assert_eq!(Interface::parse(&deep).unwrap_err().kind, Mistake::TooDeep);
}

#[test]
fn interfaces_are_read_with_their_methods() {
    let interface = interface(
        r#"// a ledger
        type Result = variant { ok : nat; err : text };
        type F = func (nat) -> (nat) query;
        service ledger : (record { owner : principal }) -> {
          transfer : (to : principal, amount : nat) -> (Result);
          "icrc1:x" : () -> () oneway;
          get : F;
        }"#,
    );
    assert_eq!(interface.init.as_ref().unwrap().len(), 1);
    assert_eq!(interface.method("transfer").unwrap().args.len(), 2);
    assert!(interface.method("icrc1:x").is_some());
    assert_eq!(interface.method("get").unwrap().rets.len(), 1);
    assert!(interface.method("nothing").is_none());
}

#[test]
fn mistakes_in_interfaces_have_their_place() {
    for (text, at, said) in [
        (
            "service : { f : (natt) -> () }",
            "natt",
            "unknown type `natt`",
        ),
        (
            "type A = A; service : {}",
            "A",
            "the type `A` is defined by itself",
        ),
        ("type A = nat; type A = int;", "A", "`A` is there twice"),
        (
            "import \"a.did\"; service : {}",
            "import",
            "`import` cannot stand here",
        ),
        ("service : { f : () }", "}", "`}` cannot stand here"),
        ("service : {} x", "x", "`x` cannot stand here"),
    ] {
        let fault = Interface::parse(text).expect_err(text);
        let told = (&text[fault.at.clone()], fault.kind.to_string());
        assert_eq!(told, (at, said.into()), "{text}");
    }
}

/// What differs: the place in the pattern, and what is there.
fn differences(pattern: &str, actual: &str) -> Vec<(String, String)> {
    let bytes = encoded(actual, Fit::Own).unwrap();
    let (values, end) = arguments(pattern, Grammar::Patterns).unwrap();
    let mut names = FieldNames::default();
    values.iter().for_each(|value| names.add_value(value));
    let found = compare(
        &values,
        &(end - 1..end),
        &decode(&bytes).unwrap(),
        &names,
        &|name| (name == "bob").then(Principal::anonymous),
    );
    let told = |difference: Difference| (pattern[difference.at].to_owned(), difference.actual);
    found.into_iter().map(told).collect()
}

#[test]
fn patterns_match_what_they_say() {
    for (pattern, actual) in [
        ("(_, 0x10, 1.5)", "(null, 16 : nat8, 1.5)"),
        ("(60)", "(60 : nat)"),
        ("(null)", "(null : opt nat)"),
        (
            "(opt record { a = 1; .. })",
            "(opt record { a = 1; b = 2; c = 3 })",
        ),
        ("(record { .. })", "(record { b = 2 })"),
        ("(variant { ok })", "(variant { ok })"),
        ("(vec { 1; _ })", "(vec { 1; 2 })"),
        ("(blob \"\\01\\02\")", "(vec { 1 : nat8; 2 : nat8 })"),
        ("(vec { 1; 2 })", "(blob \"\\01\\02\")"),
        ("($bob)", "(principal \"2vxsx-fae\")"),
        ("(1 : nat8)", "(1 : nat8)"),
        ("(5.0, 50e-1, 0.5e1)", "(5 : nat8, 5 : int, 5 : nat)"),
        ("(0xff, 255)", "(255.0, 255.0 : float32)"),
        ("(-2.0)", "(-2)"),
        (
            "(vec { 1; 2 } : vec nat16)",
            "(vec { 1 : nat16; 2 : nat16 })",
        ),
        ("(vec {} : vec text)", "(vec {} : vec nat)"),
        ("(blob \"\\01\" : vec byte)", "(vec { 1 : nat8 })"),
        ("(vec { 1 } : vec short)", "(vec { 1 : nat16 })"),
        (
            "(record { a = _ } : record { a : opt nat })",
            "(record { a = opt (1 : nat) })",
        ),
        (
            "(variant { a } : variant { a; b : nat })",
            "(variant { a })",
        ),
    ] {
        assert_eq!(differences(pattern, actual), [], "{pattern}");
    }
}

#[test]
fn differences_are_told_where_they_are() {
    for (pattern, actual, at, there) in [
        ("(60)", "(61 : nat)", "60", "61 : nat"),
        ("(1 : nat8)", "(1 : nat)", "1 : nat8", "1 : nat"),
        ("(5.5)", "(5 : nat)", "5.5", "5 : nat"),
        (
            "(vec { 1 } : vec text)",
            "(vec { 1 : nat })",
            "vec { 1 } : vec text",
            "vec { 1 : nat }",
        ),
        ("(\"a\")", "(1)", "\"a\"", "1 : int"),
        ("(1, 2)", "(1)", "2", "nothing"),
        ("(1)", "(1, true)", ")", "true"),
        (
            "(record { a = 1 })",
            "(record { a = 1; b = 2 })",
            "record",
            "98 = 2 : int",
        ),
        (
            "(record { a = 1; b = 2; .. })",
            "(record { b = 3; a = 1 })",
            "2",
            "3 : int",
        ),
        (
            "(record { a = 1; .. })",
            "(record { b = 1 })",
            "a",
            "no such field",
        ),
        (
            "(variant { ok })",
            "(variant { err = 1 })",
            "variant { ok }",
            "variant { 5_048_165 = 1 : int }",
        ),
        (
            "(vec { 1 })",
            "(vec { 1; 2 })",
            "vec { 1 }",
            "vec { 1 : int; 2 : int }",
        ),
    ] {
        let there = there.replace("5_048_165", "5048165");
        assert_eq!(
            differences(pattern, actual),
            [(at.to_owned(), there)],
            "{pattern}"
        );
    }
}

#[test]
fn a_type_that_is_written_behind_a_value_holds() {
    for (types, text, at, said) in [
        (
            "(nat8)",
            "(7 : nat16)",
            "7 : nat16",
            "a value of type nat16 has the wrong type",
        ),
        (
            "(nat)",
            "(5 : int)",
            "5 : int",
            "a value of type int has the wrong type",
        ),
        (
            "(nat)",
            "(300 : nat8)",
            "300",
            "the number does not fit into nat8",
        ),
        (
            "(vec text)",
            "(vec { 1 } : vec nat)",
            "vec { 1 } : vec nat",
            "a value of type vec nat has the wrong type",
        ),
        (
            "(vec text)",
            "(vec {} : vec nowhere)",
            "vec {} : vec nowhere",
            "unknown type `nowhere`",
        ),
        (
            "(opt nat)",
            "(opt (1 : text))",
            "1",
            "a number has the wrong type",
        ),
    ] {
        let (place, words, _) = mistake(types, text);
        assert_eq!((place.as_str(), words.as_str()), (at, said), "{text}");
    }
    let fault = encoded("(vec { 1; 2 : nat8 })", Fit::Own).unwrap_err();
    assert_eq!(
        fault.kind.to_string(),
        "a value of type nat8 in a vector of other values"
    );
    let types = "type A = nat; (int, opt A)";
    assert_eq!(
        typed(types, "(1 : nat, opt (2 : A))"),
        typed(types, "(1, opt 2)")
    );
    // Each level is looked at once.
    let deep = format!("({}1{})", "(".repeat(40), " : nat)".repeat(40));
    assert!(typed("(int)", &deep).is_ok());
}

#[test]
fn floats_that_are_no_numbers_are_written_as_they_are_printed() {
    let text = "(inf : float64, -inf : float32, NaN : float64, vec { NaN; inf })";
    let bytes = encoded(text, Fit::Own).unwrap();
    assert_eq!(
        print_arguments(&decode(&bytes).unwrap(), &FieldNames::default()),
        "(\n  inf : float64,\n  -inf : float32,\n  NaN : float64,\n  \
         vec { NaN : float64; inf : float64 },\n)"
    );
    assert_eq!(differences(text, text), []);
    assert_eq!(differences("(inf)", "(-inf)").len(), 1);
    assert_eq!(differences("(NaN)", "(0.0)").len(), 1);
    let (at, said, _) = mistake("(nat)", "(inf)");
    assert_eq!(
        (at.as_str(), said.as_str()),
        ("inf", "`inf` has the wrong type")
    );
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Kind::Bool),
        Just(Kind::Null),
        any::<i64>().prop_map(|n| Kind::Number(n.to_string())),
        "-?[0-9]{1,5}\\.[0-9]{1,5}(e-?[0-9]{1,2})?".prop_map(Kind::Number),
        ".{0,12}".prop_map(Kind::Text),
        prop::collection::vec(any::<u8>(), 0..12).prop_map(Kind::Blob),
        prop::collection::vec(any::<u8>(), 0..=29)
            .prop_map(|bytes| Kind::Principal(Principal::from_slice(&bytes))),
        "[a-zA-Z_]([a-z0-9-]{0,5}[a-z0-9])?".prop_map(Kind::Name),
        Just(Kind::Any),
    ];
    let value = |kind| Value { kind, at: 0..0 };
    leaf.prop_map(value).prop_recursive(4, 30, 5, move |inner| {
        let label = prop_oneof![
            ".{0,8}".prop_map(Label::Name),
            any::<u32>().prop_map(Label::Id)
        ];
        let field = (label, inner.clone()).prop_map(|(label, value)| value::Field {
            label,
            at: 0..0,
            value,
        });
        let unique = |fields: Vec<value::Field>| {
            let mut seen = std::collections::BTreeSet::new();
            let fields = fields.into_iter();
            fields
                .filter(|field| seen.insert(field.label.id()))
                .collect()
        };
        prop_oneof![
            inner.clone().prop_map(|value| Kind::Opt(Box::new(value))),
            prop::collection::vec(inner.clone(), 0..5).prop_map(Kind::Vec),
            (prop::collection::vec(field.clone(), 0..5), any::<bool>()).prop_map(
                move |(fields, open)| Kind::Record {
                    fields: unique(fields),
                    open
                }
            ),
            prop::collection::vec(inner.clone(), 0..4).prop_map(|values| Kind::Record {
                fields: (0..)
                    .zip(values)
                    .map(|(place, value)| value::Field {
                        label: Label::Place(place),
                        at: 0..0,
                        value
                    })
                    .collect(),
                open: false,
            }),
            field.prop_map(|field| Kind::Variant(Box::new(field))),
            inner.prop_map(|value| Kind::Typed(
                Box::new(value),
                candid::types::TypeInner::Nat8.into()
            )),
        ]
        .prop_map(value)
    })
}

proptest! {
    #[test]
    fn printed_values_read_back(values in prop::collection::vec(any_value(), 0..4)) {
        let texts: Vec<String> = values.iter().map(Value::to_string).collect();
        let text = format!("({})", texts.join(", "));
        let read = arguments(&text, Grammar::Patterns);
        prop_assert_eq!(read.map_err(|fault| fault.kind.to_string()), Ok((values, text.len())), "{}", text);
    }

    #[test]
    fn no_text_makes_the_parsers_panic(
        text in "\\([(){};,=:.a-f$_\"\\\\0-9é -]{0,40}",
        words in prop::collection::vec(
            prop::sample::select(vec![
                "(", ")", "{", "}", ";", ",", "=", ":", "record", "variant", "vec", "opt", "blob", "\"a\"",
                "1", "x", "..", "_", "$a", "principal", "func", "service", "nat", "->", "type", ".",
            ]), 0..20),
    ) {
        for text in [text, format!("({}", words.join(" ")), words.join(" ")] {
            for grammar in [Grammar::Values, Grammar::Patterns] {
                if let Err(fault) = arguments(&text, grammar) {
                    prop_assert!(text.get(fault.at).is_some());
                }
            }
            if let Err(fault) = Interface::parse(&text) {
                prop_assert!(text.get(fault.at).is_some());
            }
        }
    }
}
