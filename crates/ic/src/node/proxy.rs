//! A canister of ours that makes a call with cycles, since users have none to send along.
//!
//! Owns its module, its id, and how it is asked and answers. Who drives the node installs it like any other.

use candid::Principal;

use crate::answer::MessageResult;
use crate::errors::{ErrorCode, UserError};
use crate::management::ids::canister_id;

/// Number of the canister's id. Nothing hands it out.
const NUMBER: u64 = 0xf_fffe;

/// Its module, made of `proxy.wat`.
pub const MODULE: &[u8] = include_bytes!("proxy.wasm");
/// Its update method.
pub const METHOD: &str = "call";
/// Cycles that it keeps beside those it sends.
pub const CYCLES: u128 = 1_000_000_000_000_000;

/// Its id.
pub fn id() -> Principal {
    canister_id(NUMBER)
}

/// The argument that makes it call a method with cycles.
///
/// # Errors
/// A method name of more than 255 bytes.
pub fn argument(
    callee: Principal,
    method: &str,
    cycles: u128,
    argument: &[u8],
) -> Result<Vec<u8>, UserError> {
    let length = u8::try_from(method.len()).map_err(|_| {
        UserError::new(
            ErrorCode::CanisterMethodNotFound,
            "a method name of more than 255 bytes cannot be called with cycles".to_owned(),
        )
    })?;
    let mut payload = vec![callee.as_slice().len() as u8];
    payload.extend(callee.as_slice());
    payload.push(length);
    payload.extend(method.as_bytes());
    payload.extend(((cycles >> 64) as u64).to_le_bytes());
    payload.extend((cycles as u64).to_le_bytes());
    payload.extend(argument);
    Ok(payload)
}

/// What the callee answered, of what the proxy did: a reject that carries an error's code is that error.
pub fn callees(result: MessageResult) -> MessageResult {
    let MessageResult::Rejected(text) = &result else {
        return result;
    };
    let error = text.split_once(": ").and_then(|(code, description)| {
        let code = ErrorCode::from_text(code)?;
        Some(UserError::new(code, description.to_owned()))
    });
    error.map_or(result, MessageResult::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_is_made_of_its_text() {
        let made = wat::parse_str(include_str!("proxy.wat")).expect("valid text");
        assert!(made == MODULE, "make proxy.wasm anew");
    }
}
