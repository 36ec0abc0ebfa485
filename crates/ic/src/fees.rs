//! What things cost in cycles (metering.md, section 8). Owns formulas and roundings, not balances.

use crate::config::NodeSettings;
use crate::protocol::SubnetType;

/// The subnet size that the base fees are made for.
const REFERENCE_NODES: u128 = 13;
const SECONDS_PER_DAY: u128 = 86_400;
const GIB: u128 = 1 << 30;

/// Largest response that a call prepays for, in bytes.
pub const MAX_RESPONSE_BYTES: u128 = 2_097_152;

/// Longest time that new memory is paid for ahead, on a full subnet, in seconds: ten years.
const MAX_RESERVATION_SECONDS: u128 = 10 * 365 * SECONDS_PER_DAY;

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
    message_limit: u64,
}

impl Fees {
    /// The price list that follows from the settings of a run.
    pub fn new(config: &NodeSettings) -> Self {
        Fees {
            nodes: u128::from(config.nodes),
            free: config.free || config.subnet_type == SubnetType::System,
            message_limit: config.limits().message,
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

    /// Storage, message memory and compute allocation for a day.
    pub fn idle_per_day(&self, bytes: u64, message_bytes: u64, percent: u64) -> [u128; 3] {
        [
            self.storage(bytes, SECONDS_PER_DAY),
            self.storage(message_bytes, SECONDS_PER_DAY),
            self.compute(percent, SECONDS_PER_DAY),
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

    /// A threshold signature by a subnet of so many nodes; charged on system subnets too.
    pub fn signature(signing_nodes: u64) -> u128 {
        10_000_000_000 * u128::from(signing_nodes) / REFERENCE_NODES
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
        assert_eq!(fees.idle_per_day(190, 0, 0), [1_941, 0, 0]);
        assert_eq!(fees.idle_per_day(264_893, 0, 0), [2_706_998, 0, 0]);
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
