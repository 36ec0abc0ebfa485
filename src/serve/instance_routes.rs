//! What one instance does for its clients: a function for each endpoint below `/instances/{id}/read` and `/update`.

use std::time::{Duration, Instant};

use candid::Principal;
use drun_certification::agent::NodeKey;
use drun_ic::answer::MessageResult;
use drun_ic::module::memory::{MAX_STABLE_WASM_PAGES, WASM_PAGE_SIZE};
use drun_ic::net::{AWAIT_ROUNDS, MessageId, Net};

use super::Server;
use super::answer::{Answer, Content, Outcome, Refusal};
use super::instances::Instance;
use super::memory;
use super::request::{Method, Request};
use super::snapshot_dir;
use super::wire::{
    self, AddCycles, Bytes, CallWire, CanisterId, Cycles, FaultWire, FlexibleMock, MessageIdWire,
    Mock, PrincipalId, ResultWire, SetStableMemory, SnapshotIdWire, StatusWire, SubnetId, TickWire,
    Time,
};

/// Rounds that `await_ingress_message` runs, if a request says otherwise (ours).
const ROUNDS_HEADER: &str = "drun-await-rounds";
/// Bytes of the largest stable memory.
const MAX_STABLE: u64 = MAX_STABLE_WASM_PAGES * WASM_PAGE_SIZE as u64;

/// The endpoints of an instance that work on its network, with their methods.
pub(crate) const ENDPOINTS: &[(Method, &str)] = &[
    (Method::Post, "read/query"),
    (Method::Get, "read/topology"),
    (Method::Get, "_/topology"),
    (Method::Get, "read/get_time"),
    (Method::Post, "read/get_controllers"),
    (Method::Post, "read/get_cycles"),
    (Method::Post, "read/get_stable_memory"),
    (Method::Post, "read/get_subnet"),
    (Method::Post, "read/pub_key"),
    (Method::Post, "read/ingress_status"),
    (Method::Get, "read/get_canister_http"),
    (Method::Post, "update/submit_ingress_message"),
    (Method::Post, "update/await_ingress_message"),
    (Method::Post, "update/set_time"),
    (Method::Post, "update/set_certified_time"),
    (Method::Post, "update/add_cycles"),
    (Method::Post, "update/set_stable_memory"),
    (Method::Post, "update/tick"),
    (Method::Post, "update/mock_canister_http"),
    (Method::Post, "update/mock_flexible_canister_http"),
    (Method::Post, "update/delete_subnet"),
    (Method::Post, "update/inject_fault"),
    (Method::Post, "update/canister_snapshot_download"),
    (Method::Post, "update/canister_snapshot_upload"),
];

