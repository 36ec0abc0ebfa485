//! Calls of the management canister that the server makes itself, in the name of somebody.

use candid::Principal;
use drun_ic::answer::MessageResult;
use drun_ic::net::{AWAIT_ROUNDS, Call, Effective, Net};

/// Calls a method, with the canister that it is about, and waits for its reply.
///
/// # Errors
/// Why there is none.
pub(crate) fn manage(
    net: &mut Net,
    sender: Principal,
    about: Principal,
    method: &str,
    payload: Vec<u8>,
) -> Result<Vec<u8>, String> {
    let call = Call {
        sender,
        info: None,
        canister: Principal::management_canister(),
        effective: Effective::Canister(about),
        method: method.to_owned(),
        payload,
    };
    let failed = |error: &dyn std::fmt::Display| format!("{method} of {about}: {error}");
    let submitted = net
        .submit_of_any_size(&call)
        .map_err(|error| failed(&error))?;
    let (_, message) = submitted.map_err(|error| failed(&error))?;
    match net.wait(&message, AWAIT_ROUNDS) {
        Ok(MessageResult::Replied(reply)) => Ok(reply),
        Ok(MessageResult::Rejected(text)) => Err(failed(&text)),
        Ok(MessageResult::Failed(error)) => Err(failed(&error)),
        Err(error) => Err(failed(&error)),
    }
}
