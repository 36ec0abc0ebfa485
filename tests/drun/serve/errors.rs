//! What is wrong with a request, and what a server says to it (pocket-ic-api.md 2.1 to 2.8).

use super::*;

#[test]
fn every_error_has_a_status_and_a_message() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let i = format!("/instances/{instance}");
    let submit = format!("{i}/update/submit_ingress_message");
    let canister = json!({"canister_id": "AAAAAAAAAAABAQ=="});
    let empty = id_text(client.create(instance, &json!("None")));
    let gzip = [("content-encoding", "gzip")];
    let broken = client.send("POST", "/blobstore", &gzip, b"no gzip");
    let broken = text(&hex::decode(broken.body).expect("a name"));
    let blob = client.send("POST", "/blobstore", &[], b"x");
    let blob = text(&hex::decode(blob.body).expect("a name"));
    let with = |change: &dyn Fn(&mut Value)| {
        let mut call = call(Principal::anonymous(), "x", b"");
        change(&mut call);
        call
    };
    let rows: &[(&str, Value, u16, &str)] = &[
        (&submit, json!({"sender": "BA=="}), 422, "missing field"),
        (
            &submit,
            with(&|call| call["sender"] = json!("!")),
            422,
            "invalid",
        ),
        (
            &submit,
            with(&|_| ()),
            400,
            "BadIngressMessage(\"Canister 2vxsx-fae does not belong to any subnet.\")",
        ),
        (
            &submit,
            with(&|call| call["effective_principal"] = json!({"SubnetId": "AQ=="})),
            400,
            "BadIngressMessage(\"Subnet with ID ",
        ),
        (
            &submit,
            with(&|call| call["sender"] = json!(text(&[0; 30]))),
            400,
            "ConversionError { message: \"Bad sender principal\" }",
        ),
        (
            &submit,
            with(&|call| call["canister_id"] = json!(text(&[0; 30]))),
            400,
            "ConversionError { message: \"Bad canister id\" }",
        ),
        (
            &submit,
            management("start_canister", b"nonsense"),
            400,
            "BadIngressMessage(\"Error decoding candid: ",
        ),
        (
            &submit,
            with(&|call| call["effective_principal"] = json!({"SubnetId": text(&[0; 30])})),
            400,
            "ConversionError { message: \"Bad subnet id\" }",
        ),
        (
            &submit,
            with(&|call| call["effective_principal"] = json!({"CanisterId": text(&[0; 30])})),
            400,
            "ConversionError { message: \"Bad effective canister id\" }",
        ),
        (
            &submit,
            with(&|call| call["effective_principal"] = json!("Nobody")),
            422,
            "unknown variant",
        ),
        (
            &submit,
            with(&|call| {
                drop(
                    call.as_object_mut()
                        .map(|it| it.remove("effective_principal")),
                )
            }),
            422,
            "missing field `effective_principal`",
        ),
        (
            &format!("{i}/read/query"),
            with(&|_| ()),
            400,
            "BadIngressMessage(\"Canister 2vxsx-fae does not belong to any subnet.\")",
        ),
        (
            &format!("{i}/read/get_stable_memory"),
            json!({"canister_id": empty}),
            400,
            "CanisterIsEmpty(CanisterId(",
        ),
        (
            &format!("{i}/update/set_stable_memory"),
            json!({"canister_id": empty, "blob_id": blob}),
            400,
            "CanisterIsEmpty(CanisterId(",
        ),
        (
            &format!("{i}/update/set_stable_memory"),
            json!({"canister_id": empty, "blob_id": broken}),
            400,
            "ConversionError { message: \"Decompression failed\" }",
        ),
        (
            &format!("{i}/update/set_stable_memory"),
            json!({"canister_id": "AAAAAAAAAAABAQ==", "blob_id": blob}),
            400,
            "CanisterNotFound(CanisterId(",
        ),
        (
            &format!("{i}/update/inject_fault"),
            canister.clone(),
            400,
            "CanisterNotFound(CanisterId(",
        ),
        (
            &format!("{i}/read/get_cycles"),
            json!({"canister_id": text(&[0; 30])}),
            400,
            "ConversionError { message: \"Bad canister id\" }",
        ),
        (
            &format!("{i}/read/pub_key"),
            json!({"subnet_id": text(&[0; 30])}),
            400,
            "ConversionError { message: \"Bad subnet id\" }",
        ),
        (
            &format!("{i}/update/add_cycles"),
            json!({"canister_id": empty, "amount": -1}),
            400,
            "number out of range",
        ),
        (
            &format!("{i}/update/add_cycles"),
            json!({"canister_id": empty, "amount": 1e21}),
            400,
            "Failed to parse the request body as JSON",
        ),
        (
            &format!("{i}/update/set_time"),
            json!({"nanos_since_epoch": 5}),
            400,
            "SettingTimeIntoPast((",
        ),
        (
            &format!("{i}/update/set_certified_time"),
            json!({"nanos_since_epoch": 5}),
            400,
            "SettingTimeIntoPast((",
        ),
        (
            &format!("{i}/update/await_ingress_message"),
            json!({"effective_principal": "None", "message_id": "AQ=="}),
            400,
            "ConversionError { message: \"Bad message id\" }",
        ),
        (
            &format!("{i}/update/await_ingress_message"),
            json!({"effective_principal": "None", "message_id": text(&[7; 32])}),
            400,
            "BadIngressMessage(\"Failed to answer to ingress 0x0707",
        ),
        (
            &format!("{i}/read/get_cycles"),
            canister.clone(),
            400,
            "CanisterNotFound(CanisterId(rwlgt-iiaaa-aaaaa-aaaaa-cai))",
        ),
        (
            &format!("{i}/read/get_controllers"),
            canister.clone(),
            400,
            "CanisterNotFound(CanisterId(",
        ),
        (
            &format!("{i}/read/get_stable_memory"),
            canister.clone(),
            400,
            "CanisterNotFound(CanisterId(",
        ),
        (
            &format!("{i}/update/add_cycles"),
            json!({"canister_id": "AAAAAAAAAAABAQ==", "amount": 1}),
            400,
            "CanisterNotFound(CanisterId(",
        ),
        (
            &format!("{i}/update/set_stable_memory"),
            json!({"canister_id": "AAAAAAAAAAABAQ==", "blob_id": "AQ=="}),
            400,
            "ConversionError { message: \"Bad blob id\" }",
        ),
        (
            &format!("{i}/read/pub_key"),
            json!({"subnet_id": "AQ=="}),
            400,
            "SubnetNotFound(",
        ),
        (
            &format!("{i}/update/tick"),
            json!({"blockmakers": [{"subnet": {"subnet_id": "AQ=="}, "blockmaker": {"node_id": "AQ=="}, "failed_blockmakers": []}]}),
            400,
            "SubnetNotFound(",
        ),
        (
            &format!("{i}/nosuch"),
            json!({}),
            404,
            "there is nothing at",
        ),
        ("/instances/", json!({}), 404, "there is nothing at"),
        ("/instances/x/update/tick", json!({}), 400, "Invalid URL"),
        (
            "/instances/99/update/tick",
            json!({}),
            400,
            "UpdateError { message: \"Instance not found\" }",
        ),
        (
            "/instances",
            json!({"subnet_config_set": subnets(&[])}),
            400,
            "Subnet config failed to validate: \"ExtendedSubnetConfigSet must contain at least one subnet\"",
        ),
        (
            "/instances",
            json!({"subnet_config_set": {"application": []}}),
            422,
            "missing field",
        ),
        (
            "/instances",
            json!({"subnet_config_set": subnets(&["application"]), "log_level": "loud"}),
            400,
            "Failed to parse log level: ()",
        ),
        (
            "/instances",
            json!({"subnet_config_set": subnets(&["application"]), "icp_features": {"ii": "DefaultConfig"}}),
            400,
            "The feature `ii` of `icp_features` needs",
        ),
        (
            "/instances",
            json!({"subnet_config_set": subnets(&["application"]), "bitcoind_addr": ["127.0.0.1:1"]}),
            400,
            "`bitcoind_addr` is given",
        ),
    ];
    for (path, body, status, message) in rows {
        let answer = client.post(path, body);
        assert_eq!(
            answer.status,
            *status,
            "{path} {body}: {}",
            answer.message()
        );
        let said = answer.message();
        assert!(said.contains(message), "{path} {body}: {said}");
    }
}

