//! Certificates that queries can read: CBOR of the shape that the interface specification gives ("Certificate"),
//! with the certified data and the time in the tree. The signature is zeros: there is no subnet to sign.

use candid::Principal;

/// Tag that marks self-described CBOR.
const SELF_DESCRIBED: [u8; 3] = [0xd9, 0xd9, 0xf7];
/// Bytes of a signature.
const SIGNATURE: usize = 48;

/// A certificate that the canister has this certified data at this time (nanoseconds).
pub(super) fn encode(canister: &Principal, data: &[u8], time: u64) -> Vec<u8> {
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
