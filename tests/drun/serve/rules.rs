//! What happens behind the wire, rule by rule (pocket-ic-api.md 3): rounds, routes, money, texts.

use super::*;
use candid::CandidType;
use drun_ic::management::types::chunks::UploadChunkArgs;

#[derive(CandidType)]
struct Canister {
    canister_id: Principal,
}

#[derive(CandidType)]
struct Freeze {
    freezing_threshold: Option<candid::Nat>,
}

#[derive(CandidType)]
struct Update {
    canister_id: Principal,
    settings: Freeze,
}

fn about(canister_id: Principal) -> Vec<u8> {
    Encode!(&Canister { canister_id }).expect("it encodes")
}

/// Creates with an amount and an id, at a place. Returns the result.
fn create(
    client: &mut Client,
    amount: Option<u64>,
    specified: Option<Principal>,
    effective: &Value,
) -> Value {
    let argument = Encode!(&ProvisionalCreateArgs::<CanisterSettings> {
        amount: amount.map(Into::into),
        settings: None,
        specified_id: specified,
        sender_canister_version: None,
    });
    let mut call = management(
        "provisional_create_canister_with_cycles",
        &argument.expect("it encodes"),
    );
    call["effective_principal"] = effective.clone();
    client.update(0, &call)
}

fn created(result: &Value) -> Principal {
    let reply = bytes(&result["Ok"]).unwrap_or_else(|| panic!("{result}"));
    Principal::from_slice(&reply[reply.len() - 10..])
}

#[test]
fn rounds_are_run_where_somebody_waits_and_nowhere_else() {
    let (_server, mut client, _, canister) = with_a_canister();
    let time = |client: &mut Client| {
        let time = client.get("/instances/0/read/get_time").json();
        time["nanos_since_epoch"].as_u64().expect("a time")
    };
    let start = time(&mut client);
    let submitted = client.ask(
        "/instances/0/update/submit_ingress_message",
        &call(canister, "write", b""),
    );
    let message = &submitted["Ok"];
    let wait = "/instances/0/update/await_ingress_message";
    let status = json!({"raw_message_id": message, "raw_caller": null});
    client.ask("/instances/0/read/query", &call(canister, "read", b""));
    client.ask("/instances/0/read/ingress_status", &status);
    assert_eq!(
        time(&mut client),
        start,
        "submitting, asking and reading run nothing"
    );
    let first = client.ask(wait, message);
    assert_eq!(time(&mut client), start + 1);
    assert_eq!(client.ask(wait, message), first);
    assert_eq!(time(&mut client), start + 1, "it has ended already");
    // By the canister, too.
    let mut by_canister = message.clone();
    by_canister["effective_principal"] = json!({"CanisterId": id_text(canister)});
    assert_eq!(client.ask(wait, &by_canister), first);
    let unknown = json!({"effective_principal": "None", "message_id": text(&[7; 32])});
    let unknown = client.post(wait, &unknown);
    assert!(
        unknown.message().ends_with(" after 100 rounds.\")"),
        "{}",
        unknown.message()
    );
    assert_eq!(time(&mut client), start + 101);
}

#[test]
fn canisters_have_the_cycles_that_their_maker_says() {
    let server = Server::start();
    let mut client = server.client();
    client.application();
    let cycles = |client: &mut Client, id: Principal| {
        let about = json!({"canister_id": id_text(id)});
        client.ask("/instances/0/read/get_cycles", &about)["cycles"].as_u64()
    };
    for (amount, expected) in [(None, 100_000_000_000_000), (Some(0), 0), (Some(7), 7)] {
        let id = created(&create(&mut client, amount, None, &json!("None")));
        assert_eq!(cycles(&mut client, id), Some(expected));
    }
    let poor = created(&create(&mut client, Some(0), None, &json!("None")));
    let argument = Encode!(&InstallCodeArgs {
        mode: CanisterInstallMode::Install,
        canister_id: poor,
        wasm_module: wat::parse_str("(module)").expect("valid text"),
        arg: Vec::new(),
        sender_canister_version: None,
    });
    let refused = client.update(
        0,
        &management("install_code", &argument.expect("it encodes")),
    );
    let said = refused["Err"]["reject_message"]
        .as_str()
        .expect("a text")
        .to_owned();
    assert!(said.contains("is out of cycles"), "{said}");
}

