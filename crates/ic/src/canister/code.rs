//! The code of a canister and the state that it computes with. Owns plain data; live instances are the business of execution.

use std::ops::Deref;
use std::sync::Arc;

use drun_engine::memory::Heap;
use drun_engine::{GlobalValue, Module, Program};

use crate::errors::ExecutionError;
use crate::ic0::Ic;
use crate::module::{ModuleNames, ValidationLimits};

/// A module that may be installed, with the names of its functions.
#[derive(Debug)]
pub struct CanisterModule {
    /// As the engine knows it.
    pub module: Arc<Module<Ic>>,
    /// The names.
    pub names: Arc<ModuleNames>,
}

impl CanisterModule {
    /// A module that the engine has loaded.
    pub fn of(module: Arc<Module<Ic>>) -> Self {
        let names = ModuleNames::new(Arc::clone(&module.blob), module.hash);
        CanisterModule {
            module,
            names: Arc::new(names),
        }
    }

    /// Decodes, validates and rewrites a module; no code is made of it.
    ///
    /// # Errors
    /// With the verdict and the text of the Internet Computer.
    pub fn new(blob: Arc<[u8]>, limits: &ValidationLimits) -> Result<Self, ExecutionError> {
        let host = Ic { limits: *limits };
        Ok(CanisterModule::of(Arc::new(Module::admit(&host, blob)?)))
    }
}

impl Deref for CanisterModule {
    type Target = Module<Ic>;
    fn deref(&self) -> &Module<Ic> {
        &self.module
    }
}

/// An installed module with its heap and globals.
#[derive(Debug)]
pub struct Code {
    /// The module.
    pub module: Arc<CanisterModule>,
    /// The heap; absent if the module declares no memory.
    pub heap: Option<Heap>,
    /// Values of the saved globals after the last committed execution, in the order of the module's list.
    pub globals: Vec<GlobalValue>,
    /// Changes with every installation, so that a live instance of former code is never taken for one of this.
    pub generation: u64,
    /// When it was installed or loaded, nanoseconds (since-october-2025.md 3.4).
    pub installed_at: u64,
}

impl Code {
    /// Bytes of heap.
    pub fn heap_bytes(&self) -> u64 {
        self.heap.as_ref().map_or(0, |heap| heap.size_bytes())
    }

    /// As the engine runs it.
    pub fn program(&mut self) -> Program<'_, Ic> {
        Program {
            module: &self.module.module,
            heap: self.heap.as_mut(),
            globals: &mut self.globals,
            generation: self.generation,
        }
    }
}
