//! What a canister reads with `ic0.data_certificate_copy` is a certificate as on the network: it verifies under the root key that
//! canisters read, holds the data and the time, and stands for the rest with hashes. The same in a script, under both programs, and in
//! Rust tests; for the server see `serve/agents.rs`.

use drun_certification::{Certificate, hash_tree::Lookup};

use crate::support::place::{ID, Place, installed};

const MODULE: &str = r#"(module
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
    (import "ic0" "certified_data_set" (func $set (param i32 i32)))
    (import "ic0" "data_certificate_size" (func $size (result i32)))
    (import "ic0" "data_certificate_copy" (func $copy (param i32 i32 i32)))
    (import "ic0" "root_key_size" (func $root_key_size (result i32)))
    (import "ic0" "root_key_copy" (func $root_key_copy (param i32 i32 i32)))
    (memory 1)
    (data (i32.const 0) "what is certified")
    (func (export "canister_update certify") (call $set (i32.const 0) (i32.const 17)) (call $reply))
    (func (export "canister_query certificate")
        (call $copy (i32.const 64) (i32.const 0) (call $size))
        (call $append (i32.const 64) (call $size)) (call $reply))
    (func (export "canister_update root_key")
        (call $root_key_copy (i32.const 64) (i32.const 0) (call $root_key_size))
        (call $append (i32.const 64) (call $root_key_size)) (call $reply)))"#;

fn check(certificate: &[u8], root_key: &[u8], canister: &drun::Principal) {
    assert_eq!(root_key.len(), 133, "a key in DER");
    let length = certificate.len();
    // The labels, the data, the time, a signature, and a hash for each branch that is left out.
    assert!((250..1000).contains(&length), "{length} bytes");
    let certificate = Certificate::decode(certificate).expect("a certificate");
    assert_eq!(certificate.verify(root_key, Some(canister)), Ok(()));
    let data: [&[u8]; 3] = [b"canister", canister.as_slice(), b"certified_data"];
    assert_eq!(
        certificate.tree.lookup(&data),
        Lookup::Found(b"what is certified")
    );
    assert!(matches!(
        certificate.tree.lookup(&[b"time"]),
        Lookup::Found(_)
    ));
    assert_eq!(certificate.tree.lookup(&[b"subnet"]), Lookup::Unknown);
}

#[test]
fn the_certificate_of_a_query_in_a_script_is_a_real_one() {
    let canister = drun::Principal::from_text(ID).expect("an id");
    for compat in ["drun", "pocket-ic"] {
        let script = format!(
            "ingress {ID} certify 0x\nquery {ID} certificate 0x\ningress {ID} root_key 0x\n"
        );
        let script = installed("m.wat") + &script;
        let place = Place::new().file("m.wat", MODULE).file("s", script);
        let ran = place.run(&["--compat", compat, "s"]);
        assert_eq!((ran.err.as_str(), ran.status), ("", Some(0)), "{}", ran.out);
        let mut bytes = ran.out.lines().rev().map(|line| {
            let hex = line.rsplit("0x").next().unwrap_or_default();
            hex::decode(hex).expect("hexadecimal")
        });
        let (root_key, certificate) = (bytes.next().unwrap(), bytes.next().unwrap());
        check(&certificate, &root_key, &canister);
    }
}

/// scheduling.md 3.4: a query that has copied its certificate is remembered for a minute; agents refuse older ones.
#[test]
fn a_query_is_not_answered_with_an_old_certificate() {
    let query = format!("query {ID} certificate 0x\n");
    let script = format!("{query}advance 50s\n{query}advance 20s\n{query}");
    let place = Place::new()
        .file("m.wat", MODULE)
        .file("s", installed("m.wat") + &script);
    let ran = place.run(&["s"]);
    assert_eq!((ran.err.as_str(), ran.status), ("", Some(0)), "{}", ran.out);
    let replies: Vec<_> = ran
        .out
        .lines()
        .filter(|line| line.starts_with("Ok:"))
        .collect();
    let [first, soon, late] = replies[..] else {
        panic!("{}", ran.out)
    };
    assert_eq!(first, soon);
    assert_ne!(first, late);
}

#[test]
fn the_certificate_of_a_query_in_a_rust_test_is_a_real_one() {
    for mut subnet in [drun::Subnet::new(), drun::Subnet::new().application()] {
        let canister = subnet.create();
        let module = wat::parse_str(MODULE).unwrap();
        subnet.install(canister, &module, ()).unwrap();
        let raw = |subnet: &mut drun::Subnet, method: &str, query: bool| {
            let call = subnet.call(canister, method);
            let outcome = match query {
                true => call.query_outcome(),
                false => call.outcome(),
            };
            outcome.reply().expect("it replies").to_vec()
        };
        raw(&mut subnet, "certify", false);
        let certificate = raw(&mut subnet, "certificate", true);
        let root_key = raw(&mut subnet, "root_key", false);
        check(&certificate, &root_key, &canister);
    }
}
