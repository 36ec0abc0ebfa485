//! Keys over secp256r1 (NIST P-256): derivation as in SLIP-10, but with byte strings of any length for indices, and signatures of
//! ECDSA (since-october-2025.md 7).

use hmac::{Hmac, Mac};
use p256::ecdsa::signature::hazmat::PrehashSigner;
use p256::elliptic_curve::PrimeField;
use p256::elliptic_curve::ops::Reduce;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::{FieldBytes, NonZeroScalar, ProjectivePoint, Scalar, U256, ecdsa};
use sha2::Sha512;

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
        let mut input = [&self.public_key()[..], index].concat();
        loop {
            let mut mac = Hmac::<Sha512>::new_from_slice(&self.chain_code)
                .expect("keys of any length will do");
            mac.update(&input);
            let bytes = mac.finalize().into_bytes();
            let (left, right) = bytes.split_at(32);
            let left: [u8; 32] = left.try_into().expect("32 bytes were split off");
            let chain_code: [u8; 32] = right.try_into().expect("the other half has 32 bytes");
            let offset: Option<Scalar> = Scalar::from_repr(left.into()).into();
            let secret = offset.and_then(|offset| {
                let secret: Option<NonZeroScalar> =
                    NonZeroScalar::new(*self.secret + offset).into();
                secret
            });
            match secret {
                Some(secret) => return Key { secret, chain_code },
                // Not a number of this curve: on with the other half (SLIP-10).
                None => input = [&[1][..], &chain_code, index].concat(),
            }
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
        signature.to_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::signature::hazmat::PrehashVerifier;

    fn unhex(hex: &str) -> [u8; 32] {
        let bytes = hex::decode(hex).expect("hexadecimal");
        bytes.try_into().expect("32 bytes")
    }

    /// Chain m/0H/1 of test vector 1 for nist256p1 in SLIP-10: the child that is not hardened follows from the public key alone.
    #[test]
    fn four_byte_indices_derive_as_in_slip_10() {
        let parent = Key {
            secret: Key::master(unhex(
                "6939694369114c67917a182c59ddb8cafc3004e63ca5d3b84403ba8613debc0c",
            ))
            .secret,
            chain_code: unhex("3460cea53e6a6bb5fb391eeef3237ffd8724bf0a40e94943c98b83825342ee11"),
        };
        let child = parent.derive([&[0, 0, 0, 1][..]]);
        assert_eq!(
            hex::encode(child.chain_code()),
            "4187afff1aafa8445010097fb99d23aee9f599450c7bd140b6826ac22ba21d0c"
        );
        assert_eq!(
            hex::encode(child.secret.to_bytes()),
            "284e9d38d07d21e4e281b645089a94f4cf5a5a81369acf151a1c3a57f18b2129"
        );
        assert_eq!(
            hex::encode(child.public_key()),
            "03526c63f8d0b4bbbf9c80df553fe66742df4676b241dabefdef67733e070f6844"
        );
    }

    #[test]
    fn signatures_verify_with_the_public_key() {
        let key = Key::master([7; 32]).derive([&b"a"[..], b""]);
        let hash = [3; 32];
        let signature = ecdsa::Signature::from_slice(&key.sign_ecdsa(&hash)).expect("64 bytes");
        let public = ecdsa::VerifyingKey::from_sec1_bytes(&key.public_key()).expect("a point");
        assert!(public.verify_prehash(&hash, &signature).is_ok());
        assert_eq!(key.sign_ecdsa(&hash), key.sign_ecdsa(&hash));
    }
}
