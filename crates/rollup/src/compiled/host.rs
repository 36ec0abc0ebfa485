//! What the engine wants to know of us: which modules may run, what they import, what is kept of one run.

use std::sync::mpsc::{Receiver, SyncSender};

use drun_engine::rewrite::{Defect, Plan, Shape, Weights};
use drun_engine::{Activation, Address, Exhausted, Guest, Host, Imports, Linking, Stopped};

use crate::host::World;
use crate::host::abi::{Function, MODULE};
use crate::host::calls::{self, Outcome};
use crate::interpreter::MAX_TABLE;
use crate::reveal::Request;

/// The rules of the machine. Modules have been checked, and rewritten to count their ticks, before the engine sees them.
#[derive(Clone)]
pub(super) struct Rules;

/// The engine counts instructions for its own purposes: when a better code generator pays.
struct Ones;

impl Weights for Ones {
    fn operator(&self, _: &wasmparser::Operator<'_>, _: bool) -> u64 {
        1
    }

    fn charges_length(&self) -> bool {
        false
    }
}

impl Host for Rules {
    type Facts = Shape;
    type Refusal = String;
    type Activation = Activity;

    fn identity(&self) -> String {
        concat!("drun-rollup ", env!("CARGO_PKG_VERSION")).into()
    }

    fn examine(&self, module: &[u8]) -> Result<Shape, String> {
        Shape::of(module).map_err(|defect| self.refuse(defect))
    }

    fn plan<'a>(&'a self, shape: &'a Shape) -> Plan<'a> {
        Plan {
            shape: shape.clone(),
            weights: &Ones,
            compile_base: 0,
            counted: None,
            max_wasm64_pages: 0,
            max_table_elements: MAX_TABLE,
            start: None,
        }
    }

    fn refuse(&self, defect: Defect) -> String {
        format!("{defect:?}")
    }
}

impl Linking for Rules {
    fn link<A: Address>(imports: &mut Imports<Self>) {
        macro_rules! import {
            ($function:ident ( $($arg:ident : $ty:ty),* ) -> $result:ty) => {
                imports.function(
                    MODULE,
                    Function::$function.name(),
                    |guest: &mut Guest<'_, Rules>, $($arg: $ty),*| -> Result<$result, Stopped> {
                        let result = host_call(guest, Function::$function, &[$($arg as u64),*])?;
                        Ok(<$result as Returned>::of(result))
                    },
                );
            };
        }
        import!(ReadInput(info: u32, dst: u32, max: u32) -> i32);
        import!(WriteOutput(src: u32, len: u32) -> i32);
        import!(WriteDebug(src: u32, len: u32) -> ());
        import!(StoreHas(path: u32, len: u32) -> i32);
        import!(StoreDelete(path: u32, len: u32) -> i32);
        import!(StoreListSize(path: u32, len: u32) -> i64);
        import!(StoreGetNthKey(path: u32, len: u32, index: u64, dst: u32, max: u32) -> i32);
        import!(StoreCopy(from: u32, from_len: u32, to: u32, to_len: u32) -> i32);
        import!(StoreMove(from: u32, from_len: u32, to: u32, to_len: u32) -> i32);
        import!(StoreValueSize(path: u32, len: u32) -> i32);
        import!(StoreRead(path: u32, len: u32, offset: u32, dst: u32, max: u32) -> i32);
        import!(StoreWrite(path: u32, len: u32, offset: u32, src: u32, n: u32) -> i32);
        import!(RevealPreimage(hash: u32, len: u32, dst: u32, max: u32) -> i32);
        import!(RevealMetadata(dst: u32, max: u32) -> i32);
        import!(StoreDeleteValue(path: u32, len: u32) -> i32);
        import!(StoreCreate(path: u32, len: u32, size: u32) -> i32);
        import!(StoreGetHash(path: u32, len: u32, dst: u32, max: u32) -> i32);
        import!(StoreExists(path: u32, len: u32) -> i32);
        import!(Reveal(payload: u32, len: u32, dst: u32, max: u32) -> i32);
        import!(NdsRegistryResize(size: u64) -> i32);
        import!(NdsRegistryCopy(from: u64, to: u64) -> i32);
        import!(NdsRegistryMove(from: u64, to: u64) -> i32);
        import!(NdsRegistryClear(index: u64) -> i32);
        import!(NdsStoreExists(index: u64, key: u32, len: u32) -> i32);
        import!(NdsStoreDelete(index: u64, key: u32, len: u32) -> i32);
        import!(NdsStoreValueSize(index: u64, key: u32, len: u32) -> i32);
        import!(NdsStoreRead(index: u64, key: u32, len: u32, offset: u64, dst: u32, max: u32) -> i32);
        import!(NdsStoreWrite(index: u64, key: u32, len: u32, offset: u64, src: u32, n: u32) -> i32);
        import!(NdsStoreSet(index: u64, key: u32, len: u32, src: u32, n: u32) -> i32);
        import!(NdsDatabaseGetHash(index: u64, dst: u32, max: u32) -> i32);
    }
}

