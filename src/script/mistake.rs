//! What can be wrong in a script, and the words for it.
//!
//! Owns the kinds of mistakes (data only), the sentence for each and what was expected instead. It does not know lines
//! and columns; those are `diagnostic`'s.

use std::fmt;

use super::characters::shown;
use super::limits::MAX_LINE_BYTES;
use crate::idl;

/// A field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The canister a message is for.
    CanisterId,
    /// The file a module is in.
    Module,
    /// The method to call.
    Method,
    /// The argument.
    Payload,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CanisterId => "canister id",
            Self::Module => "module file",
            Self::Method => "method name",
            Self::Payload => "payload",
        })
    }
}

/// One mistake. Its `Display` says what is wrong, [`Mistake::expected`] what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    /// The bytes are not UTF-8.
    NotUtf8,
    /// The line is longer than [`MAX_LINE_BYTES`]; the number is its length in bytes.
    LineTooLong(usize),
    /// A `#` with blanks before it.
    IndentedComment,
    /// The first word of the line is no message; `nearest` is a keyword that looks like it.
    UnknownMessage {
        /// The word.
        word: String,
        /// The keyword that was probably meant.
        nearest: Option<&'static str>,
    },
    /// The line ends, or its payload begins, before this field.
    Missing {
        /// What is missing.
        field: Field,
        /// How the whole message is written.
        form: &'static str,
    },
    /// Something follows where the message is complete.
    TrailingText {
        /// How the whole message is written.
        form: &'static str,
    },

    /// A character that no textual principal holds.
    IdCharacter(char),
    /// A decimal number, as scripts of the first years had them; the id of that number.
    IdDecimal(String),
    /// The dashes do not stand after every five characters; `canonical` is the right text if the rest is in order.
    IdDashes {
        /// The id as it should be written.
        canonical: Option<String>,
    },
    /// So many base32 characters cannot be a checksum and whole bytes.
    IdLength(usize),
    /// The last character has bits set that belong to no byte.
    IdTrailingBits,
    /// The id is this many bytes long, more than 29.
    IdTooLong(usize),
    /// The CRC-32 in the text is not that of the id's bytes.
    IdChecksum {
        /// What it should be.
        computed: u32,
        /// What the text says.
        found: u32,
    },
    /// An `ic:` id without a checksum byte.
    OldIdWithoutChecksum,
    /// The CRC-8 of an `ic:` id is not that of the id's bytes.
    OldIdChecksum {
        /// What it should be.
        computed: u8,
        /// What the text says.
        found: u8,
    },

    /// A character that a method name cannot have in this place.
    MethodCharacter(char),

    /// The payload begins with neither `0x` nor a double quote.
    PayloadStart,
    /// A character that is no hex digit.
    HexDigit(char),
    /// An odd number of hex digits.
    OddHex(usize),
    /// A character that a quoted payload cannot hold as it is.
    StringCharacter(char),
    /// A backslash before a character that makes no escape.
    Escape(char),
    /// `\x` with this many hex digits, fewer than two.
    HexEscape(usize),
    /// `\b` with this many binary digits, fewer than eight.
    BinaryEscape(usize),
    /// A quoted payload without closing quote.
    Unterminated,
    /// Something behind the closing quote.
    AfterQuote,

    /// A word of the richer language where only the older one is allowed.
    Extension(String),
    /// Something in Candid text.
    Candid(idl::Mistake),
    /// A mistake of the richer language, in words.
    Said {
        /// What is wrong.
        said: String,
        /// What would be right.
        expected: String,
    },
    /// Something is not as it was expected.
    Unmet {
        /// What, in words.
        said: String,
        /// What was expected.
        expected: String,
        /// What is.
        actual: String,
    },

    /// The module file cannot be used.
    Module {
        /// Why, in a few words.
        reason: String,
    },
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("this is not UTF-8 text"),
            Self::LineTooLong(bytes) => write!(f, "the line is too long: {bytes} bytes"),
            Self::IndentedComment => f.write_str("a comment cannot be indented"),
            Self::UnknownMessage { word, .. } => write!(f, "unknown message {}", quoted(word)),
            Self::Missing { field, .. } => write!(f, "the {field} is missing"),
            Self::TrailingText { .. } => f.write_str("the message is complete before this"),
            Self::IdCharacter(c) => write!(f, "a canister id cannot hold {}", character(*c)),
            Self::IdDecimal(_) => f.write_str("a canister id is no decimal number any more"),
            Self::IdDashes { .. } => {
                f.write_str("the dashes of the canister id are not after every five characters")
            }
            Self::IdLength(characters) => {
                write!(f, "a canister id cannot have {characters} characters")
            }
            Self::IdTrailingBits => {
                f.write_str("a canister id of this length cannot end in this character")
            }
            Self::IdTooLong(bytes) => write!(f, "the canister id is too long: {bytes} bytes"),
            Self::IdChecksum { computed, found } => write!(
                f,
                "the checksum of the canister id is wrong: computed {computed:08x}, found {found:08x}"
            ),
            Self::OldIdWithoutChecksum => f.write_str("the canister id has no checksum byte"),
            Self::OldIdChecksum { computed, found } => write!(
                f,
                "the checksum of the canister id is wrong: computed {computed:02x}, found {found:02x}"
            ),
            Self::MethodCharacter(c) => {
                write!(f, "a method name cannot have {} here", character(*c))
            }
            Self::PayloadStart => f.write_str("this is no payload"),
            Self::HexDigit(c) => write!(f, "{} is no hex digit", character(*c)),
            Self::OddHex(digits) => write!(f, "an odd number of hex digits: {digits}"),
            Self::StringCharacter(c) => {
                write!(f, "a quoted payload cannot hold {}", character(*c))
            }
            Self::Escape(c) => write!(f, "unknown escape: a backslash before {}", character(*c)),
            Self::HexEscape(digits) => {
                write!(f, "a hex escape needs two hex digits, here are {digits}")
            }
            Self::BinaryEscape(digits) => {
                write!(
                    f,
                    "a binary escape needs eight binary digits, here are {digits}"
                )
            }
            Self::Unterminated => f.write_str("the quoted payload has no end"),
            Self::AfterQuote => f.write_str("something follows the closing quote"),
            Self::Extension(word) => write!(f, "`{word}` is no word of the older language"),
            Self::Candid(mistake) => shown_all(f, &mistake.to_string()),
            Self::Said { said, .. } | Self::Unmet { said, .. } => shown_all(f, said),
            Self::Module { reason } => {
                write!(
                    f,
                    "the module cannot be used: {}",
                    reason.chars().map(shown).collect::<String>()
                )
            }
        }
    }
}

