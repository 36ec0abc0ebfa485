//! The targets: functions of bytes that panic on a finding. They know neither where the bytes come from nor how many there are.

mod code;
mod operators;
mod readers;
mod stored;
mod traffic;

pub use code::instrumentation;
pub use operators::operators;
pub use readers::{candid, configuration, module, round_trip, script, suite};
pub use stored::{METHODS as SNAPSHOT_METHODS, cache, snapshot_module, snapshots};
pub use traffic::{seeds as traffic_seeds, traffic};
