//! The registration of host functions, for machine code and for the interpreter.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmparser::{FuncType, ValType};
use wasmtime::{Caller, Linker};

use crate::guest::{Cell, Guest, Interruption, Stopped};
use crate::host::{Activation, Host};
use crate::memory::WASM_PAGE_SIZE;
use crate::rewrite::{
    HOST_MODULE, MEMORY_GROWN, OUT_OF_INSTRUCTIONS, PROFILE_ENTER, PROFILE_LEAVE, TOUCH,
};
use crate::words::{Address, Returned, Word};

/// A host whose modules can run: it says what they may import.
pub trait Linking: Host {
    /// Defines what modules with addresses of this type may import.
    fn link<A: Address>(imports: &mut Imports<Self>);
}

/// The functions that modules may import.
pub struct Imports<H: Host> {
    /// For machine code; nothing for the interpreter.
    pub(crate) linker: Option<Linker<Cell<H>>>,
    /// By module and name, for the interpreter.
    pub(crate) functions: BTreeMap<(String, String), Arc<HostFunction<H>>>,
}

/// A host function as the interpreter calls it.
pub(crate) struct HostFunction<H: Host> {
    parameters: Vec<ValType>,
    result: Option<ValType>,
    call: Box<Call<H>>,
}

/// Takes arguments out of words and puts the result in the place of the first.
type Call<H> = dyn Fn(&mut Guest<'_, H>, &mut [u64]) -> Result<(), Stopped> + Send + Sync;

impl<H: Host> HostFunction<H> {
    /// Whether a module may import it as a function of this type.
    pub(crate) fn fits(&self, ty: &FuncType) -> bool {
        ty.params() == self.parameters && ty.results() == self.result.as_slice()
    }

    /// Calls it.
    pub(crate) fn call(&self, guest: &mut Guest<'_, H>, words: &mut [u64]) -> Result<(), Stopped> {
        (self.call)(guest, words)
    }
}

impl<H: Host> Imports<H> {
    /// Defines a function: a closure of `&mut Guest<'_, H>` and up to nine [`Word`]s that returns
    /// `Result<impl Returned, Stopped>`.
    ///
    /// # Panics
    /// If there is one of this name.
    pub fn function<P>(&mut self, module: &str, name: &str, function: impl Function<H, P>) {
        function.define(self, module, name);
    }

    /// All imports of modules with addresses of this type: of machine code for this runtime, or else for the interpreter.
    pub(crate) fn of<A: Address>(engine: Option<&wasmtime::Engine>) -> Self
    where
        H: Linking,
    {
        let mut imports = Imports {
            linker: engine.map(Linker::new),
            functions: BTreeMap::new(),
        };
        H::link::<A>(&mut imports);
        if let Some(linker) = &mut imports.linker {
            link_hooks(linker);
        }
        imports
    }
}

/// What rewritten modules themselves call: the instructions are used up, the heap has grown, a function begins or
/// ends. Nothing is charged, and no counter handed over.
fn link_hooks<H: Host>(hooks: &mut Linker<Cell<H>>) {
    let counter = 0;
    let defined = hooks
        .func_wrap(
            HOST_MODULE,
            OUT_OF_INSTRUCTIONS,
            move |caller: Caller<'_, Cell<H>>| {
                let mut guest = Guest::compiled(caller, counter);
                guest.read_counter();
                let result = guest.go_on();
                guest.write_counter();
                result.map_err(wasmtime::Error::from)
            },
        )
        .and_then(|hooks| {
            hooks.func_wrap(
                HOST_MODULE,
                MEMORY_GROWN,
                move |caller: Caller<'_, Cell<H>>, previous: u64, added: u64| {
                    const PAGE: u64 = WASM_PAGE_SIZE as u64;
                    let mut guest = Guest::compiled(caller, counter);
                    let (previous, added) = (previous * PAGE, added * PAGE);
                    let grown = guest.activation().memory_grown(previous, added);
                    let result = grown.or_else(|reason| guest.stop(reason));
                    result.map_err(wasmtime::Error::from)
                },
            )
        })
        .and_then(|hooks| {
            hooks.func_wrap(
                HOST_MODULE,
                PROFILE_ENTER,
                |caller: Caller<'_, Cell<H>>, function: u32, counter: i64| {
                    let mut guest = Guest::compiled(caller, counter);
                    let run = guest.run();
                    let used = run.meter.used(counter);
                    let recording = run.recording.as_mut();
                    let result = match recording.is_none_or(|it| it.enter(function, used)) {
                        true => Ok(()),
                        false => guest.interrupt(Interruption::Recorded),
                    };
                    result.map_err(wasmtime::Error::from)
                },
            )
        })
        .and_then(|hooks| {
            hooks.func_wrap(
                HOST_MODULE,
                PROFILE_LEAVE,
                |mut caller: Caller<'_, Cell<H>>, counter: i64| {
                    let run = caller.data_mut().run();
                    let used = run.meter.used(counter);
                    if let Some(recording) = &mut run.recording {
                        recording.leave(used);
                    }
                },
            )
        });
    let touch = move |caller: Caller<'_, Cell<H>>, start: u64, len: u64, how: u32| {
        if let Some(heap) = &caller.data().heap {
            heap.hear(start, len, how);
        }
    };
    let defined = defined.and_then(|hooks| hooks.func_wrap(HOST_MODULE, TOUCH, touch));
    defined.expect("every import is defined once");
}