#[test]
fn subnets_are_checked() {
    let server = Server::start();
    let mut client = server.client();
    let directory = tempfile::tempdir().unwrap();
    let with = |kind: &str, key: &str, value: Value| {
        let mut set = subnets(&[kind]);
        match &mut set[kind] {
            Value::Array(list) => list[0][key] = value,
            spec => spec[key] = value,
        }
        json!({"subnet_config_set": set})
    };
    let path = directory.path().to_str().unwrap();
    for (config, message) in [
        (
            with("system", "cost_schedule", json!("Free")),
            "can only have the cost schedule `Normal`",
        ),
        (
            with("application", "subnet_admins", json!([])),
            "subnet admins need the cost schedule `Free`",
        ),
        (
            with("nns", "subnet_admins", json!([])),
            "cannot have admins",
        ),
        (
            with("cloud_engine", "cost_schedule", json!("Normal")),
            "must have the cost schedule `Free`",
        ),
        (
            with(
                "application",
                "state_config",
                json!({"FromPath": "/no/such"}),
            ),
            "The path /no/such is not a (subnet state) directory: No such file or directory (os error 2)",
        ),
        (
            with("application", "state_config", json!({"FromPath": path})),
            "Provided an empty state directory at path",
        ),
        (
            with(
                "application",
                "state_config",
                json!({"FromBlobStore": "AA=="}),
            ),
            "SubnetStateConfig::FromBlobStore is not yet implemented",
        ),
    ] {
        let answer = client.post("/instances", &config);
        assert_eq!(answer.status, 400, "{config}");
        assert!(answer.message().contains(message), "{}", answer.message());
    }
}

