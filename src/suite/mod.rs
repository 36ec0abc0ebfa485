//! Golden suites: finds cases, runs several at a time, compares, accepts, and hands the results on in the order of their
//! names. Used by `drun test`; knows no command line.

pub mod accept;
pub mod baseline;
pub mod case;
mod child;
mod compilation;
pub mod directives;
pub mod duration;
pub mod durations;
pub mod execute;
pub mod find;
mod motoko;
mod names;
pub mod normalize;
pub mod paths;
pub mod pattern;
mod pipes;
pub mod replace;
pub mod report;
mod run;
pub mod select;
pub mod settings;
mod tested;
pub mod thread;
pub mod verdict;
pub mod worker;

pub use accept::Acceptance;
pub use case::Case;
pub use find::Suite;
pub use run::{Events, Results, run};
pub use tested::Tested;
