//! Candid as people write it: values, types and interfaces as text, with the place of every mistake.
//!
//! Owns the text form of values (with `$names`, and as patterns with `_` and `..`), of types and of `.did` interfaces;
//! what value fits what type; encoding, comparing with a pattern, and printing with field names. It knows no script,
//! opens no file and knows no canister: names are resolved by whoever asks.

mod decode;
mod did;
mod encode;
mod lexer;
mod mistake;
mod nearest;
mod parser;
mod pattern;
mod print;
mod read;
#[cfg(test)]
mod tests;
mod types;
mod value;

pub use decode::{Undecoded, decode};
pub use did::Interface;
pub use encode::{Argument, Fit};
pub use lexer::text;
pub(crate) use mistake::one_of;
pub use mistake::{Fault, Mistake};
pub use nearest::{distance, nearest};
pub use parser::Grammar;
pub use pattern::{Difference, compare};
pub use print::{FieldNames, print_arguments};
pub use read::arguments;
pub use value::{Field, Kind, Label, Value, is_hidden, quoted};
