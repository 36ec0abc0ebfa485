//! Texts of canisters, modules and outputs for people: nothing in them can move a cursor, change a colour, or begin a line.
//!
//! Owns which characters are shown escaped. Formats that other programs read (`drun`, `json`) do not come here.

use std::borrow::Cow;

use drun_ic::errors::{ErrorCode, UserError};

/// Beginnings of the lines that results have in any format for people, and what the program itself says on standard error.
const OURS: [&str; 9] = [
    "ingress",
    "Ok: ",
    "Err: ",
    "CanisterErr: ",
    "error: ",
    "error[",
    "warning: ",
    "state kept",
    "20",
];

/// A text on one line: line breaks and control characters are escaped.
pub fn on_one_line(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_hidden(c) || c == '\n')
}

/// A text of several lines, which stay lines.
pub fn in_lines(text: &str) -> Cow<'_, str> {
    escaped(text, is_hidden)
}

/// What an error says. The Internet Computer words some over several lines, which stay; what a canister says stands on one.
pub fn error(error: &UserError) -> Cow<'_, str> {
    let text = &error.description;
    if is_plain(text) || !text.contains(|c| is_hidden(c) || c == '\n') {
        return Cow::Borrowed(text);
    }
    if error.code == ErrorCode::CanisterCalledTrap
        && let Some((head, rest)) = text.split_once(TRAP_MESSAGE)
        && let Some(end) = end_of_message(rest)
    {
        let (message, rest) = rest.split_at(end);
        let parts = [
            head,
            TRAP_MESSAGE,
            &on_one_line(message),
            &not_as_ours(rest),
        ];
        return Cow::Owned(parts.concat());
    }
    Cow::Owned(not_as_ours(text))
}

/// What stands before the message of a trap.
const TRAP_MESSAGE: &str = "with message: '";

/// Where the message of a trap ends: at the last quote with a line break or the end behind it.
fn end_of_message(rest: &str) -> Option<usize> {
    let ends = ["'.\n", "'\n"].iter().filter_map(|end| rest.rfind(end));
    ends.max().or_else(|| rest.rfind('\''))
}

/// Keeps line breaks, but for those behind which something stands that could be taken for a line of ours.
fn not_as_ours(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            let forged = OURS.iter().any(|ours| line.starts_with(ours));
            shown.push_str(if forged { "\\n" } else { "\n" });
        }
        shown.push_str(&in_lines(line));
    }
    shown
}

/// What is hidden, but line breaks and tabs.
fn is_hidden(c: char) -> bool {
    c != '\n' && c != '\t' && crate::idl::is_hidden(c)
}

/// Printable ASCII on one line: almost every text, and quickly seen.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if is_plain(text) || !text.contains(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_escaped(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_letters_are_not() {
        assert_eq!(
            on_one_line("grün\t\n\r\u{1b}[31m\u{9b}2J\u{7f}\u{202e}\u{2028}"),
            "grün\t\\n\\r\\u{1b}[31m\\u{9b}2J\\u{7f}\\u{202e}\\u{2028}"
        );
        assert_eq!(in_lines("a\nb\r\u{0}"), "a\nb\\r\\u{0}");
        assert!(matches!(in_lines("a\n\tb"), Cow::Borrowed(_)));
    }

    fn shown(code: ErrorCode, text: &str) -> String {
        error(&UserError::new(code, text)).into_owned()
    }

    #[test]
    fn a_canister_forges_no_line_and_the_words_of_the_replica_stay() {
        let help = "'.\nConsider gracefully handling failures. See documentation: https://x#y";
        let trap = |message: &str, help: &str| {
            let head = "Error from Canister aaaaa-aa: Canister called `ic0.trap` with message: '";
            let text = format!("{head}{message}{help}");
            let shown = shown(ErrorCode::CanisterCalledTrap, &text);
            shown.strip_prefix(head).expect("the head stays").to_owned()
        };
        assert_eq!(trap("no", help), format!("no{help}"));
        assert_eq!(
            trap("no'.\nOk: Reply: 0x\u{1b}[2J", help),
            format!("no'.\\nOk: Reply: 0x\\u{{1b}}[2J{help}")
        );
        assert_eq!(trap("a\nb", "'"), "a\\nb'");
        let other = |text| shown(ErrorCode::CanisterRejectedMessage, text);
        assert_eq!(other("a\nTry topping up"), "a\nTry topping up");
        assert_eq!(
            other("a\ningress(7) Completed: Empty"),
            "a\\ningress(7) Completed: Empty"
        );
        assert_eq!(other("a\r\n2021-05-06"), "a\\r\\n2021-05-06");
    }
}
