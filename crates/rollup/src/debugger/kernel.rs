//! Reading a kernel: its file, its checks before the prompt, and the words for what is wrong with it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::host::abi::{Function, MODULE};
use crate::link;
use crate::module::{Kernel, ModuleError};
use crate::version::Version;

/// Why a kernel cannot be debugged.
#[derive(Debug)]
pub enum KernelError {
    /// The file cannot be read.
    File(String),
    /// The name ends in something else than `.wasm`, `.wast`, `.wat` or `.hex`.
    Extension,
    /// A `.hex` file with something else.
    Hex(String),
    /// A place in the module, and what is wrong there.
    Module {
        /// The file's name without its ending.
        name: String,
        /// `0x…` for a binary, line and column for a text.
        place: String,
        /// The kind of mistake and what it is.
        message: String,
    },
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{path} is not a valid file"),
            Self::Extension => f.write_str("Kernels should have .wasm or .wast file extension"),
            Self::Hex(path) => write!(f, "\"{path}\" is not a valid hexadecimal file"),
            Self::Module {
                name,
                place,
                message,
            } => write!(f, "{name}:{place}: {message}"),
        }
    }
}

/// Reads the module in a file. Texts become modules without names, as the original's do.
pub fn read_kernel(path: &Path) -> Result<Vec<u8>, KernelError> {
    let shown = path.display().to_string();
    let extension = path
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    if !["wasm", "wast", "wat", "hex"].contains(&extension) {
        return Err(if path.is_file() {
            KernelError::Extension
        } else {
            KernelError::File(shown)
        });
    }
    let bytes = std::fs::read(path).map_err(|_| KernelError::File(shown.clone()))?;
    match extension {
        "wasm" => Ok(bytes),
        "hex" => {
            let text: Vec<u8> = bytes
                .into_iter()
                .filter(|byte| !byte.is_ascii_whitespace())
                .collect();
            hex::decode(text).map_err(|_| KernelError::Hex(shown))
        }
        _ => {
            let syntax = |place, message: String| KernelError::Module {
                name: stem(path),
                place,
                message: format!("syntax error: {message}"),
            };
            let text = String::from_utf8(bytes)
                .map_err(|error| syntax("1.1".into(), error.to_string()))?;
            let wasm = wat::parse_str(&text).map_err(|error| {
                // The parser's report draws the place; its first line says what is wrong, the second where.
                let report = error.to_string();
                let mut lines = report.lines();
                let message = lines.next().unwrap_or_default().to_owned();
                let place = lines
                    .next()
                    .and_then(|line| line.trim().strip_prefix("--> "))
                    .unwrap_or_default();
                let mut parts = place.rsplit(':').take(2).collect::<Vec<_>>();
                parts.reverse();
                syntax(parts.join("."), message)
            })?;
            Ok(without_names(&wasm))
        }
    }
}

/// Removes the section of names from a module that was made from a text.
fn without_names(wasm: &[u8]) -> Vec<u8> {
    let mut out = wasm.get(..8).unwrap_or_default().to_vec();
    for payload in wasmparser::Parser::new(0)
        .parse_all(wasm)
        .map_while(Result::ok)
    {
        let named = matches!(&payload, wasmparser::Payload::CustomSection(custom) if custom.name() == "name");
        if let (Some((id, range)), false) = (payload.as_section(), named) {
            wasm_encoder::Section::append_to(
                &wasm_encoder::RawSection {
                    id,
                    data: &wasm[range],
                },
                &mut out,
            );
        }
    }
    out
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Checks a kernel before the first prompt, as far as the original does: decoding, types, names of imports.
pub(super) fn check(path: &Path, wasm: &[u8]) -> Result<Arc<Kernel>, KernelError> {
    let kernel = Kernel::decode(wasm.into()).map_err(|error| {
        let ModuleError {
            offset,
            category,
            message,
        } = error;
        KernelError::Module {
            name: stem(path),
            place: format!("0x{offset:x}"),
            message: format!("{category}: {message}"),
        }
    })?;
    for import in &kernel.imports {
        // Names only, and of any version: what this one lacks is found when the kernel is linked.
        let known = import.module == MODULE
            && Function::all().any(|function| function.name() == import.item);
        if !known {
            return Err(KernelError::Module {
                name: stem(path),
                place: format!("0x{:x}", import.offset),
                message: format!(
                    "link failure: unknown import \"{}\".\"{}\"",
                    import.module, import.item
                ),
            });
        }
    }
    Ok(kernel)
}

/// What works here but not on a rollup.
pub(super) fn warnings(kernel: &Kernel, version: Version) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some((_, error)) = link::unlinked(kernel, version) {
        warnings.push(format!(
            "Warning: {error}: version {version} does not have it"
        ));
    }
    let links = link::link(kernel, version);
    if links
        .iter()
        .flat_map(|links| links.iter())
        .any(|link| link.phantom)
    {
        warnings.push("Warning: write_debug is imported with a result; a rollup refuses this kernel when it starts".into());
    }
    warnings
}
