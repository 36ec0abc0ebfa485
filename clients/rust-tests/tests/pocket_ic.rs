//! What users of the crate `pocket-ic` do, against `drun serve`. The canister is the one of the server's own tests.

use std::time::Duration;

use candid::{Encode, Principal};
use ic_management_canister_types::{CanisterSettings, CanisterStatusType};
use pocket_ic::common::rest::{
    BlobCompression, CanisterHttpReply, CanisterHttpResponse, MockCanisterHttpResponse, SubnetKind,
};
use pocket_ic::{
    ErrorCode, IngressStatusResult, PocketIc, PocketIcBuilder, PocketIcState, RejectCode,
    RejectResponse, Time,
};

const CYCLES: u128 = 1_000_000_000_000_000;
const START: u64 = 1_620_328_630_000_000_000;

fn wasm() -> Vec<u8> {
    wat::parse_str(include_str!("../../../tests/drun/serve/canister.wat")).unwrap()
}

fn anonymous() -> Principal {
    Principal::anonymous()
}

fn deploy(pic: &PocketIc) -> Principal {
    let id = pic.create_canister();
    install(pic, id);
    id
}

fn install(pic: &PocketIc, id: Principal) {
    pic.add_cycles(id, CYCLES);
    pic.install_canister(id, wasm(), vec![], None);
}

fn one() -> (PocketIc, Principal) {
    let pic = PocketIc::new();
    let id = deploy(&pic);
    (pic, id)
}

fn update(pic: &PocketIc, id: Principal, method: &str, arg: &[u8]) -> Result<Vec<u8>, RejectResponse> {
    pic.update_call(id, anonymous(), method, arg.to_vec())
}

fn query(pic: &PocketIc, id: Principal, method: &str) -> Result<Vec<u8>, RejectResponse> {
    pic.query_call(id, anonymous(), method, vec![])
}

fn count(pic: &PocketIc, id: Principal) -> u8 {
    query(pic, id, "read").unwrap()[0]
}

#[test]
fn updates_count_and_queries_read() {
    let (pic, id) = one();
    assert_eq!(update(&pic, id, "write", b"x").unwrap(), b"\x01\0\0\0x");
    assert_eq!(update(&pic, id, "write", b"").unwrap(), [2, 0, 0, 0]);
    assert_eq!(count(&pic, id), 2);
}

#[test]
fn a_trap_is_a_reject() {
    let (pic, id) = one();
    let reject = update(&pic, id, "boom", b"").unwrap_err();
    assert_eq!(reject.reject_code, RejectCode::CanisterError);
    assert_eq!(reject.error_code, ErrorCode::CanisterCalledTrap);
    assert!(reject.reject_message.contains("boom") && reject.certified);
}

#[test]
fn a_trap_in_a_query_is_not_certified() {
    let (pic, id) = one();
    let reject = query(&pic, id, "query_boom").unwrap_err();
    assert_eq!(reject.error_code, ErrorCode::CanisterCalledTrap);
    assert!(!reject.certified);
}

#[test]
fn a_canister_rejects() {
    let (pic, id) = one();
    let reject = update(&pic, id, "refuse", b"").unwrap_err();
    assert_eq!(reject.reject_code, RejectCode::CanisterReject);
    assert_eq!(reject.error_code, ErrorCode::CanisterRejectedMessage);
    assert_eq!(reject.reject_message, "no");
}

#[test]
fn there_is_no_such_method() {
    let (pic, id) = one();
    for result in [update(&pic, id, "nosuch", b""), query(&pic, id, "nosuch")] {
        assert_eq!(result.unwrap_err().error_code, ErrorCode::CanisterMethodNotFound);
    }
}

#[test]
fn an_empty_canister_has_no_module() {
    let pic = PocketIc::new();
    let id = pic.create_canister();
    let reject = query(&pic, id, "read").unwrap_err();
    assert_eq!(reject.error_code, ErrorCode::CanisterWasmModuleNotFound);
}

#[test]
fn a_trap_undoes_what_was_done() {
    let (pic, id) = one();
    update(&pic, id, "write", b"").unwrap();
    update(&pic, id, "boom", b"").unwrap_err();
    assert_eq!(count(&pic, id), 1);
}

