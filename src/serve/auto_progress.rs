//! Auto progress: an instance whose clock follows that of the computer, whose rounds run by themselves, and whose canisters' HTTP requests
//! are sent for real (pocket-ic-api.md 3.11). A round runs as soon as a message or an answer has come, or else when a pause is over; with
//! an artificial delay when that is over.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use candid::Principal;
use drun_ic::net::Net;
use tokio::runtime::Handle;

use super::answer::Refusal;
use super::instances::Instance;
use super::live::Bell;
use super::outbound::Outbound;

/// The time of the computer, nanoseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

/// Has an instance go on by itself, with so many milliseconds between two rounds at least. Its clock has the time of the computer when
/// this returns.
///
/// # Errors
/// If it does already, or the machine refuses a thread.
pub(crate) fn start(
    instance: &Arc<Instance>,
    delay: Option<u64>,
    runtime: &Handle,
) -> Result<(), Refusal> {
    let mut net = instance.hold()?;
    instance.live.begin(|bell| {
        let now = now().max(net.time());
        net.set_certified_time(now)?;
        let progress = Progress {
            instance: Arc::downgrade(instance),
            bell,
            delay: delay.filter(|delay| *delay > 0).map(Duration::from_millis),
            runtime: runtime.clone(),
            sent: HashSet::new(),
        };
        std::thread::Builder::new()
            .name("auto progress".to_owned())
            .stack_size(super::STACK)
            .spawn(move || progress.go_on())
            .map_err(|error| Refusal::new(500, error.to_string()))
    })
}

/// How an instance goes on.
struct Progress {
    instance: Weak<Instance>,
    bell: Arc<Bell>,
    /// Slept out between two rounds, whatever comes.
    delay: Option<Duration>,
    /// Where HTTP requests are waited for.
    runtime: Handle,
    /// HTTP requests that have been sent and not been answered, by subnet and number.
    sent: HashSet<(Principal, u64)>,
}

impl Progress {
    fn go_on(mut self) {
        let mut last = Instant::now();
        loop {
            let Some(instance) = self.instance.upgrade() else {
                return;
            };
            let Ok(mut net) = instance.hold() else {
                return;
            };
            if self.bell.is_stopped() {
                return;
            }
            let passed = u64::try_from(last.elapsed().as_nanos()).unwrap_or(u64::MAX);
            last = Instant::now();
            let time = net.time().saturating_add(passed);
            if net.set_time(time).is_err() {
                return;
            }
            // Where the machine fails this thread ends with the network in its hands, which then is of no use to anybody.
            net.tick();
            self.send_out(&net);
            drop(net);
            drop(instance);
            self.bell.count();
            if !self.bell.wait(self.delay) {
                return;
            }
        }
    }

    /// Sends the HTTP requests that the last round has brought; each answer rings the bell.
    fn send_out(&mut self, net: &Net) {
        let mut pending = HashSet::new();
        for outcall in net.pending_http() {
            let name = (outcall.subnet, outcall.id);
            pending.insert(name);
            if self.sent.contains(&name) {
                continue;
            }
            let (instance, bell) = (Weak::clone(&self.instance), Arc::clone(&self.bell));
            let outbound = Outbound::of(outcall.args);
            self.runtime.spawn(async move {
                let answer = outbound.send().await;
                let answered = tokio::task::spawn_blocking(move || {
                    // Who has deleted the instance, or answered in our place, needs no answer.
                    if let Some(instance) = instance.upgrade()
                        && let Ok(mut net) = instance.hold()
                        && net.answer_http(&name.0, name.1, vec![answer]).is_ok()
                    {
                        bell.ring();
                    }
                });
                drop(answered.await);
            });
        }
        self.sent = pending;
    }
}
