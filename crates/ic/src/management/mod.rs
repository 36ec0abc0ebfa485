//! The management canister `aaaaa-aa`, one file per family of methods, and the state that its methods work on.
//! Knows canisters and how to run their code; rounds, and messages between canisters, are the business of the subnet.

pub mod chunks;
pub mod create;
pub mod cycles;
pub mod decode;
pub mod dispatch;
pub mod environment;
mod growth;
pub mod ids;
pub mod info;
pub mod install;
pub mod keys;
pub mod legacy_controller;
pub mod lifecycle;
pub mod logs;
pub mod method;
pub mod outcalls;
pub mod randomness;
pub mod raw_rand;
pub mod requested_settings;
pub mod reservation;
pub mod settings;
pub mod snapshots;
mod stages;
pub mod state;
pub mod status;
pub mod subnet_info;
mod target;
pub mod types;
mod wording;

pub use create::canister_id_reply;
pub use dispatch::{Caller, Notice, Verdict, empty_reply, execute, query};
pub use legacy_controller::legacy_controller;
pub use lifecycle::out_of_cycles;
pub use method::{Destination, Ingress as MethodAudience, Method};
pub use outcalls::Outcalls;
pub use settings::is_charged_late;
pub use stages::COMPILE_COST;
pub use state::{LongInstall, PrintedLine, State, Usage};
