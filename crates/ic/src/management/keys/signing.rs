//! Public keys and signatures of ECDSA and Schnorr and the derived keys of vetKD, with their fee. A key belongs to the canister that
//! calls: its id is the first step of every derivation.

use candid::Principal;
use drun_certification::vetkd;
use sha2::{Digest, Sha256};

use super::super::writer::encoded;
use super::{ed25519, secp256k1, secp256r1};
use crate::errors::{ManagementError, OutcallError};
use crate::ic0::exec::KeyKind;
use crate::management::State;
use crate::management::call::{Answer, Call};
use crate::management::types::keys::{
    DerivationPath, EcdsaCurve, EcdsaPublicKeyArgs, PublicKeyReply, SchnorrAlgorithm, SchnorrAux,
    SchnorrPublicKeyArgs, SignWithEcdsaArgs, SignWithSchnorrArgs, SignatureReply,
    VetKdDeriveKeyArgs, VetKdDeriveKeyReply, VetKdPublicKeyArgs, VetKdPublicKeyReply,
};

pub(super) fn ecdsa_public_key(
    state: &mut State,
    call: &mut Call<'_>,
    args: EcdsaPublicKeyArgs,
) -> Answer {
    let owner = args.canister_id.unwrap_or_else(|| call.sender());
    let curve = args.key_id.curve;
    let master = master(state, ecdsa_kind(curve), &args.key_id.name)?;
    let steps = steps(&owner, &args.derivation_path);
    Ok(match curve {
        EcdsaCurve::Secp256k1 => {
            let key = secp256k1::Key::master(master).derive(steps);
            public_key(key.public_key(), key.chain_code())
        }
        EcdsaCurve::Secp256r1 => {
            let key = secp256r1::Key::master(master).derive(steps);
            public_key(key.public_key(), key.chain_code())
        }
    })
}

pub(super) fn schnorr_public_key(
    state: &mut State,
    call: &mut Call<'_>,
    args: SchnorrPublicKeyArgs,
) -> Answer {
    let owner = args.canister_id.unwrap_or_else(|| call.sender());
    let master = master(
        state,
        schnorr_kind(args.key_id.algorithm),
        &args.key_id.name,
    )?;
    let steps = steps(&owner, &args.derivation_path);
    Ok(match args.key_id.algorithm {
        SchnorrAlgorithm::Bip340Secp256k1 => {
            let key = secp256k1::Key::master(master).derive(steps);
            public_key(key.public_key(), key.chain_code())
        }
        SchnorrAlgorithm::Ed25519 => {
            let key = ed25519::Key::master(master).derive(steps);
            public_key(key.public_key(), key.chain_code())
        }
    })
}

pub(super) fn sign_with_ecdsa(
    state: &mut State,
    call: &mut Call<'_>,
    args: SignWithEcdsaArgs,
) -> Answer {
    let kind = ecdsa_kind(args.key_id.curve);
    let master = master(state, kind, &args.key_id.name)?;
    take_fee(state, call, kind, &args.key_id.name)?;
    let owner = call.sender();
    let steps = steps(&owner, &args.derivation_path);
    Ok(signature(match args.key_id.curve {
        EcdsaCurve::Secp256k1 => secp256k1::Key::master(master)
            .derive(steps)
            .sign_ecdsa(&args.message_hash),
        EcdsaCurve::Secp256r1 => secp256r1::Key::master(master)
            .derive(steps)
            .sign_ecdsa(&args.message_hash),
    }))
}

pub(super) fn sign_with_schnorr(
    state: &mut State,
    call: &mut Call<'_>,
    args: SignWithSchnorrArgs,
) -> Answer {
    let kind = schnorr_kind(args.key_id.algorithm);
    if args.aux.is_some() && args.key_id.algorithm == SchnorrAlgorithm::Ed25519 {
        return Err(ManagementError::Undecodable {
            reason: "there is no aux for signatures of the algorithm ed25519".into(),
        });
    }
    let master = master(state, kind, &args.key_id.name)?;
    let owner = call.sender();
    let steps = steps(&owner, &args.derivation_path);
    let signed = match args.key_id.algorithm {
        SchnorrAlgorithm::Bip340Secp256k1 => {
            let root = args
                .aux
                .as_ref()
                .map(|SchnorrAux::Bip341(aux)| &aux.merkle_root_hash[..]);
            let key = secp256k1::Key::master(master).derive(steps);
            key.sign_bip340(&args.message, root)
        }
        SchnorrAlgorithm::Ed25519 => Some(
            ed25519::Key::master(master)
                .derive(steps)
                .sign(&args.message),
        ),
    };
    let signed = signed.ok_or_else(|| ManagementError::Undecodable {
        reason: "a Merkle root hash has 0 or 32 bytes".into(),
    })?;
    take_fee(state, call, kind, &args.key_id.name)?;
    Ok(signature(signed))
}

