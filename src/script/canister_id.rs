//! Canister ids as a script writes them: the textual principal and the older `ic:` form.
//!
//! Owns the decoding of both, by hand, so that a mistake has an exact place. Which canisters exist is not known here.

use candid::Principal;
use data_encoding::BASE32_NOPAD_NOCASE;

use super::mistake::{Fault, Mistake};

/// The longest principal, in bytes.
const MAX_BYTES: usize = 29;
/// The CRC-32 that stands before the bytes in the text form.
const CHECKSUM_BYTES: usize = 4;
/// Characters between two dashes of the text form.
const GROUP: usize = 5;

/// Reads ids one after the other. A script names the same canister line after line, so the last one is remembered.
#[derive(Default)]
pub(super) struct Ids {
    last: Option<(String, Principal)>,
}

impl Ids {
    /// As [`canister_id`].
    pub(super) fn read<'a>(&mut self, text: &'a str) -> Result<Principal, Fault<'a>> {
        match &self.last {
            Some((last, id)) if last == text => Ok(*id),
            _ => {
                let id = canister_id(text)?;
                self.last = Some((text.to_owned(), id));
                Ok(id)
            }
        }
    }
}

/// A canister id in either form.
pub(super) fn canister_id(text: &str) -> Result<Principal, Fault<'_>> {
    match text.strip_prefix("ic:") {
        Some(digits) => old_id(digits),
        None => match text.parse::<u64>() {
            Ok(number) if text.starts_with(|first: char| first.is_ascii_digit()) => {
                let id = drun_ic::management::ids::canister_id(number).to_text();
                Err(Fault::new(text, Mistake::IdDecimal(id)))
            }
            _ => parse_principal_text(text),
        },
    }
}

/// Reads a textual principal such as `rwlgt-iiaaa-aaaaa-aaaaa-cai`; upper case is as good as lower.
///
/// The text is base32 without padding of the CRC-32 (big-endian) and the 0 to 29 bytes, with a dash after every five
/// characters (interface specification, "Textual representation of principals").
///
/// # Errors
/// The first mistake with the part of `text` that it is about.
pub fn parse_principal_text(text: &str) -> Result<Principal, Fault<'_>> {
    let illegal = |_, c: char| !matches!(c, 'a'..='z' | 'A'..='Z' | '2'..='7' | '-');
    if let Some(fault) = Fault::find(text, illegal, Mistake::IdCharacter) {
        return Err(fault);
    }
    let mut characters = Vec::with_capacity(text.len());
    characters.extend(text.bytes().filter(|byte| *byte != b'-'));
    if let Some(dash) = wrong_dash(text) {
        let canonical = decode(text, &characters).ok().map(|id| id.to_text());
        return Err(Fault::new(dash, Mistake::IdDashes { canonical }));
    }
    decode(text, &characters)
}

/// The first place where a dash should be and is not, or the other way round; the text is ASCII.
fn wrong_dash(text: &str) -> Option<&str> {
    let due = |index: usize| index % (GROUP + 1) == GROUP;
    let wrong = text
        .bytes()
        .enumerate()
        .position(|(index, byte)| (byte == b'-') != due(index));
    let last = text.len().checked_sub(1).filter(|_| text.ends_with('-'));
    wrong.or(last).map(|index| &text[index..=index])
}

/// Decodes the `characters` of `text`, which are all of the alphabet.
fn decode<'a>(text: &'a str, characters: &[u8]) -> Result<Principal, Fault<'a>> {
    let bytes = characters.len() * 5 / 8;
    // Eight characters make five bytes; these remainders hold as many bytes as one character fewer.
    if bytes < CHECKSUM_BYTES || matches!(characters.len() % 8, 1 | 3 | 6) {
        return Err(Fault::new(text, Mistake::IdLength(characters.len())));
    }
    if bytes > CHECKSUM_BYTES + MAX_BYTES {
        return Err(Fault::new(text, Mistake::IdTooLong(bytes - CHECKSUM_BYTES)));
    }
    // Alphabet and length are right, so only bits behind the last byte are left to be wrong.
    let decoded = BASE32_NOPAD_NOCASE
        .decode(characters)
        .map_err(|_| Fault::new(&text[text.len() - 1..], Mistake::IdTrailingBits))?;
    let (checksum, id) = decoded.split_at(CHECKSUM_BYTES);
    let computed = crc32fast::hash(id);
    let found = checksum
        .iter()
        .fold(0, |found, byte| found << 8 | u32::from(*byte));
    if computed != found {
        return Err(Fault::new(text, Mistake::IdChecksum { computed, found }));
    }
    Ok(Principal::from_slice(id))
}

