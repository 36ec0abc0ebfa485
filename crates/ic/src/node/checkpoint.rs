//! What a checkpoint makes of the state of rounds: executions under way begin anew, rotations too, and no module counts as
//! compiled before (scheduling.md 1.13). Nothing is written anywhere.

use super::Node;
use super::conclusion::give_up_calls;
use crate::config::Checkpoints;

impl Node {
    /// True if the round ends with a checkpoint.
    pub(super) fn is_checkpoint_due(&self) -> bool {
        match self.state.config.checkpoints {
            Checkpoints::AfterIngress => !self.inbox.is_empty(),
            Checkpoints::ByInterval => {
                let interval = self.state.limits.checkpoint_interval;
                self.state.round.is_multiple_of(interval)
            }
        }
    }

    /// Makes a checkpoint.
    pub(super) fn checkpoint(&mut self) {
        self.state.known_modules.clear();
        self.abort_install();
        self.abort_paused();
        self.state.canisters.reset_rotations();
    }

    /// Lets go of what the executions under way have done; each begins anew when it is its canister's turn.
    fn abort_paused(&mut self) {
        let subnet_id = self.state.subnet_id();
        let ids: Vec<_> = self.paused.keys().copied().collect();
        for id in ids {
            let (Some(mut pending), Some(canister)) =
                (self.paused.remove(&id), self.state.canisters.get_mut(&id))
            else {
                continue;
            };
            give_up_calls(canister, subnet_id, pending.abort());
            self.paused.insert(id, pending);
        }
    }
}
