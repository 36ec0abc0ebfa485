//! What stands behind `expect`.
//!
//! Owns the kinds of expectations and their shape. Whether a result is as expected is not decided here.

use super::cursor::Cursor;
use super::flaw::{Flaw, Read};
use super::mistake::quoted;
use super::span::Spanned;
use super::statement::{Expectation, Relation, TextPattern};
use super::units;
use crate::idl;

const KINDS: [&str; 6] = [
    "reply",
    "reject",
    "error",
    "prints",
    "instructions",
    "cycles",
];

pub(super) fn expectation(cursor: &mut Cursor) -> Read<Expectation> {
    let all = || format!("one of `{}`", KINDS.join("`, `"));
    let Some(word) = cursor.word_until(&['(', '"', '~', '<', '>', '=']) else {
        return Err(Flaw::said(
            cursor.here(),
            "what is expected is missing",
            all(),
        ));
    };
    Ok(match *word {
        "reply" if cursor.is_done() => Expectation::AnyReply,
        "reply" if cursor.rest().starts_with('(') => {
            let (values, end) = cursor.candid(idl::Grammar::Patterns)?;
            Expectation::Reply(values, Spanned::new((), end))
        }
        "reply" => match cursor.bytes()? {
            Some(bytes) => Expectation::ReplyBytes(bytes),
            None => {
                let word = cursor
                    .word()
                    .map_or_else(|| cursor.here(), |word| word.at());
                let expected =
                    "`( … )` in Candid, `0x` and hex digits, or a string in double quotes";
                return Err(Flaw::said(word, "this is no reply", expected));
            }
        },
        "reject" => Expectation::Reject(text(cursor)?),
        "error" => {
            let code = match cursor.rest().starts_with(['"', '~']) {
                true => None,
                false => cursor.word_until(&['"', '~']),
            };
            if let Some(code) = &code {
                let digits = code.strip_prefix("IC").unwrap_or_default();
                if digits.len() != 4 || !digits.bytes().all(|c| c.is_ascii_digit()) {
                    let said = format!("{} is no error code", quoted(code));
                    let expected = "a code such as `IC0503`, or `~ \"a part of the text\"`";
                    return Err(Flaw::said(code.at(), said, expected));
                }
            }
            let code = code.map(|code| code.value.to_owned());
            Expectation::Error(code, text(cursor)?)
        }
        "prints" => match text(cursor)? {
            Some(text) => Expectation::Prints(text),
            None => {
                let said = "the printed text is missing";
                return Err(Flaw::said(cursor.here(), said, "`\"…\"` or `~ \"…\"`"));
            }
        },
        "instructions" => {
            let (relation, number) = bound(cursor, "a number", units::number)?;
            Expectation::Instructions(relation, number)
        }
        "cycles" => {
            let (relation, number) = bound(cursor, "a number of cycles", units::cycles)?;
            Expectation::Cycles(relation, number)
        }
        unknown => {
            let expected = match idl::nearest(unknown, KINDS) {
                Some(nearest) => format!("perhaps `{nearest}`"),
                None => all(),
            };
            let said = format!("{} cannot be expected", quoted(unknown));
            return Err(Flaw::said(word.at(), said, expected));
        }
    })
}

/// `"whole"` or `~ "part"`, if it is there.
fn text(cursor: &mut Cursor) -> Read<Option<TextPattern>> {
    let within = cursor.take_sign('~');
    match cursor.quoted()? {
        Some(text) => Ok(Some(TextPattern {
            within,
            text: text.value,
        })),
        None if within => {
            let said = "the text behind `~` is missing";
            Err(Flaw::said(
                cursor.here(),
                said,
                "`~ \"a part of the text\"`",
            ))
        }
        None => Ok(None),
    }
}

/// `< 2_000_000`.
fn bound(
    cursor: &mut Cursor,
    what: &str,
    read: fn(&str) -> Result<u128, units::Unfit>,
) -> Read<(Relation, u128)> {
    let here = cursor.here();
    let rest = cursor.rest();
    let length = rest.len() - rest.trim_start_matches(['<', '>', '=']).len();
    let sign = &rest[..length];
    let found = Relation::ALL.iter().find(|(known, _)| *known == sign);
    let Some((_, relation)) = found else {
        let at = here.start..here.start + length;
        let said = "the comparison is missing";
        return Err(Flaw::said(at, said, "`<`, `<=`, `>`, `>=` or `=`"));
    };
    cursor.skip(length);
    let number = cursor.amount(what, "such as `2_000_000`", read)?;
    if i128::try_from(number.value).is_err() {
        let said = format!("{what} is too large");
        return Err(Flaw::said(number.at(), said, "less than 2^127"));
    }
    Ok((*relation, number.value))
}
