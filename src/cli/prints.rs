//! What canisters print, on standard error as it comes.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};

use candid::Principal;
use drun_ic::observe::PrintHook;

use crate::report::{Format, debug_line_in, timeless_debug_line, visible};

/// How lines are shown, and what the script calls the canisters that they are of.
#[derive(Clone, Debug)]
pub(super) struct Prints {
    format: Format,
    names: Arc<Mutex<HashMap<Principal, String>>>,
}

impl Prints {
    pub(super) fn new(format: Format) -> Self {
        Prints {
            format,
            names: Arc::default(),
        }
    }

    /// A canister has this name from now on.
    pub(super) fn name(&self, id: Principal, name: &str) {
        if let Ok(mut names) = self.names.lock() {
            names.insert(id, name.to_owned());
        }
    }

    /// What a node is given.
    pub(super) fn hook(self) -> PrintHook {
        let terminal = std::io::stderr().is_terminal();
        Box::new(move |print| {
            let line = match self.format {
                Format::Lines => {
                    let names = self.names.lock();
                    let name = names
                        .ok()
                        .and_then(|names| names.get(&print.canister).cloned());
                    let name = name.unwrap_or_else(|| print.canister.to_text());
                    timeless_debug_line(&name, &print.text)
                }
                format => debug_line_in(format, print.time, print.canister, &print.text),
            };
            let line = if terminal {
                visible::in_lines(&line)
            } else {
                line.into()
            };
            // A closed standard error is no reason to stop.
            let _ = writeln!(std::io::stderr(), "{line}");
        })
    }
}
