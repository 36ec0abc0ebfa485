//! The id of a snapshot: whose it is and its number there. Owns its bytes, its printed form and the refusal of malformed
//! ones while an argument is decoded (management-canister.md, section 1.27 to 1.34).

use candid::types::{Serializer, Type};
use candid::{CandidType, Deserialize, Principal};
use serde::Deserializer;
use serde::de::Error;
use serde_bytes::ByteBuf;
use std::fmt;

/// Length of the number in front of the canister id, in bytes.
const NUMBER_BYTES: usize = 8;
/// Longest id: that of a canister with a principal of 29 bytes. Refusals call it the "minumum".
const LONGEST: usize = NUMBER_BYTES + 29;

/// Identifies a snapshot; prints as `{canister id}-{number}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId {
    /// The canister that the snapshot was taken from or uploaded for.
    pub canister: Principal,
    /// Counts the canister's snapshots from 0, without reuse.
    pub number: u64,
}

impl SnapshotId {
    /// The number, big-endian, followed by the canister id.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = self.number.to_be_bytes().to_vec();
        bytes.extend_from_slice(self.canister.as_slice());
        bytes
    }

    /// The reverse of [`SnapshotId::to_bytes`]; `None` where no canister id can follow the number.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (number, canister) = bytes.split_first_chunk::<NUMBER_BYTES>()?;
        if canister.is_empty() {
            return None;
        }
        Some(SnapshotId {
            canister: Principal::try_from_slice(canister).ok()?,
            number: u64::from_be_bytes(*number),
        })
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.canister, self.number)
    }
}

impl CandidType for SnapshotId {
    fn _ty() -> Type {
        Vec::<u8>::ty()
    }

    fn idl_serialize<S: Serializer>(&self, serializer: S) -> Result<(), S::Error> {
        serializer.serialize_blob(&self.to_bytes())
    }
}

impl<'de> Deserialize<'de> for SnapshotId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = ByteBuf::deserialize(deserializer)?;
        SnapshotId::from_bytes(&bytes).ok_or_else(|| {
            D::Error::custom(format_args!(
                "Invalid length of SnapshotId: Invalid snapshot ID length: provided {}, minumum length expected {LONGEST}.",
                bytes.len()
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_stands_in_front_of_the_canister() {
        let id = SnapshotId {
            canister: Principal::from_text("rwlgt-iiaaa-aaaaa-aaaaa-cai").expect("valid"),
            number: 258,
        };
        let bytes = [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
        assert_eq!(id.to_bytes(), bytes);
        assert_eq!(SnapshotId::from_bytes(&bytes), Some(id));
        assert_eq!(id.to_string(), "rwlgt-iiaaa-aaaaa-aaaaa-cai-258");
    }

    #[test]
    fn what_cannot_hold_a_canister_id_is_no_snapshot_id() {
        for length in [0, 3, 8, LONGEST + 1] {
            assert_eq!(SnapshotId::from_bytes(&vec![1; length]), None, "{length}");
        }
        assert!(SnapshotId::from_bytes(&[1; LONGEST]).is_some());
    }
}
