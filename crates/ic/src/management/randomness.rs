//! `raw_rand`: 32 bytes of the round's randomness.

use candid::Encode;

use super::dispatch::{Answer, Call};
use super::{State, decode};

pub fn raw_rand(state: &mut State, call: &mut Call<'_>) -> Answer {
    call.only_canisters()?;
    decode::nothing(call.payload)?;
    let bytes = serde_bytes::ByteBuf::from(state.random.next_bytes());
    Ok(Encode!(&bytes).expect("encoding to memory does not fail"))
}
