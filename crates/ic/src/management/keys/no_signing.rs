//! Without the feature `threshold-keys`, the subnet holds no key.

use crate::errors::{ManagementError, OutcallError};
use crate::management::State;
use crate::management::call::{Answer, Call};
use crate::management::types::keys::{
    EcdsaPublicKeyArgs, KeyId, SchnorrPublicKeyArgs, SignWithEcdsaArgs, SignWithSchnorrArgs,
    VetKdDeriveKeyArgs, VetKdPublicKeyArgs,
};

pub(super) fn ecdsa_public_key(
    state: &mut State,
    _: &mut Call<'_>,
    args: EcdsaPublicKeyArgs,
) -> Answer {
    Err(not_held(state, &KeyId::Ecdsa(args.key_id)))
}

pub(super) fn schnorr_public_key(
    state: &mut State,
    _: &mut Call<'_>,
    args: SchnorrPublicKeyArgs,
) -> Answer {
    Err(not_held(state, &KeyId::Schnorr(args.key_id)))
}

pub(super) fn sign_with_ecdsa(
    state: &mut State,
    _: &mut Call<'_>,
    args: SignWithEcdsaArgs,
) -> Answer {
    Err(not_held(state, &KeyId::Ecdsa(args.key_id)))
}

pub(super) fn sign_with_schnorr(
    state: &mut State,
    _: &mut Call<'_>,
    args: SignWithSchnorrArgs,
) -> Answer {
    Err(not_held(state, &KeyId::Schnorr(args.key_id)))
}

pub(super) fn vetkd_public_key(
    state: &mut State,
    _: &mut Call<'_>,
    args: VetKdPublicKeyArgs,
) -> Answer {
    Err(not_held(state, &KeyId::VetKd(args.key_id)))
}

pub(super) fn vetkd_derive_key(
    state: &mut State,
    _: &mut Call<'_>,
    args: VetKdDeriveKeyArgs,
) -> Answer {
    Err(not_held(state, &KeyId::VetKd(args.key_id)))
}

/// The refusal of a call for a key that the subnet does not have.
fn not_held(state: &State, key: &KeyId) -> ManagementError {
    OutcallError::KeyNotHeld {
        subnet: state.subnet_id(),
        key: key.to_string(),
    }
    .into()
}
