//! Payloads: the last field of a message, in hex or as a quoted string.
//!
//! Owns both forms and their escapes. What the bytes mean (Candid or not) is nobody's business here.

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while_m_n, take_while1};
use nom::combinator::{map_opt, value};
use nom::multi::fold_many0;
use nom::sequence::preceded;
use nom::{IResult, Parser};

use super::characters::is_blank;
use super::mistake::{Fault, Mistake};

/// The rest of a line from the payload's first character on. Blanks after hex digits do not count; after a closing
/// quote nothing may follow, not even those.
pub(super) fn payload<'a>(text: &'a str, form: &'static str) -> Result<Vec<u8>, Fault<'a>> {
    if let Some(digits) = text.strip_prefix("0x") {
        let digits = digits.trim_end_matches(is_blank);
        return hex_digits(digits).map_err(|fault| superfluous(digits, form).unwrap_or(fault));
    }
    if let Some(body) = text.strip_prefix('"') {
        return match quoted_prefix(body)? {
            (bytes, "") => Ok(bytes),
            (_, rest) => Err(Fault::new(rest, Mistake::AfterQuote)),
        };
    }
    let word = text.split(is_blank).next().unwrap_or(text);
    Err(Fault::new(word, Mistake::PayloadStart))
}

/// The fault of a second field behind hex digits that are in order.
fn superfluous<'a>(text: &'a str, form: &'static str) -> Option<Fault<'a>> {
    let (digits, rest) = text.split_at(text.find(is_blank)?);
    hex_digits(digits).ok()?;
    let rest = rest.trim_start_matches(is_blank);
    Some(Fault::new(rest, Mistake::TrailingText { form }))
}

/// Bytes from an even number of hex digits, in one pass unless there is a mistake.
pub(super) fn hex_digits(digits: &str) -> Result<Vec<u8>, Fault<'_>> {
    let mut bytes = vec![0; digits.len() / 2];
    match hex::decode_to_slice(digits, &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(_) => {
            let illegal = |_, c: char| !c.is_ascii_hexdigit();
            Err(
                Fault::find(digits, illegal, Mistake::HexDigit).unwrap_or_else(|| {
                    let last = digits.len().saturating_sub(1);
                    Fault::new(&digits[last..], Mistake::OddHex(digits.len()))
                }),
            )
        }
    }
}

/// What follows the opening quote, closing quote included, and what is left behind that.
pub(super) fn quoted_prefix(body: &str) -> Result<(Vec<u8>, &str), Fault<'_>> {
    let pieces = fold_many0(
        alt((plain.map(Piece::Plain), escape.map(Piece::Escape))),
        || Vec::with_capacity(body.len()),
        |mut bytes, piece| {
            match piece {
                Piece::Plain(text) => bytes.extend_from_slice(text.as_bytes()),
                Piece::Escape(byte) => bytes.push(byte),
            }
            bytes
        },
    )
    .parse(body);
    let (rest, bytes) = pieces.unwrap_or((body, Vec::new()));
    match rest.chars().next() {
        Some('"') => Ok((bytes, &rest[1..])),
        Some('\\') => Err(bad_escape(rest)),
        Some(c) => Err(Fault::new(
            &rest[..c.len_utf8()],
            Mistake::StringCharacter(c),
        )),
        None => Err(Fault::new(rest, Mistake::Unterminated)),
    }
}

/// What a quoted payload is made of.
enum Piece<'a> {
    Plain(&'a str),
    Escape(u8),
}

/// Characters that stand for themselves.
fn plain(input: &str) -> IResult<&str, &str, ()> {
    take_while1(|c| matches!(c, '\t' | ' '..='~') && c != '"' && c != '\\').parse(input)
}

