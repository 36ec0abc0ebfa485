//! A Candid vector of at most `N` elements. Owns the refusal of longer ones while they are decoded, with the text that the
//! Internet Computer gives (management-canister.md, section 0.3); it does not limit the size of an element.

use candid::types::{Serializer, Type};
use candid::{CandidType, Deserialize};
use serde::Deserializer;
use serde::de::{Error, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// `vec T` that does not decode with more than `N` elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited<const N: usize, T>(pub Vec<T>);

impl<const N: usize, T: CandidType> CandidType for Limited<N, T> {
    fn _ty() -> Type {
        Vec::<T>::ty()
    }

    fn idl_serialize<S: Serializer>(&self, serializer: S) -> Result<(), S::Error> {
        self.0.idl_serialize(serializer)
    }
}

struct LimitedVisitor<const N: usize, T>(PhantomData<T>);

impl<'de, const N: usize, T: Deserialize<'de>> Visitor<'de> for LimitedVisitor<N, T> {
    type Value = Limited<N, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "max {N} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while let Some(element) = elements.next_element()? {
            // Only now: an element that does not decode is reported before one too many.
            if kept.len() == N {
                return Err(A::Error::custom(format_args!(
                    "The number of elements exceeds maximum allowed {N}"
                )));
            }
            kept.push(element);
        }
        Ok(Limited(kept))
    }
}

impl<'de, const N: usize, T: Deserialize<'de>> Deserialize<'de> for Limited<N, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(LimitedVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_itself_decodes_and_one_more_does_not() {
        let two = candid::encode_one(vec![1_u64, 2]).expect("encodes");
        let three = candid::encode_one(vec![1_u64, 2, 3]).expect("encodes");
        let limited: Limited<2, u64> = candid::decode_one(&two).expect("two are allowed");
        assert_eq!(limited.0, [1, 2]);
        let error = candid::decode_one::<Limited<2, u64>>(&three).expect_err("three are not");
        assert!(
            format!("{error:?}").contains("The number of elements exceeds maximum allowed 2"),
            "{error:?}"
        );
    }

    #[test]
    fn it_encodes_as_a_plain_vector() {
        let plain = candid::encode_one(vec!["a", "b"]).expect("encodes");
        let limited = candid::encode_one(Limited::<3, _>(vec!["a", "b"])).expect("encodes");
        assert_eq!(limited, plain);
    }
}
