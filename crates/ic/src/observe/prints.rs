//! Printed lines: handed to somebody at once, or kept for the outcome of the message.

use std::sync::{Arc, Mutex, PoisonError};

use super::observer::{Begun, Flood, Observer};
use crate::answer::DebugPrint;

/// Called with every line that a canister prints, as soon as it is printed.
pub type PrintHook = Box<dyn FnMut(&DebugPrint) + Send>;

/// Hands every line to a hook, also what an execution prints in a flood while it runs.
pub struct Prints(Arc<Mutex<PrintHook>>);

impl Prints {
    /// To this hook.
    pub fn to(hook: PrintHook) -> Self {
        Prints(Arc::new(Mutex::new(hook)))
    }
}

impl Observer for Prints {
    fn printed(&mut self, line: &DebugPrint) {
        // Nobody else can be using it: no code runs meanwhile.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)(line);
    }

    fn flood(&self) -> Flood {
        Flood::Heard(self.0.clone())
    }
}

/// Keeps the lines of the message under way. A canister that never stops printing fills the memory then.
#[derive(Debug, Default)]
pub struct KeptPrints(Vec<DebugPrint>);

impl KeptPrints {
    /// The lines so far, which are not kept any longer.
    pub fn take(&mut self) -> Vec<DebugPrint> {
        std::mem::take(&mut self.0)
    }
}

impl Observer for KeptPrints {
    fn message_begins(&mut self, _: &dyn Fn() -> String, _: Begun) {
        self.0.clear();
    }

    fn printed(&mut self, line: &DebugPrint) {
        self.0.push(line.clone());
    }

    fn flood(&self) -> Flood {
        Flood::Waits
    }
}
