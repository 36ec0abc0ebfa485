//! What an instance may be made with, and what its maker is told (pocket-ic-api.md 2.4 and 3.9).

use super::*;

fn spec() -> Value {
    json!({"state_config": "New", "instruction_config": "Production"})
}

/// A wish with one more field.
fn with(field: &str, value: Value) -> Value {
    let mut wish = json!({"subnet_config_set": subnets(&["application"])});
    wish[field] = value;
    wish
}

#[test]
fn what_clients_of_all_generations_send_is_taken() {
    let server = Server::start();
    let mut client = server.client();
    let icp_config = json!({
        "beta_features": "Enabled", "canister_backtrace": null, "function_name_length_limits": "Disabled",
        "canister_execution_rate_limiting": "Disabled",
    });
    let mut old = spec();
    old["dts_flag"] = json!("Enabled");
    for (field, value) in [
        ("nonmainnet_features", json!(false)),
        ("icp_config", icp_config),
        ("log_level", json!("critical")),
        ("log_level", json!("Trace")),
        ("bitcoind_addr", json!([])),
        ("dogecoind_addr", Value::Null),
        ("icp_features", json!({"registry": null, "ii": null})),
        ("incomplete_state", json!("Enabled")),
        ("incomplete_state", Value::Null),
        ("initial_time", Value::Null),
        ("http_gateway_config", Value::Null),
        ("mainnet_nns_subnet_id", json!(false)),
        ("disable_ingress_validation", json!(true)),
        ("state_dir", Value::Null),
        ("something_new", json!({"a": [1]})),
        (
            "subnet_config_set",
            json!({"system": [], "application": [old], "verified_application": []}),
        ),
        (
            "subnet_config_set",
            json!({"nns": spec(), "sns": null, "system": [], "application": [], "verified_application": [], "cloud_engine": []}),
        ),
        (
            "subnet_config_set",
            json!({"system": [spec()], "application": [], "verified_application": [], "cloud_engine": null}),
        ),
    ] {
        let wish = with(field, value);
        let made = client.post("/instances", &wish);
        assert_eq!(
            made.status,
            201,
            "{wish}: {}",
            String::from_utf8_lossy(&made.body)
        );
        let created = &made.json()["Created"];
        assert!(created["topology"]["default_effective_canister_id"]["canister_id"].is_string());
        assert_eq!(created["http_gateway_info"], Value::Null);
    }
}

#[test]
fn what_is_not_there_or_wrong_is_said() {
    let server = Server::start();
    let mut client = server.client();
    let gateway = |value: Value| with("http_gateway_config", value);
    for (wish, status, why) in [
        (
            with("dogecoind_addr", json!(["127.0.0.1:1"])),
            400,
            "`dogecoind_addr` is given, but",
        ),
        (with("initial_time", json!("Never")), 422, "unknown variant"),
        (
            with("initial_time", json!({"Timestamp": {}})),
            422,
            "missing field",
        ),
        (with("log_level", json!(7)), 422, "invalid type"),
        (
            with("icp_features", json!({"nosuch": "DefaultConfig"})),
            400,
            "There is no feature `nosuch`",
        ),
        (
            with("icp_features", json!({"cycles_minting": "DefaultConfig"})),
            400,
            "rkp4c-7iaaa-aaaaa-aaaca-cai=FILE",
        ),
        (
            with("state_dir", json!("/proc/no/such")),
            400,
            "The state directory /proc/no/such cannot be made: ",
        ),
        (
            gateway(json!({"ip_addr": "nowhere"})),
            400,
            "Failed to parse \"nowhere\" as an IP address",
        ),
        (gateway(json!({"port": 65536})), 422, "invalid value"),
        (
            gateway(json!({"https_config": {"cert_path": "/no/such", "key_path": "/no/such"}})),
            400,
            "TLS config could not be created: /no/such: ",
        ),
        (
            gateway(json!({"domain_custom_provider_local_file": "/no/such/file"})),
            400,
            "The file of domains is in /no/such",
        ),
        (json!({}), 422, "missing field `subnet_config_set`"),
        (
            json!({"subnet_config_set": {"system": [], "application": [{}], "verified_application": []}}),
            422,
            "missing field `state_config`",
        ),
        (
            json!({"subnet_config_set": {"system": [], "application": [{"state_config": "New"}], "verified_application": []}}),
            422,
            "missing field `instruction_config`",
        ),
        (
            json!({"subnet_config_set": {"system": [], "application": [{"state_config": "New", "instruction_config": "Fast"}], "verified_application": []}}),
            422,
            "unknown variant `Fast`",
        ),
        (
            json!({"subnet_config_set": {"application": [], "verified_application": []}}),
            422,
            "missing field `system`",
        ),
    ] {
        let answer = client.post("/instances", &wish);
        assert_eq!(answer.status, status, "{wish}: {}", answer.message());
        assert!(
            answer.message().contains(why),
            "{wish}: {}",
            answer.message()
        );
    }
    // None of them has left an instance that lives, or a gateway.
    let left = client.get("/instances").json();
    let left = left.as_array().expect("a list").iter();
    assert!(left.clone().all(|state| state == "Deleted"), "{left:?}");
    assert_eq!(client.get("/http_gateway").json(), json!([]));
}

