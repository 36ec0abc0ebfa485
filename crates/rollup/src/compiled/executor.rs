//! Runs instrumented kernels on the engine, on a thread of its own: its stack is large, what the kernel asks for can be
//! borrowed from the caller, and a kernel that does not end can be left alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SendError, Sender};
use std::time::Duration;

use drun_engine::{
    Activation, End, Engine, Entry, GlobalValue, Instance, Module, Order, Program, Settings,
};

use super::host::{Activity, Answer, Demand, Rules, Stop};
use super::instrument;
use crate::encoding::hash::Hash;
use crate::host::World;
use crate::link::Link;
use crate::module::Kernel;
use crate::pvm::{ENTRY_POINT, Executor, Surroundings, Unfinished};
use crate::version::Version;

/// Native stack for compiled code: what the engine gives Wasm, and what host functions need below.
const STACK: usize = 16 << 20;

/// The instructions that the engine counts for a tick, at the most: an instruction of a kernel costs six ticks, and not
/// more than a dozen of ours stand around it.
const PER_TICK: u64 = 2;

/// Instructions that a run may use at first, and how many times more when they do not suffice.
const FIRST_BOUND: u64 = 1 << 35;
const HIGHER: u64 = 8;

/// How many texts a kernel may be ahead of whoever shows them: it waits for a reader that is slow.
const AHEAD: usize = 64;

/// How long a kernel runs before somebody is asked whether it should go on.
const PATIENCE: Duration = Duration::from_millis(50);

/// More modules than this are forgotten.
const MAX_MODULES: usize = 32;

/// A module, the values its globals begin with, and where its ticks are among them.
struct Loaded {
    module: Arc<Module<Rules>>,
    globals: Vec<GlobalValue>,
    ticks: usize,
}

/// Runs kernels as compiled code.
pub struct Compiled {
    engine: Arc<Engine<Rules>>,
    /// By hash and call depth; `None` for what the engine does not take.
    loaded: HashMap<(Hash, usize), Option<Arc<Loaded>>>,
    generation: u64,
    /// The way to the thread, while it listens.
    thread: Option<Sender<Job>>,
}

/// What is done on the other thread.
struct Job {
    engine: Arc<Engine<Rules>>,
    loaded: Arc<Loaded>,
    generation: u64,
    activity: Activity,
    limit: u64,
    /// Nobody waits for it any more.
    left_alone: Arc<AtomicBool>,
    done: Sender<(Result<u64, Unfinished>, World)>,
}

impl Default for Compiled {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl Compiled {
    /// With settings of the engine.
    pub fn new(settings: Settings) -> Self {
        Self {
            engine: Arc::new(Engine::new(settings)),
            loaded: HashMap::new(),
            generation: 0,
            thread: None,
        }
    }

    /// Hands a job to the thread; a new one when there is none or it has died.
    fn begin(&mut self, mut job: Job) -> Result<(), Unfinished> {
        if let Some(thread) = &self.thread {
            match thread.send(job) {
                Ok(()) => return Ok(()),
                Err(SendError(back)) => job = back,
            }
        }
        let (sender, jobs) = mpsc::channel::<Job>();
        let work = move || {
            for job in jobs {
                let done = job.done.clone();
                // Who left this run alone does not listen any more.
                let _ = done.send(execute(job));
            }
        };
        std::thread::Builder::new()
            .name("kernel".into())
            .stack_size(STACK)
            .spawn(work)
            .map_err(|_| Unfinished::Undecided("no thread".into()))?;
        // It has just begun to listen.
        let _ = sender.send(job);
        self.thread = Some(sender);
        Ok(())
    }

    fn load(&mut self, kernel: &Kernel, depth: usize) -> Option<Arc<Loaded>> {
        let key = (kernel.hash, depth);
        if let Some(loaded) = self.loaded.get(&key) {
            return loaded.clone();
        }
        if self.loaded.len() >= MAX_MODULES {
            self.loaded.clear();
        }
        let loaded = self.compile(kernel, depth).map(Arc::new);
        self.loaded.insert(key, loaded.clone());
        loaded
    }

