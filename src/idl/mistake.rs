//! What can be wrong in Candid text, and the words for it.
//!
//! Owns the kinds of mistakes, the sentence for each and what was expected instead. Places are byte ranges of the text
//! that was given; lines and columns are made of them elsewhere.

use std::fmt;
use std::ops::Range;

use super::nearest::nearest;

/// So many hex digits may a number have: 128 bits.
pub(super) const MOST_HEX: usize = 32;

/// How deep values and types may be nested.
pub(super) const MAX_DEPTH: usize = 100;

/// A mistake and the bytes of the text it is about; an empty range where something is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The place.
    pub at: Range<usize>,
    /// What is wrong.
    pub kind: Mistake,
}

impl Fault {
    pub(super) fn new(at: Range<usize>, kind: Mistake) -> Self {
        Self { at, kind }
    }
}

/// One mistake. Its `Display` says what is wrong, [`Mistake::expected`] what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// Something else than what can stand here.
    Unexpected {
        /// What stands there, `None` at the end of the text.
        found: Option<String>,
        /// What could.
        expected: String,
    },
    /// A text literal without its closing quote.
    OpenText,
    /// A comment without `*/`.
    OpenComment,
    /// A backslash with something that makes no escape behind it.
    Escape,
    /// Digits that make no number, such as `1__0` or `0x`.
    Number,
    /// A number of so many hex digits, which are too many.
    LongHex(usize),
    /// Nested deeper than can be read.
    TooDeep,
    /// `_` or `..` outside of `expect`.
    Pattern,
    /// The text behind `principal` and its relatives is no principal; with the reason.
    Principal(String),
    /// A name that stands for nothing.
    UnknownName {
        /// The name without its `$`.
        name: String,
        /// All that are known.
        known: Vec<String>,
    },
    /// A type that is not defined.
    UnknownType {
        /// Its name.
        name: String,
        /// One that looks like it.
        nearest: Option<String>,
    },
    /// A type definition that means nothing but itself.
    CircularType(String),
    /// Something is defined twice.
    Duplicate(String),
    /// The value has another type than it must have.
    Type {
        /// What the value is.
        found: String,
        /// The type it must have.
        expected: String,
    },
    /// A number that its type cannot hold.
    Range {
        /// The type.
        ty: String,
        /// Its smallest value.
        least: String,
        /// Its largest value.
        most: String,
    },
    /// A field that must be there is not.
    MissingField {
        /// The field.
        field: String,
        /// Its type.
        ty: String,
    },
    /// The type has no such field.
    UnknownField {
        /// What was written.
        field: String,
        /// Whether it is a record's field, or else a variant's tag.
        record: bool,
        /// All that there are.
        known: Vec<String>,
    },
    /// An argument that must be there is not.
    MissingArgument {
        /// Its number, from 1.
        number: usize,
        /// Its type.
        ty: String,
    },
    /// More arguments than there are.
    SuperfluousArgument {
        /// How many there are.
        most: usize,
    },
    /// The elements of a vector without a type of its own have different ones.
    MixedVector(String),
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected {
                found: Some(found), ..
            } => write!(f, "{found} cannot stand here"),
            Self::Unexpected { found: None, .. } => f.write_str("the Candid text ends too early"),
            Self::OpenText => f.write_str("the text has no closing quote"),
            Self::OpenComment => f.write_str("the comment has no end"),
            Self::Escape => f.write_str("unknown escape"),
            Self::Number => f.write_str("this is no number"),
            Self::LongHex(digits) => write!(f, "the number has {digits} hex digits"),
            Self::TooDeep => f.write_str("nested too deep"),
            Self::Pattern => f.write_str("a pattern can only stand in `expect`"),
            Self::Principal(reason) => write!(f, "this is no principal: {reason}"),
            Self::UnknownName { name, .. } => write!(f, "unknown name `{name}`"),
            Self::UnknownType { name, .. } => write!(f, "unknown type `{name}`"),
            Self::CircularType(name) => write!(f, "the type `{name}` is defined by itself"),
            Self::Duplicate(name) => write!(f, "`{name}` is there twice"),
            Self::Type { found, .. } => write!(f, "{found} has the wrong type"),
            Self::Range { ty, .. } => write!(f, "the number does not fit into {ty}"),
            Self::MissingField { field, .. } => write!(f, "the field `{field}` is missing"),
            Self::UnknownField {
                field,
                record: true,
                ..
            } => write!(f, "the record has no field `{field}`"),
            Self::UnknownField { field, .. } => write!(f, "the variant has no case `{field}`"),
            Self::MissingArgument { number, .. } => write!(f, "argument {number} is missing"),
            Self::SuperfluousArgument { .. } => f.write_str("there are too many arguments"),
            Self::MixedVector(found) => write!(f, "{found} in a vector of other values"),
        }
    }
}

impl Mistake {
    /// What would have been right in the mistake's place.
    pub fn expected(&self) -> String {
        match self {
            Self::Unexpected { expected, .. } => expected.clone(),
            Self::OpenText => "a closing double quote".into(),
            Self::OpenComment => "`*/`".into(),
            Self::Escape => r#"`\n`, `\r`, `\t`, `\\`, `\"`, `\'`, `\HH` or `\u{HHHH}`"#.into(),
            Self::Number => "digits, perhaps with single `_` between them".into(),
            Self::LongHex(_) => format!("at most {MOST_HEX} of them, or the number in decimal"),
            Self::TooDeep => format!("at most {} levels", MAX_DEPTH),
            Self::Pattern => "a value".into(),
            Self::Principal(_) => {
                "a principal as it was handed out, such as \"rwlgt-iiaaa-aaaaa-aaaaa-cai\"".into()
            }
            Self::UnknownName { name, known } => one_of("", "$", name, known),
            Self::UnknownType { nearest, .. } => match nearest {
                Some(nearest) => format!("perhaps `{nearest}`"),
                None => "a type of Candid or one that is defined".into(),
            },
            Self::CircularType(_) => "a definition that ends somewhere".into(),
            Self::Duplicate(_) => "each name once".into(),
            Self::Type { expected, .. } => expected.clone(),
            Self::Range { least, most, .. } => format!("{least} to {most}"),
            Self::MissingField { field, ty } => format!("`{field}` : {ty}"),
            Self::UnknownField { field, known, .. } => one_of("", "", field, known),
            Self::MissingArgument { ty, .. } => ty.clone(),
            Self::SuperfluousArgument { most: 0 } => "no arguments".into(),
            Self::SuperfluousArgument { most: 1 } => "one argument".into(),
            Self::SuperfluousArgument { most } => format!("{most} arguments"),
            Self::MixedVector(_) => {
                "elements of one type, perhaps with it written behind them: `(1 : nat)`".into()
            }
        }
    }
}

/// The known word that was probably meant, or else the first of all of them.
pub(crate) fn one_of(none: &str, sigil: &str, word: &str, known: &[String]) -> String {
    const MOST: usize = 12;
    if let Some(nearest) = nearest(word, known.iter().map(String::as_str)) {
        return format!("perhaps `{sigil}{nearest}`");
    }
    if known.is_empty() {
        return if none.is_empty() {
            "nothing: none is known here".into()
        } else {
            none.into()
        };
    }
    let listed: Vec<String> = known
        .iter()
        .take(MOST)
        .map(|known| format!("`{sigil}{known}`"))
        .collect();
    let more = if known.len() > MOST { ", …" } else { "" };
    format!("one of {}{more}", listed.join(", "))
}
