//! vetKD over BLS12-381: keys of canisters and contexts derived from a master key, and derived keys encrypted to a transport key, so
//! that only its owner can read them (interface specification, `vetkd_public_key` and `vetkd_derive_key`; ePrint 2023/616).

use ic_bls12_381::hash_to_curve::{ExpandMsgXmd, HashToCurve, HashToField};
use ic_bls12_381::{G1Affine, G1Projective, G2Affine, Scalar};
use sha2::{Digest as _, Sha256, Sha512};

/// Bytes of a public key.
pub const PUBLIC_KEY: usize = 96;
/// Bytes of a transport public key.
pub const TRANSPORT_KEY: usize = 48;
/// Bytes of an encrypted key.
pub const ENCRYPTED_KEY: usize = 192;

const CANISTER: &[u8] = b"ic-vetkd-bls12-381-g2-canister-id";
const CONTEXT: &[u8] = b"ic-vetkd-bls12-381-g2-context";
const SIGNATURE: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_AUG_";
const BLINDING: &[u8] = b"drun-vetkd-blinding";

/// A master key, or one derived from it.
#[derive(Clone)]
pub struct Key(Scalar);

impl Key {
    /// The master key that follows from a seed.
    pub fn from_seed(seed: &[u8]) -> Self {
        Key(Scalar::from_bytes_wide(&Sha512::digest(seed).into()))
    }

    /// The key of a canister in a context; without a context the canister's own.
    pub fn derive(&self, canister: &[u8], context: &[u8]) -> Self {
        let of_canister = self.offset(canister, CANISTER);
        match context {
            [] => of_canister,
            _ => of_canister.offset(context, CONTEXT),
        }
    }

    fn offset(&self, input: &[u8], domain: &[u8]) -> Self {
        Key(self.0 + hash_to_scalar(&[&self.public_key(), input], domain))
    }

    /// The public key, compressed.
    pub fn public_key(&self) -> [u8; PUBLIC_KEY] {
        G2Affine::from(G2Affine::generator() * self.0).to_compressed()
    }

    /// The key that belongs to an input, encrypted to a transport key. Equal arguments have equal results.
    /// Nothing if the transport key is not a point of G1.
    pub fn encrypt(
        &self,
        input: &[u8],
        transport_key: &[u8; TRANSPORT_KEY],
    ) -> Option<[u8; ENCRYPTED_KEY]> {
        let transport = G1Affine::from_compressed(transport_key).into_option()?;
        let blinding = hash_to_scalar(&[&self.0.to_bytes(), input, transport_key], BLINDING);
        let message = [&self.public_key(), input].concat();
        let point: G1Projective =
            HashToCurve::<ExpandMsgXmd<Sha256>>::hash_to_curve(&message, SIGNATURE);
        let first = G1Affine::from(G1Affine::generator() * blinding);
        let second = G2Affine::from(G2Affine::generator() * blinding);
        let third = G1Affine::from(transport * blinding + point * self.0);
        let mut encrypted = [0; ENCRYPTED_KEY];
        encrypted[..48].copy_from_slice(&first.to_compressed());
        encrypted[48..144].copy_from_slice(&second.to_compressed());
        encrypted[144..].copy_from_slice(&third.to_compressed());
        Some(encrypted)
    }
}

/// A scalar from several inputs, each preceded by its length.
fn hash_to_scalar(inputs: &[&[u8]], domain: &[u8]) -> Scalar {
    let mut message = Vec::new();
    for input in inputs {
        message.extend_from_slice(&(input.len() as u64).to_be_bytes());
        message.extend_from_slice(input);
    }
    let mut scalar = [Scalar::zero()];
    Scalar::hash_to_field::<ExpandMsgXmd<Sha256>>(&message, domain, &mut scalar);
    scalar[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_bls12_381::{G2Prepared, Gt, multi_miller_loop};

    fn point(bytes: &[u8]) -> G1Affine {
        G1Affine::from_compressed(bytes.try_into().expect("48 bytes")).expect("a point")
    }

    /// What the owner of the transport key does: decrypt, then verify under the public key.
    #[test]
    fn the_owner_of_the_transport_key_decrypts_a_key_that_verifies() {
        let key = Key::from_seed(b"master").derive(b"canister", b"context");
        let transport = Scalar::from(77);
        let transport_key = G1Affine::from(G1Affine::generator() * transport).to_compressed();
        let encrypted = key.encrypt(b"input", &transport_key).expect("a point");
        let decrypted = G1Affine::from(
            G1Projective::from(point(&encrypted[144..])) - point(&encrypted[..48]) * transport,
        );
        let public = key.public_key();
        let message = [&public[..], b"input"].concat();
        let hashed: G1Projective =
            HashToCurve::<ExpandMsgXmd<Sha256>>::hash_to_curve(&message, SIGNATURE);
        let negated = G2Prepared::from(-G2Affine::generator());
        let public = G2Prepared::from(G2Affine::from_compressed(&public).expect("a point"));
        let product =
            multi_miller_loop(&[(&decrypted, &negated), (&G1Affine::from(hashed), &public)]);
        assert_eq!(product.final_exponentiation(), Gt::identity());
    }

    #[test]
    fn keys_differ_by_canister_and_context() {
        let master = Key::from_seed(b"master");
        let keys = [
            master.public_key(),
            master.derive(b"a", b"").public_key(),
            master.derive(b"b", b"").public_key(),
            master.derive(b"a", b"c").public_key(),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), 4);
    }

    #[test]
    fn bytes_that_are_no_transport_key_are_refused() {
        assert_eq!(Key::from_seed(b"master").encrypt(b"input", &[0; 48]), None);
    }
}
