//! Who is named in a script: a canister, a sender, a controller.
//!
//! Owns the two ways to name somebody, and which words can be names. What names stand for is not known here.

use std::fmt;

use candid::Principal;

use super::canister_id::parse_principal_text;

/// A principal as it is written: a canister, a sender, a controller.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Party {
    /// By its text.
    Id(Principal),
    /// By a name of the script.
    Name(String),
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) if *id == Principal::anonymous() => f.write_str("anonymous"),
            Self::Id(id) => write!(f, "{id}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Whether a word can be a name.
pub(super) fn is_name(word: &str) -> bool {
    has_form(word)
        && word != "anonymous"
        && word != "identity"
        && word != "with"
        && parse_principal_text(word).is_err()
}

/// Whether a word is made like a name, and may mean something else.
pub(super) fn has_form(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-')
        && !word.ends_with('-')
}
