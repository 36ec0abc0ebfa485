//! How large messages may be, how much memory the server may use, and how long it lives (pocket-ic-api.md 1.5 and 2.5, and options of ours).

use super::*;
use drun_ic::management::types::chunks::UploadChunkArgs;

/// Section 2.5 and management-canister.md 0.2: 2 MiB, on system subnets 3.5 MiB, to canisters and to the management canister.
#[test]
fn messages_have_a_size_that_depends_on_the_subnet() {
    let server = Server::start();
    let mut client = server.client();
    for (kind, max) in [("application", 2_097_152), ("system", 3_670_016)] {
        let (instance, _) = client.instance(subnets(&[kind]));
        let canister = client.canister(instance, &json!("None"));
        let submit = format!("/instances/{instance}/update/submit_ingress_message");
        let install = |bytes: usize| {
            let argument = Encode!(&InstallCodeArgs {
                mode: CanisterInstallMode::Reinstall,
                canister_id: canister,
                wasm_module: vec![0; bytes],
                arg: Vec::new(),
                sender_canister_version: None,
            });
            management("install_code", &argument.expect("it encodes"))
        };
        let ignore = |bytes: usize| call(canister, "refuse", &vec![0; bytes]);
        for (small, large) in [
            (install(max - 1000), install(max)),
            (ignore(max - 1000), ignore(max)),
        ] {
            let taken = client.post(&submit, &small);
            assert_eq!(taken.status, 200, "{kind}");
            assert!(taken.json().get("Ok").is_some(), "{}", taken.json());
            let refused = client.post(&submit, &large);
            let said = refused.message();
            assert_eq!(refused.status, 400);
            assert!(said.starts_with("BadIngressMessage(\"Request 0x"), "{said}");
            assert!(said.contains(" is too large. Message byte size "), "{said}");
            let end = format!(" is larger than the max allowed {max}.\")");
            assert!(said.ends_with(&end), "{said}");
        }
        // The limit of a chunk is another one.
        let chunk = |bytes: usize| {
            let argument = Encode!(&UploadChunkArgs {
                canister_id: canister,
                chunk: vec![7; bytes],
            });
            management("upload_chunk", &argument.expect("it encodes"))
        };
        let uploaded = client.update(instance, &chunk(1 << 20));
        assert!(uploaded.get("Ok").is_some(), "{uploaded}");
        let refused = client.update(instance, &chunk((1 << 20) + 1))["Err"].clone();
        let said = refused["reject_message"].as_str().expect("a text");
        assert!(
            said.contains("Wasm chunk size 1048577 exceeds the maximum chunk size of 1048576"),
            "{said}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_body_for_which_there_is_no_room_is_not_kept() {
    let server = Server::start_with(&["--max-memory", "60"]);
    let mut client = server.client();
    let large = client.send("POST", "/blobstore", &[], &vec![7; 80 << 20]);
    assert_eq!(large.status, 400);
    assert!(large.message().contains("no more than 60 MiB are allowed"));
    assert_eq!(client.get("/status").status, 200);
}

/// Two of these on one machine would be too much: the memory is there, and nothing of it in use.
#[cfg(target_os = "linux")]
#[test]
fn a_stable_memory_for_which_there_is_no_room_is_not_read() {
    let server = Server::start_with(&["--max-memory", "400"]);
    let mut client = server.client();
    let instance = client.application();
    let module = CANISTER.replace(
        "(call $grow (i64.const 1))",
        "(call $grow (i64.const 8192))",
    );
    assert_ne!(module, CANISTER);
    let canister = client.canister_of(instance, &json!("None"), &module);
    client.reply(instance, &call(canister, "grow", b""));
    let about = json!({"canister_id": id_text(canister)});
    let path = format!("/instances/{instance}/read/get_stable_memory");
    let refused = client.post(&path, &about);
    assert_eq!(refused.status, 400);
    let said = refused.message();
    assert!(
        said.contains("1194 MiB more are needed, and no more than 400 MiB are allowed"),
        "{said}"
    );
    // A blob that is larger than that when it is decompressed.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..512 {
        packed.write_all(&vec![0; 1 << 20]).expect("it takes it");
    }
    let packed = packed.finish().expect("it takes it");
    let headers = [("content-encoding", "GZIP")];
    let name = client.send("POST", "/blobstore", &headers, &packed).body;
    let name = hex::decode(name).expect("hex");
    let wish = json!({"canister_id": id_text(canister), "blob_id": text(&name)});
    let refused = client.post(
        &format!("/instances/{instance}/update/set_stable_memory"),
        &wish,
    );
    assert_eq!(refused.status, 400);
    let said = refused.message();
    assert!(said.contains("bytes when it is decompressed"), "{said}");
}

#[test]
fn a_request_that_has_not_ended_keeps_the_server_alive() {
    let mut server = Server::start_with(&["--ttl", "1"]);
    let mut client = server.client();
    client.application();
    let head = "POST /instances/0/update/tick HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{";
    let stream = client.stream.get_mut();
    stream.write_all(head.as_bytes()).expect("it takes it");
    std::thread::sleep(Duration::from_millis(2500));
    assert!(server.child.try_wait().expect("it was started").is_none());
    let stream = client.stream.get_mut();
    stream.write_all(b"}").expect("it takes it");
    assert_eq!(client.receive().status, 200);
    assert_eq!(server.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_hard_ttl_ends_the_server_used_or_not() {
    let mut server = Server::start_with(&["--hard-ttl", "1"]);
    let mut client = server.client();
    client.application();
    let head = "POST /instances/0/update/tick HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n";
    let stream = client.stream.get_mut();
    stream.write_all(head.as_bytes()).expect("it takes it");
    assert_eq!(server.child.wait().expect("it ends").code(), Some(0));
    assert!(!server.port_file().exists());
}
