//! The endpoints of agents of an instance: what `drun_certification` asks about the network, and how long a call is waited for
//! (pocket-ic-api.md 3.10).

use std::sync::Arc;
use std::time::{Duration, Instant};

use candid::Principal;
use drun_certification::agent::{
    CanisterState, Endpoint, Message, Metrics, Network, NotTaken, Reject, Request as KnownRequest,
    Response, Section, State, Status, Step, Subnet, Target, Version,
};
use drun_certification::request::{RequestId, canister_signature};
use drun_ic::answer::MessageResult;
use drun_ic::canister::queues::CallerInfo;
use drun_ic::errors::{ErrorCode, UserError};
use drun_ic::management::ids::canister_id;
use drun_ic::net::{Call, Effective, Journal, Net, NetError, Subnet as NetSubnet, SubnetKind};
use serde::Deserialize;

use super::answer::{Answer, Content, Outcome, Refusal};
use super::instances::Instance;
use super::memory;
use super::request::{Method, Request};
use super::wire::Bytes;

/// How long the answer of a call is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at a call of an instance that does not go on by itself.
const LOOK: Duration = Duration::from_millis(5);

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        let headers = response.headers.into_iter();
        Answer {
            status: response.status,
            content: Content::None,
            body: response.body,
            headers: headers
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }
}

/// Answers a request below `/api/`. Calls are taken while no more than so many bytes of memory are in use.
pub(crate) fn serve(
    instance: &Instance,
    max_memory: Option<u64>,
    path: &str,
    request: &Request,
) -> Outcome {
    let path = path.strip_suffix('/').unwrap_or(path);
    let parts: Vec<&str> = path.split('/').collect();
    let nothing = || Refusal::new(404, format!("there is nothing at {}", request.path));
    if parts == ["v2", "status"] {
        return match request.method {
            Method::Get => Ok(on(instance, |endpoint, _| endpoint.status().into())?),
            _ => Err(wrong_method(request)),
        };
    }
    let [version, kind, id, verb] = parts[..] else {
        return Err(nothing());
    };
    let version = match version {
        "v2" => Version::V2,
        "v3" => Version::V3,
        "v4" => Version::V4,
        _ => return Err(nothing()),
    };
    let target = match kind {
        "canister" => Target::canister(id),
        "subnet" => Target::subnet(id),
        _ => return Err(nothing()),
    };
    let known = match (verb, target.as_ref().ok()) {
        ("call", Some(Target::Subnet(_))) => version == Version::V4,
        ("call", _) => true,
        ("query", Some(Target::Subnet(_))) => version == Version::V3,
        ("query" | "read_state", _) => version != Version::V4,
        _ => false,
    };
    if !known {
        return Err(nothing());
    }
    if request.method != Method::Post {
        return Err(wrong_method(request));
    }
    let target = match target {
        Ok(target) => target,
        Err(response) => return Ok(response.into()),
    };
    match verb {
        "query" => on(instance, |endpoint, net| {
            endpoint.query(net, target, &request.body).into()
        }),
        "read_state" => on(instance, |endpoint, net| {
            endpoint.read_state(net, target, &request.body).into()
        }),
        _ => match memory::check(max_memory) {
            Ok(()) => call(instance, version, target, &request.body),
            Err(refusal) => Ok(Answer::new(503, Content::Text, refusal.message)),
        },
    }
}

fn wrong_method(request: &Request) -> Refusal {
    Refusal::new(
        405,
        format!("{} is not called with this method", request.path),
    )
}

