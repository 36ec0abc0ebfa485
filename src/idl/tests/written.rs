//! Tests of what Candid's text form has beyond what most people write.

use super::*;

/// Candid, "Comments" and "Records": block comments nest, and an id is a number in either notation.
#[test]
fn comments_have_comments_in_them_and_ids_are_hex_too() {
    let plain = encoded("(record { 16 = 1; 1_000 = 2 }, variant { 255 })", Fit::Own).unwrap();
    let text = "(/* a /* b */ c **/ record { 0x10 = 1; 0x3_e8 /**/ = 2 }, variant { 0xFf })";
    assert_eq!(encoded(text, Fit::Own).as_ref(), Ok(&plain));
    let types = "(record { 0x10 : int; 0x3e8 : int }, variant { 0xff })";
    assert_eq!(typed(types, text), Ok(plain));
    let (at, said, _) = mistake("(record {})", "(record { 0x1_0000_0000 = 1 })");
    assert_eq!(
        (&*at, &*said),
        ("0x1_0000_0000", "`0x1_0000_0000` cannot stand here")
    );
    let fault = encoded("(/* a /* b */ 1)", Fit::Own).unwrap_err();
    assert_eq!((fault.at, fault.kind), (1..3, Mistake::OpenComment));
}

#[test]
fn a_byte_order_mark_before_an_interface_is_skipped() {
    let fault = Interface::parse("\u{feff}service : { f : (natt) -> () }").unwrap_err();
    assert_eq!(
        (fault.at, fault.kind.to_string()),
        (20..24, "unknown type `natt`".into())
    );
    let fault = Interface::parse(" \u{feff}service : {}").unwrap_err();
    assert_eq!(fault.at, 1..4);
}

/// Candid, "Rules": a value of a subtype is what a reader of the larger type makes of it.
#[test]
fn a_value_of_a_subtype_becomes_one_of_the_type_that_is_asked_for() {
    let types =
        "(record { a : nat }, opt nat, opt opt nat, opt text, vec opt int, variant { b : nat; c })";
    let subtypes = "(record { a = 1; b = 2 } : record { a : nat; b : nat }, 5 : nat, opt 6 : opt nat, \
         7 : nat, vec { 8; 9 } : vec nat, variant { b = 1 } : variant { b : nat })";
    let plain =
        "(record { a = 1 }, opt 5, opt opt 6, null, vec { opt 8; opt 9 }, variant { b = 1 })";
    assert_eq!(typed(types, subtypes), typed(types, plain));
    assert!(typed(types, plain).is_ok());
}
