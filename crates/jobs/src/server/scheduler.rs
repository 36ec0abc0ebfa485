//! Who runs when. Jobs wait in one line and begin as threads and processors become free; a job that waits for something
//! gives its processor to others and stands in the same line again afterwards.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::job::Cpu;

/// A thread without work ends after this.
const IDLE: Duration = Duration::from_secs(5);
/// Bytes of a thread's stack beside the guest's.
const HOST_STACK: usize = 512 << 10;

/// What a thread does for one job.
pub(super) type Work = Box<dyn FnOnce(Box<dyn Cpu>) + Send>;

/// Limits of the line.
#[derive(Clone, Copy, Debug)]
pub(super) struct SchedulerLimits {
    /// Jobs begun at once.
    pub concurrency: usize,
    /// Jobs that compute at once.
    pub processors: usize,
    /// Jobs that may wait; `None` lets any number wait.
    pub queue: Option<usize>,
    /// Bytes of a guest's stack.
    pub guest_stack: usize,
}

/// The line, and the threads that serve it.
pub(super) struct Scheduler {
    limits: SchedulerLimits,
    state: Mutex<State>,
    /// Jobs that could go on if there were a processor.
    wanted: AtomicUsize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(u64, Work)>,
    resuming: VecDeque<(u64, Arc<Seat>)>,
    idle: Vec<Arc<Seat>>,
    ticket: u64,
    admitted: usize,
    begun: usize,
    computing: usize,
}

/// The place of a thread.
struct Seat {
    holds: AtomicBool,
    message: Mutex<Option<Message>>,
    wake: Condvar,
}

enum Message {
    Begin(Work),
    GoOn,
}

/// The right of a request to have one job in the line.
pub(super) struct Admission(Arc<Scheduler>);

impl Drop for Admission {
    fn drop(&mut self) {
        self.0.lock().admitted -= 1;
    }
}

impl Scheduler {
    /// An empty line.
    pub(super) fn new(limits: SchedulerLimits) -> Self {
        Scheduler {
            limits,
            state: Mutex::default(),
            wanted: AtomicUsize::new(0),
        }
    }

