//! Commitments: what they say, how they are hashed, and when they are due, published and cemented
//! (rollup-node.md, section 7).

use serde::{Deserialize, Serialize};

use crate::encoding::hash::{Hash, blake2b};

/// What a rollup claims about a level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commitment {
    /// The hash of the state after the level; our own, not Irmin's.
    pub state: Hash,
    /// The level.
    pub level: i32,
    /// The commitment before.
    pub predecessor: Hash,
    /// Ticks since that one.
    pub ticks: u64,
}

impl Commitment {
    /// Its hash.
    pub fn hash(&self) -> Hash {
        let mut bytes = self.state.to_vec();
        bytes.extend(self.level.to_be_bytes());
        bytes.extend(self.predecessor);
        bytes.extend(self.ticks.to_be_bytes());
        blake2b(&bytes)
    }
}

/// The constants of Layer 1 that a node goes by. All but the block time are numbers of levels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Constants {
    /// Seconds between blocks; 0 makes blocks on request only.
    pub block_time: f64,
    /// From one commitment to the next.
    pub commitment_period: i32,
    /// How long a commitment can be challenged.
    pub challenge_window: i32,
    /// How far commitments may run ahead of the last cemented one.
    pub max_lookahead: i32,
    /// For how long outbox messages can be executed.
    pub active_outbox_levels: i32,
    /// The distance between head and finalized block.
    pub finality: i32,
}

impl Constants {
    /// A set by its name; the sheet's table in section 7.2.
    pub fn preset(name: &str) -> Option<Self> {
        let of = |block_time, period, window, lookahead, active| Self {
            block_time,
            commitment_period: period,
            challenge_window: window,
            max_lookahead: lookahead,
            active_outbox_levels: active,
            finality: 2,
        };
        Some(match name {
            "fast" => of(1.0, 20, 40, 5_000, 1_000),
            "sandbox" => of(1.0, 150, 201_600, 432_000, 151_200),
            "mainnet" => of(6.0, 150, 201_600, 432_000, 151_200),
            _ => return None,
        })
    }

    /// The level whose commitment can be in the block of a level, at the latest.
    pub fn published_by(&self, block: i32) -> i32 {
        block - 1 - self.finality
    }

    /// The level whose commitment can be cemented in the block of a level, at the latest.
    pub fn cemented_by(&self, block: i32) -> i32 {
        let (window, period) = (self.challenge_window, self.commitment_period.max(1));
        let whole = (window + period - 1) / period * period;
        block - 1 - whole.max(self.finality + 1 + window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::base58::{COMMITMENT, STATE};

    #[test]
    fn the_vectors_of_the_sheet() {
        let state = [0x11; 32];
        assert_eq!(
            STATE.encode(&state),
            "srs11ZWE34ur1d8j81Eqt68v2P5gFkP3hHms6kQ9Qo26j7ktDeu85y"
        );
        assert_eq!(
            COMMITMENT.encode(&[0; 32]),
            "src12UJzB8mg7yU6nWPzicH7ofJbFjyJEbHvwtZdfRXi8DQHNp1LY8"
        );
        for (level, ticks, hash) in [
            (
                42,
                1_234_567_890,
                "src13CZ1GD7z88GWMCHMuR1tqrzUj3oRpoefi8GdAVy5dipP64pzFe",
            ),
            (
                0,
                0,
                "src13Tm4pVosYge3fRZZ16SRNZjoFWQ5qRpsvoGz3onyVNch6T4Jaj",
            ),
        ] {
            let commitment = Commitment {
                state,
                level,
                predecessor: [0; 32],
                ticks,
            };
            assert_eq!(COMMITMENT.encode(&commitment.hash()), hash);
        }
    }

    #[test]
    fn publication_and_cementing_are_counted_in_levels() {
        let constants = Constants::preset("fast").unwrap();
        // The commitment of level 20 is in block 23; candidate at 63, cemented by 64.
        assert_eq!(constants.published_by(23), 20);
        assert_eq!(constants.cemented_by(64), 20);
        assert_eq!(constants.cemented_by(63), 19);
        let longer = Constants {
            commitment_period: 30,
            ..constants
        };
        // The window is rounded up to whole periods: 60.
        assert_eq!(longer.cemented_by(91), 30);
    }
}
