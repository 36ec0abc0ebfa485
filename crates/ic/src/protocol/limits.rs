//! Limits by kind of subnet (scheduling.md 0.2, metering.md 7). Owns the numbers, and what a limit given by the user makes of them.

/// The kind of subnet: its fees and limits (`metering.md`, sections 7 and 8, in the words of the interface specification "system subnet" and "application subnet").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubnetType {
    /// Free of charge, with the larger limits.
    #[default]
    System,
    /// Fees are charged.
    Application,
}

impl std::str::FromStr for SubnetType {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "system" => Ok(SubnetType::System),
            "application" => Ok(SubnetType::Application),
            _ => Err(format!(
                "unknown subnet type '{text}', expected system or application"
            )),
        }
    }
}

/// How executions are cut into slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slicing {
    /// As long as a slice of the subnet, or as the whole message if the user gives a limit.
    #[default]
    Usual,
    /// As long as a slice of the subnet, whatever limit the user gives (metering.md 7.2).
    Always,
    /// Not at all: a slice is a message, a round is the longest installation.
    Never,
}

const BILLION: u64 = 1_000_000_000;

/// Limits of a subnet; in instructions unless another unit is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// An update, callback or task.
    pub message: u64,
    /// A query method executed as a replicated message, and an upper bound of a plain query.
    pub without_slicing: u64,
    /// One slice of a message.
    pub slice: u64,
    /// An `install_code` as a whole.
    pub install: u64,
    /// A function that an `install_code` runs: `start`, `canister_init`, `canister_pre_upgrade`, `canister_post_upgrade`.
    pub hook: u64,
    /// One slice of an `install_code`.
    pub install_slice: u64,
    /// A round.
    pub round: u64,
    /// A tree of query calls; bounds a plain query too.
    pub query_graph: u64,
    /// `canister_inspect_message`.
    pub inspect: u64,
    /// Bytes of changed memory after which a round ends.
    pub heap_delta: u64,
    /// Bytes of the largest message of a user.
    pub ingress_bytes: u64,
    /// Rounds between two checkpoints.
    pub checkpoint_interval: u64,
}

impl Limits {
    /// Of a system subnet.
    const SYSTEM: Limits = Limits {
        message: 50 * BILLION,
        without_slicing: 50 * BILLION,
        slice: 2 * BILLION,
        install: 1000 * BILLION,
        hook: 1000 * BILLION,
        install_slice: 5 * BILLION,
        round: 52 * BILLION,
        query_graph: 5 * BILLION,
        inspect: 200_000_000,
        heap_delta: 2_000_000_000,
        ingress_bytes: 3_670_016,
        checkpoint_interval: 200,
    };
    /// Of an application subnet.
    const APPLICATION: Limits = Limits {
        message: 40 * BILLION,
        without_slicing: 5 * BILLION,
        slice: 2 * BILLION,
        install: 300 * BILLION,
        hook: 300 * BILLION,
        install_slice: 2 * BILLION,
        round: 7 * BILLION,
        query_graph: 5 * BILLION,
        inspect: 200_000_000,
        heap_delta: 200_000_000,
        ingress_bytes: 2_097_152,
        checkpoint_interval: 500,
    };

    /// The limits of a kind of subnet, with a limit that the user gives for one message. Of that no more counts than 63 bits hold,
    /// so that what is left can be a signed number.
    pub fn new(subnet_type: SubnetType, slicing: Slicing, instruction_limit: Option<u64>) -> Self {
        let mut limits = match subnet_type {
            SubnetType::System => Limits::SYSTEM,
            SubnetType::Application => Limits::APPLICATION,
        };
        if slicing == Slicing::Never {
            limits.slice = limits.message;
            limits.install_slice = limits.install;
            limits.round = limits.install;
        }
        if let Some(limit) = instruction_limit {
            let limit = limit.min(i64::MAX as u64);
            limits.message = limit;
            limits.without_slicing = limit;
            limits.query_graph = limit;
            if slicing != Slicing::Always {
                limits.slice = limit;
            }
            limits.round = limits.round.max(limit);
        }
        limits
    }

    /// Instructions that canisters may use in a round before no further message is started (`scheduling.md`, 1.10).
    pub fn round_budget(&self) -> i64 {
        let reserve = self.slice.max(self.without_slicing);
        i64::try_from(self.round.saturating_sub(reserve) + 1).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_64_bits_is_as_good_as_none() {
        let limits = Limits::new(SubnetType::System, Slicing::Usual, Some(u64::MAX));
        assert_eq!(limits.query_graph, i64::MAX as u64);
        assert_eq!(limits.slice, limits.message);
        assert!(limits.round_budget() > 0);
    }

    #[test]
    fn who_always_slices_does_so_under_any_limit() {
        let slice = |slicing, limit| Limits::new(SubnetType::Application, slicing, limit).slice;
        assert_eq!(slice(Slicing::Always, Some(7)), 2 * BILLION);
        assert_eq!(slice(Slicing::Usual, Some(7)), 7);
        assert_eq!(slice(Slicing::Never, None), 40 * BILLION);
    }
}
