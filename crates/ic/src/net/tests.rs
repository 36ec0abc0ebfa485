//! A network as who drives it sees it.

use candid::Encode;

use super::*;
use crate::answer::MessageResult;
use crate::management::types::install::{CanisterInstallMode, InstallCodeArgs};
use crate::management::types::keys::{EcdsaCurve, EcdsaKeyId, SignWithEcdsaArgs};
use crate::management::types::lifecycle::CanisterIdRecord;
use crate::management::types::limited::Limited;

/// A network of one subnet, with a canister that has a method `write`.
fn network() -> (Net, Principal) {
    let mut net = Net::new(NetSettings::default());
    net.add(SubnetSpec::new(SubnetKind::Application));
    let module = r#"(module
        (import "ic0" "msg_reply" (func $reply))
        (func (export "canister_update write") (call $reply)))"#;
    let canister = installed(&mut net, module);
    (net, canister)
}

/// A module whose method `ask` calls a method of the principal that its argument begins with (length, bytes) with the rest of it, and
/// tells the reject code, 0 for a reply.
fn asking(method: &str) -> String {
    let length = method.len();
    format!(
        r#"(module
        (import "ic0" "msg_arg_data_size" (func $size (result i32)))
        (import "ic0" "msg_arg_data_copy" (func $copy (param i32 i32 i32)))
        (import "ic0" "msg_reject_code" (func $code (result i32)))
        (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
        (import "ic0" "call_data_append" (func $data (param i32 i32)))
        (import "ic0" "call_perform" (func $perform (result i32)))
        (memory 1)
        (table funcref (elem $answered))
        (data (i32.const 0) "{method}")
        (func $answered (param i32)
            (i32.store (i32.const 32) (call $code))
            (call $append (i32.const 32) (i32.const 1))
            (call $reply))
        (func (export "canister_update ask") (local $rest i32)
            (call $copy (i32.const 64) (i32.const 0) (call $size))
            (local.set $rest (i32.add (i32.const 65) (i32.load8_u (i32.const 64))))
            (call $new (i32.const 65) (i32.load8_u (i32.const 64)) (i32.const 0) (i32.const {length})
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
            (call $data (local.get $rest)
                (i32.sub (i32.add (call $size) (i32.const 64)) (local.get $rest)))
            (drop (call $perform))))"#
    )
}

/// A new canister with this module.
fn installed(net: &mut Net, module: &str) -> Principal {
    installed_at(net, Effective::None, module)
}

/// The same, where one wants it.
fn installed_at(net: &mut Net, place: Effective, module: &str) -> Principal {
    let create = Call {
        effective: place,
        ..call(
            Principal::management_canister(),
            "provisional_create_canister_with_cycles",
            b"DIDL\x01\x6c\0\x01\0",
        )
    };
    let made = reply_to(net, &create);
    let canister = Principal::from_slice(&made[made.len() - 10..]);
    let install = Encode!(&InstallCodeArgs {
        mode: CanisterInstallMode::Install,
        canister_id: canister,
        wasm_module: wat::parse_str(module).expect("valid text"),
        arg: Vec::new(),
        sender_canister_version: None,
    });
    run(
        net,
        Principal::management_canister(),
        "install_code",
        &install.expect("it encodes"),
    );
    canister
}

/// A call of nobody in particular.
fn call(canister: Principal, method: &str, payload: &[u8]) -> Call {
    Call {
        sender: Principal::anonymous(),
        info: None,
        canister,
        effective: Effective::None,
        method: method.to_owned(),
        payload: payload.to_vec(),
    }
}

/// The reply to a call.
fn run(net: &mut Net, canister: Principal, method: &str, payload: &[u8]) -> Vec<u8> {
    reply_to(net, &call(canister, method, payload))
}

fn reply_to(net: &mut Net, call: &Call) -> Vec<u8> {
    let (_, id) = net.submit(call).expect("it has a place").expect("taken");
    match net.wait(&id, AWAIT_ROUNDS) {
        Ok(MessageResult::Replied(reply)) => reply,
        other => panic!("{}: {other:?}", call.method),
    }
}

#[test]
fn what_its_user_changes_between_rounds_is_counted() {
    let (mut net, canister) = network();
    let before = net.version();
    net.set_time(net.time()).expect("it does not go back");
    assert_eq!(net.version(), before, "nothing has changed");
    net.set_time(net.time() + 5).expect("it does not go back");
    let moved = net.version();
    assert!(moved > before);
    net.set_stable_memory(&canister, b"content")
        .expect("it has code");
    assert!(net.version() > moved);
}

#[test]
fn a_fork_has_counted_what_its_original_has() {
    let (mut net, canister) = network();
    run(&mut net, canister, "write", b"");
    let fork = net.fork().expect("there is room");
    let counted = |net: &Net| {
        let journal = net.subnets()[0].node.observer::<Journal>();
        let journal = journal.expect("it was attached");
        (journal.executions, journal.cycles, journal.last().count())
    };
    assert_eq!(counted(&fork), counted(&net));
    assert_ne!(counted(&fork).0, 0);
}

#[test]
fn one_that_is_resumed_has_counted_what_the_other_has() {
    let (mut net, id) = network();
    run(&mut net, id, "write", b"");
    let record = net.to_record().expect("there is room");
    let resumed = Net::resume(NetSettings::default(), record).expect("it fits together");
    let counted = |net: &Net| {
        let journal = net.subnets()[0].node.observer::<Journal>();
        let journal = journal.expect("it was attached");
        let (_, canister) = net.canister(&id).expect("it is there");
        (journal.executions, journal.cycles, canister.consumed)
    };
    assert_eq!(counted(&resumed), counted(&net));
    let (executions, cycles, consumed) = counted(&net);
    assert!(executions > 0 && cycles > 0 && consumed != Default::default());
}

#[test]
fn nothing_runs_while_one_of_several_subnets_is_resumed() {
    let mut net = Net::new(NetSettings::default());
    net.add(SubnetSpec::new(SubnetKind::Application));
    let id = installed(&mut net, r#"(module (func (export "canister_heartbeat")))"#);
    for _ in 0..2 {
        net.add(SubnetSpec::new(SubnetKind::Application));
    }
    let heartbeats = |net: &Net| net.canister(&id).expect("it is there").1.version;
    let record = net.to_record().expect("there is room");
    let resumed = Net::resume(NetSettings::default(), record).expect("it fits together");
    assert_eq!(heartbeats(&resumed), heartbeats(&net));
}

#[test]
fn keys_for_tests_are_on_the_subnet_that_is_made_for_them_whenever_it_is_made() {
    use SubnetKind::{Fiduciary, Ii, TestThresholdKeys};
    for kinds in [
        [Ii, TestThresholdKeys, Fiduciary],
        [TestThresholdKeys, Fiduciary, Ii],
    ] {
        let mut net = Net::new(NetSettings::default());
        for kind in kinds {
            net.add(SubnetSpec::new(kind));
        }
        for subnet in net.subnets() {
            let held = |name: &str| {
                let keys = subnet.node.settings().threshold_keys.iter();
                keys.filter(|key| key.ends_with(name)).count()
            };
            // Two curves of ECDSA, two kinds of Schnorr signatures, vetKD.
            let expected = match subnet.spec.kind {
                TestThresholdKeys => (5, 5, 0),
                _ => (0, 0, 5),
            };
            let all = (held(":test_key_1"), held(":dfx_test_key"), held(":key_1"));
            assert_eq!(all, expected, "{kinds:?} {:?}", subnet.spec.kind);
        }
    }
}

#[test]
fn the_clock_stays_at_its_end() {
    let (mut net, _) = network();
    net.set_time(u64::MAX).expect("it does not go back");
    for _ in 0..3 {
        net.tick();
        assert_eq!(net.time(), u64::MAX);
    }
}

#[test]
fn a_message_is_known_from_when_it_is_taken() {
    let (mut net, canister) = network();
    let call = call(canister, "write", b"");
    let (_, id) = net.submit(&call).expect("it has a place").expect("taken");
    assert!(net.knows(&id));
    assert!(!net.knows(&[7; 32]));
}

#[test]
fn a_message_is_not_forgotten_before_somebody_could_ask_what_became_of_it() {
    let (mut net, canister) = network();
    let call = call(canister, "write", b"");
    let submit = |net: &mut Net| {
        let (_, id) = net.submit(&call).expect("it has a place").expect("taken");
        id
    };
    let (ended, asked) = (submit(&mut net), submit(&mut net));
    net.wait(&asked, 1).expect("it ends");
    let waiting = submit(&mut net);
    net.set_time(net.time() + 3 * INGRESS_TTL)
        .expect("it does not go back");
    for _ in 0..10_000 {
        submit(&mut net);
    }
    assert!(!net.knows(&asked), "its time is over");
    assert!(matches!(
        net.status(&ended, None),
        Ok(Some(MessageResult::Replied(_)))
    ));
    assert!(matches!(
        net.wait(&waiting, 1),
        Ok(MessageResult::Failed(_))
    ));
}

#[test]
fn no_call_is_held_up_by_what_its_argument_claims_to_hold() {
    #[derive(candid::CandidType)]
    struct Argument {
        canister_id: Principal,
        claimed: Vec<()>,
    }
    let (mut net, canister) = network();
    let argument = Encode!(&Argument {
        canister_id: canister,
        claimed: vec![(); 10_000_000],
    });
    let call = Call {
        sender: Principal::anonymous(),
        info: None,
        canister: Principal::management_canister(),
        effective: Effective::None,
        method: "stop_canister".into(),
        payload: argument.expect("it encodes"),
    };
    assert!(matches!(net.submit(&call), Err(NetError::BadIngress(_))));
}

/// scheduling.md 1.7: what came from a user goes before what came from another subnet, since that is the third source.
#[test]
fn canisters_of_other_subnets_are_asked_after_the_users() {
    const MODULE: &str = r#"(module
        (import "ic0" "msg_arg_data_size" (func $size (result i32)))
        (import "ic0" "msg_arg_data_copy" (func $copy (param i32 i32 i32)))
        (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
        (import "ic0" "call_perform" (func $perform (result i32)))
        (memory 1)
        (global $end (mut i32) (i32.const 100))
        (data (i32.const 0) "other")
        (func $note (param i32)
            (i32.store8 (global.get $end) (local.get 0))
            (global.set $end (i32.add (global.get $end) (i32.const 1)))
            (call $reply))
        (func (export "canister_update other") (call $note (i32.const 0x6f)))
        (func (export "canister_update user") (call $note (i32.const 0x75)))
        (func (export "canister_update forward")
            (call $copy (i32.const 16) (i32.const 0) (call $size))
            (call $new (i32.const 16) (call $size) (i32.const 0) (i32.const 5)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
            (drop (call $perform))
            (call $reply))
        (func (export "canister_query noted")
            (call $append (i32.const 100) (i32.sub (global.get $end) (i32.const 100)))
            (call $reply)))"#;
    let mut net = Net::new(NetSettings::default());
    for _ in 0..2 {
        net.add(SubnetSpec::new(SubnetKind::Application));
    }
    let [here, there] = [0, 1].map(|place| {
        let subnet = Effective::Subnet(net.subnets()[place].id);
        installed_at(&mut net, subnet, MODULE)
    });
    run(&mut net, here, "forward", there.as_slice());
    run(&mut net, there, "user", b"");
    net.tick();
    let noted = net.query(&call(there, "noted", b""));
    let expected = MessageResult::Replied(b"uo".to_vec());
    assert_eq!(noted.expect("it has a place"), expected);
}

/// Of calls that a deleted subnet owes an answer to, those of the management canister are no exception.
#[test]
fn management_calls_to_a_deleted_subnet_are_refused() {
    let mut net = Net::new(NetSettings::default());
    for _ in 0..2 {
        net.add(SubnetSpec::new(SubnetKind::Application));
    }
    let [here, there] = [0, 1].map(|place| net.subnets()[place].id);
    let module = &asking("canister_status");
    let asks = installed_at(&mut net, Effective::Subnet(here), module);
    let asked = CanisterIdRecord {
        canister_id: installed_at(&mut net, Effective::Subnet(there), module),
    };
    let asked = Encode!(&asked).expect("it encodes");
    let ask = call(asks, "ask", &[&[0][..], &asked].concat());
    let (_, id) = net.submit(&ask).expect("it has a place").expect("taken");
    net.tick();
    net.delete_subnet(&there).expect("there is another");
    let answer = net.wait(&id, 2).expect("the call is refused");
    assert_eq!(answer, MessageResult::Replied(vec![3]));
}

/// management-canister.md 0.1: the canisters of the network itself may name a subnet, and pay for no signature (1, row 21).
#[test]
fn canisters_of_the_network_itself_may_name_subnets_and_sign_for_nothing() {
    let mut net = Net::new(NetSettings::default());
    for kind in [SubnetKind::Nns, SubnetKind::Ii, SubnetKind::Application] {
        net.add(SubnetSpec::new(kind));
    }
    let [nns, _, application] = [0, 1, 2].map(|place| net.subnets()[place].id);
    let key_id = EcdsaKeyId {
        curve: EcdsaCurve::Secp256k1,
        name: "key_1".to_owned(),
    };
    let signed = Encode!(&SignWithEcdsaArgs {
        message_hash: [7; 32],
        derivation_path: Limited(Vec::new()),
        key_id,
    });
    let signed = signed.expect("it encodes");
    let mut codes = |from: Principal, of: Principal| {
        [
            ("raw_rand", of.as_slice(), &b"DIDL\0\0"[..]),
            ("sign_with_ecdsa", &[][..], &signed[..]),
        ]
        .map(|(method, callee, payload)| {
            let asks = installed_at(&mut net, Effective::Subnet(from), &asking(method));
            let length = [callee.len() as u8];
            run(
                &mut net,
                asks,
                "ask",
                &[&length[..], callee, payload].concat(),
            )[0]
        })
    };
    assert_eq!(codes(nns, application), [0, 0]);
    // It is not resolved, and not paid for.
    assert_eq!(codes(application, nns), [3, 4]);
}

/// A canister that is stopping still executes the answers to its calls, also one that waits for the next round.
#[test]
fn a_network_is_not_at_rest_while_a_stopping_canister_has_an_answer_to_execute() {
    const MODULE: &str = r#"(module
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
        (import "ic0" "call_perform" (func $perform (result i32)))
        (memory 1)
        (table funcref (elem $random $refused))
        (data (i32.const 0) "raw_rand\01")
        (func $random (param i32)
            (call $new (i32.const 8) (i32.const 1) (i32.const 0) (i32.const 8)
                (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 0))
            (drop (call $perform)))
        (func $refused (param i32))
        (func (export "canister_update go")
            (call $new (i32.const 8) (i32.const 0) (i32.const 0) (i32.const 8)
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
            (drop (call $perform))
            (call $reply)))"#;
    let (mut net, _) = network();
    let canister_id = installed(&mut net, MODULE);
    run(&mut net, canister_id, "go", b"");
    let argument = Encode!(&CanisterIdRecord { canister_id }).expect("it encodes");
    let stop = call(Principal::management_canister(), "stop_canister", &argument);
    net.submit(&stop).expect("it has a place").expect("taken");
    let at_rest = [(); 3].map(|()| {
        net.tick();
        net.subnets()[0].node.is_at_rest()
    });
    assert_eq!(at_rest, [false, false, true]);
}
