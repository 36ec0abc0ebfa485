//! The targets: functions of bytes that panic on a finding. They know neither where the bytes come from nor how many there are.

mod code;
#[cfg(feature = "serve")]
mod http;
mod model;
mod operators;
mod readers;
#[cfg(feature = "serve")]
mod signed;
#[cfg(feature = "serve")]
#[path = "../../support/signing.rs"]
mod signing;
mod stored;
mod traffic;

pub use code::{instrumentation, random_canister};
#[cfg(feature = "serve")]
pub use http::{http, seeds as http_seeds};
pub use operators::operators;
pub use readers::{SCRIPT, candid, configuration, module, round_trip, script, suite, values};
#[cfg(feature = "serve")]
pub use signed::{seeds as signed_seeds, signed, status as signed_status};
pub use stored::{METHODS as SNAPSHOT_METHODS, cache, snapshot_module, snapshots};
pub use traffic::{seeds as traffic_seeds, traffic};
