//! What the methods of chain keys (threshold ECDSA, Schnorr and vetKD) take and answer, and how a key is named in errors.
//! Which keys a subnet holds is not known here.

use super::limited::Limited;
use candid::{CandidType, Deserialize, Principal};
use serde_bytes::ByteBuf;
use std::fmt;

/// Longest derivation path that decodes (management-canister.md, section 1.20).
pub const MAX_DERIVATION_PATH: usize = 255;

/// The steps from a master key to a derived one.
pub type DerivationPath = Limited<MAX_DERIVATION_PATH, ByteBuf>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum EcdsaCurve {
    #[serde(rename = "secp256k1")]
    Secp256k1,
    /// Since 2026 (since-october-2025.md 7).
    #[serde(rename = "secp256r1")]
    Secp256r1,
}

/// The curves of replicas before 2026.
#[derive(Clone, Copy, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum OldEcdsaCurve {
    #[serde(rename = "secp256k1")]
    Secp256k1,
}

#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct EcdsaKeyId<C = EcdsaCurve> {
    pub curve: C,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum SchnorrAlgorithm {
    #[serde(rename = "bip340secp256k1")]
    Bip340Secp256k1,
    #[serde(rename = "ed25519")]
    Ed25519,
}

#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct SchnorrKeyId {
    pub algorithm: SchnorrAlgorithm,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, CandidType, Deserialize)]
#[allow(non_camel_case_types, reason = "the name that errors print")]
pub enum VetKdCurve {
    #[serde(rename = "bls12_381_g2")]
    Bls12_381_G2,
}

#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct VetKdKeyId {
    pub curve: VetKdCurve,
    pub name: String,
}

/// A key of any kind. Prints as errors name it, `ecdsa:Secp256k1:key_1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyId {
    Ecdsa(EcdsaKeyId),
    Schnorr(SchnorrKeyId),
    VetKd(VetKdKeyId),
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyId::Ecdsa(key) => write!(f, "ecdsa:{:?}:{}", key.curve, key.name),
            KeyId::Schnorr(key) => write!(f, "schnorr:{:?}:{}", key.algorithm, key.name),
            KeyId::VetKd(key) => write!(f, "vetkd:{:?}:{}", key.curve, key.name),
        }
    }
}

/// Argument of `ecdsa_public_key`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct EcdsaPublicKeyArgs<C = EcdsaCurve> {
    /// `None` is the caller.
    pub canister_id: Option<Principal>,
    pub derivation_path: DerivationPath,
    pub key_id: EcdsaKeyId<C>,
}

/// Argument of `schnorr_public_key`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct SchnorrPublicKeyArgs {
    /// `None` is the caller.
    pub canister_id: Option<Principal>,
    pub derivation_path: DerivationPath,
    pub key_id: SchnorrKeyId,
}

/// Argument of `vetkd_public_key`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct VetKdPublicKeyArgs {
    /// `None` is the caller.
    pub canister_id: Option<Principal>,
    #[serde(with = "serde_bytes")]
    pub context: Vec<u8>,
    pub key_id: VetKdKeyId,
}

/// Answer of `ecdsa_public_key` and `schnorr_public_key`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct PublicKeyReply {
    #[serde(with = "serde_bytes")]
    pub public_key: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub chain_code: Vec<u8>,
}

/// Answer of `vetkd_public_key`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct VetKdPublicKeyReply {
    #[serde(with = "serde_bytes")]
    pub public_key: Vec<u8>,
}

/// Argument of `sign_with_ecdsa`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct SignWithEcdsaArgs<C = EcdsaCurve> {
    // A plain array, not bytes: it words a wrong length differently ("an array of length 32").
    pub message_hash: [u8; 32],
    pub derivation_path: DerivationPath,
    pub key_id: EcdsaKeyId<C>,
}

impl From<EcdsaKeyId<OldEcdsaCurve>> for EcdsaKeyId {
    fn from(old: EcdsaKeyId<OldEcdsaCurve>) -> Self {
        let OldEcdsaCurve::Secp256k1 = old.curve;
        EcdsaKeyId {
            curve: EcdsaCurve::Secp256k1,
            name: old.name,
        }
    }
}

impl From<EcdsaPublicKeyArgs<OldEcdsaCurve>> for EcdsaPublicKeyArgs {
    fn from(old: EcdsaPublicKeyArgs<OldEcdsaCurve>) -> Self {
        EcdsaPublicKeyArgs {
            canister_id: old.canister_id,
            derivation_path: old.derivation_path,
            key_id: old.key_id.into(),
        }
    }
}

impl From<SignWithEcdsaArgs<OldEcdsaCurve>> for SignWithEcdsaArgs {
    fn from(old: SignWithEcdsaArgs<OldEcdsaCurve>) -> Self {
        SignWithEcdsaArgs {
            message_hash: old.message_hash,
            derivation_path: old.derivation_path,
            key_id: old.key_id.into(),
        }
    }
}

/// The Taproot tweak of a BIP-341 signature.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct Bip341 {
    pub merkle_root_hash: ByteBuf,
}

/// What else a Schnorr signature depends on.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub enum SchnorrAux {
    #[serde(rename = "bip341")]
    Bip341(Bip341),
}

/// Argument of `sign_with_schnorr`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct SignWithSchnorrArgs {
    #[serde(with = "serde_bytes")]
    pub message: Vec<u8>,
    pub derivation_path: DerivationPath,
    pub key_id: SchnorrKeyId,
    pub aux: Option<SchnorrAux>,
}

/// Answer of `sign_with_ecdsa` and `sign_with_schnorr`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct SignatureReply {
    #[serde(with = "serde_bytes")]
    pub signature: Vec<u8>,
}

/// Argument of `vetkd_derive_key`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct VetKdDeriveKeyArgs {
    #[serde(with = "serde_bytes")]
    pub input: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub context: Vec<u8>,
    pub key_id: VetKdKeyId,
    #[serde(with = "serde_bytes")]
    pub transport_public_key: [u8; 48],
}

/// Answer of `vetkd_derive_key`.
#[derive(Clone, Debug, PartialEq, Eq, CandidType, Deserialize)]
pub struct VetKdDeriveKeyReply {
    #[serde(with = "serde_bytes")]
    pub encrypted_key: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_print_as_errors_name_them() {
        let name = || "k".to_string();
        let printed = [
            KeyId::Ecdsa(EcdsaKeyId {
                curve: EcdsaCurve::Secp256k1,
                name: name(),
            }),
            KeyId::Schnorr(SchnorrKeyId {
                algorithm: SchnorrAlgorithm::Bip340Secp256k1,
                name: name(),
            }),
            KeyId::Schnorr(SchnorrKeyId {
                algorithm: SchnorrAlgorithm::Ed25519,
                name: name(),
            }),
            KeyId::VetKd(VetKdKeyId {
                curve: VetKdCurve::Bls12_381_G2,
                name: name(),
            }),
        ]
        .map(|key| key.to_string());
        assert_eq!(
            printed,
            [
                "ecdsa:Secp256k1:k",
                "schnorr:Bip340Secp256k1:k",
                "schnorr:Ed25519:k",
                "vetkd:Bls12_381_G2:k"
            ]
        );
    }
}
