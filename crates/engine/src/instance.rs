//! Instances that stay alive between executions. An instance is never the truth: it can be dropped at any time and made
//! again from heap and globals, which belong to the host.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::{Global, Memory, Store, TypedFunc, Val};

use crate::engine::Engine;
use crate::failure::{Failure, Resource, of_machine};
use crate::guest::{Cell, Linking};
use crate::host::Host;
use crate::memory::{Heap, ParkedHeap, refresh_size, with_heap};
use crate::module::{GlobalValue, Module};
use crate::rewrite::{COUNTER_EXPORT, Defect, MEMORY_EXPORT};
use crate::tier::Tier;

/// A module with the state that it computes with, as its owner keeps it.
pub struct Program<'a, H: Host> {
    /// The module.
    pub module: &'a Arc<Module<H>>,
    /// The heap; absent if the module declares no memory.
    pub heap: Option<&'a mut Heap>,
    /// Values of the saved globals after the last committed execution, in the order of the module's list.
    pub globals: &'a mut Vec<GlobalValue>,
    /// Changes whenever module or heap are exchanged, so that a live instance of the former is not taken for one of this.
    pub generation: u64,
}

/// State that was set aside.
#[derive(Clone, Debug)]
pub struct Parked {
    heap: Option<ParkedHeap>,
    globals: Vec<GlobalValue>,
}

/// The living side of a program: at most one instance, made when it is needed. It may move between threads.
pub struct Instance<H: Host> {
    pub(crate) live: Option<Live<H>>,
    /// The code generator to run on, once one was found that has to be.
    pub(crate) preferred: Option<Tier>,
}

impl<H: Host> Default for Instance<H> {
    fn default() -> Self {
        Instance {
            live: None,
            preferred: None,
        }
    }
}

/// An instance.
pub(crate) struct Live<H: Host> {
    generation: u64,
    pub tier: Tier,
    pub store: Store<Cell<H>>,
    pub instance: wasmtime::Instance,
    pub counter: Global,
    memory: Option<Memory>,
    globals: Vec<Global>,
    /// Positions of those globals that can change.
    mutable: Vec<usize>,
    /// Exported functions that were called before.
    pub functions: BTreeMap<String, TypedFunc<(), ()>>,
}

impl<H: Host> Live<H> {
    fn read_globals(&mut self) -> Vec<GlobalValue> {
        let store = &mut self.store;
        self.globals
            .iter()
            .map(|global| value_of(global, store))
            .collect()
    }

    /// Brings values that were read or written before up to date.
    fn update_globals(&mut self, values: &mut [GlobalValue]) {
        for position in &self.mutable {
            values[*position] = value_of(&self.globals[*position], &mut self.store);
        }
    }

    fn write_globals(&mut self, values: &[GlobalValue]) {
        for position in &self.mutable {
            let value = match values[*position] {
                GlobalValue::I32(value) => Val::I32(value),
                GlobalValue::I64(value) => Val::I64(value),
                GlobalValue::F32(bits) => Val::F32(bits),
                GlobalValue::F64(bits) => Val::F64(bits),
                GlobalValue::V128(value) => Val::V128(value.into()),
            };
            self.globals[*position]
                .set(&mut self.store, value)
                .expect("saved values have the types of their globals");
        }
    }

    /// The instruction counter.
    pub(crate) fn read_counter(&mut self) -> i64 {
        match self.counter.get(&mut self.store) {
            Val::I64(counter) => counter,
            _ => unreachable!("the counter is an i64"),
        }
    }
}

fn value_of<H: Host>(global: &Global, store: &mut Store<Cell<H>>) -> GlobalValue {
    match global.get(store) {
        Val::I32(value) => GlobalValue::I32(value),
        Val::I64(value) => GlobalValue::I64(value),
        Val::F32(bits) => GlobalValue::F32(bits),
        Val::F64(bits) => GlobalValue::F64(bits),
        Val::V128(value) => GlobalValue::V128(value.as_u128()),
        _ => unreachable!("hosts admit globals of numbers only"),
    }
}

impl<H: Linking> Engine<H> {
    /// Values that the globals of a module begin with. The module is instantiated for that, on the given heap.
    ///
    /// # Errors
    /// The inner one is the verdict of the host on a module that cannot be instantiated, the outer one a failure of the
    /// machine.
    pub fn initial_globals(
        &self,
        module: &Arc<Module<H>>,
        heap: Option<&Heap>,
    ) -> Result<Result<Vec<GlobalValue>, H::Refusal>, Failure> {
        let tier = self.compiler.first_tier(module);
        let live = self.instantiate(module, heap, tier, 0)?;
        Ok(live.map(|mut live| live.read_globals()))
    }

