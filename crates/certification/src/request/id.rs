//! Hashes of structured data that do not depend on how it is written down, and with them the ids of requests (interface specification,
//! "Representation-independent hashing of structured data").

use ciborium::Value;
use sha2::{Digest as _, Sha256};

use crate::leb128;

/// The id of a request: the hash of its content.
pub type RequestId = [u8; 32];

/// The hash of a value. Nothing for what has none: negative numbers, floats, truth values, nulls, maps with keys that are no text.
pub fn hash_of(value: &Value) -> Option<[u8; 32]> {
    let mut hash = Sha256::new();
    match value {
        Value::Bytes(bytes) => hash.update(bytes),
        Value::Text(text) => hash.update(text),
        Value::Integer(number) => {
            hash.update(leb128::encode(u128::try_from(i128::from(*number)).ok()?))
        }
        Value::Array(items) => {
            for item in items {
                hash.update(hash_of(item)?);
            }
        }
        Value::Map(entries) => {
            let entry = |(key, value): &(Value, Value)| {
                Some((hash_of(&key.as_text()?.into())?, hash_of(value)?))
            };
            let mut entries = entries.iter().map(entry).collect::<Option<Vec<_>>>()?;
            entries.sort_unstable();
            for (key, value) in entries {
                hash.update(key);
                hash.update(value);
            }
        }
        Value::Tag(_, inner) => return hash_of(inner),
        _ => return None,
    }
    Some(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor;

    /// The example of the interface specification ("Request ids").
    #[test]
    fn the_example_of_the_specification_has_its_id() {
        let content = cbor::map([
            ("request_type", "call".into()),
            ("sender", cbor::bytes(&[4])),
            ("ingress_expiry", 1_685_570_400_000_000_000_u64.into()),
            ("canister_id", cbor::bytes(&[0, 0, 0, 0, 0, 0, 4, 0xd2])),
            ("method_name", "hello".into()),
            ("arg", cbor::bytes(b"DIDL\0\xfd*")),
        ]);
        let id = "1d1091364d6bb8a6c16b203ee75467d59ead468f523eb058880ae8ec80e2b101";
        assert_eq!(hash_of(&content).map(hex::encode).as_deref(), Some(id));
    }

    #[test]
    fn the_order_of_a_map_does_not_matter_and_floats_have_no_hash() {
        let one = cbor::map([("a", 1.into()), ("b", "x".into())]);
        let other = cbor::map([("b", "x".into()), ("a", 1.into())]);
        assert_eq!(hash_of(&one), hash_of(&other));
        assert_eq!(hash_of(&cbor::map([("a", 1.5.into())])), None);
        assert_eq!(hash_of(&Value::Integer((-1).into())), None);
    }
}
