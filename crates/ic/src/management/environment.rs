//! The hash of environment variables that the history of a new canister records (management-canister.md, section 2.2).

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// SHA-256 over the pairs SHA-256(name) ++ SHA-256(value), in ascending order of their bytes.
pub fn environment_variables_hash(variables: &BTreeMap<String, String>) -> [u8; 32] {
    let mut pairs: Vec<[u8; 64]> = variables
        .iter()
        .map(|(name, value)| {
            let mut pair = [0; 64];
            pair[..32].copy_from_slice(&Sha256::digest(name));
            pair[32..].copy_from_slice(&Sha256::digest(value));
            pair
        })
        .collect();
    pairs.sort_unstable();
    let mut all = Sha256::new();
    for pair in pairs {
        all.update(pair);
    }
    all.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_hash_of_two_variables_comes_out() {
        let variables = [("b", "1"), ("a", "2")].map(|(k, v)| (k.to_string(), v.to_string()));
        let hash = environment_variables_hash(&variables.into());
        assert_eq!(
            hex::encode(hash),
            "037b6f9ebd22a84974132de596abc6f898cafecbab0d2d08ce78b2f81eff8bc6"
        );
    }

    #[test]
    fn no_variables_hash_to_the_empty_hash() {
        let empty: [u8; 32] = Sha256::digest(b"").into();
        assert_eq!(environment_variables_hash(&BTreeMap::new()), empty);
    }
}