#[test]
fn upgrades_keep_stable_memory_only() {
    let (pic, id) = one();
    update(&pic, id, "write", b"").unwrap();
    update(&pic, id, "grow", b"").unwrap();
    pic.upgrade_canister(id, wasm(), vec![], None).unwrap();
    assert_eq!(count(&pic, id), 0);
    assert_eq!(pic.get_stable_memory(id).len(), 65_536);
}

#[test]
fn a_reinstallation_begins_anew() {
    let (pic, id) = one();
    update(&pic, id, "grow", b"").unwrap();
    pic.reinstall_canister(id, wasm(), vec![], None).unwrap();
    assert!(pic.get_stable_memory(id).is_empty());
}

#[test]
fn an_uninstalled_canister_is_empty() {
    let (pic, id) = one();
    pic.uninstall_canister(id, None).unwrap();
    let status = pic.canister_status(id, None).unwrap();
    assert_eq!(status.module_hash, None);
}

#[test]
fn large_modules_go_through_the_chunk_store() {
    let pic = PocketIc::new();
    let id = pic.create_canister();
    pic.add_cycles(id, CYCLES);
    let filler = "0".repeat(2_500_000);
    let module = wat::parse_str(format!("(module (@custom \"filler\" \"{filler}\"))")).unwrap();
    pic.install_canister(id, module, vec![], None);
    assert!(pic.canister_status(id, None).unwrap().module_hash.is_some());
}

#[test]
fn chunks_are_stored_and_cleared() {
    let (pic, id) = one();
    let hash = pic.upload_chunk(id, None, vec![7; 1000]).unwrap();
    assert_eq!(pic.stored_chunks(id, None).unwrap(), [hash]);
    pic.clear_chunk_store(id, None).unwrap();
    assert!(pic.stored_chunks(id, None).unwrap().is_empty());
}

#[test]
fn canisters_stop_start_and_are_deleted() {
    let (pic, id) = one();
    pic.stop_canister(id, None).unwrap();
    let status = pic.canister_status(id, None).unwrap();
    assert_eq!(status.status, CanisterStatusType::Stopped);
    assert_eq!(update(&pic, id, "write", b"").unwrap_err().error_code, ErrorCode::CanisterStopped);
    pic.start_canister(id, None).unwrap();
    update(&pic, id, "write", b"").unwrap();
    pic.stop_canister(id, None).unwrap();
    pic.delete_canister(id, None).unwrap();
    assert!(!pic.canister_exists(id));
    assert_eq!(pic.get_subnet(id), None);
}

#[test]
fn controllers_are_set_and_obeyed() {
    let (pic, id) = one();
    let alice = Principal::self_authenticating(b"alice");
    pic.set_controllers(id, None, vec![alice]).unwrap();
    assert_eq!(pic.get_controllers(id), [alice]);
    assert!(pic.stop_canister(id, None).is_err());
    pic.stop_canister(id, Some(alice)).unwrap();
}

#[test]
fn settings_are_changed_and_told() {
    let (pic, id) = one();
    let settings = CanisterSettings {
        freezing_threshold: Some(1_000u32.into()),
        ..CanisterSettings::default()
    };
    pic.update_canister_settings(id, None, settings).unwrap();
    let status = pic.canister_status(id, None).unwrap();
    assert_eq!(status.settings.freezing_threshold, candid::Nat::from(1_000u32));
}

#[test]
fn settings_hold_from_the_creation() {
    let pic = PocketIc::new();
    let alice = Principal::self_authenticating(b"alice");
    let settings = CanisterSettings {
        controllers: Some(vec![alice]),
        ..CanisterSettings::default()
    };
    let id = pic.create_canister_with_settings(None, Some(settings));
    assert_eq!(pic.get_controllers(id), [alice]);
}

