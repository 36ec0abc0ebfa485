//! Hexadecimal text of Ethereum: quantities, data, and the forms in which two of them are the same.

/// Whether a text is `0x` and hexadecimal digits; none at all only if `empty`.
pub(super) fn is_hex(text: &str, empty: bool) -> bool {
    text.strip_prefix("0x").is_some_and(|digits| {
        (empty || !digits.is_empty()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// A number of at most 64 bits.
pub(crate) fn quantity(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    match digits.starts_with('+') {
        true => None,
        false => u64::from_str_radix(digits, 16).ok(),
    }
}

/// Lower case, zeros in front up to a number of bytes.
pub(super) fn padded(text: &str, bytes: usize) -> String {
    let digits = text.strip_prefix("0x").unwrap_or(text).to_lowercase();
    format!("0x{digits:0>width$}", width = bytes * 2)
}

/// Lower case, no zeros in front.
pub(super) fn stripped(text: &str) -> String {
    let digits = text.strip_prefix("0x").unwrap_or(text).to_lowercase();
    let digits = digits.trim_start_matches('0');
    format!("0x{}", if digits.is_empty() { "0" } else { digits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_number() {
        assert_eq!(quantity("0x10"), Some(16));
        assert_eq!(quantity("0x"), None);
        assert_eq!(quantity("0x+1"), None);
        assert_eq!(padded("0xAb", 2), "0x00ab");
        assert_eq!(stripped("0x000Ab"), "0xab");
        assert_eq!(stripped("0x00"), "0x0");
        assert!(
            is_hex("0x", true)
                && !is_hex("0x", false)
                && !is_hex("12", true)
                && !is_hex("0xg", true)
        );
    }
}
