//! The run of a suite: cases over several threads, results in the order of their names, and an early end where that is
//! wanted. Says what happens to an observer; prints nothing.

use anyhow::Context;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::accept::{Acceptance, accept};
use super::case::Case;
use super::durations::Durations;
use super::execute::{Executor, Lane};
use super::tested::Tested;
use super::thread;
use super::verdict::{Verdict, judge};

/// What became of a suite.
#[derive(Debug)]
pub struct Results<'a> {
    /// Of the cases that were run, by name.
    pub tested: Vec<Tested<'a>>,
    /// How many were not begun, because the suite ended early.
    pub left: usize,
    /// How long it took.
    pub time: Duration,
}

/// Who is told what happens.
pub trait Events {
    /// So many of so many cases are done.
    ///
    /// # Errors
    /// Why the suite is to end.
    fn progress(&mut self, done: usize, total: usize) -> std::io::Result<()>;
    /// A case has its verdict; they come in the order of their names.
    ///
    /// # Errors
    /// Why the suite is to end.
    fn result(&mut self, tested: &Tested<'_>) -> std::io::Result<()>;
    /// Whether to accept what came out of a case, when somebody is to be asked.
    ///
    /// # Errors
    /// Why the suite is to end.
    fn ask(&mut self, tested: &Tested<'_>) -> std::io::Result<bool>;
}

/// Runs cases, `jobs` at the same time, those that take long first, as far as that is known. With `fail_fast` none is begun after a failure; none is begun either once the
/// executor's flag says that the suite was interrupted.
///
/// # Errors
/// If this machine does not let us run cases, or the observer has nowhere to write to.
pub fn run<'a>(
    cases: &'a [Case],
    executor: &Executor,
    acceptance: Acceptance,
    jobs: usize,
    fail_fast: bool,
    durations: Option<&mut Durations>,
    events: &mut impl Events,
) -> anyhow::Result<Results<'a>> {
    let start = Instant::now();
    let stop = AtomicBool::new(false);
    let order = match &durations {
        // One after the other they may as well come in the order of their names, and what stops at a failure stops there.
        Some(durations) if jobs > 1 && !fail_fast => durations.order(cases),
        _ => (0..cases.len()).collect(),
    };
    let next = Mutex::new(order.into_iter().map(|index| (index, &cases[index])));
    let take = || {
        if stop.load(Ordering::Relaxed) || executor.interrupted.load(Ordering::Relaxed) {
            return None;
        }
        next.lock().ok().and_then(|mut next| next.next())
    };
    let (sender, receiver) = mpsc::channel();
    let mut waiting: Vec<Option<Tested<'a>>> = cases.iter().map(|_| None).collect();
    let mut tested = Vec::new();
    std::thread::scope(|scope| {
        for started in 0..jobs.min(cases.len()) {
            let (sender, take, stop) = (sender.clone(), &take, &stop);
            let work = move || {
                let mut lane = Lane::default();
                while let Some((index, case)) = take() {
                    let result = test(executor, case, acceptance, &mut lane);
                    let failed = !matches!(&result, Ok(tested) if !tested.failed());
                    if failed && (fail_fast || result.is_err()) {
                        stop.store(true, Ordering::Relaxed);
                    }
                    if sender.send((index, result)).is_err() {
                        break;
                    }
                }
            };
            match thread::builder().and_then(|thread| thread.spawn_scoped(scope, work)) {
                Ok(_) => {}
                Err(error) if started == 0 => {
                    return Err(error).context("the machine refuses a thread");
                }
                // Those that are there do all the work.
                Err(_) => break,
            }
        }
        drop(sender);
        let mut hand_on = || -> anyhow::Result<()> {
            events.progress(0, cases.len())?;
            let mut printed = 0;
            for (finished, (index, result)) in receiver.iter().enumerate() {
                waiting[index] = Some(result?);
                while let Some(ready) = waiting.get_mut(printed).and_then(Option::take) {
                    tested.push(told(ready, acceptance, events)?);
                    printed += 1;
                }
                events.progress(finished + 1, cases.len())?;
            }
            // After an early end there are gaps.
            for ready in waiting.iter_mut().filter_map(Option::take) {
                tested.push(told(ready, acceptance, events)?);
            }
            Ok(())
        };
        let told = hand_on();
        if told.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        told
    })?;
    if let Some(durations) = durations {
        durations.learn(&tested);
    }
    Ok(Results {
        left: cases.len() - tested.len(),
        tested,
        time: start.elapsed(),
    })
}

fn test<'a>(
    executor: &Executor,
    case: &'a Case,
    acceptance: Acceptance,
    lane: &mut Lane,
) -> anyhow::Result<Tested<'a>> {
    if let Some(reason) = &case.skip {
        return Ok(Tested {
            case,
            verdict: Verdict::Skipped(reason.clone()),
            time: Duration::ZERO,
            measures: None,
            note: None,
        });
    }
    let run = executor.run(case, lane)?;
    let verdict = match judge(case, &run) {
        Verdict::Failed(fault)
            if acceptance == Acceptance::Always && !fault.acceptable.is_empty() =>
        {
            accept(fault)?
        }
        verdict => verdict,
    };
    Ok(Tested {
        case,
        verdict,
        time: run.time,
        measures: run.measures,
        note: run.note,
    })
}

/// Asks about a case where that is wanted, and tells of it.
fn told<'a>(
    tested: Tested<'a>,
    acceptance: Acceptance,
    events: &mut impl Events,
) -> anyhow::Result<Tested<'a>> {
    let open = matches!(&tested.verdict, Verdict::Failed(fault) if !fault.acceptable.is_empty());
    let tested = if open && acceptance == Acceptance::Ask && events.ask(&tested)? {
        match tested.verdict {
            Verdict::Failed(fault) => Tested {
                verdict: accept(fault)?,
                ..tested
            },
            verdict => Tested { verdict, ..tested },
        }
    } else {
        tested
    };
    events.result(&tested)?;
    Ok(tested)
}