#[test]
fn snapshots_are_taken_loaded_and_deleted() {
    let (pic, id) = one();
    update(&pic, id, "write", b"").unwrap();
    let snapshot = pic.take_canister_snapshot(id, None, None).unwrap();
    update(&pic, id, "write", b"").unwrap();
    pic.load_canister_snapshot(id, None, snapshot.id.clone()).unwrap();
    assert_eq!(count(&pic, id), 1);
    assert_eq!(pic.list_canister_snapshots(id, None).unwrap().len(), 1);
    pic.delete_canister_snapshot(id, None, snapshot.id).unwrap();
    assert!(pic.list_canister_snapshots(id, None).unwrap().is_empty());
}

#[test]
fn logs_are_a_query() {
    let (pic, id) = one();
    update(&pic, id, "print", b"").unwrap();
    let logs = pic.fetch_canister_logs(id, anonymous()).unwrap();
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].content, b"seen");
    let stranger = Principal::self_authenticating(b"stranger");
    assert!(pic.fetch_canister_logs(id, stranger).is_err());
}

#[test]
fn cycles_are_added_and_used() {
    let (pic, id) = one();
    let before = pic.cycle_balance(id);
    assert_eq!(pic.add_cycles(id, 7), before + 7);
    update(&pic, id, "write", b"").unwrap();
    assert!(pic.cycle_balance(id) < before);
}

#[test]
fn system_subnets_charge_nothing() {
    let pic = PocketIcBuilder::new().with_system_subnet().build();
    let id = deploy(&pic);
    let before = pic.cycle_balance(id);
    update(&pic, id, "write", b"").unwrap();
    assert_eq!(pic.cycle_balance(id), before);
}

#[test]
#[should_panic(expected = "CanisterNotFound(CanisterId")]
fn nobody_has_no_cycles() {
    PocketIc::new().cycle_balance(Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 9, 1, 1]));
}

#[test]
#[should_panic(expected = "CanisterNotFound(CanisterId")]
fn nobody_has_no_controllers() {
    PocketIc::new().get_controllers(Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 9, 1, 1]));
}

#[test]
fn stable_memory_is_set_from_blobs() {
    let (pic, id) = one();
    pic.set_stable_memory(id, b"hello".to_vec(), BlobCompression::NoCompression);
    let memory = pic.get_stable_memory(id);
    assert_eq!((memory.len(), &memory[..5]), (65_536, &b"hello"[..]));
}

#[test]
fn the_clock_starts_moves_and_does_not_go_back() {
    let (pic, id) = one();
    let now = pic.get_time().as_nanos_since_unix_epoch();
    assert!(now > START && now < START + 100);
    pic.advance_time(Duration::from_secs(5));
    pic.tick();
    let later = pic.get_time().as_nanos_since_unix_epoch();
    assert_eq!(later, now + 5_000_000_000);
    let seen = query(&pic, id, "time").unwrap();
    assert_eq!(seen, later.to_le_bytes());
    pic.tick();
    assert_eq!(pic.get_time().as_nanos_since_unix_epoch(), later + 1);
}

#[test]
#[should_panic(expected = "SettingTimeIntoPast")]
fn the_past_is_refused() {
    PocketIc::new().set_time(Time::from_nanos_since_unix_epoch(START));
}

#[test]
fn queries_see_a_certified_time_at_once() {
    let (pic, id) = one();
    let time = START + 1_000_000_000;
    pic.set_certified_time(Time::from_nanos_since_unix_epoch(time));
    assert_eq!(query(&pic, id, "time").unwrap(), time.to_le_bytes());
}

#[test]
fn the_first_time_is_chosen() {
    let first = Time::from_nanos_since_unix_epoch(START + 77);
    let pic = PocketIcBuilder::new().with_application_subnet().with_initial_time(first).build();
    assert_eq!(pic.get_time().as_nanos_since_unix_epoch(), START + 78);
}

#[test]
#[should_panic(expected = "must be no earlier than 1620328630000000000 (provided 0).")]
fn the_first_time_is_not_too_early() {
    let first = Time::from_nanos_since_unix_epoch(0);
    PocketIcBuilder::new().with_application_subnet().with_initial_time(first).build();
}

#[test]
#[should_panic(expected = "SubnetConfigSet must contain at least one subnet")]
fn an_instance_has_a_subnet() {
    PocketIcBuilder::new().build();
}

