//! `fetch_canister_logs`: a query of users only (management-canister.md 1.26). A filter is decoded and not obeyed.

use candid::{Encode, Principal};

use super::call::{Answer, Call};
use super::types::logs::{CanisterLogRecord, FetchCanisterLogsArgs, FetchCanisterLogsReply};
use super::{State, decode};
use crate::errors::{ManagementError, QueryError, UserError};

/// The method as a replicated call, which is always refused.
pub fn refuse_replicated(_: &Call<'_>) -> Answer {
    Err(ManagementError::LogsOnlyForUsers)
}

/// The method as a query.
///
/// # Errors
/// IC0408; IC0301; IC0406 for who may not read the log.
pub fn fetch(state: &State, sender: &Principal, payload: &[u8]) -> Result<Vec<u8>, UserError> {
    let id = decode::one::<FetchCanisterLogsArgs>(payload)?.canister_id;
    let Some(canister) = state.canisters.get(&id) else {
        return Err(QueryError::CanisterNotFound(id).into());
    };
    if !canister.may_read_log(sender) {
        return Err(ManagementError::LogsNotAllowed { caller: *sender }.into());
    }
    let reply = FetchCanisterLogsReply {
        canister_log_records: canister
            .log
            .records()
            .map(|record| CanisterLogRecord {
                idx: record.index,
                timestamp_nanos: record.time,
                content: record.content.clone(),
            })
            .collect(),
    };
    Ok(Encode!(&reply).expect("encoding to memory does not fail"))
}
