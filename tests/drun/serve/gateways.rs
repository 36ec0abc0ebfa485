//! HTTP gateways (pocket-ic-api.md 2.8): what their makers are told, what browsers get, over HTTP and TLS, from an instance and from another
//! server.

use std::sync::Arc;

use super::*;
use candid::CandidType;
use serde_bytes::ByteBuf;

/// A module whose methods reply with these bytes.
fn answers(methods: &[(&str, Vec<u8>)]) -> String {
    let mut module = String::from(
        r#"(module (import "ic0" "msg_reply" (func $reply))
            (import "ic0" "msg_reply_data_append" (func $append (param i32 i32))) (memory 1)"#,
    );
    for (place, (name, bytes)) in methods.iter().enumerate() {
        let data: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        let (at, size) = (place * 4096, bytes.len());
        assert!(size <= 4096);
        module += &format!(
            r#"(data (i32.const {at}) "{data}")
            (func (export "canister_{name}") (call $append (i32.const {at}) (i32.const {size})) (call $reply))"#
        );
    }
    module + ")"
}

candid::define_function!(Callback : (Token) -> (Piece) query);

#[derive(CandidType, candid::Deserialize)]
struct Token {
    index: u32,
}

#[derive(CandidType, candid::Deserialize)]
struct Piece {
    body: ByteBuf,
    token: Option<Token>,
}

#[derive(CandidType)]
enum Strategy {
    Callback { callback: Callback, token: Token },
}

#[derive(CandidType, Default)]
struct Response {
    status_code: u16,
    headers: Vec<(String, String)>,
    body: ByteBuf,
    upgrade: Option<bool>,
    streaming_strategy: Option<Strategy>,
}

impl Response {
    fn of(body: &[u8]) -> Self {
        Response {
            status_code: 200,
            body: ByteBuf::from(body),
            ..Response::default()
        }
    }

    fn encoded(&self) -> Vec<u8> {
        Encode!(self).expect("it encodes")
    }
}

/// An instance with a gateway made by this wish, and the gateway's port.
fn gateway(client: &mut Client, wish: &Value) -> u16 {
    let made = client.post("/http_gateway", wish);
    assert_eq!(made.status, 201, "{}", made.message());
    made.json()["Created"]["port"].as_u64().expect("a port") as u16
}

#[test]
fn its_maker_is_told_what_is_wrong() {
    let server = Server::start();
    let mut client = server.client();
    client.application();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let closed = nobody.local_addr().expect("it is bound").port();
    drop(nobody);
    let to = json!({"PocketIcInstance": 0});
    for (wish, status, why) in [
        (
            json!({"forward_to": {"PocketIcInstance": 9}}),
            502,
            "Instance not found",
        ),
        (
            json!({"forward_to": {"Replica": format!("http://127.0.0.1:{closed}")}}),
            502,
            "error: upstream_error (Connecting to 127.0.0.1 failed: ",
        ),
        (
            json!({"forward_to": {"Replica": format!("http://127.0.0.1:{}/nosuch", server.port)}}),
            502,
            "error: upstream_error (",
        ),
        (
            json!({"forward_to": to, "ip_addr": "x"}),
            502,
            "Failed to parse \"x\" as an IP address",
        ),
        (
            json!({"forward_to": to, "https_config": {"cert_path": "/x", "key_path": "/y"}}),
            502,
            "TLS config could not be created: /x: ",
        ),
        (json!({"forward_to": null}), 502, "`forward_to` is missing"),
        (
            json!({"forward_to": {"Nowhere": 1}}),
            422,
            "unknown variant",
        ),
    ] {
        let answer = client.post("/http_gateway", &wish);
        assert_eq!(answer.status, status, "{wish}");
        let told = answer.json();
        assert_eq!(told.get("Error").is_some(), status == 502, "{told}");
        assert!(
            answer.message().contains(why),
            "{wish}: {}",
            answer.message()
        );
    }
    assert_eq!(client.get("/http_gateway").json(), json!([]));
}

#[test]
fn its_port_is_free_when_it_has_been_stopped() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let mut wish = json!({"forward_to": {"PocketIcInstance": instance}});
    for _ in 0..200 {
        let made = client.post("/http_gateway", &wish);
        assert_eq!(made.status, 201, "{}", made.message());
        let made = made.json()["Created"].clone();
        let port = made["port"].as_u64().expect("a port");
        wish["port"] = json!(port);
        let mut gateway = Client::new(port as u16);
        assert_eq!(gateway.get("/_/topology").status, 200);
        let stop = format!("/http_gateway/{}/stop", made["instance_id"]);
        assert_eq!(client.send("POST", &stop, &[], b"").status, 200);
    }
}

