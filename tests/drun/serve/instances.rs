//! Instances, their subnets and where canisters are made (pocket-ic-api.md 2.4 and 3.1 to 3.4).

use super::*;
use drun_ic::management::types::lifecycle::CanisterIdRecord;

/// Ranges of a subnet of a kind, as texts.
fn ranges(topology: &Value, kind: &str) -> Vec<Vec<(String, String)>> {
    let id = |value: &Value| {
        let id = bytes(&value["canister_id"]).expect("an id");
        hex::encode(&id[..8])
    };
    let configs = topology["subnet_configs"].as_object().expect("subnets");
    let of_kind = configs.values().filter(|it| it["subnet_kind"] == kind);
    let mut all: Vec<Vec<_>> = of_kind
        .map(|config| {
            let ranges = config["canister_ranges"].as_array().expect("ranges");
            let pair = |range: &Value| (id(&range["start"]), id(&range["end"]));
            ranges.iter().map(pair).collect()
        })
        .collect();
    all.sort();
    all.reverse();
    all
}

/// The example of section 3.2.
#[test]
fn free_ranges_are_handed_out_downwards_by_kind() {
    let server = Server::start();
    let mut client = server.client();
    let mut set = subnets(&[
        "nns",
        "sns",
        "ii",
        "fiduciary",
        "bitcoin",
        "system",
        "system",
        "application",
        "application",
        "verified_application",
    ]);
    set["cloud_engine"] = json!([]);
    let (instance, topology) = client.instance(set);
    // Each of the ten subnets takes a nanosecond (3.5).
    let time = client.get(&format!("/instances/{instance}/read/get_time"));
    assert_eq!(time.body, br#"{"nanos_since_epoch":1620328630000000010}"#);
    let last = |kind: &str| {
        let all = ranges(&topology, kind);
        let starts = all.iter().map(|ranges| ranges.last().unwrap().0.clone());
        starts.collect::<Vec<_>>()
    };
    assert_eq!(last("NNS"), ["ffffffffffe00000"]);
    assert_eq!(last("SNS"), ["ffffffffffd00000"]);
    assert_eq!(last("II"), ["ffffffffffc00000"]);
    assert_eq!(last("Fiduciary"), ["ffffffffffb00000"]);
    assert_eq!(last("Bitcoin"), ["ffffffffffa00000"]);
    assert_eq!(last("System"), ["ffffffffff900000", "ffffffffff800000"]);
    assert_eq!(
        last("Application"),
        ["ffffffffff700000", "ffffffffff600000"]
    );
    assert_eq!(last("VerifiedApplication"), ["ffffffffff500000"]);
    assert_eq!(
        topology["default_effective_canister_id"]["canister_id"],
        text(&hex::decode("ffffffffff7000000101").unwrap())
    );
    assert_eq!(
        ranges(&topology, "NNS")[0][..2],
        [
            ("0000000000000000".into(), "0000000000000006".into()),
            ("0000000000000008".into(), "00000000000fffff".into()),
        ]
    );
    let time = client.get(&format!("/instances/{instance}/read/get_time"));
    assert_eq!(
        time.json(),
        json!({"nanos_since_epoch": 1_620_328_630_000_000_010_u64})
    );
    for config in topology["subnet_configs"].as_object().unwrap().values() {
        assert_eq!(config["cost_schedule"], "Normal");
        assert_eq!(config["subnet_seed"].as_array().map(Vec::len), Some(32));
    }
}

#[test]
fn the_same_configuration_has_the_same_ids() {
    let server = Server::start();
    let mut client = server.client();
    let (_, first) = client.instance(subnets(&["application"]));
    let (second, again) = client.instance(subnets(&["application"]));
    assert_eq!(first, again);
    let topology = client.get(&format!("/instances/{second}/_/topology"));
    assert_eq!(topology.json(), first);
    let id = first["subnet_configs"].as_object().unwrap().keys().next();
    let id = Principal::from_text(id.unwrap()).unwrap();
    let question = json!({"subnet_id": id_text(id)});
    let key = client.ask(&format!("/instances/{second}/read/pub_key"), &question);
    let key: Vec<u8> = serde_json::from_value(key).unwrap();
    assert_eq!(key.len(), 133);
    assert_eq!(Principal::self_authenticating(&key), id);
}

#[test]
fn instances_are_listed_and_deleted() {
    let server = Server::start();
    let mut client = server.client();
    for expected in 0..3 {
        assert_eq!(client.application(), expected);
    }
    assert_eq!(client.send("DELETE", "/instances/1/", &[], b"").status, 200);
    let again = client.send("DELETE", "/instances/1", &[], b"");
    assert_eq!((again.status, &again.body[..]), (200, &b""[..]));
    assert_eq!(
        client.get("/instances").json(),
        json!(["Available", "Deleted", "Available"])
    );
    assert_eq!(client.application(), 3);
}

/// Creates with an id, or with an effective one only.
fn create(
    client: &mut Client,
    instance: usize,
    specified: Option<Principal>,
    effective: &Value,
) -> Value {
    let argument = Encode!(&ProvisionalCreateArgs::<CanisterSettings> {
        amount: None,
        settings: None,
        specified_id: specified,
        sender_canister_version: None,
    });
    let mut call = management(
        "provisional_create_canister_with_cycles",
        &argument.unwrap(),
    );
    call["effective_principal"] = effective.clone();
    let path = format!("/instances/{instance}/update");
    let submitted = client.post(&format!("{path}/submit_ingress_message"), &call);
    if submitted.status != 200 {
        return json!(submitted.message());
    }
    let submitted = submitted.json();
    match submitted.get("Ok") {
        Some(id) => client.ask(&format!("{path}/await_ingress_message"), id),
        None => submitted,
    }
}

fn id(text: &str) -> Principal {
    Principal::from_text(text).unwrap()
}

#[test]
fn a_subnet_is_made_for_an_id_of_the_main_network() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    for (name, kind) in [
        ("qoznl-yiaaa-aaaar-7777q-cai", "Fiduciary"),
        ("22ajg-aqaaa-aaaap-adukq-cai", "Application"),
    ] {
        let made = create(&mut client, instance, Some(id(name)), &json!("None"));
        let reply = bytes(&made["Ok"]).unwrap_or_else(|| panic!("{made}"));
        assert!(reply.ends_with(id(name).as_slice()));
        let topology = client.get(&format!("/instances/{instance}/read/topology"));
        assert!(!ranges(&topology.json(), kind).is_empty());
    }
    let again = create(
        &mut client,
        instance,
        Some(id("qoznl-yiaaa-aaaar-7777q-cai")),
        &json!("None"),
    );
    assert_eq!(again["Err"]["error_code"], "CanisterAlreadyInstalled");
    let own = create(
        &mut client,
        instance,
        Some(id("lxzze-o7777-77777-aaaaa-cai")),
        &json!("None"),
    );
    let message = own["Err"]["reject_message"].as_str().unwrap();
    assert!(
        message.starts_with("The `specified_id` lxzze-o7777-77777-aaaaa-cai is invalid"),
        "{message}"
    );
}

