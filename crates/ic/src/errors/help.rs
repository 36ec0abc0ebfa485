//! The advice that the Internet Computer appends to an error text. Owns how it is worded and attached,
//! not which error has which advice.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use crate::protocol::OLD_DOCUMENTATION;

thread_local! {
    /// Where texts that are made on this thread send their reader. A node sets it whenever it begins to work, since the place has
    /// moved over the years while everything that makes texts knows no date.
    static DOCUMENTATION: Cell<&'static str> = const { Cell::new(OLD_DOCUMENTATION) };
}

/// Where the documentation of execution errors lives; an anchor follows directly.
pub fn documentation() -> &'static str {
    DOCUMENTATION.get()
}

/// While it lives, texts that are made on this thread are those of one date. They nest.
#[must_use = "texts are those of a date while this lives"]
#[derive(Debug)]
pub struct TextsOf {
    outer: &'static str,
    /// It belongs to its thread.
    not_send: PhantomData<*const ()>,
}

impl TextsOf {
    /// With this address of the documentation.
    pub fn documentation(address: &'static str) -> Self {
        TextsOf {
            outer: DOCUMENTATION.replace(address),
            not_send: PhantomData,
        }
    }
}

impl Drop for TextsOf {
    fn drop(&mut self) {
        DOCUMENTATION.set(self.outer);
    }
}

/// What a user can do about an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Help {
    /// Nothing is appended.
    None,
    /// The compiler or development kit is at fault.
    Toolchain,
    /// The subnet itself is at fault.
    Internal,
    /// A suggestion without a link.
    Suggestion(&'static str),
    /// A suggestion and an anchor of [`documentation`].
    Documented(&'static str, &'static str),
    /// The same, for a suggestion that quotes a value of the error.
    Quoting(String, &'static str),
    /// A suggestion and a link that is printed as it is (some texts of the replica lack the address).
    Bare(&'static str, &'static str),
}

impl Help {
    /// `text`, and after `separator` the help, if there is any.
    pub(super) fn attach(&self, text: String, separator: &str) -> String {
        match self {
            Help::None => text,
            help => format!("{text}{separator}{help}"),
        }
    }
}

impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Help::None => Ok(()),
            Help::Toolchain => f.write_str(
                "If you are running this canister in a test environment (e.g., dfx), make sure the test environment is up to date. Otherwise, this is likely an error with the compiler/CDK toolchain being used to build the canister. Please report the error to IC devs on the forum: https://forum.dfinity.org and include which language/CDK was used to create the canister.",
            ),
            Help::Internal => f.write_str(
                "This is an internal error on the IC. Please report it to IC devs on the forum: https://forum.dfinity.org",
            ),
            Help::Suggestion(suggestion) => f.write_str(suggestion),
            Help::Documented(suggestion, anchor) => {
                write!(f, "{suggestion} See documentation: {}{anchor}", documentation())
            }
            Help::Quoting(suggestion, anchor) => {
                write!(f, "{suggestion} See documentation: {}{anchor}", documentation())
            }
            Help::Bare(suggestion, link) => write!(f, "{suggestion} See documentation: {link}"),
        }
    }
}