#[test]
fn it_goes_with_its_instance_and_is_told_of_until_then() {
    let server = Server::start();
    let mut client = server.client();
    client.application();
    let wish =
        json!({"forward_to": {"PocketIcInstance": 0}, "domains": ["localhost", "example.test"]});
    let ports = [(); 2].map(|()| gateway(&mut client, &wish));
    let list = client.get("/http_gateway").json();
    for (id, port) in ports.into_iter().enumerate() {
        assert_eq!(
            list[id],
            json!({
                "instance_id": id, "port": port, "forward_to": {"PocketIcInstance": 0},
                "domains": ["localhost", "example.test"], "https_config": null,
            })
        );
    }
    client.send("DELETE", "/instances/0", &[], b"");
    assert_eq!(client.get("/http_gateway").json(), json!([]));
    assert_eq!(client.post("/http_gateway", &wish).status, 502);
}

#[test]
fn answers_are_upgraded_and_streamed_and_found_by_domains() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let canister = client.create(instance, &json!("None"));
    let upgraded = Response {
        upgrade: Some(true),
        ..Response::of(b"")
    };
    let streamed = Response {
        streaming_strategy: Some(Strategy::Callback {
            callback: Callback(candid::Func {
                principal: canister,
                method: "more".into(),
            }),
            token: Token { index: 1 },
        }),
        ..Response::of(b"first, ")
    };
    let last = Encode!(&Piece {
        body: ByteBuf::from(b"last"),
        token: None,
    });
    let module = answers(&[
        ("query http_request", upgraded.encoded()),
        ("update http_request_update", streamed.encoded()),
        ("query more", last.expect("it encodes")),
    ]);
    let canister_of = client.canister_of(instance, &json!("None"), &module);
    // The callback names the first canister, which has the same code.
    let argument = Encode!(&InstallCodeArgs {
        mode: CanisterInstallMode::Install,
        canister_id: canister,
        wasm_module: wat::parse_str(&module).expect("valid text"),
        arg: Vec::new(),
        sender_canister_version: None,
    });
    client.reply(
        instance,
        &management("install_code", &argument.expect("it encodes")),
    );
    let directory = tempfile::tempdir().expect("a directory");
    let domains = directory.path().join("domains.txt");
    let wish = json!({"forward_to": {"PocketIcInstance": instance}, "domain_custom_provider_local_file": domains});
    let port = gateway(&mut client, &wish);
    let ask = |host: &str, path: &str, headers: &[(&str, &str)]| {
        let answer = Client::new(port).send_to(host, "GET", path, headers, b"");
        (answer.status, String::from_utf8(answer.body).expect("text"))
    };
    let whole = (200, "first, last".to_owned());
    let query = format!("/?canisterId={canister_of}");
    let referer = format!("http://localhost:{port}{query}");
    assert_eq!(
        ask(&format!("{canister_of}.localhost:{port}"), "/", &[]),
        whole
    );
    assert_eq!(ask("localhost", &query, &[]), whole);
    assert_eq!(
        ask("localhost", "/script.js", &[("referer", &referer)]),
        whole
    );
    let unknown = ask("app.example.test:8000", "/", &[]);
    assert_eq!(unknown, (400, "400 - canister id not resolved".to_owned()));
    std::fs::write(&domains, format!("app.example.test:{canister}\n")).expect("written");
    assert_eq!(ask("app.example.test:8000", "/", &[]), whole);
    let without_code = client.create(instance, &json!("None"));
    let (status, said) = ask(&format!("{without_code}.localhost"), "/", &[]);
    assert_eq!(status, 503);
    assert!(said.contains("IC0537"), "{said}");
}

#[test]
fn an_answer_that_is_none_in_http_is_an_error_of_the_upstream() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let port = gateway(
        &mut client,
        &json!({"forward_to": {"PocketIcInstance": instance}}),
    );
    let with = |status_code, header: (&str, &str)| Response {
        status_code,
        headers: vec![(header.0.into(), header.1.into())],
        ..Response::of(b"x")
    };
    for (response, why) in [
        (with(0, ("a", "b")), "the status 0"),
        (with(101, ("a", "b")), "the status 101"),
        (with(1000, ("a", "b")), "the status 1000"),
        (with(200, ("a b", "c")), "a header that is none, \"a b\""),
        (with(200, ("a", "b\nc: d")), "a header that is none, \"a\""),
    ] {
        let module = answers(&[("query http_request", response.encoded())]);
        let canister = client.canister_of(instance, &json!("None"), &module);
        let host = format!("{canister}.raw.localhost");
        let answer = Client::new(port).send_to(&host, "GET", "/", &[], b"");
        assert_eq!(answer.status, 503, "{why}");
        let said = String::from_utf8(answer.body).expect("text");
        assert!(said.starts_with("error: ") && said.contains(why), "{said}");
    }
}

