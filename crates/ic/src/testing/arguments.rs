//! What a test passes to a method: Rust values as Candid, or bytes as they are.

use candid::utils::ArgumentEncoder;

use super::CallError;

/// Arguments of a call: a tuple of Candid values, `()` for none.
pub trait Arguments {
    /// The bytes of the message.
    ///
    /// # Errors
    /// Values that Candid cannot hold.
    fn encode(self) -> Result<Vec<u8>, CallError>;
}

impl<T: ArgumentEncoder> Arguments for T {
    fn encode(self) -> Result<Vec<u8>, CallError> {
        candid::encode_args(self).map_err(|error| CallError::Candid(error.to_string()))
    }
}
