//! The frames of a run by name, as they are printed.

use std::collections::HashMap;

use drun_engine::record::TreeFrame;

use crate::module::ModuleNames;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A message of the script.
    Message,
    /// An entry point of a canister.
    Entry,
    /// A function of a module.
    Function,
    /// A function of the system API.
    Host,
    /// A charge that no function makes, or a mark.
    Other,
    /// Making a module ready: compiling it, and assembling it before.
    Compile,
}

/// A name, by its place among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name(u32);

impl TreeFrame for Name {
    const DEEPER: Self = Name(0);
    const MAX_STACKS: usize = 1 << 19;
}

/// All names of a run.
#[derive(Debug)]
pub(super) struct Names {
    texts: Vec<(Kind, String)>,
    known: HashMap<(Kind, String), Name>,
    functions: HashMap<([u8; 32], u32), Name>,
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Names {
            texts: Vec::new(),
            known: HashMap::new(),
            functions: HashMap::new(),
        };
        let first = names.name(Kind::Other, "[deeper]");
        debug_assert_eq!(first, Name::DEEPER);
        names
    }
}

impl Names {
    /// The name of this text, in which is replaced what would end a frame or a line, or look like a count.
    pub(super) fn name(&mut self, kind: Kind, text: &str) -> Name {
        let mut text = text.replace(';', ":").replace(char::is_control, " ");
        if let Some((_, end)) = text.rsplit_once(' ')
            && end
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
        {
            text.replace_range(text.len() - end.len() - 1..text.len() - end.len(), "_");
        }
        let (next, key) = (Name(self.texts.len() as u32), (kind, text));
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        self.texts.push(key.clone());
        self.known.insert(key, next);
        next
    }

    /// The name of a function of a module.
    pub(super) fn function(&mut self, module: &ModuleNames, index: u32) -> Name {
        if let Some(known) = self.functions.get(&(module.hash, index)) {
            return *known;
        }
        let name = self.name(Kind::Function, &readable(&module.function_label(index)));
        self.functions.insert((module.hash, index), name);
        name
    }

    /// What a name says.
    pub(super) fn text(&self, name: Name) -> (Kind, &str) {
        let (kind, text) = &self.texts[name.0 as usize];
        (*kind, text)
    }
}

/// A name as its author wrote it: not mangled, and without the hash that the Rust compiler adds.
fn readable(name: &str) -> String {
    let demangled = format!("{:#}", rustc_demangle::demangle(name));
    let hash = |hash: &str| {
        hash.len() == 16
            && hash
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    match demangled.rsplit_once("::h") {
        Some((path, end)) if hash(end) => path.to_owned(),
        _ => demangled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_break_a_stack_or_a_line() {
        let mut names = Names::default();
        let name = names.name(Kind::Function, "a;b\nc 12");
        assert_eq!(names.text(name), (Kind::Function, "a:b c_12"));
        assert_eq!(names.name(Kind::Function, "a:b c_12"), name);
        assert_ne!(names.name(Kind::Host, "a:b c_12"), name);
    }

    #[test]
    fn names_of_rust_are_readable() {
        for (raw, expected) in [
            ("_ZN4core3fmt5write17h01234567890abcdeE", "core::fmt::write"),
            ("core::fmt::write::h01234567890abcde", "core::fmt::write"),
            ("core::fmt::write::hello", "core::fmt::write::hello"),
            ("_RNvC6_123foo3bar", "123foo::bar"),
            ("@anon-func-3.10", "@anon-func-3.10"),
        ] {
            assert_eq!(readable(raw), expected);
        }
    }
}
