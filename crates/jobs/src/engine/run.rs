//! One run of a module: instantiation, entry, and what it came to.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use wasmtime::{Store, UpdateDeadline, Val};

use super::module::{Prepared, Results};
use super::outcome;
use crate::failure::Failure;
use crate::host::{Guest, Surroundings};
use crate::job::{Job, Stop};
use crate::rpc::Spent;

/// What a run used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Time of instantiation and entry.
    pub run: Duration,
    /// Most bytes of memory at once.
    pub peak_memory: usize,
    /// Bytes printed.
    pub stdout: usize,
    /// Bytes printed to standard error.
    pub stderr: usize,
    /// What its RPC came to.
    pub rpc: Spent,
    /// Fuel used, where it is counted.
    pub fuel: Option<u64>,
}

/// What became of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The result line, or why there is none.
    pub outcome: Result<Box<RawValue>, Failure>,
    /// What the guest printed to standard error.
    pub stderr: String,
    /// What it used.
    pub usage: Usage,
    /// What its author may want to know.
    pub warnings: Vec<String>,
}

impl Report {
    /// A job that did not begin.
    pub fn failed(failure: Failure) -> Box<Self> {
        Box::new(Report {
            outcome: Err(failure),
            stderr: String::new(),
            usage: Usage::default(),
            warnings: Vec::new(),
        })
    }
}

/// Runs a job to its end. Waits no longer than the job's time. Job and report are in boxes because a thousand waiting jobs
/// have a thousand stacks.
pub fn run(prepared: &Prepared, job: Box<Job>, around: Surroundings) -> Box<Report> {
    let (entry, results) = match entry(prepared, &job) {
        Ok(entry) => entry,
        Err(report) => return report,
    };
    let fuel = job.limits.fuel;
    let (timeout, compat) = (job.limits.timeout, job.compat);
    let deterministic = job.deterministic.is_some();
    let mut store = store(prepared, job, around);
    let ended = {
        let _running = prepared.ticker.enter();
        let fuelled = match fuel {
            Some(units) => store.set_fuel(units),
            None => Ok(()),
        };
        fuelled.and_then(|()| call(prepared, &mut store, &entry, results, compat))
    };
    report(&store, ended, timeout, fuel, deterministic)
}

/// What is called, or the end of the job.
#[inline(never)]
fn entry(prepared: &Prepared, job: &Job) -> Result<(String, Results), Box<Report>> {
    let entry = prepared.entry(job.entry.as_deref(), job.compat);
    entry.map_err(Report::failed)
}

/// The store of a job, before its first instruction. Not part of `run`, whose frame stays while a guest waits.
#[inline(never)]
fn store(prepared: &Prepared, job: Box<Job>, around: Surroundings) -> Store<Guest> {
    let hash = hex::encode(prepared.hash);
    let seed = job.deterministic.map(|fixed| {
        fixed
            .seed
            .unwrap_or_else(|| seed(&prepared.hash, &job.stdin))
    });
    let mut guest = Guest::new(*job, &format!("{hash}.wasm"), seed, around);
    guest
        .limiter
        .expect(prepared.module.resources_required().num_memories);
    let mut store = Store::new(prepared.module.engine(), guest);
    store.limiter(|guest| &mut guest.limiter);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(|mut store| {
        store.data_mut().deadline.tick()?;
        Ok(UpdateDeadline::Continue(1))
    });
    store
}

/// What became of it.
#[inline(never)]
fn report(
    store: &Store<Guest>,
    ended: wasmtime::Result<()>,
    timeout: Duration,
    fuel: Option<u64>,
    deterministic: bool,
) -> Box<Report> {
    let fuel_used = fuel.map(|units| units.saturating_sub(store.get_fuel().unwrap_or(0)));
    let guest = store.data();
    let usage = Usage {
        run: guest.deadline.elapsed(),
        peak_memory: guest.limiter.peak(),
        stdout: guest.stdout.bytes().len(),
        stderr: guest.stderr.bytes().len(),
        rpc: guest.rpc.spent(),
        fuel: fuel_used,
    };
    let mut warnings = Vec::new();
    if let Some(pages) = guest.limiter.refused_pages() {
        let limit = guest.limiter.memory_limit() / 65_536;
        warnings.push(format!(
            "memory.grow to {pages} pages refused (limit {limit})"
        ));
    }
    Box::new(Report {
        outcome: outcome::judge(ended, guest, timeout, fuel, deterministic),
        stderr: guest.stderr.text(),
        usage,
        warnings,
    })
}

/// The seed of a deterministic job that names none.
fn seed(hash: &[u8; 32], stdin: &[u8]) -> u64 {
    let digest = Sha256::new()
        .chain_update(hash)
        .chain_update(stdin)
        .finalize();
    digest
        .iter()
        .take(8)
        .fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

/// Instantiates and calls; an entry that returns a number ends like a program with that exit code.
fn call(
    prepared: &Prepared,
    store: &mut Store<Guest>,
    entry: &str,
    results: Results,
    compat: bool,
) -> wasmtime::Result<()> {
    let instance = prepared.instance.instantiate(&mut *store)?;
    store.data_mut().memory = instance.get_memory(&mut *store, "memory");
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut *store, "_initialize") {
        initialize.call(&mut *store, ())?;
    }
    match results {
        Results::Nothing => instance
            .get_typed_func::<(), ()>(&mut *store, entry)?
            .call(store, ()),
        Results::Status if !compat => {
            let status = instance
                .get_typed_func::<(), i32>(&mut *store, entry)?
                .call(store, ())?;
            match status {
                0 => Ok(()),
                code => Err(Stop::Exit(code as u32).into()),
            }
        }
        Results::Status | Results::Other => {
            let Some(function) = instance.get_func(&mut *store, entry) else {
                return Ok(());
            };
            let mut values = vec![Val::I32(0); function.ty(&*store).results().len()];
            function.call(&mut *store, &[], &mut values)?;
            print(store.data_mut(), &values).map_err(Into::into)
        }
    }
}

/// Prints what an entry returned, as the original's command does.
fn print(guest: &mut Guest, values: &[Val]) -> Result<(), Stop> {
    let warning = "warning: the values that the entry returned are printed as its output\n";
    guest.stderr.write(warning.as_bytes())?;
    for value in values {
        let text = match value {
            Val::I32(value) => value.to_string(),
            Val::I64(value) => value.to_string(),
            Val::F32(bits) => f32::from_bits(*bits).to_string(),
            Val::F64(bits) => f64::from_bits(*bits).to_string(),
            other => format!("{other:?}"),
        };
        guest.stdout.write(text.as_bytes())?;
        guest.stdout.write(b"\n")?;
    }
    Ok(())
}
