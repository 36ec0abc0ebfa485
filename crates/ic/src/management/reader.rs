//! Reads a Candid message within the quota of the Internet Computer for what nobody asked for (management-canister.md, section
//! 0.3). Words nothing.

use candid::de::IDLDeserialize;
use candid::{CandidType, DecoderConfig, Deserialize};

/// Work that may be spent on fields and arguments that nobody asked for.
const SKIPPING_QUOTA: usize = 10_000;

/// What can be decoded from the first value of a message.
pub trait Readable: CandidType + for<'de> Deserialize<'de> {}

impl<T: CandidType + for<'de> Deserialize<'de>> Readable for T {}

/// Such work for each byte of a message that has any length.
const SKIPPING_A_BYTE: usize = 100;

/// Reads the types of a message. `full` errors show where in the bytes decoding stopped.
pub(super) fn header(payload: &[u8], full: bool) -> Result<IDLDeserialize<'_>, candid::Error> {
    within(SKIPPING_QUOTA, payload, full)
}

/// The same of a message whose length tells how much may be skipped.
pub(super) fn long_header(message: &[u8]) -> Result<IDLDeserialize<'_>, candid::Error> {
    let quota = message.len().saturating_mul(SKIPPING_A_BYTE);
    within(quota.saturating_add(SKIPPING_QUOTA), message, true)
}

fn within(
    skipping: usize,
    message: &[u8],
    full: bool,
) -> Result<IDLDeserialize<'_>, candid::Error> {
    let mut config = DecoderConfig::new();
    config
        .set_skipping_quota(skipping)
        .set_full_error_message(full);
    IDLDeserialize::new_with_config(message, &config)
}

/// Reads the first value and checks that everything else can be skipped.
pub(super) fn first<T: Readable>(mut values: IDLDeserialize<'_>) -> Result<T, candid::Error> {
    let value = values.get_value()?;
    values.done()?;
    Ok(value)
}