    /// Makes an instance on a heap.
    fn instantiate(
        &self,
        module: &Arc<Module<H>>,
        heap: Option<&Heap>,
        tier: Tier,
        generation: u64,
    ) -> Result<Result<Live<H>, H::Refusal>, Failure> {
        let (code, tier) = match self.compiler.compile(module, tier)? {
            Ok(compiled) => compiled,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let linker = &self.imports(tier, module.shape().memory64())?.linker;
        let may_change = tier == Tier::Fast && self.compiler.may_optimize();
        let takeover = may_change.then(|| self.promotions.takeover(&self.compiler, module));
        let cell = Cell {
            module: Arc::clone(module),
            tier,
            counter: None,
            memory: None,
            takeover,
            run: None,
            stop: None,
            failure: None,
            interruption: None,
        };
        let mut store = Store::new(self.compiler.engine(tier)?, cell);
        store.limiter(|cell| cell);
        let instance = match heap {
            Some(heap) => with_heap(heap, || linker.instantiate(&mut store, code)),
            None => linker.instantiate(&mut store, code),
        };
        let instance = match instance {
            Ok(instance) => instance,
            Err(error) => return refused(module, &error).map(Err),
        };
        let counter = instance
            .get_global(&mut store, COUNTER_EXPORT)
            .expect("every rewritten module has a counter");
        let memory = instance.get_memory(&mut store, MEMORY_EXPORT);
        let globals = module
            .saved_globals()
            .iter()
            .map(|saved| {
                instance
                    .get_global(&mut store, &saved.export)
                    .expect("saved globals are exported")
            })
            .collect();
        let saved = module.saved_globals().iter().enumerate();
        let mutable = saved
            .filter_map(|(position, saved)| saved.mutable.then_some(position))
            .collect();
        let cell = store.data_mut();
        cell.counter = Some(counter);
        cell.memory = memory;
        Ok(Ok(Live {
            generation,
            tier,
            store,
            instance,
            counter,
            memory,
            globals,
            mutable,
            functions: BTreeMap::new(),
        }))
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

impl<H: Linking> Instance<H> {
    /// The instance of a program, made anew if there is none of this code.
    pub(crate) fn get(
        &mut self,
        engine: &Engine<H>,
        program: &Program<'_, H>,
    ) -> Result<Result<&mut Live<H>, H::Refusal>, Failure> {
        let first = || engine.compiler.first_tier(program.module);
        let tier = self.preferred.unwrap_or_else(first);
        let alive = self.live.as_ref().is_some_and(|live| {
            // The optimizing code generator also stands in where the fast one does not support a module.
            live.generation == program.generation
                && (live.tier == tier || tier == Tier::Fast && live.tier == Tier::Optimizing)
        });
        if !alive {
            self.live = None;
            let heap = program.heap.as_deref();
            let made = engine.instantiate(program.module, heap, tier, program.generation)?;
            let mut live = match made {
                Ok(live) => live,
                Err(refusal) => return Ok(Err(refusal)),
            };
            live.write_globals(program.globals);
            self.live = Some(live);
        }
        Ok(Ok(self.live.as_mut().expect("made above")))
    }

    /// Drops what is alive; the next execution makes it anew.
    pub fn forget(&mut self) {
        self.live = None;
    }

    /// Keeps what an execution did to heap and globals.
    pub fn commit(&mut self, program: &mut Program<'_, H>) {
        if let Some(live) = &mut self.live {
            live.update_globals(program.globals);
        }
        if let Some(heap) = &mut program.heap {
            heap.commit();
        }
        if program.module.shape().drops_segments {
            self.live = None;
        }
    }

    /// Undoes what an execution did to heap and globals.
    pub fn roll_back(&mut self, program: &mut Program<'_, H>) {
        let resized = match &mut program.heap {
            Some(heap) => heap.rollback().size_changed,
            None => false,
        };
        self.reset(program, resized);
    }

    /// Sets aside what an execution did to heap and globals, and undoes it.
    pub fn park(&mut self, program: &mut Program<'_, H>) -> Parked {
        let globals = match &mut self.live {
            Some(live) => live.read_globals(),
            None => program.globals.clone(),
        };
        let heap = program.heap.as_mut().map(|heap| heap.park());
        self.reset(program, true);
        Parked { heap, globals }
    }

    /// Makes visible what was set aside: as changes of the level that is open, or else for good.
    ///
    /// # Errors
    /// If the machine refuses the memory.
    pub fn unpark(&mut self, program: &mut Program<'_, H>, parked: Parked) -> Result<(), Failure> {
        if let (Some(heap), Some(parked)) = (&mut program.heap, parked.heap) {
            heap.unpark(&parked)?;
        }
        *program.globals = parked.globals;
        self.reset(program, true);
        Ok(())
    }

    /// Begins a level in which what was set aside is visible; returns the committed globals.
    ///
    /// # Errors
    /// If the machine refuses the memory.
    pub fn enter(
        &mut self,
        program: &mut Program<'_, H>,
        parked: Parked,
    ) -> Result<Vec<GlobalValue>, Failure> {
        if let Some(heap) = &mut program.heap {
            heap.begin()?;
        }
        let committed = program.globals.clone();
        self.unpark(program, parked)?;
        Ok(committed)
    }

    /// Ends the level that [`Self::enter`] began and sets its state aside.
    pub fn leave(&mut self, program: &mut Program<'_, H>, committed: Vec<GlobalValue>) -> Parked {
        let heap = program.heap.as_mut().map(|heap| heap.park());
        let globals = std::mem::replace(program.globals, committed);
        self.reset(program, true);
        Parked { heap, globals }
    }

    /// Makes the instance agree with heap and globals.
    pub(crate) fn reset(&mut self, program: &Program<'_, H>, resized: bool) {
        let Some(live) = &mut self.live else {
            return;
        };
        let usable =
            live.generation == program.generation && !program.module.shape().drops_segments;
        if usable {
            live.write_globals(program.globals);
            if !resized {
                return;
            }
            match live.memory {
                Some(memory) if refresh_size(&mut live.store, &memory).is_ok() => return,
                None => return,
                Some(_) => {}
            }
        }
        self.live = None;
    }
}
