//! What the methods of the management canister take and answer, as Candid sees it: one file per family of methods.
//! Owns the exact set of fields on the wire (management-canister.md, section 1), not their meaning. Missing `opt` fields read
//! as `None`; `nat` is [`candid::Nat`] where a caller may send any number and `u128` where we answer.

pub mod bitcoin;
pub mod chunks;
pub mod http;
pub mod info;
pub mod install;
pub mod keys;
pub mod lifecycle;
pub mod limited;
pub mod logs;
pub mod metrics;
pub mod settings;
pub mod snapshots;
pub mod status;
pub mod subnet;

/// Encodes and decodes golden replies in the tests of the families.
#[cfg(test)]
pub(crate) mod golden {
    use candid::CandidType;
    use serde::de::DeserializeOwned;

    /// The reply that `hex` holds. Panics unless encoding it again gives the same bytes.
    pub(crate) fn round_trip<T: CandidType + DeserializeOwned>(hex: &str) -> T {
        let bytes = hex::decode(hex).expect("golden replies are hexadecimal");
        let value: T = candid::decode_one(&bytes).expect("golden replies decode");
        assert_eq!(
            hex::encode(candid::encode_one(&value).expect("encodes")),
            hex
        );
        value
    }
}
