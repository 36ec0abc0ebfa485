//! Tests of scripts that include others.

use super::*;

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
fn a_name_that_another_file_took_names_that_file() {
    let drawn = parsed("let alice = identity\ninclude setup.drun\ncreate ledger\n");
    let drawn = drawn.unwrap_err().to_string();
    let (said, _) = drawn.split_once('\n').unwrap();
    assert!(
        said.starts_with("error: the name `ledger` is taken since line ")
            && said.ends_with(" of setup.drun"),
        "{said}"
    );
}
