//! Hashes, base58check texts and the byte reader under all formats of the rollup. Nothing here knows what they mean.

pub mod base58;
pub mod hash;
pub mod json;
pub mod reader;
