//! What each statement is read as.

use super::*;
use crate::script::statement::*;

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
        "create with\t1k cycles",
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
fn an_expected_failure_excuses_an_unknown_method_and_keeps_the_old_interface() {
    let head = "create l\ninstall l ledger.wasm (record { owner = $l })\n";
    program(&format!("{head}ingress l burn\nexpect error IC0536"));
    program(&format!("{head}ingress l __motoko_hidden"));
    program(&format!(
        "{head}upgrade l broken.wasm\nexpect error\ningress l mint ($l, 1)"
    ));
}

/// The types of an argument are those of the canister, under whichever of its names.
#[test]
fn a_canister_is_known_under_each_of_its_names() {
    let head = "create l\ninstall l ledger.wasm (record { owner = $l })\nlet b = l\nlet c = b\n";
    let wrong = |line: &str| {
        parsed(&format!("{head}{line}"))
            .expect_err(line)
            .to_string()
    };
    assert!(wrong("ingress c mint ($l, -1)").contains("the number does not fit into nat"));
    assert!(wrong("ingress b burn").contains("`b` has no method `burn`"));
    program(&format!("{head}upgrade c new.wasm\ningress l burn"));
    let did = "create l\nlet b = l\ndid b ledger.did\ningress l burn";
    assert!(parsed(did).unwrap_err().to_string().contains("no method"));
}

#[test]
fn a_restored_snapshot_gives_names_back() {
    program(
        "let a = identity\nsnapshot s\ncreate x\nlet b = identity\nrestore s\ncreate x\nas b stop x",
    );
}
