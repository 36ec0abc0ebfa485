//! What the engine has recorded of one execution, with the names of the module that ran.

use std::sync::Arc;

use crate::module::ModuleNames;

/// The record of one execution.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Whose functions they are.
    pub names: Arc<ModuleNames>,
    /// Where the instructions were spent.
    pub record: Box<drun_engine::record::Recording>,
}
