//! The advice that the Internet Computer appends to an error text. Owns how it is worded and attached,
//! not which error has which advice.

use std::fmt;

/// Where the documentation of execution errors lives; an anchor follows directly.
pub const DOCUMENTATION: &str =
    "https://internetcomputer.org/docs/current/references/execution-errors#";

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
    /// A suggestion and an anchor of [`DOCUMENTATION`].
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
                write!(f, "{suggestion} See documentation: {DOCUMENTATION}{anchor}")
            }
            Help::Quoting(suggestion, anchor) => {
                write!(f, "{suggestion} See documentation: {DOCUMENTATION}{anchor}")
            }
            Help::Bare(suggestion, link) => write!(f, "{suggestion} See documentation: {link}"),
        }
    }
}
