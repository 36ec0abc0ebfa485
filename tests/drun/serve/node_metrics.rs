//! Who makes the blocks of rounds, and what canisters are told about it (pocket-ic-api.md 2.6).

use super::*;
use drun_certification::agent::NodeKey;
use drun_ic::management::types::subnet::{NodeMetricsEntry, NodeMetricsHistoryArgs};

#[test]
fn block_makers_are_counted_day_by_day() {
    const DAY: u64 = 86_400_000_000_000;
    let server = Server::start();
    let mut client = server.client();
    let (_, topology) = client.instance(subnets(&["application"]));
    let subnet = a_subnet_of(&topology);
    let canister = client.proxy(0, &json!("None"), "node_metrics_history");
    let nodes = [0, 1, 12].map(|number| NodeKey::of(&subnet, number).id());
    let id = |id: Principal| json!({"node_id": id_text(id)});
    let element = |maker: Principal, failed: &[Principal]| {
        let failed: Vec<Value> = failed.iter().map(|node| id(*node)).collect();
        json!([{"subnet": {"subnet_id": id_text(subnet)}, "blockmaker": id(maker), "failed_blockmakers": failed}])
    };
    let tick = "/instances/0/update/tick";
    let stranger = Principal::from_slice(&[9; 29]);
    for (wish, why) in [
        (
            element(stranger, &[]),
            format!("BlockmakerNotFound({stranger})"),
        ),
        (
            element(nodes[0], &[stranger]),
            format!("BlockmakerNotFound({stranger})"),
        ),
        (
            element(nodes[0], &nodes),
            format!("BlockmakerContainedInFailed({})", nodes[0]),
        ),
    ] {
        let refused = client.post(tick, &json!({"blockmakers": wish}));
        assert_eq!((refused.status, refused.message()), (400, why));
    }
    // In all the shapes that clients have for it.
    let made = element(nodes[0], &nodes[1..]);
    for blockmakers in [
        made.clone(),
        json!({"blockmakers_per_subnet": made}),
        Value::Null,
        json!([]),
    ] {
        client.ask(tick, &json!({"blockmakers": blockmakers}));
    }
    client.ask(tick, &json!({}));
    let told = |client: &mut Client, from: u64| {
        let argument = Encode!(&NodeMetricsHistoryArgs {
            subnet_id: subnet,
            start_at_timestamp_nanos: from,
        });
        let reply = client.reply(0, &call(canister, "http", &argument.expect("it encodes")));
        candid::decode_one::<Vec<NodeMetricsEntry>>(&reply).expect("metrics")
    };
    assert_eq!(told(&mut client, 0), [], "the day is not over");
    let now = client.get("/instances/0/read/get_time").json();
    let now = now["nanos_since_epoch"].as_u64().expect("a time");
    client.ask(
        "/instances/0/update/set_time",
        &json!({"nanos_since_epoch": now + DAY}),
    );
    client.ask(tick, &json!({}));
    let days = told(&mut client, 0);
    assert_eq!(days.len(), 1);
    assert_eq!(days[0].timestamp_nanos / DAY, now / DAY);
    let mut counts: Vec<_> = days[0]
        .node_metrics
        .iter()
        .map(|it| {
            (
                it.node_id,
                it.num_blocks_proposed_total,
                it.num_block_failures_total,
            )
        })
        .collect();
    counts.sort_unstable();
    let mut expected = [(nodes[0], 2, 0), (nodes[1], 0, 2), (nodes[2], 0, 2)];
    expected.sort_unstable();
    assert_eq!(counts, expected);
    assert_eq!(told(&mut client, now + DAY), []);
}
