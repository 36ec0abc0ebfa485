//! How values look inside error texts, and how texts that are too long are shortened (errors.md, sections 0,
//! 2.3 and 3.4). Owns no error of its own except the one sentence that many others quote: "out of cycles".

use std::fmt;

use candid::Principal;

/// Stands for an `ic0.trap` message that cannot be read.
pub const TRAP_MESSAGE_OUT_OF_BOUNDS: &str = "(trap message out of memory bounds)";
/// Stands for an `ic0.debug_print` message that cannot be read, where it is printed.
pub const DEBUG_MESSAGE_OUT_OF_BOUNDS: &str = "(debug message out of memory bounds)";
/// The same in the log of the canister.
pub const LOG_MESSAGE_OUT_OF_BOUNDS: &str = "(debug_print message out of memory bounds)";

/// The limit of descriptions and reject messages, in bytes.
pub const MAX_TEXT: usize = 8192;
/// The limit of rejects that message routing makes itself, in bytes.
pub const MAX_SYNTHETIC_REJECT: usize = 255;

const ELLIPSIS: &str = "...";

/// Bytes as text, with the bad ones replaced. Of more than any text shows only both ends are read, since they may be as many as a
/// heap holds.
pub fn lossy(bytes: &[u8]) -> String {
    if bytes.len() <= 2 * MAX_TEXT {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let ends = [&bytes[..MAX_TEXT], &bytes[bytes.len() - MAX_TEXT..]];
    ends.map(String::from_utf8_lossy).concat()
}

/// The description of a user error: 8192 bytes, half of them from the beginning.
pub fn shorten_description(text: String) -> String {
    shorten(text, MAX_TEXT, 50)
}

/// A reject message for a canister: 8192 bytes, three quarters of them from the beginning.
pub fn shorten_reject(text: String) -> String {
    shorten(text, MAX_TEXT, 75)
}

/// A reject that no canister had a part in: 255 bytes, three quarters of them from the beginning.
pub fn shorten_synthetic_reject(text: String) -> String {
    shorten(text, MAX_SYNTHETIC_REJECT, 75)
}

/// Replaces the middle of a text longer than `limit` bytes by `...`, giving `percent` of the limit to the beginning and what is then
/// left to the end. A character that does not fit as a whole goes, so the result may be a few bytes shorter than the limit.
fn shorten(text: String, limit: usize, percent: usize) -> String {
    if text.len() <= limit {
        return text;
    }
    let prefix = limit * percent / 100;
    let suffix = limit - ELLIPSIS.len() - prefix;
    let end = text.floor_char_boundary(prefix);
    let start = text.ceil_char_boundary(text.len() - suffix);
    [&text[..end], ELLIPSIS, &text[start..]].concat()
}

/// Cycles: `500_000_000_000`.
pub fn grouped(number: u128) -> String {
    group_digits(&number.to_string())
}

/// The same for a natural number of any size, given by its decimal digits.
pub fn group_digits(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped
}

/// Bytes for human eyes: `100 B`, `64.44 KiB`. A unit is used above one of it only: `1024 B`, `1024.00 KiB`.
pub fn human_bytes(bytes: u64) -> String {
    ["EiB", "PiB", "TiB", "GiB", "MiB", "KiB"]
        .into_iter()
        .zip([60, 50, 40, 30, 20, 10].map(|bits| 1u64 << bits))
        .find(|(_, size)| bytes > *size)
        .map_or_else(
            || format!("{bytes} B"),
            |(unit, size)| format!("{:.2} {unit}", bytes as f64 / size as f64),
        )
}

/// A memory allocation: bytes for human eyes, or `best-effort` for none.
pub fn memory_allocation(bytes: u64) -> String {
    match bytes {
        0 => "best-effort".to_owned(),
        _ => human_bytes(bytes),
    }
}

/// `[1, 2, 255]`
pub fn byte_list(bytes: &[u8]) -> String {
    format!("{bytes:?}")
}

/// `[6e, 6f]`
pub fn hex_list(bytes: &[u8]) -> String {
    format!("{bytes:02x?}")
}

/// A canister cannot pay `requested` cycles out of `available` ones and keep its freezing threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutOfCycles {
    /// Who should pay.
    pub canister: Principal,
    /// What has to remain.
    pub threshold: u128,
    /// What was to be paid.
    pub requested: u128,
    /// The balance.
    pub available: u128,
    /// Whether the reader controls the canister and may learn how much is missing.
    pub reveal: bool,
}

