//! What calls and management methods would cost (system-api.md 1.9).

use drun_engine::{Guest, Imports};

use super::api::{Address, Api, Ic};
use super::exec::KeyKind;
use super::mode::ALL;
use crate::errors::{ContractViolation, text};
use crate::outcall::Outcall;

/// The result was stored.
const OK: u32 = 0;
const UNKNOWN_CURVE: u32 = 1;
const UNKNOWN_KEY: u32 = 2;
/// Bytes of the parameters of an outcall; a legal encoding has less than 200. The limit is chosen.
const MAX_PARAMETER_BYTES: u64 = 4096;

pub(super) fn link<A: Address>(l: &mut Imports<Ic>) {
    l.function(
        "ic0",
        "cost_call",
        |c: &mut Guest<'_, Ic>, name_size: u64, payload_size: u64, dst: A| {
            let mut api = Api::enter(c, "cost_call", 500, 0, ALL)?;
            let wasm64 = api.exec().wasm64;
            let cost = api
                .exec()
                .subnet
                .fees
                .cost_call(name_size.saturating_add(payload_size), wasm64);
            api.store_u128("cost_call", dst.to_u64(), cost)
        },
    );
    l.function(
        "ic0",
        "cost_create_canister",
        |c: &mut Guest<'_, Ic>, dst: A| {
            let mut api = Api::enter(c, "cost_create_canister", 500, 0, ALL)?;
            let cost = api.exec().subnet.fees.creation();
            api.store_u128("cost_create_canister", dst.to_u64(), cost)
        },
    );
    l.function(
        "ic0",
        "cost_http_request",
        |c: &mut Guest<'_, Ic>, request: u64, response: u64, dst: A| {
            let mut api = Api::enter(c, "cost_http_request", 500, 0, ALL)?;
            let cost = api.exec().subnet.fees.http_request(request, response);
            api.store_u128("cost_http_request", dst.to_u64(), cost)
        },
    );
    l.function(
        "ic0",
        "cost_http_request_v2",
        |c: &mut Guest<'_, Ic>, src: A, size: A, dst: A| {
            let (src, size) = (src.to_u64(), size.to_u64());
            let mut api = Api::enter(c, "cost_http_request_v2", 500, size, ALL)?;
            let range = api.heap_range("ic0.cost_http_request_v2 heap", src, size)?;
            if size > MAX_PARAMETER_BYTES {
                return api.violation(ContractViolation::OutcallParameters);
            }
            let Some(outcall) = Outcall::decode(api.bytes(range).0) else {
                return api.violation(ContractViolation::OutcallParameters);
            };
            let cost = api.exec().subnet.fees.outcall_quote(&outcall);
            api.store_u128("cost_http_request_v2", dst.to_u64(), cost)
        },
    );
    signature::<A>(
        l,
        "cost_sign_with_ecdsa",
        "ic0.cost_sign_with_ecdsa heap",
        "cost_sign_with_ecdsa",
        &[KeyKind::EcdsaSecp256k1, KeyKind::EcdsaSecp256r1],
    );
    signature::<A>(
        l,
        "cost_sign_with_schnorr",
        "ic0.cost_sign_with_schnorr heap",
        "cost_sign_with_schnorr",
        &[KeyKind::SchnorrBip340, KeyKind::SchnorrEd25519],
    );
    signature::<A>(
        l,
        "cost_vetkd_derive_key",
        "ic0.cost_vetkd_derive_key heap",
        "cost_vetkd_derive_key",
        &[KeyKind::VetKdBls12381G2],
    );
}

/// Links the price of a threshold signature; `kinds` are those that its curve argument counts through.
fn signature<A: Address>(
    l: &mut Imports<Ic>,
    name: &'static str,
    context: &'static str,
    result_name: &'static str,
    kinds: &'static [KeyKind],
) {
    l.function(
        "ic0",
        name,
        move |c: &mut Guest<'_, Ic>, src: A, size: A, curve: u32, dst: A| {
            let (src, size) = (src.to_u64(), size.to_u64());
            let mut api = Api::enter(c, name, 500, size, ALL)?;
            let range = api.heap_range(context, src, size)?;
            let (bytes, exec) = api.bytes(range);
            // It may be as large as the heap: it is not copied.
            let Ok(key) = std::str::from_utf8(bytes) else {
                let name = text::lossy(bytes);
                return api.violation(ContractViolation::KeyNameNotUtf8(name));
            };
            let secp256r1 = exec.subnet.protocol.secp256r1;
            let known = |kind: &&KeyKind| **kind != KeyKind::EcdsaSecp256r1 || secp256r1;
            let Some(kind) = kinds.get(curve as usize).filter(known) else {
                return Ok(UNKNOWN_CURVE);
            };
            let mut keys = exec.subnet.keys.iter();
            let Some((_, nodes)) = keys.find(|((of, name), _)| of == kind && name == key) else {
                return Ok(UNKNOWN_KEY);
            };
            let nodes = *nodes;
            let cost = api.exec().subnet.fees.signature(nodes);
            api.store_u128(result_name, dst.to_u64(), cost)?;
            Ok(OK)
        },
    );
}
