//! Everything that can go wrong for a canister or its user: codes, texts and advice, to the letter. One file per family of errors, each
//! a table of code, text and help. Owns the wording only; who detects an error, and what happens then, is decided elsewhere.
//! What the user of this program does wrong is not here but a diagnostic of the room that reads the mistake.

mod call;
mod chunk_store;
mod code;
mod contract;
mod execution;
mod help;
mod ingress;
mod management;
mod management_routing;
mod module;
mod outcall;
mod query;
mod resources;
mod routing;
mod settings;
mod snapshot;
pub mod text;
mod trap;

use std::fmt;

pub use call::CallError;
pub use chunk_store::ChunkStoreError;
pub use code::{ErrorCode, RejectCode};
pub use contract::ContractViolation;
pub use execution::{ExecutionError, StablePages};
pub use help::{Help, TextsOf, documentation};
pub use ingress::IngressError;
pub use management::ManagementError;
pub use management_routing::{ManagementRoutingError, Unroutable};
pub use module::ModuleError;
pub use outcall::OutcallError;
pub use query::QueryError;
pub use resources::ResourceError;
pub use routing::{Reject, SystemReject};
pub use settings::SettingsError;
pub use snapshot::{MetadataFault, SnapshotError};
pub use text::OutOfCycles;
pub use trap::{Backtrace, Trap};

/// One line of a table of errors: code, text without help, help.
type Row = (ErrorCode, String, Help);

/// What a user is told when a message fails. Its debug form is what the replica's server prints, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserError {
    /// The number of the error.
    pub code: ErrorCode,
    /// The text, at most 8192 bytes.
    pub description: String,
}

impl UserError {
    /// An error whose description is shortened if need be (errors.md, 2.3).
    pub fn new(code: ErrorCode, description: impl Into<String>) -> Self {
        UserError {
            code,
            description: text::shorten_description(description.into()),
        }
    }

    /// An error whose help stands on a line of its own, without the stop that execution errors put before it.
    fn from_row((code, text, help): Row) -> Self {
        UserError::new(code, help.attach(text, "\n"))
    }
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.description)
    }
}

impl std::error::Error for UserError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_shortened_in_the_middle() {
        let error = UserError::new(ErrorCode::CanisterCalledTrap, "é".repeat(5000));
        let description = "é".repeat(2048) + "..." + &"é".repeat(2046);
        assert_eq!(error.description, description);
        assert_eq!(error.to_string(), format!("IC0503: {description}"));
    }

    #[test]
    fn the_debug_form_is_that_of_the_server() {
        let error = UserError::new(
            ErrorCode::CanisterWasmModuleNotFound,
            "Requested canister has no wasm module",
        );
        assert_eq!(
            format!("{error:?}"),
            r#"UserError { code: CanisterWasmModuleNotFound, description: "Requested canister has no wasm module" }"#
        );
    }
}