#[test]
fn ids_are_given_where_they_belong() {
    let server = Server::start();
    let mut client = server.client();
    let (_, topology) = client.instance(subnets(&["nns", "sns", "application"]));
    let of_kind = |kind: &str| {
        let mut all = topology["subnet_configs"]
            .as_object()
            .expect("a map")
            .iter();
        let (id, _) = all.find(|(_, it)| it["subnet_kind"] == kind).expect(kind);
        on_subnet(id)
    };
    let id = |text: &str| Principal::from_text(text).expect("an id");
    let nns = id("rwlgt-iiaaa-aaaaa-aaaaa-cai");
    let made = create(&mut client, None, Some(nns), &json!("None"));
    assert_eq!(created(&made), nns);
    let again = create(&mut client, None, Some(nns), &of_kind("NNS"))["Err"].clone();
    assert_eq!(again["error_code"], "CanisterAlreadyInstalled");
    let said = again["reject_message"].as_str().expect("a text");
    assert!(
        said.starts_with("Canister rwlgt-iiaaa-aaaaa-aaaaa-cai is already installed"),
        "{said}"
    );
    let sns = id("ybpmr-kqaaa-aaaaq-aaaaa-cai");
    let elsewhere = create(&mut client, None, Some(sns), &of_kind("NNS"))["Err"].clone();
    assert_eq!(elsewhere["reject_code"], "CanisterReject");
    let said = elsewhere["reject_message"].as_str().expect("a text");
    let expected = "Unsuccessful validation of specified ID: Specified CanisterId ybpmr-kqaaa-aaaaq-aaaaa-cai is not hosted by subnet ";
    assert!(said.starts_with(expected), "{said}");
    // An id that is a hint names the subnet, not the canister.
    let hinted = created(&create(
        &mut client,
        None,
        None,
        &json!({"CanisterId": id_text(sns)}),
    ));
    assert_ne!(hinted, sns);
    let read = "/instances/0/read/get_subnet";
    let about = json!({"canister_id": id_text(hinted)});
    let expected = of_kind("SNS")["SubnetId"].clone();
    assert_eq!(client.ask(read, &about), json!({"subnet_id": expected}));
}

#[test]
fn what_is_deleted_is_nowhere() {
    let (_server, mut client, instance, canister) = with_a_canister();
    for method in ["stop_canister", "delete_canister"] {
        client.reply(instance, &management(method, &about(canister)));
    }
    let wish = json!({"canister_id": id_text(canister)});
    assert_eq!(
        client.ask("/instances/0/read/get_subnet", &wish),
        Value::Null
    );
    for endpoint in ["get_cycles", "get_controllers", "get_stable_memory"] {
        let gone = client.post(&format!("/instances/0/read/{endpoint}"), &wish);
        let said = gone.message();
        assert_eq!(gone.status, 400);
        assert!(
            said.starts_with("CanisterNotFound(CanisterId("),
            "{endpoint}: {said}"
        );
    }
}

