//! Scripts: text in, statements out, with the place of every mistake.
//!
//! Owns the languages of `GRAMMAR.md`: the older one, whose messages [`parse`] reads, and ours, whose statements make a
//! [`Program`]; and what is said about mistakes in either.
//! It opens no file, neither the script nor a module, and knows no canister; it is told when a module is missing.

mod canister_id;
mod characters;
mod cursor;
mod diagnostic;
mod expectation;
mod files;
mod flaw;
mod grammar;
mod headline;
mod limits;
mod message;
mod mistake;
mod older;
mod party;
mod payload;
mod placed;
mod program;
mod read;
mod resolve;
mod settings;
mod span;
pub mod statement;
#[cfg(test)]
mod tests;
mod units;
mod words;

pub use canister_id::parse_principal_text;
pub use diagnostic::{Diagnostic, Diagnostics};
pub use files::{Files, InterfaceText};
pub use headline::headline;
pub use limits::{MAX_LINE_BYTES, MAX_SCRIPT_BYTES};
pub use message::Message;
pub use mistake::{Fault, Field, Mistake};
pub use older::{Located, Script, parse};
pub use party::Party;
pub use placed::Placed;
pub use program::Program;
pub use settings::Setting;
pub use span::Spanned;
pub use units::{Duration, size};
