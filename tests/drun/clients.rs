//! What clients of the oldest and of the newest date make of the management canister's replies: every method, under every date, is
//! decoded into the types that they were published with (since-october-2025.md 2.1, the table of clients).

use candid::{CandidType, Deserialize, Encode, Nat, Principal};
use client_types_of_2025 as old;
use client_types_of_today as new;
use drun::internals::node::Node;
use drun::internals::protocol::{Date, Protocol, SubnetType};
use drun::{MessageResult, Subnet};

/// Calls the management canister: the name of the method up to a zero, then its argument. Replies with the reply, rejects with the
/// reject. It has a section that others may read.
const FORWARDER: &str = r#"(module
    (import "ic0" "msg_reply" (func $reply))
    (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
    (import "ic0" "msg_reject" (func $reject (param i32 i32)))
    (import "ic0" "msg_reject_msg_size" (func $text (result i32)))
    (import "ic0" "msg_reject_msg_copy" (func $copy_text (param i32 i32 i32)))
    (import "ic0" "msg_arg_data_size" (func $size (result i32)))
    (import "ic0" "msg_arg_data_copy" (func $copy (param i32 i32 i32)))
    (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "ic0" "call_data_append" (func $data (param i32 i32)))
    (import "ic0" "call_perform" (func $perform (result i32)))
    (import "ic0" "debug_print" (func $print (param i32 i32)))
    (@custom "icp:public hello" "world")
    (memory 4)
    (table 2 funcref) (elem (i32.const 0) $ok $no)
    (func $ok (param i32)
        (call $copy (i32.const 0) (i32.const 0) (call $size)) (call $append (i32.const 0) (call $size)) (call $reply))
    (func $no (param i32)
        (call $copy_text (i32.const 0) (i32.const 0) (call $text)) (call $reject (i32.const 0) (call $text)))
    (func (export "canister_update call") (local $n i32)
        (call $copy (i32.const 0) (i32.const 0) (call $size))
        (loop $more
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $more (i32.load8_u (local.get $n))))
        (call $print (i32.const 0) (local.get $n))
        (call $new (i32.const 0) (i32.const 0) (i32.const 0) (local.get $n)
            (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0))
        (call $data (i32.add (local.get $n) (i32.const 1))
            (i32.sub (call $size) (i32.add (local.get $n) (i32.const 1))))
        (drop (call $perform))))"#;

#[derive(CandidType, Deserialize)]
struct Id {
    canister_id: Principal,
}

/// A subnet of a date with a forwarder that controls itself, and what is asked of it.
struct World {
    subnet: Subnet,
    id: Principal,
    date: Date,
}

impl World {
    fn new(protocol: Protocol) -> Self {
        let mut subnet = Subnet::new().as_of(protocol);
        let id = subnet.create();
        let module = wat::parse_str(FORWARDER).unwrap();
        subnet.install(id, &module, ()).unwrap();
        let controllers = drun::Settings {
            controllers: Some(vec![id, Principal::anonymous()]),
            ..drun::Settings::default()
        };
        subnet.set(id, controllers).unwrap();
        subnet.respond("https://example.com/", 200, "hello");
        World {
            subnet,
            id,
            date: protocol.date,
        }
    }

    /// The reply to the forwarder.
    fn call(&mut self, method: &str, argument: impl CandidType) -> Vec<u8> {
        let argument = Encode!(&argument).unwrap();
        self.call_raw(method, &argument)
    }

    fn call_raw(&mut self, method: &str, argument: &[u8]) -> Vec<u8> {
        let argument = [method.as_bytes(), &[0], argument].concat();
        let call = self.subnet.call(self.id, "call").with_bytes(argument);
        match call.outcome().result {
            MessageResult::Replied(reply) => reply,
            other => panic!("{method} in {}: {other:?}", self.date),
        }
    }

    fn record(&self) -> Id {
        Id {
            canister_id: self.id,
        }
    }
}

/// Whether a reply decodes into a type.
fn decodes<T: for<'de> candid::Deserialize<'de> + CandidType>(reply: &[u8]) -> bool {
    candid::decode_one::<T>(reply).is_ok()
}

