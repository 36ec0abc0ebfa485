//! The state tree of a subnet and its signature, made when somebody asks and then kept for the round (interface specification,
//! "State tree"). What has not changed since the last tree is not hashed again: modules, and requests that are answered.

use std::collections::{BTreeSet, HashMap};

use ciborium::Value;
use ic_principal::Principal;

use super::network::{CanisterState, Metrics, Network, Reject, Request, Section, Status};
use super::node_key::NodeKey;
use crate::hash_tree::Digest;
use crate::request::RequestId;
use crate::subnet::{self, Range, number};
use crate::tree::Path;
use crate::{Certificate, Delegation, SubnetKey, Tree, cbor};

/// A subnet as the endpoints know it.
#[derive(Clone, Debug)]
pub struct Subnet {
    /// With what it certifies.
    pub key: SubnetKey,
    /// Its type: `application`, `system`, `verified_application` or `cloud_engine`.
    pub kind: &'static str,
    /// Its canisters.
    pub ranges: Vec<Range>,
    /// Its nodes.
    pub nodes: Vec<NodeKey>,
}

impl Subnet {
    /// A subnet with so many nodes, whose keys follow from its id.
    pub fn new(key: SubnetKey, kind: &'static str, ranges: Vec<Range>, nodes: u64) -> Self {
        let nodes = (0..nodes)
            .map(|number| NodeKey::of(&key.id(), number))
            .collect();
        Subnet {
            key,
            kind,
            ranges,
            nodes,
        }
    }

    /// What stands under `subnet/<id>` in the trees of other subnets.
    pub(super) fn known_elsewhere(&self) -> Tree {
        subnet::subnet_tree(self.key.public_key(), &self.ranges, [self.kind()])
    }

    fn kind(&self) -> (&'static str, Tree) {
        ("type", Tree::leaf(self.kind.as_bytes()))
    }

    fn node_trees(&self) -> Tree {
        let node = |node: &NodeKey| {
            (
                node.id(),
                Tree::group([("public_key", Tree::leaf(node.public_key()))]),
            )
        };
        Tree::group(self.nodes.iter().map(node))
    }
}

/// A subnet with what it last certified.
#[derive(Debug)]
pub(super) struct Certifier {
    pub subnet: Subnet,
    /// The root subnet's word; absent if it is the root.
    delegation: Option<Delegation>,
    nodes: Tree,
    ranges: Tree,
    certified: Option<Certified>,
    modules: HashMap<Digest, Module>,
    answered: HashMap<RequestId, Tree>,
}

/// A signed tree and what decides who may read it.
#[derive(Debug)]
pub(super) struct Certified {
    version: u64,
    tree: Tree,
    signature: Vec<u8>,
    canisters: HashMap<Principal, (Vec<Principal>, Option<Digest>)>,
    requests: HashMap<RequestId, (Principal, Principal)>,
}

/// The metadata of a module.
#[derive(Clone, Debug)]
struct Module {
    tree: Tree,
    private: BTreeSet<Vec<u8>>,
}

impl Certifier {
    pub(super) fn new(subnet: Subnet, delegation: Option<Delegation>) -> Self {
        Certifier {
            nodes: subnet.node_trees(),
            ranges: Tree::group([(subnet.key.id(), subnet::shards(&subnet.ranges))]),
            subnet,
            delegation,
            certified: None,
            modules: HashMap::new(),
            answered: HashMap::new(),
        }
    }

    /// Forgets the last tree.
    pub(super) fn forget(&mut self) {
        self.certified = None;
    }

    /// Sees to it that the current state is certified. `others` are the trees of the other subnets.
    pub(super) fn certify(
        &mut self,
        network: &dyn Network,
        others: &[(Principal, Tree)],
    ) -> &Certified {
        let version = network.version(&self.subnet.key.id());
        let certified = match self.certified.take() {
            Some(certified) if certified.version == version => certified,
            _ => self.build(network, version, others),
        };
        self.certified.insert(certified)
    }

