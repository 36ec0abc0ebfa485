//! The rows of threshold keys.

use crate::management::method::{Ingress, Known, Method};
use crate::management::row::{Goes, Row, Typed, Work};
use crate::management::types::keys::{
    EcdsaPublicKeyArgs, KeyId, OldEcdsaCurve, SchnorrPublicKeyArgs, SignWithEcdsaArgs,
    SignWithSchnorrArgs, VetKdDeriveKeyArgs, VetKdPublicKeyArgs,
};
use crate::management::{decode, keys};

pub(super) static ECDSA_PUBLIC_KEY: Row = Row {
    method: Method::ECDSAPublicKey,
    name: "ecdsa_public_key",
    routed_as: "ECDSAPublicKey",
    known: Known::Always,
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<EcdsaPublicKeyArgs>,
        goes: Goes::Key {
            key: |args| KeyId::Ecdsa(args.key_id.clone()),
            enabled: false,
        },
        sender_version: None,
        run: |state, _, call, args| keys::ecdsa_public_key(state, call, args).map(Some),
    },
};

pub(super) static ECDSA_PUBLIC_KEY_BEFORE_2026: &dyn Work = &Typed {
    decode: |payload| decode::one::<EcdsaPublicKeyArgs<OldEcdsaCurve>>(payload).map(Into::into),
    goes: Goes::Key {
        key: |args: &EcdsaPublicKeyArgs| KeyId::Ecdsa(args.key_id.clone()),
        enabled: false,
    },
    sender_version: None,
    run: |state, _, call, args| keys::ecdsa_public_key(state, call, args).map(Some),
};

pub(super) static SIGN_WITH_ECDSA: Row = Row {
    method: Method::SignWithECDSA,
    name: "sign_with_ecdsa",
    routed_as: "SignWithECDSA",
    known: Known::Always,
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<SignWithEcdsaArgs>,
        goes: Goes::Key {
            key: |args| KeyId::Ecdsa(args.key_id.clone()),
            enabled: true,
        },
        sender_version: None,
        run: |state, _, call, args| keys::sign_with_ecdsa(state, call, args).map(Some),
    },
};

pub(super) static SIGN_WITH_ECDSA_BEFORE_2026: &dyn Work = &Typed {
    decode: |payload| decode::one::<SignWithEcdsaArgs<OldEcdsaCurve>>(payload).map(Into::into),
    goes: Goes::Key {
        key: |args: &SignWithEcdsaArgs| KeyId::Ecdsa(args.key_id.clone()),
        enabled: true,
    },
    sender_version: None,
    run: |state, _, call, args| keys::sign_with_ecdsa(state, call, args).map(Some),
};

pub(super) static SCHNORR_PUBLIC_KEY: Row = Row {
    method: Method::SchnorrPublicKey,
    name: "schnorr_public_key",
    routed_as: "SchnorrPublicKey",
    known: Known::Always,
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<SchnorrPublicKeyArgs>,
        goes: Goes::Key {
            key: |args| KeyId::Schnorr(args.key_id.clone()),
            enabled: false,
        },
        sender_version: None,
        run: |state, _, call, args| keys::schnorr_public_key(state, call, args).map(Some),
    },
};

pub(super) static SIGN_WITH_SCHNORR: Row = Row {
    method: Method::SignWithSchnorr,
    name: "sign_with_schnorr",
    routed_as: "SignWithSchnorr",
    known: Known::Always,
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<SignWithSchnorrArgs>,
        goes: Goes::Key {
            key: |args| KeyId::Schnorr(args.key_id.clone()),
            enabled: true,
        },
        sender_version: None,
        run: |state, _, call, args| keys::sign_with_schnorr(state, call, args).map(Some),
    },
};

pub(super) static VETKD_PUBLIC_KEY: Row = Row {
    method: Method::VetKdPublicKey,
    name: "vetkd_public_key",
    routed_as: "VetKdPublicKey",
    known: Known::Always,
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<VetKdPublicKeyArgs>,
        goes: Goes::Key {
            key: |args| KeyId::VetKd(args.key_id.clone()),
            enabled: false,
        },
        sender_version: None,
        run: |state, _, call, args| keys::vetkd_public_key(state, call, args).map(Some),
    },
};

pub(super) static VETKD_DERIVE_KEY: Row = Row {
    method: Method::VetKdDeriveKey,
    name: "vetkd_derive_key",
    routed_as: "VetKdDeriveKey",
    known: Known::OctoberOnly,
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<VetKdDeriveKeyArgs>,
        goes: Goes::Key {
            key: |args| KeyId::VetKd(args.key_id.clone()),
            enabled: true,
        },
        sender_version: None,
        run: |state, _, call, args| keys::vetkd_derive_key(state, call, args).map(Some),
    },
};

pub(super) static VETKD_DERIVE_ENCRYPTED_KEY: Row = Row {
    method: Method::VetKdDeriveEncryptedKey,
    name: "vetkd_derive_encrypted_key",
    routed_as: "VetKdDeriveEncryptedKey",
    known: Known::MarchOnly,
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<VetKdDeriveKeyArgs>,
        goes: Goes::Key {
            key: |args| KeyId::VetKd(args.key_id.clone()),
            enabled: true,
        },
        sender_version: None,
        run: |state, _, call, args| keys::vetkd_derive_key(state, call, args).map(Some),
    },
};