#[test]
fn kinds_have_their_names_nodes_and_prices() {
    let server = Server::start();
    let mut client = server.client();
    let kinds = [
        ("nns", "NNS"),
        ("sns", "SNS"),
        ("ii", "II"),
        ("fiduciary", "Fiduciary"),
        ("bitcoin", "Bitcoin"),
        ("test_threshold_keys", "TestThresholdKeys"),
        ("system", "System"),
        ("application", "Application"),
        ("verified_application", "VerifiedApplication"),
        ("cloud_engine", "CloudEngine"),
    ];
    let (instance, topology) = client.instance(subnets(&kinds.map(|(field, _)| field)));
    let configs = topology["subnet_configs"].as_object().expect("a map");
    assert_eq!(configs.len(), kinds.len());
    let mut costs = Vec::new();
    for (_, name) in kinds {
        let mut all = configs.iter();
        let (id, config) = all.find(|(_, it)| it["subnet_kind"] == name).expect(name);
        let free = if name == "CloudEngine" {
            "Free"
        } else {
            "Normal"
        };
        assert_eq!(config["cost_schedule"], free, "{name}");
        assert_eq!(config["subnet_admins"], Value::Null);
        let canister = client.canister(instance, &on_subnet(id));
        let about = json!({"canister_id": id_text(canister)});
        let cycles = client.ask(&format!("/instances/{instance}/read/get_cycles"), &about);
        let left = cycles["cycles"].as_u64().expect("a number");
        costs.push((name, 1_000_000_000_000_000 - left));
    }
    let cost = |name: &str| costs.iter().find(|(kind, _)| *kind == name).expect(name).1;
    for name in ["NNS", "II", "Bitcoin", "System", "CloudEngine"] {
        assert_eq!(cost(name), 0, "{name}");
    }
    let ordinary = cost("Application");
    assert!(ordinary > 0);
    for name in ["VerifiedApplication", "TestThresholdKeys"] {
        assert_eq!(cost(name), ordinary, "{name}");
    }
    for name in ["SNS", "Fiduciary"] {
        assert!(cost(name) > 2 * ordinary, "34 nodes do it, not 13");
    }
}

/// Section 3.2, from 13.0 on: who has ranges of the main network has its id there, the root only on demand.
#[test]
fn named_subnets_have_their_ids_of_the_main_network() {
    const NNS: &str = "tdb26-jop6k-aogll-7ltgs-eruif-6kk7m-qpktf-gdiqx-mxtrf-vb5e6-eqe";
    const II: &str = "uzr34-akd3s-xrdag-3ql62-ocgoh-ld2ao-tamcv-54e7j-krwgb-2gm4z-oqe";
    for (version, root, expected) in [
        ("12.0.0", false, (false, false)),
        ("13.0.0", false, (false, true)),
        ("16.1.0", true, (true, true)),
    ] {
        let server = Server::start_in(&[("DRUN_POCKET_IC_VERSION", version)], &[]);
        let mut client = server.client();
        let set = subnets(&["nns", "ii", "application"]);
        let wish = json!({"subnet_config_set": set, "mainnet_nns_subnet_id": root});
        let made = client.post("/instances", &wish).json();
        let configs = &made["Created"]["topology"]["subnet_configs"];
        let is = |id: &str, kind: &str| configs[id]["subnet_kind"] == kind;
        assert_eq!((is(NNS, "NNS"), is(II, "II")), expected, "{version} {root}");
        // Calls find their way, and what is certified holds.
        let [near, far] = ["II", "Application"].map(|kind| {
            let mut all = configs.as_object().expect("a map").iter();
            let (id, _) = all.find(|(_, it)| it["subnet_kind"] == kind).expect(kind);
            client.canister(0, &on_subnet(id))
        });
        let argument = [far.as_slice(), b"hi"].concat();
        let reply = client.reply(0, &call(near, "call", &argument));
        assert_eq!(reply, b"\x01\0\0\0hi");
    }
}

