//! The stable signature of a Motoko module: which variables survive its upgrade, with their types, and by which migrations, as
//! the custom section `motoko:stable-types` tells it.
//!
//! Owns the forms of the text, versions 1.0.0 to 4.0.0 (since-october-2025-rules.md 3.1). It does not look into types: whether one
//! fits another is not decided here.

mod parser;

use std::fmt;

/// The custom section that holds it.
pub const SECTION: &str = "motoko:stable-types";

/// A stable signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// The version of the text's form, as its first line says; absent in the oldest texts.
    pub version: Option<String>,
    /// Types with a name, in order.
    pub types: Vec<Definition>,
    /// The chain of migrations of a module with enhanced migration, in order: their names and types.
    pub migrations: Vec<Definition>,
    /// What an actor with a migration function takes over from the one before; nothing of actors without.
    pub before: Option<Vec<Field>>,
    /// What survives.
    pub fields: Vec<Field>,
}

/// A type with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The name, with its parameters.
    pub name: String,
    /// The type.
    pub ty: String,
}

/// A variable that survives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// It can change.
    pub mutable: bool,
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: String,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let var = if self.mutable { "var " } else { "" };
        write!(f, "{var}{} : {}", self.name, self.ty)
    }
}

/// Why a text is no stable signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where, in bytes.
    pub at: usize,
    /// What was expected there.
    pub expected: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: expected {}", self.at, self.expected)
    }
}

impl std::error::Error for Fault {}

impl Signature {
    /// Reads a signature of any version.
    ///
    /// # Errors
    /// The first place that does not fit.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        parser::Parser::new(text).signature()
    }
}
