//! The files around a script: modules, read once each and before any message runs, included scripts, interfaces, fixtures.
//!
//! Owns where a path of a script is looked for: beside the script, else in the working directory.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::input;
use crate::script::statement::Statement;
use crate::script::{Diagnostics, Files, InterfaceText, Program};
use crate::session::{Surroundings, Unsaved};

/// The sections of a module that tell its interface, and the arguments of its initialization.
const INTERFACE_SECTIONS: [&str; 2] = ["candid:service", "candid:args"];

/// Modules by the file that they were found in.
#[derive(Debug, Default)]
pub(super) struct Disk {
    modules: HashMap<PathBuf, Result<Arc<[u8]>, String>>,
    decodes: bool,
}

/// Where a path of a script is.
fn place(from: &str, path: &str) -> PathBuf {
    let beside = Path::new(from).parent().map(|parent| parent.join(path));
    match beside {
        Some(beside) if beside.exists() => beside,
        _ => PathBuf::from(path),
    }
}

/// Where a script writes a file: below its own directory, so that it can replace nothing else of its user.
///
/// # Errors
/// If the path leads out of there, also by way of a link.
pub(super) fn target(from: &str, path: &str) -> Result<PathBuf, String> {
    let parent = Path::new(from).parent().unwrap_or(Path::new(""));
    let directory = if parent == Path::new("") {
        Path::new(".")
    } else {
        parent
    };
    let real = |path: &Path| path.canonicalize().map_err(|error| error.to_string());
    let target = parent.join(path);
    let there = target
        .ancestors()
        .find(|path| path.symlink_metadata().is_ok());
    let there = real(there.unwrap_or(directory))?;
    let leads_up = Path::new(path)
        .components()
        .any(|part| part == Component::ParentDir);
    if leads_up || !there.starts_with(real(directory)?) {
        return Err("it is not below the directory of the script".to_owned());
    }
    Ok(target)
}

impl Disk {
    /// Modules of a run; whether its replies are told as text.
    pub(super) fn new(decodes: bool) -> Self {
        Disk {
            decodes,
            ..Disk::default()
        }
    }

    /// Reads all modules of a program, and looks where it writes.
    ///
    /// # Errors
    /// Every statement whose module is missing or unreadable, or that writes where no script may.
    pub(super) fn load(&mut self, program: &Program) -> Result<(), Diagnostics> {
        let mut mistakes = Vec::new();
        for placed in &program.statements {
            if let Statement::Install { module, .. } = &placed.statement
                && let Err(reason) = self.module_of(placed.file(), module)
            {
                mistakes.push(placed.module_error(reason));
            }
            if let Statement::Stable {
                save: true, file, ..
            } = &placed.statement
                && let Err(reason) = target(placed.file(), file)
            {
                let said = format!("the file cannot be written: {reason}");
                let expected = "a file below the directory of the script".to_owned();
                mistakes.push(placed.mistake(file.at(), said, expected));
            }
        }
        if mistakes.is_empty() {
            Ok(())
        } else {
            Err(mistakes.into())
        }
    }

    /// How many modules there are.
    pub(super) fn len(&self) -> usize {
        self.modules.len()
    }

    fn module_of(&mut self, from: &str, path: &str) -> Result<Arc<[u8]>, String> {
        let place = place(from, path);
        if let Some(read) = self.modules.get(&place) {
            return read.clone();
        }
        let module = read(&place.to_string_lossy());
        self.modules.insert(place, module.clone());
        module
    }
}

impl Files for Disk {
    fn read(&mut self, from: &str, path: &str) -> Result<(String, Vec<u8>), String> {
        let place = place(from, path);
        let bytes = input::part(&place)?;
        Ok((place.display().to_string(), bytes))
    }

    fn interface(&mut self, from: &str, module: &str) -> Option<InterfaceText> {
        let bytes = self.module_of(from, module).ok()?;
        let [service, init] = INTERFACE_SECTIONS.map(|name| {
            let section = drun_ic::module::icp_section(&bytes, name)?;
            String::from_utf8(section).ok()
        });
        if let Some(service) = service {
            return Some(InterfaceText { service, init });
        }
        let place = place(from, module);
        let name = place.file_name()?.to_string_lossy();
        let stem = [".wasm.gz", ".wasm", ".wat"]
            .iter()
            .find_map(|end| name.strip_suffix(end))?;
        let service = input::text_file(&place.with_file_name(format!("{stem}.did"))).ok()?;
        Some(InterfaceText { service, init })
    }

    fn wants_interfaces(&self) -> bool {
        self.decodes
    }
}

impl Surroundings for Disk {
    fn module(&self, from: &str, path: &str) -> Arc<[u8]> {
        match self.modules.get(&place(from, path)) {
            Some(Ok(module)) => Arc::clone(module),
            _ => Arc::default(),
        }
    }

    fn load(&self, from: &str, path: &str) -> Result<Vec<u8>, String> {
        input::fixture(&place(from, path))
    }

    fn save(&self, from: &str, path: &str, content: &[u8]) -> Result<(), Unsaved> {
        let target = target(from, path).map_err(Unsaved::NoPlace)?;
        let saved = crate::suite::replace::replace(&target, content);
        saved.map_err(|error| Unsaved::Refused(error.root_cause().to_string()))
    }
}

/// Reads a module; a file whose name ends in `.wat` is WebAssembly text.
pub(super) fn read(path: &str) -> Result<Arc<[u8]>, String> {
    let bytes = input::module(Path::new(path))?;
    if !path.ends_with(".wat") {
        return Ok(bytes.into());
    }
    match wat::parse_bytes(&bytes) {
        Ok(binary) => Ok(binary.into_owned().into()),
        Err(error) => Err(format!(
            "it is not WebAssembly text: {}",
            on_one_line(path, &error.to_string())
        )),
    }
}

/// A mistake in WebAssembly text, of which the crate `wat` draws a picture below the message: the place is its second line.
fn on_one_line(path: &str, drawn: &str) -> String {
    let message = drawn.lines().next().unwrap_or_default();
    let place = drawn
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("--> "));
    match place.and_then(|place| place.strip_prefix("<anon>:")) {
        Some(place) => format!("{path}:{place}: {message}"),
        None => message.to_owned(),
    }
}
