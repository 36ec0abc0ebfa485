//! Assertions of authenticators: what is signed when a browser signs for its user (interface specification, "Web Authentication").

use sha2::{Digest as _, Sha256};

use super::content;
use crate::cbor;

/// An assertion, as it is sent in place of a signature.
pub(super) struct Assertion {
    authenticator_data: Vec<u8>,
    client_data: String,
    /// The authenticator's signature.
    pub signature: Vec<u8>,
}

impl Assertion {
    /// Reads an assertion.
    ///
    /// # Errors
    /// In words, what is missing.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let map = cbor::decode(bytes)?;
        Ok(Assertion {
            authenticator_data: content::bytes(&map, "authenticator_data")?.to_vec(),
            client_data: content::text(&map, "client_data_json")?.to_owned(),
            signature: content::bytes(&map, "signature")?.to_vec(),
        })
    }

    /// What the authenticator has signed if it was challenged with the message.
    ///
    /// # Errors
    /// If the challenge was another one.
    pub(super) fn signed(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        let data: serde_json::Value =
            serde_json::from_str(&self.client_data).map_err(|error| error.to_string())?;
        let challenge = data["challenge"]
            .as_str()
            .ok_or("the client data has no challenge")?;
        let challenge = challenge.trim_end_matches('=');
        if data_encoding::BASE64URL_NOPAD.encode(message) != challenge {
            return Err("the challenge is not the message".into());
        }
        Ok([
            &self.authenticator_data[..],
            &Sha256::digest(&self.client_data),
        ]
        .concat())
    }
}
