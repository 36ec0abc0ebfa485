//! The code of a canister and the state that it computes with. Owns plain data; live instances are the business of execution.

use std::sync::Arc;

use crate::wasm::memory::Heap;
use crate::wasm::{CanisterModule, GlobalValue};

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
}

impl Code {
    /// Bytes of heap.
    pub fn heap_bytes(&self) -> u64 {
        self.heap.as_ref().map_or(0, |heap| heap.size_bytes())
    }
}
