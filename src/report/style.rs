//! Colours: for terminals, unless option or environment say otherwise.

use std::io::IsTerminal;

use crate::report::visible;

/// Red.
pub const RED: &str = "31";
/// Green.
pub const GREEN: &str = "32";
/// Yellow.
pub const YELLOW: &str = "33";
/// Cyan.
pub const CYAN: &str = "36";

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl std::str::FromStr for When {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "auto" => Ok(When::Auto),
            "always" => Ok(When::Always),
            "never" => Ok(When::Never),
            _ => Err(format!("`{name}` is none of `auto`, `always` and `never`")),
        }
    }
}

impl When {
    /// Whether standard output gets colours: the option, then `NO_COLOR`, then `CLICOLOR_FORCE` and `FORCE_COLOR`, then
    /// what standard output is.
    pub fn colours(self) -> bool {
        self.on(std::io::stdout().is_terminal())
    }

    /// Mistakes, for standard error, in the colours that it gets.
    pub fn diagnostics(self, text: &str) -> String {
        let colours = self.on(std::io::stderr().is_terminal());
        if !colours {
            return text.to_owned();
        }
        let line = |line: &str| {
            let behind = line
                .split_once(" | ")
                .map_or("", |(_, behind)| behind)
                .trim();
            let colour = if line.starts_with("error:")
                || !behind.is_empty() && behind.bytes().all(|c| c == b'^')
            {
                RED
            } else if line.trim_start().starts_with("= ") {
                CYAN
            } else {
                ""
            };
            paint(true, colour, line)
        };
        text.split('\n').map(line).collect::<Vec<_>>().join("\n")
    }

    fn on(self, terminal: bool) -> bool {
        let is_set =
            |name| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
        match self {
            When::Always => true,
            When::Never => false,
            When::Auto if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) => {
                false
            }
            When::Auto => {
                is_set("CLICOLOR_FORCE") || is_set("FORCE_COLOR") || terminal && !is_dumb()
            }
        }
    }
}

/// Whether the terminal cannot even overwrite a line. A console of Windows that does not say which it is shows escapes as they are.
pub fn is_dumb() -> bool {
    let says = |name: &str| std::env::var_os(name).is_some();
    let old = cfg!(windows) && !["WT_SESSION", "TERM_PROGRAM", "TERM"].into_iter().any(says);
    old || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// A text in a colour.
pub fn paint(colours: bool, colour: &str, text: &str) -> String {
    if colours && !colour.is_empty() {
        format!("\x1b[{colour}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// A unified difference in its colours. What stands in it was said by canisters: it moves no cursor and forges no line.
pub fn diff(colours: bool, diff: &str) -> String {
    let line = |line: &str| {
        let colour = match line.as_bytes().first() {
            Some(b'-') => RED,
            Some(b'+') => GREEN,
            Some(b'@') => CYAN,
            _ => "",
        };
        paint(colours, colour, &visible::on_one_line(line)) + "\n"
    };
    diff.lines().map(line).collect()
}
