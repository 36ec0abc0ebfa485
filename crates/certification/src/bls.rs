//! Signatures of BLS12-381 with short signatures (48 bytes in G1, public keys of 96 bytes in G2), and the DER form of the public keys
//! (interface specification, "Certificate" and "Chain-key signatures"). Knows nothing of what is signed.

use ic_bls12_381::hash_to_curve::{ExpandMsgXmd, HashToCurve};
use ic_bls12_381::{G1Affine, G1Projective, G2Affine, G2Prepared, Scalar, multi_miller_loop};
use sha2::{Digest as _, Sha256, Sha512};

/// Separates these signatures from other uses of the curve.
const DOMAIN: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
/// What stands before the 96 bytes of a key in DER: the algorithm 1.3.6.1.4.1.44668.5.3.1.2.1 and the curve 1.3.6.1.4.1.44668.5.3.2.1.
const DER_PREFIX: [u8; 37] = [
    0x30, 0x81, 0x82, 0x30, 0x1d, 0x06, 0x0d, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xdc, 0x7c, 0x05,
    0x03, 0x01, 0x02, 0x01, 0x06, 0x0c, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0xdc, 0x7c, 0x05, 0x03,
    0x02, 0x01, 0x03, 0x61, 0x00,
];

/// Bytes of a signature.
pub const SIGNATURE: usize = 48;
/// Bytes of a public key.
pub const PUBLIC_KEY: usize = 96;

/// A key that signs. Nothing here is secret: keys follow from seeds.
#[derive(Clone)]
pub struct SecretKey(Scalar);

impl SecretKey {
    /// The key that follows from a seed.
    pub fn from_seed(seed: &[u8]) -> Self {
        SecretKey(Scalar::from_bytes_wide(&Sha512::digest(seed).into()))
    }

    /// The public key, compressed.
    pub fn public_key(&self) -> [u8; PUBLIC_KEY] {
        G2Affine::from(G2Affine::generator() * self.0).to_compressed()
    }

    /// The signature of a message, compressed. Equal messages have equal signatures.
    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE] {
        G1Affine::from(hash(message) * self.0).to_compressed()
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretKey")
    }
}

/// True if the signature of the message is that of the key (96 bytes). False also for bytes that are no signature or key.
pub fn verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Some(key), Some(signature)) = (point(public_key), signature_point(signature)) else {
        return false;
    };
    if bool::from(key.is_identity()) {
        return false;
    }
    let negated = G2Prepared::from(-G2Affine::generator());
    let product = multi_miller_loop(&[
        (&signature, &negated),
        (&G1Affine::from(hash(message)), &G2Prepared::from(key)),
    ]);
    product.final_exponentiation() == ic_bls12_381::Gt::identity()
}

fn point(bytes: &[u8]) -> Option<G2Affine> {
    G2Affine::from_compressed(bytes.try_into().ok()?).into_option()
}

fn signature_point(bytes: &[u8]) -> Option<G1Affine> {
    G1Affine::from_compressed(bytes.try_into().ok()?).into_option()
}

fn hash(message: &[u8]) -> G1Projective {
    <G1Projective as HashToCurve<ExpandMsgXmd<Sha256>>>::hash_to_curve(message, DOMAIN)
}

/// The DER form of a public key, 133 bytes.
pub fn to_der(public_key: &[u8; PUBLIC_KEY]) -> Vec<u8> {
    [&DER_PREFIX[..], public_key].concat()
}

/// The public key that a DER form holds, if it is of this algorithm and a point of the group.
pub fn from_der(der: &[u8]) -> Option<[u8; PUBLIC_KEY]> {
    let key: [u8; PUBLIC_KEY] = der.strip_prefix(&DER_PREFIX)?.try_into().ok()?;
    point(&key).map(|_| key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        hex::decode(text).expect("hexadecimal")
    }

    /// The first vector of the public crate `ic-verify-bls-signature`, from the main network.
    #[test]
    fn a_signature_of_the_main_network_verifies() {
        let signature = unhex(
            "ace9fcdd9bc977e05d6328f889dc4e7c99114c737a494653cb27a1f55c06f4555e0f160980af5ead098acc195010b2f7",
        );
        let message = unhex(
            "0d69632d73746174652d726f6f74e6c01e909b4923345ce5970962bcfe3004bfd8474a21dae28f50692502f46d90",
        );
        let key = unhex(
            "814c0e6ec71fab583b08bd81373c255c3c371b2e84863c98a4f1e08b74235d14fb5d9c0cd546d9685f913a0c0b2cc5341583bf4b4392e467db96d65b9bb4cb717112f8472e0d5a4d14505ffd7484b01291091c5f87b98883463f98091a0baaae",
        );
        assert!(verify(&key, &message, &signature));
        assert!(!verify(&key, &message[1..], &signature));
        assert!(!verify(&key, &message, &signature[1..]));
    }

    #[test]
    fn what_we_sign_verifies_elsewhere() {
        let key = SecretKey::from_seed(b"seed");
        let signature = key.sign(b"message");
        let verified = ic_verify_bls_signature::verify_bls_signature(
            &signature,
            b"message",
            &key.public_key(),
        );
        assert_eq!(verified, Ok(()));
        assert!(verify(&key.public_key(), b"message", &signature));
    }

    #[test]
    fn a_key_in_der_is_read_back_and_others_are_refused() {
        let key = SecretKey::from_seed(b"seed").public_key();
        let der = to_der(&key);
        assert_eq!((der.len(), from_der(&der)), (133, Some(key)));
        assert_eq!(from_der(&der[..132]), None);
        assert_eq!(from_der(&[&der[..37], &[0; 96]].concat()), None);
    }
}
