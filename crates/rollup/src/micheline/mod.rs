//! Micheline, the data format of Michelson: expressions, their bytes, their text, their JSON.
//!
//! Only data is meant here: what a transfer carries to a kernel and what a kernel's outbox carries back. No types are
//! checked.

pub mod binary;
pub mod json;
mod primitives;
pub mod text;

use num_bigint::BigInt;
pub use primitives::{name, number};

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// A number of any size.
    Int(BigInt),
    /// A text; the format does not promise UTF-8.
    String(Vec<u8>),
    /// Bytes, `0x…` in text.
    Bytes(Vec<u8>),
    /// `{ a ; b }`.
    Sequence(Vec<Expr>),
    /// A primitive by its number, with arguments and annotations.
    Prim(u8, Vec<Expr>, Vec<String>),
}
