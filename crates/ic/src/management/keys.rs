//! The methods of threshold keys: public keys and signatures (management-canister.md 1.20 and 1.21). Which keys there are is decided by
//! the subnet's configuration; calls for others fail before they come here. The master keys follow from the seed of the run: nothing
//! here is secret. Without the feature `threshold-keys` all calls are told that the subnet does not hold the key.

#[cfg(feature = "threshold-keys")]
mod ed25519;
#[cfg(feature = "threshold-keys")]
mod secp256k1;
#[cfg(feature = "threshold-keys")]
mod secp256r1;
#[cfg(feature = "threshold-keys")]
mod signing;
#[cfg(not(feature = "threshold-keys"))]
#[path = "keys/no_signing.rs"]
mod signing;

use super::State;
use super::call::{Answer, Call};
use super::decode::Given;
use super::types::keys::{
    EcdsaCurve, EcdsaKeyId, EcdsaPublicKeyArgs, KeyId, SchnorrAlgorithm, SchnorrKeyId,
    SchnorrPublicKeyArgs, SignWithEcdsaArgs, SignWithSchnorrArgs, VetKdCurve, VetKdDeriveKeyArgs,
    VetKdKeyId, VetKdPublicKeyArgs,
};
use crate::ic0::exec::KeyKind;

impl State {
    /// The keys of the subnet as errors list them, `ecdsa:Secp256k1:key_1`: by kind, then by name.
    pub fn key_names(&self) -> Vec<String> {
        let keys = self.runtime.subnet.keys.keys();
        keys.map(|(kind, name)| key_id(*kind, name).to_string())
            .collect()
    }
}

fn key_id(kind: KeyKind, name: &str) -> KeyId {
    let name = name.to_owned();
    let schnorr = |algorithm, name| KeyId::Schnorr(SchnorrKeyId { algorithm, name });
    match kind {
        KeyKind::EcdsaSecp256k1 => KeyId::Ecdsa(EcdsaKeyId {
            curve: EcdsaCurve::Secp256k1,
            name,
        }),
        KeyKind::EcdsaSecp256r1 => KeyId::Ecdsa(EcdsaKeyId {
            curve: EcdsaCurve::Secp256r1,
            name,
        }),
        KeyKind::SchnorrBip340 => schnorr(SchnorrAlgorithm::Bip340Secp256k1, name),
        KeyKind::SchnorrEd25519 => schnorr(SchnorrAlgorithm::Ed25519, name),
        KeyKind::VetKdBls12381G2 => KeyId::VetKd(VetKdKeyId {
            curve: VetKdCurve::Bls12_381_G2,
            name,
        }),
    }
}

/// `ecdsa_public_key`.
pub fn ecdsa_public_key(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<EcdsaPublicKeyArgs>,
) -> Answer {
    call.only_canisters()?;
    signing::ecdsa_public_key(state, call, args?)
}

/// `schnorr_public_key`.
pub fn schnorr_public_key(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<SchnorrPublicKeyArgs>,
) -> Answer {
    call.only_canisters()?;
    signing::schnorr_public_key(state, call, args?)
}

/// `sign_with_ecdsa`.
pub fn sign_with_ecdsa(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<SignWithEcdsaArgs>,
) -> Answer {
    call.only_canisters()?;
    signing::sign_with_ecdsa(state, call, args?)
}

/// `sign_with_schnorr`.
pub fn sign_with_schnorr(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<SignWithSchnorrArgs>,
) -> Answer {
    call.only_canisters()?;
    signing::sign_with_schnorr(state, call, args?)
}

/// `vetkd_public_key`.
pub fn vetkd_public_key(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<VetKdPublicKeyArgs>,
) -> Answer {
    call.only_canisters()?;
    signing::vetkd_public_key(state, call, args?)
}

/// `vetkd_derive_key`.
pub fn vetkd_derive_key(
    state: &mut State,
    call: &mut Call<'_>,
    args: Given<VetKdDeriveKeyArgs>,
) -> Answer {
    call.only_canisters()?;
    signing::vetkd_derive_key(state, call, args?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order and the form of management-canister.md 1.20.
    #[test]
    fn keys_are_listed_by_kind() {
        let kinds = [
            KeyKind::EcdsaSecp256k1,
            KeyKind::EcdsaSecp256r1,
            KeyKind::SchnorrBip340,
            KeyKind::SchnorrEd25519,
            KeyKind::VetKdBls12381G2,
        ];
        assert!(kinds.is_sorted());
        assert_eq!(
            kinds.map(|kind| key_id(kind, "k").to_string()),
            [
                "ecdsa:Secp256k1:k",
                "ecdsa:Secp256r1:k",
                "schnorr:Bip340Secp256k1:k",
                "schnorr:Ed25519:k",
                "vetkd:Bls12_381_G2:k"
            ]
        );
    }
}
