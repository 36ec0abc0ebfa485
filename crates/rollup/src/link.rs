//! From the imports of a kernel to host functions: names when it is linked, types when it is started.

use std::sync::Arc;

use thiserror::Error;
use wasmparser::ValType;

use crate::host::abi::{Function, MODULE, Type};
use crate::module::{Import, Kernel};
use crate::version::Version;

/// A host function as a kernel imports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The function.
    pub function: Function,
    /// Whether the kernel expects a number from `write_debug`, which returns nothing. The manual's text kernel does; a
    /// real rollup refuses it.
    pub phantom: bool,
}

/// Why an import is not there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LinkError {
    /// From another module than [`MODULE`].
    #[error("Unexpected module import: {0}")]
    Module(String),
    /// No such function in this version.
    #[error("Unexpected import: {0}.{1}")]
    Item(String, String),
}

/// Finds an import by its names; the type is looked at later.
fn named(import: &Import, version: Version) -> Result<Function, LinkError> {
    if import.module != MODULE {
        return Err(LinkError::Module(import.module.clone()));
    }
    let item = || LinkError::Item(import.module.clone(), import.item.clone());
    import.signature.ok_or_else(item)?;
    Function::find(&import.item, version).ok_or_else(item)
}

/// The first import that a version does not have: its position and the error.
pub fn unlinked(kernel: &Kernel, version: Version) -> Option<(usize, LinkError)> {
    kernel
        .imports
        .iter()
        .enumerate()
        .find_map(|(n, import)| Some((n, named(import, version).err()?)))
}

/// All imports of a kernel whose names have been found; the error is that of a start with a wrong type.
pub fn link(kernel: &Kernel, version: Version) -> Result<Arc<[Link]>, String> {
    let links = kernel.imports.iter().enumerate().map(|(n, import)| {
        let function = named(import, version).map_err(|error| error.to_string())?;
        let found = kernel.signature(n as u32);
        let params = function.params().iter().map(value);
        let fits = params.eq(found.params.iter().copied());
        let result: Vec<ValType> = function.result().iter().map(value).collect();
        let phantom = function == Function::WriteDebug && *found.results == [ValType::I32];
        if fits && (result == *found.results || phantom) {
            Ok(Link { function, phantom })
        } else {
            Err(format!(
                "incompatible import type for {}.{}",
                import.module, import.item
            ))
        }
    });
    links.collect()
}

fn value(ty: &Type) -> ValType {
    match ty {
        Type::I32 => ValType::I32,
        Type::I64 => ValType::I64,
    }
}
