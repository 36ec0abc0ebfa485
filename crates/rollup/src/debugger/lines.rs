//! Where commands come from: a pipe, a file. A terminal has a file of its own.

use std::io::{self, BufRead};

use super::prints::Prints;
use crate::storage::Durable;

/// A source of lines.
pub trait Lines {
    /// The next line, after a prompt, which is empty where only JSON is wanted; `None` at the end.
    fn next(&mut self, prompt: &str, prints: &mut dyn Prints) -> io::Result<Option<String>>;

    /// What keys can be completed from now on.
    fn learn(&mut self, _storage: &Durable) {}
}

/// Lines from a reader; the prompt is printed for it too.
pub(super) struct Piped<R>(pub R);

impl<R: BufRead> Lines for Piped<R> {
    fn next(&mut self, prompt: &str, prints: &mut dyn Prints) -> io::Result<Option<String>> {
        prints.out(prompt.as_bytes())?;
        let mut bytes = Vec::new();
        let n = self.0.read_until(b'\n', &mut bytes)?;
        Ok((n > 0).then(|| {
            String::from_utf8_lossy(&bytes)
                .trim_end_matches(['\n', '\r'])
                .to_owned()
        }))
    }
}

/// Lines of a file, shown behind the prompt, if there is one, as if they were typed; empty ones and comments (`#`) are left
/// out.
pub(super) struct Script(std::vec::IntoIter<String>);

impl Script {
    /// The commands in a text.
    pub(super) fn new(text: &str) -> Self {
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(lines.map(str::to_owned).collect::<Vec<_>>().into_iter())
    }
}

impl Lines for Script {
    fn next(&mut self, prompt: &str, prints: &mut dyn Prints) -> io::Result<Option<String>> {
        let line = self.0.next();
        if let Some(line) = &line
            && !prompt.is_empty()
        {
            prints.out(format!("{prompt}{line}\n").as_bytes())?;
        }
        Ok(line)
    }
}