/// Reads what follows `ic:`, hex digits of the id's bytes and of one checksum byte.
fn old_id(digits: &str) -> Result<Principal, Fault<'_>> {
    let bytes = super::payload::hex_digits(digits)?;
    let Some((found, id)) = bytes.split_last() else {
        return Err(Fault::new(digits, Mistake::OldIdWithoutChecksum));
    };
    if id.len() > MAX_BYTES {
        return Err(Fault::new(digits, Mistake::IdTooLong(id.len())));
    }
    let computed = crc8(id);
    if computed != *found {
        let last = &digits[digits.len() - 2..];
        return Err(Fault::new(
            last,
            Mistake::OldIdChecksum {
                computed,
                found: *found,
            },
        ));
    }
    Ok(Principal::from_slice(id))
}

/// CRC-8 with the polynomial x^8 + x^2 + x + 1 and the initial value 0, most significant bit first.
fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc, _| {
            let carry = if crc & 0x80 == 0 { 0 } else { 0x07 };
            crc << 1 ^ carry
        })
    })
}

#[cfg(test)]
mod tests {
    use nom::Offset;

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        canister_id(text)
            .unwrap_or_else(|fault| panic!("{text}: {}", fault.kind))
            .as_slice()
            .to_vec()
    }

    /// The column, from 1, and the kind of the mistake.
    fn mistake(text: &str) -> (usize, Mistake) {
        let fault = canister_id(text).expect_err(text);
        (1 + text.offset(fault.at), fault.kind)
    }

    #[test]
    fn textual_ids_of_the_specification_give_their_bytes() {
        assert_eq!(bytes("aaaaa-aa"), *b"");
        assert_eq!(bytes("2vxsx-fae"), [4]);
        for (number, text) in [
            (0, "rwlgt-iiaaa-aaaaa-aaaaa-cai"),
            (1, "rrkah-fqaaa-aaaaa-aaaaq-cai"),
            (10, "qaa6y-5yaaa-aaaaa-aaafa-cai"),
            (19, "sp3hj-caaaa-aaaaa-aaajq-cai"),
        ] {
            assert_eq!(bytes(text), [0, 0, 0, 0, 0, 0, 0, number, 1, 1]);
        }
    }

    #[test]
    fn the_last_id_is_remembered_by_its_text_alone() {
        let mut ids = Ids::default();
        for text in ["aaaaa-aa", "2vxsx-fae", "2vxsx-fae", "aaaaa-aa"] {
            assert_eq!(ids.read(text).ok(), canister_id(text).ok());
        }
        assert!(ids.read("aaaaa-ab").is_err());
    }

    #[test]
    fn upper_case_is_accepted() {
        assert_eq!(
            bytes("RWLGT-IIAAA-aaaaa-AAAAA-CAI"),
            bytes("rwlgt-iiaaa-aaaaa-aaaaa-cai")
        );
    }

    #[test]
    fn illegal_characters_are_found_where_they_stand() {
        assert_eq!(
            mistake("rwlgt-i1aaa-aaaaa-aaaaa-cai"),
            (8, Mistake::IdCharacter('1'))
        );
        assert_eq!(mistake("$ID"), (1, Mistake::IdCharacter('$')));
        assert_eq!(
            mistake("IC:0000000000000000001A"),
            (3, Mistake::IdCharacter(':'))
        );
        assert_eq!(mistake("aaaaa-éa"), (7, Mistake::IdCharacter('é')));
    }

    #[test]
    fn of_a_decimal_number_the_id_is_told() {
        for (text, id) in [
            ("0", "rwlgt-iiaaa-aaaaa-aaaaa-cai"),
            ("1", "rrkah-fqaaa-aaaaa-aaaaq-cai"),
            ("10", "qaa6y-5yaaa-aaaaa-aaafa-cai"),
        ] {
            assert_eq!(mistake(text), (1, Mistake::IdDecimal(id.into())), "{text}");
        }
        assert_eq!(mistake("+1"), (1, Mistake::IdCharacter('+')));
    }

    #[test]
    fn wrong_dashes_are_found_and_the_right_text_is_told() {
        let canonical = || Some("rwlgt-iiaaa-aaaaa-aaaaa-cai".to_string());
        for (text, column) in [
            ("rwlgtiiaaa-aaaaa-aaaaa-cai", 6),
            ("rwlg-tiiaaa-aaaaa-aaaaa-cai", 5),
            ("-rwlgt-iiaaa-aaaaa-aaaaa-cai", 1),
            ("rwlgt-iiaaa--aaaaa-aaaaa-cai", 13),
            ("rwlgt-iiaaa-aaaaa-aaaaa-cai-", 28),
        ] {
            let kind = Mistake::IdDashes {
                canonical: canonical(),
            };
            assert_eq!(mistake(text), (column, kind), "{text}");
        }
        // A letter is missing in the second group, so there is no right text to tell.
        assert_eq!(
            mistake("rwlgt-iiaa-aaaaa-aaaaa-cai"),
            (11, Mistake::IdDashes { canonical: None })
        );
        // Five characters and a dash at the very end, where no sixth follows.
        assert_eq!(
            mistake("aaaaa-"),
            (6, Mistake::IdDashes { canonical: None })
        );
    }

    #[test]
    fn impossible_lengths_are_told() {
        for (text, characters) in [
            ("a", 1),
            ("aaaaa", 5),
            ("aaaaa-a", 6),
            ("rwlgt-iiaaa-aaaaa-aaaaa-ca", 22),
        ] {
            assert_eq!(mistake(text), (1, Mistake::IdLength(characters)), "{text}");
        }
        assert_eq!(mistake("aaaaa-aaaa"), (1, Mistake::IdLength(9)));
    }

    #[test]
    fn at_most_29_bytes() {
        let text = |length: usize| {
            let id = vec![7; length];
            let mut all = crc32fast::hash(&id).to_be_bytes().to_vec();
            all.extend(&id);
            let characters = BASE32_NOPAD_NOCASE.encode(&all).into_bytes();
            let groups: Vec<&[u8]> = characters.chunks(GROUP).collect();
            String::from_utf8(groups.join(&b'-')).unwrap()
        };
        assert_eq!(bytes(&text(29)), [7; 29]);
        assert_eq!(mistake(&text(30)), (1, Mistake::IdTooLong(30)));
    }

    #[test]
    fn superfluous_bits_are_refused() {
        // The 23rd character carries 5 bits for the last 2 bits of 14 bytes, hence `i` = 01000 and not `j` = 01001.
        assert_eq!(
            mistake("rwlgt-iiaaa-aaaaa-aaaaa-caj"),
            (27, Mistake::IdTrailingBits)
        );
    }

    #[test]
    fn a_wrong_checksum_is_told_with_both_values() {
        // The checksum of no bytes is 0; `b` as the fourth character sets the lowest bit of the first 20.
        assert_eq!(
            mistake("aaaba-aa"),
            (
                1,
                Mistake::IdChecksum {
                    computed: 0,
                    found: 1 << 12
                }
            )
        );
    }

    #[test]
    fn crc8_has_the_catalogued_check_value() {
        // CRC-8/SMBUS: polynomial 0x07, initial value 0, not reflected.
        assert_eq!(crc8(b"123456789"), 0xf4);
        assert_eq!(crc8(&[]), 0);
    }

    #[test]
    fn the_older_form_is_read_in_either_case() {
        let mut id = [0; 18];
        (id[0], id[17]) = (1, 1);
        assert_eq!(bytes("ic:0100000000000000000000000000000000012D"), id);
        assert_eq!(bytes("ic:0100000000000000000000000000000000012d"), id);
        assert_eq!(bytes("ic:00"), *b"");
    }

    #[test]
    fn mistakes_of_the_older_form_have_their_places() {
        assert_eq!(mistake("ic:"), (4, Mistake::OldIdWithoutChecksum));
        assert_eq!(mistake("ic:0g"), (5, Mistake::HexDigit('g')));
        assert_eq!(mistake("ic:00-0"), (6, Mistake::HexDigit('-')));
        assert_eq!(mistake("ic:012"), (6, Mistake::OddHex(3)));
        let checksum = Mistake::OldIdChecksum {
            computed: 0x07,
            found: 0x08,
        };
        assert_eq!(mistake("ic:0108"), (6, checksum));
        let long = format!("ic:{}00", "00".repeat(30));
        assert_eq!(mistake(&long), (4, Mistake::IdTooLong(30)));
        assert_eq!(bytes(&format!("ic:{}00", "00".repeat(29))), [0; 29]);
    }
}
