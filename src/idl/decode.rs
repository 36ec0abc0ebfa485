//! Bytes to values, without an interface.
//!
//! Owns the limits of decoding, so that a reply of a few bytes that claims to be a billion values ends in an error. The
//! wire format is the candid crate's.

use std::fmt;

use candid::DecoderConfig;
use candid::types::value::IDLArgs;

/// Work that decoding any bytes may take, in the units of the candid crate (`DecoderConfig::set_decoding_quota`), which are
/// fifty a step where the types are not known before.
const BASE: usize = 50_000_000;
/// Work beyond that for each byte. A blob takes 50 units a byte, a vector of one-byte values 250, one of variants
/// without values 850.
const FOR_A_BYTE: usize = 1_000;

/// Why there are no values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undecoded {
    /// The bytes are no Candid; with the reason.
    NoCandid(String),
    /// They may be, and stand for more values than so many bytes are believed to hold, or for values that are nested deeper than
    /// the stack allows.
    TooMuch,
}

impl fmt::Display for Undecoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Undecoded::NoCandid(reason) => write!(f, "is no Candid: {reason}"),
            Undecoded::TooMuch => {
                f.write_str("is not decoded: it claims too many values, or nests them too deep")
            }
        }
    }
}

/// Reads a reply or an argument by the types that it carries itself.
///
/// # Errors
/// If the bytes are no Candid, or decoding them takes too much work.
pub fn decode(bytes: &[u8]) -> Result<IDLArgs, Undecoded> {
    let quota = BASE.saturating_add(bytes.len().saturating_mul(FOR_A_BYTE));
    let mut config = DecoderConfig::new();
    config
        .set_decoding_quota(quota)
        .set_skipping_quota(quota)
        .set_full_error_message(false);
    IDLArgs::from_bytes_with_config(bytes, &config).map_err(|error| {
        let reason = match &error {
            candid::Error::Custom(error) => error.root_cause().to_string(),
            error => error.to_string(),
        };
        // The candid crate has no other sign of its limits.
        let limits = [
            "cost exceeds the limit",
            "Recursion limit",
            "Recursion depth",
        ];
        match limits.iter().any(|limit| reason.contains(limit)) {
            true => Undecoded::TooMuch,
            false => Undecoded::NoCandid(reason),
        }
    })
}
