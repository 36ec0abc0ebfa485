//! Check 2: what a kernel sends, from the message to its execution.

use serde_json::{Value, json};

use super::{Place, said};

/// The message of the manual: `Unit` to a contract.
const UNIT: &str =
    "0000000023030b01d1a37c088a1221b636bb5fccb35e05181038ba7c000000000764656661756c74";
const CONTRACT: &str = "KT1ThEdxfUcWUwqsdergy3QnbCWGHSUHeHJq";

fn client(node: &super::Running, args: &[&str]) -> (Option<i32>, String, String) {
    said(
        super::program("rollup-client")
            .args(["-E", &node.url])
            .args(args),
    )
}

#[test]
fn a_message_is_read_proven_and_executed_once() {
    let place = Place::new();
    let log = place.path("executed");
    let node = place.start(
        "echo",
        &[
            "--commitment-period",
            "4",
            "--challenge-window",
            "4",
            "--outbox-log",
            log.to_str().unwrap(),
        ],
    );
    let (status, encoded, err) = client(
        &node,
        &[
            "encode",
            "outbox",
            "message",
            &format!(
                r#"{{"destination":"{CONTRACT}","parameters":"Unit","entrypoint":"%default"}}"#
            ),
        ],
    );
    assert_eq!((status, encoded.trim()), (Some(0), UNIT), "{err}");
    let (_, _, err) = said(
        super::program("rollup-node")
            .args([
                "send",
                "smart",
                "rollup",
                "message",
                &format!("hex:[ \"{UNIT}\" ]"),
                "from",
                "bootstrap1",
                "--wait",
            ])
            .args(["--rollup-node-endpoint", &node.url]),
    );
    assert_eq!(err, "");
    node.inject(&["undecodable"]);
    node.bake(1);
    let expected = json!([{
        "outbox_level": 1,
        "message_index": "0",
        "message": { "transactions": [{ "parameters": { "prim": "Unit" }, "destination": CONTRACT }], "kind": "untyped" },
    }]);
    assert_eq!(node.get("/global/block/head/outbox/1/messages"), expected);
    assert_eq!(node.get("/global/block/2/outbox?outbox_level=1"), expected);
    // Undecodable bytes do not appear.
    assert_eq!(node.get("/global/block/2/outbox/2/messages"), json!([]));
    let refused = node.refused("/global/block/head/outbox/9/messages");
    assert_eq!(refused, "Outbox level 9 is not known at level 2\n");
    let proof = "/global/block/head/helpers/proofs/outbox/1/messages?index=0";
    assert_eq!(
        node.refused(proof),
        "The outbox level 1 is not cemented yet (LCC is 0)."
    );
    assert_eq!(
        node.get("/local/outbox/pending/unexecutable")[0]["outbox_level"],
        1
    );

    node.bake(20);
    assert_eq!(
        node.get("/global/block/cemented/outbox/1/messages"),
        expected
    );
    let (status, out, err) = client(
        &node,
        &[
            "get",
            "proof",
            "for",
            "message",
            "0",
            "of",
            "outbox",
            "at",
            "level",
            "1",
            "transferring",
            &format!(r#"{{"destination":"{CONTRACT}","parameters":"Unit"}}"#),
        ],
    );
    assert_eq!(status, Some(0), "{err}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    let (proof, hash) = (
        answer["proof"].as_str().unwrap(),
        answer["commitment_hash"].as_str().unwrap(),
    );
    let execute_of = |rollup: &str, proof: &str| {
        client(
            &node,
            &[
                "execute",
                "outbox",
                "message",
                "of",
                "smart",
                "rollup",
                rollup,
                "from",
                "bootstrap1",
                "for",
                "commitment",
                "hash",
                hash,
                "and",
                "output",
                "proof",
                proof,
            ],
        )
    };
    let execute = |proof: &str| execute_of(super::ROLLUP, proof);
    let stranger = drun_rollup::encoding::base58::ROLLUP.encode(&[1; 20]);
    let refused = execute_of(&stranger, proof).2;
    assert!(refused.contains(&format!("not {stranger}")), "{refused}");
    assert_eq!(
        node.get("/local/outbox/pending/executable")[0]["messages"][0]["message_index"],
        0
    );
    assert!(
        execute("0x00")
            .2
            .contains("the proof does not hold together")
    );
    assert_eq!(execute(proof).0, Some(0));
    let again = execute(proof);
    assert_eq!(again.0, Some(1));
    assert!(again.2.contains("already applied"), "{}", again.2);
    let executed = node.get("/sandbox/outbox/executed");
    assert_eq!(
        (&executed[0]["outbox_level"], &executed[0]["message"]),
        (&json!(1), &expected[0]["message"])
    );
    assert!(std::fs::read_to_string(log).unwrap().contains(CONTRACT));
    // Only the undecodable one is left.
    assert_eq!(node.get("/local/outbox/pending")[0]["outbox_level"], 2);
}

#[test]
fn the_style_of_v18_shows_entry_points_and_no_kind() {
    let place = Place::new();
    let node = place.start("echo", &["--rpc-style", "v18"]);
    node.post("/local/batcher/injection", json!([UNIT]));
    node.bake(1);
    assert_eq!(
        node.get("/global/block/head/outbox/1/messages")[0]["message"],
        json!({ "transactions": [{ "parameters": { "prim": "Unit" }, "destination": CONTRACT, "entrypoint": "%default" }] })
    );
}

#[test]
fn commitments_follow_each_other_and_are_cemented_by_levels() {
    let place = Place::new();
    let node = place.start("hello", &[]);
    node.bake(19);
    assert_eq!(node.get("/global/last_cemented_commitment")["level"], 0);
    assert_eq!(
        node.get("/global/block/5/committed_status")["uncommitted"]["commitment_level"],
        20
    );
    // Half an hour a block, from now on: the estimate is four blocks after level 20.
    node.post("/sandbox/time", json!({ "block_time": 1_800 }));
    assert_eq!(
        node.get("/global/block/5/committed_status")["uncommitted"]["estimated_commitment_time"],
        "1970-01-01T02:30:19Z"
    );
    node.post("/sandbox/time", json!({ "block_time": 0 }));
    node.bake(1);
    let stored = node.get("/global/last_stored_commitment");
    assert_eq!(stored["commitment"]["inbox_level"], 20);
    assert_eq!(
        stored["commitment"]["number_of_ticks"],
        (20u64 * 22_000_000_000).to_string()
    );
    assert_eq!(
        stored["commitment"]["compressed_state"],
        node.get("/global/block/20/state_hash")
    );
    assert_eq!(
        stored["hash"],
        node.get("/global/block/20")["commitment_hash"]
    );
    assert_eq!(
        node.get("/local/last_published_commitment")["commitment"]["inbox_level"],
        0
    );
    node.bake(3);
    let published = node.get("/local/last_published_commitment");
    assert_eq!(
        (&published["hash"], &published["published_at_level"]),
        (&stored["hash"], &json!(23))
    );
    assert_eq!(
        node.get("/global/block/5/committed_status")["committed"]["published_level"],
        23
    );
    node.bake(40);
    assert_eq!(node.get("/global/block/cemented/level"), 0);
    node.bake(1);
    assert_eq!(node.get("/global/block/cemented/level"), 20);
    assert_eq!(
        node.get("/global/block/5/committed_status")["cemented"]["commitment_level"],
        20
    );
    let hash = stored["hash"].as_str().unwrap();
    assert_eq!(
        node.get(&format!("/local/commitments/{hash}"))["hash"],
        hash
    );
    assert_eq!(
        node.post("/sandbox/cement", json!({ "level": 60 }))["cemented"],
        60
    );
    node.bake(3);
    for (level, since) in [(5, 4), (45, 3), (0, 68)] {
        let status = node.get(&format!("/global/block/{level}/committed_status"));
        assert_eq!(
            status["cemented"]["blocks_since_cemented"], since,
            "{level}"
        );
    }
}
