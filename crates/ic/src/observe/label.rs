//! What ran, in the words of tables and stacks.

use crate::execution::Entry;
use crate::ic0::mode::Mode;
use crate::module::MethodKind;

/// What ran.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// In which role: `update`, `query`, `composite query`, `replicated query`, `callback`, `hook` or `install`.
    pub kind: &'static str,
    /// The method; for a callback the method whose call it helps to answer; for a hook its export; else `compile`.
    pub method: String,
}

impl Label {
    /// A method or hook.
    pub fn of(entry: &Entry, mode: Mode) -> Self {
        let Entry::Export(export) = entry else {
            return Label::callback(String::new());
        };
        let (kind, method) = match MethodKind::of_export(export) {
            Some((_, method)) if mode == Mode::ReplicatedQuery => ("replicated query", method),
            Some((MethodKind::Update, method)) => ("update", method),
            Some((MethodKind::Query, method)) => ("query", method),
            Some((MethodKind::CompositeQuery, method)) => ("composite query", method),
            None => ("hook", &**export),
        };
        Label {
            kind,
            method: method.to_owned(),
        }
    }

    /// What ran, in words.
    pub fn text(&self) -> String {
        match self.kind {
            "hook" => self.method.clone(),
            kind => format!("{kind} {}", self.method),
        }
    }

    /// A callback of a method.
    pub fn callback(method: String) -> Self {
        Label {
            kind: "callback",
            method,
        }
    }

    /// Compiling a module.
    pub fn compile() -> Self {
        Label {
            kind: "install",
            method: "compile".to_owned(),
        }
    }
}
