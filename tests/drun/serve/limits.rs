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
fn nothing_is_taken_beyond_the_limit_of_memory() {
    use super::agents::envelope;
    let server = Server::start_with(&["--max-memory", "200"]);
    let mut client = server.client();
    let instance = client.application();
    let canister = client.canister(instance, &json!("None"));
    // A blob that would be too large is not even read; the connection stays.
    let large = client.send("POST", "/blobstore", &[], &vec![7; 210 << 20]);
    assert_eq!(large.status, 400);
    assert!(large.message().contains("no more than 200 MiB are allowed"));
    // Blobs until the limit is reached.
    for seed in 0.. {
        let name = client.send("POST", "/blobstore", &[], &vec![seed; 60 << 20]);
        if name.status != 200 {
            break;
        }
        assert!(seed < 10, "there is no limit");
    }
    let mut more = 0;
    while client
        .send("POST", "/blobstore", &[], &vec![more; 900 << 10])
        .status
        == 200
    {
        more += 1;
        assert!(more < 250, "there is no limit");
    }
    let i = format!("/instances/{instance}");
    let snapshot = json!({
        "sender": {"principal_id": "BA=="}, "canister_id": {"canister_id": id_text(canister)},
        "replace_snapshot": null, "snapshot_dir": "/nonexistent",
    });
    for (path, body) in [
        (
            "/instances".to_owned(),
            json!({"subnet_config_set": subnets(&["application"])}),
        ),
        (format!("{i}/fork"), json!({})),
        (
            format!("{i}/update/submit_ingress_message"),
            call(canister, "write", b""),
        ),
        (
            format!("{i}/update/set_stable_memory"),
            json!({"canister_id": id_text(canister), "blob_id": "AA=="}),
        ),
        (format!("{i}/update/canister_snapshot_upload"), snapshot),
        ("/blobstore".to_owned(), json!({})),
    ] {
        let refused = client.post(&path, &body);
        assert_eq!(refused.status, 400, "{path}");
        let said = refused.message();
        assert!(
            said.contains("no more than 200 MiB are allowed: delete instances"),
            "{path}: {said}"
        );
    }
    let body = envelope("call", canister, "write", b"", 1);
    for version in ["v2", "v3", "v4"] {
        let path = format!("{i}/api/{version}/canister/{canister}/call");
        let refused = client.send("POST", &path, &[], &body);
        assert_eq!(refused.status, 503, "{path}");
        assert!(
            String::from_utf8_lossy(&refused.body).contains("no more than 200 MiB are allowed")
        );
    }
    // What needs nothing goes on, and an instance can be deleted.
    client.ask(&format!("{i}/update/tick"), &json!({}));
    client.ask(&format!("{i}/read/query"), &call(canister, "read", b""));
    assert_eq!(client.send("DELETE", &i, &[], b"").status, 200);
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