#[test]
fn messages_are_submitted_and_awaited() {
    let (pic, id) = one();
    let first = pic.submit_call(id, anonymous(), "write", vec![]).unwrap();
    let second = pic.submit_call(id, anonymous(), "write", vec![]).unwrap();
    assert_eq!(pic.ingress_status(first.clone()), None);
    assert_eq!(pic.await_call(first.clone()).unwrap(), [1, 0, 0, 0]);
    assert_eq!(pic.ingress_status(second.clone()).unwrap().unwrap(), [2, 0, 0, 0]);
    assert_eq!(pic.await_call(second).unwrap(), [2, 0, 0, 0]);
    let stranger = Principal::self_authenticating(b"stranger");
    let refused = pic.ingress_status_as(first, stranger);
    assert!(matches!(refused, IngressStatusResult::Forbidden(_)), "{refused:?}");
}

#[test]
fn automatic_ids_count_up() {
    let pic = PocketIc::new();
    assert_eq!(pic.create_canister().to_text(), "lxzze-o7777-77777-aaaaa-cai");
    assert_eq!(pic.create_canister().to_text(), "lqy7q-dh777-77777-aaaaq-cai");
}

#[test]
fn kinds_of_subnets_are_told() {
    let pic = PocketIcBuilder::new()
        .with_nns_subnet()
        .with_sns_subnet()
        .with_ii_subnet()
        .with_fiduciary_subnet()
        .with_bitcoin_subnet()
        .with_test_threshold_keys_subnet()
        .with_system_subnet()
        .with_application_subnet()
        .with_verified_application_subnet()
        .build();
    let topology = pic.topology();
    assert_eq!(topology.subnet_configs.len(), 9);
    let nns = topology.get_nns().unwrap();
    assert_eq!(topology.subnet_configs[&nns].subnet_kind, SubnetKind::NNS);
    let id = pic.create_canister();
    assert_eq!(pic.get_subnet(id), Some(topology.get_app_subnets()[0]));
    let root_key = pic.root_key().unwrap();
    assert_eq!(root_key.len(), 133);
    assert_eq!(Principal::self_authenticating(&root_key), nns);
}

#[test]
fn without_an_nns_there_is_no_root_key() {
    assert_eq!(PocketIc::new().root_key(), None);
}

#[test]
fn ids_of_named_subnets_are_given() {
    let pic = PocketIcBuilder::new().with_nns_subnet().with_ii_subnet().build();
    for (name, kind) in [
        ("rrkah-fqaaa-aaaaa-aaaaq-cai", pic.topology().get_nns()),
        ("rdmx6-jaaaa-aaaaa-aaadq-cai", pic.topology().get_ii()),
    ] {
        let id = Principal::from_text(name).unwrap();
        assert_eq!(pic.create_canister_with_id(None, None, id), Ok(id));
        assert_eq!(pic.get_subnet(id), kind);
        assert!(pic.create_canister_with_id(None, None, id).is_err());
    }
}

#[test]
fn subnets_are_made_on_the_fly() {
    let pic = PocketIc::new();
    let id = Principal::from_text("mf7xa-laaaa-aaaar-qaaaa-cai").unwrap();
    assert_eq!(pic.create_canister_with_id(None, None, id), Ok(id));
    assert_eq!(pic.get_subnet(id), pic.topology().get_fiduciary());
}

#[test]
#[should_panic(expected = "please set up your PocketIC instance with a subnet of that `SubnetKind`.")]
fn ids_of_the_nns_need_an_nns() {
    let id = Principal::from_text("rwlgt-iiaaa-aaaaa-aaaaa-cai").unwrap();
    let _ = PocketIc::new().create_canister_with_id(None, None, id);
}

#[test]
#[should_panic(expected = "should consist of 10 bytes.")]
fn ids_have_ten_bytes() {
    let _ = PocketIc::new().create_canister_with_id(None, None, anonymous());
}

