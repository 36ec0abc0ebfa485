//! What is read here of a Bitcoin request: the network. The rest is for the Bitcoin canister.

use candid::{CandidType, Deserialize, Principal};

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
