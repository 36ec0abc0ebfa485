//! Numbers as the state tree and the hashes of requests hold them: LEB128 without sign.

/// The bytes of a number.
pub(super) fn encode(number: impl Into<u128>) -> Vec<u8> {
    let mut rest = number.into();
    let mut bytes = Vec::new();
    loop {
        let low = (rest & 0x7f) as u8;
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn seven_bits_stand_in_a_byte() {
        assert_eq!(encode(0_u8), [0]);
        assert_eq!(encode(127_u8), [127]);
        assert_eq!(encode(300_u16), [0xac, 2]);
    }
}