/// From the number of `calls` to the type that a kernel gets.
trait Returned {
    fn of(result: i64) -> Self;
}

impl Returned for i32 {
    fn of(result: i64) -> Self {
        result as i32
    }
}

impl Returned for i64 {
    fn of(result: i64) -> Self {
        result
    }
}

impl Returned for () {
    fn of(_: i64) -> Self {}
}

fn host_call(
    guest: &mut Guest<'_, Rules>,
    function: Function,
    args: &[u64],
) -> Result<i64, Stopped> {
    let Some((memory, activity)) = guest.memory() else {
        return guest.stop(Stop::NotRevealed("no memory".into()));
    };
    let Activity { world, printed, .. } = activity;
    match calls::call(function, args, memory, world, &mut |text| {
        printed.extend_from_slice(text)
    }) {
        Outcome::Done { result, ticks } => {
            activity.print();
            activity.ticks += 5 + ticks;
            Ok(result.unwrap_or_default())
        }
        Outcome::Reveal(pending) => match activity.reveal(pending.request) {
            Ok(data) => {
                let (result, ticks) = calls::deliver(&pending, &data, memory);
                activity.ticks += 6 + ticks;
                Ok(i64::from(result))
            }
            Err(text) => guest.stop(Stop::NotRevealed(text)),
        },
    }
}

/// What a run needs from the thread that began it.
pub(super) enum Demand {
    /// The kernel prints.
    Print(Vec<u8>),
    /// The kernel wants data; the answer comes through the other channel.
    Reveal(Request),
}

/// Data, or why there is none.
pub(super) type Answer = Result<Vec<u8>, String>;

/// Why a run was ended by us.
pub(super) enum Stop {
    /// There is no data for the kernel.
    NotRevealed(String),
    /// More instructions than anybody waits for.
    Exhausted,
}

/// What is kept of one run.
pub(super) struct Activity {
    /// The rollup.
    pub world: World,
    /// What host functions cost.
    pub ticks: u64,
    demand: SyncSender<Demand>,
    answers: Receiver<Answer>,
    /// Printed by the call at hand.
    printed: Vec<u8>,
    /// Bytes printed since the run began, and those that were shown, also by an attempt before.
    position: usize,
    shown: usize,
    /// Data revealed since the run began, also in an attempt before, and how many of it were used.
    revealed: Vec<Vec<u8>>,
    used: usize,
}

impl Activity {
    pub(super) fn new(world: World, demand: SyncSender<Demand>, answers: Receiver<Answer>) -> Self {
        Self {
            world,
            ticks: 0,
            demand,
            answers,
            printed: Vec::new(),
            position: 0,
            shown: 0,
            revealed: Vec::new(),
            used: 0,
        }
    }

    /// Shows what was printed, unless an attempt before has shown it.
    fn print(&mut self) {
        if self.printed.is_empty() {
            return;
        }
        let known = self
            .shown
            .saturating_sub(self.position)
            .min(self.printed.len());
        self.position += self.printed.len();
        let text = std::mem::take(&mut self.printed);
        if known < text.len() {
            self.shown = self.position;
            // Nobody listens any more only when the program is about to end.
            let _ = self.demand.send(Demand::Print(text[known..].to_vec()));
        }
    }

    fn reveal(&mut self, request: Request) -> Answer {
        if self.used == self.revealed.len() {
            self.demand
                .send(Demand::Reveal(request))
                .map_err(|error| error.to_string())?;
            let data = self.answers.recv().map_err(|error| error.to_string())??;
            self.revealed.push(data);
        }
        self.used += 1;
        Ok(self.revealed[self.used - 1].clone())
    }
}

impl Activation for Activity {
    type Stop = Stop;
    type Mark = World;

    fn mark(&mut self) -> World {
        self.world.clone()
    }

    fn rewind(&mut self, mark: &World) {
        self.world = mark.clone();
        (self.ticks, self.position, self.used) = (0, 0, 0);
    }

    fn exhausted(&mut self, _: Exhausted) -> Stop {
        Stop::Exhausted
    }
}
