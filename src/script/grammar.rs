//! One line of a script: keyword, fields, payload.
//!
//! Owns the shape of a message, as `GRAMMAR.md` has it. Ids and payloads are read by `canister_id` and `payload`; lines
//! are cut and counted by the room's front.

use candid::Principal;
use drun_ic::canister::InstallMode;
use nom::bytes::complete::{take_till1, take_while};
use nom::sequence::preceded;
use nom::{IResult, Parser};

use super::canister_id::Ids;
use super::characters::is_blank;
use super::message::Message;
use super::mistake::{Fault, Field, Mistake};
use super::payload::payload;
use crate::idl::distance;

/// What a keyword stands for.
#[derive(Clone, Copy)]
enum Verb {
    Create,
    Install(InstallMode),
    Ingress,
    Query,
}

/// Each keyword with what it stands for and the whole message.
const MESSAGES: [(&str, Verb, &str); 6] = [
    ("create", Verb::Create, "create"),
    (
        "install",
        Verb::Install(InstallMode::Install),
        "install <canister_id> <wasmfile> <payload>",
    ),
    (
        "reinstall",
        Verb::Install(InstallMode::Reinstall),
        "reinstall <canister_id> <wasmfile> <payload>",
    ),
    (
        "upgrade",
        Verb::Install(InstallMode::Upgrade),
        "upgrade <canister_id> <wasmfile> <payload>",
    ),
    (
        "ingress",
        Verb::Ingress,
        "ingress <canister_id> <method_name> <payload>",
    ),
    (
        "query",
        Verb::Query,
        "query <canister_id> <method_name> <payload>",
    ),
];

/// Reads a line; `None` if it is blank or a comment. With the message comes the text that a later complaint about it
/// points at: the module path, or else the keyword.
///
/// # Errors
/// At most one mistake for each field, in their order.
pub(super) fn line<'a>(
    text: &'a str,
    ids: &mut Ids,
) -> Result<Option<(Message, &'a str)>, Vec<Fault<'a>>> {
    if text.starts_with('#') {
        return Ok(None);
    }
    let Ok((rest, word)) = field(text) else {
        return Ok(None);
    };
    let known = MESSAGES.iter().find(|(keyword, ..)| *keyword == word);
    let Some(&(_, verb, form)) = known else {
        return Err(vec![unknown(word)]);
    };
    let placed = match verb {
        Verb::Create => match field(rest) {
            Ok(_) => {
                let extra = rest.trim_matches(is_blank);
                return Err(vec![Fault::new(extra, Mistake::TrailingText { form })]);
            }
            Err(_) => (Message::Create, word),
        },
        Verb::Install(mode) => {
            let read = fields(rest, ids, form, Field::Module)?;
            let message = Message::Install {
                mode,
                canister: read.canister,
                module: read.third.into(),
                argument: read.argument,
            };
            (message, read.third)
        }
        Verb::Ingress => {
            let read = fields(rest, ids, form, Field::Method)?;
            let message = Message::Ingress {
                canister: read.canister,
                method: read.third.into(),
                argument: read.argument,
            };
            (message, word)
        }
        Verb::Query => {
            let read = fields(rest, ids, form, Field::Method)?;
            let message = Message::Query {
                canister: read.canister,
                method: read.third.into(),
                argument: read.argument,
            };
            (message, word)
        }
    };
    Ok(Some(placed))
}

/// A run of characters that are no blanks, after any number of blanks.
fn field(input: &str) -> IResult<&str, &str, ()> {
    preceded(take_while(is_blank), take_till1(is_blank)).parse(input)
}

/// What follows the keyword of every message but `create`.
struct Fields<'a> {
    canister: Principal,
    /// Module path or method name.
    third: &'a str,
    argument: Vec<u8>,
}

/// Reads canister id, the `name` field and payload.
fn fields<'a>(
    rest: &'a str,
    ids: &mut Ids,
    form: &'static str,
    name: Field,
) -> Result<Fields<'a>, Vec<Fault<'a>>> {
    let mut faults = Vec::new();
    let missing = |field, at| Fault::new(at, Mistake::Missing { field, form });
    let end = &rest[rest.len()..];

    let Ok((rest, id)) = field(rest) else {
        return Err(vec![missing(Field::CanisterId, end)]);
    };
    let canister = ids.read(id).map_err(|fault| faults.push(fault)).ok();

    let rest = rest.trim_start_matches(is_blank);
    // Where a payload fills the line, the field before it was left out.
    if rest.is_empty() || payload(rest, form).is_ok() {
        faults.push(missing(name, &rest[..0]));
        return Err(faults);
    }
    let (third, rest) = rest.split_at(rest.find(is_blank).unwrap_or(rest.len()));
    let wrong = |index, c: char| {
        let letter = c.is_ascii_alphabetic() || c == '_';
        name == Field::Method && !letter && (index == 0 || !c.is_ascii_digit())
    };
    faults.extend(Fault::find(third, wrong, Mistake::MethodCharacter));

    let rest = rest.trim_start_matches(is_blank);
    if rest.is_empty() {
        faults.push(missing(Field::Payload, end));
        return Err(faults);
    }
    let argument = payload(rest, form).map_err(|fault| faults.push(fault)).ok();
    match (canister, argument) {
        (Some(canister), Some(argument)) if faults.is_empty() => Ok(Fields {
            canister,
            third,
            argument,
        }),
        _ => Err(faults),
    }
}

/// The fault of a first word that is no keyword.
fn unknown(word: &str) -> Fault<'_> {
    if word.starts_with('#') {
        return Fault::new(&word[..1], Mistake::IndentedComment);
    }
    if super::words::is_ours(word) {
        return Fault::new(word, Mistake::Extension(word.into()));
    }
    let nearest = MESSAGES
        .iter()
        .map(|(keyword, ..)| (distance(word, keyword), *keyword))
        .filter(|(distance, _)| *distance <= 2)
        .min()
        .map(|(_, keyword)| keyword);
    let kind = Mistake::UnknownMessage {
        word: word.into(),
        nearest,
    };
    Fault::new(word, kind)
}

#[cfg(test)]
mod tests {
    #[test]
    fn distance_counts_insertions_deletions_and_changes() {
        for (word, distance) in [
            ("query", 0),
            ("QUERY", 0),
            ("qery", 1),
            ("queery", 1),
            ("quary", 1),
            ("uqery", 2),
            ("", 5),
        ] {
            assert_eq!(super::distance(word, "query"), distance, "{word}");
        }
    }
}
