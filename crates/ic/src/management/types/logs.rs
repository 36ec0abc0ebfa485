//! What `fetch_canister_logs` takes and answers.

use candid::{CandidType, Deserialize, Principal};

/// A range of log records.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct LogRange {
    pub start: u64,
    pub end: u64,
}

/// Which log records are wanted; obeyed since 2026.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum LogFilter {
    #[serde(rename = "by_idx")]
    ByIdx(LogRange),
    #[serde(rename = "by_timestamp_nanos")]
    ByTimestampNanos(LogRange),
}

/// Argument of `fetch_canister_logs`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct FetchCanisterLogsArgs {
    pub canister_id: Principal,
    pub filter: Option<LogFilter>,
}

/// A record of a canister's log.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct CanisterLogRecord {
    /// Counts over the canister's life.
    pub idx: u64,
    pub timestamp_nanos: u64,
    #[serde(with = "serde_bytes")]
    pub content: Vec<u8>,
}

/// Answer of `fetch_canister_logs`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct FetchCanisterLogsReply {
    pub canister_log_records: Vec<CanisterLogRecord>,
}