#[test]
#[should_panic(expected = "is out of cycles")]
fn who_has_no_cycles_installs_nothing() {
    let pic = PocketIc::new();
    let settings = pic.create_canister();
    let balance = pic.cycle_balance(settings);
    assert_eq!(balance, 100_000_000_000_000);
    let poor = pic
        .create_canister_with_params(None, pocket_ic::CreateCanisterParams {
            cycles: Some(0),
            ..Default::default()
        })
        .unwrap();
    pic.install_canister(poor, wasm(), vec![], None);
}

fn two() -> (PocketIc, [Principal; 2]) {
    let pic = PocketIcBuilder::new().with_application_subnet().with_application_subnet().build();
    let ids = [0, 1].map(|place| {
        let subnet = pic.topology().get_app_subnets()[place];
        let id = pic.create_canister_on_subnet(None, None, subnet);
        install(&pic, id);
        id
    });
    (pic, ids)
}

#[test]
fn canisters_of_two_subnets_call_each_other() {
    let (pic, [a, b]) = two();
    for (from, to) in [(a, b), (b, a), (a, a)] {
        let argument = [to.as_slice(), b"hi"].concat();
        let reply = update(&pic, from, "call", &argument).unwrap();
        assert_eq!(&reply[4..], b"hi");
    }
    assert_eq!(count(&pic, a), 2);
}

#[test]
fn several_calls_between_subnets_are_under_way_at_once() {
    let (pic, [a, b]) = two();
    let submit = |_| {
        pic.submit_call(a, anonymous(), "call", b.as_slice().to_vec()).unwrap()
    };
    let messages: Vec<_> = (0..20).map(submit).collect();
    for message in messages {
        pic.await_call(message).unwrap();
    }
    assert_eq!(count(&pic, b), 20);
}

#[test]
fn a_call_to_another_subnet_has_a_limit() {
    let (pic, [a, b]) = two();
    update(&pic, a, "call_large", b.as_slice()).unwrap();
    let argument = [b.as_slice(), b"x"].concat();
    assert!(update(&pic, a, "call_large", &argument).is_err());
}

#[test]
fn a_call_of_nobody_is_refused() {
    let (pic, id) = one();
    let nobody = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 9, 1, 1]);
    let reject = update(&pic, id, "call", nobody.as_slice()).unwrap_err();
    assert!(reject.reject_message.contains("No route to canister"), "{reject}");
}

fn request() -> Vec<u8> {
    #[derive(candid::CandidType)]
    #[allow(non_camel_case_types, dead_code)]
    enum Method {
        get,
    }
    #[derive(candid::CandidType)]
    struct Header {
        name: String,
        value: String,
    }
    #[derive(candid::CandidType)]
    struct Request {
        url: String,
        max_response_bytes: Option<u64>,
        method: Method,
        headers: Vec<Header>,
        body: Option<Vec<u8>>,
    }
    Encode!(&Request {
        url: "https://example.com".into(),
        max_response_bytes: Some(2_000),
        method: Method::get,
        headers: vec![Header {
            name: "accept".into(),
            value: "*/*".into(),
        }],
        body: None,
    })
    .unwrap()
}

fn outcall() -> (PocketIc, pocket_ic::common::rest::RawMessageId, pocket_ic::common::rest::CanisterHttpRequest) {
    let (pic, id) = one();
    let message = pic.submit_call(id, anonymous(), "http", request()).unwrap();
    pic.tick();
    pic.tick();
    let mut pending = pic.get_canister_http();
    assert_eq!(pending.len(), 1);
    (pic, message, pending.remove(0))
}

fn reply(body: &[u8]) -> CanisterHttpResponse {
    CanisterHttpResponse::CanisterHttpReply(CanisterHttpReply {
        status: 200,
        headers: vec![],
        body: body.to_vec(),
    })
}

#[test]
fn http_requests_are_answered() {
    let (pic, message, request) = outcall();
    assert_eq!(request.url, "https://example.com");
    pic.mock_canister_http_response(MockCanisterHttpResponse {
        subnet_id: request.subnet_id,
        request_id: request.request_id,
        response: reply(b"hello"),
        additional_responses: vec![],
    });
    assert!(pic.get_canister_http().is_empty());
    let reply = pic.await_call(message).unwrap();
    assert!(reply.windows(5).any(|bytes| bytes == b"hello"), "{reply:?}");
}