#[test]
fn a_query_makes_no_subnet() {
    let (_server, mut client, instance, _) = with_a_canister();
    let id = id("22ajg-aqaaa-aaaap-adukq-cai");
    let mut query = management("provisional_create_canister_with_cycles", b"DIDL\0\0");
    query["effective_principal"] = json!({"CanisterId": id_text(id)});
    let refused = client.post(&format!("/instances/{instance}/read/query"), &query);
    assert_eq!(
        refused.message(),
        "BadIngressMessage(\"Canister 22ajg-aqaaa-aaaap-adukq-cai does not belong to any subnet.\")"
    );
    let topology = client.get(&format!("/instances/{instance}/read/topology"));
    let subnets = topology.json()["subnet_configs"]
        .as_object()
        .map(|all| all.len());
    assert_eq!(subnets, Some(1));
}

#[test]
fn ids_without_a_place_are_refused() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let wish = |id: &[u8]| json!({"CanisterId": text(id)});
    assert_eq!(
        create(&mut client, instance, None, &wish(&[4])),
        json!(
            "BadIngressMessage(\"The binary representation 04 of effective canister ID 2vxsx-fae should consist of 10 bytes.\")"
        )
    );
    let nns = id("rwlgt-iiaaa-aaaaa-aaaaa-cai");
    let refused = create(&mut client, instance, None, &wish(nns.as_slice()));
    assert!(
        refused.as_str().unwrap().starts_with("BadIngressMessage(\"The effective canister ID rwlgt-iiaaa-aaaaa-aaaaa-cai belongs to the NNS or II subnet"),
        "{refused}"
    );
    let beyond = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 1];
    let refused = create(&mut client, instance, None, &wish(&beyond));
    assert!(
        refused
            .as_str()
            .unwrap()
            .contains("does not belong to an existing subnet and it is not a mainnet canister ID."),
        "{refused}"
    );
    let subnet = json!({"SubnetId": "AQ=="});
    let refused = create(&mut client, instance, None, &subnet);
    assert!(refused.as_str().unwrap().contains("not found"), "{refused}");
    let management = create(&mut client, instance, None, &wish(&[]));
    assert!(management.get("Ok").is_some(), "{management}");
}

