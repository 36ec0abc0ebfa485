//! What time costs: storage, compute and existing, charged when ten seconds have passed (metering.md 8.6), and what becomes of
//! canisters that cannot pay. Owns the periodic charge only.

use super::Node;
use super::round::SECOND;
use crate::canister::consumed::Purpose;

/// Seconds between two charges.
const INTERVAL: u64 = 10;
const SECONDS_PER_DAY: u128 = 86_400;

impl Node {
    /// Charges all canisters for the time that has passed.
    pub(super) fn charge_resources(&mut self) {
        if self.state.fees.free() {
            return;
        }
        let now = self.state.time;
        if now.saturating_sub(self.charged_all_since) < INTERVAL * SECOND {
            return;
        }
        let ids: Vec<_> = self.state.canisters.keys().copied().collect();
        let mut earliest = now;
        for id in ids {
            let Some(canister) = self.state.canisters.get(&id) else {
                continue;
            };
            let passed = now.saturating_sub(canister.charged_at);
            if passed < INTERVAL * SECOND
                || self.paused.contains_key(&id)
                || self.is_installing(&id)
            {
                earliest = earliest.min(canister.charged_at);
                continue;
            }
            let bytes = canister
                .memory_metrics(self.state.bookkeeping)
                .total()
                .max(canister.settings.memory_allocation);
            let seconds = u128::from(passed / SECOND);
            let terms = self.state.fees.idle_per_day(
                bytes,
                self.state.message_bytes(canister),
                canister.settings.compute_allocation,
            );
            let terms = terms.map(|term| term * seconds / SECONDS_PER_DAY);
            let due: u128 = terms.iter().sum();
            let [storage, messages, compute, base] = terms;
            let Some(canister) = self.state.canisters.get_mut(&id) else {
                continue;
            };
            canister.charged_at = now;
            let reserved = canister.reserved_cycles.min(due);
            canister.reserved_cycles -= reserved;
            match canister.cycles.checked_sub(due - reserved) {
                Some(left) => {
                    canister.cycles = left;
                    canister
                        .consumed
                        .add(Purpose::Memory, storage + messages + base);
                    canister.consumed.add(Purpose::ComputeAllocation, compute);
                    self.state.charged(due - reserved);
                }
                None => {
                    let mut notices = Vec::new();
                    crate::management::out_of_cycles(&mut self.state, &id, &mut notices);
                    for notice in notices {
                        self.deliver_notice(notice);
                    }
                }
            }
        }
        self.charged_all_since = earliest;
    }
}
