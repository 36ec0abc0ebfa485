//! What things cost in cycles (metering.md, section 8). Owns formulas and roundings, not balances.

use crate::config::{CostSchedule, NodeSettings};
use crate::outcall::{Outcall, OutcallKind, Replication};
use crate::protocol::SubnetType;

/// The subnet size that the base fees are made for.
const REFERENCE_NODES: u128 = 13;
const SECONDS_PER_DAY: u128 = 86_400;
const GIB: u128 = 1 << 30;

/// Largest response that a call prepays for, in bytes.
pub const MAX_RESPONSE_BYTES: u128 = 2_097_152;

/// Longest time that new memory is paid for ahead, on a full subnet, in seconds: ten years.
const MAX_RESERVATION_SECONDS: u128 = 10 * 365 * SECONDS_PER_DAY;

/// Bytes that are delivered at least, as a quote sees it: a reject may be delivered instead of an answer. The number is chosen.
const SMALLEST_DELIVERY: u64 = 1024;

/// How full a subnet is, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fullness {
    /// In use or allocated.
    pub used: u64,
    /// Above this, cycles are set aside for new memory.
    pub start: u64,
    /// All there is.
    pub capacity: u64,
}

/// The price list of a subnet.
#[derive(Clone, Copy, Debug)]
pub struct Fees {
    nodes: u128,
    free: bool,
    /// Signatures cost nothing either.
    free_schedule: bool,
    message_limit: u64,
    /// Cycles a second of a canister for existing, on the reference subnet.
    base: u128,
}

impl Fees {
    /// The price list that follows from the settings of a run.
    pub fn new(config: &NodeSettings) -> Self {
        Fees {
            nodes: u128::from(config.nodes),
            free: config.subnet_type == SubnetType::System
                || config.cost_schedule == CostSchedule::Free,
            free_schedule: config.cost_schedule == CostSchedule::Free,
            message_limit: config.limits().message,
            base: config.protocol.base_fee,
        }
    }

    /// True where nothing costs anything.
    pub fn free(&self) -> bool {
        self.free
    }

    fn scale(&self, base: u128) -> u128 {
        if self.free {
            0
        } else {
            base.saturating_mul(self.nodes) / REFERENCE_NODES
        }
    }

    fn instructions(instructions: u64, wasm64: bool) -> u128 {
        u128::from(instructions) * if wasm64 { 2 } else { 1 }
    }

    /// An execution of so many instructions, with its fixed part.
    pub fn execution(&self, instructions: u64, wasm64: bool) -> u128 {
        self.scale(5_000_000 + Self::instructions(instructions, wasm64))
    }

    /// What comes back for instructions that were prepaid and not used.
    pub fn unused(&self, instructions: u64, wasm64: bool) -> u128 {
        self.scale(Self::instructions(instructions, wasm64))
    }

    /// What an execution costs in the end for which `limit` instructions were prepaid: both steps are rounded.
    pub fn executed(&self, limit: u64, instructions: u64, wasm64: bool) -> u128 {
        self.execution(limit, wasm64) - self.unused(limit.saturating_sub(instructions), wasm64)
    }

    /// Sending a request of so many bytes (method name and argument).
    pub fn request(&self, bytes: u64) -> u128 {
        self.scale(260_000) + self.transmission(u128::from(bytes))
    }

    /// Transmitting so many bytes of a response.
    pub fn transmission(&self, bytes: u128) -> u128 {
        self.scale(1000 * bytes)
    }

    /// Prepayments for a response: its transmission and the execution of its callback.
    pub fn response_prepayments(&self, wasm64: bool) -> (u128, u128) {
        (
            self.transmission(MAX_RESPONSE_BYTES),
            self.execution(self.message_limit, wasm64),
        )
    }

    /// Receiving an ingress message of so many bytes.
    pub fn ingress(&self, bytes: u64) -> u128 {
        self.scale(1_200_000 + 2_000 * u128::from(bytes))
    }

    /// Creating a canister.
    pub fn creation(&self) -> u128 {
        self.scale(500_000_000_000)
    }

    /// Storing so many bytes for so many seconds.
    pub fn storage(&self, bytes: u64, seconds: u128) -> u128 {
        self.scale((u128::from(bytes) * 127_000).saturating_mul(seconds) / GIB)
    }

    /// What is set aside for so many new bytes: nothing up to a certain use of the subnet, from there on the price of storing
    /// them for a time that grows linearly with the use.
    pub fn reservation(&self, bytes: u64, subnet: Fullness) -> u128 {
        let range = u128::from(subnet.capacity.saturating_sub(subnet.start)).max(1);
        let used = u128::from(subnet.used) + u128::from(bytes);
        let above = used.saturating_sub(subnet.start.into()).min(range);
        self.storage(bytes, MAX_RESERVATION_SECONDS * above / range)
    }

    /// A compute allocation in percent for so many seconds.
    pub fn compute(&self, percent: u64, seconds: u128) -> u128 {
        self.scale(10_000_000 * seconds * u128::from(percent))
    }