impl Server {
    /// Carries out one of [`ENDPOINTS`].
    pub(super) fn on_instance(&self, id: usize, endpoint: &str, request: &Request) -> Outcome {
        let instance = || self.instances.get(id);
        let codes = self.options.codes;
        match endpoint {
            "read/query" => {
                let call = request.json::<CallWire>()?.call()?;
                let result = instance()?.hold()?.query(&call)?;
                Ok(Answer::json(&wire::result(result, false, codes)))
            }
            "read/topology" | "_/topology" => {
                Ok(Answer::json(&wire::topology(&*instance()?.hold()?)))
            }
            "read/get_time" => Ok(Answer::json(&Time {
                nanos_since_epoch: instance()?.hold()?.time(),
            })),
            "read/get_controllers" => {
                let canister = request.json::<CanisterId>()?.principal()?;
                let instance = instance()?;
                let net = instance.hold()?;
                let (_, canister) = net.canister(&canister)?;
                let controllers = canister.settings.controllers.to_vec();
                let controllers = controllers.into_iter().map(PrincipalId::of);
                Ok(Answer::json(&controllers.collect::<Vec<_>>()))
            }
            "read/get_cycles" => {
                let canister = request.json::<CanisterId>()?.principal()?;
                let cycles = instance()?.hold()?.canister(&canister)?.1.cycles;
                Ok(Answer::json(&Cycles { cycles }))
            }
            "read/get_stable_memory" => {
                let canister = request.json::<CanisterId>()?.principal()?;
                let instance = instance()?;
                let net = instance.hold()?;
                let size = net.canister(&canister)?.1.stable.size_bytes();
                // It is there as it is and as base64 at the same time.
                memory::check_for(self.options.max_memory, size.saturating_mul(7) / 3)?;
                let content = net.stable_memory(&canister)?;
                drop(net);
                let json = wire::blob(&content).ok_or_else(|| {
                    let text = format!("there is no room for {size} bytes as base64");
                    Refusal::new(500, text)
                })?;
                Ok(Answer::new(200, Content::Json, json))
            }
            "read/get_subnet" => {
                let canister = request.json::<CanisterId>()?.principal()?;
                let instance = instance()?;
                let net = instance.hold()?;
                let found = net.canister(&canister).ok();
                let subnet = found.map(|(place, _)| SubnetId::of(net.subnets()[place].id));
                Ok(Answer::json(&subnet))
            }
            "read/pub_key" => {
                let id = request.json::<SubnetId>()?.principal()?;
                let instance = instance()?;
                let net = instance.hold()?;
                let place = net
                    .subnet_index(&id)
                    .ok_or_else(|| Refusal::bad(format!("SubnetNotFound({id})")))?;
                Ok(Answer::json(&net.subnets()[place].public_key))
            }
            "read/ingress_status" => {
                let question = request.json::<StatusWire>()?;
                let id = question.raw_message_id.id()?;
                let caller = match question.raw_caller {
                    Some(caller) => Some(caller.principal_id.principal("sender principal")?),
                    None => None,
                };
                let result = instance()?.hold()?.status(&id, caller)?;
                Ok(Answer::json(
                    &result.map(|result| wire::result(result, true, codes)),
                ))
            }
            "read/get_canister_http" => Ok(Answer::json(&wire::pending(&*instance()?.hold()?))),
            "update/submit_ingress_message" => {
                let call = request.json::<CallWire>()?.call()?;
                memory::check(self.options.max_memory)?;
                let instance = instance()?;
                let submitted = instance.hold()?.submit(&call)?;
                instance.live.ring();
                Ok(Answer::json(&match submitted {
                    Ok((subnet, id)) => ResultWire::Ok(MessageIdWire::of(subnet, id)),
                    Err(error) => ResultWire::Err(wire::reject(error, false, codes)),
                }))
            }
            "update/await_ingress_message" => {
                let id = request.json::<MessageIdWire>()?.id()?;
                let rounds = request.header(ROUNDS_HEADER);
                let rounds = rounds.and_then(|rounds| rounds.parse().ok());
                let rounds = rounds.unwrap_or(AWAIT_ROUNDS);
                let result = await_message(&*instance()?, &id, rounds)?;
                Ok(Answer::json(&wire::result(result, true, codes)))
            }
            "update/set_time" => {
                let time = request.json::<Time>()?.nanos_since_epoch;
                instance()?.hold()?.set_time(time)?;
                Ok(Answer::null())
            }
            "update/set_certified_time" => {
                let time = request.json::<Time>()?.nanos_since_epoch;
                instance()?.hold()?.set_certified_time(time)?;
                Ok(Answer::null())
            }
            "update/add_cycles" => {
                let wish = request.json::<AddCycles>()?;
                let canister = wish.canister_id.principal("canister id")?;
                let cycles = instance()?.hold()?.add_cycles(&canister, wish.amount)?;
                Ok(Answer::json(&Cycles { cycles }))
            }
            "update/set_stable_memory" => {
                let wish = request.json::<SetStableMemory>()?;
                let canister = wish.canister_id.principal("canister id")?;
                memory::check(self.options.max_memory)?;
                let instance = instance()?;
                let blob = self.blobs.get(&wish.blob_id.0);
                let blob = blob.ok_or_else(|| Refusal::conversion("Bad blob id"))?;
                let room = memory::room(self.options.max_memory).map_or(MAX_STABLE, |it| it as u64);
                let content = blob.content(room.min(MAX_STABLE))?;
                instance.hold()?.set_stable_memory(&canister, &content)?;
                Ok(Answer::null())
            }
            "update/tick" => {
                let wish = request.json::<TickWire>()?;
                let instance = instance()?;
                let mut net = instance.hold()?;
                let makers = wish.blockmakers.iter().flat_map(|makers| makers.all());
                let makers = makers.map(|maker| block_maker(&net, maker));
                for (subnet, maker, failed) in makers.collect::<Result<Vec<_>, _>>()? {
                    net.next_block(&subnet, maker, failed)?;
                }
                net.tick();
                Ok(Answer::null())
            }
            "update/mock_canister_http" => {
                let mock = request.json::<Mock>()?;
                let (subnet, id) = (mock.subnet_id.principal()?, mock.request_id);
                let instance = instance()?;
                instance.hold()?.answer_http(&subnet, id, mock.answers())?;
                instance.live.ring();
                Ok(Answer::null())
            }
            "update/mock_flexible_canister_http" => {
                let mock = request.json::<FlexibleMock>()?;
                let (subnet, id) = (mock.subnet_id.principal()?, mock.request_id);
                let (instance, answers) = (instance()?, mock.answers());
                let mut net = instance.hold()?;
                net.answer_flexible_http(&subnet, id, answers)?;
                instance.live.ring();
                Ok(Answer::null())
            }
            "update/inject_fault" => {
                let fault = request.json::<FaultWire>()?.fault()?;
                instance()?.hold()?.inject(fault)?;
                Ok(Answer::null())
            }
            "update/delete_subnet" => {
                let subnet = request.json::<SubnetId>()?.principal()?;
                let instance = instance()?;
                let mut held = instance.hold()?;
                held.delete_subnet(&subnet)?;
                // The endpoints of agents still know it.
                *held.with_endpoint().1 = None;
                Ok(Answer::null())
            }
            "update/canister_snapshot_download" => {
                let wish = request.json()?;
                snapshot_dir::download(&mut *instance()?.hold()?, &wish)?;
                Ok(Answer::null())
            }
            "update/canister_snapshot_upload" => {
                memory::check(self.options.max_memory)?;
                let wish = request.json()?;
                let id = snapshot_dir::upload(&mut *instance()?.hold()?, &wish)?;
                Ok(Answer::json(&SnapshotIdWire {
                    snapshot_id: Bytes(id),
                }))
            }
            _ => Err(Refusal::new(
                404,
                format!("there is no endpoint {endpoint}"),
            )),
        }
    }
}

