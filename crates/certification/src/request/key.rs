//! Public keys of senders in DER, and the verification of their signatures (interface specification, "Signatures"): Ed25519, ECDSA over
//! secp256k1 and P-256, keys of authenticators in COSE, and canisters.

use ciborium::Value;
use k256::ecdsa::signature::Verifier;
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use super::{canister_signature, webauthn};
use crate::cbor;

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256K1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.10");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const COSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.56387.1.1");
const CANISTER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.56387.1.2");

/// A public key.
#[derive(Clone, Debug, PartialEq)]
pub enum PublicKey {
    /// Ed25519 (RFC 8410).
    Ed25519(ed25519_dalek::VerifyingKey),
    /// ECDSA over secp256k1 (RFC 5480).
    Secp256k1(k256::ecdsa::VerifyingKey),
    /// ECDSA over P-256 (RFC 5480).
    P256(p256::ecdsa::VerifyingKey),
    /// ECDSA over P-256, held by an authenticator.
    WebAuthnP256(p256::ecdsa::VerifyingKey),
    /// Ed25519, held by an authenticator.
    WebAuthnEd25519(ed25519_dalek::VerifyingKey),
    /// A canister that signs.
    Canister(canister_signature::Key),
}

impl PublicKey {
    /// The key that is written in DER.
    ///
    /// # Errors
    /// In words, what is wrong, or that the algorithm is not supported.
    pub fn from_der(der: &[u8]) -> Result<Self, String> {
        let info = SubjectPublicKeyInfoRef::try_from(der).map_err(|error| error.to_string())?;
        let algorithm = info.algorithm.oid;
        let key = info
            .subject_public_key
            .as_bytes()
            .ok_or("the key has a part of a byte")?;
        if algorithm == ED25519 {
            return ed25519(key).map(PublicKey::Ed25519);
        }
        if algorithm == COSE {
            return from_cose(key);
        }
        if algorithm == CANISTER {
            return canister_signature::Key::read(key).map(PublicKey::Canister);
        }
        if algorithm != EC {
            return Err(format!("unsupported algorithm {algorithm}"));
        }
        let curve = info
            .algorithm
            .parameters_oid()
            .map_err(|error| error.to_string())?;
        let unusable = |_| "the point is not on the curve".to_owned();
        if curve == SECP256K1 {
            return k256::ecdsa::VerifyingKey::from_sec1_bytes(key)
                .map(PublicKey::Secp256k1)
                .map_err(unusable);
        }
        if curve == P256 {
            return p256::ecdsa::VerifyingKey::from_sec1_bytes(key)
                .map(PublicKey::P256)
                .map_err(unusable);
        }
        Err(format!("unsupported curve {curve}"))
    }

    /// Verifies the signature of a message. Signatures of canisters are verified up to the root key.
    ///
    /// # Errors
    /// In words, what does not hold.
    pub fn verify(&self, message: &[u8], signature: &[u8], root_key: &[u8]) -> Result<(), String> {
        let wrong = |_| "the signature does not verify".to_owned();
        match self {
            PublicKey::Ed25519(key) => {
                let signature = ed25519_dalek::Signature::from_slice(signature).map_err(wrong)?;
                key.verify_strict(message, &signature).map_err(wrong)
            }
            PublicKey::Secp256k1(key) => {
                let signature = k256::ecdsa::Signature::from_slice(signature).map_err(wrong)?;
                let signature = signature.normalize_s().unwrap_or(signature);
                key.verify(message, &signature).map_err(wrong)
            }
            PublicKey::P256(key) => {
                let signature = p256::ecdsa::Signature::from_slice(signature).map_err(wrong)?;
                key.verify(message, &signature).map_err(wrong)
            }
            PublicKey::WebAuthnP256(key) => {
                let assertion = webauthn::Assertion::read(signature)?;
                let signature =
                    p256::ecdsa::Signature::from_der(&assertion.signature).map_err(wrong)?;
                key.verify(&assertion.signed(message)?, &signature)
                    .map_err(wrong)
            }
            PublicKey::WebAuthnEd25519(key) => {
                let assertion = webauthn::Assertion::read(signature)?;
                let signature =
                    ed25519_dalek::Signature::from_slice(&assertion.signature).map_err(wrong)?;
                key.verify_strict(&assertion.signed(message)?, &signature)
                    .map_err(wrong)
            }
            PublicKey::Canister(key) => key.verify(message, signature, root_key),
        }
    }
}

fn ed25519(key: &[u8]) -> Result<ed25519_dalek::VerifyingKey, String> {
    let key = key
        .try_into()
        .map_err(|_| format!("a key of Ed25519 has 32 bytes, not {}", key.len()))?;
    ed25519_dalek::VerifyingKey::from_bytes(key).map_err(|_| "the point is not on the curve".into())
}

/// A key in COSE (RFC 9053): numbers name the parameters.
fn from_cose(key: &[u8]) -> Result<PublicKey, String> {
    let map = cbor::decode(key)?;
    let parameter = |number: i64| {
        let entries = map.as_map()?;
        entries
            .iter()
            .find(|(name, _)| *name == Value::Integer(number.into()))
            .map(|(_, value)| value)
    };
    let number = |name: i64| {
        parameter(name)
            .and_then(Value::as_integer)
            .and_then(|n| i64::try_from(n).ok())
    };
    let coordinate = |name: i64| {
        parameter(name)
            .and_then(Value::as_bytes)
            .ok_or("a coordinate of the key is missing")
    };
    // Kind of key, algorithm, curve.
    match (number(1), number(3), number(-1)) {
        (Some(2), Some(-7), Some(1)) => {
            let point = [&[4][..], coordinate(-2)?, coordinate(-3)?].concat();
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point);
            key.map(PublicKey::WebAuthnP256)
                .map_err(|_| "the point is not on the curve".into())
        }
        (Some(1), Some(-8), Some(6)) => ed25519(coordinate(-2)?).map(PublicKey::WebAuthnEd25519),
        (Some(3), _, _) => Err("RSA keys are not supported".into()),
        _ => Err("unsupported kind of COSE key".into()),
    }
}
