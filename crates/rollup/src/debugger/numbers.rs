//! Numbers and bytes as the prompt reads and prints them: bases, kinds, spans of time, dates.

use std::time::Duration;

use num_bigint::BigUint;

/// Reads a number in decimal, `0x`, `0o` or `0b`.
pub(super) fn number(text: &str) -> Option<u64> {
    let (digits, base) = match text.get(..2) {
        Some("0x") => (&text[2..], 16),
        Some("0o") => (&text[2..], 8),
        Some("0b") => (&text[2..], 2),
        _ => (text, 10),
    };
    (!digits.starts_with('+')).then(|| u64::from_str_radix(digits, base).ok())?
}

/// How bytes are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Digits.
    Hex,
    /// As they are.
    String,
    /// A little-endian number of so many bytes, with the name by which errors call it.
    Number(usize, &'static str),
}

impl Kind {
    /// The kind with a name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "hex" => Self::Hex,
            "string" => Self::String,
            "u16" | "uint16" => Self::Number(2, "u16"),
            "i32" | "int32" => Self::Number(4, "i32"),
            "i64" | "int64" => Self::Number(8, "i64"),
            "u128" | "uint128" => Self::Number(16, "u128"),
            "u256" | "uint256" => Self::Number(32, "u256"),
            _ => return None,
        })
    }

    /// The bytes of a number of this kind.
    pub fn size(self) -> Option<usize> {
        match self {
            Self::Number(size, _) => Some(size),
            Self::Hex | Self::String => None,
        }
    }

    /// Shows bytes; numbers are unsigned whatever their name, as in the original.
    pub fn show(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Hex => hex::encode(bytes).into_bytes(),
            Self::String => bytes.to_vec(),
            Self::Number(size, _) if bytes.len() == size => BigUint::from_bytes_le(bytes).to_string().into_bytes(),
            Self::Number(size, name) => format!(
                "Error: {name} values must be {size} bytes long. Defaulting to hexadecimal value\n{}",
                hex::encode(bytes)
            )
            .into_bytes(),
        }
    }
}

/// A span of time in the style `277ms`, `3.605us`.
pub(super) fn span(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let (unit, name) = match nanos {
        0..1_000 => return format!("{nanos}ns"),
        1_000..1_000_000 => (1_000, "us"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let fraction = format!("{:03}", nanos % unit * 1000 / unit);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}{name}", nanos / unit)
}

/// A time in seconds since 1970 as in `1970-01-01T00:00:00`.
pub(super) fn date(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // The calendar of 400 years, counted from the first of March of the year 0.
    let shifted = days.saturating_add(719_468);
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_three_digits_at_most() {
        for (nanos, text) in [
            (999, "999ns"),
            (3_605, "3.605us"),
            (277_000_000, "277ms"),
            (62_246_000, "62.246ms"),
            (1_200_000_000, "1.2s"),
            (61_000_000_000, "61s"),
        ] {
            assert_eq!(span(Duration::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn dates_of_the_gregorian_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_686_151_869, "2023-06-07T15:31:09"),
            (-1, "1969-12-31T23:59:59"),
        ] {
            assert_eq!(date(seconds), text);
        }
    }

    #[test]
    fn numbers_are_unsigned_and_of_their_length() {
        let show =
            |kind, bytes: &[u8]| String::from_utf8(Kind::parse(kind).unwrap().show(bytes)).unwrap();
        assert_eq!(show("i32", &[0xff; 4]), "4294967295");
        assert_eq!(
            show("uint256", &[0xff; 32]),
            "115792089237316195423570985008687907853269984665640564039457584007913129639935"
        );
        assert_eq!(
            show("u16", b"abc"),
            "Error: u16 values must be 2 bytes long. Defaulting to hexadecimal value\n616263"
        );
        assert_eq!(number("0x"), None);
        assert_eq!(number("+1"), None);
        assert_eq!(number("18446744073709551616"), None);
    }
}