#[test]
fn refusals_have_their_codes_and_words() {
    const INSPECTS: &str = r#"(module
        (import "ic0" "accept_message" (func $accept))
        (import "ic0" "msg_method_name_size" (func $size (result i32)))
        (import "ic0" "trap" (func $trap (param i32 i32)))
        (memory 1) (data (i32.const 0) "trap in inspect message")
        (func (export "canister_inspect_message")
            (if (i32.eq (call $size) (i32.const 4)) (then (call $trap (i32.const 0) (i32.const 23))))
            (if (i32.eq (call $size) (i32.const 5)) (then (call $accept))))
        (func (export "canister_update traps")) (func (export "canister_update trap"))
        (func (export "canister_update refuse")))"#;
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let [counter, inspects, empty, stopped, frozen] = [
        client.canister(instance, &json!("None")),
        client.canister_of(instance, &json!("None"), INSPECTS),
        client.create(instance, &json!("None")),
        client.canister(instance, &json!("None")),
        client.canister(instance, &json!("None")),
    ];
    client.reply(instance, &management("stop_canister", &about(stopped)));
    let settings = Encode!(&Update {
        canister_id: frozen,
        settings: Freeze {
            freezing_threshold: Some(u64::MAX.into()),
        },
    });
    let settings = settings.expect("it encodes");
    client.reply(instance, &management("update_settings", &settings));
    let mut for_nobody = management("nosuch", b"");
    for_nobody["effective_principal"] = json!({"CanisterId": id_text(counter)});
    for (message, certified, code, words) in [
        (
            call(counter, "nosuch", b""),
            true,
            "CanisterMethodNotFound",
            "Canister has no update method 'nosuch'",
        ),
        (
            call(inspects, "trap", b""),
            false,
            "CanisterCalledTrap",
            "trap in inspect message",
        ),
        (
            call(inspects, "refuse", b""),
            false,
            "CanisterRejectedMessage",
            "Canister rejected the message",
        ),
        (
            call(inspects, "traps", b""),
            true,
            "CanisterDidNotReply",
            "",
        ),
        (
            call(empty, "write", b""),
            false,
            "CanisterWasmModuleNotFound",
            "has no wasm module",
        ),
        (
            call(stopped, "write", b""),
            false,
            "CanisterStopped",
            "is stopped",
        ),
        (
            call(frozen, "write", b""),
            false,
            "CanisterOutOfCycles",
            "is out of cycles",
        ),
        (
            for_nobody,
            false,
            "CanisterMethodNotFound",
            "ic00 interface does not expose method nosuch",
        ),
    ] {
        let refused = client.update(instance, &message)["Err"].clone();
        let said = refused["reject_message"].as_str().expect("a text");
        assert_eq!(refused["error_code"], code, "{message}: {said}");
        assert_eq!(refused["certified"], certified, "{message}");
        assert!(said.contains(words), "{message}: {said}");
    }
    for (method, code, words) in [
        (
            "nosuch",
            "CanisterMethodNotFound",
            "Canister has no query method 'nosuch'",
        ),
        (
            "write",
            "CanisterMethodNotFound",
            "Canister has no query method 'write'",
        ),
    ] {
        let refused = client.ask("/instances/0/read/query", &call(counter, method, b""));
        let said = refused["Err"]["reject_message"].as_str().expect("a text");
        assert_eq!(refused["Err"]["error_code"], code);
        assert!(said.contains(words), "{said}");
    }
}

/// `canister_execution_rate_limiting` (2.4; metering.md 7.1): who has installed or changed too much has to wait, unless it is off.
#[test]
fn limits_of_rates_hold_unless_they_are_off() {
    // Writes to 200 MiB.
    const FILLS: &str = r#"(module
        (import "ic0" "msg_reply" (func $reply))
        (memory 3200)
        (func (export "canister_update fill")
            (memory.fill (i32.const 0) (i32.const 7) (i32.const 209715200))
            (call $reply)))"#;
    let server = Server::start();
    let mut client = server.client();
    for (setting, limited) in [
        (Value::Null, true),
        (json!("Enabled"), true),
        (json!("Disabled"), false),
    ] {
        let config = json!({"canister_execution_rate_limiting": setting});
        let wish = json!({"subnet_config_set": subnets(&["application"]), "icp_config": config});
        let made = client.post("/instances", &wish).json();
        let instance = made["Created"]["instance_id"].as_u64().expect("a number") as usize;
        let canister = client.canister_of(instance, &json!("None"), FILLS);
        let install = Encode!(&InstallCodeArgs {
            mode: CanisterInstallMode::Upgrade(None),
            canister_id: canister,
            wasm_module: wat::parse_str(FILLS).expect("valid text"),
            arg: Vec::new(),
            sender_canister_version: None,
        });
        let install = management("install_code", &install.expect("it encodes"));
        let chunk = Encode!(&UploadChunkArgs {
            canister_id: canister,
            chunk: b"chunk".to_vec(),
        });
        let chunk = management("upload_chunk", &chunk.expect("it encodes"));
        let path = format!("/instances/{instance}/update");
        let mut submit = |wish: &Value| {
            let submitted = client.ask(&format!("{path}/submit_ingress_message"), wish);
            submitted["Ok"].clone()
        };
        // Twice in the same round.
        let [first, second] = [submit(&install), submit(&install)];
        let mut refused = |message: &Value, words: &str| {
            let result = client.ask(&format!("{path}/await_ingress_message"), message);
            let said = result["Err"]["reject_message"].as_str().unwrap_or("");
            let done = result.get("Ok").is_some();
            assert!(done || said.contains(words), "{config}: {result}");
            !done
        };
        let too_much = "is rate limited because it executed too many instructions";
        assert!(!refused(&first, too_much), "{config}");
        assert_eq!(refused(&second, too_much), limited, "{config}");
        // In the next round that is forgotten.
        client.reply(instance, &install);
        client.reply(instance, &call(canister, "fill", b""));
        let result = client.update(instance, &chunk);
        let said = result["Err"]["reject_message"].as_str().unwrap_or("");
        let expected = said.contains("is heap delta rate limited");
        assert_eq!(expected, limited, "{config}: {result}");
        for _ in 0..2 {
            client.ask(&format!("{path}/tick"), &json!({}));
        }
        client.reply(instance, &chunk);
        client.send("DELETE", &format!("/instances/{instance}"), &[], b"");
    }
}

