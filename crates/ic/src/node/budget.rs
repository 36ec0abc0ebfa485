//! The instructions that a round may use, on four cores (scheduling.md 1.10). Owns arithmetic only.

/// Cores of the scheduler.
pub(super) const CORES: usize = 4;
/// Charged for every execution.
const EXECUTION_OVERHEAD: i64 = 2_000_000;
/// Charged for every turn of a canister that used instructions.
const TURN_OVERHEAD: i64 = 8_000_000;
/// Charged for every canister in every iteration.
const CANISTER_OVERHEAD: i64 = 12_000;

/// What is left of a round.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    left: i64,
    cores: [i64; CORES],
}

impl Budget {
    /// A round of so many instructions.
    pub(super) fn new(instructions: i64) -> Self {
        Budget {
            left: instructions,
            cores: [instructions; CORES],
        }
    }

    /// Begins an iteration.
    pub(super) fn begin_iteration(&mut self) {
        self.cores = [self.left; CORES];
    }

    /// True if a canister dealt out as the `position`th may start another message.
    pub(super) fn allows(&self, position: usize) -> bool {
        self.cores[position % CORES] > 0
    }

    /// Charges an execution to the core of the `position`th canister.
    pub(super) fn execution(&mut self, position: usize, instructions: u64) {
        let instructions = i64::try_from(instructions).unwrap_or(i64::MAX);
        self.charge(position, instructions.saturating_add(EXECUTION_OVERHEAD));
    }

    /// Charges a turn in which instructions were used.
    pub(super) fn turn(&mut self, position: usize) {
        self.charge(position, TURN_OVERHEAD);
    }

    fn charge(&mut self, position: usize, instructions: i64) {
        let core = &mut self.cores[position % CORES];
        *core = core.saturating_sub(instructions);
    }

    /// Ends an iteration on a subnet of so many canisters; true if the round may go on.
    pub(super) fn end_iteration(&mut self, canisters: usize) -> bool {
        self.left = self.cores.iter().copied().min().unwrap_or(self.left);
        let overhead = CANISTER_OVERHEAD * canisters as i64;
        self.left = self.left.saturating_sub(overhead);
        self.left > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scheduling.md 1.10: a chain of tiny messages on a single canister runs 200 iterations in a round of 2 * 10^9 + 1.
    #[test]
    fn a_chain_of_tiny_messages_has_two_hundred_iterations() {
        let mut budget = Budget::new(2_000_000_001);
        let mut iterations = 0;
        loop {
            budget.begin_iteration();
            assert!(budget.allows(0));
            budget.execution(0, 5_000);
            budget.turn(0);
            iterations += 1;
            if !budget.end_iteration(1) {
                break;
            }
        }
        assert_eq!(iterations, 200);
    }

    /// Under a limit of 63 bits an execution may use as many.
    #[test]
    fn an_execution_of_all_instructions_that_there_are_ends_the_round() {
        let mut budget = Budget::new(1);
        for _ in 0..2 {
            budget.begin_iteration();
            budget.execution(0, i64::MAX as u64);
            budget.turn(0);
            assert!(!budget.allows(0));
            assert!(!budget.end_iteration(1));
        }
    }

    #[test]
    fn the_busiest_core_decides() {
        let mut budget = Budget::new(100_000_000);
        budget.begin_iteration();
        budget.execution(0, 90_000_000);
        budget.execution(1, 10_000_000);
        assert!(budget.allows(0) && budget.allows(1));
        budget.execution(4, 10_000_000);
        assert!(
            !budget.allows(0),
            "the fifth canister shares the first core"
        );
        assert!(!budget.end_iteration(5));
    }
}
