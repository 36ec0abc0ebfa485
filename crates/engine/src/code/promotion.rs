//! Modules that the interpreter has worked on for a while are compiled by the fast code generator, and those whose fast
//! code has worked long by the optimizing one too, beside the run. Instances change over between two executions, or begin a
//! long one again; nobody can tell from the results.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::compiler::Compiler;
use super::room;
use crate::host::Host;
use crate::meter::Meter;
use crate::module::Module;
use crate::tier::{Choice, Tier};

/// Decides, with the instructions executed so far, whether other code is to run an execution from its beginning.
pub(crate) type Takeover = Box<dyn FnMut(&Meter, u64) -> bool + Send>;

/// Instructions of fast code for each byte of a module's file after which it pays to compile again: optimizing code would have
/// saved a good part of the time that its making takes.
const LONG: u64 = 4000;
/// Instructions of fast code before which nothing is compiled again, however small.
const LEAST: u64 = 2_000_000;
/// Instructions after which the next run of the program is worth a moment at the end of this one.
const WORTH_WAITING: u64 = 2_000_000_000;
/// Bytes of a module's file up to which the optimizing code generator takes no longer than it takes to begin at all.
const SMALL: usize = 2048;
/// Instructions of the interpreter for each byte of a module's file after which it pays to compile: they take about as long
/// as that.
const WARM: u64 = 100;
/// Instructions of the interpreter after which it is asked whether it should make way.
const INTERPRETED_PORTION: u64 = 1_000_000;
/// The same where there is machine code already, and what it makes way at.
const SHORT_PORTION: u64 = 20_000;
/// The most instructions of fast code after which it is asked.
const LONGEST_PORTION: u64 = 50_000_000;
/// Executions in a row that the interpreter would have carried out while machine code was entered: then it gets the next one.
const SHORT_ONES: u32 = 16;

/// Instructions of the interpreter after which it pays to compile a module.
fn warm<H: Host>(module: &Module<H>) -> u64 {
    (WARM * module.blob.len() as u64).max(INTERPRETED_PORTION)
}

/// Instructions of fast code after which it pays to compile a module again.
fn long<H: Host>(module: &Module<H>) -> u64 {
    (LONG * module.blob.len() as u64).max(LEAST)
}

/// What the interpreter makes way for.
fn first<H: Host>(module: &Module<H>) -> Tier {
    match module.blob.len() {
        ..=SMALL => Tier::Optimizing,
        _ => Tier::Fast,
    }
}

/// Instructions after which code of this tier is asked whether it should make way.
pub(crate) fn portion<H: Host>(choice: Choice, tier: Tier, module: &Module<H>) -> u64 {
    match (choice, tier) {
        // Another place for each module.
        (Choice::Hasty, _) => {
            1 + u64::from(u16::from_le_bytes([module.hash[0], module.hash[1]])) % 2000
        }
        (_, Tier::Interpreter) if module.has_code() => SHORT_PORTION,
        (_, Tier::Interpreter) => INTERPRETED_PORTION,
        _ => (long(module) / 4).min(LONGEST_PORTION),
    }
}

/// Whether machine code is to make way for the interpreter, after so many short executions in a row.
pub(crate) fn makes_way<H: Host>(compiler: &Compiler, module: &Module<H>, short_ones: u32) -> bool {
    let enough = match compiler.settings().choice {
        Choice::Hasty => 2,
        _ => SHORT_ONES,
    };
    short_ones >= enough && compiler.may_optimize() && module.make_program().is_some()
}

/// A compilation under way or done.
struct Promotion<H: Host> {
    module: Arc<Module<H>>,
    tier: Tier,
    /// Absent once somebody waits for it.
    thread: Option<JoinHandle<()>>,
}

/// The compilations started so far.
pub(crate) struct Promotions<H: Host>(Arc<Started<H>>);

struct Started<H: Host>(Mutex<Vec<Promotion<H>>>);

impl<H: Host> Clone for Promotions<H> {
    fn clone(&self) -> Self {
        Promotions(Arc::clone(&self.0))
    }
}

impl<H: Host> Default for Promotions<H> {
    fn default() -> Self {
        Promotions(Arc::new(Started(Mutex::default())))
    }
}

impl<H: Host> Promotions<H> {
    /// Counts what code of this tier has executed, and has the module compiled (again) when that becomes much.
    pub(crate) fn count(
        &self,
        compiler: &Arc<Compiler>,
        module: &Arc<Module<H>>,
        tier: Tier,
        instructions: u64,
    ) {
        let (before, enough, next) = match tier {
            Tier::Fast => (
                module.add_fast_instructions(instructions),
                long(module),
                Tier::Optimizing,
            ),
            Tier::Interpreter => (
                module.add_interpreted_instructions(instructions),
                warm(module),
                first(module),
            ),
            _ => return,
        };
        let wanted = tier == Tier::Fast || !module.has_code();
        if wanted && before + instructions >= enough && compiler.may_optimize() {
            self.start(compiler, module, next);
        }
    }