    /// Storage, message memory, compute allocation and existing for a day.
    pub fn idle_per_day(&self, bytes: u64, message_bytes: u64, percent: u64) -> [u128; 4] {
        [
            self.storage(bytes, SECONDS_PER_DAY),
            self.storage(message_bytes, SECONDS_PER_DAY),
            self.compute(percent, SECONDS_PER_DAY),
            self.scale(self.base * SECONDS_PER_DAY),
        ]
    }

    /// `ic0.cost_call`: always that of a 13-node subnet (metering.md, 8.8).
    pub fn cost_call(&self, bytes: u64, wasm64: bool) -> u128 {
        if self.free {
            return 0;
        }
        let reference = Fees {
            nodes: REFERENCE_NODES,
            ..*self
        };
        let (transmission, execution) = reference.response_prepayments(wasm64);
        reference.request(bytes) + transmission + execution
    }

    /// An HTTP outcall with a request and a largest response of so many bytes (metering.md, 8.5).
    pub fn http_request(&self, request: u64, response: u64) -> u128 {
        if self.free {
            return 0;
        }
        (3_000_000 + 60_000 * self.nodes + 400 * u128::from(request) + 800 * u128::from(response))
            * self.nodes
    }

    /// What an outcall of pricing version 2 costs before anybody is asked (since-october-2025.md 4.4).
    pub fn outcall_base(&self, kind: OutcallKind, request_bytes: u64) -> u128 {
        if self.free {
            return 0;
        }
        let n = self.nodes;
        let replicated = match kind {
            OutcallKind::FullyReplicated => 140_000 * n + 800 * n * n,
            OutcallKind::NonReplicated => 90_000 * n + 2_000 * n + 100_000,
            OutcallKind::Flexible(counts) => {
                let min = u128::from(self.counts(counts).min_responses);
                90_000 * n + (2_000 * n + 100_000) * min
            }
        };
        (1_000_000 + 50 * u128::from(request_bytes) + replicated) * n
    }

    /// What each node spends that performs the outcall.
    pub fn outcall_usage(&self, outcall: &Outcall) -> u128 {
        if self.free {
            return 0;
        }
        let gossip = match outcall.kind {
            OutcallKind::FullyReplicated => 0,
            OutcallKind::NonReplicated | OutcallKind::Flexible(_) => {
                50 * self.nodes * u128::from(outcall.transformed_response_bytes)
            }
        };
        50 * u128::from(outcall.raw_response_bytes)
            + 300 * u128::from(outcall.roundtrip_ms)
            + u128::from(outcall.transform_instructions) / REFERENCE_NODES
            + gossip
    }

    /// Delivering so many bytes, and so many answers more than a flexible outcall asks for at least.
    pub fn outcall_delivery(&self, bytes: u64, more_responses: u64) -> u128 {
        if self.free {
            return 0;
        }
        let n = self.nodes;
        n * (10 * n + 600) * u128::from(bytes)
            + (2_000 * n + 100_000) * n * u128::from(more_responses)
    }

    /// What to attach to an outcall, so that it certainly suffices.
    pub fn outcall_quote(&self, outcall: &Outcall) -> u128 {
        let outcall = &Outcall {
            transformed_response_bytes: outcall.transformed_response_bytes.max(SMALLEST_DELIVERY),
            ..*outcall
        };
        let base = self.outcall_base(outcall.kind, outcall.request_bytes);
        let usage = self.outcall_usage(outcall);
        let delivery = self.outcall_delivery(outcall.transformed_response_bytes, 0);
        match outcall.kind {
            OutcallKind::FullyReplicated => {
                let agreeing = self.nodes - (self.nodes.saturating_sub(1)) / 3;
                base + self.nodes * (usage + delivery.div_ceil(agreeing.max(1)))
            }
            OutcallKind::NonReplicated => base + usage + delivery,
            OutcallKind::Flexible(counts) => {
                let counts = self.counts(counts);
                let max = u128::from(counts.max_responses);
                let more = max.saturating_sub(counts.min_responses.into()) as u64;
                base + u128::from(counts.total_requests) * usage
                    + delivery * max
                    + self.outcall_delivery(0, more)
            }
        }
    }

    fn counts(&self, counts: Option<Replication>) -> Replication {
        counts.unwrap_or_else(|| Replication::default_of(self.nodes as u64))
    }