/// A closure that can be a host function; see [`Imports::function`].
pub trait Function<H: Host, P>: Send + Sync + 'static {
    #[doc(hidden)]
    fn define(self, imports: &mut Imports<H>, module: &str, name: &str);
}

macro_rules! functions {
    ($($p:ident)*) => {
        #[allow(non_snake_case, irrefutable_let_patterns, reason = "a type and its value have one name; or there is none")]
        impl<H, F, R, $($p),*> Function<H, ($($p,)*)> for F
        where
            H: Host,
            F: Fn(&mut Guest<'_, H>, $($p),*) -> Result<R, Stopped> + Send + Sync + 'static,
            R: Returned,
            $($p: Word,)*
        {
            fn define(self, imports: &mut Imports<H>, module: &str, name: &str) {
                let Some(linker) = &mut imports.linker else {
                    let key = (module.to_owned(), name.to_owned());
                    let defined = HostFunction {
                        parameters: vec![$($p::TYPE),*],
                        result: R::RESULT,
                        call: Box::new(move |guest: &mut Guest<'_, H>, words: &mut [u64]| {
                            let [$($p,)* ..] = *words else {
                                unreachable!("there is a word for each argument")
                            };
                            $(let $p = $p::from_bits($p);)*
                            self(guest, $($p),*)?.write(words);
                            Ok(())
                        }),
                    };
                    let known = imports.functions.insert(key, Arc::new(defined));
                    assert!(known.is_none(), "every import is defined once");
                    return;
                };
                let call = move |caller: Caller<'_, Cell<H>>, $($p: $p,)* counter: i64| {
                    let mut guest = Guest::compiled(caller, counter);
                    match self(&mut guest, $($p),*) {
                        Ok(result) => Ok(result.with(guest.counter())),
                        Err(stopped) => {
                            guest.write_counter();
                            Err(wasmtime::Error::from(stopped))
                        }
                    }
                };
                let defined = linker.func_wrap(module, name, call);
                defined.expect("every import is defined once");
            }
        }
    };
}
functions!();
functions!(A1);
functions!(A1 A2);
functions!(A1 A2 A3);
functions!(A1 A2 A3 A4);
functions!(A1 A2 A3 A4 A5);
functions!(A1 A2 A3 A4 A5 A6);
functions!(A1 A2 A3 A4 A5 A6 A7);
functions!(A1 A2 A3 A4 A5 A6 A7 A8);
functions!(A1 A2 A3 A4 A5 A6 A7 A8 A9);