/// Does something with the endpoints and the network of an instance.
fn on<T>(
    instance: &Instance,
    work: impl FnOnce(&mut Endpoint, &mut Agents<'_>) -> T,
) -> Result<T, Refusal> {
    let mut held = instance.hold()?;
    let (net, endpoint) = held.with_endpoint();
    let knows_all = |endpoint: &Endpoint| {
        let mut living = net.living();
        living.all(|subnet| endpoint.public_key(&subnet.id).is_some())
    };
    if !endpoint.as_ref().is_some_and(knows_all) {
        *endpoint = made(net, instance.trusting);
    }
    let endpoint = endpoint
        .as_mut()
        .ok_or_else(|| Refusal::new(500, "an instance has a subnet"))?;
    Ok(work(endpoint, &mut Agents(net)))
}

fn made(net: &Net, trusting: bool) -> Option<Endpoint> {
    let subnet = |subnet: &NetSubnet| {
        let kind = match subnet.spec.kind {
            SubnetKind::VerifiedApplication => "verified_application",
            SubnetKind::CloudEngine => "cloud_engine",
            kind if kind.subnet_type() == drun_ic::protocol::SubnetType::System => "system",
            _ => "application",
        };
        let ranges = subnet
            .ranges
            .iter()
            .map(|(first, last)| (canister_id(*first), canister_id(*last)));
        Subnet::new(
            super::keys::key(&subnet.seed).with_id(subnet.id),
            kind,
            ranges.collect(),
            subnet.spec.kind.nodes(),
        )
    };
    let mut subnets = net.subnets().iter().map(subnet);
    let mut endpoint = Endpoint::new(subnets.next()?);
    for subnet in subnets {
        endpoint.add(subnet, net.time());
    }
    // Of a root that was deleted its key is left.
    let root = &net.subnets()[0].id;
    if net.subnet_index(root).is_none() {
        endpoint.remove(root);
    }
    endpoint.validate = !trusting;
    Some(endpoint)
}

fn call(instance: &Instance, version: Version, target: Target, body: &[u8]) -> Outcome {
    let begun = Instant::now();
    let step = on(instance, |endpoint, net| {
        endpoint.call(net, version, target, body)
    })?;
    instance.live.ring();
    let pending = match step {
        Step::Done(response) => return Ok(response.into()),
        Step::Waiting(pending) => pending,
    };
    loop {
        let seen = instance.live.seen();
        let answer = on(instance, |endpoint, net| endpoint.answer(net, &pending))?;
        if let Some(response) = answer {
            return Ok(response.into());
        }
        if begun.elapsed() > PATIENCE {
            return Ok(pending.timed_out().into());
        }
        match instance.live.is_on() {
            true => instance.live.wait_for_round(&seen),
            false => std::thread::sleep(LOOK),
        }
    }
}

/// The network as the endpoints ask for it.
struct Agents<'a>(&'a mut Net);

impl Agents<'_> {
    fn subnet(&self, id: &Principal) -> Option<(usize, &NetSubnet)> {
        let place = self.0.subnet_index(id)?;
        Some((place, &self.0.subnets()[place]))
    }
}

impl Network for Agents<'_> {
    fn time(&self) -> u64 {
        self.0.time()
    }

    fn subnet_of(&self, canister: &Principal) -> Option<Principal> {
        let place = match *canister == Principal::management_canister() {
            true => self.0.default_subnet(),
            false => self.0.host_of(canister)?,
        };
        Some(self.0.subnets()[place].id)
    }

    fn version(&self, _: &Principal) -> u64 {
        self.0.version()
    }

    fn state(&self, subnet: &Principal) -> State {
        let Some((place, subnet)) = self.subnet(subnet) else {
            return State::default();
        };
        let bookkeeping = subnet.node.settings().protocol.bookkeeping;
        let canisters = subnet.node.canisters();
        let journal = subnet.node.observer::<Journal>();
        let bytes = canisters.map(|canister| canister.memory_metrics(bookkeeping).total());
        State {
            time: subnet.node.time(),
            metrics: Metrics {
                canisters: subnet.node.canisters().count() as u64,
                state_bytes: bytes.sum(),
                consumed_cycles: journal.map_or(0, |journal| journal.cycles),
                transactions: journal.map_or(0, |journal| journal.executions),
            },
            canisters: subnet
                .node
                .canisters()
                .map(|canister| CanisterState {
                    id: canister.id,
                    controllers: canister.settings.controllers.to_vec(),
                    module_hash: canister.code.as_ref().map(|code| code.module.hash),
                    certified_data: canister.certified_data.clone(),
                    created: Some(canister.created_at),
                    installed: canister.code.as_ref().map(|code| code.installed_at),
                })
                .collect(),
            requests: self
                .0
                .named_messages(place)
                .map(|(id, message, result)| KnownRequest {
                    id: *id,
                    sender: message.sender,
                    canister: message.receiver,
                    status: match result {
                        None => Status::Processing,
                        Some(MessageResult::Replied(reply)) => {
                            Status::Replied(Arc::from(&reply[..]))
                        }
                        Some(other) => Status::Rejected(rejected(other.clone())),
                    },
                })
                .collect(),
        }
    }

    fn sections(&self, _: &Principal, canister: &Principal) -> Vec<Section> {
        let code = self
            .0
            .canister(canister)
            .ok()
            .and_then(|(_, canister)| canister.code.as_ref());
        let sections = code
            .into_iter()
            .flat_map(|code| &code.module.facts.custom_sections);
        sections
            .map(|section| Section {
                name: section.name.clone(),
                private: !section.public,
                content: Arc::from(&section.content[..]),
            })
            .collect()
    }

    fn is_done(&self, _: &Principal, id: &RequestId) -> bool {
        self.0.result(id).is_some()
    }

    fn sender(&self, id: &RequestId) -> Option<Principal> {
        self.0.sender(id)
    }

    fn submit(&mut self, message: Message) -> Result<Principal, NotTaken> {
        let (id, expiry) = (message.id, message.expiry);
        match self.0.submit_as(&of(message), id, expiry) {
            Ok(Ok((subnet, _))) => Ok(subnet),
            Ok(Err(error)) => Err(reject(error).into()),
            Err(error) => Err(refused(error)),
        }
    }

    fn query(&mut self, message: Message) -> Result<Vec<u8>, NotTaken> {
        match self.0.query(&of(message)) {
            Ok(MessageResult::Replied(reply)) => Ok(reply),
            Ok(other) => Err(rejected(other).into()),
            Err(error) => Err(refused(error)),
        }
    }
}

