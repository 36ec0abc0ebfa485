//! A module as the interpreter runs it: its functions are translated when they are first called. Shared by all instances of
//! the module.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use super::op::Code;
use super::outline::Outline;
use super::translate::translate;
use crate::rewrite::Plan;

/// A module.
pub(crate) struct Program {
    outline: Outline,
    /// Of the module's own functions; nothing for one that cannot be translated.
    codes: Vec<OnceLock<Option<Box<Code>>>>,
}

impl Deref for Program {
    type Target = Outline;
    fn deref(&self) -> &Outline {
        &self.outline
    }
}

impl Program {
    /// A valid module, as planned; nothing if it is not for the interpreter: there are vectors, references as values, or
    /// imports of something else than functions.
    pub(crate) fn new(wasm: Arc<[u8]>, plan: &Plan<'_>) -> Option<Self> {
        let outline = Outline::new(wasm, plan)?;
        let codes = (0..outline.bodies()).map(|_| OnceLock::new()).collect();
        Some(Program { outline, codes })
    }

    /// The code of a function of the module's own, which is translated now if need be; nothing if it cannot be, because
    /// of an unknown operator or too many operands.
    pub(super) fn code<'p>(&self, function: u32, plan: impl FnOnce() -> Plan<'p>) -> Option<&Code> {
        let position = (function - self.imported()) as usize;
        let code = self.codes[position].get_or_init(|| {
            let body = self.outline.body(position);
            let weights = plan().weights;
            let code = translate(&self.outline, function, &body, weights);
            code.ok().flatten().map(Box::new)
        });
        code.as_deref()
    }
}