#[test]
fn an_answer_without_end_is_not_cut_off() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let canister = client.create(instance, &json!("None"));
    let strategy = || Strategy::Callback {
        callback: Callback(candid::Func {
            principal: canister,
            method: "more".into(),
        }),
        token: Token { index: 1 },
    };
    let endless = Response {
        streaming_strategy: Some(strategy()),
        ..Response::of(b"")
    };
    let piece = Encode!(&Piece {
        body: ByteBuf::from(b""),
        token: Some(Token { index: 1 }),
    });
    let module = answers(&[
        ("query http_request", endless.encoded()),
        ("query more", piece.expect("it encodes")),
    ]);
    let argument = Encode!(&InstallCodeArgs {
        mode: CanisterInstallMode::Install,
        canister_id: canister,
        wasm_module: wat::parse_str(&module).expect("valid text"),
        arg: Vec::new(),
        sender_canister_version: None,
    });
    client.reply(
        instance,
        &management("install_code", &argument.expect("it encodes")),
    );
    let port = gateway(
        &mut client,
        &json!({"forward_to": {"PocketIcInstance": instance}}),
    );
    let host = format!("{canister}.raw.localhost");
    let answer = Client::new(port).send_to(&host, "GET", "/", &[], b"");
    assert_eq!(answer.status, 503);
    assert_eq!(
        String::from_utf8(answer.body).expect("text"),
        "error: the answer of the canister has more than 10000 pieces"
    );
}

#[test]
fn it_speaks_tls_with_the_certificate_that_it_is_given() {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
    let file = |name: &str| format!("{}/testdata/tls/{name}", env!("CARGO_MANIFEST_DIR"));
    let server = Server::start();
    let mut client = server.client();
    client.application();
    let config = json!({"cert_path": file("certificate.pem"), "key_path": file("key.pem")});
    let wish = json!({"forward_to": {"PocketIcInstance": 0}, "https_config": config});
    let port = gateway(&mut client, &wish);
    assert_eq!(
        client.get("/http_gateway").json()[0]["https_config"],
        config
    );
    let mut roots = rustls::RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(file("certificate.pem")).expect("it is there");
    roots.add(certificate).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("there are some")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let session = rustls::ClientConnection::new(Arc::new(tls), name).expect("a session");
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
    let mut stream = rustls::StreamOwned::new(session, stream);
    let request = "GET /api/v2/status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it takes it");
    let mut answer = Vec::new();
    // Some end without a word.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    // Who speaks without TLS is not answered, and disturbs nobody.
    let mut plain = TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
    plain.write_all(request.as_bytes()).expect("it takes it");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"));
    // A key that is not that of the certificate.
    let wrong = json!({"cert_path": file("certificate.pem"), "key_path": file("certificate.pem")});
    let refused = client.post(
        "/http_gateway",
        &json!({"forward_to": {"PocketIcInstance": 0}, "https_config": wrong}),
    );
    assert_eq!(refused.status, 502);
    assert!(
        refused
            .message()
            .starts_with("TLS config could not be created: ")
    );
}

#[test]
fn it_asks_the_canisters_of_another_server() {
    let server = Server::start();
    let mut client = server.client();
    let live = json!({"AutoProgress": {"artificial_delay_ms": null}});
    let made = client.post(
        "/instances",
        &json!({"subnet_config_set": subnets(&["application"]), "initial_time": live}),
    );
    assert_eq!(made.status, 201);
    let upgraded = Response {
        upgrade: Some(true),
        ..Response::of(b"")
    };
    let module = answers(&[
        ("query http_request", upgraded.encoded()),
        (
            "update http_request_update",
            Response::of(b"from afar").encoded(),
        ),
    ]);
    let canister = client.canister_of(0, &json!("None"), &module);
    let plain = answers(&[("query http_request", Response::of(b"as it is").encoded())]);
    let raw = client.canister_of(0, &json!("None"), &plain);
    let replica = format!("http://127.0.0.1:{}/instances/0", server.port);
    let other = Server::start();
    let mut maker = other.client();
    let wish = json!({"forward_to": {"Replica": replica}});
    let port = gateway(&mut maker, &wish);
    assert_eq!(
        maker.get("/http_gateway").json()[0]["forward_to"],
        json!({"Replica": replica})
    );
    let ask = |host: String| {
        let answer = Client::new(port).send_to(&host, "GET", "/", &[], b"");
        (answer.status, String::from_utf8(answer.body).expect("text"))
    };
    assert_eq!(
        ask(format!("{canister}.localhost")),
        (200, "from afar".into())
    );
    assert_eq!(
        ask(format!("{raw}.raw.localhost")),
        (200, "as it is".into())
    );
    let (status, said) = ask(format!("{raw}.localhost"));
    assert_eq!(status, 503, "it is not certified: {said}");
    let nobody = ask("rwlgt-iiaaa-aaaaa-aaaaa-cai.localhost".into());
    assert_eq!(nobody, (404, "404 - canister not found".into()));
    let status = Client::new(port).get("/api/v2/status");
    assert_eq!(status.body, client.get("/instances/0/api/v2/status").body);
    client.send("DELETE", "/instances/0", &[], b"");
    let (status, said) = ask(format!("{canister}.localhost"));
    assert_eq!(status, 503);
    assert!(said.starts_with("error: upstream_error ("), "{said}");
}