#[test]
fn http_is_spoken_as_clients_expect_it() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let tick = format!("/instances/{instance}/update/tick");
    let status = client.get("/status");
    assert_eq!((status.status, &status.body[..]), (200, &b""[..]));
    let preflight = client.send("OPTIONS", &tick, &[], b"");
    assert_eq!(preflight.status, 200);
    assert_eq!(
        preflight.header("access-control-allow-methods"),
        Some("GET,POST")
    );
    assert_eq!(
        preflight.header("access-control-allow-headers"),
        Some("authorization,accept,content-type")
    );
    assert_eq!(client.get("/blobstore/zz").status, 400);
    assert_eq!(
        client
            .get(&format!("/blobstore/{}", "00".repeat(32)))
            .status,
        404
    );
    let document = client.get("/api.json").json();
    assert!(document["paths"]["/instances/{id}/update/tick"]["post"].is_object());
}

#[test]
fn who_does_not_want_to_wait_gets_a_name() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let id = json!({"effective_principal": "None", "message_id": text(&[7; 32])});
    let headers = [
        ("content-type", "application/json"),
        ("processing-timeout-ms", "0"),
    ];
    let path = format!("/instances/{instance}/update/await_ingress_message");
    let started = client.send("POST", &path, &headers, id.to_string().as_bytes());
    assert_eq!(started.status, 202);
    assert_eq!(started.header("access-control-allow-origin"), Some("*"));
    let operation = started.json();
    let label = operation["state_label"].as_str().unwrap();
    let name = operation["op_id"].as_str().unwrap();
    let read = format!("/read_graph/{label}/{name}");
    let answer = loop {
        let answer = client.get(&read);
        if answer.status != 404 {
            break answer;
        }
        assert!(
            answer
                .message()
                .starts_with("state_label / op_id not found: ")
        );
        std::thread::sleep(Duration::from_millis(2));
    };
    assert_eq!(answer.status, 400);
    assert!(answer.message().contains("Failed to answer to ingress"));
    let prune = format!("/prune_graph/{label}/{name}");
    assert_eq!(client.send("DELETE", &prune, &[], b"").body, b"null");
    assert_eq!(client.send("DELETE", &prune, &[], b"").status, 404);
    // What is no operation of an instance is answered at once (2.3).
    for path in [
        "/status".to_owned(),
        "/_/dashboard".into(),
        format!("/instances/{instance}/_/dashboard"),
        format!("/instances/{instance}/api/v2/status"),
    ] {
        assert_eq!(
            client.send("GET", &path, &headers, b"").status,
            200,
            "{path}"
        );
    }
    let malformed = client.get("/read_graph/AAAA/x");
    assert_eq!(
        (malformed.status, &*malformed.message()),
        (400, "Malformed state label.")
    );
}
