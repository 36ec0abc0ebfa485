//! Chains of migrations (since-october-2025-rules.md 3.1): what a version that has one takes over from the version before it.
//!
//! Owns which migrations are still to run and what they need. Whether a type fits another is not asked here: within its own
//! chain the compiler has seen to that.

use std::collections::BTreeSet;

use super::types::{Field, Type};

/// One migration. A canister remembers by their names which it has run.
#[derive(Clone, Debug)]
pub(super) struct Migration {
    name: String,
    takes: Vec<Field>,
    gives: Vec<Field>,
}

impl Migration {
    /// A migration of this type.
    ///
    /// # Errors
    /// If it is no function from variables to variables.
    pub(super) fn of(name: &str, ty: Type) -> Result<Self, String> {
        let Type::Function(_, takes, gives) = ty else {
            return Err(format!("the migration `{name}` is no function"));
        };
        let variables = |ty: Type| match ty {
            Type::Object(_, fields) => Ok(fields),
            other => Err(format!(
                "the migration `{name}` is about `{other}`, not variables"
            )),
        };
        Ok(Migration {
            name: name.to_owned(),
            takes: variables(*takes)?,
            gives: variables(*gives)?,
        })
    }
}

/// What the `variables` of a version with this chain take over from a version that has run the migrations of another.
pub(super) fn taken_over(
    chain: &[Migration],
    variables: &[Field],
    earlier: &[Migration],
) -> Vec<Field> {
    let mut taken: Vec<Field> = Vec::new();
    let mut made = BTreeSet::new();
    let has_run = |migration: &&Migration| earlier.iter().any(|it| it.name == migration.name);
    for migration in chain.iter().filter(|migration| !has_run(migration)) {
        let untouched = migration
            .takes
            .iter()
            .filter(|field| !made.contains(&*field.name));
        taken.extend(untouched.cloned());
        made.extend(
            migration
                .takes
                .iter()
                .chain(&migration.gives)
                .map(|field| &*field.name),
        );
    }
    let untouched = variables
        .iter()
        .filter(|field| !made.contains(&*field.name));
    taken.extend(untouched.cloned());
    taken
}
