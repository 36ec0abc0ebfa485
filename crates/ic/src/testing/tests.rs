use std::collections::BTreeMap;

use super::*;
use crate::canister::settings::Visibility;
use crate::errors::ErrorCode;

/// A module that replies to `go`.
const REPLIES: &str = r#"(module
    (import "ic0" "msg_reply" (func $reply))
    (func (export "canister_update go") (call $reply)))"#;

/// What the network refuses with.
fn code(refused: Result<Outcome, CallError>) -> ErrorCode {
    match refused {
        Err(CallError::Failed(error)) => error.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_setting_arrives_at_a_new_canister_and_at_one_that_is_there() {
    let viewer = Principal::from_slice(&[7]);
    let variables = BTreeMap::from([("PLACE".to_owned(), "here".to_owned())]);
    let asked = Settings {
        controllers: Some(vec![Principal::anonymous(), viewer]),
        cycles: None,
        compute_allocation: Some(1),
        memory_allocation: Some(2 << 20),
        freezing_threshold: Some(3_000),
        reserved_cycles_limit: Some(4_000_000),
        log_visibility: Some(Visibility::Public),
        log_memory_limit: Some(5 << 10),
        wasm_memory_limit: Some(6 << 20),
        wasm_memory_threshold: Some(7 << 10),
        environment_variables: Some(variables.clone()),
        minimum_incoming_canister_call_cycles: Some(8_000),
        snapshot_visibility: Some(Visibility::AllowedViewers(vec![viewer])),
        status_visibility: Some(Visibility::AllowedViewers(vec![])),
    };
    let mut subnet = Subnet::new();
    let plain = subnet.create();
    subnet.set(plain, asked.clone()).expect("in range");
    let new = subnet.create_with(asked);
    for id in [plain, new] {
        let canister = subnet.node.canister(&id).expect("it exists");
        let settings = &canister.settings;
        assert!(settings.controllers.contains(&viewer));
        assert_eq!(settings.controllers.len(), 2);
        assert_eq!(settings.compute_allocation, 1);
        assert_eq!(settings.memory_allocation, 2 << 20);
        assert_eq!(settings.freezing_threshold, 3_000);
        assert_eq!(settings.reserved_cycles_limit, 4_000_000);
        assert_eq!(settings.log_visibility, Visibility::Public);
        assert_eq!(canister.log.limit(), 5 << 10);
        assert_eq!(settings.wasm_memory_limit, 6 << 20);
        assert_eq!(settings.wasm_memory_threshold, 7 << 10);
        assert_eq!(*settings.environment_variables, variables);
        assert_eq!(settings.minimum_incoming_cycles, 8_000);
        let seen = Visibility::AllowedViewers(vec![viewer]);
        assert_eq!(settings.snapshot_visibility, seen);
        let hidden = Visibility::AllowedViewers(vec![]);
        assert_eq!(settings.status_visibility, hidden);
    }
    assert_eq!(subnet.notes(), Vec::<String>::new());
}

#[test]
fn a_setting_that_the_replica_does_not_know_is_noted() {
    let mut subnet = Subnet::new().as_of(Protocol::OCTOBER_2025);
    let canister = subnet.create();
    let later = Settings {
        status_visibility: Some(Visibility::Public),
        ..Settings::default()
    };
    subnet.set(canister, later).expect("it is ignored");
    let notes = subnet.notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("status_visibility"), "{notes:?}");
}

#[test]
fn a_canister_is_stopped_started_emptied_and_deleted_by_its_controller() {
    let owner = Principal::from_slice(&[7]);
    let module = wat::parse_str(REPLIES).expect("valid text");
    let mut subnet = Subnet::new();
    let canister = subnet.create_with(Settings {
        controllers: Some(vec![owner]),
        ..Settings::default()
    });
    subnet.install(canister, &module, ()).expect("it installs");
    let go = |subnet: &mut Subnet| subnet.call(canister, "go").outcome().ok();
    go(&mut subnet).expect("it runs");
    subnet.stop(canister).expect("nothing is open");
    assert_eq!(code(go(&mut subnet)), ErrorCode::CanisterStopped);
    subnet.start(canister).expect("it is stopped");
    go(&mut subnet).expect("it runs again");
    let deleted = subnet.delete(canister);
    assert_eq!(code(deleted), ErrorCode::CanisterNotStopped);
    subnet.uninstall(canister).expect("it has a module");
    assert_eq!(code(go(&mut subnet)), ErrorCode::CanisterWasmModuleNotFound);
    assert!(subnet.cycles(canister) > Some(0), "it is still there");
    subnet.stop(canister).expect("nothing is open");
    subnet.delete(canister).expect("it is stopped");
    assert_eq!(subnet.cycles(canister), None);
    assert_eq!(code(subnet.start(canister)), ErrorCode::CanisterNotFound);
}

#[test]
fn an_installation_that_fails_tells_what_it_printed_and_cost() {
    let module = wat::parse_str(
        r#"(module
          (import "ic0" "debug_print" (func $print (param i32 i32)))
          (memory 1)
          (data (i32.const 0) "hello")
          (func (export "canister_init") (call $print (i32.const 0) (i32.const 5)) unreachable))"#,
    )
    .expect("valid text");
    let mut subnet = Subnet::new();
    let canister = subnet.create();
    let call = subnet.installation(InstallMode::Install, canister, &module, ());
    let outcome = call.expect("nothing to encode").outcome();
    let printed: Vec<_> = outcome.prints.iter().map(|print| &*print.text).collect();
    assert_eq!(printed, ["hello"]);
    assert!(outcome.instructions > 0);
    let error = outcome.reply().expect_err("it traps");
    assert_eq!(code(Err(error.clone())), ErrorCode::CanisterTrapped);
    assert_eq!(subnet.install(canister, &module, ()), Err(error));
}

#[test]
fn an_installation_is_sent_by_whom_the_test_says() {
    let module = wat::parse_str(REPLIES).expect("valid text");
    let mut subnet = Subnet::new();
    let canister = subnet.create();
    let stranger = Principal::from_slice(&[7]);
    let call = subnet.installation(InstallMode::Reinstall, canister, &module, ());
    let call = call.expect("nothing to encode").sent_by(stranger);
    let refused = call.outcome().ok();
    assert_eq!(code(refused), ErrorCode::CanisterInvalidController);
}