/// Who makes the block of a subnet, and who has failed to: all of them nodes of it.
fn block_maker(
    net: &Net,
    wish: &wire::Blockmaker,
) -> Result<(Principal, Principal, Vec<Principal>), Refusal> {
    let subnet = wish.subnet.principal()?;
    let place = net
        .subnet_index(&subnet)
        .ok_or_else(|| Refusal::bad(format!("SubnetNotFound({subnet})")))?;
    let nodes = 0..net.subnets()[place].spec.kind.nodes();
    let nodes: Vec<_> = nodes.map(|n| NodeKey::of(&subnet, n).id()).collect();
    let node = |id: &wire::NodeId| {
        let id = id.node_id.principal("node id")?;
        match nodes.contains(&id) {
            true => Ok(id),
            false => Err(Refusal::bad(format!("BlockmakerNotFound({id})"))),
        }
    };
    let maker = node(&wish.blockmaker)?;
    let failed = wish.failed_blockmakers.iter().flatten().map(node);
    let failed = failed.collect::<Result<Vec<_>, _>>()?;
    match failed.contains(&maker) {
        true => Err(Refusal::bad(format!(
            "BlockmakerContainedInFailed({maker})"
        ))),
        false => Ok((subnet, maker, failed)),
    }
}

/// Longest wait for a message of an instance that goes on by itself.
const LIVE_PATIENCE: Duration = Duration::from_secs(300);

/// Waits for the end of a message: by running rounds, or, if the instance goes on by itself and knows the message, by letting it.
pub(super) fn await_message(
    instance: &Instance,
    id: &MessageId,
    rounds: u64,
) -> Result<MessageResult, Refusal> {
    let begun = Instant::now();
    while instance.live.is_on() && begun.elapsed() < LIVE_PATIENCE {
        let seen = instance.live.seen();
        let mut net = instance.hold()?;
        if let Some(result) = net.status(id, None)? {
            return Ok(result);
        }
        if !net.knows(id) {
            break;
        }
        drop(net);
        instance.live.wait_for_round(&seen);
    }
    Ok(instance.hold()?.wait(id, rounds)?)
}