#[test]
fn http_requests_time_out() {
    let (pic, message, _) = outcall();
    pic.advance_time(Duration::from_secs(61));
    let reject = pic.await_call(message).unwrap_err();
    assert_eq!(reject.reject_message, "Canister http request timed out");
}

#[test]
fn nodes_that_disagree_answer_nothing() {
    let (pic, message, request) = outcall();
    pic.mock_canister_http_response(MockCanisterHttpResponse {
        subnet_id: request.subnet_id,
        request_id: request.request_id,
        response: reply(b"0"),
        additional_responses: (1..13).map(|n| reply(&[n])).collect(),
    });
    let reject = pic.await_call(message).unwrap_err();
    assert!(reject.reject_message.starts_with("No consensus could be reached."));
}

#[test]
#[should_panic(expected = "InvalidMockCanisterHttpResponses((2, 13))")]
fn every_node_answers_or_one_for_all() {
    let (pic, _, request) = outcall();
    pic.mock_canister_http_response(MockCanisterHttpResponse {
        subnet_id: request.subnet_id,
        request_id: request.request_id,
        response: reply(b"0"),
        additional_responses: vec![reply(b"1")],
    });
}

#[test]
fn an_instance_goes_on_by_itself() {
    let (pic, id) = one();
    pic.auto_progress();
    assert!(pic.auto_progress_enabled());
    update(&pic, id, "write", b"").unwrap();
    let message = pic.submit_call(id, anonymous(), "write", vec![]).unwrap();
    assert_eq!(pic.await_call_no_ticks(message).unwrap(), [2, 0, 0, 0]);
    pic.stop_progress();
    assert!(!pic.auto_progress_enabled());
}

#[test]
fn a_live_instance_has_an_address() {
    let (mut pic, _) = one();
    let url = pic.make_live(None);
    assert!(url.as_str().starts_with("http://"));
    pic.stop_live();
}

#[test]
fn a_state_directory_keeps_canisters_and_time() {
    let state = PocketIcState::new();
    let pic = PocketIcBuilder::new().with_application_subnet().with_state(state).build();
    let id = deploy(&pic);
    update(&pic, id, "write", b"").unwrap();
    update(&pic, id, "grow", b"").unwrap();
    let time = pic.get_time();
    let state = pic.drop_and_take_state().unwrap();
    let pic = PocketIcBuilder::new().with_state(state).build();
    assert_eq!(count(&pic, id), 1);
    assert_eq!(pic.get_stable_memory(id).len(), 65_536);
    assert!(pic.get_time() > time);
    assert_eq!(update(&pic, id, "write", b"").unwrap(), [2, 0, 0, 0]);
}

#[test]
fn the_metrics_of_a_subnet_are_told() {
    let (pic, _) = one();
    let subnet = pic.topology().get_app_subnets()[0];
    let metrics = pic.get_subnet_metrics(subnet).unwrap();
    assert_eq!(metrics.num_canisters, 1);
    assert!(metrics.canister_state_bytes > 0);
    assert!(pic.get_subnet_metrics(Principal::self_authenticating(b"x")).is_none());
}

#[test]
fn a_handle_to_an_instance_does_not_delete_it() {
    let (pic, id) = one();
    let other = PocketIc::new_from_existing_instance(pic.get_server_url(), pic.instance_id(), None);
    update(&other, id, "write", b"").unwrap();
    drop(other);
    assert_eq!(count(&pic, id), 1);
}

#[test]
fn instances_are_listed() {
    let pic = PocketIc::new();
    let place = pic.instance_id() as usize;
    let state = PocketIc::list_instances()[place].clone();
    assert!(state == "Available" || state.starts_with("Busy"), "{state}");
    drop(pic);
    assert_eq!(PocketIc::list_instances()[place], "Deleted");
}

