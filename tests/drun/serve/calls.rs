//! Calls, queries and their results (pocket-ic-api.md 2.5, 3.6 to 3.8).

use super::*;

#[test]
fn a_counter_counts() {
    let (_server, mut client, instance, canister) = with_a_canister();
    assert_eq!(canister.to_text(), "lxzze-o7777-77777-aaaaa-cai");
    assert_eq!(
        client.reply(instance, &call(canister, "write", b"ab")),
        b"\x01\0\0\0ab"
    );
    let path = format!("/instances/{instance}/read/query");
    let read = client.ask(&path, &call(canister, "read", b""));
    assert_eq!(read, json!({"Ok": "AQAAAA=="}));
}

#[test]
fn rejects_have_names_and_texts() {
    let (_server, mut client, instance, canister) = with_a_canister();
    let mut rejected =
        |method: &str| client.update(instance, &call(canister, method, b""))["Err"].clone();
    let trap = rejected("boom");
    assert_eq!(trap["reject_code"], "CanisterError");
    assert_eq!(trap["error_code"], "CanisterCalledTrap");
    assert_eq!(trap["certified"], true);
    let message = trap["reject_message"].as_str().unwrap();
    assert!(
        message.starts_with("Error from Canister lxzze-o7777-77777-aaaaa-cai: Canister called `ic0.trap` with message: 'boom'"),
        "{message}"
    );
    assert_eq!(
        rejected("refuse"),
        json!({"reject_code": "CanisterReject", "reject_message": "no", "error_code": "CanisterRejectedMessage", "certified": true})
    );
    let path = format!("/instances/{instance}/read/query");
    let query = client.ask(&path, &call(canister, "query_boom", b""))["Err"].clone();
    assert_eq!(query["error_code"], "CanisterCalledTrap");
    assert_eq!(query["certified"], false);
}

#[test]
fn two_submitted_calls_run_in_the_same_round() {
    let (_server, mut client, instance, canister) = with_a_canister();
    let path = format!("/instances/{instance}");
    let submit = format!("{path}/update/submit_ingress_message");
    let first = client.ask(&submit, &call(canister, "write", b""))["Ok"].clone();
    let second = client.ask(&submit, &call(canister, "write", b""))["Ok"].clone();
    assert_ne!(first, second, "equal calls have different names");
    let status = |client: &mut Client, id: &Value, caller: &Value| {
        let question = json!({"raw_message_id": id, "raw_caller": caller});
        client.post(&format!("{path}/read/ingress_status"), &question)
    };
    assert_eq!(
        status(&mut client, &first, &Value::Null).json(),
        Value::Null
    );
    let stranger = json!({"principal_id": "AQ=="});
    assert_eq!(status(&mut client, &first, &stranger).json(), Value::Null);
    let waited = client.ask(&format!("{path}/update/await_ingress_message"), &first);
    assert_eq!(waited, json!({"Ok": "AQAAAA=="}));
    let known = status(&mut client, &second, &json!({"principal_id": "BA=="}));
    assert_eq!(known.json(), json!({"Ok": "AgAAAA=="}));
    let refused = status(&mut client, &second, &stranger);
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.message(),
        "The user tries to access Request ID not signed by the caller."
    );
}

#[test]
fn cycles_and_controllers_and_subnets_are_told() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let canister = client.create(instance, &json!("None"));
    let path = format!("/instances/{instance}");
    let about = json!({"canister_id": id_text(canister)});
    let cycles = client.ask(&format!("{path}/read/get_cycles"), &about);
    assert_eq!(cycles, json!({"cycles": 1_000_000_000_000_000_u64}));
    let more = json!({"canister_id": id_text(canister), "amount": 5});
    let cycles = client.ask(&format!("{path}/update/add_cycles"), &more);
    assert_eq!(cycles, json!({"cycles": 1_000_000_000_000_005_u64}));
    let controllers = client.ask(&format!("{path}/read/get_controllers"), &about);
    assert_eq!(controllers, json!([{"principal_id": "BA=="}]));
    let subnet = client.ask(&format!("{path}/read/get_subnet"), &about);
    assert_eq!(bytes(&subnet["subnet_id"]).map(|id| id.len()), Some(29));
    let nobody = json!({"canister_id": "AAAAAAAAAAABAQ=="});
    let subnet = client.ask(&format!("{path}/read/get_subnet"), &nobody);
    assert_eq!(subnet, Value::Null);
}