    /// A threshold signature by a subnet of so many nodes; charged on system subnets too.
    pub fn signature(&self, signing_nodes: u64) -> u128 {
        match self.free_schedule {
            true => 0,
            false => 10_000_000_000 * u128::from(signing_nodes) / REFERENCE_NODES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Protocol;

    fn application(nodes: u64) -> Fees {
        Fees::new(&NodeSettings {
            nodes,
            ..NodeSettings::new(Protocol::OCTOBER_2025, SubnetType::Application)
        })
    }

    /// The table of metering.md 8.2 and the figures of 8.3.
    #[test]
    fn prepayments_of_one_and_thirteen_nodes() {
        let (one, thirteen) = (application(1), application(13));
        let limit = 40_000_000_000;
        assert_eq!(thirteen.execution(limit, false), 40_005_000_000);
        assert_eq!(thirteen.execution(limit, true), 80_005_000_000);
        assert_eq!(one.execution(limit, false), 3_077_307_692);
        assert_eq!(one.execution(limit, true), 6_154_230_769);
        let call = |fees: Fees, wasm64| {
            let (transmission, execution) = fees.response_prepayments(wasm64);
            fees.request(0) + transmission + execution
        };
        assert_eq!(call(thirteen, false), 42_102_412_000);
        assert_eq!(call(thirteen, true), 82_102_412_000);
        assert_eq!(call(one, false), 3_238_647_076);
        assert_eq!(one.cost_call(16, true), 82_102_428_000);
        assert_eq!(one.http_request(15, 2000), 4_666_000);
    }

    /// 190 bytes burn 1,941 cycles a day, 264,893 bytes 2,706,998 (management-canister.md 6.3).
    #[test]
    fn idle_burn_of_thirteen_nodes() {
        let fees = application(13);
        assert_eq!(fees.idle_per_day(190, 0, 0), [1_941, 0, 0, 0]);
        assert_eq!(fees.idle_per_day(264_893, 0, 0), [2_706_998, 0, 0, 0]);
    }

    /// The three published quotes, and the table of since-october-2025-rules.md 2.3.
    #[test]
    fn outcalls_that_pay_as_they_go_cost_what_is_published() {
        let today = |nodes| {
            Fees::new(&NodeSettings {
                nodes,
                ..NodeSettings::new(Protocol::NOVEMBER_2026, SubnetType::Application)
            })
        };
        let outcall = |raw, transformed, ms, instructions| Outcall {
            request_bytes: 200,
            roundtrip_ms: ms,
            raw_response_bytes: raw,
            transformed_response_bytes: transformed,
            transform_instructions: instructions,
            kind: OutcallKind::FullyReplicated,
        };
        for (outcall, quote) in [
            (outcall(4000, 5024, 60_000, 5_000_000_000), 5_344_015_469),
            (outcall(4000, 5024, 300, 1_000_000), 112_185_476),
            (outcall(2000, 2000, 300, 1_000_000), 69_433_156),
        ] {
            assert_eq!(today(13).outcall_quote(&outcall), quote);
        }
        for (nodes, base, by_byte, by_delivered_byte) in [
            (1, 1_140_800, 50, 610),
            (13, 38_417_600, 650, 9490),
            (34, 227_283_200, 1700, 31_960),
        ] {
            let fees = today(nodes);
            let of = |bytes| fees.outcall_base(OutcallKind::FullyReplicated, bytes);
            assert_eq!((of(0), of(1) - of(0)), (base, by_byte));
            assert_eq!(fees.outcall_delivery(1, 0), by_delivered_byte);
        }
        // One node of thirteen: base, then what it spends and delivers; a flexible one of one node is the same.
        let one = Outcall {
            kind: OutcallKind::NonReplicated,
            ..outcall(4000, 5024, 300, 1_000_000)
        };
        let base = (1_000_000 + 50 * 200 + 90_000 * 13 + 126_000) * 13;
        let usage = 50 * 4000 + 300 * 300 + 76_923 + 50 * 13 * 5024;
        assert_eq!(today(13).outcall_quote(&one), base + usage + 9490 * 5024);
        let counts = Replication {
            min_responses: 1,
            max_responses: 1,
            total_requests: 1,
        };
        let flexible = Outcall {
            kind: OutcallKind::Flexible(Some(counts)),
            ..one
        };
        assert_eq!(
            today(13).outcall_quote(&flexible),
            base + usage + 9490 * 5024
        );
    }

    /// since-october-2025-rules.md 2.1: 864,000,000 more a day on 13 nodes, 769 a second on one, 26,153 on 34.
    #[test]
    fn existing_costs_something_since_2026() {
        let per_day = |nodes, protocol| {
            Fees::new(&NodeSettings {
                nodes,
                ..NodeSettings::new(protocol, SubnetType::Application)
            })
            .idle_per_day(0, 0, 0)[3]
        };
        assert_eq!(per_day(13, Protocol::NOVEMBER_2026), 864_000_000);
        assert_eq!(per_day(1, Protocol::NOVEMBER_2026) / 86_400, 769);
        assert_eq!(per_day(34, Protocol::NOVEMBER_2026) / 86_400, 26_153);
        assert_eq!(per_day(13, Protocol::OCTOBER_2025), 0);
    }

    #[test]
    fn a_system_subnet_is_free_of_charge() {
        let fees = Fees::new(&NodeSettings::new(
            Protocol::OCTOBER_2025,
            SubnetType::System,
        ));
        assert_eq!(
            fees.execution(1_000, true) + fees.ingress(10) + fees.creation(),
            0
        );
        assert_eq!(fees.cost_call(10, false) + fees.http_request(1, 1), 0);
    }
}