impl Mistake {
    /// What would have been right in the mistake's place.
    pub fn expected(&self) -> String {
        match self {
            Self::NotUtf8 => "a script in UTF-8".into(),
            Self::LineTooLong(_) => format!("at most {MAX_LINE_BYTES} bytes (16 MiB) in a line"),
            Self::IndentedComment => "`#` as the first character of the line".into(),
            Self::UnknownMessage {
                nearest: Some(keyword),
                ..
            } => {
                format!("perhaps `{keyword}`")
            }
            Self::UnknownMessage { nearest: None, .. } => {
                "`create`, `install`, `reinstall`, `upgrade`, `ingress`, `query` or `#`".into()
            }
            Self::Missing { form, .. } | Self::TrailingText { form } => format!("`{form}`"),
            Self::IdCharacter(_) => "letters, the digits 2 to 7 and dashes".into(),
            Self::IdDecimal(text)
            | Self::IdDashes {
                canonical: Some(text),
            } => format!("`{text}`"),
            Self::IdDashes { canonical: None } => {
                "groups of five characters with dashes between them".into()
            }
            Self::IdLength(_) => {
                "the base32 form of a four byte checksum and 0 to 29 bytes of id".into()
            }
            Self::IdTrailingBits => "a last character without superfluous bits".into(),
            Self::IdTooLong(_) => "at most 29 bytes".into(),
            Self::IdChecksum { .. } => "the id exactly as it was handed out".into(),
            Self::OldIdWithoutChecksum => "hex digits of the id and of one checksum byte".into(),
            Self::OldIdChecksum { computed, .. } => {
                format!("`{computed:02X}` at the end, if the rest is right")
            }
            Self::MethodCharacter(_) => "letters, `_` and, but for the first, digits".into(),
            Self::PayloadStart => "`0x` and hex digits, or a string in double quotes".into(),
            Self::HexDigit(_) => "the digits 0 to 9 and a to f".into(),
            Self::OddHex(_) => "two hex digits for each byte".into(),
            Self::StringCharacter(_) => "printable ASCII; other bytes as `\\xHH`".into(),
            Self::Escape(_) => r#"`\\`, `\"`, `\xHH` or `\bBBBBBBBB`"#.into(),
            Self::HexEscape(_) => "`\\xHH`, such as `\\x2a`".into(),
            Self::BinaryEscape(_) => "`\\bBBBBBBBB`, such as `\\b00101010`".into(),
            Self::Unterminated => "a closing double quote".into(),
            Self::AfterQuote => "the end of the line".into(),
            Self::Extension(_) => "a script without `--strict`".into(),
            Self::Candid(mistake) => mistake.expected().chars().map(shown).collect(),
            Self::Said { expected, .. } | Self::Unmet { expected, .. } => {
                expected.chars().map(shown).collect()
            }
            Self::Module { .. } => {
                "a file with WebAssembly, plain or gzip-compressed, or its text form".into()
            }
        }
    }
}

impl Mistake {
    /// What is in the place of what was expected.
    pub(super) fn actual(&self) -> Option<String> {
        match self {
            Self::Unmet { actual, .. } => Some(actual.chars().map(shown).collect()),
            _ => None,
        }
    }
}

/// A mistake and the exact text it is about, a part of what was parsed; empty at its end if something is missing there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault<'a> {
    /// The wrong text.
    pub at: &'a str,
    /// What is wrong.
    pub kind: Mistake,
}

impl<'a> Fault<'a> {
    pub(super) fn new(at: &'a str, kind: Mistake) -> Self {
        Self { at, kind }
    }

    /// A fault about the first character that is wrong in its place; the place is counted in bytes.
    pub(super) fn find(
        text: &'a str,
        wrong: impl Fn(usize, char) -> bool,
        kind: impl FnOnce(char) -> Mistake,
    ) -> Option<Self> {
        let (index, c) = text.char_indices().find(|(index, c)| wrong(*index, *c))?;
        Some(Self::new(&text[index..index + c.len_utf8()], kind(c)))
    }
}

/// Text with what is harmful on a terminal replaced.
fn shown_all(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(&text.chars().map(shown).collect::<String>())
}

/// Text from the script in backticks, harmless and short.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut short: String = text.chars().take(LONGEST).map(shown).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    format!("`{short}`")
}

/// A character with its code, if its looks do not tell what it is.
fn character(c: char) -> String {
    match c {
        ' ' => "a blank".into(),
        '\t' => "a tab".into(),
        '`' => "a backtick".into(),
        '!'..='~' => format!("`{c}`"),
        _ if shown(c) == c => format!("`{c}` (U+{:04X})", u32::from(c)),
        _ => format!("the character U+{:04X}", u32::from(c)),
    }
}
