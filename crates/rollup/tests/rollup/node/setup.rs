//! Checks 5 and 6: configuration, modes, the data directory, histories, access.

use serde_json::{Value, json};

use super::super::kernel;
use super::{Place, ROLLUP, said, start};

fn node(place: &Place, args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = super::program("rollup-node");
    command.args(args).arg("--data-dir").arg(place.path("data"));
    said(command.arg("--base-dir").arg(place.path("wallet")))
}

#[test]
fn a_configuration_is_written_once_and_run_from() {
    let place = Place::new();
    let init = [
        "init",
        "operator",
        "config",
        "for",
        ROLLUP,
        "with",
        "operators",
        "bootstrap1",
        "batching:bootstrap2",
    ];
    let path = place.path("data/config.json");
    let (status, out, err) = node(&place, &init);
    assert_eq!(status, Some(0), "{err}");
    assert_eq!(
        out,
        format!(
            "Smart rollup node configuration written in {}\n",
            path.display()
        )
    );
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(written["smart-rollup-address"], ROLLUP);
    assert_eq!(
        written["smart-rollup-node-operator"]["add_messages"],
        "tz1gjaF81ZRRvdzjobyfVNsAeSC6PScjfQwN"
    );
    assert_eq!(
        written["smart-rollup-node-operator"]["publish"],
        "tz1KqTpEZ7Yob7QbPE4Hy4Wo8fHG8LhKxZSx"
    );
    let (status, _, err) = node(&place, &init);
    assert_eq!(status, Some(1));
    assert!(
        err.contains("already exists. Use --force to overwrite."),
        "{err}"
    );
    let again: Vec<&str> = init
        .iter()
        .copied()
        .chain(["--force", "--config-style", "new"])
        .chain(["--acl-override", "allow-all"])
        .collect();
    assert_eq!(node(&place, &again).0, Some(0));
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let all = json!([{ "address": "any", "blacklist": [] }]);
    assert_eq!(written["acl"], all);

    let mut command = super::program("rollup-node");
    command.arg("run").arg("--data-dir").arg(place.path("data"));
    command.arg("--boot-sector-file").arg(kernel("hello"));
    let running = start(command.args(["--rpc-port", "0", "--block-time", "0"]));
    let config = running.get("/config");
    assert_eq!(config["acl"], all);
    assert_eq!(config["mode"], "operator");
    assert_eq!(
        config["smart-rollup-node-operator"]["batching"],
        json!(["tz1gjaF81ZRRvdzjobyfVNsAeSC6PScjfQwN"])
    );

    // The directory is taken, and it belongs to this rollup.
    let second = said(&mut place.command("operator", &kernel("hello"), &[]));
    assert!(
        second
            .2
            .contains("Could not acquire lock on data directory"),
        "{}",
        second.2
    );
    drop(running);
    let stranger = drun_rollup::encoding::base58::ROLLUP.encode(&[1; 20]);
    let other = [
        "run",
        "operator",
        "for",
        &stranger,
        "with",
        "operators",
        "bootstrap1",
    ];
    let (status, _, err) = node(&place, &other);
    assert_eq!(status, Some(1));
    assert!(
        err.contains(&format!("already set up for rollup {ROLLUP}")),
        "{err}"
    );
    for (more, expected) in [
        (r#""colour":"red""#, "unknown key `colour`"),
        (r#""acl":[{"address":"x"}]"#, "`acl` must list objects"),
        (
            r#""unsafe-pvm-patches":[1]"#,
            "`unsafe-pvm-patches` needs --apply-unsafe-patches",
        ),
        (r#""rpc-port":"x""#, "`rpc-port` must be a number"),
        (
            r#""batcher":{"min_batch_size":0}"#,
            "min_batch_size must be positive",
        ),
        (
            r#""history-mode":"some""#,
            "Bad value for history-mode: `some`",
        ),
    ] {
        std::fs::write(
            &path,
            format!(r#"{{"mode":"observer","smart-rollup-address":"{ROLLUP}",{more}}}"#),
        )
        .unwrap();
        let err = node(&place, &["run"]).2;
        assert!(err.contains(expected), "{more}: {err}");
    }
}

#[test]
fn what_cannot_begin_says_why() {
    let place = Place::new();
    let run = |more: &[&str]| {
        let args: Vec<&str> = ["run", "operator", "for", ROLLUP, "with", "operators"]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        let (status, _, err) = node(&place, &args);
        assert_eq!(status, Some(1), "{err}");
        err
    };
    for (more, expected) in [
        (
            &[][..],
            "Missing operators for purposes operating, batching, cementing, executing_outbox.",
        ),
        (
            &["bootstrap1"],
            "no Layer 1: give the kernel with --boot-sector-file",
        ),
        (&["bootstrap1", "bootstrap2"], "Multiple default operators"),
        (&["nobody"], "no public key hash alias named nobody"),
        (
            &["bootstrap1", "--boot-sector-file", "/none"],
            "Boot sector not found at path \"/none\"",
        ),
        (
            &["bootstrap1", "--boot-sector-file", "README.md"],
            "The boot sector at path \"README.md\" is unparsable",
        ),
        (
            &["bootstrap1", "--acl-override", "x"],
            "Bad value for acl-override, possible values are 'secure' and 'allow-all'",
        ),
        (
            &[
                "bootstrap1",
                "--strict",
                "--pre-images-endpoint",
                "https://localhost",
            ],
            "preimages can be fetched over http:// only",
        ),
        (
            &["bootstrap1", "--challenge-window", "2147483647"],
            "--challenge-window: 2147483647 is not a number of levels from 0 to 100000000",
        ),
        (
            &["bootstrap1", "--commitment-period", "0"],
            "--commitment-period: 0 is not a number of levels from 1 to 100000000",
        ),
        (
            &["bootstrap1", "--origination-level", "2147483647"],
            "--origination-level: 2147483647 is not a level from 0 to 1000000000",
        ),
        (
            &["bootstrap1", "--loser-mode", "1 1 1 1"],
            "Invalid syntax for failure points",
        ),
        (
            &[
                "bootstrap1",
                "--enable-performance-metrics",
                "--disable-performance-metrics",
            ],
            "Cannot use both --enable-performance-metrics and --disable-performance-metrics",
        ),
    ] {
        let err = run(more);
        assert!(err.contains(expected), "{more:?}: {err}");
    }
    let (_, _, err) = node(&place, &["run", "king", "for", ROLLUP, "with", "operators"]);
    assert!(err.contains("Invalid mode"), "{err}");
    let (_, _, err) = node(&place, &["run", "observer", "for", "unknown"]);
    assert!(err.contains("no smart rollup alias named unknown"), "{err}");
}

#[test]
fn an_originated_kernel_can_be_run_by_its_name() {
    let place = Place::new();
    let path = kernel("hello");
    let file = format!("file:{}", path.display());
    let (status, out, err) = node(
        &place,
        &[
            "originate",
            "smart",
            "rollup",
            "mine",
            "of",
            "kind",
            "wasm_2_0_0",
            "of",
            "type",
            "bytes",
            "with",
            "kernel",
            &file,
        ],
    );
    assert_eq!(status, Some(0), "{err}");
    let address = out
        .lines()
        .next()
        .unwrap()
        .strip_prefix("Address: ")
        .unwrap()
        .to_owned();
    let mut command = super::program("rollup-node");
    command.args([
        "run",
        "observer",
        "for",
        "mine",
        "--rpc-port",
        "0",
        "--block-time",
        "0",
    ]);
    command.arg("--data-dir").arg(place.path("data"));
    let running = start(command.arg("--base-dir").arg(place.path("wallet")));
    assert_eq!(running.get("/global/smart_rollup_address"), address);
    // An observer has no batcher.
    let (status, text) = running.ask("POST", "/local/batcher/injection", Some(&json!(["00"])));
    assert_eq!(status, 500);
    assert!(
        text.contains("This rollup node does not have batcher."),
        "{text}"
    );
}

#[test]
fn what_init_was_told_of_the_sandbox_holds_for_every_run() {
    let place = Place::new();
    let sender = "KT1ThEdxfUcWUwqsdergy3QnbCWGHSUHeHJq";
    let init = [
        "init",
        "operator",
        "config",
        "for",
        ROLLUP,
        "with",
        "operators",
        "bootstrap1",
        "--block-time",
        "0",
        "--commitment-period",
        "7",
        "--deterministic",
        "--migrate",
        "2:paris_019",
        "--sender",
        sender,
    ];
    assert_eq!(node(&place, &init).0, Some(0));
    let mut config: Value =
        serde_json::from_slice(&std::fs::read(place.path("data/config.json")).unwrap()).unwrap();
    config["acl"] = json!([{ "address": "127.0.0.1", "blacklist": ["GET /stats/**"] }]);
    config["fee-parameters"] = json!({ "publish": { "minimal-fees": "7" } });
    std::fs::write(place.path("data/config.json"), config.to_string()).unwrap();
    let run = |more: &[&str]| {
        let mut command = super::program("rollup-node");
        command.arg("run").arg("--data-dir").arg(place.path("data"));
        command.arg("--boot-sector-file").arg(kernel("hello"));
        start(command.args(["--rpc-port", "0"]).args(more))
    };
    let running = run(&[]);
    let info = running.get("/sandbox/info");
    assert_eq!(info["constants"]["commitment_period"], 7);
    assert_eq!(
        (&info["block_time"], &info["timestamp"]),
        (&json!(0.0), &json!("1970-01-01T00:00:00Z"))
    );
    running.post("/sandbox/messages", json!([{ "payload": "Unit" }]));
    running.bake(2);
    let message = running.get("/global/block/1")["messages"][2].clone();
    let bytes = drun_rollup::encoding::base58::CONTRACT
        .address(sender)
        .unwrap();
    assert!(
        message.as_str().unwrap().contains(&hex::encode(bytes)),
        "{message}"
    );
    assert_eq!(
        running.value("head", "/readonly/wasm_version"),
        hex::encode("2.0.0-r4")
    );
    assert_eq!(
        running.get("/config")["fee-parameters"],
        config["fee-parameters"]
    );
    let (status, text) = running.ask("GET", "/stats/memory", None);
    assert_eq!(status, 403, "{text}");
    drop(running);
    // The command line wins, but not over what the data was made with.
    let running = run(&["--finality", "1"]);
    let info = running.get("/sandbox/info");
    assert_eq!(
        (
            &info["constants"]["commitment_period"],
            &info["constants"]["finality"]
        ),
        (&json!(7), &json!(1))
    );
    drop(running);
    let again = ["run", "--rpc-port", "0", "--commitment-period", "9"];
    let (status, _, err) = node(&place, &again);
    assert_eq!(status, Some(1));
    assert!(
        err.contains(
            "set up with --commitment-period 7, it cannot be run with --commitment-period 9"
        ),
        "{err}"
    );
}

/// What levels are counted by is remembered with the first block: other numbers would make wrong commitments of them.
#[test]
fn a_restart_keeps_the_constants_of_the_first_start_or_is_refused() {
    let place = Place::new();
    let first = [
        "--origination-level",
        "3",
        "--commitment-period",
        "5",
        "--challenge-window",
        "6",
    ];
    let running = place.start("hello", &first);
    running.bake(6);
    let stored = running.get("/global/last_stored_commitment");
    assert_eq!(stored["commitment"]["inbox_level"], 8);
    assert_eq!(running.terminate(), Some(0));
    let running = place.start("hello", &[]);
    let info = running.get("/sandbox/info");
    assert_eq!(info["origination_level"], 3);
    assert_eq!(info["constants"]["challenge_window"], 6);
    running.bake(4);
    let stored = running.get("/global/last_stored_commitment");
    assert_eq!(stored["commitment"]["inbox_level"], 13);
    assert_eq!(running.terminate(), Some(0));
    for (option, saved, given) in [
        ("--origination-level", "3", "0"),
        ("--commitment-period", "5", "20"),
        ("--challenge-window", "6", "40"),
    ] {
        let refused = said(&mut place.command("operator", &kernel("hello"), &[option, given]));
        assert_eq!(refused.0, Some(1));
        let expected =
            format!("set up with {option} {saved}, it cannot be run with {option} {given}.");
        assert!(refused.2.contains(&expected), "{}", refused.2);
    }
}

/// What a start that fails asks for is not remembered.
#[test]
fn a_start_that_fails_leaves_the_history_as_it_was() {
    let place = Place::new();
    let running = place.start("hello", &["--history-mode", "archive"]);
    assert_eq!(running.terminate(), Some(0));
    let history = || std::fs::read_to_string(place.path("data/history-mode")).unwrap();
    let wrong = ["--history-mode", "full"];
    let refused = said(&mut place.command("operator", &kernel("counter"), &wrong));
    assert!(refused.2.contains("another boot sector"), "{}", refused.2);
    assert_eq!(history(), "archive");
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = busy.local_addr().unwrap().port().to_string();
    let mut command = place.command("operator", &kernel("hello"), &wrong);
    // The first of two: the last one holds.
    let refused = said(command.args(["--rpc-port", &port]));
    assert_eq!(refused.0, Some(1), "{}", refused.2);
    assert_eq!(history(), "archive");
}

/// Keys of the file do what they say, are shown as they are, and are refused when they cannot be meant.
#[test]
fn every_key_of_a_configuration_counts() {
    let place = Place::new();
    let init = |more: &[&str]| {
        let words = [
            "init",
            "operator",
            "config",
            "for",
            ROLLUP,
            "with",
            "operators",
        ];
        let args: Vec<&str> = words.iter().chain(more).copied().collect();
        node(&place, &args)
    };
    let hello = kernel("hello");
    let hello = hello.to_str().unwrap();
    let keys = ["bootstrap1", "batching:bootstrap2", "batching:bootstrap3"];
    // Below the working directory; the file names it in full.
    let options = [
        "--boot-sector-file",
        "kernels/hello.wat",
        "--unsafe-disable-wasm-kernel-checks",
        "--injection-ttl",
        "7",
        "--gc-frequency",
        "3",
    ];
    assert_eq!(init(&[&keys[..], &options].concat()).0, Some(0));
    let path = place.path("data/config.json");
    let read = || std::fs::read_to_string(&path).unwrap();
    let mut config: Value = serde_json::from_str(&read()).unwrap();
    assert_eq!(config["boot-sector"], hello);
    assert_eq!(config["gc-parameters"], json!({ "frequency": 3 }));
    assert_eq!(
        config["smart-rollup-node-operator"]["add_messages"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    // A configuration that cannot be made leaves the old one.
    let refused = init(&["nobody", "--force"]);
    assert_eq!(
        (refused.0, serde_json::from_str(&read()).ok()),
        (Some(1), Some(config.clone()))
    );

    config["l1_rpc_timeout"] = json!(7.5);
    config["gc-parameters"] = json!({ "frequency": 9, "context_splitting_period": 9 });
    config["acl"] = json!([{ "address": "127.0.0.1", "blacklist": ["GET /config"] }]);
    std::fs::write(&path, config.to_string()).unwrap();
    // The directory is named in the file.
    let run = |more: &[&str]| {
        let mut command = super::program("rollup-node");
        command.arg("run").arg("--config-file").arg(&path);
        command.args(["--rpc-port", "0", "--block-time", "0"]);
        start(command.args(more))
    };
    let running = run(&[]);
    assert_eq!(running.ask("GET", "/config", None).0, 403);
    assert!(place.path("data/metadata").exists());
    drop(running);
    let running = run(&["--acl-override", "secure", "--gc-frequency", "5"]);
    let shown = running.get("/config");
    assert_eq!(shown["boot-sector"], hello);
    assert_eq!(shown["unsafe-disable-wasm-kernel-checks"], true);
    assert_eq!(shown["l1_rpc_timeout"], 7.5);
    assert_eq!(
        shown["injector"],
        json!({ "retention_period": 2048, "attempts": 10, "injection_ttl": 7 })
    );
    // The command line counts more than the file.
    assert_eq!(
        shown["gc-parameters"],
        json!({ "frequency": 5, "context_splitting_period": 9 })
    );
    drop(running);

    for (key, value, expected) in [
        (
            "smart-rollup-node-operator",
            json!({ "publish": "nonsense" }),
            "`smart-rollup-node-operator.publish`: no public key hash alias named nonsense",
        ),
        (
            "mode",
            json!({ "custom": [1] }),
            "`mode` must be a string, or an object",
        ),
        (
            "execute-outbox-messages-filter",
            json!([{ "transaction": { "destination": 5 } }]),
            "`execute-outbox-messages-filter` must list",
        ),
        (
            "rpc-port",
            json!(70_000),
            "`rpc-port` must be a number from 0 to 65535",
        ),
    ] {
        let mut wrong = config.clone();
        wrong[key] = value;
        std::fs::write(&path, wrong.to_string()).unwrap();
        let err = node(&place, &["run"]).2;
        assert!(err.contains(expected), "{key}: {err}");
    }
    std::fs::remove_file(&path).unwrap();
    let mistyped = "sr163Lv22CdE8QagCwf48PWDTquk6isQwv58";
    let args = [
        "run",
        "observer",
        "for",
        mistyped,
        "--boot-sector-file",
        hello,
    ];
    let (status, _, err) = node(&place, &args);
    assert_eq!(status, Some(1));
    assert!(err.contains("is an invalid smart rollup address"), "{err}");
}

#[test]
fn every_mode_has_its_rights() {
    let (alone, helped) = ("--no-auto-operator", "--auto-operator");
    for (mode, more, injects, reads, cements) in [
        ("operator", alone, true, true, true),
        ("maintenance", alone, false, true, true),
        ("observer", "--strict", false, true, true),
        ("observer", alone, false, true, false),
        ("batcher", "--strict", true, false, true),
        ("accuser", "--strict", false, true, true),
        ("bailout", "--strict", false, true, false),
        ("custom:add_messages", "--strict", true, true, false),
        ("custom:add_messages", helped, true, true, true),
        ("custom:publish", "--strict", false, true, false),
        ("custom:publish,cement", alone, false, true, true),
    ] {
        let place = Place::new();
        let options = ["--commitment-period", "2", "--challenge-window", "2", more];
        let running = start(&mut place.command(mode, &kernel("hello"), &options));
        running.bake(20);
        let injected = running.ask("POST", "/local/batcher/injection", Some(&json!(["00"])));
        assert_eq!(injected.0 == 200, injects, "{mode}");
        let (status, text) = running.ask("GET", "/global/block/head/level", None);
        assert_eq!(status == 200, reads, "{mode}: {text}");
        let cemented = running.get("/global/last_cemented_commitment")["level"].as_i64();
        assert_eq!(cemented > Some(0), cements, "{mode}");
    }
}

#[test]
fn a_full_node_forgets_what_is_older_than_its_last_cemented_commitment() {
    let place = Place::new();
    let constants = [
        "--commitment-period",
        "5",
        "--challenge-window",
        "5",
        "--gc-frequency",
        "5",
    ];
    let archive: Vec<&str> = constants
        .iter()
        .copied()
        .chain(["--history-mode", "archive"])
        .collect();
    let full: Vec<&str> = constants
        .iter()
        .copied()
        .chain(["--history-mode", "full"])
        .collect();
    let running = place.start("counter", &archive);
    running.inject(&["x", "y"]);
    running.bake(40);
    assert_eq!(running.get("/local/gc_info")["first_available_level"], 0);
    assert_eq!(running.terminate(), Some(0));

    let running = place.start("counter", &full);
    running.bake(10);
    let cemented = running
        .get("/global/block/cemented/level")
        .as_i64()
        .unwrap();
    let first = running.get("/local/gc_info")["first_available_level"]
        .as_i64()
        .unwrap();
    assert!(first > 0 && first <= cemented, "{first} {cemented}");
    let refused = running.refused(&format!("/global/block/{}", first - 1));
    assert!(
        refused.contains(&format!("is before the first available level {first}")),
        "{refused}"
    );
    // What is left is whole.
    for level in [first, running.level()] {
        assert_eq!(
            running.value(&level.to_string(), "/counter"),
            hex::encode(2u64.to_le_bytes())
        );
    }
    drop(running);
    let refused = said(&mut place.command("operator", &kernel("counter"), &archive));
    assert!(
        refused
            .2
            .contains("Cannot transform a full rollup node into an archive one."),
        "{}",
        refused.2
    );
    // Nothing asked: the stored one.
    let running = place.start("counter", &constants);
    assert_eq!(running.get("/config")["history-mode"], "full");
}

#[test]
fn answers_have_the_forms_of_the_real_node() {
    let place = Place::new();
    let running = place.start(
        "hello",
        &[
            "--cors-origins",
            "http://a.example",
            "--cors-headers",
            "content-type",
        ],
    );
    for (method, path, status) in [
        ("GET", "/nothing", 404),
        ("POST", "/nothing", 404),
        ("HEAD", "/global/tezos_level", 200),
        ("GET", "/admin/injector/queues/x", 404),
        ("POST", "/admin/injector/queues", 405),
        ("POST", "/global/tezos_level", 405),
        ("GET", "/local/batcher/injection", 405),
        ("GET", "/admin/batcher/injection", 404),
        ("GET", "/global/block/x", 400),
        ("GET", "/global/block/99999999999", 400),
        ("GET", "/global/block/head/outbox/x/messages", 400),
        (
            "GET",
            "/global/block/head/helpers/proofs/outbox/1/messages",
            400,
        ),
        ("GET", "/local/commitments/src1", 400),
        ("GET", "/local/batcher/queue/x", 400),
        ("POST", "/local/batcher/injection", 400),
        ("GET", "/global/block/7", 500),
    ] {
        let (found, text) = running.ask(method, path, None);
        assert_eq!(found, status, "{method} {path}: {text}");
    }
    assert_eq!(
        running.refused("/global/block/7"),
        "Cannot retrieve hash of level 7"
    );
    let (_, text) = running.ask("GET", "/ping", None);
    assert_eq!(text, "{}\n");
    let health = running.get("/health");
    assert_eq!(
        (&health["healthy"], &health["degraded"]),
        (&json!(true), &json!(false))
    );
    let (_, text) = running.ask("GET", "/metrics", None);
    assert!(
        text.contains("octez_sc_rollup_node_inbox_level 0\n"),
        "{text}"
    );
    // Every path of the description exists.
    let document = running.get("/openapi");
    assert_eq!(document["info"]["title"], "Smart Rollup Node RPCs");
}

/// Requests made from the description, with wrong and right arguments: no answer is a server's own mistake.
#[test]
fn requests_made_from_the_description_never_break_the_node() {
    let place = Place::new();
    let running = place.start("ledger", &[]);
    running.bake(3);
    let document = running.get("/openapi");
    let values = [
        "head",
        "0",
        "-1",
        "cemented",
        "finalized",
        "2147483648",
        "%00",
        "src1x",
        "/ledger",
        "\u{e4}",
    ];
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            if path.contains("monitor") || path == "/sandbox/bake" || path == "/sandbox/time" {
                continue;
            }
            for (n, value) in values.iter().enumerate() {
                let value = value.replace('\u{e4}', "%C3%A4").replace('/', "%2F");
                let mut target = path.clone();
                for name in [
                    "block_id",
                    "outbox_level",
                    "commitment_hash",
                    "message_id",
                    "operation_id",
                ] {
                    target = target.replace(&format!("{{{name}}}"), &value);
                }
                let query = format!(
                    "?key={value}&index={value}&outbox_level={value}&order={n}&from={value}"
                );
                let bodies = [
                    None,
                    Some(json!([value])),
                    Some(json!({ "messages": [value], "depth": 9, "level": value })),
                ];
                let body = bodies[n % 3].as_ref();
                let (status, text) =
                    running.ask(&method.to_uppercase(), &format!("{target}{query}"), body);
                assert!(
                    matches!(status, 200 | 400 | 404 | 405)
                        || (status == 500 && text.starts_with("[{\"")),
                    "{method} {target}: {status} {text}"
                );
                asked += 1;
            }
        }
    }
    assert!(asked > 300);
    assert!(running.level() >= 3);
}
