//! CBOR as the interface specification wants it: one self-described item, maps with text keys. The format itself is `ciborium`'s.

pub use ciborium::Value;

/// The tag that marks self-described CBOR (RFC 8949, 3.4.6).
const SELF_DESCRIBED: u64 = 55_799;

/// The bytes of a value, with the self-describing tag.
pub fn encode(value: Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(&Value::Tag(SELF_DESCRIBED, Box::new(value)), &mut bytes)
        .expect("writing to memory does not fail");
    bytes
}

/// The value that the bytes are, with or without the self-describing tag.
///
/// # Errors
/// In words, if the bytes are no CBOR, nest too deeply, or more than one item.
pub fn decode(bytes: &[u8]) -> Result<Value, String> {
    let mut rest = bytes;
    let mut value: Value = ciborium::from_reader(&mut rest).map_err(|error| error.to_string())?;
    if !rest.is_empty() {
        return Err(format!("{} bytes after the end", rest.len()));
    }
    while let Value::Tag(SELF_DESCRIBED, inner) = value {
        value = *inner;
    }
    Ok(value)
}

/// A map with text keys, in the given order.
pub fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(
        entries
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect(),
    )
}

/// A byte string.
pub fn bytes(content: &[u8]) -> Value {
    Value::Bytes(content.to_vec())
}

/// What stands in a map under a text key. Nothing if the value is no map.
pub fn get<'a>(map: &'a Value, key: &str) -> Option<&'a Value> {
    let entries = map.as_map()?;
    entries
        .iter()
        .find(|(name, _)| name.as_text() == Some(key))
        .map(|(_, value)| value)
}

/// Takes out what stands in a map under a text key.
pub fn take(map: &mut Value, key: &str) -> Option<Value> {
    let entries = map.as_map_mut()?;
    let at = entries
        .iter()
        .position(|(name, _)| name.as_text() == Some(key))?;
    Some(entries.swap_remove(at).1)
}

/// A number of at most 64 bits.
pub fn number(value: &Value) -> Option<u64> {
    value.as_integer()?.try_into().ok()
}