impl fmt::Display for OutOfCycles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Canister {} is out of cycles", self.canister)?;
        if self.reveal {
            let needed = self.threshold.saturating_add(self.requested);
            let missing = grouped(needed.saturating_sub(self.available));
            write!(
                f,
                ": please top up the canister with at least {missing} additional cycles"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_up_to_the_limit_stay_as_they_are() {
        let at_limit = "x".repeat(8192);
        assert_eq!(shorten_description(at_limit.clone()), at_limit);
        assert_eq!(shorten_reject(at_limit.clone()), at_limit);
        let at_limit = "x".repeat(255);
        assert_eq!(shorten_synthetic_reject(at_limit.clone()), at_limit);
    }

    /// The ends begin and end within characters and bad sequences.
    #[test]
    fn long_bytes_as_text_are_shortened_to_what_all_of_them_would_be() {
        for pattern in [
            &b"\xff"[..],
            "é".as_bytes(),
            b"a\xe2\x82",
            "\u{10ffff}b".as_bytes(),
        ] {
            for len in [2 * MAX_TEXT, 2 * MAX_TEXT + 1, 3 * MAX_TEXT - 1] {
                let bytes: Vec<u8> = pattern.iter().copied().cycle().take(len).collect();
                let all = format!("IC: {}.", String::from_utf8_lossy(&bytes));
                let told = format!("IC: {}.", lossy(&bytes));
                assert_eq!(
                    shorten_description(told.clone()),
                    shorten_description(all.clone())
                );
                assert_eq!(shorten_reject(told), shorten_reject(all));
            }
        }
        assert_eq!(lossy(&[0xff; 1 << 20]).len(), 3 * 2 * MAX_TEXT);
    }

    /// Beginning, ellipsis and end of a shortened text of `a`s and `b`s.
    fn expected(prefix: usize, suffix: usize) -> String {
        "a".repeat(prefix) + "..." + &"b".repeat(suffix)
    }

    #[test]
    fn one_byte_over_the_limit_is_shortened_by_the_budgets_of_each_kind() {
        assert_eq!(
            shorten_description("a".repeat(4096) + &"b".repeat(4097)),
            expected(4096, 4093)
        );
        assert_eq!(
            shorten_reject("a".repeat(6144) + &"b".repeat(2049)),
            expected(6144, 2045)
        );
        assert_eq!(
            shorten_synthetic_reject("a".repeat(191) + &"b".repeat(65)),
            expected(191, 61)
        );
    }

    #[test]
    fn a_character_on_a_cut_is_dropped_as_a_whole() {
        // "€" has three bytes. One lies across byte 191, where the beginning ends; one across byte 256 - 61, where the end starts.
        let text = "a".repeat(190) + "€" + "b" + "€" + &"c".repeat(59);
        assert_eq!(text.len(), 256);
        assert_eq!(
            shorten_synthetic_reject(text),
            "a".repeat(190) + "..." + &"c".repeat(59)
        );
    }

    #[test]
    fn digits_stand_in_groups_of_three() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1_000"),
            (123_456, "123_456"),
            (1_234_567, "1_234_567"),
            (
                u128::MAX,
                "340_282_366_920_938_463_463_374_607_431_768_211_455",
            ),
        ] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(
            group_digits("1000000000000000000000000000000000000000000"),
            "1_000_000_000_000_000_000_000_000_000_000_000_000_000_000"
        );
    }

    #[test]
    fn a_larger_unit_is_used_only_above_one_of_it() {
        for (bytes, text) in [
            (0, "0 B"),
            (100, "100 B"),
            (1024, "1024 B"),
            (1025, "1.00 KiB"),
            (65_987, "64.44 KiB"),
            (1 << 20, "1024.00 KiB"),
            (10 << 30, "10.00 GiB"),
            (1 << 40, "1024.00 GiB"),
            (u64::MAX, "16.00 EiB"),
        ] {
            assert_eq!(human_bytes(bytes), text);
        }
        assert_eq!(memory_allocation(0), "best-effort");
        assert_eq!(memory_allocation(2 << 30), "2.00 GiB");
    }

    #[test]
    fn bytes_are_listed_in_decimal_and_in_hex() {
        assert_eq!(byte_list(&[1, 2, 255]), "[1, 2, 255]");
        assert_eq!(hex_list(b"nope"), "[6e, 6f, 70, 65]");
        assert_eq!(hex_list(&[0, 10]), "[00, 0a]");
        assert_eq!(byte_list(&[]), "[]");
    }

    #[test]
    fn only_a_controller_learns_how_much_is_missing() {
        let error = OutOfCycles {
            canister: Principal::from_text("rwlgt-iiaaa-aaaaa-aaaaa-cai").unwrap(),
            threshold: 1_000_000,
            requested: 300_000,
            available: 65_433,
            reveal: true,
        };
        assert_eq!(
            error.to_string(),
            "Canister rwlgt-iiaaa-aaaaa-aaaaa-cai is out of cycles: please top up the canister with at least 1_234_567 additional cycles"
        );
        let hidden = OutOfCycles {
            reveal: false,
            ..error.clone()
        };
        assert_eq!(
            hidden.to_string(),
            "Canister rwlgt-iiaaa-aaaaa-aaaaa-cai is out of cycles"
        );
        let enough = OutOfCycles {
            available: u128::MAX,
            ..error
        };
        assert!(enough.to_string().ends_with("at least 0 additional cycles"));
    }
}
