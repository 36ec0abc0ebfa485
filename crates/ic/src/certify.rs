//! Who certifies what canisters say: the certificate that a query can read, and the root key that it verifies under. Whoever drives
//! the node plugs in a [`Certify`]; [`Unsigned`] stands in for it, with certificates of the shape that the interface specification
//! gives ("Certificate") and a signature of zeros. Nothing is certified before a canister looks at it.

use std::fmt;
use std::sync::{Arc, LazyLock};

use candid::Principal;

/// Tag that marks self-described CBOR.
const SELF_DESCRIBED: [u8; 3] = [0xd9, 0xd9, 0xf7];
/// Bytes of a signature.
const SIGNATURE: usize = 48;

/// Certifies for a subnet. Equal arguments have equal results.
pub trait Certify: fmt::Debug + Send + Sync {
    /// The root key, DER encoded.
    fn root_key(&self) -> &[u8];

    /// The encoded certificate that the canister has this certified data at this time (nanoseconds since the Unix epoch).
    fn certify(&self, canister: &Principal, certified_data: &[u8], time: u64) -> Vec<u8>;
}

/// Certificates that nobody signed, under the root key of the main network.
#[derive(Clone, Copy, Debug)]
pub struct Unsigned;

impl Certify for Unsigned {
    /// The public key of the main network, as its documentation shows it.
    fn root_key(&self) -> &[u8] {
        static ROOT_KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
            hex::decode(concat!(
                "308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100",
                "814c0e6ec71fab583b08bd81373c255c3c371b2e84863c98a4f1e08b74235d14",
                "fb5d9c0cd546d9685f913a0c0b2cc5341583bf4b4392e467db96d65b9bb4cb71",
                "7112f8472e0d5a4d14505ffd7484b01291091c5f87b98883463f98091a0baaae"
            ))
            .expect("a hexadecimal constant")
        });
        &ROOT_KEY
    }

    fn certify(&self, canister: &Principal, certified_data: &[u8], time: u64) -> Vec<u8> {
        encode(canister, certified_data, time)
    }
}

/// A certificate that is made when it is first looked at.
#[derive(Clone)]
pub struct Certificate(Arc<LazyLock<Vec<u8>, Making>>);

type Making = Box<dyn FnOnce() -> Vec<u8> + Send>;

impl Certificate {
    /// The certificate that the canister has this certified data at this time.
    pub fn new(
        by: Arc<dyn Certify>,
        canister: Principal,
        certified_data: Vec<u8>,
        time: u64,
    ) -> Self {
        let making: Making = Box::new(move || by.certify(&canister, &certified_data, time));
        Certificate(Arc::new(LazyLock::new(making)))
    }

    /// The encoded certificate.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate")
    }
}

/// A certificate that the canister has this certified data at this time (nanoseconds).
fn encode(canister: &Principal, data: &[u8], time: u64) -> Vec<u8> {
    let mut leb_time = Vec::new();
    let mut rest = time;
    loop {
        let byte = (rest & 0x7f) as u8;
        rest >>= 7;
        if rest == 0 {
            leb_time.push(byte);
            break;
        }
        leb_time.push(byte | 0x80);
    }
    let certified = labeled(b"certified_data", &leaf(data));
    let canisters = labeled(b"canister", &labeled(canister.as_slice(), &certified));
    let tree = fork(&canisters, &labeled(b"time", &leaf(&leb_time)));
    let mut out = SELF_DESCRIBED.to_vec();
    head(&mut out, 5, 2);
    text(&mut out, "tree");
    out.extend_from_slice(&tree);
    text(&mut out, "signature");
    bytes(&mut out, &[0; SIGNATURE]);
    out
}

fn head(out: &mut Vec<u8>, major: u8, length: usize) {
    match length {
        0..24 => out.push(major << 5 | length as u8),
        24..256 => out.extend_from_slice(&[major << 5 | 24, length as u8]),
        _ => {
            out.push(major << 5 | 25);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
}

fn bytes(out: &mut Vec<u8>, content: &[u8]) {
    head(out, 2, content.len());
    out.extend_from_slice(content);
}

fn text(out: &mut Vec<u8>, content: &str) {
    head(out, 3, content.len());
    out.extend_from_slice(content.as_bytes());
}

fn node(kind: u8, length: usize) -> Vec<u8> {
    let mut out = Vec::new();
    head(&mut out, 4, length);
    out.push(kind);
    out
}

fn fork(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut out = node(1, 3);
    out.extend_from_slice(left);
    out.extend_from_slice(right);
    out
}

fn labeled(label: &[u8], tree: &[u8]) -> Vec<u8> {
    let mut out = node(2, 3);
    bytes(&mut out, label);
    out.extend_from_slice(tree);
    out
}

fn leaf(content: &[u8]) -> Vec<u8> {
    let mut out = node(3, 2);
    bytes(&mut out, content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certified_data_stands_under_its_labels() {
        let certificate = encode(&Principal::from_slice(&[7]), &[1, 2], 300);
        let expected = hex::decode(concat!(
            "d9d9f7a2647472656583018302486361",
            "6e69737465728302410783024e",
            "6365727469666965645f64617461",
            "820342010283024474696d6582034",
            "2ac02697369676e61747572655830"
        ))
        .unwrap();
        assert_eq!(certificate[..expected.len()], expected);
        assert_eq!(certificate.len(), expected.len() + 48);
    }
}
