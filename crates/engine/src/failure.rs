//! What went wrong with the machine, or with this program: never the fault of the code that runs, and never told in the
//! words of a host.

use std::fmt;

use crate::memory::HeapError;

/// What the machine did not give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Address space or pages for the memory of an instance.
    Heap,
    /// Address space or pages for memory that a host keeps beside the heap.
    HostMemory,
    /// Memory for machine code.
    Code,
    /// Memory for the parts of an instance.
    Instance,
    /// A thread.
    Thread,
    /// Nothing: what all programs may hold by the user's wish is used up.
    Allowance,
    /// The code generator or its runtime did what it should not: a bug there or here.
    Engine,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resource::Heap => "the machine refuses memory for a heap",
            Resource::HostMemory => "the machine refuses memory beside a heap",
            Resource::Code => "the machine refuses memory for compiled code",
            Resource::Instance => "the machine refuses memory for an instance",
            Resource::Thread => "the machine refuses a thread",
            Resource::Allowance => "canisters want more memory than they are allowed",
            Resource::Engine => "the WebAssembly engine failed",
        })
    }
}

/// A failure of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was missing.
    pub resource: Resource,
    /// What was told about it.
    pub cause: String,
}

impl Failure {
    /// A failure with its cause.
    pub fn new(resource: Resource, cause: impl fmt::Display) -> Self {
        let cause = cause.to_string();
        Failure { resource, cause }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.resource, self.cause)
    }
}

impl std::error::Error for Failure {}

impl From<HeapError> for Failure {
    fn from(error: HeapError) -> Self {
        Failure::new(Resource::Heap, error)
    }
}

/// What the runtime says of a failure of the machine; nothing if it speaks of the module.
pub(crate) fn of_machine(error: &wasmtime::Error, resource: Resource) -> Option<Failure> {
    let refused = error.chain().any(|cause| {
        cause.is::<std::io::Error>() || matches!(cause.downcast_ref(), Some(HeapError::System(_)))
    });
    let told = || format!("{error:#}");
    (refused || told().contains("mmap") || told().contains(REFUSED))
        .then(|| Failure::new(resource, told()))
}

/// Occurs in what the creator of memories says when the system has refused.
const REFUSED: &str = "the system refuses memory for a heap";