fn ecdsa_kind(curve: EcdsaCurve) -> KeyKind {
    match curve {
        EcdsaCurve::Secp256k1 => KeyKind::EcdsaSecp256k1,
        EcdsaCurve::Secp256r1 => KeyKind::EcdsaSecp256r1,
    }
}

pub(super) fn vetkd_public_key(
    state: &mut State,
    call: &mut Call<'_>,
    args: VetKdPublicKeyArgs,
) -> Answer {
    let owner = args.canister_id.unwrap_or_else(|| call.sender());
    let master = master(state, KeyKind::VetKdBls12381G2, &args.key_id.name)?;
    let key = vetkd::Key::from_seed(&master).derive(owner.as_slice(), &args.context);
    let reply = VetKdPublicKeyReply {
        public_key: key.public_key().to_vec(),
    };
    Ok(encoded(&reply))
}

pub(super) fn vetkd_derive_key(
    state: &mut State,
    call: &mut Call<'_>,
    args: VetKdDeriveKeyArgs,
) -> Answer {
    let kind = KeyKind::VetKdBls12381G2;
    let master = master(state, kind, &args.key_id.name)?;
    let owner = call.sender();
    let key = vetkd::Key::from_seed(&master).derive(owner.as_slice(), &args.context);
    let encrypted = key.encrypt(&args.input, &args.transport_public_key);
    let encrypted = encrypted.ok_or(OutcallError::InvalidTransportKey)?;
    take_fee(state, call, kind, &args.key_id.name)?;
    let reply = VetKdDeriveKeyReply {
        encrypted_key: encrypted.to_vec(),
    };
    Ok(encoded(&reply))
}

fn schnorr_kind(algorithm: SchnorrAlgorithm) -> KeyKind {
    match algorithm {
        SchnorrAlgorithm::Bip340Secp256k1 => KeyKind::SchnorrBip340,
        SchnorrAlgorithm::Ed25519 => KeyKind::SchnorrEd25519,
    }
}

/// Whose key it is, and the path.
fn steps<'a>(owner: &'a Principal, path: &'a DerivationPath) -> impl Iterator<Item = &'a [u8]> {
    std::iter::once(owner.as_slice()).chain(path.0.iter().map(|step| &step[..]))
}

/// What the master key is made of, if the subnet has it: different for every kind, name and seed.
fn master(state: &State, kind: KeyKind, name: &str) -> Result<[u8; 32], ManagementError> {
    if !state
        .runtime
        .subnet
        .keys
        .contains_key(&(kind, name.to_owned()))
    {
        return Err(OutcallError::KeyNotHeld {
            subnet: state.subnet_id(),
            key: super::key_id(kind, name).to_string(),
        }
        .into());
    }
    Ok(Sha256::new()
        .chain_update(b"drun master key")
        .chain_update(state.config.key_seed.to_be_bytes())
        .chain_update(super::key_id(kind, name).to_string())
        .finalize()
        .into())
}

/// Takes the fee of a signature out of the attached cycles. Canisters of the NNS, where those of a PocketIC system subnet are,
/// pay nothing.
fn take_fee(
    state: &mut State,
    call: &mut Call<'_>,
    kind: KeyKind,
    name: &str,
) -> Result<(), OutcallError> {
    if state.is_of_nns(&call.sender()) {
        return Ok(());
    }
    let keys = &state.runtime.subnet.keys;
    let nodes = keys
        .get(&(kind, name.to_owned()))
        .copied()
        .unwrap_or(state.runtime.subnet.nodes);
    let required = state.fees.signature(nodes);
    let sent = call.cycles();
    let Some(left) = sent.checked_sub(required) else {
        return Err(OutcallError::NotEnoughCycles {
            method: call.name.to_owned(),
            sent,
            required,
        });
    };
    call.refund = left;
    state.charged(required);
    Ok(())
}

fn public_key(public_key: Vec<u8>, chain_code: [u8; 32]) -> Vec<u8> {
    let reply = PublicKeyReply {
        public_key,
        chain_code: chain_code.to_vec(),
    };
    encoded(&reply)
}

fn signature(signature: Vec<u8>) -> Vec<u8> {
    encoded(&SignatureReply { signature })
}
