//! An instance of machine code.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::{
    Extern, Func, Global, Memory, Ref, Store, Table, TypedFunc, Val, WasmBacktrace, WasmParams,
};

use crate::entry::{Entry, Fault, NotEntered};
use crate::failure::{Failure, Resource, of_machine};
use crate::guest::{Cell, Stopped};
use crate::host::Host;
use crate::imports::Imports;
use crate::memory::{Heap, refresh_size, with_heap};
use crate::module::{GlobalValue, Module};
use crate::rewrite::{COUNTER_EXPORT, Defect, MEMORY_EXPORT, TABLE_EXPORT};

/// An instance of machine code.
pub(crate) struct Compiled<H: Host> {
    store: Store<Cell<H>>,
    instance: wasmtime::Instance,
    counter: Global,
    memory: Option<Memory>,
    /// The saved ones.
    globals: Vec<Global>,
    /// Exported functions that were called before.
    functions: BTreeMap<String, TypedFunc<(), ()>>,
}

impl<H: Host> Compiled<H> {
    /// Makes an instance on a heap.
    pub(crate) fn new(
        mut store: Store<Cell<H>>,
        code: &wasmtime::Module,
        imports: &Imports<H>,
        heap: Option<&Heap>,
    ) -> Result<Result<Self, H::Refusal>, Failure> {
        store.limiter(|cell| cell);
        let linker = imports.linker.as_ref();
        let linker = linker.expect("imports of machine code have a linker");
        let instance = match heap {
            Some(heap) => with_heap(heap, || linker.instantiate(&mut store, code)),
            None => linker.instantiate(&mut store, code),
        };
        let instance = match instance {
            Ok(instance) => instance,
            Err(error) => return refused(&store.data().module, &error).map(Err),
        };
        let counter = instance
            .get_global(&mut store, COUNTER_EXPORT)
            .expect("every rewritten module has a counter");
        let memory = instance.get_memory(&mut store, MEMORY_EXPORT);
        let module = Arc::clone(&store.data().module);
        let globals = module
            .saved_globals()
            .iter()
            .map(|saved| {
                instance
                    .get_global(&mut store, &saved.export)
                    .expect("saved globals are exported")
            })
            .collect();
        let cell = store.data_mut();
        cell.counter = Some(counter);
        cell.memory = memory;
        Ok(Ok(Compiled {
            store,
            instance,
            counter,
            memory,
            globals,
            functions: BTreeMap::new(),
        }))
    }

    /// What the instance holds for the host functions.
    pub(crate) fn cell(&mut self) -> &mut Cell<H> {
        self.store.data_mut()
    }

    /// The value of a saved global.
    pub(crate) fn global(&mut self, position: usize) -> GlobalValue {
        match self.globals[position].get(&mut self.store) {
            Val::I32(value) => GlobalValue::I32(value),
            Val::I64(value) => GlobalValue::I64(value),
            Val::F32(bits) => GlobalValue::F32(bits),
            Val::F64(bits) => GlobalValue::F64(bits),
            Val::V128(value) => GlobalValue::V128(value.as_u128()),
            _ => unreachable!("hosts admit globals of numbers only"),
        }
    }

    /// Writes a saved global.
    pub(crate) fn set_global(&mut self, position: usize, value: GlobalValue) {
        let value = match value {
            GlobalValue::I32(value) => Val::I32(value),
            GlobalValue::I64(value) => Val::I64(value),
            GlobalValue::F32(bits) => Val::F32(bits),
            GlobalValue::F64(bits) => Val::F64(bits),
            GlobalValue::V128(value) => Val::V128(value.into()),
        };
        self.globals[position]
            .set(&mut self.store, value)
            .expect("saved values have the types of their globals");
    }

    /// The instruction counter.
    pub(crate) fn counter(&mut self) -> i64 {
        match self.counter.get(&mut self.store) {
            Val::I64(counter) => counter,
            _ => unreachable!("the counter is an i64"),
        }
    }