#[test]
fn a_fork_goes_its_own_way() {
    let (_server, mut client, instance, canister) = with_a_canister();
    client.reply(instance, &call(canister, "write", b""));
    let forked = client.send("POST", &format!("/instances/{instance}/fork"), &[], b"");
    assert_eq!(forked.status, 201);
    let fork = forked.json()["Created"]["instance_id"].as_u64().unwrap() as usize;
    for (instance, count) in [(fork, 2), (fork, 3), (instance, 2)] {
        let reply = client.reply(instance, &call(canister, "write", b""));
        assert_eq!(reply, [count, 0, 0, 0]);
    }
}

/// since-october-2025.md 2.7.
#[test]
fn administrators_of_a_subnet_manage_its_canisters() {
    let server = Server::start();
    let mut client = server.client();
    let mut set = subnets(&["application"]);
    set["application"][0]["cost_schedule"] = json!("Free");
    set["application"][0]["subnet_admins"] = json!([{"principal_id": "Bw=="}]);
    let (instance, topology) = client.instance(set);
    let canister = client.canister(instance, &json!("None"));
    let about = Encode!(&CanisterIdRecord {
        canister_id: canister
    });
    let about = about.unwrap();
    let by = |sender: &str, method: &str| {
        let mut call = management(method, &about);
        call["sender"] = json!(sender);
        call["effective_principal"] = json!({"CanisterId": id_text(canister)});
        call
    };
    for method in [
        "canister_status",
        "stop_canister",
        "start_canister",
        "uninstall_code",
        "stop_canister",
        "delete_canister",
    ] {
        let refused = client.update(instance, &by("CQ==", method));
        let code = &refused["Err"]["error_code"];
        let expected = match method {
            "canister_status" => "CanisterStatusAccessDenied",
            _ => "CanisterInvalidControllerOrSubnetAdmin",
        };
        assert_eq!(code, expected, "{method}: {refused}");
        client.reply(instance, &by("Bw==", method));
    }
    let subnet = topology["subnet_configs"].as_object().unwrap();
    let subnet = on_subnet(subnet.keys().next().unwrap());
    let mut made = management("create_canister", b"DIDL\0\0");
    made["effective_principal"] = subnet.clone();
    assert!(client.update(instance, &made).get("Err").is_some());
    made["sender"] = json!("Bw==");
    client.reply(instance, &made);
    let mut list = management("list_canisters", b"DIDL\0\0");
    list["effective_principal"] = subnet;
    let path = format!("/instances/{instance}/read/query");
    assert!(client.ask(&path, &list).get("Err").is_some());
    list["sender"] = json!("Bw==");
    assert!(client.ask(&path, &list).get("Ok").is_some());
}

#[test]
fn where_nothing_costs_anything() {
    let server = Server::start();
    let mut client = server.client();
    let mut set = subnets(&["application"]);
    set["application"][0]["cost_schedule"] = json!("Free");
    set["application"][0]["subnet_admins"] = json!([{"principal_id": "BA=="}]);
    let (instance, topology) = client.instance(set);
    let config = topology["subnet_configs"].as_object().unwrap();
    let config = config.values().next().unwrap();
    assert_eq!(config["cost_schedule"], "Free");
    assert_eq!(config["subnet_admins"], json!([{"principal_id": "BA=="}]));
    let canister = client.canister(instance, &json!("None"));
    client.reply(instance, &call(canister, "write", b""));
    let about = json!({"canister_id": id_text(canister)});
    let cycles = client.ask(&format!("/instances/{instance}/read/get_cycles"), &about);
    assert_eq!(cycles, json!({"cycles": 1_000_000_000_000_000_u64}));
}