/// Asks a reply to decode into a type of the old client, and of the new one, from a date on; before, nobody expects it.
macro_rules! both {
    ($world:expr, $reply:expr, $name:ident) => {
        both!($world, $reply, $name, Date::March2025, Date::March2025)
    };
    ($world:expr, $reply:expr, $name:ident, $old:expr, $new:expr) => {
        let (date, reply) = ($world.date, $reply);
        assert!(
            date < $old || decodes::<old::$name>(&reply),
            "0.5 {} {date}",
            stringify!($name)
        );
        assert!(
            date < $new || decodes::<new::$name>(&reply),
            "0.11 {} {date}",
            stringify!($name)
        );
    };
}

#[derive(CandidType)]
struct Info {
    canister_id: Principal,
    num_requested_changes: Option<u64>,
}

#[derive(CandidType)]
struct Metadata {
    canister_id: Principal,
    name: String,
}

#[derive(CandidType)]
struct Chunk {
    canister_id: Principal,
    chunk: Vec<u8>,
}

#[derive(CandidType)]
struct OfSubnet {
    subnet_id: Principal,
    start_at_timestamp_nanos: u64,
}

#[test]
fn replies_about_canisters_decode() {
    for protocol in Protocol::ALL {
        let mut world = World::new(protocol);
        let record = world.record();
        // Fields that newer clients insist on came with the dates.
        let reply = world.call("canister_status", &record);
        both!(
            world,
            reply,
            CanisterStatusResult,
            Date::October2025,
            Date::November2026
        );
        let info = Info {
            canister_id: world.id,
            num_requested_changes: Some(20),
        };
        let reply = world.call("canister_info", info);
        both!(
            world,
            reply,
            CanisterInfoResult,
            Date::October2025,
            Date::October2025
        );
        if protocol.date >= Date::October2025 {
            let metadata = Metadata {
                canister_id: world.id,
                name: "hello".into(),
            };
            let reply = world.call("canister_metadata", metadata);
            both!(world, reply, CanisterMetadataResult);
        }
        let reply = world.call_raw("create_canister", b"DIDL\0\0");
        both!(world, reply, CreateCanisterResult);
        let chunk = Chunk {
            canister_id: world.id,
            chunk: vec![1, 2],
        };
        let reply = world.call("upload_chunk", chunk);
        both!(world, reply, UploadChunkResult);
        let reply = world.call("stored_chunks", &record);
        both!(world, reply, StoredChunksResult);
        let reply = world.call_raw("raw_rand", b"DIDL\0\0");
        both!(world, reply, RawRandResult);
        if protocol.date >= Date::November2026 {
            let reply = world.call("canister_metrics", &record);
            assert!(decodes::<new::CanisterMetricsResult>(&reply));
            let reply = world.call("fetch_canister_logs", &record);
            both!(world, reply, FetchCanisterLogsResult);
        }
    }
}

#[derive(CandidType, Deserialize)]
struct Taken {
    id: Vec<u8>,
}

#[derive(CandidType)]
struct SnapshotOf {
    canister_id: Principal,
    snapshot_id: Vec<u8>,
}

#[derive(CandidType)]
#[allow(non_camel_case_types, reason = "the names of the interface")]
enum Kind {
    wasm_module { offset: u64, size: u64 },
}

#[derive(CandidType)]
struct ReadData {
    canister_id: Principal,
    snapshot_id: Vec<u8>,
    kind: Kind,
}

#[test]
fn replies_about_snapshots_decode() {
    for protocol in Protocol::ALL {
        let mut world = World::new(protocol);
        let record = world.record();
        let reply = world.call("take_canister_snapshot", &record);
        both!(world, reply.clone(), TakeCanisterSnapshotResult);
        let taken: Taken = candid::decode_one(&reply).unwrap();
        let reply = world.call("list_canister_snapshots", &record);
        both!(world, reply, ListCanisterSnapshotsResult);
        if protocol.date < Date::October2025 {
            continue;
        }
        let snapshot = SnapshotOf {
            canister_id: world.id,
            snapshot_id: taken.id.clone(),
        };
        let reply = world.call("read_canister_snapshot_metadata", snapshot);
        both!(world, reply, ReadCanisterSnapshotMetadataResult);
        let data = ReadData {
            canister_id: world.id,
            snapshot_id: taken.id,
            kind: Kind::wasm_module { offset: 0, size: 8 },
        };
        let reply = world.call("read_canister_snapshot_data", data);
        both!(world, reply, ReadCanisterSnapshotDataResult);
    }
}

