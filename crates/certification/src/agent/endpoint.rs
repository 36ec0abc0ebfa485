//! The endpoints of one instance. Each reads the envelope, lets it be authenticated, finds the subnet, and asks the host.

use std::collections::BTreeMap;

use ic_principal::Principal;

use super::access::Reader;
use super::answers;
use super::certifier::{Certifier, Subnet};
use super::network::{Message, Network, NotTaken};
use super::response::{MAX_BODY, Response};
use super::target::Target;
use crate::data::DataCertifier;
use crate::request::{Authority, Call, Envelope, Kind, RequestId};
use crate::{SubnetKey, Tree, cbor};

/// The version of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// `/api/v2/`.
    V2,
    /// `/api/v3/`.
    V3,
    /// `/api/v4/`.
    V4,
}

/// What became of a call.
#[derive(Clone, Debug)]
pub enum Step {
    /// The answer is there.
    Done(Response),
    /// The message was taken and the agent waits for its certified answer: run rounds, then [`Endpoint::answer`].
    Waiting(Pending),
}

/// A call whose agent waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    subnet: Principal,
    id: RequestId,
}

impl Pending {
    /// The subnet that has the message.
    pub fn subnet(&self) -> Principal {
        self.subnet
    }

    /// The id of the request.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// The answer when the agent has waited long enough (about ten seconds): it goes on with `read_state`.
    pub fn timed_out(&self) -> Response {
        Response::text(
            202,
            format!(
                "Request 0x{} has not been answered yet; its status can be read.",
                hex::encode(self.id)
            ),
        )
    }
}

/// The endpoints of an instance: its subnets, and what they last certified.
#[derive(Debug)]
pub struct Endpoint {
    root: Principal,
    root_key: SubnetKey,
    subnets: BTreeMap<Principal, Certifier>,
    /// What each subnet's tree says of the others.
    known: Vec<(Principal, Tree)>,
    /// Signatures and expiries are checked.
    pub validate: bool,
}

/// A request that was authenticated and has a subnet.
struct Accepted {
    envelope: Envelope,
    authority: Authority,
    subnet: Principal,
}

impl Endpoint {
    /// The endpoints of an instance with this root subnet.
    pub fn new(root: Subnet) -> Self {
        let id = root.key.id();
        Endpoint {
            root: id,
            root_key: root.key.clone(),
            known: vec![(id, root.known_elsewhere())],
            subnets: BTreeMap::from([(id, Certifier::new(root, None))]),
            validate: true,
        }
    }

    /// Adds a subnet, or replaces the one with its id. The root subnet vouches for it, with this time (nanoseconds since the Unix
    /// epoch) in the delegation.
    pub fn add(&mut self, subnet: Subnet, time: u64) {
        let id = subnet.key.id();
        let delegation =
            (id != self.root).then(|| self.root_key.delegate(&subnet.key, &subnet.ranges, time));
        self.known.retain(|(known, _)| *known != id);
        self.known.push((id, subnet.known_elsewhere()));
        self.subnets.insert(id, Certifier::new(subnet, delegation));
        self.forget();
    }

    /// Removes a subnet. If it is the root, the others are certified under its key as before.
    pub fn remove(&mut self, subnet: &Principal) {
        self.subnets.remove(subnet);
        self.known.retain(|(known, _)| known != subnet);
        self.forget();
    }

    fn forget(&mut self) {
        self.subnets.values_mut().for_each(Certifier::forget);
    }

    /// The root key in DER, 133 bytes.
    pub fn root_key(&self) -> &[u8] {
        self.root_key.public_key()
    }

    /// The subnet's key in DER, if there is the subnet.
    pub fn public_key(&self, subnet: &Principal) -> Option<&[u8]> {
        self.subnets
            .get(subnet)
            .map(|certifier| certifier.subnet.key.public_key())
    }

    /// What certifies the data of the subnet's canisters in queries; a delegation has this time (nanoseconds since the Unix epoch).
    pub fn data_certifier(&self, subnet: &Principal, time: u64) -> Option<DataCertifier> {
        let Subnet { key, ranges, .. } = &self.subnets.get(subnet)?.subnet;
        let delegation = (*subnet != self.root).then(|| self.root_key.delegate(key, ranges, time));
        Some(DataCertifier::new(key.clone(), ranges, delegation))
    }

    /// `GET /api/v2/status`.
    pub fn status(&self) -> Response {
        Response::cbor(
            200,
            cbor::map([
                ("root_key", cbor::bytes(self.root_key())),
                ("replica_health_status", "healthy".into()),
            ]),
        )
    }

    /// `POST /api/v2|v3|v4/canister/<id>/call` and `/api/v4/subnet/<id>/call`.
    pub fn call(
        &mut self,
        network: &mut dyn Network,
        version: Version,
        target: Target,
        body: &[u8],
    ) -> Step {
        self.try_call(network, version, target, body)
            .unwrap_or_else(Step::Done)
    }

    fn try_call(
        &self,
        network: &mut dyn Network,
        version: Version,
        target: Target,
        body: &[u8],
    ) -> Result<Step, Response> {
        let accepted = self.accept(network, target, body)?;
        let id = accepted.envelope.id;
        let Kind::Call(call) = accepted.envelope.content.kind.clone() else {
            return Err(wrong_kind("call"));
        };
        if target == Target::Canister(Principal::management_canister()) && !creates(&call) {
            return Err(Response::canister_not_found());
        }
        let subnet = match network.submit(message(accepted, target, call)?) {
            Ok(subnet) => subnet,
            Err(NotTaken::Reject(reject)) => {
                let refused = Response::cbor(200, answers::refused_call(reject));
                return Ok(Step::Done(refused));
            }
            Err(NotTaken::Bad(why)) => return Err(Response::text(400, why)),
        };
        Ok(match version {
            Version::V2 => Step::Done(Response::empty(202)),
            Version::V3 | Version::V4 => Step::Waiting(Pending { subnet, id }),
        })
    }

