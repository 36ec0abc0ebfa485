//! Replies: bytes to values, and values to text for people.

use candid::types::value::IDLValue;
use candid::{Encode, Principal};

use super::*;

#[test]
fn a_reply_that_claims_too_much_is_refused() {
    // A vector of 2^32 - 1 nulls in a few bytes.
    let bytes = b"DIDL\x01\x6d\x7f\x01\x00\xff\xff\xff\xff\x0f";
    assert_eq!(decode(bytes), Err(Undecoded::TooMuch));
    // Options in options, a million times: type 0 = opt 0.
    let deep = [b"DIDL\x01\x6e\x00\x01\x00", &[1; 1_000_000][..], &[0]].concat();
    assert_eq!(decode(&deep), Err(Undecoded::TooMuch));
    let large_stack = std::thread::Builder::new().stack_size(64 << 20);
    let decoded = large_stack.spawn(move || decode(&deep).map(drop)).unwrap();
    assert_eq!(decoded.join().unwrap(), Err(Undecoded::TooMuch));
    assert!(matches!(decode(b"no Candid"), Err(Undecoded::NoCandid(_))));
}

/// The longest that fit into a message, and the kind of values that take most work for their length.
#[test]
fn a_long_reply_is_decoded() {
    #[derive(candid::CandidType)]
    enum Light {
        Red,
        Green,
    }
    for bytes in [
        blob(2 << 20),
        Encode!(&vec![u64::MAX; 200_000]).unwrap(),
        Encode!(&vec![true; 200_000]).unwrap(),
        Encode!(
            &(0..50_000)
                .map(|_| [Light::Red, Light::Green])
                .collect::<Vec<_>>()
        )
        .unwrap(),
        Encode!(&vec![Some(Principal::management_canister()); 100_000]).unwrap(),
    ] {
        assert!(decode(&bytes).is_ok(), "{} bytes", bytes.len());
    }
}

fn blob(length: usize) -> Vec<u8> {
    let args = IDLArgs::new(&[IDLValue::Blob(vec![0xff; length])]);
    args.to_bytes().unwrap()
}

/// As often as values are nested their text is not written again.
#[test]
fn a_reply_that_is_nested_deep_is_printed_at_once() {
    const DEPTH: usize = 1_000;
    // type 0 = opt 0
    let options = [b"DIDL\x01\x6e\x00\x01\x00", &[1; DEPTH][..], &[0]].concat();
    let text = print_arguments(&decode(&options).unwrap(), &FieldNames::default());
    assert_eq!(text, format!("(\n  {}null,\n)", "opt ".repeat(DEPTH)));
    // type 0 = opt 1, type 1 = record { 0 : type 0 }
    let records = [
        b"DIDL\x02\x6e\x01\x6c\x01\x00\x00\x01\x00",
        &[1; DEPTH][..],
        &[0],
    ]
    .concat();
    let text = print_arguments(&decode(&records).unwrap(), &FieldNames::default());
    assert_eq!(text.matches("opt record {").count(), DEPTH);
    assert!(text.len() < DEPTH * 250, "{} bytes", text.len());
}

#[test]
fn what_is_printed_on_several_lines_is_indented_and_reads_back() {
    let text = "(\n  record {\n    \"a text that is long enough for the line to be broken\";\n    \
                vec { 1 : nat8; 2 : nat8 };\n    variant { ok = opt record { 1 : nat; null } };\n  },\n)";
    let bytes = encoded(text, Fit::Own).unwrap();
    let printed = print_arguments(&decode(&bytes).unwrap(), &{
        let mut names = FieldNames::default();
        names.add("ok");
        names
    });
    assert_eq!(
        printed,
        text.replace("vec { 1 : nat8; 2 : nat8 }", "blob \"\\01\\02\"")
    );
}

#[test]
fn hidden_characters_of_texts_are_printed_as_escapes() {
    assert_eq!(
        quoted("a\u{202e}b\u{2028}\u{7}"),
        r#""a\u{202e}b\u{2028}\u{7}""#
    );
}