    /// Sets the instruction counter.
    pub(crate) fn set_counter(&mut self, counter: i64) {
        self.counter
            .set(&mut self.store, Val::I64(counter))
            .expect("the counter is a mutable i64");
    }

    /// Learns the present size of the heap; false if the runtime cannot.
    pub(crate) fn refresh_size(&mut self) -> bool {
        let memory = self.memory;
        memory.is_none_or(|memory| refresh_size(&mut self.store, &memory).is_ok())
    }

    fn call<P: WasmParams>(
        &mut self,
        function: &TypedFunc<P, ()>,
        arguments: P,
    ) -> Result<(), Fault> {
        let Err(error) = function.call(&mut self.store, arguments) else {
            return Ok(());
        };
        if error.is::<Stopped>() {
            return Err(Fault::Ended);
        }
        match error.downcast_ref::<wasmtime::Trap>() {
            Some(trap) => {
                let trace = error.downcast_ref::<WasmBacktrace>();
                let frames = trace.map_or(&[][..], |trace| trace.frames());
                let functions = frames.iter().map(|frame| frame.func_index()).collect();
                Err(Fault::Trapped(*trap, functions))
            }
            None => Err(Fault::Engine(error)),
        }
    }

    /// Runs a function.
    pub(crate) fn enter(&mut self, entry: Entry<'_>) -> Result<(), Fault> {
        match entry {
            Entry::Export(name) => {
                if let Some(function) = self.functions.get(name) {
                    let function = function.clone();
                    return self.call(&function, ());
                }
                let export = self.instance.get_export(&mut self.store, name);
                let Some(Extern::Func(function)) = export else {
                    return Err(Fault::Before(NotEntered::NoFunction));
                };
                let function = function
                    .typed::<(), ()>(&self.store)
                    .map_err(|_| Fault::Before(NotEntered::Signature))?;
                self.functions.insert(name.to_owned(), function.clone());
                self.call(&function, ())
            }
            Entry::Table { function, argument } => self.call_element(function, argument),
        }
    }

    /// Calls a function of the table (system-api.md 3.4).
    fn call_element(&mut self, element: u32, argument: u64) -> Result<(), Fault> {
        let table: Table = match self.instance.get_export(&mut self.store, TABLE_EXPORT) {
            Some(Extern::Table(table)) => table,
            Some(_) => return Err(Fault::Before(NotEntered::NotATable)),
            None => return Err(Fault::Before(NotEntered::NoTable)),
        };
        let function: Func = match table.get(&mut self.store, u64::from(element)) {
            None => return Err(Fault::Before(NotEntered::NoElement(element))),
            Some(Ref::Func(Some(function))) => function,
            Some(Ref::Func(None)) => return Err(Fault::Before(NotEntered::NullElement)),
            Some(_) => return Err(Fault::Before(NotEntered::NotAFunctionReference)),
        };
        let mismatch = |_| Fault::Before(NotEntered::Signature);
        if self.store.data().module.shape().memory64() {
            let function = function.typed::<u64, ()>(&self.store).map_err(mismatch)?;
            return self.call(&function, argument);
        }
        let Ok(argument) = u32::try_from(argument) else {
            return Err(Fault::Before(NotEntered::ArgumentTooLarge(argument)));
        };
        let function = function.typed::<u32, ()>(&self.store).map_err(mismatch)?;
        self.call(&function, argument)
    }
}

/// What the host says of a module that cannot be instantiated, unless it is the machine that cannot.
fn refused<H: Host>(
    module: &Arc<Module<H>>,
    error: &wasmtime::Error,
) -> Result<H::Refusal, Failure> {
    let text = match error.downcast_ref::<wasmtime::Trap>() {
        Some(trap) => format!("wasm trap: {trap}"),
        None => match of_machine(error, Resource::Instance) {
            Some(failure) => return Err(failure),
            None => format!("{error:?}"),
        },
    };
    Ok(module.host.refuse(Defect::Instantiation(text)))
}
