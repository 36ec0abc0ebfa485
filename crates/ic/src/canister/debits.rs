//! What a canister has to work off before it may install code or store snapshots and chunks again: rate limits of application
//! subnets (metering.md 7.1). Owns the arithmetic.

/// Instructions of installations that a round pays off.
const INSTALL_PER_ROUND: u64 = 2_000_000_000;
/// Bytes of changed memory that a round pays off.
pub const HEAP_DELTA_PER_ROUND: u64 = 75 << 20;

/// The debits of a canister.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Debits {
    /// Instructions of its installations, failed ones too.
    pub install: u64,
    /// Bytes of pages that its executions changed.
    pub heap_delta: u64,
}

impl Debits {
    /// The end of a round.
    pub fn pay_off(&mut self) {
        self.install = self.install.saturating_sub(INSTALL_PER_ROUND);
        self.heap_delta = self.heap_delta.saturating_sub(HEAP_DELTA_PER_ROUND);
    }

    /// The debit of changed memory, if it is too large for storing more.
    pub fn excessive_heap_delta(&self) -> Option<u64> {
        (self.heap_delta >= HEAP_DELTA_PER_ROUND).then_some(self.heap_delta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_pays_off_two_billion_instructions_and_75_mebibytes() {
        let mut debits = Debits {
            install: 4_000_000_001,
            heap_delta: 160 << 20,
        };
        debits.pay_off();
        assert_eq!(
            (debits.install, debits.heap_delta >> 20),
            (2_000_000_001, 85)
        );
        assert_eq!(debits.excessive_heap_delta(), Some(85 << 20));
        debits.pay_off();
        assert_eq!((debits.install, debits.heap_delta >> 20), (1, 10));
        assert_eq!(debits.excessive_heap_delta(), None);
        debits.pay_off();
        assert_eq!(debits, Debits::default());
    }
}