#[test]
fn replies_about_the_subnet_decode() {
    for protocol in Protocol::ALL {
        let mut world = World::new(protocol);
        let subnet_id = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0xfc, 1]);
        let subnet = OfSubnet {
            subnet_id,
            start_at_timestamp_nanos: 0,
        };
        let reply = world.call("node_metrics_history", &subnet);
        both!(world, reply, NodeMetricsHistoryResult);
        let reply = world.call("subnet_info", &subnet);
        both!(
            world,
            reply,
            SubnetInfoResult,
            Date::October2025,
            Date::October2025
        );
        if protocol.date >= Date::November2026 {
            let reply = world.call("subnet_metrics", &subnet);
            assert!(decodes::<new::SubnetMetricsResult>(&reply));
        }
    }
}

/// Only administrators may ask for it.
#[test]
fn the_list_of_canisters_decodes() {
    let admin = Principal::self_authenticating([7]);
    let settings = drun::internals::NodeSettings {
        subnet_admins: vec![admin],
        ..drun::internals::NodeSettings::new(Protocol::NEWEST, SubnetType::Application)
    };
    let mut node = Node::new(settings);
    let mut list = |sender| {
        let management = Principal::management_canister();
        node.query(sender, management, "list_canisters", b"DIDL\0\0".to_vec())
    };
    let MessageResult::Replied(reply) = list(admin) else {
        panic!("it is for administrators")
    };
    assert!(decodes::<new::ListCanistersResult>(&reply));
    let MessageResult::Failed(error) = list(Principal::anonymous()) else {
        panic!("it is for nobody else")
    };
    assert_eq!(
        error.to_string(),
        "IC0410: Only subnet admins can call list_canisters"
    );
}

#[derive(CandidType)]
#[allow(non_camel_case_types, reason = "the names of the interface")]
enum HttpMethod {
    get,
}

#[derive(CandidType)]
#[allow(non_camel_case_types, reason = "the names of the interface")]
enum LaterHttpMethod {
    put,
}

#[derive(CandidType)]
struct Header {
    name: String,
    value: String,
}

#[derive(CandidType)]
struct Request<M> {
    url: String,
    max_response_bytes: Option<u64>,
    method: M,
    headers: Vec<Header>,
    body: Option<Vec<u8>>,
    is_replicated: Option<bool>,
    pricing_version: Option<u32>,
}

fn request<M>(method: M, is_replicated: Option<bool>, pricing_version: Option<u32>) -> Request<M> {
    Request {
        url: "https://example.com/".into(),
        max_response_bytes: Some(1000),
        method,
        headers: Vec::new(),
        body: None,
        is_replicated,
        pricing_version,
    }
}

#[test]
fn replies_of_outcalls_decode() {
    for protocol in Protocol::ALL {
        let mut world = World::new(protocol);
        let reply = world.call("http_request", request(HttpMethod::get, None, None));
        both!(world, reply, HttpRequestResult);
        if protocol.date < Date::November2026 {
            continue;
        }
        let reply = world.call(
            "http_request",
            request(LaterHttpMethod::put, Some(false), Some(2)),
        );
        both!(world, reply, HttpRequestResult);
        let reply = world.call(
            "flexible_http_request",
            request(HttpMethod::get, None, None),
        );
        let reply: new::FlexibleHttpRequestResult = candid::decode_one(&reply).unwrap();
        let new::FlexibleHttpRequestResult::Ok(answers) = reply else {
            panic!("the mock answers")
        };
        // Thirteen nodes, of which nine have to answer.
        assert_eq!(answers.len(), 9);
        assert_eq!(answers[0].status, Nat::from(200u32));
    }
}
