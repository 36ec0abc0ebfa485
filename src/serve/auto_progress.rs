//! Auto progress: an instance whose clock follows that of the computer and whose rounds run by themselves (pocket-ic-api.md 3.11). A round
//! runs as soon as a message has come, or else when a pause is over.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::answer::Refusal;
use super::instances::Instance;
use super::live::{Bell, PAUSE};

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
pub(crate) fn start(instance: &Arc<Instance>, delay: Option<u64>) -> Result<(), Refusal> {
    instance.live.begin(|bell| {
        let mut net = instance.hold()?;
        let now = now().max(net.time());
        net.set_certified_time(now)?;
        drop(net);
        let pause = PAUSE.max(Duration::from_millis(delay.unwrap_or(0)));
        let weak = Arc::downgrade(instance);
        std::thread::Builder::new()
            .name("auto progress".to_owned())
            .stack_size(super::STACK)
            .spawn(move || go_on(&weak, &bell, pause))
            .map_err(|error| Refusal::new(500, error.to_string()))
    })
}

fn go_on(instance: &Weak<Instance>, bell: &Bell, pause: Duration) {
    let mut last = Instant::now();
    loop {
        let Some(instance) = instance.upgrade() else {
            return;
        };
        let Ok(mut net) = instance.hold() else {
            return;
        };
        let passed = u64::try_from(last.elapsed().as_nanos()).unwrap_or(u64::MAX);
        last = Instant::now();
        let time = net.time().saturating_add(passed);
        if net.set_time(time).is_err() || drun_ic::until_failure(|| net.tick()).is_err() {
            return;
        }
        drop(net);
        drop(instance);
        bell.change(|state| state.rounds += 1);
        if !bell.wait(pause) {
            return;
        }
    }
}
