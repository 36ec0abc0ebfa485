//! Whether a result is as it was expected.
//!
//! Owns the comparison and the words for what is not met, with the place in the script. How it is drawn is the business
//! of `script`.

use candid::Principal;

use super::Last;
use crate::idl::{self, FieldNames};
use crate::runner::outcome::{MessageKind, MessageResult};
use crate::script::statement::{Expectation, TextPattern};
use crate::script::{Diagnostic, Placed};

/// So much of a text is shown.
const SHOWN: usize = 600;

/// What is not met.
pub(super) fn unmet(
    placed: &Placed,
    expectation: &Expectation,
    last: Option<&Last>,
    names: &dyn Fn(&str) -> Option<Principal>,
) -> Vec<Diagnostic> {
    let whole = placed.rest_of_line();
    let differ = |said: &str, expected: String, actual: String| {
        vec![placed.unmet(whole.clone(), said, expected, cut(actual))]
    };
    let Some(last) = last else {
        return differ(
            "there is no result",
            "a result".into(),
            "the statement before could not be run".into(),
        );
    };
    let outcome = &last.outcome;
    let actual = || told(last);
    match expectation {
        Expectation::Prints(pattern) => {
            if outcome.debug.iter().any(|print| fits(pattern, &print.text)) {
                return Vec::new();
            }
            let lines: Vec<String> = outcome
                .debug
                .iter()
                .map(|print| idl::quoted(&print.text))
                .collect();
            let printed = match lines.is_empty() {
                true => "nothing is printed".into(),
                false => lines.join(", "),
            };
            differ("no such line is printed", pattern.to_string(), printed)
        }
        Expectation::Instructions(relation, bound) => {
            let used = i128::from(outcome.instructions);
            if relation.holds(used, i128::try_from(*bound).unwrap_or(i128::MAX)) {
                return Vec::new();
            }
            let expected = format!("{} {}", relation.sign(), grouped(*bound));
            let actual = grouped(u128::from(outcome.instructions));
            differ("the instructions are not as expected", expected, actual)
        }
        Expectation::Cycles(relation, bound) => {
            if relation.holds(outcome.cycles, i128::try_from(*bound).unwrap_or(i128::MAX)) {
                return Vec::new();
            }
            let sign = if outcome.cycles < 0 { "-" } else { "" };
            let actual = format!("{sign}{}", grouped(outcome.cycles.unsigned_abs()));
            let expected = format!("{} {}", relation.sign(), grouped(*bound));
            differ("the cycles are not as expected", expected, actual)
        }
        _ if outcome.kind == MessageKind::Advance => differ(
            "time that passes has no such result",
            "a message before this".into(),
            "`advance` or `tick`".into(),
        ),
        Expectation::AnyReply => match &outcome.result {
            MessageResult::Replied(_) => Vec::new(),
            _ => differ("there is no reply", "a reply".into(), actual()),
        },
        Expectation::ReplyBytes(bytes) => match &outcome.result {
            MessageResult::Replied(reply) if reply == bytes => Vec::new(),
            MessageResult::Replied(reply) => differ(
                "the reply is another one",
                format!("0x{}", hex::encode(bytes)),
                format!("0x{}", hex::encode(reply)),
            ),
            _ => differ("there is no reply", "a reply".into(), actual()),
        },
        Expectation::Reply(pattern, end) => {
            let MessageResult::Replied(reply) = &outcome.result else {
                let text: Vec<String> = pattern.iter().map(ToString::to_string).collect();
                let expected = format!("({})", text.join(", "));
                return differ("there is no reply", expected, actual());
            };
            let args = match idl::decode(reply) {
                Ok(args) => args,
                Err(undecoded) => {
                    let said = format!("the reply {undecoded}");
                    let actual = format!("0x{}", hex::encode(reply));
                    return differ(&said, "a reply in Candid".into(), actual);
                }
            };
            let mut fields = last.field_names();
            pattern.iter().for_each(|value| fields.add_value(value));
            let found = idl::compare(pattern, &end.at(), &args, &fields, names);
            if found.is_empty() {
                return Vec::new();
            }
            let all = flat(&idl::print_arguments(&args, &fields));
            let said = cut(format!("the reply is {all}"));
            let drawn = found.into_iter().map(|difference| {
                placed.unmet(
                    difference.at,
                    &said,
                    difference.expected,
                    cut(difference.actual),
                )
            });
            drawn.collect()
        }
        Expectation::Reject(pattern) => match (&outcome.result, pattern) {
            (MessageResult::Rejected(_), None) => Vec::new(),
            (MessageResult::Rejected(text), Some(pattern)) if fits(pattern, text) => Vec::new(),
            (MessageResult::Rejected(text), Some(pattern)) => differ(
                "the text of the reject is another one",
                pattern.to_string(),
                idl::quoted(text),
            ),
            _ => {
                let expected = pattern
                    .as_ref()
                    .map_or(String::new(), |text| format!(" {text}"));
                differ(
                    "there is no reject",
                    format!("a reject{expected}"),
                    actual(),
                )
            }
        },
        Expectation::Error(code, pattern) => {
            let MessageResult::Failed(error) = &outcome.result else {
                let code = code.clone().unwrap_or_else(|| "an error".into());
                return differ("there is no error", code, actual());
            };
            let found = error.code.to_string();
            if let Some(code) = code.as_ref().filter(|code| **code != found) {
                return differ("the error is another one", code.clone(), actual());
            }
            match pattern {
                Some(pattern) if !fits(pattern, &error.description) => differ(
                    "the text of the error is another one",
                    pattern.to_string(),
                    idl::quoted(&error.description),
                ),
                _ => Vec::new(),
            }
        }
    }
}

fn fits(pattern: &TextPattern, text: &str) -> bool {
    if pattern.within {
        text.contains(&pattern.text)
    } else {
        text == pattern.text
    }
}

/// A result in words.
fn told(last: &Last) -> String {
    match &last.outcome.result {
        MessageResult::Replied(bytes) => match idl::decode(bytes) {
            Ok(args) => {
                let text = idl::print_arguments(&args, &last.field_names());
                format!("the reply {}", flat(&text))
            }
            Err(_) => format!("the reply 0x{}", hex::encode(bytes)),
        },
        MessageResult::Rejected(text) => format!("the reject {}", idl::quoted(text)),
        MessageResult::Failed(error) => format!("{}: {}", error.code, error.description),
    }
}

/// On one line, without the layout's indentation.
fn flat(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

fn cut(text: String) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn grouped(number: u128) -> String {
    candid::Nat::from(number).to_string()
}

impl Last {
    fn field_names(&self) -> FieldNames {
        super::readable::names(self.interface.as_deref())
    }
}
