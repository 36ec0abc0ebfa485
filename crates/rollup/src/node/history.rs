//! The inbox as the protocol hashes it: a skip list over the messages of a level, and one over levels
//! (rollup-node.md, section 5.3).

use serde::{Deserialize, Serialize};

use crate::encoding::hash::{Hash, blake2b};

/// The basis of both skip lists.
const BASIS: u64 = 4;

/// The newest cell of a skip list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Its number, from 0.
    pub index: u64,
    /// The hash of what it holds, before pointers: see [`messages`] and [`Inbox`].
    pub hash: Hash,
    /// The hashes of the cells it points back to, the nearest first.
    pub back: Vec<Hash>,
}

impl Cell {
    /// The cell after an older one; `content` is hashed in front of the pointers.
    fn after(previous: Option<&Self>, content: &[u8]) -> Self {
        let Some(previous) = previous else {
            return Self {
                index: 0,
                hash: blake2b(content),
                back: Vec::new(),
            };
        };
        let index = previous.index + 1;
        let mut back = Vec::new();
        let mut power = 1;
        while power <= index {
            let pointer = if index.is_multiple_of(power) {
                previous.hash
            } else {
                previous.back[back.len()]
            };
            back.push(pointer);
            power *= BASIS;
        }
        let mut bytes = content.to_vec();
        bytes.extend(back.iter().flatten());
        Self {
            index,
            hash: blake2b(&bytes),
            back,
        }
    }
}

/// The hash of all messages of a level: that of the last cell of a skip list over the hashes of their bytes.
pub fn messages(payloads: &[Vec<u8>]) -> Hash {
    let mut cell = None;
    for payload in payloads {
        cell = Some(Cell::after(cell.as_ref(), &blake2b(payload)));
    }
    cell.unwrap_or_default().hash
}

/// The history of the inbox up to a level.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbox {
    /// The level.
    pub level: i32,
    /// The hash of its messages.
    pub witness: Hash,
    /// Its cell.
    pub cell: Cell,
}

impl Inbox {
    /// The history with one more level.
    pub fn after(previous: Option<&Self>, level: i32, payloads: &[Vec<u8>]) -> Self {
        let witness = messages(payloads);
        let content = [&witness[..], level.to_string().as_bytes()].concat();
        Self {
            level,
            witness,
            cell: Cell::after(previous.map(|inbox| &inbox.cell), &content),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::base58::{INBOX, PAYLOAD, WITNESS};
    use crate::inbox::{level, message};

    #[test]
    fn the_vectors_of_the_sheet() {
        assert_eq!(
            PAYLOAD.encode(&blake2b(&message::START_OF_LEVEL)),
            "srib32fy7RRGLqvJx3UpPuyZ3eHyBWJfCzGga1KSoGdieUmsz7dFp9B"
        );
        let info = message::Info::default();
        let levels = [
            (
                level(info, Some("nairobi_017"), false, Vec::new()),
                "srib23tumE79q1GsGgFJuwcukfpgYZhxchPMvE9RR8ssfd61UpiE7oa",
                "srib13FAKNoBSWqgYDtnRXpcBWexTxtkBbJyKfcFLUgTQtxD1HUAW9L",
            ),
            (
                level(info, None, false, Vec::new()),
                "srib22tzdGtxV3taucEanSfxCEaa913X3ojWTpxmBmD7qPZ8mHGQ8Kg",
                "srib12aPvNecbdqujtxEEhpQXgA5yrQSW1hauHBBexEDrsa54kqZai3",
            ),
            (
                level(info, None, false, vec![message::external(b"test")]),
                "srib22MAWgoesbN2h42wXJswDMjvCxuzUPxeVPHQ8hZBymS6sHdfxMe",
                "srib12AwE1YRvKYiVCqDo37guAq9y2MtdLJ4oznZHjVnjoLgzJXthkT",
            ),
        ];
        let mut inbox = None;
        for ((payloads, witness, hash), level) in levels.into_iter().zip(0..) {
            let next = Inbox::after(inbox.as_ref(), level, &payloads);
            assert_eq!(WITNESS.encode(&next.witness), witness);
            assert_eq!(INBOX.encode(&next.cell.hash), hash);
            inbox = Some(next);
        }
    }

    #[test]
    fn a_cell_points_back_by_powers_of_four() {
        let mut cells = vec![Cell::after(None, b"0")];
        for n in 1..70u64 {
            cells.push(Cell::after(cells.last(), n.to_string().as_bytes()));
        }
        let pointers = |n: usize| -> Vec<usize> {
            let found = cells[n].back.iter();
            found
                .map(|hash| cells.iter().position(|cell| cell.hash == *hash).unwrap())
                .collect()
        };
        assert_eq!(pointers(1), [0]);
        assert_eq!(pointers(4), [3, 3]);
        assert_eq!(pointers(17), [16, 15, 15]);
        assert_eq!(pointers(64), [63, 63, 63, 63]);
        assert_eq!(pointers(67), [66, 63, 63, 63]);
    }
}
