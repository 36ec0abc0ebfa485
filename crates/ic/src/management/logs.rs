//! `fetch_canister_logs` (management-canister.md 1.26; since-october-2025.md 5.2): a query of users and, since 2026, of canisters,
//! which may also call it. A filter is obeyed since 2026.

use candid::Principal;

use super::call::{Answer, Call, Caller};
use super::decode::Given;
use super::types::logs::{
    CanisterLogRecord, FetchCanisterLogsArgs, FetchCanisterLogsReply, LogFilter,
};
use super::writer::encoded;
use super::{State, decode};
use crate::canister::Canister;
use crate::canister::log::LogRecord;
use crate::errors::{ManagementError, QueryError, UserError};
use crate::protocol::{Date, Era};

/// Bytes of a record in a reply beside its content, about.
const RECORD_BYTES: usize = 24;

/// The method as a replicated call: of canisters only, where it is there at all.
pub fn fetch_replicated(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<FetchCanisterLogsArgs>,
) -> Answer {
    let canisters_may = state.config.protocol.logs_are_filtered;
    if !canisters_may || matches!(call.caller, Caller::User { .. }) {
        return Err(ManagementError::LogsOnlyForUsers);
    }
    let args = args?;
    let canister = super::target::existing(state, &args.canister_id)?;
    read(state, canister, &call.sender(), &args)
}

/// The method as a query.
///
/// # Errors
/// IC0408; IC0301; IC0406 for who may not read the log.
pub fn fetch(state: &State, sender: &Principal, payload: &[u8]) -> Result<Vec<u8>, UserError> {
    let args = decode::one::<FetchCanisterLogsArgs>(payload)?;
    let Some(canister) = state.canisters.get(&args.canister_id) else {
        return Err(QueryError::CanisterNotFound(args.canister_id).into());
    };
    Ok(read(state, canister, sender, &args)?)
}

fn read(
    state: &State,
    canister: &Canister,
    caller: &Principal,
    args: &FetchCanisterLogsArgs,
) -> Answer {
    if !canister.may_read_log(caller) {
        return Err(ManagementError::LogsNotAllowed { caller: *caller });
    }
    let protocol = &state.config.protocol;
    if args.filter.is_some() && !protocol.logs_are_filtered {
        let era = Era::since(Date::November2026);
        let what = format_args!("the filter of fetch_canister_logs");
        state.notes.another_date(protocol.date, what, era);
    }
    let filter = args.filter.as_ref().filter(|_| protocol.logs_are_filtered);
    let records = canister.log.records();
    let mut records: Vec<&LogRecord> = records.filter(|it| is_wanted(it, filter)).collect();
    fit(&mut records, protocol.log_reply_bytes, filter.is_some());
    let reply = FetchCanisterLogsReply {
        canister_log_records: records
            .into_iter()
            .map(|record| CanisterLogRecord {
                idx: record.index,
                timestamp_nanos: record.time,
                content: record.content.clone(),
            })
            .collect(),
    };
    Ok(encoded(&reply))
}

/// Ranges are half open.
fn is_wanted(record: &LogRecord, filter: Option<&LogFilter>) -> bool {
    match filter {
        None => true,
        Some(LogFilter::ByIdx(range)) => (range.start..range.end).contains(&record.index),
        Some(LogFilter::ByTimestampNanos(range)) => (range.start..range.end).contains(&record.time),
    }
}

/// Cuts what is too much for a reply: of all records the oldest, of those that were filtered the newest.
fn fit(records: &mut Vec<&LogRecord>, bytes: usize, filtered: bool) {
    let mut left = bytes;
    let mut fits = |record: &&LogRecord| {
        let size = record.content.len() + RECORD_BYTES;
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    match filtered {
        true => {
            let kept = records.iter().take_while(|record| fits(record)).count();
            records.truncate(kept);
        }
        false => {
            let kept = records
                .iter()
                .rev()
                .take_while(|record| fits(record))
                .count();
            records.drain(..records.len() - kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::management::types::logs::LogRange;

    fn record(index: u64, bytes: usize) -> LogRecord {
        LogRecord {
            index,
            time: 100 * index,
            content: vec![b'x'; bytes],
        }
    }

    #[test]
    fn ranges_are_half_open_and_empty_when_they_end_before_they_begin() {
        let wanted = |filter: LogFilter| -> Vec<u64> {
            let wanted = (0..5).filter(|index| is_wanted(&record(*index, 0), Some(&filter)));
            wanted.collect()
        };
        let range = |start, end| LogRange { start, end };
        assert_eq!(wanted(LogFilter::ByIdx(range(1, 3))), [1, 2]);
        assert_eq!(wanted(LogFilter::ByIdx(range(3, 3))), [0; 0]);
        assert_eq!(wanted(LogFilter::ByIdx(range(3, 1))), [0; 0]);
        assert_eq!(wanted(LogFilter::ByTimestampNanos(range(100, 201))), [1, 2]);
    }

    #[test]
    fn a_reply_ends_with_the_newest_or_starts_with_the_first_match() {
        let all: Vec<LogRecord> = (0..4).map(|index| record(index, 76)).collect();
        let kept = |filtered| -> Vec<u64> {
            let mut records: Vec<&LogRecord> = all.iter().collect();
            fit(&mut records, 250, filtered);
            records.iter().map(|record| record.index).collect()
        };
        assert_eq!(kept(false), [2, 3]);
        assert_eq!(kept(true), [0, 1]);
    }
}