#[test]
fn logs_are_a_query_of_the_management_canister() {
    let (_server, mut client, instance, canister) = with_a_canister();
    client.reply(instance, &call(canister, "print", b""));
    let mut query = management("fetch_canister_logs", &about(canister));
    query["effective_principal"] = json!({"CanisterId": id_text(canister)});
    let logs = client.ask("/instances/0/read/query", &query);
    let logs = bytes(&logs["Ok"]).unwrap_or_else(|| panic!("{logs}"));
    assert!(logs.windows(4).any(|part| part == b"seen"));
}

#[test]
fn keys_are_where_the_table_says() {
    #[allow(non_camel_case_types)]
    #[derive(Clone, Copy, CandidType)]
    enum Curve {
        secp256k1,
        secp256r1,
    }
    #[derive(CandidType)]
    struct KeyId {
        curve: Curve,
        name: String,
    }
    #[derive(CandidType)]
    struct PublicKey {
        canister_id: Option<Principal>,
        derivation_path: Vec<serde_bytes::ByteBuf>,
        key_id: KeyId,
    }
    let server = Server::start();
    let mut client = server.client();
    let mut asked = |kinds: &[&str], curve: Curve, name: &str| {
        let (instance, topology) = client.instance(subnets(kinds));
        let mut all = topology["subnet_configs"]
            .as_object()
            .expect("a map")
            .iter();
        let (id, _) = all
            .find(|(_, it)| it["subnet_kind"] == "Application")
            .expect("one");
        let proxy = client.proxy(instance, &on_subnet(id), "ecdsa_public_key");
        let argument = Encode!(&PublicKey {
            canister_id: None,
            derivation_path: vec![],
            key_id: KeyId {
                curve,
                name: name.into(),
            },
        });
        client.update(
            instance,
            &call(proxy, "http", &argument.expect("it encodes")),
        )
    };
    for (kinds, name) in [
        (&["ii", "application"][..], "key_1"),
        (&["fiduciary", "application"], "dfx_test_key"),
        (&["test_threshold_keys", "application"], "test_key_1"),
    ] {
        for curve in [Curve::secp256k1, Curve::secp256r1] {
            let key = asked(kinds, curve, name);
            assert!(key["Ok"].is_string(), "{kinds:?} {name}: {key}");
        }
    }
    for (kinds, name, enabled) in [
        (&["application"][..], "dfx_test_key", "[]"),
        (
            &["test_threshold_keys", "application"],
            "key_1",
            "test_key_1",
        ),
    ] {
        let refused = asked(kinds, Curve::secp256k1, name);
        let said = refused["Err"]["reject_message"]
            .as_str()
            .expect("a text")
            .to_owned();
        let expected =
            format!("Requested unknown threshold key: ecdsa:Secp256k1:{name}, existing keys: ");
        assert!(said.contains(&expected) && said.contains(enabled), "{said}");
    }
}

#[test]
fn the_minting_canister_knows_no_earlier_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let module = directory.path().join("minting.wasm");
    std::fs::write(&module, wat::parse_str("(module)").expect("valid text")).expect("written");
    let given = format!("rkp4c-7iaaa-aaaaa-aaaca-cai={}", module.display());
    let server = Server::start_with(&["--system-canister", &given]);
    let mut client = server.client();
    let wish = |time: Value| {
        let features = json!({"cycles_minting": "DefaultConfig"});
        json!({"subnet_config_set": subnets(&["application"]), "icp_features": features, "initial_time": time})
    };
    let early = wish(json!({"Timestamp": {"nanos_since_epoch": 1_620_328_630_000_000_000_u64}}));
    let early = client.post("/instances", &early);
    assert_eq!(early.status, 400);
    assert_eq!(
        early.message(),
        "The initial timestamp (unix timestamp in nanoseconds) must be no earlier than 1620633601000000000 (provided 1620328630000000000)."
    );
    let made = client.post("/instances", &wish(Value::Null));
    assert_eq!(made.status, 201, "{}", made.message());
    let time = client.get("/instances/0/read/get_time").json();
    assert!(time["nanos_since_epoch"].as_u64() > Some(1_620_633_601_000_000_000));
}
