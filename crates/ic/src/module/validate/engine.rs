//! The validation that the engine does: is this WebAssembly, within the accepted proposals? While every operator is
//! at hand anyway, `code` looks at it too.

use wasmparser::{ValidPayload, Validator, types::Types};

use super::code::CodeFacts;
use crate::errors::ModuleError;
use drun_engine::rewrite::Weights;
use drun_engine::{FEATURES, Sections, parser};

/// A module that the engine accepts.
pub(super) struct Checked<'a> {
    pub sections: Sections<'a>,
    pub types: Types,
    pub code: CodeFacts,
}

/// Validates a raw module; sections first, in their order, then the bodies of the functions.
///
/// Fails with [`ModuleError::EngineRejected`].
pub(super) fn check<'a>(
    module: &'a [u8],
    weights: &impl Weights,
) -> Result<Checked<'a>, ModuleError> {
    walk(module, weights).map_err(|error| {
        // Which of several faults is told is for the engine's own loop to say.
        let error = Validator::new_with_features(FEATURES)
            .validate_all(module)
            .err()
            .unwrap_or(error);
        ModuleError::EngineRejected(error.to_string())
    })
}

fn walk<'a>(module: &'a [u8], weights: &impl Weights) -> Result<Checked<'a>, wasmparser::Error> {
    let mut validator = Validator::new_with_features(FEATURES);
    let mut sections = Sections::default();
    let mut functions = Vec::new();
    let mut types = None;
    for payload in parser().parse_all(module) {
        let payload = payload?;
        match validator.payload(&payload)? {
            ValidPayload::Func(function, _) => functions.push(function),
            ValidPayload::End(all) => types = Some(all),
            _ => {}
        }
        sections.add(payload);
    }
    let mut code = CodeFacts::default();
    let mut allocations = Default::default();
    for (function, body) in functions.into_iter().zip(&sections.bodies) {
        let mut validator = function.into_validator(allocations);
        code.check_function(&mut validator, body, weights)?;
        allocations = validator.into_allocations();
    }
    let types = types.expect("a module that parses has an end");
    Ok(Checked {
        sections,
        types,
        code,
    })
}