    fn build(
        &mut self,
        network: &dyn Network,
        version: u64,
        others: &[(Principal, Tree)],
    ) -> Certified {
        let id = self.subnet.key.id();
        let state = network.state(&id);
        let mut modules = HashMap::new();
        let canisters: Vec<_> = state
            .canisters
            .iter()
            .map(|canister| {
                let module = canister.module_hash.map(|hash| {
                    let known = self.modules.remove(&hash);
                    let new = || Module::new(network.sections(&id, &canister.id));
                    modules
                        .entry(hash)
                        .or_insert_with(|| known.unwrap_or_else(new))
                        .tree
                        .clone()
                });
                (canister.id, canister_tree(canister, module))
            })
            .collect();
        self.modules = modules;
        let mut answered = HashMap::new();
        let requests: Vec<_> = state
            .requests
            .iter()
            .map(|request| {
                let tree = self
                    .answered
                    .remove(&request.id)
                    .unwrap_or_else(|| request_tree(&request.status));
                if matches!(request.status, Status::Replied(_) | Status::Rejected(_)) {
                    answered.insert(request.id, tree.clone());
                }
                (request.id, tree)
            })
            .collect();
        self.answered = answered;
        let own = [
            self.subnet.kind(),
            ("node", self.nodes.clone()),
            ("metrics", Tree::leaf(metrics(&state.metrics))),
        ];
        let own = subnet::subnet_tree(self.subnet.key.public_key(), &self.subnet.ranges, own);
        let subnets = others
            .iter()
            .filter(|(other, _)| *other != id)
            .cloned()
            .chain([(id, own)]);
        let tree = Tree::group([
            ("canister", Tree::group(canisters)),
            ("canister_ranges", self.ranges.clone()),
            ("request_status", Tree::group(requests)),
            ("subnet", Tree::group(subnets)),
            ("time", number(state.time)),
        ]);
        let about =
            |canister: CanisterState| (canister.id, (canister.controllers, canister.module_hash));
        let ends = |request: Request| (request.id, (request.sender, request.canister));
        Certified {
            version,
            signature: self.subnet.key.certify(&tree),
            tree,
            canisters: state.canisters.into_iter().map(about).collect(),
            requests: state.requests.into_iter().map(ends).collect(),
        }
    }

    /// The encoded certificate for these paths and the time. Nothing if nothing was certified before.
    pub(super) fn certificate(&self, mut paths: Vec<Path>) -> Option<Vec<u8>> {
        let certified = self.certified.as_ref()?;
        paths.push(vec!["time".into()]);
        let certificate = Certificate {
            tree: certified.tree.witness(&paths),
            signature: certified.signature.clone(),
            delegation: self.delegation.clone(),
        };
        Some(certificate.encode())
    }

    /// Who sent a request, and where to.
    pub(super) fn request(&self, id: &RequestId) -> Option<&(Principal, Principal)> {
        self.certified.as_ref()?.requests.get(id)
    }

    /// True if the user may read the section of the canister's metadata.
    pub(super) fn may_read_metadata(
        &self,
        user: &Principal,
        canister: &Principal,
        name: &[u8],
    ) -> bool {
        let Some((controllers, module)) = self
            .certified
            .as_ref()
            .and_then(|it| it.canisters.get(canister))
        else {
            return true;
        };
        let module = module.and_then(|hash| self.modules.get(&hash));
        !module.is_some_and(|module| module.private.contains(name)) || controllers.contains(user)
    }
}

impl Module {
    fn new(sections: Vec<Section>) -> Self {
        let private = sections.iter().filter(|section| section.private);
        Module {
            private: private
                .map(|section| section.name.clone().into_bytes())
                .collect(),
            tree: Tree::group(
                sections
                    .into_iter()
                    .map(|section| (section.name, Tree::leaf(section.content))),
            ),
        }
    }
}

fn canister_tree(canister: &CanisterState, module: Option<Tree>) -> Tree {
    let controllers = canister
        .controllers
        .iter()
        .map(|id| cbor::bytes(id.as_slice()))
        .collect::<Vec<Value>>();
    let mut children = vec![("controllers", Tree::leaf(cbor::encode(controllers.into())))];
    if let (Some(hash), Some(metadata)) = (canister.module_hash, module) {
        children.push(("certified_data", Tree::leaf(&canister.certified_data[..])));
        children.push(("metadata", metadata));
        children.push(("module_hash", Tree::leaf(hash)));
    }
    children.extend(
        canister
            .created
            .map(|time| ("canister_creation_timestamp", number(time))),
    );
    children.extend(
        canister
            .installed
            .map(|time| ("last_install_timestamp", number(time))),
    );
    Tree::group(children)
}

fn request_tree(status: &Status) -> Tree {
    let text = |text: &str| Tree::leaf(text.as_bytes());
    match status {
        Status::Received => Tree::group([("status", text("received"))]),
        Status::Processing => Tree::group([("status", text("processing"))]),
        Status::Done => Tree::group([("status", text("done"))]),
        Status::Replied(reply) => Tree::group([
            ("reply", Tree::leaf(reply.clone())),
            ("status", text("replied")),
        ]),
        Status::Rejected(Reject {
            code,
            message,
            error_code,
        }) => Tree::group([
            ("error_code", text(error_code)),
            ("reject_code", number(*code)),
            ("reject_message", text(message)),
            ("status", text("rejected")),
        ]),
    }
}

/// Numbers name the fields, as `subnet/<id>/metrics` has them (pocket-ic-api 3.10).
fn metrics(metrics: &Metrics) -> Vec<u8> {
    let numbered =
        |values: Vec<Value>| Value::Map((0..).map(|n: u64| Value::from(n)).zip(values).collect());
    let high = (metrics.consumed_cycles >> 64) as u64;
    let low = metrics.consumed_cycles as u64;
    cbor::encode(numbered(vec![
        metrics.canisters.into(),
        metrics.state_bytes.into(),
        numbered(vec![high.into(), low.into()]),
        metrics.transactions.into(),
    ]))
}
