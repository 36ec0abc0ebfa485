//! Amounts with units: durations, cycles, sizes.
//!
//! Owns the units and the arithmetic, which refuses what does not fit. A `_` may stand between digits.

use std::fmt;

/// Time that passes, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub u64);

/// The units of time, the longest first, with their nanoseconds.
const TIMES: [(&str, u64); 8] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("min", 60_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Multiples of cycles.
const MULTIPLES: [(&str, u128); 6] = [
    ("", 1),
    ("k", 1_000),
    ("M", 1_000_000),
    ("B", 1_000_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
];

/// Units of memory.
const SIZES: [(&str, u128); 4] = [
    ("", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Why a text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It is none.
    NoAmount,
    /// It is more than can be told.
    TooMuch,
}

/// Reads a duration: numbers with units, such as `30s` or `1h30m`.
pub(super) fn duration(text: &str) -> Result<Duration, Unfit> {
    let nanoseconds = nanoseconds(text)?;
    let nanoseconds = u64::try_from(nanoseconds).map_err(|_| Unfit::TooMuch)?;
    Ok(Duration(nanoseconds))
}

/// Reads a duration of whole seconds, which may be longer than a clock can show.
pub(super) fn seconds(text: &str) -> Result<u64, Unfit> {
    let nanoseconds = nanoseconds(text)?;
    match nanoseconds.is_multiple_of(1_000_000_000) {
        true => u64::try_from(nanoseconds / 1_000_000_000).map_err(|_| Unfit::TooMuch),
        false => Err(Unfit::NoAmount),
    }
}

fn nanoseconds(text: &str) -> Result<u128, Unfit> {
    let mut total = 0u128;
    let mut rest = text;
    while !rest.is_empty() || text.is_empty() {
        let end = rest.find(|c: char| !is_digit(c)).ok_or(Unfit::NoAmount)?;
        let (digits, after) = rest.split_at(end);
        let end = after.find(is_digit).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let (_, nanoseconds) = TIMES
            .iter()
            .find(|(name, _)| *name == unit || (unit == "µs" && *name == "us"))
            .ok_or(Unfit::NoAmount)?;
        let part = number(digits)?.checked_mul(u128::from(*nanoseconds));
        total = part
            .and_then(|part| total.checked_add(part))
            .ok_or(Unfit::TooMuch)?;
        rest = after;
    }
    Ok(total)
}

/// Reads cycles: a number with or without point and `k`, `M`, `B`, `G` or `T` behind it.
pub(super) fn cycles(text: &str) -> Result<u128, Unfit> {
    scaled(text, &MULTIPLES)
}

/// Reads a size in bytes, or with `KiB`, `MiB`, `GiB`.
pub(super) fn bytes(text: &str) -> Result<u64, Unfit> {
    u64::try_from(scaled(text, &SIZES)?).map_err(|_| Unfit::TooMuch)
}

/// Reads a size for whoever has no script: as [`bytes`], with the reason in words.
///
/// # Errors
/// What is no size.
pub fn size(text: &str) -> Result<u64, String> {
    bytes(text).map_err(|why| match why {
        Unfit::NoAmount => format!("`{text}` is no size such as 2GiB, 512MiB or 65536"),
        Unfit::TooMuch => format!("`{text}` is more than 64 bits hold"),
    })
}

/// Reads a whole number.
pub(super) fn number(digits: &str) -> Result<u128, Unfit> {
    let lonely = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    if digits.is_empty() || lonely || !digits.chars().all(is_digit) {
        return Err(Unfit::NoAmount);
    }
    digits.replace('_', "").parse().map_err(|_| Unfit::TooMuch)
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || c == '_'
}

fn scaled(text: &str, units: &[(&str, u128)]) -> Result<u128, Unfit> {
    let end = text
        .find(|c: char| !is_digit(c) && c != '.')
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let (_, factor) = units
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or(Unfit::NoAmount)?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = number(whole)?.checked_mul(*factor).ok_or(Unfit::TooMuch)?;
    if whole_is_all(digits) {
        return Ok(whole);
    }
    // A fraction of the unit must be a whole number: `1.5k`, but not `1.5`.
    let places = u32::try_from(fraction.len()).map_err(|_| Unfit::NoAmount)?;
    let scale = 10u128.checked_pow(places).ok_or(Unfit::NoAmount)?;
    let parts = number(fraction)?
        .checked_mul(*factor)
        .ok_or(Unfit::TooMuch)?;
    if parts % scale != 0 || fraction.contains('_') {
        return Err(Unfit::NoAmount);
    }
    whole.checked_add(parts / scale).ok_or(Unfit::TooMuch)
}

fn whole_is_all(digits: &str) -> bool {
    !digits.contains('.')
}

/// The largest unit of which it is a whole number.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, nanoseconds): &&(&str, u64)| self.0.is_multiple_of(*nanoseconds);
        let (unit, nanoseconds) = TIMES.iter().find(fits).unwrap_or(&("ns", 1));
        write!(f, "{}{unit}", self.0 / nanoseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, nanoseconds) in [
            ("1ns", 1),
            ("2us", 2_000),
            ("2µs", 2_000),
            ("500ms", 500_000_000),
            ("30s", 30_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("1_0min", 600_000_000_000),
            ("1d", 86_400_000_000_000),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration(nanoseconds)), "{text}");
        }
        for text in ["", "1", "s", "1x", "1s2", "-1s", "1.5s", "_1s"] {
            assert_eq!(duration(text), Err(Unfit::NoAmount), "{text}");
        }
        assert_eq!(duration("213504d"), Err(Unfit::TooMuch));
        assert_eq!(duration("18446744073709551616ns"), Err(Unfit::TooMuch));
        assert_eq!(duration("213503d1d"), Err(Unfit::TooMuch));
        assert_eq!(seconds("1000000d"), Ok(86_400_000_000));
        assert_eq!(seconds("18446744073709551615s"), Ok(u64::MAX));
        assert_eq!(seconds("18446744073709551616s"), Err(Unfit::TooMuch));
        assert_eq!(seconds("1500ms"), Err(Unfit::NoAmount));
    }

    #[test]
    fn cycles_and_sizes_have_multiples() {
        assert_eq!(cycles("5T"), Ok(5_000_000_000_000));
        assert_eq!(cycles("1.5k"), Ok(1_500));
        assert_eq!(cycles("1_000"), Ok(1_000));
        assert_eq!(bytes("2GiB"), Ok(2 << 30));
        for text in ["", "1.5", "1.", ".5k", "T", "1t", "-1", "1.0001k"] {
            assert_eq!(cycles(text), Err(Unfit::NoAmount), "{text}");
        }
        let huge = "340282366920938463463374607431768211456";
        assert_eq!(cycles(huge), Err(Unfit::TooMuch));
        assert_eq!(cycles(&format!("{}T", u128::MAX)), Err(Unfit::TooMuch));
        assert_eq!(bytes("17179869184GiB"), Err(Unfit::TooMuch));
    }
}
