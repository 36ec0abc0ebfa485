//! Runs WebAssembly whose instructions are counted, whose memory can be undone, and that can tell which functions it
//! spends its time in.
//!
//! The engine knows no chain, no messages and no prices: all that is a [`Host`]'s. A host says which modules it admits
//! and what their operators cost ([`Host::examine`], [`Host::plan`]), what they may import ([`Host::link`]), and what it
//! keeps of one execution ([`Activation`]). The engine chooses the code generator and changes it in the middle of an
//! execution, which then begins again; nobody can tell from the results.
//!
//! * An [`Engine`] is shared by a process: it compiles, keeps compiled modules, and is `Send + Sync`.
//! * A [`Module`] is what a host admitted, with the host's own facts about it.
//! * A [`Program`] is a module with heap and globals, which belong to who runs it; an [`Instance`] is its living side,
//!   which may be dropped at any time and moved between threads.
//! * [`Engine::run`] runs one function and leaves its changes in a level of the heap, for the host to
//!   [commit](Instance::commit), [roll back](Instance::roll_back) or [park](Instance::park).
//!
//! What the guest does wrong is an [`End`]; what the machine fails at is a [`Failure`], the error of every result here.
//!
//! ```
//! use std::sync::Arc;
//!
//! use drun_engine::rewrite::{Defect, Plan, Shape, Weights};
//! use drun_engine::{
//!     Activation, Address, End, Engine, Entry, Exhausted, FEATURES, Guest, Host, Imports, Linking, Instance, Order,
//!     Program, Settings,
//! };
//!
//! /// Every operator costs one instruction.
//! struct One;
//! impl Weights for One {
//!     fn operator(&self, _: &wasmparser::Operator<'_>, _memory64: bool) -> u64 {
//!         1
//!     }
//! }
//!
//! /// What one execution has said, and why it was stopped.
//! #[derive(Default)]
//! struct Said(Vec<String>);
//! impl Activation for Said {
//!     type Stop = &'static str;
//!     type Mark = usize;
//!     fn mark(&mut self) -> usize {
//!         self.0.len()
//!     }
//!     fn rewind(&mut self, mark: &usize) {
//!         self.0.truncate(*mark);
//!     }
//!     fn exhausted(&mut self, _: Exhausted) -> &'static str {
//!         "out of instructions"
//!     }
//! }
//!
//! #[derive(Clone)]
//! struct Talk;
//! impl Host for Talk {
//!     type Facts = Shape;
//!     type Refusal = String;
//!     type Activation = Said;
//!
//!     fn identity(&self) -> String {
//!         "talk 1".to_owned()
//!     }
//!     fn examine(&self, module: &[u8]) -> Result<Shape, String> {
//!         let valid = wasmparser::Validator::new_with_features(FEATURES).validate_all(module);
//!         valid.map_err(|error| error.to_string())?;
//!         Shape::of(module).map_err(|defect| self.refuse(defect))
//!     }
//!     fn plan<'a>(&'a self, shape: &'a Shape) -> Plan<'a> {
//!         Plan::new(shape.clone(), &One)
//!     }
//!     fn refuse(&self, defect: Defect) -> String {
//!         format!("{defect:?}")
//!     }
//! }
//! impl Linking for Talk {
//!     fn link<A: Address>(imports: &mut Imports<Self>) {
//!         imports.function("env", "log", |guest: &mut Guest<'_, Self>, from: A, len: A| {
//!             guest.charge("log", 100)?;
//!             let Some(text) = guest.read(from.to_u64(), len.to_u64()) else {
//!                 return guest.stop("log: out of bounds");
//!             };
//!             let text = String::from_utf8_lossy(text).into_owned();
//!             guest.activation().0.push(text);
//!             Ok(())
//!         });
//!     }
//! }
//!
//! let file = wat::parse_str(r#"(module
//!     (import "env" "log" (func $log (param i32 i32)))
//!     (memory 1)
//!     (data (i32.const 8) "hello")
//!     (func (export "run") (call $log (i32.const 8) (i32.const 5))))"#)?;
//!
//! let engine = Engine::new(Settings::default());
//! let module = engine.load(&Talk, &file.into())??;
//! let mut heap = engine.fresh_heap(&module)?;
//! let mut globals = engine.initial_globals(&module, heap.as_ref())??;
//! let mut instance = Instance::default();
//! let mut program = Program {
//!     module: &module,
//!     heap: heap.as_mut(),
//!     globals: &mut globals,
//!     generation: 1,
//! };
//! let order = Order { entry: Entry::Export("run"), limit: 1_000_000, slice: 1_000_000 };
//! let run = engine.run(&mut instance, &mut program, Box::default(), order);
//! assert!(matches!(run.end?, End::Returned));
//! instance.commit(&mut program);
//! assert_eq!(run.activation.0, ["hello"]);
//! // One for entering the function, three operators, and what `log` charges; the final `end` is an operator too.
//! assert_eq!(run.meter.used(), 1 + 4 + 100);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![allow(
    unsafe_code,
    reason = "memory, signals and machine code; each block says why it is sound"
)]

pub mod allocator;
mod code;
mod compiled;
mod engine;
mod entry;
mod failure;
mod features;
pub mod file_size;
mod guest;
mod host;
mod imports;
mod instance;
mod interpreted;
mod interpreter;
pub mod machine_code;
pub mod memory;
mod meter;
mod module;
mod private;
pub mod record;
pub mod rewrite;
mod run;
mod sections;
#[cfg(test)]
mod testing;
mod tier;
mod words;

pub use code::{Settings, check_cache, limit_caches, troubles};
pub use engine::Engine;
pub use entry::{Entry, NotEntered};
pub use failure::{Failure, Resource, of_machine};
pub use features::FEATURES;
pub use guest::{Guest, NoMemory, Stopped};
pub use host::{Activation, Host};
pub use imports::{Function, Imports, Linking};
pub use instance::{Instance, Parked, Program};
pub use meter::Exhausted;
pub use module::{Frame, GlobalValue, Module};
pub use run::{End, Order, Run, TrapKind, Usage};
pub use sections::{Sections, parser};
pub use tier::{Choice, Tier, WASM_STACK};
pub use words::{Address, Returned, Word};
