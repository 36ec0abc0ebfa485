//! The memories of canisters: the Wasm heap and the stable memory.
//!
//! Both can begin a level, be written, tell what changed, and then keep (`commit`) or undo (`rollback`) it at a
//! cost that depends on the pages touched and never on the size of the memory. This room knows nothing about
//! charges, limits or messages. It is one of the rooms where `unsafe` is allowed: it owns mappings, the handler of
//! memory faults, and the memory that wasmtime instances run on.

mod access;
mod activation;
mod arena;
mod core;
mod creator;
#[cfg(unix)]
mod fault;
#[cfg(not(unix))]
#[path = "no_faults.rs"]
mod fault;
mod fork;
mod heap;
mod hot;
mod image;
mod marks;
mod pages;
mod pool;
mod portable;
mod protection;
mod scarce;
mod settle;
mod sparse;
mod stable;
mod stack;
mod sys;
mod table;
mod touch;
mod tracker;
mod view;

#[cfg(test)]
mod image_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wasm_tests;

pub use access::{StableAccess, Touched};
pub use activation::Activation;
pub use creator::{configure, refresh_size, with_heap};
pub use heap::{Heap, HeapError, Rollback};
pub use image::{Image, ParkedHeap, ParkedStable};
pub(crate) use marks::{ACCESSED, WRITTEN};
pub(crate) use portable::{LIST_WASM_PAGES, STATES_AT, how, is_portable};
pub(crate) use scarce::address_space_is_limited;
pub use stable::{StableError, StableMemory};
pub use stack::remaining_stack;
#[cfg(unix)]
pub(crate) use sys::host_page_size;
pub use touch::TouchCount;
pub use tracker::MAX_LEVELS;
pub(crate) use tracker::WRITABLE;
pub(crate) use view::{HeapView, Told};

/// Bytes of the pages in which changes are counted and undone (docs/internet-computer/metering.md 4.1 and 4.2).
pub const PAGE_SIZE: usize = 4096;

/// Bytes of a Wasm page, the unit in which memories grow.
pub const WASM_PAGE_SIZE: usize = 65536;

/// The largest heap this room can hold, in bytes; the Internet Computer allows less.
pub const MAX_HEAP_BYTES: usize = 16 << 30;

/// The largest stable memory, in Wasm pages: 500 GiB (docs/internet-computer/metering.md 7.4).
pub const MAX_STABLE_WASM_PAGES: u64 = 8_192_000;

/// The content of one page.
pub type Page = [u8; PAGE_SIZE];

/// What a page holds that was never written.
static ZERO_PAGE: Page = [0; PAGE_SIZE];
