//! The arithmetic of instruction limits and slices (metering.md 1.5, 1.6). The counter is handed in and out.

/// Slices that one message may have at the most, before twice that many refills.
const MAX_SLICES: u64 = 400;

/// How many instructions an execution may use, and how many finished slices have used.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    limit: u64,
    slice: u64,
    current_slice: i64,
    /// Instructions of the current slice that the counter has not been given.
    withheld: i64,
    /// What the counter is given at once, at the most.
    portion: i64,
    executed: i64,
    refills: u64,
    slices: Vec<u64>,
}

/// Why an execution cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// It has used all instructions that it may use.
    Limit,
    /// One charge was larger than a slice by a whole slice.
    Slice {
        /// Instructions that the slice has used.
        instructions: u64,
        /// Instructions that a slice may use.
        limit: u64,
    },
}

/// What the counter goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refill {
    /// More of the current slice.
    Portion(i64),
    /// The next slice, or its first portion.
    Slice(i64),
}

impl Meter {
    /// For an execution of at most `limit` instructions in slices of at most `max_slice`.
    pub(crate) fn new(limit: u64, max_slice: u64) -> Self {
        let slice = max_slice.min(limit);
        let refills = match limit.checked_div(slice) {
            Some(slices) => (2 * slices.min(MAX_SLICES)).clamp(4, MAX_SLICES),
            None => 4,
        };
        Meter {
            limit,
            slice,
            current_slice: slice as i64,
            withheld: 0,
            portion: i64::MAX,
            executed: 0,
            refills,
            slices: Vec::new(),
        }
    }

    /// Hands slices out in portions of so many instructions, so that [`Self::refill`] is called more often. Nothing
    /// else changes.
    pub(crate) fn in_portions(&mut self, portion: u64) {
        self.portion = i64::try_from(portion).unwrap_or(i64::MAX);
    }

    /// What the counter is set to before the execution.
    pub(crate) fn initial_counter(&mut self) -> i64 {
        self.hand_out(self.current_slice)
    }

    fn hand_out(&mut self, instructions: i64) -> i64 {
        let portion = instructions.min(self.portion);
        self.withheld = instructions - portion;
        portion
    }

    /// Called when a check finds the counter below zero: what the counter goes on with, or the end of the execution.
    ///
    /// # Errors
    /// If the limit is exceeded, or by a whole slice the slice.
    pub(crate) fn refill(&mut self, counter: i64) -> Result<Refill, Exhausted> {
        let counter = counter.saturating_add(self.withheld);
        if counter >= 0 {
            return Ok(Refill::Portion(self.hand_out(counter)));
        }
        self.withheld = 0;
        let (limit, slice) = (self.limit as i64, self.slice as i64);
        let left = limit - self.executed;
        if self.current_slice >= left || self.refills <= 1 {
            return Err(Exhausted::Limit);
        }
        let used = self.current_slice.saturating_sub(counter).max(0);
        let carry = (used - self.current_slice).max(0);
        let next = |left: i64| (slice - carry).clamp(0, left.max(0));
        if next(left) == 0 {
            return Err(Exhausted::Slice {
                instructions: used as u64,
                limit: self.slice,
            });
        }
        self.slices.push(used as u64);
        self.executed += used;
        self.current_slice = next(limit - self.executed);
        self.refills -= 1;
        Ok(Refill::Slice(self.hand_out(self.current_slice)))
    }

    /// Whether the current slice is used up and not only the portion at hand.
    pub(crate) fn slice_is_over(&self, counter: i64) -> bool {
        counter.saturating_add(self.withheld) < 0
    }

    /// How many of `count` charges of `price` each the counter pays before a slice or portion is used up, at least one.
    #[inline]
    pub(crate) fn payable(counter: i64, price: u64, count: u64) -> u64 {
        let fitting = u64::try_from(counter).unwrap_or(0) / price.max(1);
        count.min(fitting + 1)
    }

    /// Instructions executed so far, not capped.
    #[inline]
    pub(crate) fn executed(&self, counter: i64) -> u64 {
        let left = counter.saturating_add(self.withheld);
        let current = self.current_slice.saturating_sub(left).max(0);
        self.executed.saturating_add(current) as u64
    }

    /// Instructions recorded as used at the end: at most the limit.
    #[inline]
    pub(crate) fn used(&self, counter: i64) -> u64 {
        self.executed(counter).min(self.limit)
    }

    /// The limit of this execution.
    #[inline]
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Instructions of the finished slices.
    #[inline]
    pub(crate) fn finished_slices(&self) -> &[u64] {
        &self.slices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_slicing_the_first_refill_fails_with_the_limit() {
        let mut meter = Meter::new(100, 100);
        assert_eq!(meter.initial_counter(), 100);
        assert_eq!(meter.refill(-1), Err(Exhausted::Limit));
    }

    #[test]
    fn what_a_slice_overshoots_is_taken_from_the_next() {
        let mut meter = Meter::new(100, 30);
        assert_eq!(meter.refill(-10).unwrap(), Refill::Slice(20));
        assert_eq!(meter.executed(20), 40);
        assert_eq!(meter.finished_slices(), [40]);
    }

    /// metering.md 1.5: a charge that overshoots a slice by a whole slice fails, telling what was executed in it.
    #[test]
    fn overshooting_by_a_whole_slice_fails() {
        let mut meter = Meter::new(50_000_000_000, 2_000_000_000);
        let counter = 2_000_000_000 - 4_294_967_399;
        let (instructions, limit) = (4_294_967_399, 2_000_000_000);
        let expected = Exhausted::Slice {
            instructions,
            limit,
        };
        assert_eq!(meter.refill(counter), Err(expected));
    }

    /// Example 15 of metering.md: 24 executed under a limit of 4 are recorded as 4.
    #[test]
    fn use_is_capped_at_the_limit() {
        let mut meter = Meter::new(4, 4);
        assert_eq!(meter.initial_counter(), 4);
        assert_eq!((meter.executed(-20), meter.used(-20)), (24, 4));
    }

    #[test]
    fn the_last_slice_ends_at_the_limit() {
        let mut meter = Meter::new(50, 30);
        assert_eq!(meter.refill(-1).unwrap(), Refill::Slice(19));
        assert!(meter.refill(-1).is_err());
    }

    /// Five charges of 20 in slices of 50: the third one overdraws the first slice.
    #[test]
    fn many_equal_charges_are_paid_slice_by_slice() {
        assert_eq!(Meter::payable(50, 20, 5), 3);
        assert_eq!(Meter::payable(50, 20, 2), 2);
        assert_eq!(Meter::payable(19, 20, 5), 1);
        assert_eq!(Meter::payable(-1, 20, 5), 1);
    }

    /// A slice of 30 in portions of 8: after 10 of them 2 are overdrawn, 20 are left and 8 at hand.
    #[test]
    fn portions_change_neither_slices_nor_counts() {
        let mut meter = Meter::new(50, 30);
        meter.in_portions(8);
        assert_eq!(meter.initial_counter(), 8);
        assert_eq!(meter.executed(5), 3);
        assert_eq!(meter.refill(-2).unwrap(), Refill::Portion(8));
        assert_eq!(meter.executed(8), 10);
        // 31 executed: the slice is over, and of the second one 19 are left, as without portions.
        assert_eq!(meter.refill(-13).unwrap(), Refill::Slice(8));
        assert_eq!(meter.finished_slices(), [31]);
        assert_eq!(meter.executed(0), 39);
        assert_eq!(meter.refill(-1).unwrap(), Refill::Portion(8));
        assert_eq!(meter.refill(-11), Err(Exhausted::Limit));
    }
}