#[test]
fn many_instances_at_once() {
    let work = |_| {
        std::thread::spawn(|| {
            let (pic, id) = one();
            for _ in 0..20 {
                update(&pic, id, "write", b"").unwrap();
            }
            count(&pic, id)
        })
    };
    let threads: Vec<_> = (0..16).map(work).collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), 20);
    }
}

#[tokio::test]
async fn the_client_without_threads_works_too() {
    let pic = pocket_ic::nonblocking::PocketIc::new().await;
    let id = pic.create_canister().await;
    pic.add_cycles(id, CYCLES).await;
    pic.install_canister(id, wasm(), vec![], None).await;
    let reply = pic.update_call(id, anonymous(), "write", vec![]).await.unwrap();
    assert_eq!(reply, [1, 0, 0, 0]);
    pic.drop().await;
}

#[path = "../../fork.rs"]
mod fork;

#[test]
fn a_fork_goes_its_own_way() {
    let (pic, id) = one();
    update(&pic, id, "write", b"").unwrap();
    let url = pic.get_server_url();
    let number = fork::fork(url.as_str(), pic.instance_id() as usize).unwrap();
    let other = PocketIc::new_from_existing_instance(url, number as _, None);
    assert_eq!(update(&other, id, "write", b"").unwrap(), [2, 0, 0, 0]);
    assert_eq!(update(&other, id, "write", b"").unwrap(), [3, 0, 0, 0]);
    assert_eq!(count(&pic, id), 1);
}

#[test]
fn a_state_that_is_read_only_stays_as_it_is() {
    let pic = PocketIcBuilder::new()
        .with_application_subnet()
        .with_state(PocketIcState::new())
        .build();
    let id = deploy(&pic);
    update(&pic, id, "write", b"").unwrap();
    let state = pic.drop_and_take_state().unwrap();
    for _ in 0..2 {
        let pic = PocketIcBuilder::new().with_read_only_state(&state).build();
        assert_eq!(update(&pic, id, "write", b"").unwrap(), [2, 0, 0, 0]);
    }
}

#[test]
fn verified_applications_come_before_systems() {
    let pic = PocketIcBuilder::new()
        .with_nns_subnet()
        .with_system_subnet()
        .with_verified_application_subnet()
        .build();
    let subnet = pic.get_subnet(pic.create_canister()).unwrap();
    let kind = pic.topology().subnet_configs[&subnet].subnet_kind;
    assert_eq!(kind, SubnetKind::VerifiedApplication);
}

#[test]
fn installing_costs_more_where_there_are_more_nodes() {
    let pic = PocketIcBuilder::new()
        .with_application_subnet()
        .with_fiduciary_subnet()
        .build();
    let topology = pic.topology();
    let subnets = [topology.get_app_subnets()[0], topology.get_fiduciary().unwrap()];
    let [application, fiduciary] = subnets.map(|subnet| {
        let id = pic.create_canister_on_subnet(None, None, subnet);
        pic.add_cycles(id, CYCLES);
        let before = pic.cycle_balance(id);
        pic.install_canister(id, wasm(), vec![], None);
        before - pic.cycle_balance(id)
    });
    assert!(fiduciary > 2 * application, "{fiduciary} {application}");
}

#[test]
fn a_reject_goes_through_a_call() {
    let (pic, id) = one();
    let empty = pic.create_canister();
    let reject = update(&pic, id, "call", empty.as_slice()).unwrap_err();
    assert_eq!(reject.reject_code, RejectCode::CanisterReject);
    assert!(reject.reject_message.contains("no Wasm module"), "{reject}");
}

#[test]
fn two_subnets_with_the_same_wish_have_ids_of_their_own() {
    let (pic, ids) = two();
    let subnets = ids.map(|id| pic.get_subnet(id).unwrap());
    assert_ne!(subnets[0], subnets[1]);
    assert_eq!(subnets.as_slice(), pic.topology().get_app_subnets());
}

#[test]
fn equal_instances_are_equal() {
    let ids = [(); 2].map(|()| PocketIc::new().topology().get_app_subnets());
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn large_messages_are_refused() {
    let (pic, id) = one();
    let large = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        update(&pic, id, "write", &vec![0; 3_000_000])
    }));
    assert!(large.is_err());
}
