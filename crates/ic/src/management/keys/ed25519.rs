//! Keys of Ed25519: derivation by offsets that HKDF makes of the public key and an index of any length, and signatures that verify as
//! those of RFC 8032 do.

use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha512};

/// Names the purpose of what HKDF makes.
const CONTEXT: &[u8] = b"Ed25519";

/// A secret key with its chain code.
#[derive(Clone)]
pub(super) struct Key {
    secret: Scalar,
    chain_code: [u8; 32],
}

impl Key {
    /// The master key that follows from 32 bytes.
    pub(super) fn master(bytes: [u8; 32]) -> Self {
        Key {
            secret: Scalar::from_bytes_mod_order_wide(&Sha512::digest(bytes).into()),
            chain_code: [0; 32],
        }
    }

    /// The key that the path leads to.
    pub(super) fn derive<'a>(mut self, path: impl IntoIterator<Item = &'a [u8]>) -> Self {
        for index in path {
            self = self.child(index);
        }
        self
    }

    fn child(&self, index: &[u8]) -> Self {
        let material = [&self.public_key(), index].concat();
        let bytes = hkdf(&self.chain_code, &material);
        let (offset, chain_code) = bytes.split_at(64);
        // The offset is a number with the most significant byte first.
        let mut wide: [u8; 64] = offset.try_into().expect("64 bytes were split off");
        wide.reverse();
        Key {
            secret: self.secret + Scalar::from_bytes_mod_order_wide(&wide),
            chain_code: chain_code.try_into().expect("32 bytes are left"),
        }
    }

    /// The public key, 32 bytes.
    pub(super) fn public_key(&self) -> Vec<u8> {
        EdwardsPoint::mul_base(&self.secret)
            .compress()
            .to_bytes()
            .to_vec()
    }

    /// The chain code.
    pub(super) fn chain_code(&self) -> [u8; 32] {
        self.chain_code
    }

    /// The signature of a message, 64 bytes. Equal messages have equal signatures.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let nonce = hash(&[&Sha512::digest(self.secret.to_bytes()), message]);
        let commitment = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
        let challenge = hash(&[&commitment, &self.public_key(), message]);
        let response = nonce + challenge * self.secret;
        [commitment, response.to_bytes()].concat()
    }
}

/// SHA-512 of all parts, as a scalar.
fn hash(parts: &[&[u8]]) -> Scalar {
    let mut hash = Sha512::new();
    for part in parts {
        hash.update(part);
    }
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// 96 bytes of HKDF with SHA-512 (RFC 5869).
fn hkdf(salt: &[u8], material: &[u8]) -> [u8; 96] {
    let key = hmac(salt, &[material]);
    let first = hmac(&key, &[CONTEXT, &[1]]);
    let second = hmac(&key, &[&first, CONTEXT, &[2]]);
    let mut bytes = [0; 96];
    bytes[..64].copy_from_slice(&first);
    bytes[64..].copy_from_slice(&second[..32]);
    bytes
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 64] {
    let mut mac = Hmac::<Sha512>::new_from_slice(key).expect("keys of any length will do");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use curve25519_dalek::edwards::CompressedEdwardsY;

    /// The equation of RFC 8032, 5.1.7, without the cofactor.
    fn verifies(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        let point = |bytes: &[u8]| CompressedEdwardsY::from_slice(bytes).ok()?.decompress();
        let (r, s) = signature.split_at(32);
        let s: [u8; 32] = s.try_into().expect("32 bytes");
        let s = Scalar::from_canonical_bytes(s).expect("canonical");
        let challenge = hash(&[r, public_key, message]);
        match (point(r), point(public_key)) {
            (Some(r), Some(key)) => EdwardsPoint::mul_base(&s) == r + challenge * key,
            _ => false,
        }
    }

    /// The verification itself, with test 1 of RFC 8032, 7.1.
    #[test]
    fn the_test_verifies_what_the_rfc_verifies() {
        let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let signature = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
        let bytes = |hex: &str| hex::decode(hex).expect("hexadecimal");
        assert!(verifies(&bytes(key), b"", &bytes(signature)));
        assert!(!verifies(&bytes(key), b"x", &bytes(signature)));
    }

    #[test]
    fn signatures_verify_under_the_derived_key() {
        let master = Key::master([7; 32]);
        let key = master.clone().derive([&b"caller"[..], b"path"]);
        assert_ne!(key.public_key(), master.public_key());
        for message in [&b""[..], b"message"] {
            assert!(verifies(&key.public_key(), message, &key.sign(message)));
            assert!(!verifies(&master.public_key(), message, &key.sign(message)));
        }
    }

    /// What makes it a derivation of public keys: the offset follows from public data.
    #[test]
    fn a_derived_public_key_follows_from_the_public_key() {
        let master = Key::master([9; 32]);
        let child = master.clone().derive([&b"index"[..]]);
        let bytes = hkdf(
            &master.chain_code(),
            &[&master.public_key(), &b"index"[..]].concat(),
        );
        let mut wide: [u8; 64] = bytes[..64].try_into().expect("64 bytes");
        wide.reverse();
        let offset = Scalar::from_bytes_mod_order_wide(&wide);
        let public = CompressedEdwardsY::from_slice(&master.public_key()).expect("32 bytes");
        let sum = public.decompress().expect("a point") + EdwardsPoint::mul_base(&offset);
        assert_eq!(child.public_key(), sum.compress().to_bytes());
    }
}
