//! In the place of `fault.rs` where there is no handler of memory faults: heaps are portable there, and nothing faults.

/// See `fault.rs`.
pub(super) enum Place {
    First,
    BeforeWasmtime,
}

/// Never called, since heaps are portable.
pub(super) fn install_fault_handler(_: Place) {
    unreachable!("nobody waits for faults of a portable heap");
}
