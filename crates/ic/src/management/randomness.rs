//! `raw_rand`: 32 bytes of the round's randomness.

use super::State;
use super::call::{Answer, Call};
use super::decode::Given;
use super::writer::encoded;

/// The answer to `raw_rand`.
pub fn raw_rand(state: &mut State, call: &mut Call<'_>, args: Given<()>) -> Answer {
    call.only_canisters()?;
    args?;
    let bytes = serde_bytes::ByteBuf::from(state.random.next_bytes());
    Ok(encoded(&bytes))
}