    /// Jobs that run and jobs that wait.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        let running = state.admitted.min(self.limits.concurrency);
        (running, state.admitted - running)
    }

    /// Lets a request in, if there is room; otherwise says how many run and wait.
    ///
    /// # Errors
    /// If too many wait already.
    pub(super) fn admit(self: &Arc<Self>) -> Result<Admission, (usize, usize)> {
        let mut state = self.lock();
        if let Some(queue) = self.limits.queue
            && state.admitted >= self.limits.concurrency.saturating_add(queue)
        {
            return Err((
                self.limits.concurrency,
                state.admitted - self.limits.concurrency,
            ));
        }
        state.admitted += 1;
        Ok(Admission(self.clone()))
    }

    /// Puts a job into the line. The number is good for [`Scheduler::withdraw`].
    pub(super) fn submit(self: &Arc<Self>, work: Work) -> u64 {
        let mut state = self.lock();
        state.ticket += 1;
        let ticket = state.ticket;
        state.waiting.push_back((ticket, work));
        self.dispatch(&mut state);
        ticket
    }

    /// Takes a job out of the line; false if it has begun.
    pub(super) fn withdraw(&self, ticket: u64) -> bool {
        let mut state = self.lock();
        let place = state.waiting.iter().position(|(other, _)| *other == ticket);
        let work = place.and_then(|place| state.waiting.remove(place));
        self.count(&state);
        drop(state);
        // Dropped without the lock: whoever waits for its outcome is told by that.
        work.is_some()
    }

    /// Gives free processors to those who are first.
    fn dispatch(self: &Arc<Self>, state: &mut State) {
        while state.computing < self.limits.processors {
            let new = state
                .waiting
                .front()
                .filter(|_| state.begun < self.limits.concurrency);
            let (new, old) = (
                new.map(|(ticket, _)| *ticket),
                state.resuming.front().map(|(ticket, _)| *ticket),
            );
            if old.is_some_and(|old| new.is_none_or(|new| old < new)) {
                let Some((_, seat)) = state.resuming.pop_front() else {
                    break;
                };
                state.computing += 1;
                seat.give(Message::GoOn);
            } else if new.is_some() {
                let Some((_, work)) = state.waiting.pop_front() else {
                    break;
                };
                state.computing += 1;
                state.begun += 1;
                match state.idle.pop() {
                    Some(seat) => seat.give(Message::Begin(work)),
                    None => self.spawn(state, work),
                }
            } else {
                break;
            }
        }
        self.count(state);
    }

    fn count(&self, state: &State) {
        let new = match state.begun < self.limits.concurrency {
            true => state.waiting.len(),
            false => 0,
        };
        self.wanted
            .store(new + state.resuming.len(), Ordering::Relaxed);
    }

    fn spawn(self: &Arc<Self>, state: &mut State, work: Work) {
        let scheduler = self.clone();
        let thread = std::thread::Builder::new()
            .name("job".into())
            .stack_size(self.limits.guest_stack + HOST_STACK)
            .spawn(move || scheduler.serve(work));
        if thread.is_err() {
            // The work is gone with the closure, which its client is told.
            state.computing -= 1;
            state.begun -= 1;
        }
    }

    /// What a thread does: one job after the other.
    fn serve(self: Arc<Self>, mut work: Work) {
        let seat = Arc::new(Seat {
            holds: AtomicBool::new(true),
            message: Mutex::default(),
            wake: Condvar::new(),
        });
        loop {
            seat.holds.store(true, Ordering::Relaxed);
            let cpu = Lent {
                scheduler: self.clone(),
                seat: seat.clone(),
            };
            // A panic is a fault of ours; it costs one job and not the server. The client sees a dropped channel.
            let _ = catch_unwind(AssertUnwindSafe(move || work(Box::new(cpu))));
            let mut state = self.lock();
            state.begun -= 1;
            state.computing -= usize::from(seat.holds.load(Ordering::Relaxed));
            // This thread is the first that gets what comes next.
            state.idle.push(seat.clone());
            self.dispatch(&mut state);
            drop(state);
            work = match seat.wait(Some(IDLE)) {
                Some(Message::Begin(work)) => work,
                Some(Message::GoOn) => return,
                None => {
                    let mut state = self.lock();
                    let place = state
                        .idle
                        .iter()
                        .position(|other| Arc::ptr_eq(other, &seat));
                    match place {
                        Some(place) => {
                            state.idle.swap_remove(place);
                            return;
                        }
                        // Somebody has just given it work.
                        None => match seat.take() {
                            Some(Message::Begin(work)) => work,
                            _ => return,
                        },
                    }
                }
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    fn give(&self, message: Message) {
        *self.message.lock().unwrap_or_else(PoisonError::into_inner) = Some(message);
        self.wake.notify_one();
    }

    fn take(&self) -> Option<Message> {
        self.message
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn wait(&self, limit: Option<Duration>) -> Option<Message> {
        let mut message = self.message.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(message) = message.take() {
                return Some(message);
            }
            message = match limit {
                None => self
                    .wake
                    .wait(message)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(limit) => {
                    let (mut message, waited) = self
                        .wake
                        .wait_timeout(message, limit)
                        .unwrap_or_else(PoisonError::into_inner);
                    if waited.timed_out() {
                        return message.take();
                    }
                    message
                }
            };
        }
    }
}

/// A processor as a job has it.
struct Lent {
    scheduler: Arc<Scheduler>,
    seat: Arc<Seat>,
}

impl Cpu for Lent {
    fn give_back(&mut self) {
        if self.seat.holds.swap(false, Ordering::Relaxed) {
            let mut state = self.scheduler.lock();
            state.computing -= 1;
            self.scheduler.dispatch(&mut state);
        }
    }

    fn take(&mut self) -> Duration {
        if self.seat.holds.load(Ordering::Relaxed) {
            return Duration::ZERO;
        }
        let asked = Instant::now();
        let mut state = self.scheduler.lock();
        state.ticket += 1;
        let ticket = state.ticket;
        state.resuming.push_back((ticket, self.seat.clone()));
        self.scheduler.dispatch(&mut state);
        drop(state);
        self.seat.wait(None);
        self.seat.holds.store(true, Ordering::Relaxed);
        asked.elapsed()
    }

    fn wanted(&self) -> bool {
        self.scheduler.wanted.load(Ordering::Relaxed) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn scheduler(concurrency: usize, processors: usize, queue: usize) -> Arc<Scheduler> {
        Arc::new(Scheduler::new(SchedulerLimits {
            concurrency,
            processors,
            queue: Some(queue),
            guest_stack: 1 << 20,
        }))
    }

    #[test]
    fn jobs_run_in_order() {
        let scheduler = scheduler(1, 1, 100);
        let (sender, receiver) = mpsc::channel();
        for job in 0..50 {
            let sender = sender.clone();
            scheduler.submit(Box::new(move |_| sender.send(job).unwrap()));
        }
        drop(sender);
        assert_eq!(
            receiver.iter().collect::<Vec<_>>(),
            (0..50).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_waiting_job_lends_its_processor() {
        let scheduler = scheduler(2, 1, 100);
        let (first, second) = (mpsc::channel(), mpsc::channel());
        scheduler.submit(Box::new(move |mut cpu| {
            cpu.give_back();
            // Only the second job can end this wait, and only with the processor.
            first.1.recv().unwrap();
            cpu.take();
            second.0.send(()).unwrap();
        }));
        scheduler.submit(Box::new(move |_| first.0.send(()).unwrap()));
        second.1.recv().unwrap();
    }

    #[test]
    fn too_many_are_refused_and_counted() {
        let scheduler = scheduler(2, 2, 1);
        let admitted: Vec<_> = (0..3)
            .map(|_| scheduler.admit().map_err(|_| ()).unwrap())
            .collect();
        assert_eq!(scheduler.admit().err(), Some((2, 1)));
        drop(admitted);
        assert_eq!(scheduler.counts(), (0, 0));
    }

    #[test]
    fn a_job_that_has_not_begun_can_be_withdrawn() {
        let scheduler = scheduler(1, 1, 9);
        let (sender, receiver) = mpsc::channel::<()>();
        scheduler.submit(Box::new(move |_| {
            let _ = receiver.recv();
        }));
        let ticket = scheduler.submit(Box::new(|_| panic!("withdrawn")));
        assert!(scheduler.withdraw(ticket));
        assert!(!scheduler.withdraw(ticket));
        drop(sender);
    }

    #[test]
    fn a_panic_costs_one_job() {
        let scheduler = scheduler(1, 1, 9);
        scheduler.submit(Box::new(|_| panic!("a test")));
        let (sender, receiver) = mpsc::channel();
        scheduler.submit(Box::new(move |_| sender.send(()).unwrap()));
        receiver.recv().unwrap();
    }
}