/// One escape and the byte it stands for.
fn escape(input: &str) -> IResult<&str, u8, ()> {
    alt((
        value(b'\\', tag(r"\\")),
        value(b'"', tag(r#"\""#)),
        preceded(tag(r"\x"), number(2, 16)),
        preceded(tag(r"\b"), number(8, 2)),
    ))
    .parse(input)
}

/// A byte of exactly so many digits of this radix.
fn number<'a>(count: usize, radix: u32) -> impl Parser<&'a str, Output = u8, Error = ()> {
    let digits = take_while_m_n(count, count, move |c: char| c.is_digit(radix));
    map_opt(digits, move |digits| u8::from_str_radix(digits, radix).ok())
}

/// Why there is no escape where `text` begins, with a backslash.
fn bad_escape(text: &str) -> Fault<'_> {
    let digits = |radix| {
        let digits = text[2..].chars().take_while(|c| c.is_digit(radix)).count();
        (&text[..2 + digits], digits)
    };
    match text[1..].chars().next() {
        Some('x') => {
            let (escape, digits) = digits(16);
            Fault::new(escape, Mistake::HexEscape(digits))
        }
        Some('b') => {
            let (escape, digits) = digits(2);
            Fault::new(escape, Mistake::BinaryEscape(digits))
        }
        Some(c) => Fault::new(&text[..1 + c.len_utf8()], Mistake::Escape(c)),
        None => Fault::new(&text[1..], Mistake::Unterminated),
    }
}

#[cfg(test)]
mod tests {
    use nom::Offset;

    use super::*;

    const FORM: &str = "query …";

    /// The column, from 1, of the mistake, how many bytes it is about, and its kind.
    fn mistake(text: &str) -> (usize, usize, Mistake) {
        let fault = payload(text, FORM).expect_err(text);
        let offset = text.offset(fault.at);
        (1 + offset, fault.at.len(), fault.kind)
    }

    #[test]
    fn hex_payloads_give_their_bytes() {
        assert_eq!(payload("0x", FORM).unwrap(), *b"");
        assert_eq!(payload("0x4449aFfA", FORM).unwrap(), *b"DI\xaf\xfa");
        assert_eq!(payload("0x00 \t", FORM).unwrap(), [0]);
    }

    #[test]
    fn quoted_payloads_give_their_bytes() {
        assert_eq!(payload(r#""""#, FORM).unwrap(), *b"");
        assert_eq!(payload("\" a\tb # \"", FORM).unwrap(), *b" a\tb # ");
        assert_eq!(
            payload(r#""\\\"\x00\xfF\b00101010xb""#, FORM).unwrap(),
            *b"\\\"\x00\xff\x2axb"
        );
    }

    #[test]
    fn exactly_the_digits_of_an_escape_are_taken() {
        assert_eq!(payload(r#""\x414\b0100000101""#, FORM).unwrap(), *b"A4A01");
    }

    #[test]
    fn each_mistake_has_its_place() {
        for (text, column, length, kind) in [
            ("0x4", 3, 1, Mistake::OddHex(1)),
            ("0x123", 5, 1, Mistake::OddHex(3)),
            ("0x12g3", 5, 1, Mistake::HexDigit('g')),
            ("0x1g3", 4, 1, Mistake::HexDigit('g')),
            ("0x12é", 5, 2, Mistake::HexDigit('é')),
            ("0x12\0", 5, 1, Mistake::HexDigit('\0')),
            ("0x12 34 5", 6, 4, Mistake::TrailingText { form: FORM }),
            ("0x1 34", 4, 1, Mistake::HexDigit(' ')),
            ("0X12", 1, 4, Mistake::PayloadStart),
            ("4449 x", 1, 4, Mistake::PayloadStart),
            ("'a'", 1, 3, Mistake::PayloadStart),
            ("\"", 2, 0, Mistake::Unterminated),
            ("\"ab ", 5, 0, Mistake::Unterminated),
            (r#""ab\""#, 6, 0, Mistake::Unterminated),
            (r#""ab\"#, 5, 0, Mistake::Unterminated),
            (r#""ab\n""#, 4, 2, Mistake::Escape('n')),
            (r#""\é""#, 2, 3, Mistake::Escape('é')),
            (r#""\X41""#, 2, 2, Mistake::Escape('X')),
            (r#""\u0041""#, 2, 2, Mistake::Escape('u')),
            (r#""\x""#, 2, 2, Mistake::HexEscape(0)),
            (r#""a\x4g""#, 3, 3, Mistake::HexEscape(1)),
            (r#""a\x4"#, 3, 3, Mistake::HexEscape(1)),
            (r#""\b0010102""#, 2, 8, Mistake::BinaryEscape(6)),
            (r#""\b""#, 2, 2, Mistake::BinaryEscape(0)),
            (r#""aé""#, 3, 2, Mistake::StringCharacter('é')),
            ("\"a\u{1b}[0m\"", 3, 1, Mistake::StringCharacter('\u{1b}')),
            ("\"a\0\"", 3, 1, Mistake::StringCharacter('\0')),
            ("\"a\r\"", 3, 1, Mistake::StringCharacter('\r')),
            ("\"a\u{7f}\"", 3, 1, Mistake::StringCharacter('\u{7f}')),
            (r#""a"b""#, 4, 2, Mistake::AfterQuote),
            (r#""a" 0x"#, 4, 3, Mistake::AfterQuote),
            (r#""a" "#, 4, 1, Mistake::AfterQuote),
        ] {
            assert_eq!(mistake(text), (column, length, kind), "{text}");
        }
    }
}
