//! Keys over secp256k1: derivation as in BIP 32, but with byte strings of any length for indices, and the signatures of ECDSA and of
//! BIP 340 (interface specification of the Internet Computer, `ecdsa_public_key`).

use hmac::{Hmac, Mac};
use k256::ecdsa::signature::hazmat::PrehashSigner;
use k256::elliptic_curve::ops::Reduce;
use k256::elliptic_curve::point::AffineCoordinates;
use k256::elliptic_curve::sec1::ToEncodedPoint;
use k256::{FieldBytes, NonZeroScalar, ProjectivePoint, Scalar, U256, ecdsa, schnorr};
use sha2::{Digest, Sha256, Sha512};

/// A secret key with its chain code.
#[derive(Clone)]
pub(super) struct Key {
    secret: NonZeroScalar,
    chain_code: [u8; 32],
}

impl Key {
    /// The master key that follows from 32 bytes.
    pub(super) fn master(bytes: [u8; 32]) -> Self {
        let secret = <Scalar as Reduce<U256>>::reduce_bytes(&FieldBytes::from(bytes));
        Key {
            secret: NonZeroScalar::new(secret).expect("a hash is never zero"),
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
        let mut mac =
            Hmac::<Sha512>::new_from_slice(&self.chain_code).expect("keys of any length will do");
        mac.update(&self.public_key());
        mac.update(index);
        let bytes = mac.finalize().into_bytes();
        let (left, right) = bytes.split_at(32);
        let left: [u8; 32] = left.try_into().expect("32 bytes were split off");
        let offset = <Scalar as Reduce<U256>>::reduce_bytes(&left.into());
        Key {
            secret: NonZeroScalar::new(*self.secret + offset)
                .expect("no hash hits the negated key"),
            chain_code: right.try_into().expect("the other half has 32 bytes"),
        }
    }

    /// The compressed public key in the encoding of SEC 1, 33 bytes.
    pub(super) fn public_key(&self) -> Vec<u8> {
        let point = (ProjectivePoint::GENERATOR * *self.secret).to_affine();
        point.to_encoded_point(true).as_bytes().to_vec()
    }

    /// The chain code.
    pub(super) fn chain_code(&self) -> [u8; 32] {
        self.chain_code
    }

    /// The ECDSA signature of a hash: r and s, 64 bytes. Equal hashes have equal signatures.
    pub(super) fn sign_ecdsa(&self, hash: &[u8; 32]) -> Vec<u8> {
        let key = ecdsa::SigningKey::from(self.secret);
        let signature: ecdsa::Signature = key.sign_prehash(hash).expect("32 bytes are a hash");
        let signature = signature.normalize_s().unwrap_or(signature);
        signature.to_bytes().to_vec()
    }

    /// The BIP 340 signature of a message, 64 bytes; with the key tweaked as in BIP 341 if the hash of a script tree is given.
    /// Nothing if that hash has neither 0 nor 32 bytes.
    pub(super) fn sign_bip340(
        &self,
        message: &[u8],
        merkle_root: Option<&[u8]>,
    ) -> Option<Vec<u8>> {
        let secret = match merkle_root {
            None => self.secret,
            Some(root) if root.is_empty() || root.len() == 32 => self.tweaked(root),
            Some(_) => return None,
        };
        let key = schnorr::SigningKey::from(secret);
        let signature = key.sign_raw(message, &[0; 32]).ok()?;
        Some(signature.to_bytes().to_vec())
    }

    fn tweaked(&self, merkle_root: &[u8]) -> NonZeroScalar {
        let point = (ProjectivePoint::GENERATOR * *self.secret).to_affine();
        let odd = bool::from(point.y_is_odd());
        let even_secret = if odd { -*self.secret } else { *self.secret };
        let tag = Sha256::digest("TapTweak");
        let mut hash = Sha256::new();
        hash.update(tag);
        hash.update(tag);
        hash.update(point.x());
        hash.update(merkle_root);
        let tweak = <Scalar as Reduce<U256>>::reduce_bytes(&hash.finalize());
        NonZeroScalar::new(even_secret + tweak).expect("no hash hits the negated key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k256::ecdsa::signature::hazmat::PrehashVerifier;

    fn unhex(hex: &str) -> Vec<u8> {
        hex::decode(hex).expect("hexadecimal")
    }

    /// A key of the first test vector of BIP 32: the derivations that are not hardened follow from the public key alone.
    #[test]
    fn four_byte_indices_derive_as_in_bip_32() {
        // m/0' and its child m/0'/1 of the seed 000102030405060708090a0b0c0d0e0f.
        let secret = unhex("edb2e14f9ee77d26dd93b4ecede8d16ed408ce149b6cd80b0715a2d911a0afea");
        let chain_code = unhex("47fdacbd0f1097043b78c63c20c34ef4ed9a111d980047ad16282c7ae6236141");
        let parent = Key {
            secret: Key::master(secret.try_into().expect("32 bytes")).secret,
            chain_code: chain_code.try_into().expect("32 bytes"),
        };
        let child = parent.derive([&[0, 0, 0, 1][..]]);
        assert_eq!(
            hex::encode(child.public_key()),
            "03501e454bf00751f24b1b489aa925215d66af2234e3891c3b21a52bedb3cd711c"
        );
        assert_eq!(
            hex::encode(child.chain_code()),
            "2a7857631386ba23dacac34180dd1983734e444fdbf774041578e9b6adb37c19"
        );
    }

    #[test]
    fn ecdsa_signatures_verify_under_the_derived_key() {
        let key = Key::master([7; 32]).derive([&b"caller"[..], b"path"]);
        let other = Key::master([7; 32]).derive([&b"caller"[..]]);
        let hash = [9; 32];
        let signature = ecdsa::Signature::from_slice(&key.sign_ecdsa(&hash)).expect("64 bytes");
        let verify = |key: &Key| {
            let key = ecdsa::VerifyingKey::from_sec1_bytes(&key.public_key()).expect("a key");
            key.verify_prehash(&hash, &signature).is_ok()
        };
        assert!(verify(&key));
        assert!(!verify(&other));
    }

    #[test]
    fn bip_340_signatures_verify_under_the_derived_key() {
        for name in [&b"a"[..], b"b", b"c", b"d"] {
            let key = Key::master([7; 32]).derive([name]);
            let verifier =
                schnorr::VerifyingKey::from_bytes(&key.public_key()[1..]).expect("a key");
            for message in [&b""[..], b"message"] {
                let bytes = key.sign_bip340(message, None).expect("it signs");
                let signature = schnorr::Signature::try_from(&bytes[..]).expect("64 bytes");
                assert!(verifier.verify_raw(message, &signature).is_ok());
            }
        }
    }

    /// The first key path of the test vectors of BIP 341: internal key, no script tree, tweaked key.
    #[test]
    fn tweaked_signatures_verify_under_the_output_key() {
        let secret = unhex("6b973d88838f27366ed61c9ad6367663045cb456e28335c109e30717ae0c6baa");
        let key = Key::master(secret.try_into().expect("32 bytes"));
        assert_eq!(
            hex::encode(&key.public_key()[1..]),
            "d6889cb081036e0faefa3a35157ad71086b123b2b144b649798b494c300a961d"
        );
        let output = unhex("53a1f6e454df1aa2776a2814a721372d6258050de330b3c6d10ee8f4e0dda343");
        let verifier = schnorr::VerifyingKey::from_bytes(&output).expect("a key");
        let bytes = key.sign_bip340(b"message", Some(&[])).expect("it signs");
        let signature = schnorr::Signature::try_from(&bytes[..]).expect("64 bytes");
        assert!(verifier.verify_raw(b"message", &signature).is_ok());
        assert_eq!(key.sign_bip340(b"message", Some(&[1; 31])), None);
    }
}
