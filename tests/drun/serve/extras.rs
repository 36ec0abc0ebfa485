//! What a PocketIC server has beside the everyday, and what only ours has: gateways, the dashboard, faults, many clients.

use super::*;

#[test]
fn a_gateway_listens_until_it_is_stopped() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let wish = json!({"forward_to": {"PocketIcInstance": instance}});
    let made = client.post("/http_gateway", &wish);
    assert_eq!(made.status, 201);
    let port = made.json()["Created"]["port"].as_u64().expect("a port") as u16;
    let mut gateway = Client::new(port);
    let nowhere = gateway.get("/");
    assert_eq!(
        (nowhere.status, &nowhere.body[..]),
        (400, &b"400 - canister id not resolved"[..])
    );
    let nobody = gateway.get("/?canisterId=rwlgt-iiaaa-aaaaa-aaaaa-cai");
    assert_eq!(
        (nobody.status, &nobody.body[..]),
        (404, &b"404 - canister not found"[..])
    );
    assert_eq!(gateway.get("/api/v2/status").status, 200);
    assert_eq!(gateway.get("/_/topology").status, 200);
    let list = client.get("/http_gateway").json();
    assert_eq!(list[0]["port"], port);
    let taken = json!({"forward_to": {"PocketIcInstance": instance}, "port": port});
    let taken = client.post("/http_gateway", &taken);
    assert_eq!(taken.status, 502);
    let said = taken.message();
    assert!(
        said.starts_with(&format!("Failed to bind to address 127.0.0.1:{port}: ")),
        "{said}"
    );
    for id in [0, 9] {
        let stopped = client.send("POST", &format!("/http_gateway/{id}/stop"), &[], b"");
        assert_eq!((stopped.status, &stopped.body[..]), (200, &b"null"[..]));
    }
    assert_eq!(client.get("/http_gateway").json(), json!([]));
    // The connection that was kept ends too.
    let stream = gateway.stream.get_mut();
    let patience = Some(Duration::from_secs(20));
    stream.set_read_timeout(patience).expect("a socket");
    let mut rest = Vec::new();
    gateway.stream.read_to_end(&mut rest).expect("it ends");
    assert_eq!(rest, b"");
}

#[test]
fn the_dashboard_shows_canisters_messages_and_logs() {
    let (_server, mut client, instance, canister) = with_a_canister();
    client.reply(instance, &call(canister, "print", b""));
    client.update(instance, &call(canister, "boom", b""));
    let page = client.get(&format!("/instances/{instance}/_/dashboard"));
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let page = String::from_utf8(page.body).expect("text");
    for part in [
        "<h1>PocketIC Dashboard</h1>",
        &canister.to_text(),
        "update print",
        "IC0503",
        "] seen",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let all = client.get("/_/dashboard");
    let all = String::from_utf8(all.body).expect("text");
    assert!(all.contains("/instances/0/_/dashboard"), "{all}");
}

#[test]
fn calls_fail_as_a_test_wants_them_to() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let [caller, callee] = [(); 2].map(|()| client.canister(instance, &json!("None")));
    let path = format!("/instances/{instance}/update/inject_fault");
    let fault = json!({
        "canister_id": id_text(callee), "method": "write",
        "reject_code": 2, "message": "try again", "count": 2,
    });
    assert_eq!(client.ask(&path, &fault), Value::Null);
    let through = call(caller, "call", callee.as_slice());
    let failed = client.update(instance, &through);
    assert_eq!(failed["Err"]["reject_message"], "try again");
    let direct = client.update(instance, &call(callee, "write", b""));
    assert_eq!(direct["Err"]["reject_code"], "SysTransient");
    assert_eq!(direct["Err"]["reject_message"], "try again");
    assert!(client.update(instance, &through).get("Ok").is_some());
    let wrong = json!({"canister_id": id_text(callee), "reject_code": 9});
    assert_eq!(client.post(&path, &wrong).message(), "InvalidRejectCode(9)");
}

#[test]
fn two_hundred_clients_are_served_at_once() {
    let (server, _client, instance, canister) = with_a_canister();
    let port = server.port;
    let work = |_| {
        std::thread::spawn(move || {
            let mut client = Client::new(port);
            client.reply(instance, &call(canister, "write", b""))
        })
    };
    let threads: Vec<_> = (0..200).map(work).collect();
    let mut counts: Vec<u8> = threads
        .into_iter()
        .map(|thread| thread.join().expect("it ends")[0])
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=200).collect::<Vec<u8>>());
}

#[test]
fn there_are_no_more_instances_than_allowed() {
    let server = Server::start_with(&["--max-instances", "2"]);
    let mut client = server.client();
    client.application();
    client.application();
    let wish = json!({"subnet_config_set": subnets(&["application"])});
    let refused = client.post("/instances", &wish);
    assert_eq!(refused.status, 400);
    assert!(refused.message().contains("no more than 2 are allowed"));
    client.send("DELETE", "/instances/0", &[], b"");
    assert_eq!(client.application(), 2);
}
