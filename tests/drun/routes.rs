//! Which words tell that there is no such canister (scheduling.md 1.12, 2.2, 7.2; system-api.md 11): to users always IC0301; to
//! a canister `not found` where its own subnet hosts the id, and `No route` where no subnet does. IC0406 only stands before what
//! a canister says itself, where the runner on a PocketIC server prints it so.

use std::fmt::Write;

use crate::support::place::Place;

/// Calls the canister whose id is its argument, and rejects with the words of the reject.
const CALLER: &str = r#"(module
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reject" (func $reject (param i32 i32)))
  (import "ic0" "msg_reject_code" (func $code (result i32)))
  (import "ic0" "msg_reject_msg_size" (func $reject_size (result i32)))
  (import "ic0" "msg_reject_msg_copy" (func $reject_copy (param i32 i32 i32)))
  (import "ic0" "msg_arg_data_size" (func $size (result i32)))
  (import "ic0" "msg_arg_data_copy" (func $copy (param i32 i32 i32)))
  (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "ic0" "call_perform" (func $perform (result i32)))
  (memory 1)
  (data (i32.const 100) "nothing")
  (table funcref (elem $replied $rejected))
  (func $replied (param i32) (call $reply))
  (func $rejected (param i32)
    (i32.store8 (i32.const 1000) (i32.add (i32.const 48) (call $code)))
    (call $reject_copy (i32.const 1001) (i32.const 0) (call $reject_size))
    (call $reject (i32.const 1000) (i32.add (i32.const 1) (call $reject_size))))
  (func (export "canister_update call")
    (call $copy (i32.const 0) (i32.const 0) (call $size))
    (call $new (i32.const 0) (call $size) (i32.const 100) (i32.const 7)
      (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0))
    (drop (call $perform))))"#;

/// An id of the first canisters, of a subnet's own range, of another subnet of the main network, and of no subnet; with bytes.
const IDS: [(&str, &str); 4] = [
    ("y4drz-waaaa-aaaaa-aabrq-cai", "00000000000000630101"),
    ("lxzze-o7777-77777-aaaaa-cai", "ffffffffffe000000101"),
    ("22ajg-aqaaa-aaaap-adukq-cai", "0000000001e01d150101"),
    ("gaomw-sx677-77777-7777q-cai", "feffffffffffffff0101"),
];

/// What every id gives, as a callee and as a receiver of messages and queries of users.
fn lines(options: &[&str], own: &str) -> Vec<[String; 3]> {
    let mut script = format!("create\ninstall {own} m.wat 0x\n");
    for (id, bytes) in IDS.iter().filter(|(id, _)| *id != own) {
        let _ = write!(
            script,
            "ingress {own} call 0x{bytes}\ningress {id} nothing 0x\nquery {id} nothing 0x\n"
        );
    }
    let place = Place::new().file("m.wat", CALLER).file("s", script);
    let ran = place.run(&[&["--format", "drun"], options, &["s"]].concat());
    let lines: Vec<String> = ran.out.lines().skip(2).map(str::to_owned).collect();
    let chunks = lines.chunks_exact(3).map(|chunk| chunk.to_vec().try_into());
    chunks
        .collect::<Result<_, _>>()
        .unwrap_or_else(|_| panic!("{}", ran.err))
}

#[test]
fn users_are_told_ic0301_and_canisters_by_whom_the_id_is_hosted() {
    let (first, application) = ("rwlgt-iiaaa-aaaaa-aaaaa-cai", "22ajg-aqaaa-aaaap-adukq-cai");
    // The original's subnet hosts the first 2^20 ids; the server's two ranges, the second for what canisters make.
    for (options, own, hosted) in [
        (&["--compat", "drun"][..], first, &[0][..]),
        (&["--compat", "pocket-ic"], first, &[0, 1]),
        (
            &["--compat", "pocket-ic", "--subnet-type", "application"],
            application,
            &[1],
        ),
    ] {
        let ids = IDS.iter().enumerate().filter(|(_, (id, _))| *id != own);
        let lines = lines(options, own);
        assert_eq!(lines.len(), ids.clone().count());
        for ((number, (id, _)), [called, sent, asked]) in ids.zip(&lines) {
            let text = match hosted.contains(&number) {
                true => format!("Canister {id} not found"),
                false => format!("No route to canister {id}"),
            };
            let before = match options.contains(&"drun") {
                true => "Completed: Reject",
                false => "Err: IC0406",
            };
            assert_eq!(*called, format!("ingress {before}: 3{text}"), "{options:?}");
            let unknown = format!("Err: IC0301: Canister {id} not found");
            assert_eq!([sent, asked], [&format!("ingress {unknown}"), &unknown]);
        }
    }
}