#[test]
fn stable_memory_is_replaced_by_blobs() {
    let (_server, mut client, instance, canister) = with_a_canister();
    let path = format!("/instances/{instance}");
    let about = json!({"canister_id": id_text(canister)});
    let memory = |client: &mut Client| {
        let blob = client.ask(&format!("{path}/read/get_stable_memory"), &about);
        bytes(&blob["blob"]).expect("bytes")
    };
    assert_eq!(memory(&mut client), b"");
    let mut compressed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    compressed.write_all(b"twenty bytes of text").unwrap();
    let compressed = compressed.finish().unwrap();
    for (body, headers) in [
        (&b"twenty bytes of text"[..], &[][..]),
        (&compressed[..], &[("content-encoding", "gzip")][..]),
    ] {
        let name = client.send("POST", "/blobstore", headers, body);
        assert_eq!(
            name.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        let name = String::from_utf8(name.body).unwrap();
        let stored = client.get(&format!("/blobstore/{name}"));
        assert_eq!(stored.body, body);
        assert_eq!(
            stored.header("content-encoding"),
            headers.first().map(|it| it.1)
        );
        let blob = text(&hex::decode(name).unwrap());
        let set = json!({"canister_id": id_text(canister), "blob_id": blob});
        client.ask(&format!("{path}/update/set_stable_memory"), &set);
        let content = memory(&mut client);
        assert_eq!(content.len(), 65_536);
        assert_eq!(&content[..20], b"twenty bytes of text");
    }
}

#[test]
fn subnets_call_each_other() {
    let server = Server::start();
    let mut client = server.client();
    let set = json!({"system": [], "verified_application": [], "application": [
        {"state_config": "New", "instruction_config": "Production"},
        {"state_config": "New", "instruction_config": "Production"},
    ]});
    let (instance, topology) = client.instance(set);
    let configs = topology["subnet_configs"].as_object().unwrap();
    let mut canisters = Vec::new();
    for subnet in configs.keys() {
        canisters.push(client.canister(instance, &on_subnet(subnet)));
    }
    assert_ne!(canisters[0].as_slice()[5], canisters[1].as_slice()[5]);
    let argument = [canisters[1].as_slice(), b"hello"].concat();
    for count in 1..4 {
        let reply = client.reply(instance, &call(canisters[0], "call", &argument));
        assert_eq!(reply, [&[count, 0, 0, 0], &b"hello"[..]].concat());
    }
    // 2,097,152 bytes with the name of the method are the most.
    let large = |client: &mut Client, more: &[u8]| {
        let argument = [canisters[1].as_slice(), more].concat();
        client.update(instance, &call(canisters[0], "call_large", &argument))
    };
    assert!(large(&mut client, b"").get("Ok").is_some());
    let refused = large(&mut client, b"x")["Err"].clone();
    let message = refused["reject_message"].as_str().unwrap();
    assert!(
        message
            .ends_with("attempted to send a message of size 2097153 exceeding the limit 2097152"),
        "{message}"
    );
}

#[test]
fn composite_queries_ask_other_canisters() {
    const ASKS: &str = r#"(module
        (import "ic0" "msg_arg_data_copy" (func $copy (param i32 i32 i32)))
        (import "ic0" "msg_arg_data_size" (func $size (result i32)))
        (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "call_new" (func $new (param i32 i32 i32 i32 i32 i32 i32 i32)))
        (import "ic0" "call_perform" (func $perform (result i32)))
        (table funcref (elem $told $not_told))
        (memory 1) (data (i32.const 100) "read")
        (func (export "canister_composite_query ask")
            (call $copy (i32.const 0) (i32.const 0) (call $size))
            (call $new (i32.const 0) (call $size) (i32.const 100) (i32.const 4)
                (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0))
            (drop (call $perform)))
        (func $told (param i32)
            (call $copy (i32.const 0) (i32.const 0) (call $size))
            (call $append (i32.const 0) (call $size)) (call $reply))
        (func $not_told (param i32) unreachable))"#;
    let (_server, mut client, instance, canister) = with_a_canister();
    let asks = client.canister_of(instance, &json!("None"), ASKS);
    client.reply(instance, &call(canister, "write", b""));
    let query = call(asks, "ask", canister.as_slice());
    let told = client.ask(&format!("/instances/{instance}/read/query"), &query);
    assert_eq!(told, json!({"Ok": "AQAAAA=="}));
    let update = client.update(instance, &query)["Err"].clone();
    assert_eq!(update["error_code"], "CompositeQueryCalledInReplicatedMode");
}

/// since-october-2025.md 3.1: what a call tells about its sender is taken as it comes.
#[test]
fn canisters_see_what_a_call_tells_about_its_sender() {
    const TELLS: &str = r#"(module
      (import "ic0" "msg_caller_info_data_size" (func $size (result i32)))
      (import "ic0" "msg_caller_info_data_copy" (func $copy (param i32 i32 i32)))
      (import "ic0" "msg_caller_info_signer_size" (func $signer_size (result i32)))
      (import "ic0" "msg_caller_info_signer_copy" (func $signer_copy (param i32 i32 i32)))
      (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
      (import "ic0" "msg_reply" (func $reply))
      (memory (export "memory") 1)
      (func $tell
        (call $copy (i32.const 0) (i32.const 0) (call $size))
        (call $append (i32.const 0) (call $size))
        (call $signer_copy (i32.const 0) (i32.const 0) (call $signer_size))
        (call $append (i32.const 0) (call $signer_size))
        (call $reply))
      (export "canister_update tell" (func $tell))
      (export "canister_query ask" (func $tell)))"#;
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let canister = client.canister_of(instance, &json!("None"), TELLS);
    let mut message = call(canister, "tell", b"");
    assert_eq!(client.reply(instance, &message), b"");
    message["sender_info"] = json!({"info": text(b"verified"), "signer": text(&[7, 8])});
    assert_eq!(client.reply(instance, &message), b"verified\x07\x08");
    message["method"] = json!("ask");
    let asked = client.ask(&format!("/instances/{instance}/read/query"), &message);
    assert_eq!(bytes(&asked["Ok"]), Some(b"verified\x07\x08".to_vec()));
    message["sender_info"]["signer"] = json!(text(&[1; 30]));
    let refused = client.post(&format!("/instances/{instance}/read/query"), &message);
    assert_eq!(refused.status, 400, "no principal has 30 bytes");
}