fn of(message: Message) -> Call {
    Call {
        sender: message.sender,
        info: message.call.sender_info.map(|info| CallerInfo {
            data: info.info,
            signer: info.signer,
        }),
        canister: message.call.canister,
        effective: match message.effective_canister {
            Some(canister) if canister != Principal::management_canister() => {
                Effective::Canister(canister)
            }
            Some(_) => Effective::None,
            None => Effective::Subnet(message.subnet),
        },
        method: message.call.method,
        payload: message.call.argument,
    }
}

fn reject(error: UserError) -> Reject {
    Reject {
        code: error.code.reject_code().number().into(),
        error_code: error.code.to_string(),
        message: error.description,
    }
}

fn rejected(result: MessageResult) -> Reject {
    reject(match result {
        MessageResult::Failed(error) => error,
        MessageResult::Rejected(text) => UserError::new(ErrorCode::CanisterRejectedMessage, text),
        MessageResult::Replied(_) => UserError::new(ErrorCode::CanisterDidNotReply, "No reject"),
    })
}

fn refused(error: NetError) -> NotTaken {
    match error {
        NetError::CanisterNotFound(_) => reject(UserError::new(
            ErrorCode::CanisterNotFound,
            error.to_string(),
        ))
        .into(),
        NetError::BadIngress(text) => NotTaken::Bad(text),
        other => NotTaken::Bad(other.to_string()),
    }
}

/// The body of `POST /verify_signature`.
#[derive(Debug, Deserialize)]
pub(crate) struct Signature {
    msg: Bytes,
    sig: Bytes,
    pubkey: Bytes,
    root_pubkey: Bytes,
}

/// Verifies a canister signature.
pub(crate) fn verify_signature(signature: &Signature) -> Outcome {
    let answer = |status, text: &str| {
        #[derive(serde::Serialize)]
        enum Verified<'a> {
            Ok(()),
            Err(&'a str),
        }
        match status {
            200 => Answer::json(&Verified::Ok(())),
            status => Answer::json_with(status, &Verified::Err(text)),
        }
    };
    Ok(
        match canister_signature::verify(
            &signature.msg.0,
            &signature.sig.0,
            &signature.pubkey.0,
            &signature.root_pubkey.0,
        ) {
            Ok(()) => answer(200, ""),
            Err(canister_signature::Unverified::Key(text)) => answer(400, &text),
            Err(canister_signature::Unverified::Signature(text)) => answer(406, &text),
        },
    )
}
