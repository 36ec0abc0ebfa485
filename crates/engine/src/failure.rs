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
pub fn of_machine(error: &wasmtime::Error, resource: Resource) -> Option<Failure> {
    let refused = error.chain().any(|cause| {
        cause.is::<std::io::Error>() || matches!(cause.downcast_ref(), Some(HeapError::System(_)))
    });
    let told = || format!("{error:#}");
    let root = error.root_cause().to_string();
    (refused || is_of_system(&root) || told().contains("mmap") || told().contains(REFUSED))
        .then(|| Failure::new(resource, told()))
}

/// Whether a text is all that a system says of an error, `Cannot allocate memory (os error 12)`: what the runtime keeps of one it
/// was told in another type than the standard library's. What a module is called or holds never stands alone.
fn is_of_system(text: &str) -> bool {
    let Some((words, number)) = text.split_once(" (os error ") else {
        return false;
    };
    let plain = |c: char| c.is_ascii_alphabetic() || c == ' ';
    words.chars().all(plain)
        && number
            .strip_suffix(')')
            .is_some_and(|number| number.parse::<u32>().is_ok())
}

/// Occurs in what the creator of memories says when the system has refused.
const REFUSED: &str = "the system refuses memory for a heap";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_system_says_is_known_by_its_form() {
        assert!(is_of_system("Cannot allocate memory (os error 12)"));
        for text in [
            "unknown import: `a::Cannot allocate memory (os error 12)` has not been defined",
            "Cannot allocate memory (os error twelve)",
            "Cannot allocate memory",
        ] {
            assert!(!is_of_system(text), "{text}");
        }
    }
}
