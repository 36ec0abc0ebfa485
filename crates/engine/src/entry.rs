//! Which function of a program runs, and why none did.

/// Which function runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// An exported function without parameters and results.
    Export(&'a str),
    /// A function of the table with one address as parameter and no results.
    Table {
        /// Its index in the table.
        function: u32,
        /// The argument.
        argument: u64,
    },
}

/// Why no code ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotEntered {
    /// The export is missing or something else.
    NoFunction,
    /// There is no table.
    NoTable,
    /// The export of the table is something else.
    NotATable,
    /// The table is shorter.
    NoElement(u32),
    /// The element is null.
    NullElement,
    /// The element is no function.
    NotAFunctionReference,
    /// The function has other parameters or results.
    Signature,
    /// The argument does not fit into 32 bits.
    ArgumentTooLarge(u64),
}

/// Why an entry point did not return.
pub(crate) enum Fault {
    /// No code ran.
    Before(NotEntered),
    /// It trapped, in these functions, innermost first: their indices in the rewritten module.
    Trapped(wasmtime::Trap, Vec<u32>),
    /// The host or the engine ended it, and the instance holds the reason.
    Ended,
    /// The interpreter cannot run it.
    Unable,
    /// The runtime did what it should not.
    Engine(wasmtime::Error),
}
