//! The words that statements begin with, and how each statement is written.
//!
//! Owns the table, which of the words are ours and not of the language that other programs read, and the naming of what
//! was probably meant.

use super::mistake::Mistake;
use crate::idl;

/// Each word of ours with the whole statement.
pub(super) const OURS: [(&str, &str); 21] = [
    ("let", "let NAME = identity|PRINCIPAL"),
    (
        "as",
        "as NAME [with info <payload> [signed-by NAME]] [message]",
    ),
    (
        "call",
        "call <canister_id> <method_name> <payload> with N cycles",
    ),
    ("advance", "advance DURATION"),
    ("tick", "tick [N]"),
    ("snapshot", "snapshot NAME"),
    ("restore", "restore NAME"),
    (
        "expect",
        "expect reply|reject|error|prints|instructions|cycles …",
    ),
    ("top-up", "top-up <canister_id> CYCLES"),
    ("start", "start <canister_id>"),
    ("stop", "stop <canister_id>"),
    ("uninstall", "uninstall <canister_id>"),
    ("delete", "delete <canister_id>"),
    ("settings", "settings <canister_id> with SETTING VALUE, …"),
    (
        "controllers",
        "controllers <canister_id> [=|+|- PRINCIPAL …]",
    ),
    ("status", "status <canister_id>"),
    ("logs", "logs <canister_id>"),
    (
        "http",
        "http respond \"URL\" STATUS [header \"NAME\" \"VALUE\"]… [BODY]",
    ),
    ("include", "include \"FILE\""),
    ("did", "did <canister_id> FILE"),
    ("stable", "stable save|load <canister_id> FILE"),
];

/// The words of the older language, with richer forms.
const OLDER: [(&str, &str); 6] = [
    ("create", "create [NAME] [with N cycles, SETTING VALUE, …]"),
    ("install", "install <canister_id> <wasmfile> <payload>"),
    ("reinstall", "reinstall <canister_id> <wasmfile> <payload>"),
    ("upgrade", "upgrade <canister_id> <wasmfile> <payload>"),
    ("ingress", "ingress <canister_id> <method_name> <payload>"),
    ("query", "query <canister_id> <method_name> <payload>"),
];

fn all() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    OLDER.iter().chain(&OURS)
}

/// How the statement of this word is written; `None` if there is no such word.
pub(super) fn form(word: &str) -> Option<&'static str> {
    all()
        .find(|(known, _)| *known == word)
        .map(|(_, form)| *form)
}

/// Whether the word is ours.
pub(super) fn is_ours(word: &str) -> bool {
    OURS.iter().any(|(known, _)| *known == word)
}

/// The mistake of a first word that is none.
pub(super) fn unknown(word: &str) -> Mistake {
    let words: Vec<&str> = all().map(|(word, _)| *word).collect();
    Mistake::Said {
        said: format!("unknown message {}", super::mistake::quoted(word)),
        expected: match idl::nearest(word, words.iter().copied()) {
            Some(nearest) => format!("perhaps `{nearest}`"),
            None => format!("`{}` or `#`", words.join("`, `")),
        },
    }
}