#[test]
fn a_subnet_goes_on_with_the_state_of_another_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Server::start();
    let mut client = server.client();
    let set = subnets(&["nns", "application", "application"]);
    let wish = json!({"subnet_config_set": set, "state_dir": directory.path()});
    let made = client.post("/instances", &wish).json()["Created"].clone();
    let configs = made["topology"]["subnet_configs"]
        .as_object()
        .expect("a map");
    // The one whose ids come later.
    let of_kind = |kind: &str| {
        let of_kind = configs.iter().filter(|(_, it)| it["subnet_kind"] == kind);
        let mut all: Vec<_> = of_kind
            .map(|(id, it)| {
                let seed: Vec<u8> =
                    serde_json::from_value(it["subnet_seed"].clone()).expect("bytes");
                (
                    it["canister_ranges"].to_string(),
                    id.clone(),
                    hex::encode(seed),
                )
            })
            .collect();
        all.sort();
        all
    };
    let applications = of_kind("Application");
    let (_, id, seed) = &applications[0];
    let canister = client.canister(0, &on_subnet(id));
    client.reply(0, &call(canister, "write", b""));
    let time = client.get("/instances/0/read/get_time").json();
    client.send("DELETE", "/instances/0", &[], b"");
    let folder = directory.path().join(seed);
    let from = |kind: &str, path: &Path| {
        let mut set = subnets(&["system", kind]);
        let kept = json!({"state_config": {"FromPath": path}, "instruction_config": "Production"});
        match &mut set[kind] {
            Value::Array(list) => list[0] = kept,
            other => *other = kept,
        }
        json!({"subnet_config_set": set})
    };
    for _ in 0..2 {
        // It is copied: another instance may have it too.
        let made = client.post("/instances", &from("application", &folder));
        assert_eq!(made.status, 201, "{}", made.message());
        let made = made.json()["Created"].clone();
        let instance = made["instance_id"].as_u64().expect("a number") as usize;
        let configs = made["topology"]["subnet_configs"]
            .as_object()
            .expect("a map");
        assert_eq!(configs[id]["subnet_kind"], "Application", "it keeps its id");
        assert_eq!(configs.len(), 2);
        let now = client
            .get(&format!("/instances/{instance}/read/get_time"))
            .json();
        assert!(now["nanos_since_epoch"].as_u64() > time["nanos_since_epoch"].as_u64());
        let count = client.reply(instance, &call(canister, "write", b""));
        assert_eq!(count, [2, 0, 0, 0]);
        // The others get the ids that are left.
        let elsewhere = configs
            .keys()
            .find(|other| *other != id)
            .expect("another one");
        let other = client.create(instance, &on_subnet(elsewhere));
        assert_eq!(other.to_text(), "lxzze-o7777-77777-aaaaa-cai");
        let next = client.create(instance, &on_subnet(id));
        assert_eq!(next.as_slice()[..7], canister.as_slice()[..7]);
        assert_ne!(next, canister);
    }
    let empty = tempfile::tempdir().expect("a directory");
    let foreign = tempfile::tempdir().expect("a directory");
    std::fs::write(foreign.path().join("states_metadata.pbuf"), b"x").expect("written");
    for (kind, path, why) in [
        (
            "application",
            directory.path(),
            "has 2 subnets of kind Application; the folder of one",
        ),
        ("sns", directory.path(), "has 0 subnets of kind SNS"),
        ("sns", &folder, "is not that of a subnet of kind SNS."),
        (
            "application",
            empty.path(),
            "Provided an empty state directory at path",
        ),
        (
            "application",
            foreign.path(),
            "in the format of another server",
        ),
    ] {
        let refused = client.post("/instances", &from(kind, path));
        assert_eq!(refused.status, 400);
        assert!(refused.message().contains(why), "{}", refused.message());
    }
    let alone = client.post("/instances", &from("nns", directory.path()));
    assert_eq!(alone.status, 201, "{}", alone.message());
    let mut twice = from("application", &folder);
    let kept = twice["subnet_config_set"]["application"][0].clone();
    twice["subnet_config_set"]["application"] = json!([kept, kept]);
    let refused = client.post("/instances", &twice);
    assert!(refused.message().contains("have the same canister ids"));
}

#[test]
fn a_switch_is_on_or_off() {
    let server = Server::start();
    let mut client = server.client();
    for (field, value) in [
        ("incomplete_state", json!("Maybe")),
        (
            "icp_config",
            json!({"canister_execution_rate_limiting": "Maybe"}),
        ),
        ("icp_config", json!({"beta_features": "On"})),
        ("icp_features", json!({"ii": "Enabled"})),
    ] {
        let wish = with(field, value);
        assert_eq!(client.post("/instances", &wish).status, 422, "{wish}");
    }
}
