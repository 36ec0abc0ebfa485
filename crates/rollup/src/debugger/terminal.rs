//! A terminal with editing, a history that is kept, and completion of commands and of keys of the storage.

use std::borrow::Cow;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Context, Editor, Helper};

use super::command::WORDS;
use super::lines::{Lines, Piped};
use super::prints::{BOLD, PLAIN, Prints, coloured};
use crate::storage::{Durable, Path};

/// Standard input: a terminal is edited, anything else is read.
pub(super) fn standard() -> Box<dyn Lines> {
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        match Terminal::new() {
            Ok(terminal) => return Box::new(terminal),
            Err(error) => eprintln!("Warning: no line editing: {error}"),
        }
    }
    Box::new(Piped(io::stdin().lock()))
}

/// A terminal.
struct Terminal {
    editor: Editor<Completion, FileHistory>,
    history: Option<PathBuf>,
    storage: Arc<Mutex<Durable>>,
}

impl Terminal {
    fn new() -> rustyline::Result<Self> {
        let storage = Arc::new(Mutex::new(Durable::default()));
        let mut editor = Editor::new()?;
        editor.set_helper(Some(Completion(Arc::clone(&storage))));
        let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
        let history = state
            .or_else(home)
            .map(|directory| directory.join("kernel-debugger/history"));
        if let Some(history) = &history {
            // A history that cannot be read is an empty one.
            let _ = editor.load_history(history);
        }
        Ok(Self {
            editor,
            history,
            storage,
        })
    }
}

impl Lines for Terminal {
    fn next(&mut self, prompt: &str, _: &mut dyn Prints) -> io::Result<Option<String>> {
        match self.editor.readline(prompt) {
            Ok(line) => {
                let _ = self.editor.add_history_entry(&line);
                Ok(Some(line))
            }
            Err(ReadlineError::Interrupted) => Ok(Some(String::new())),
            Err(ReadlineError::Eof) => Ok(None),
            Err(ReadlineError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error.to_string())),
        }
    }

    fn learn(&mut self, storage: &Durable) {
        *self.storage.lock().unwrap_or_else(PoisonError::into_inner) = storage.clone();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(history) = &self.history {
            if let Some(directory) = history.parent() {
                let _ = std::fs::create_dir_all(directory);
            }
            let _ = self.editor.save_history(history);
        }
    }
}

/// Completes commands, and keys of the storage as it was at the last prompt.
struct Completion(Arc<Mutex<Durable>>);

impl Completer for Completion {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let before = &line[..pos];
        let storage = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(match before.rfind(" /") {
            Some(blank) => (blank + 1, keys(&storage, &before[blank + 1..])),
            None => (
                0,
                WORDS
                    .iter()
                    .filter(|words| words.starts_with(before))
                    .map(|&words| words.to_owned())
                    .collect(),
            ),
        })
    }
}

/// The keys that begin with a text, one step further.
fn keys(storage: &Durable, text: &str) -> Vec<String> {
    let parent = &text[..text.rfind('/').unwrap_or_default()];
    let Ok(path) = Path::parse(parent.as_bytes()) else {
        return Vec::new();
    };
    let Some(node) = storage.node(&path) else {
        return Vec::new();
    };
    let full = node.children().map(|(name, child)| {
        let slash = if child.has_children() { "/" } else { "" };
        format!("{parent}/{name}{slash}")
    });
    full.filter(|key| key.starts_with(text)).collect()
}

impl Helper for Completion {}
impl Highlighter for Completion {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        if coloured(&io::stdout()) {
            Cow::Owned(format!("{BOLD}{prompt}{PLAIN}"))
        } else {
            Cow::Borrowed(prompt)
        }
    }
}
impl Validator for Completion {}
impl Hinter for Completion {
    type Hint = String;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Value;

    #[test]
    fn keys_are_completed_step_by_step() {
        let mut storage = Durable::default();
        for key in ["/ledger/alice", "/ledger/bob", "/last"] {
            storage.set(&Path::known(key), Value::default());
        }
        assert_eq!(keys(&storage, "/l"), ["/last", "/ledger/"]);
        assert_eq!(keys(&storage, "/ledger/"), ["/ledger/alice", "/ledger/bob"]);
        assert_eq!(keys(&storage, "/ledger/b"), ["/ledger/bob"]);
        assert!(keys(&storage, "/x//").is_empty());
    }
}
