//! The module files of a script: read once each, text converted, before any message runs.

use std::collections::HashMap;
use std::sync::Arc;

use crate::script::{Diagnostics, Message, Script};

/// The modules by path as written.
pub type Modules = HashMap<String, Arc<[u8]>>;

/// Reads all modules of a script.
///
/// # Errors
/// Every message whose module is missing or unreadable.
pub fn load(script: &Script) -> Result<Modules, Diagnostics> {
    let mut modules = Modules::new();
    let mut mistakes = Vec::new();
    let mut failed: HashMap<&str, String> = HashMap::new();
    for located in &script.messages {
        let Message::Install { module, .. } = &located.message else {
            continue;
        };
        if modules.contains_key(module) {
            continue;
        }
        let reason = match failed.get(module.as_str()) {
            Some(reason) => reason.clone(),
            None => match read(module) {
                Ok(bytes) => {
                    modules.insert(module.clone(), bytes);
                    continue;
                }
                Err(reason) => {
                    failed.insert(module, reason.clone());
                    reason
                }
            },
        };
        mistakes.push(script.module_error(located, reason));
    }
    if mistakes.is_empty() {
        Ok(modules)
    } else {
        Err(mistakes.into())
    }
}

/// Reads a module; a file whose name ends in `.wat` is WebAssembly text.
pub fn read(path: &str) -> Result<Arc<[u8]>, String> {
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::IsADirectory => "this is a directory".to_owned(),
        _ => format!("it cannot be read: {error}"),
    })?;
    if !path.ends_with(".wat") {
        return Ok(bytes.into());
    }
    match wat::parse_bytes(&bytes) {
        Ok(binary) => Ok(binary.into_owned().into()),
        Err(error) => Err(format!("it is not WebAssembly text: {error}")),
    }
}
