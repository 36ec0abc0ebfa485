//! Every endpoint of the table of pocket-ic-api.md 2.2, row by row: what it answers, with and without a slash at the end, and what it says to
//! a wrong method, a wrong body, and an instance that is not there.

use super::*;

/// An endpoint below `/instances/{id}/`: method, path, a body that fits, and the status and part of the body of the answer.
struct Row {
    method: &'static str,
    path: &'static str,
    body: Value,
    status: u16,
    says: &'static str,
}

fn row(
    method: &'static str,
    path: &'static str,
    body: Value,
    status: u16,
    says: &'static str,
) -> Row {
    Row {
        method,
        path,
        body,
        status,
        says,
    }
}

/// The endpoints of an instance with a canister and a message to it; where nothing fits what the instance is, the refusal is told.
fn rows(canister: Principal, subnet: &Value, message: &Value) -> Vec<Row> {
    let about = json!({"canister_id": id_text(canister)});
    let time = json!({"nanos_since_epoch": 1_700_000_000_000_000_000_u64});
    let reply = json!({"CanisterHttpReply": {"status": 200, "headers": [], "body": ""}});
    let snapshot = json!({
        "sender": {"principal_id": "BA=="}, "canister_id": about,
        "snapshot_id": "AA==", "replace_snapshot": null, "snapshot_dir": "/nonexistent",
    });
    let none = Value::Null;
    vec![
        row(
            "GET",
            "read/topology",
            none.clone(),
            200,
            "\"subnet_configs\":{",
        ),
        row(
            "GET",
            "_/topology",
            none.clone(),
            200,
            "\"subnet_configs\":{",
        ),
        row(
            "GET",
            "read/get_time",
            none.clone(),
            200,
            "{\"nanos_since_epoch\":",
        ),
        row("GET", "read/get_canister_http", none, 200, "[]"),
        row(
            "POST",
            "read/query",
            call(canister, "read", b""),
            200,
            "{\"Ok\":\"",
        ),
        row(
            "POST",
            "read/get_controllers",
            about.clone(),
            200,
            "[{\"principal_id\":\"BA==\"}]",
        ),
        row(
            "POST",
            "read/get_cycles",
            about.clone(),
            200,
            "{\"cycles\":",
        ),
        row(
            "POST",
            "read/get_stable_memory",
            about.clone(),
            200,
            "{\"blob\":\"\"}",
        ),
        row(
            "POST",
            "read/get_subnet",
            about.clone(),
            200,
            "{\"subnet_id\":\"",
        ),
        row(
            "POST",
            "read/pub_key",
            json!({"subnet_id": subnet}),
            200,
            "[48,129,130,48,29,",
        ),
        row(
            "POST",
            "read/ingress_status",
            json!({"raw_message_id": message, "raw_caller": null}),
            200,
            "{\"Ok\":\"",
        ),
        row(
            "POST",
            "update/submit_ingress_message",
            call(canister, "write", b""),
            200,
            "{\"Ok\":{\"effective_principal\":{\"SubnetId\":",
        ),
        row(
            "POST",
            "update/await_ingress_message",
            message.clone(),
            200,
            "{\"Ok\":\"",
        ),
        row("POST", "update/set_time", time.clone(), 200, "null"),
        row("POST", "update/set_certified_time", time, 200, "null"),
        row(
            "POST",
            "update/add_cycles",
            json!({"canister_id": about["canister_id"], "amount": 1}),
            200,
            "{\"cycles\":",
        ),
        row(
            "POST",
            "update/set_stable_memory",
            json!({"canister_id": about["canister_id"], "blob_id": "AA=="}),
            400,
            "Bad blob id",
        ),
        row("POST", "update/tick", json!({}), 200, "null"),
        row(
            "POST",
            "update/mock_canister_http",
            json!({"subnet_id": {"subnet_id": subnet}, "request_id": 9, "response": reply, "additional_responses": []}),
            400,
            "InvalidCanisterHttpRequestId((",
        ),
        row(
            "POST",
            "update/mock_flexible_canister_http",
            json!({"subnet_id": {"subnet_id": subnet}, "request_id": 9, "responses": [reply]}),
            400,
            "InvalidCanisterHttpRequestId((",
        ),
        row(
            "POST",
            "update/delete_subnet",
            json!({"subnet_id": "AQ=="}),
            400,
            "SubnetNotFound(",
        ),
        row(
            "POST",
            "update/inject_fault",
            json!({"canister_id": about["canister_id"], "count": 0}),
            200,
            "null",
        ),
        row(
            "POST",
            "update/canister_snapshot_download",
            snapshot.clone(),
            400,
            "message",
        ),
        row(
            "POST",
            "update/canister_snapshot_upload",
            snapshot,
            400,
            "/nonexistent/metadata.json",
        ),
    ]
}

