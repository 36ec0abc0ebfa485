//! Instances that stay alive between executions. An instance is never the truth: it can be dropped at any time and made
//! again from heap and globals, which belong to the host.

use std::sync::Arc;

use wasmtime::Store;

use crate::code::makes_way;
use crate::compiled::Compiled;
use crate::engine::Engine;
use crate::entry::{Entry, Fault};
use crate::failure::{Failure, Resource};
use crate::guest::Cell;
use crate::host::Host;
use crate::imports::Linking;
use crate::interpreted::Interpreted;
use crate::memory::{Heap, HeapView, ParkedHeap};
use crate::module::{GlobalValue, Module};
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
    /// Executions in a row that would have been over before machine code was entered.
    pub(crate) short_ones: u32,
}

impl<H: Host> Default for Instance<H> {
    fn default() -> Self {
        Instance {
            live: None,
            preferred: None,
            short_ones: 0,
        }
    }
}

/// An instance.
pub(crate) struct Live<H: Host> {
    generation: u64,
    pub tier: Tier,
    body: Body<H>,
    /// Positions of those saved globals that can change.
    mutable: Vec<usize>,
}

/// What carries out the code of an instance.
enum Body<H: Host> {
    Compiled(Compiled<H>),
    Interpreted(Box<Interpreted<H>>),
}

impl<H: Host> Live<H> {
    fn read_global(&mut self, position: usize) -> GlobalValue {
        match &mut self.body {
            Body::Compiled(compiled) => compiled.global(position),
            Body::Interpreted(interpreted) => interpreted.global(position),
        }
    }

    fn read_globals(&mut self) -> Vec<GlobalValue> {
        let globals = self.cell().module.saved_globals().len();
        (0..globals)
            .map(|position| self.read_global(position))
            .collect()
    }

    /// Brings values that were read or written before up to date.
    fn update_globals(&mut self, values: &mut [GlobalValue]) {
        for index in 0..self.mutable.len() {
            let position = self.mutable[index];
            values[position] = self.read_global(position);
        }
    }

    fn write_globals(&mut self, values: &[GlobalValue]) {
        for position in &self.mutable {
            let value = values[*position];
            match &mut self.body {
                Body::Compiled(compiled) => compiled.set_global(*position, value),
                Body::Interpreted(interpreted) => interpreted.set_global(*position, value),
            }
        }
    }

    /// What the instance holds for the host functions.
    pub(crate) fn cell(&mut self) -> &mut Cell<H> {
        match &mut self.body {
            Body::Compiled(compiled) => compiled.cell(),
            Body::Interpreted(interpreted) => &mut interpreted.cell,
        }
    }

    /// The instruction counter.
    pub(crate) fn counter(&mut self) -> i64 {
        match &mut self.body {
            Body::Compiled(compiled) => compiled.counter(),
            Body::Interpreted(interpreted) => interpreted.counter,
        }
    }

    /// Sets the instruction counter.
    pub(crate) fn set_counter(&mut self, counter: i64) {
        match &mut self.body {
            Body::Compiled(compiled) => compiled.set_counter(counter),
            Body::Interpreted(interpreted) => interpreted.counter = counter,
        }
    }

    /// Runs a function.
    pub(crate) fn enter(&mut self, entry: Entry<'_>) -> Result<(), Fault> {
        match &mut self.body {
            Body::Compiled(compiled) => compiled.enter(entry),
            Body::Interpreted(interpreted) => interpreted.enter(entry),
        }
    }

    /// Learns the present size of the heap; false if that cannot be.
    fn refresh_size(&mut self) -> bool {
        match &mut self.body {
            Body::Compiled(compiled) => compiled.refresh_size(),
            Body::Interpreted(_) => true,
        }
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
        let tier = self.first_tier(module, heap);
        let live = self.instantiate(module, heap, tier, 0)?;
        Ok(live.map(|mut live| live.read_globals()))
    }

    /// What a module is run with at present on a heap.
    fn first_tier(&self, module: &Module<H>, heap: Option<&Heap>) -> Tier {
        match heap.is_some_and(Heap::is_short) && self.compiler.interprets(module) {
            true => Tier::Interpreter,
            false => self.compiler.first_tier(module),
        }
    }

