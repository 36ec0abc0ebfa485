//! A network as who drives it sees it.

use candid::Encode;

use super::*;
use crate::answer::MessageResult;
use crate::management::types::install::{CanisterInstallMode, InstallCodeArgs};

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

/// A new canister with this module.
fn installed(net: &mut Net, module: &str) -> Principal {
    let create = "provisional_create_canister_with_cycles";
    let made = run(
        net,
        Principal::management_canister(),
        create,
        b"DIDL\x01\x6c\0\x01\0",
    );
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

/// The reply to a call.
fn run(net: &mut Net, canister: Principal, method: &str, payload: &[u8]) -> Vec<u8> {
    let call = Call {
        sender: Principal::anonymous(),
        info: None,
        canister,
        effective: Effective::None,
        method: method.to_owned(),
        payload: payload.to_vec(),
    };
    let (_, id) = net.submit(&call).expect("it has a place").expect("taken");
    match net.wait(&id, AWAIT_ROUNDS) {
        Ok(MessageResult::Replied(reply)) => reply,
        other => panic!("{method}: {other:?}"),
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
    let call = Call {
        sender: Principal::anonymous(),
        info: None,
        canister,
        effective: Effective::None,
        method: "write".into(),
        payload: Vec::new(),
    };
    let (_, id) = net.submit(&call).expect("it has a place").expect("taken");
    assert!(net.knows(&id));
    assert!(!net.knows(&[7; 32]));
}

#[test]
fn a_message_is_not_forgotten_before_somebody_could_ask_what_became_of_it() {
    let (mut net, canister) = network();
    let call = Call {
        sender: Principal::anonymous(),
        info: None,
        canister,
        effective: Effective::None,
        method: "write".into(),
        payload: Vec::new(),
    };
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