    /// The answer of a call that waits, once it is there.
    pub fn answer(&mut self, network: &dyn Network, pending: &Pending) -> Option<Response> {
        if !network.is_done(&pending.subnet, &pending.id) {
            return None;
        }
        let path = vec!["request_status".into(), pending.id.to_vec()];
        let certifier = self.subnets.get_mut(&pending.subnet)?;
        certifier.certify(network, &self.known);
        Some(Response::cbor(
            200,
            answers::certified_call(certifier.certificate(vec![path])?),
        ))
    }

    /// `POST /api/v2|v3/canister/<id>/query` and `/api/v3/subnet/<id>/query`.
    pub fn query(&mut self, network: &mut dyn Network, target: Target, body: &[u8]) -> Response {
        self.try_query(network, target, body)
            .unwrap_or_else(|refusal| refusal)
    }

    fn try_query(
        &self,
        network: &mut dyn Network,
        target: Target,
        body: &[u8],
    ) -> Result<Response, Response> {
        if target == Target::Canister(Principal::management_canister()) {
            return Err(Response::canister_not_found());
        }
        let accepted = self.accept(network, target, body)?;
        let id = accepted.envelope.id;
        let node = self
            .subnets
            .get(&accepted.subnet)
            .and_then(|certifier| certifier.subnet.nodes.first());
        let Kind::Query(call) = accepted.envelope.content.kind.clone() else {
            return Err(wrong_kind("query"));
        };
        let result = match network.query(message(accepted, target, call)?) {
            Ok(reply) => Ok(reply),
            Err(NotTaken::Reject(reject)) => Err(reject),
            Err(NotTaken::Bad(why)) => return Err(Response::text(400, why)),
        };
        Ok(Response::cbor(
            200,
            answers::query(result, &id, network.time(), node),
        ))
    }

    /// `POST /api/v2|v3/canister/<id>/read_state` and `/api/v2|v3/subnet/<id>/read_state`.
    pub fn read_state(&mut self, network: &dyn Network, target: Target, body: &[u8]) -> Response {
        self.try_read_state(network, target, body)
            .unwrap_or_else(|refusal| refusal)
    }

    fn try_read_state(
        &mut self,
        network: &dyn Network,
        target: Target,
        body: &[u8],
    ) -> Result<Response, Response> {
        let Accepted {
            envelope,
            authority,
            subnet,
        } = self.accept(network, target, body)?;
        let Kind::ReadState(read) = envelope.content.kind else {
            return Err(wrong_kind("read_state"));
        };
        let certifier = self
            .subnets
            .get_mut(&subnet)
            .ok_or_else(Response::subnet_not_found)?;
        certifier.certify(network, &self.known);
        let reader = Reader {
            user: envelope.content.sender,
            authority: &authority,
            target,
            network,
        };
        for path in &read.paths {
            reader.check(path, certifier)?;
        }
        // Agents look for the ranges of the subnet that answers, asked for or not (pocket-ic-api 8.4).
        let mut paths = read.paths;
        paths.push(vec!["canister_ranges".into(), subnet.as_slice().to_vec()]);
        let certificate = certifier
            .certificate(paths)
            .ok_or_else(Response::subnet_not_found)?;
        Ok(Response::cbor(
            200,
            cbor::map([("certificate", ciborium::Value::Bytes(certificate))]),
        ))
    }

    fn accept(
        &self,
        network: &dyn Network,
        target: Target,
        body: &[u8],
    ) -> Result<Accepted, Response> {
        let subnet = match target {
            Target::Canister(canister) => network
                .subnet_of(&canister)
                .ok_or_else(Response::canister_not_found)?,
            Target::Subnet(subnet) => subnet,
        };
        if !self.subnets.contains_key(&subnet) {
            return Err(Response::subnet_not_found());
        }
        if body.len() > MAX_BODY {
            return Err(Response::too_large(body.len()));
        }
        let envelope = Envelope::decode(body).map_err(|error| Response::malformed(&error))?;
        let authority = if self.validate {
            let authority = envelope.authenticate(network.time(), self.root_key());
            authority.map_err(|refused| Response::refused(&envelope.id, &refused))?
        } else {
            Authority::default()
        };
        Ok(Accepted {
            envelope,
            authority,
            subnet,
        })
    }
}

/// The message for the host, if the canister it names is the one in the address.
fn message(accepted: Accepted, target: Target, call: Call) -> Result<Message, Response> {
    let management = call.canister == Principal::management_canister();
    let effective_canister = match target {
        Target::Canister(effective) if management || call.canister == effective => Some(effective),
        Target::Subnet(_) if management => None,
        Target::Canister(id) | Target::Subnet(id) => {
            let text = format!(
                "Specified CanisterId {} does not match effective canister id in URL {id}",
                call.canister
            );
            return Err(Response::text(400, text));
        }
    };
    Ok(Message {
        id: accepted.envelope.id,
        subnet: accepted.subnet,
        effective_canister,
        sender: accepted.envelope.content.sender,
        expiry: accepted.envelope.content.ingress_expiry,
        call,
    })
}

/// True for the call that has no canister to be addressed by.
fn creates(call: &Call) -> bool {
    call.canister == Principal::management_canister()
        && call.method == "provisional_create_canister_with_cycles"
}

fn wrong_kind(expected: &str) -> Response {
    Response::text(
        400,
        format!("The request type of the body is not `{expected}`."),
    )
}
