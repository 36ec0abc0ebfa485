//! Durations as people write them on the command line and in the suite file: `90s`, `1.5m`, `250ms`, seconds if there
//! is no unit.

use std::time::Duration;

/// Reads a duration: a number and `ms`, `s`, `m` or `h`.
///
/// # Errors
/// What is not one, or is longer than a hundred years.
pub fn parse(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "ms" => 0.001,
        "s" | "" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{unit}` is none of ms, s, m and h")),
    };
    match number.trim().parse::<f64>() {
        Ok(number) if (0.0..=3.2e9).contains(&(number * scale)) && !number.is_nan() => {
            Ok(Duration::from_secs_f64(number * scale))
        }
        _ => Err(format!(
            "`{text}` is no duration such as 90s, 1.5m or 250ms"
        )),
    }
}

/// Reads how long something may take.
///
/// # Errors
/// As [`parse`]; also nothing at all.
pub fn limit(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        Duration::ZERO => Err(format!("`{text}` is no time in which anything ends")),
        limit => Ok(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_milliseconds_to_hours_and_seconds_by_themselves() {
        for (text, millis) in [
            ("250ms", 250),
            ("7", 7000),
            ("1.5m", 90_000),
            ("2h", 7_200_000),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for wrong in ["", "s", "1d", "-1s", "1e99", "nan", "1 s x", "inf"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
