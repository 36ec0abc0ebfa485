//! What a test passes to a method: Rust values as Candid, or bytes as they are.

use candid::utils::ArgumentEncoder;

use super::CallError;

/// Arguments of a call: a tuple of Candid values, `()` for none, or [`Bytes`].
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

/// Bytes as they are, for arguments that are encoded already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Arguments for Bytes {
    fn encode(self) -> Result<Vec<u8>, CallError> {
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Subnet;

    #[test]
    fn bytes_arrive_as_they_are_in_messages_and_in_installations() {
        let module = wat::parse_str(
            r#"(module
              (import "ic0" "msg_arg_data_size" (func $size (result i32)))
              (import "ic0" "msg_arg_data_copy" (func $copy (param i32 i32 i32)))
              (import "ic0" "msg_reply" (func $reply))
              (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
              (memory 1)
              (global $kept (mut i32) (i32.const 0))
              (func (export "canister_init")
                (global.set $kept (call $size))
                (call $copy (i32.const 0) (i32.const 0) (call $size)))
              (func (export "canister_query kept")
                (call $append (i32.const 0) (global.get $kept)) (call $reply))
              (func (export "canister_update echo")
                (call $copy (i32.const 4096) (i32.const 0) (call $size))
                (call $append (i32.const 4096) (call $size)) (call $reply)))"#,
        )
        .expect("valid text");
        let mut subnet = Subnet::new();
        let canister = subnet.create();
        let bytes = Bytes(b"no Candid".to_vec());
        let installed = subnet.install(canister, &module, bytes.clone());
        installed.expect("it installs");
        let kept = subnet.call(canister, "kept").query_outcome();
        assert_eq!(kept.reply(), Ok(&b"no Candid"[..]));
        let call = subnet.call(canister, "echo").with(bytes);
        let echo = call.expect("nothing to encode").outcome();
        assert_eq!(echo.reply(), Ok(&b"no Candid"[..]));
        let five = candid::encode_one(5_u8).expect("it encodes");
        let echo: Result<(u8,), CallError> = subnet.update(canister, "echo", Bytes(five));
        assert_eq!(echo, Ok((5_u8,)));
    }
}
