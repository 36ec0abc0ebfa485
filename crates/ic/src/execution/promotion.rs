//! Modules whose fast code has worked long are compiled by the optimizing code generator too, beside the run of the
//! script. Canisters change over between two messages, or begin a long message again; nobody can tell from the results.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::system_api::Takeover;
use crate::wasm::{CanisterModule, Compiler, Tier};

/// Instructions of fast code, about a tenth of a second, after which compiling again pays.
const LONG: u64 = 200_000_000;
/// Instructions after which the next run of the script is worth a moment at the end of this one.
const WORTH_WAITING: u64 = 10 * LONG;
/// Instructions after which fast code is asked whether it should make way.
pub(super) const PORTION: u64 = LONG / 4;

/// A compilation under way or done.
struct Promotion {
    module: Arc<CanisterModule>,
    tier: Tier,
    thread: JoinHandle<()>,
}

/// The compilations started so far.
#[derive(Clone, Default)]
pub struct Promotions(Arc<Started>);

#[derive(Default)]
struct Started(Mutex<Vec<Promotion>>);

impl Promotions {
    /// Counts what fast code of a module has executed, and has it compiled again when that becomes much.
    pub fn count(&self, compiler: &Arc<Compiler>, module: &Arc<CanisterModule>, instructions: u64) {
        let before = module.add_fast_instructions(instructions);
        if before + instructions >= LONG && compiler.may_optimize() {
            self.start(compiler, module, Tier::Optimizing);
        }
    }

    /// What asks for better code in the middle of an execution of fast code.
    pub fn takeover(&self, compiler: &Arc<Compiler>, module: &Arc<CanisterModule>) -> Takeover {
        let (promotions, compiler, module) =
            (self.clone(), Arc::clone(compiler), Arc::clone(module));
        Box::new(move |exec, instructions| {
            let tier = match exec.meter.finished_slices() {
                [] => Tier::Optimizing,
                _ => Tier::Exact,
            };
            if module.fast_instructions() + instructions >= LONG {
                promotions.start(&compiler, &module, tier);
            }
            module.is_compiled(tier)
        })
    }

    /// Starts to compile a module, unless that was started before.
    fn start(&self, compiler: &Arc<Compiler>, module: &Arc<CanisterModule>, tier: Tier) {
        let mut started = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |known: &Promotion| known.tier == tier && Arc::ptr_eq(&known.module, module);
        if module.is_compiled(tier) || started.iter().any(is_same) {
            return;
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
                thread,
            });
        }
    }

    /// At the end of a run: waits for what the next one will be glad of.
    pub fn end(&self) {
        self.0.end();
    }

    /// Waits for all compilations.
    #[cfg(test)]
    pub fn finish(&self) {
        for promotion in self.0.0.lock().unwrap().drain(..) {
            promotion
                .thread
                .join()
                .expect("the compiler does not panic");
        }
    }
}

impl Started {
    /// Lets those be finished whose code is worth keeping in the cache.
    fn end(&self) {
        let mut started = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for promotion in started.drain(..) {
            if promotion.module.fast_instructions() >= WORTH_WAITING {
                // A compiler that failed has kept nothing, and this run needs it no more.
                let _ = promotion.thread.join();
            }
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CompilerChoice;
    use crate::wasm::ValidationLimits;

    fn promoted(choice: CompilerChoice, instructions: [u64; 2]) -> [bool; 2] {
        let compiler = Arc::new(Compiler::new(choice, 4 << 30, false, None));
        let blob = wat::parse_str(r#"(module (func (export "canister_update go")))"#).unwrap();
        let module = compiler
            .load(&blob.into(), [0; 32], &ValidationLimits::REPLICA)
            .unwrap();
        let module = Arc::new(module);
        let promotions = Promotions::default();
        instructions.map(|instructions| {
            promotions.count(&compiler, &module, instructions);
            promotions.finish();
            compiler.first_tier(&module) == Tier::Optimizing
        })
    }

    #[test]
    fn a_module_that_works_long_goes_over_to_the_optimizing_code_generator() {
        assert_eq!(promoted(CompilerChoice::Auto, [LONG - 1, 1]), [false, true]);
    }

    #[test]
    fn who_asks_for_the_fast_code_generator_keeps_it() {
        assert_eq!(promoted(CompilerChoice::Fast, [LONG, LONG]), [false, false]);
    }
}