    fn compile(&self, kernel: &Kernel, depth: usize) -> Option<Loaded> {
        let wasm: Arc<[u8]> = instrument::instrument(kernel, depth)?.into();
        let module = self.engine.load(&Rules, &wasm).ok()?.ok()?;
        let heap = self.engine.fresh_heap(&module).ok()?;
        let globals = self
            .engine
            .initial_globals(&module, heap.as_ref())
            .ok()?
            .ok()?;
        let ticks = module
            .saved_globals()
            .iter()
            .position(|saved| saved.export == instrument::TICKS)?;
        Some(Loaded {
            module,
            globals,
            ticks,
        })
    }
}

impl Executor for Compiled {
    fn run(
        &mut self,
        kernel: &Arc<Kernel>,
        links: &Arc<[Link]>,
        _: u32,
        version: Version,
        world: &mut World,
        surroundings: &mut dyn Surroundings,
    ) -> Result<u64, Unfinished> {
        let undecided = |text: &str| Unfinished::Undecided(text.to_owned());
        if links.iter().any(|link| link.phantom) {
            return Err(undecided("write_debug with a result"));
        }
        let loaded = self
            .load(kernel, version.call_depth())
            .ok_or_else(|| undecided("not compiled"))?;
        self.generation += 1;
        let (demand, demands) = mpsc::sync_channel(AHEAD);
        let (answer, answers) = mpsc::channel();
        let (done, result) = mpsc::channel();
        let left_alone = Arc::new(AtomicBool::new(false));
        self.begin(Job {
            engine: Arc::clone(&self.engine),
            loaded,
            generation: self.generation,
            activity: Activity::new(std::mem::take(world), demand, answers),
            limit: version
                .tick_limit()
                .saturating_mul(PER_TICK)
                .min(i64::MAX as u64 / 4),
            left_alone: Arc::clone(&left_alone),
            done,
        })?;
        // Ends when the activity, which holds the other end, is gone.
        loop {
            match demands.recv_timeout(PATIENCE) {
                Ok(Demand::Print(text)) => surroundings.debug(&text),
                Ok(Demand::Reveal(request)) => {
                    let data: Answer = surroundings.reveal(&request);
                    // A thread that no longer listens has ended otherwise.
                    let _ = answer.send(data);
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            // Asked of a kernel that always wants something, too.
            if surroundings.interrupted() {
                // The thread goes on until its bound; whatever it does concerns nobody any more.
                left_alone.store(true, Ordering::Relaxed);
                self.thread = None;
                return Err(Unfinished::Interrupted);
            }
        }
        let (result, after) = result
            .recv()
            .map_err(|_| undecided("the engine panicked"))?;
        *world = after;
        result
    }
}

/// Runs on the engine's thread; the world comes back as the kernel left it.
///
/// Nobody can stop compiled code from outside. So it gets a bound that it reaches in about a minute, and when it does, a
/// higher one, from the beginning again: a run that was left alone ends in a time that its owner has waited already.
fn execute(job: Job) -> (Result<u64, Unfinished>, World) {
    let Job {
        engine,
        loaded,
        generation,
        mut activity,
        limit,
        left_alone,
        ..
    } = job;
    let begin = activity.mark();
    let mut bound = FIRST_BOUND.min(limit);
    loop {
        let (result, after) = attempt(&engine, &loaded, generation, activity, bound);
        match result {
            Err(Unfinished::TooManyTicks)
                if bound < limit && !left_alone.load(Ordering::Relaxed) =>
            {
                activity = after;
                activity.rewind(&begin);
                bound = bound.saturating_mul(HIGHER).min(limit);
            }
            result => return (result, after.world),
        }
    }
}

fn attempt(
    engine: &Engine<Rules>,
    loaded: &Loaded,
    generation: u64,
    activity: Activity,
    limit: u64,
) -> (Result<u64, Unfinished>, Activity) {
    let undecided = |text: String| Err(Unfinished::Undecided(text));
    let mut heap = match engine.fresh_heap(&loaded.module) {
        Ok(heap) => heap,
        Err(failure) => return (undecided(failure.to_string()), activity),
    };
    let mut globals = loaded.globals.clone();
    let mut program = Program {
        module: &loaded.module,
        heap: heap.as_mut(),
        globals: &mut globals,
        generation,
    };
    let mut instance = Instance::default();
    let order = Order {
        entry: Entry::Export(ENTRY_POINT),
        limit,
        slice: limit,
    };
    let run = engine.run(&mut instance, &mut program, Box::new(activity), order);
    let activity = *run.activation;
    let result = match run.end {
        Ok(End::Returned) => {
            instance.commit(&mut program);
            match globals[loaded.ticks] {
                GlobalValue::I64(own) => Ok(1 + own as u64 + activity.ticks),
                _ => undecided("the counter is an i64".into()),
            }
        }
        Ok(End::Stopped(Stop::NotRevealed(text))) => Err(Unfinished::NotRevealed(text)),
        Ok(End::Stopped(Stop::Exhausted)) => Err(Unfinished::TooManyTicks),
        Ok(End::Trapped { kind, .. }) => undecided(format!("{kind:?}")),
        Ok(End::NotEntered(why)) => undecided(format!("{why:?}")),
        Ok(End::Refused(text)) => undecided(text),
        Err(failure) => undecided(failure.to_string()),
    };
    (result, activity)
}