fn send(client: &mut Client, row: &Row, path: &str) -> Answer {
    match row.method {
        "GET" => client.get(path),
        _ => client.post(path, &row.body),
    }
}

#[test]
fn each_answers_what_the_table_says() {
    let server = Server::start();
    let mut client = server.client();
    let (instance, topology) = client.instance(subnets(&["application"]));
    let deleted = client.application();
    client.send("DELETE", &format!("/instances/{deleted}"), &[], b"");
    let canister = client.canister(instance, &json!("None"));
    let subnet = topology["subnet_configs"].as_object().expect("a map");
    let subnet = subnet.keys().next().expect("there is one");
    let subnet = json!(id_text(Principal::from_text(subnet).expect("an id")));
    let submit = format!("/instances/{instance}/update/submit_ingress_message");
    let message = client.ask(&submit, &call(canister, "write", b""))["Ok"].clone();
    client.ask(
        &format!("/instances/{instance}/update/await_ingress_message"),
        &message,
    );
    let document = client.get("/api.json").json();
    for row in rows(canister, &subnet, &message) {
        let path = format!("/instances/{instance}/{}", row.path);
        for path in [path.clone(), format!("{path}/")] {
            let answer = send(&mut client, &row, &path);
            let said = String::from_utf8_lossy(&answer.body);
            assert_eq!(answer.status, row.status, "{path}: {said}");
            assert!(said.contains(row.says), "{path}: {said}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
        }
        let other = match row.method {
            "GET" => client.post(&path, &json!({})),
            _ => client.get(&path),
        };
        assert_eq!(other.status, 405, "{path}: another method");
        assert_eq!(client.send("PUT", &path, &[], b"").status, 405, "{path}");
        for (id, why) in [(99, "not found"), (deleted, "was deleted")] {
            let answer = send(&mut client, &row, &format!("/instances/{id}/{}", row.path));
            let expected = format!("UpdateError {{ message: \"Instance {why}\" }}");
            assert_eq!((answer.status, answer.message()), (400, expected), "{path}");
        }
        let documented = &document["paths"][format!("/instances/{{id}}/{}", row.path)];
        assert!(documented[row.method.to_lowercase()].is_object(), "{path}");
        if row.method == "GET" {
            continue;
        }
        let json = ("content-type", "application/json");
        for (header, body, status) in [
            (None, "{}", 415),
            (Some(("content-type", "text/plain")), "{}", 415),
            (Some(json), "{", 400),
            (Some(json), "", 400),
            (Some(json), "\"text\"", 422),
        ] {
            let headers: Vec<_> = header.into_iter().collect();
            let answer = client.send("POST", &path, &headers, body.as_bytes());
            assert_eq!(answer.status, status, "{path} {headers:?} {body}");
            assert!(!answer.message().is_empty());
        }
        // The type may say more.
        let charset = [("content-type", "Application/JSON; charset=utf-8")];
        let body = row.body.to_string();
        let answer = client.send("POST", &path, &charset, body.as_bytes());
        assert_eq!(answer.status, row.status, "{path}");
    }
}

#[test]
fn those_beside_the_table_have_methods_too() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    for (method, path, status) in [
        ("GET", "/status", 200),
        ("GET", "/status/", 200),
        ("POST", "/status", 405),
        ("POST", "/api.json", 405),
        ("DELETE", "/instances", 405),
        ("GET", "/instances", 200),
        ("POST", "/blobstore/", 200),
        ("GET", "/blobstore", 405),
        ("POST", "/verify_signature", 415),
        ("GET", "/verify_signature", 405),
        ("GET", "/http_gateway", 200),
        ("DELETE", "/http_gateway", 405),
        ("GET", "/http_gateway/0/stop", 405),
        ("POST", "/http_gateway/x/stop", 404),
        ("DELETE", "/read_graph/AAAAAAAAAAAAAAAAAAAAAA==/x", 405),
        ("GET", "/read_graph/AAAAAAAAAAAAAAAAAAAAAA==/x", 404),
        ("GET", "/read_graph/AAAAAAAAAAAAAAAAAAAAAA==", 404),
        ("GET", "/read_graph/!/x", 400),
        ("DELETE", "/prune_graph/!/x", 400),
        ("GET", "/", 404),
        ("GET", "/_/dashboard", 200),
        ("POST", "/_/dashboard", 405),
        ("GET", "/instances/0", 405),
        ("GET", "/instances/0/fork", 405),
        ("DELETE", "/instances/0/auto_progress", 405),
        ("GET", "/instances/0/stop_progress", 405),
        ("DELETE", "/instances/0/_/dashboard", 405),
        ("GET", "/instances/-1/read/get_time", 400),
        // Ids that never were, and ids that are no more.
        ("DELETE", "/instances/99", 400),
        ("POST", "/instances/99/fork", 400),
        ("GET", "/instances/99/auto_progress", 400),
        ("POST", "/instances/99/stop_progress", 400),
        ("GET", "/instances/99/_/dashboard", 400),
        ("GET", "/instances/99/api/v2/status", 400),
        ("GET", "/instances/0/api/v2/status/", 200),
        ("POST", "/instances/0/api/v2/status", 405),
        ("GET", "/instances/0/api/v9/status", 404),
        ("GET", "/instances/0/api/v3/canister/aaaaa-aa/query", 405),
        ("POST", "/instances/0/api/v4/canister/aaaaa-aa/query", 404),
        ("POST", "/instances/0/api/v2/subnet/aaaaa-aa/call", 404),
        ("POST", "/instances/0/api/v3/subnet/aaaaa-aa/call", 404),
        ("POST", "/instances/0/api/v2/subnet/aaaaa-aa/query", 404),
        ("POST", "/instances/0/api/v1/canister/aaaaa-aa/query", 404),
        ("POST", "/instances/0/api/v2/node/aaaaa-aa/query", 404),
        ("POST", "/instances/0/api/v3/canister/nonsense/query", 400),
        ("DELETE", "/instances/0/", 200),
        ("DELETE", "/instances/0", 200),
        ("POST", "/instances/0/stop_progress", 400),
    ] {
        let answer = client.send(method, path, &[], b"");
        assert_eq!(answer.status, status, "{method} {path}");
    }
    assert_eq!(instance, 0);
    assert_eq!(
        client.get("/api/v2/status").status,
        404,
        "no instance is left"
    );
}

