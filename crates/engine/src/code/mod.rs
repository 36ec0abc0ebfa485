//! From modules to machine code: who compiles what, where it is kept on disk, and what is compiled again beside the run.

mod cache;
mod compiler;
mod executable;
mod promotion;
mod room;
mod settings;
mod threads;
mod trouble;

pub use cache::limit_caches;
pub(crate) use compiler::Compiler;
pub use compiler::check_cache;
pub(crate) use promotion::{Promotions, Takeover, makes_way, portion};
pub use settings::Settings;
pub use trouble::troubles;
