//! Bytes to values, without an interface.
//!
//! Owns the limits of decoding, so that a reply of a few bytes that claims to be a billion values ends in an error. The
//! wire format is the candid crate's.

use candid::DecoderConfig;
use candid::types::value::IDLArgs;

/// Work that decoding may take; a value of some bytes costs about four units a byte.
const QUOTA: usize = 50_000_000;

/// Reads a reply or an argument by the types that it carries itself.
///
/// # Errors
/// Why the bytes are no Candid, in words.
pub fn decode(bytes: &[u8]) -> Result<IDLArgs, String> {
    let mut config = DecoderConfig::new();
    config
        .set_decoding_quota(QUOTA)
        .set_skipping_quota(QUOTA)
        .set_full_error_message(false);
    IDLArgs::from_bytes_with_config(bytes, &config).map_err(|error| error.to_string())
}