#[test]
fn an_instance_that_is_busy_is_listed_so() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    // It waits for what never comes, until the server is gone.
    let body = json!({"effective_principal": "None", "message_id": text(&[7; 32])}).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("processing-timeout-ms", "0"),
        ("drun-await-rounds", "1000000000000"),
    ];
    let path = format!("/instances/{instance}/update/await_ingress_message");
    let started = client.send("POST", &path, &headers, body.as_bytes());
    assert_eq!(started.status, 202);
    let begun = Instant::now();
    loop {
        let list = client.get("/instances").json();
        let state = list[0].as_str().expect("a text");
        if state.starts_with("Busy(StateLabel(") {
            assert!(state.ends_with("), OpId(\"operation\"))"), "{state}");
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{state}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn results_of_operations_stay_until_they_are_pruned() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let timed = |client: &mut Client, patience: &str| {
        let headers = [
            ("content-type", "application/json"),
            ("processing-timeout-ms", patience),
        ];
        let path = format!("/instances/{instance}/update/tick");
        client.send("POST", &path, &headers, b"{}")
    };
    let patient = timed(&mut client, "600000");
    assert_eq!((patient.status, &patient.body[..]), (200, &b"null"[..]));
    let started = timed(&mut client, "0");
    assert_eq!(started.status, 202);
    let operation = started.json();
    let part = |name: &str| operation[name].as_str().expect("a text").to_owned();
    assert!(part("op_id").starts_with("tick_"));
    let path = format!("{}/{}", part("state_label"), part("op_id"));
    let begun = Instant::now();
    while client.get(&format!("/read_graph/{path}")).status == 404 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not end");
        std::thread::sleep(Duration::from_millis(2));
    }
    client.send("DELETE", &format!("/instances/{instance}"), &[], b"");
    // As clients paste it, and with its escapes.
    for path in [&path, &path.replace('=', "%3D")] {
        let read = client.get(&format!("/read_graph/{path}"));
        assert_eq!((read.status, &read.body[..]), (200, &b"null"[..]));
    }
    let prune = format!("/prune_graph/{path}");
    assert_eq!(client.send("DELETE", &prune, &[], b"").body, b"null");
    assert_eq!(client.get(&format!("/read_graph/{path}")).status, 404);
}