    /// Makes an instance on a heap.
    fn instantiate(
        &self,
        module: &Arc<Module<H>>,
        heap: Option<&Heap>,
        tier: Tier,
        generation: u64,
    ) -> Result<Result<Live<H>, H::Refusal>, Failure> {
        let wasm64 = module.shape().memory64();
        let saved = module.saved_globals().iter().enumerate();
        let mutable = saved
            .filter_map(|(position, saved)| saved.mutable.then_some(position))
            .collect();
        let short = heap.is_some_and(Heap::is_short);
        let takeover = |tier| {
            let may_change = tier == Tier::Fast || tier == Tier::Interpreter;
            let may_change = may_change && !short && self.compiler.may_optimize();
            may_change.then(|| self.promotions.takeover(&self.compiler, module, tier))
        };
        let pages = module.shape().initial_pages();
        let view = heap.filter(|_| module.shape().memory.is_some());
        let view = view.map(|heap| HeapView::new(heap, pages)).transpose();
        let view = view.map_err(|error| Failure::new(Resource::Instance, error))?;
        let backtraces = self.settings().backtraces;
        let cell = |tier| Cell::new(module, tier, view.clone(), backtraces, takeover(tier));
        if tier == Tier::Interpreter {
            let imports = self.imports(tier, wasm64)?;
            if let Some(interpreted) = Interpreted::new(cell(tier), imports) {
                return Ok(Ok(Live {
                    generation,
                    tier,
                    body: Body::Interpreted(Box::new(interpreted)),
                    mutable,
                }));
            }
            module.cannot_be_interpreted();
        }
        let tier = match tier {
            Tier::Interpreter => self.compiler.first_tier(module),
            tier => tier,
        };
        if short {
            let why =
                "machine code needs a heap with more address space than this process may take";
            return Err(Failure::new(Resource::Heap, why));
        }
        let (code, tier) = match self.compiler.compile(module, tier)? {
            Ok(compiled) => compiled,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let imports = self.imports(tier, wasm64)?;
        let store = Store::new(self.compiler.engine(tier)?, cell(tier));
        let compiled = Compiled::new(store, code, imports, heap)?;
        Ok(compiled.map(|compiled| Live {
            generation,
            tier,
            body: Body::Compiled(compiled),
            mutable,
        }))
    }
}

impl<H: Linking> Instance<H> {
    /// The instance of a program, made anew if there is none of this code.
    pub(crate) fn get(
        &mut self,
        engine: &Engine<H>,
        program: &Program<'_, H>,
    ) -> Result<Result<&mut Live<H>, H::Refusal>, Failure> {
        let first = || engine.first_tier(program.module, program.heap.as_deref());
        let tier = match makes_way(&engine.compiler, program.module, self.short_ones) {
            true => Tier::Interpreter,
            false => self.preferred.unwrap_or_else(first),
        };
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
            if live.refresh_size() {
                return;
            }
        }
        self.live = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Settings;
    use crate::run::{End, Order};
    use crate::testing::{Nothing, Plain};

    /// Where entering machine code costs more than a short execution, machine code that is there already makes way for the
    /// interpreter after a while, and comes back for a long execution.
    #[test]
    fn short_executions_in_a_row_go_back_to_the_interpreter() {
        if crate::memory::is_portable() {
            return;
        }
        let engine = Engine::<Plain>::new(Settings::default());
        let text = r#"(module (memory 1)
            (func (export "short") (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1))))
            (func (export "long") (local $left i32)
                (local.set $left (i32.const 500000))
                (loop $again
                    (i32.store (i32.const 4) (local.get $left))
                    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))"#;
        let module: Arc<[u8]> = wat::parse_str(text).unwrap().into();
        let module = engine.load(&Plain::default(), &module).unwrap().unwrap();
        let mut heap = engine.fresh_heap(&module).unwrap();
        let globals = engine.initial_globals(&module, heap.as_ref());
        let mut globals = globals.unwrap().unwrap();
        let mut instance = Instance::default();
        let mut run = |entry, price| {
            let (limit, slice) = (1 << 40, 1 << 40);
            let mut program = Program {
                module: &module,
                heap: heap.as_mut(),
                globals: &mut globals,
                generation: 1,
            };
            let order = Order {
                entry: Entry::Export(entry),
                limit,
                slice,
            };
            let run = engine.run(&mut instance, &mut program, Box::new(Nothing(price)), order);
            assert!(matches!(run.end, Ok(End::Returned)));
            instance.commit(&mut program);
            let tier = instance.live.as_ref().unwrap().tier;
            (tier == Tier::Interpreter, run.meter.used())
        };
        run("long", Some(1));
        engine.promotions.finish();
        let (interpreted, counted) = run("long", Some(1));
        assert!(!interpreted, "it was compiled");
        let short: Vec<_> = (0..40).map(|_| run("short", Some(1))).collect();
        assert!(!short[0].0 && short[39].0);
        assert!(short.iter().all(|(_, used)| *used == short[0].1));
        assert_eq!(run("long", Some(1)), (false, counted));
        assert!(!run("short", Some(1)).0);
        // Machine code that nobody watches is entered in no time.
        assert!((0..40).all(|_| !run("short", None).0));
    }
}