    /// What asks for better code in the middle of an execution by code of this tier.
    pub(crate) fn takeover(
        &self,
        compiler: &Arc<Compiler>,
        module: &Arc<Module<H>>,
        tier: Tier,
    ) -> Takeover {
        let (promotions, compiler, module) =
            (self.clone(), Arc::clone(compiler), Arc::clone(module));
        if compiler.settings().choice == Choice::Hasty {
            return Box::new(move |meter, _| {
                let sliced = !meter.finished_slices().is_empty();
                let next = compiler.successor(&module, tier, sliced);
                matches!(compiler.compile(&module, next), Ok(Ok(_)))
            });
        }
        if tier == Tier::Interpreter {
            return Box::new(move |meter, instructions| {
                // What the fast one does not support is made by the other.
                if module.has_code() {
                    return instructions >= SHORT_PORTION;
                }
                let tier = match meter.finished_slices() {
                    [] => first(&module),
                    _ => Tier::Fast,
                };
                if module.interpreted_instructions() + instructions >= warm(&module) {
                    promotions.start(&compiler, &module, tier);
                }
                if instructions >= warm(&module) {
                    promotions.wait_for(&module, tier);
                }
                module.has_code()
            });
        }
        Box::new(move |meter, instructions| {
            let tier = match meter.finished_slices() {
                [] => Tier::Optimizing,
                _ => Tier::Exact,
            };
            if module.fast_instructions() + instructions >= long(&module) {
                promotions.start(&compiler, &module, tier);
            }
            if instructions >= long(&module) {
                promotions.wait_for(&module, tier);
            }
            module.is_compiled(tier)
        })
    }

    /// Waits for a compilation that was started. An execution that is this long already would do work meanwhile that is thrown
    /// away, and keep a core from the compiler.
    fn wait_for(&self, module: &Arc<Module<H>>, tier: Tier) {
        let mut started = self.0.lock();
        let known = started.iter_mut().find(|known| known.is(module, tier));
        let thread = known.and_then(|known| known.thread.take());
        drop(started);
        // A compiler that failed has made nothing, and things go on as they are.
        let _ = thread.map(JoinHandle::join);
    }

    /// Starts to compile a module, unless that was started before.
    fn start(&self, compiler: &Arc<Compiler>, module: &Arc<Module<H>>, tier: Tier) {
        let mut started = self.0.lock();
        if module.is_compiled(tier) || started.iter().any(|known| known.is(module, tier)) {
            return;
        }
        started.retain(|known| !known.module.is_compiled(known.tier));
        if !room::is_enough(&module.blob) {
            // As one that was tried and failed: it is not asked again and again.
            return started.push(Promotion {
                module: Arc::clone(module),
                tier,
                thread: None,
            });
        }
        let (compiler, compiled) = (Arc::clone(compiler), Arc::clone(module));
        let thread = std::thread::Builder::new()
            .name("compiler".to_owned())
            .spawn(move || {
                // What cannot be compiled goes on as it is.
                let _ = compiler.compile(&compiled, tier);
            });
        if let Ok(thread) = thread {
            let module = Arc::clone(module);
            started.push(Promotion {
                module,
                tier,
                thread: Some(thread),
            });
        }
    }

    /// At the end of a run: waits for what the next one will be glad of.
    pub(crate) fn end(&self) {
        self.0.end();
    }

    /// Waits for all compilations.
    #[cfg(test)]
    pub(crate) fn finish(&self) {
        for thread in self.0.lock().drain(..).filter_map(|started| started.thread) {
            thread.join().expect("the compiler does not panic");
        }
    }
}

impl<H: Host> Promotion<H> {
    fn is(&self, module: &Arc<Module<H>>, tier: Tier) -> bool {
        self.tier == tier && Arc::ptr_eq(&self.module, module)
    }
}

impl<H: Host> Started<H> {
    fn lock(&self) -> MutexGuard<'_, Vec<Promotion<H>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets those be finished whose code is worth keeping in the cache.
    fn end(&self) {
        let mut started = self.lock();
        let is_worth = |started: &mut Promotion<H>| {
            let executed = started.module.fast_instructions();
            executed >= long(&started.module).max(WORTH_WAITING)
        };
        for promotion in started.extract_if(.., is_worth) {
            // A compiler that failed has kept nothing, and this run needs it no more.
            let _ = promotion.thread.map(JoinHandle::join);
        }
    }
}

impl<H: Host> Drop for Started<H> {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Settings;
    use crate::testing::Plain;

    fn promoted(choice: Choice, instructions: [u64; 2]) -> [bool; 2] {
        let compiler = Arc::new(Compiler::new(Settings {
            choice,
            ..Settings::default()
        }));
        let blob = wat::parse_str(r#"(module (func (export "go")))"#).unwrap();
        let module = compiler
            .load(&Plain::default(), &blob.into(), [0; 32])
            .unwrap()
            .unwrap();
        let module = Arc::new(module);
        let promotions = Promotions::default();
        instructions.map(|instructions| {
            promotions.count(&compiler, &module, Tier::Fast, instructions);
            promotions.finish();
            compiler.first_tier(&module) == Tier::Optimizing
        })
    }

    #[test]
    fn a_module_that_works_long_goes_over_to_the_optimizing_code_generator() {
        assert_eq!(promoted(Choice::Auto, [LEAST - 1, 1]), [false, true]);
    }

    #[test]
    fn who_asks_for_the_fast_code_generator_keeps_it() {
        assert_eq!(promoted(Choice::Fast, [LEAST, LEAST]), [false, false]);
    }
}
