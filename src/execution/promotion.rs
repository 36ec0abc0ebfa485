//! Modules whose fast code has worked long are compiled by the optimizing code generator too, beside the run of the
//! script. Canisters change over between two messages; nobody can tell from the results.

use std::sync::Arc;
use std::thread::JoinHandle;

use crate::wasm::{CanisterModule, Compiler, Tier};

/// Instructions of fast code, about half a second, after which compiling again pays.
const LONG: u64 = 200_000_000;
/// Instructions after which the next run of the script is worth a moment at the end of this one.
const WORTH_WAITING: u64 = 10 * LONG;

/// The compilations under way.
#[derive(Default)]
pub struct Promotions(Vec<(Arc<CanisterModule>, JoinHandle<()>)>);

impl Promotions {
    /// Counts what fast code of a module has executed, and has it compiled again when that becomes much.
    pub fn count(
        &mut self,
        compiler: &Arc<Compiler>,
        module: &Arc<CanisterModule>,
        instructions: u64,
    ) {
        let before = module.add_fast_instructions(instructions);
        if before >= LONG || before + instructions < LONG || !compiler.may_optimize() {
            return;
        }
        let (compiler, compiled) = (Arc::clone(compiler), Arc::clone(module));
        let thread = std::thread::Builder::new()
            .name("compiler".to_owned())
            .spawn(move || {
                // What cannot be compiled goes on as it is.
                let _ = compiler.compile(&compiled, Tier::Optimizing);
            });
        if let Ok(thread) = thread {
            self.0.push((Arc::clone(module), thread));
        }
    }

    /// Waits for all compilations.
    #[cfg(test)]
    pub fn finish(&mut self) {
        for (_, thread) in self.0.drain(..) {
            thread.join().expect("the compiler does not panic");
        }
    }
}

impl Drop for Promotions {
    /// Lets those be finished whose code is worth keeping in the cache.
    fn drop(&mut self) {
        for (module, thread) in self.0.drain(..) {
            if module.add_fast_instructions(0) >= WORTH_WAITING {
                // A compiler that failed has kept nothing, and this run needs it no more.
                let _ = thread.join();
            }
        }
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
        let mut promotions = Promotions::default();
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
