//! What the methods about the subnet, the logs and Bitcoin take and answer. Of a Bitcoin request only the network is
//! read here; the rest is for the Bitcoin canister.

use candid::{CandidType, Deserialize, Principal};

/// Argument of `node_metrics_history`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct NodeMetricsHistoryArgs {
    pub subnet_id: Principal,
    pub start_at_timestamp_nanos: u64,
}

/// How one node did.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct NodeMetrics {
    pub node_id: Principal,
    pub num_blocks_proposed_total: u64,
    pub num_block_failures_total: u64,
}

/// An element of the answer of `node_metrics_history`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct NodeMetricsEntry {
    pub timestamp_nanos: u64,
    pub node_metrics: Vec<NodeMetrics>,
}

/// Argument of `subnet_info`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct SubnetInfoArgs {
    pub subnet_id: Principal,
}

/// Answer of `subnet_info`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct SubnetInfoReply {
    pub replica_version: String,
    pub registry_version: u64,
}

/// A range of log records.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct LogRange {
    pub start: u64,
    pub end: u64,
}

/// Which log records are wanted; decoded but not obeyed.
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

/// A Bitcoin network. The capitalised spellings are those of an older interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum BitcoinNetwork {
    #[serde(rename = "mainnet")]
    Mainnet,
    #[serde(rename = "testnet")]
    Testnet,
    #[serde(rename = "regtest")]
    Regtest,
    #[serde(rename = "Mainnet")]
    CapitalMainnet,
    #[serde(rename = "Testnet")]
    CapitalTestnet,
    #[serde(rename = "Regtest")]
    CapitalRegtest,
}

impl BitcoinNetwork {
    /// The canister that requests for this network are sent on to (management-canister.md, section 1.22).
    pub fn canister(self) -> Principal {
        match self {
            // ghsi2-tqaaa-aaaan-aaaca-cai
            BitcoinNetwork::Mainnet | BitcoinNetwork::CapitalMainnet => {
                Principal::from_slice(&[0, 0, 0, 0, 1, 0xa0, 0, 4, 1, 1])
            }
            // g4xu7-jiaaa-aaaan-aaaaq-cai
            BitcoinNetwork::Testnet
            | BitcoinNetwork::Regtest
            | BitcoinNetwork::CapitalTestnet
            | BitcoinNetwork::CapitalRegtest => {
                Principal::from_slice(&[0, 0, 0, 0, 1, 0xa0, 0, 1, 1, 1])
            }
        }
    }
}

/// The part of a `bitcoin_*` request that says where it goes.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct BitcoinArgs {
    pub network: BitcoinNetwork,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_in_both_spellings_lead_to_their_canister() {
        use BitcoinNetwork::*;
        for main in [Mainnet, CapitalMainnet] {
            assert_eq!(main.canister().to_text(), "ghsi2-tqaaa-aaaan-aaaca-cai");
        }
        for test in [Testnet, Regtest, CapitalTestnet, CapitalRegtest] {
            assert_eq!(test.canister().to_text(), "g4xu7-jiaaa-aaaan-aaaaq-cai");
        }
    }
}
