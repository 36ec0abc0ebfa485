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
    /// Where each script is, by what it is called: a name is text, and a path need not be.
    scripts: HashMap<String, PathBuf>,
    /// What each script is called, by its tidied path.
    names: HashMap<PathBuf, String>,
    decodes: bool,
}

/// The directory that a file is in; an empty path is the working directory.
fn directory_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// The same for all paths to a name in a directory, whichever way they lead there.
fn tidied(file: &Path) -> Option<PathBuf> {
    let directory = directory_of(file).canonicalize().ok()?;
    Some(directory.join(file.file_name()?))
}

impl Disk {
    /// Modules of a run; whether its replies are told as text.
    pub(super) fn new(decodes: bool) -> Self {
        Disk {
            decodes,
            ..Disk::default()
        }
    }

    /// What the script of this path is called: as it was typed first.
    pub(super) fn name(&mut self, path: &Path) -> String {
        let name = path.display().to_string();
        let name = match tidied(path) {
            Some(tidied) => self.names.entry(tidied).or_insert(name).clone(),
            None => name,
        };
        // Standard input and pipes lie nowhere: what such a script names is in the working directory.
        let place = match path.starts_with("/dev") {
            true => Path::new(path.file_name().unwrap_or_default()),
            false => path,
        };
        let known = self.scripts.entry(name.clone());
        known.or_insert_with(|| place.to_owned());
        name
    }

    /// The path of a script.
    fn script<'a>(&'a self, name: &'a str) -> &'a Path {
        let known = self.scripts.get(name);
        known.map_or(Path::new(name), PathBuf::as_path)
    }

    /// Where a path of a script is.
    fn place(&self, from: &str, path: &str) -> PathBuf {
        let beside = self.script(from).parent().map(|parent| parent.join(path));
        match beside {
            Some(beside) if beside.exists() => beside,
            _ => PathBuf::from(path),
        }
    }

    /// Where a script writes a file: below its own directory, so that it can replace nothing else of its user.
    ///
    /// # Errors
    /// If the path leads out of there, also by way of a link, or is a directory's.
    pub(super) fn target(&self, from: &str, path: &str) -> Result<PathBuf, String> {
        let from = self.script(from);
        let directory = directory_of(from);
        let real = |path: &Path| path.canonicalize().map_err(|error| error.to_string());
        let target = from.parent().unwrap_or(Path::new("")).join(path);
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
        if path.is_empty() || target.is_dir() {
            return Err("this is a directory".to_owned());
        }
        Ok(target)
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
                && let Err(reason) = self.target(placed.file(), file)
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
        let place = self.place(from, path);
        if let Some(read) = self.modules.get(&place) {
            return read.clone();
        }
        let module = read(&place);
        self.modules.insert(place, module.clone());
        module
    }
}

impl Files for Disk {
    fn read(&mut self, from: &str, path: &str) -> Result<(String, Vec<u8>), String> {
        let place = self.place(from, path);
        let bytes = input::part(&place)?;
        Ok((self.name(&place), bytes))
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
        let place = self.place(from, module);
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
        match self.modules.get(&self.place(from, path)) {
            Some(Ok(module)) => Arc::clone(module),
            _ => Arc::default(),
        }
    }

    fn load(&self, from: &str, path: &str) -> Result<Vec<u8>, String> {
        input::fixture(&self.place(from, path))
    }

    fn save(&self, from: &str, path: &str, content: &[u8]) -> Result<(), Unsaved> {
        let target = self.target(from, path).map_err(Unsaved::NoPlace)?;
        let saved = crate::suite::replace::replace(&target, content);
        saved.map_err(|error| Unsaved::Refused(error.root_cause().to_string()))
    }
}

/// Reads a module; a file whose name ends in `.wat` is WebAssembly text.
pub(super) fn read(path: &Path) -> Result<Arc<[u8]>, String> {
    let bytes = input::module(path)?;
    let name = path.file_name().unwrap_or_default();
    if !name.as_encoded_bytes().ends_with(b".wat") {
        return Ok(bytes.into());
    }
    // Some editors put a byte order mark before any text.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    match wat::parse_bytes(text) {
        Ok(binary) => Ok(binary.into_owned().into()),
        Err(error) => Err(format!(
            "it is not WebAssembly text: {}",
            on_one_line(&path.to_string_lossy(), &error.to_string())
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
