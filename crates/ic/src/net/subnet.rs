//! One subnet of a network: its node, and what the network knows about it from outside.

use candid::Principal;
use sha2::{Digest, Sha256};

use super::kind::SubnetKind;
use crate::config::{CostSchedule, IdRanges, NodeSettings};
use crate::management::ids::{RANGE, canister_id};
use crate::node::{Neighbour, Node};
use crate::protocol::Protocol;

/// First number of the first range that is handed out; the others follow downwards.
const FIRST_RANGE: u64 = 0xffff_ffff_ffe0_0000;
/// Ranges of the main network: all below are its.
pub(crate) const MAINNET_END: u64 = 1024 * RANGE;
/// The limit of instructions of subnets for benchmarks (pocket-ic-api.md 3.1).
const BENCHMARK_INSTRUCTIONS: u64 = 99_999_999_999_999;

/// A subnet that is wished for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubnetSpec {
    /// Its kind.
    pub kind: SubnetKind,
    /// Limits of instructions that nothing reaches.
    pub benchmarking: bool,
    /// Nothing costs anything.
    pub free: bool,
    /// Who may manage the subnet beside the network (since-october-2025.md 2.7).
    pub admins: Option<Vec<Principal>>,
    /// A block of the main network whose ids it hosts: its first number.
    pub mainnet_block: Option<u64>,
    /// It has the id that the one of its kind has on the main network, in the place of that of its key.
    pub mainnet_id: bool,
    /// It was made because somebody wanted such an id, and is no place for canisters that may be anywhere.
    pub on_the_fly: bool,
}

impl SubnetSpec {
    /// A subnet of this kind as they usually are.
    pub fn new(kind: SubnetKind) -> Self {
        SubnetSpec {
            kind,
            benchmarking: false,
            free: kind == SubnetKind::CloudEngine,
            admins: None,
            mainnet_block: None,
            mainnet_id: false,
            on_the_fly: false,
        }
    }
}

/// A subnet.
pub struct Subnet {
    /// Its node.
    pub node: Node,
    /// How it was wished for.
    pub spec: SubnetSpec,
    /// How many were made before it.
    pub(super) number: u64,
    /// It was deleted, and is here for its key alone: nothing lives on it.
    pub(super) gone: bool,
    /// Its principal.
    pub id: Principal,
    /// Its public key in DER.
    pub public_key: Vec<u8>,
    /// What its keys are derived from.
    pub seed: [u8; 32],
    /// The canister numbers that it hosts, first and last; the last range is the one that automatic ids come from.
    pub ranges: Vec<(u64, u64)>,
}

/// The ranges of a subnet, the `n`th that gets a free one.
pub(super) fn ranges(spec: &SubnetSpec, n: u64) -> Vec<(u64, u64)> {
    let first = FIRST_RANGE - n * RANGE;
    let mut ranges = spec.kind.mainnet_ranges().to_vec();
    ranges.extend(spec.mainnet_block.map(|block| (block, block + RANGE - 1)));
    ranges.push((first, first + RANGE - 1));
    ranges
}

/// The seed of the keys of a subnet with these ranges: the same for the same ranges.
pub(super) fn seed(ranges: &[(u64, u64)]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update("drun subnet");
    for (first, last) in ranges {
        hash.update(first.to_be_bytes());
        hash.update(last.to_be_bytes());
    }
    hash.finalize().into()
}

impl Subnet {
    /// The settings of its node.
    pub(super) fn settings(
        protocol: Protocol,
        spec: &SubnetSpec,
        id: Principal,
        seed: &[u8; 32],
        ranges: &[(u64, u64)],
    ) -> NodeSettings {
        let (own, hosted) = ranges.split_last().expect("a subnet has a range");
        let mut random = [0; 8];
        random.copy_from_slice(&seed[..8]);
        NodeSettings {
            subnet_id: id,
            is_nns: spec.kind == SubnetKind::Nns,
            nodes: spec.kind.nodes(),
            cost_schedule: match spec.free {
                true => CostSchedule::Free,
                false => CostSchedule::Normal,
            },
            subnet_admins: spec.admins.clone().unwrap_or_default(),
            ids: IdRanges {
                first: own.0,
                own_may_be_chosen: false,
                hosted: hosted.to_vec(),
                elsewhere: Vec::new(),
            },
            seed: u64::from_le_bytes(random),
            instruction_limit: spec.benchmarking.then_some(BENCHMARK_INSTRUCTIONS),
            ..NodeSettings::new(protocol, spec.kind.subnet_type())
        }
    }

    /// Leaves nothing of it but its key.
    pub(super) fn empty(&mut self) {
        self.gone = true;
        self.ranges.clear();
        self.node = Node::new(self.node.settings().clone());
    }

    /// True if it hosts this id, whether or not there is such a canister.
    pub fn hosts(&self, number: u64) -> bool {
        let mut ranges = self.ranges.iter();
        ranges.any(|(first, last)| (*first..=*last).contains(&number))
    }

    /// The first automatic id.
    pub fn first_automatic_id(&self) -> Principal {
        canister_id(self.ranges.last().map_or(0, |range| range.0))
    }

    /// The subnet as the others know it.
    pub(super) fn neighbour(&self) -> Neighbour {
        let settings = self.node.settings();
        Neighbour {
            id: self.id,
            ranges: self.ranges.clone(),
            keys: settings.threshold_keys.clone(),
            nodes: settings.nodes,
            is_nns: settings.is_nns,
        }
    }
}
