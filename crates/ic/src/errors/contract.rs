//! What a canister does wrong when it uses the system interface: everything that prints as "Canister violated contract".
//! Owns the texts and their advice (errors.md, 3.3; system-api.md, 1.3 to 1.11 and 3.4); the order of the checks is the
//! system interface's.

use std::fmt;

use candid::Principal;

use super::help::Help;

/// A misuse of the system interface. `api` is the name of the function without `ic0`; sizes and addresses are bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContractViolation {
    /// The range `[src, src + len)` ends behind the slice of `size` bytes. Destinations and offsets are called `src`, too.
    OutOfBounds {
        context: &'static str,
        src: u64,
        len: u64,
        size: u64,
    },
    /// `src + len` does not fit into 64 bits.
    InvalidAddress {
        context: &'static str,
        src: u64,
        len: u64,
    },
    /// A 16-byte result does not fit into the heap at `dst`.
    ResultOutOfBounds {
        api: &'static str,
        dst: u64,
        heap: u64,
    },
    /// The data to certify lies outside the heap.
    CertifiedDataOutOfBounds { src: u64, size: u64, heap: u64 },
    /// A part that the certificate does not have was asked for.
    CertificateOffsetOutOfBounds { offset: u64, size: u64, len: u64 },
    /// The part of the certificate does not fit into the heap at `dst`.
    CertificateDestinationOutOfBounds { dst: u64, size: u64, heap: u64 },

    /// `msg_reply`, `msg_reply_data_append` or `msg_reject` in a call that has its answer.
    AlreadyReplied(&'static str),
    /// The reject message is not text.
    RejectNotUtf8,
    /// `accept_message` a second time.
    AlreadyAccepted,
    /// A function that needs a call under construction.
    NoCallUnderConstruction { api: &'static str },
    /// `call_on_cleanup` a second time for one call.
    CleanupAlreadySet,
    /// `call_with_best_effort_response` a second time for one call.
    TimeoutAlreadySet,
    /// A callback where there is none to be called.
    CallbackNotAllowed,
    /// `mint_cycles128` by `canister`, which is not the cycles minting canister.
    CannotMint { canister: Principal },
    /// The name of a key is not text; the name with its bad bytes replaced.
    KeyNameNotUtf8(String),

    /// The module has no memory.
    NoMemory,
    /// The export called `memory` is something else.
    MemoryExportIsNoMemory,
    /// The module has no table.
    NoTable,
    /// The export called `table` is something else.
    TableExportIsNoTable,
    /// The table entry of a callback is not of a function type.
    NotAFunctionReference,
    /// The table entry of a callback is null.
    NullFunction,
    /// The export of an entry point is not a function.
    ExportIsNoFunction,
    /// A function of another type was expected.
    SignatureMismatch,
    /// A 32-bit module gave a callback an environment above 32 bits.
    EnvironmentTooLarge { env: u64 },

    /// A function that the mode of this execution does not allow.
    WrongContext {
        api: &'static str,
        mode: &'static str,
    },
    /// The reply grew to `size` bytes.
    ReplyTooLarge { size: u64, max: u64 },
    /// The reject message has `size` bytes.
    RejectTooLarge { size: u64, max: u64 },
    /// More than 32 bytes to certify.
    CertifiedDataTooLarge { size: u64 },
    /// The name of the method to call is too long.
    MethodNameTooLong { size: u64, max: u64 },
    /// Method name and payload of a call are too long taken together; `max` is the limit that is *named*: 10485760 while the payload is appended, 2097152 when the
    /// call is performed.
    PayloadTooLarge {
        callee: Principal,
        method: String,
        size: u64,
        max: u64,
    },
    /// There is no such performance counter.
    PerformanceCounterType(u32),
    /// The name of an environment variable is too long.
    EnvironmentVariableNameTooLong { api: &'static str },
    /// The name of an environment variable is not text.
    EnvironmentVariableNameNotUtf8 { api: &'static str },
    /// The parameters of an outcall whose price is asked for do not decode, or are too large. The wording is ours.
    OutcallParameters,
}

impl ContractViolation {
    /// The advice that follows the text.
    pub fn help(&self) -> Help {
        self.row().1
    }

    #[rustfmt::skip] // a table
    fn row(&self) -> (String, Help) {
        use ContractViolation::*;
        use Help::{Documented, Suggestion, Toolchain};
        match self {
            // Ranges
            OutOfBounds { context, src, len, size } => (format!("{context}: src={src} + length={len} exceeds the slice size={size}"), Toolchain),
            InvalidAddress { context, src, len } => (format!("{context}: src={src} + length={len} is an invalid address"), Toolchain),
            ResultOutOfBounds { api, dst, heap } => (format!("ic0_{} failed because dst + size is out of bounds.Found dst = {dst} and size = 16 while must be <= {heap}", if *api == "mint_cycles128" { "mint_cycles_128" } else { api }), Toolchain),
            CertifiedDataOutOfBounds { src, size, heap } => (format!("ic0_certified_data_set failed because src + size is out of bounds. Found src = {src} and size = {size} while src + size must be <= {heap}"), Toolchain),
            CertificateOffsetOutOfBounds { offset, size, len } => (format!("ic0_data_certificate_copy failed because offset + size is out of bounds. Found offset = {offset} and size = {size} while offset + size must be <= {len}"), Toolchain),
            CertificateDestinationOutOfBounds { dst, size, heap } => (format!("ic0_data_certificate_copy failed because dst + size is out of bounds. Found dst = {dst} and size = {size} while dst + size must be <= {heap}"), Toolchain),

            // Order of calls
            AlreadyReplied(api) => (format!("ic0.{api}: the call is already replied{}", if *api == "msg_reply_data_append" { "." } else { "" }), Toolchain),
            RejectNotUtf8 => ("ic0.msg_reject: invalid UTF-8 string provided".into(), Toolchain),
            AlreadyAccepted => ("ic0.accept_message: the function was already called.".into(), Toolchain),
            NoCallUnderConstruction { api } => (format!("ic0{}{api} called when no call is under construction.", if api.starts_with("call_cycles_add") { "_" } else { "." }), Toolchain),
            CleanupAlreadySet => ("ic0.call_on_cleanup can be called at most once between `ic0.call_new` and `ic0.call_perform`".into(), Toolchain),
            TimeoutAlreadySet => ("ic0_call_with_best_effort_response failed because a timeout is already set.".into(), Toolchain),
            CallbackNotAllowed => ("Tried to register a callback in a context where it isn't allowed.".into(), Toolchain),
            CannotMint { canister } => (format!("ic0.mint_cycles128 cannot be executed on non Cycles Minting Canister: {canister} != rkp4c-7iaaa-aaaaa-aaaca-cai"), Toolchain),
            KeyNameNotUtf8(name) => (format!("Failed to decode key name {name}"), Toolchain),
            OutcallParameters => ("ic0.cost_http_request_v2: cannot decode parameters".into(), Toolchain),

            // What the module lacks
            NoMemory => ("WebAssembly module must define memory".into(), Toolchain),
            MemoryExportIsNoMemory => ("export 'memory' is not a memory".into(), Toolchain),
            NoTable => ("table not found".into(), Toolchain),
            TableExportIsNoTable => ("export 'table' is not a table".into(), Toolchain),
            NotAFunctionReference => ("not a function reference".into(), Toolchain),
            NullFunction => ("unexpected null function reference".into(), Toolchain),
            ExportIsNoFunction => ("export is not a function".into(), Toolchain),
            SignatureMismatch => ("function invocation does not match its signature".into(), Toolchain),
            EnvironmentTooLarge { env } => (format!("error converting additional value {env} to u32"), Toolchain),

            // What the author of the canister can change
            WrongContext { api, mode } => (
                format!(r#""ic0{}{api}" cannot be executed in {mode} mode"#, if matches!(*api, "root_key_copy" | "subnet_self_copy") { "." } else { "_" }),
                Documented("Check the ICP documentation to make sure APIs are being called in the correct message types.", "calling-a-system-api-from-the-wrong-mode"),
            ),
            ReplyTooLarge { size, max } => (
                format!("ic0.msg_reply_data_append: application payload size ({size}) cannot be larger than {max}."),
                Documented("Consider checking the response size and returning an error if it is too long.", "msg_reply_data_append-payload-too-large"),
            ),
            RejectTooLarge { size, max } => (
                format!("ic0.msg_reject: application payload size ({size}) cannot be larger than {max}."),
                Documented("Try truncating the error messages that are too long.", "msg_reject-payload-too-large"),
            ),
            CertifiedDataTooLarge { size } => (
                format!("ic0_certified_data_set failed because the passed data must be no larger than 32 bytes. Found {size} bytes."),
                Documented("Try certifying just the hash of your data instead of the full contents.", "certified_data_set-payload-too-large"),
            ),
            MethodNameTooLong { size, max } => (
                format!("Size of method_name {size} exceeds the allowed limit of {max}."),
                // The replica forgot to fill in the blanks.
                Documented("Size of method_name {} exceeds the allowed limit of {}.", "canister-made-a-call-with-too-large-method-name"),
            ),
            PayloadTooLarge { callee, method, size, max } => (
                format!("Request to {callee}:{method} has a payload size of {size}, which exceeds the allowed limit of {max}."),
                Documented("Check the canister for errors or redesign the target API to allow shorter messages", "canister-made-a-call-with-too-large-payload"),
            ),
            PerformanceCounterType(counter) => (format!("Error getting performance counter type {counter}"), Help::None),
            EnvironmentVariableNameTooLong { api } => (format!("ic0.{api}: Variable name is too large."), Help::None),
            EnvironmentVariableNameNotUtf8 { api } => (
                format!("ic0.{api}: Variable name is not a valid UTF-8 string."),
                Suggestion("Provide a valid UTF-8 string for the environment variable name."),
            ),
        }
    }
}

impl fmt::Display for ContractViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.row().0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::help::documentation;
    use super::*;

    fn id(text: &str) -> Principal {
        Principal::from_text(text).unwrap()
    }

    #[test]
    #[rustfmt::skip]
    fn every_fault_of_the_toolchain_has_its_text() {
        use ContractViolation::*;
        for (error, text) in [
            (OutOfBounds { context: "msg.reply", src: 65536, len: 7, size: 65536 }, "msg.reply: src=65536 + length=7 exceeds the slice size=65536"),
            (InvalidAddress { context: "ic0.is_controller", src: u64::MAX, len: 1 }, "ic0.is_controller: src=18446744073709551615 + length=1 is an invalid address"),
            (ResultOutOfBounds { api: "canister_cycle_balance128", dst: 65530, heap: 65536 }, "ic0_canister_cycle_balance128 failed because dst + size is out of bounds.Found dst = 65530 and size = 16 while must be <= 65536"),
            (ResultOutOfBounds { api: "mint_cycles128", dst: 1, heap: 0 }, "ic0_mint_cycles_128 failed because dst + size is out of bounds.Found dst = 1 and size = 16 while must be <= 0"),
            (CertifiedDataOutOfBounds { src: 9, size: 2, heap: 10 }, "ic0_certified_data_set failed because src + size is out of bounds. Found src = 9 and size = 2 while src + size must be <= 10"),
            (CertificateOffsetOutOfBounds { offset: 9, size: 2, len: 10 }, "ic0_data_certificate_copy failed because offset + size is out of bounds. Found offset = 9 and size = 2 while offset + size must be <= 10"),
            (CertificateDestinationOutOfBounds { dst: 9, size: 2, heap: 10 }, "ic0_data_certificate_copy failed because dst + size is out of bounds. Found dst = 9 and size = 2 while dst + size must be <= 10"),
            (AlreadyReplied("msg_reply"), "ic0.msg_reply: the call is already replied"),
            (AlreadyReplied("msg_reject"), "ic0.msg_reject: the call is already replied"),
            (AlreadyReplied("msg_reply_data_append"), "ic0.msg_reply_data_append: the call is already replied."),
            (RejectNotUtf8, "ic0.msg_reject: invalid UTF-8 string provided"),
            (AlreadyAccepted, "ic0.accept_message: the function was already called."),
            (NoCallUnderConstruction { api: "call_data_append" }, "ic0.call_data_append called when no call is under construction."),
            (NoCallUnderConstruction { api: "call_on_cleanup" }, "ic0.call_on_cleanup called when no call is under construction."),
            (NoCallUnderConstruction { api: "call_perform" }, "ic0.call_perform called when no call is under construction."),
            (NoCallUnderConstruction { api: "call_with_best_effort_response" }, "ic0.call_with_best_effort_response called when no call is under construction."),
            (NoCallUnderConstruction { api: "call_cycles_add" }, "ic0_call_cycles_add called when no call is under construction."),
            (NoCallUnderConstruction { api: "call_cycles_add128" }, "ic0_call_cycles_add128 called when no call is under construction."),
            (CleanupAlreadySet, "ic0.call_on_cleanup can be called at most once between `ic0.call_new` and `ic0.call_perform`"),
            (TimeoutAlreadySet, "ic0_call_with_best_effort_response failed because a timeout is already set."),
            (CallbackNotAllowed, "Tried to register a callback in a context where it isn't allowed."),
            (CannotMint { canister: id("rwlgt-iiaaa-aaaaa-aaaaa-cai") }, "ic0.mint_cycles128 cannot be executed on non Cycles Minting Canister: rwlgt-iiaaa-aaaaa-aaaaa-cai != rkp4c-7iaaa-aaaaa-aaaca-cai"),
            (KeyNameNotUtf8("\u{fffd}k".into()), "Failed to decode key name \u{fffd}k"),
            (OutcallParameters, "ic0.cost_http_request_v2: cannot decode parameters"),
            (NoMemory, "WebAssembly module must define memory"),
            (MemoryExportIsNoMemory, "export 'memory' is not a memory"),
            (NoTable, "table not found"),
            (TableExportIsNoTable, "export 'table' is not a table"),
            (NotAFunctionReference, "not a function reference"),
            (NullFunction, "unexpected null function reference"),
            (ExportIsNoFunction, "export is not a function"),
            (SignatureMismatch, "function invocation does not match its signature"),
            (EnvironmentTooLarge { env: 1 << 32 }, "error converting additional value 4294967296 to u32"),
        ] {
            assert_eq!(error.to_string(), text);
            assert_eq!(error.help(), Help::Toolchain, "{error}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn every_fault_of_the_user_has_its_text_and_advice() {
        use ContractViolation::*;
        let callee = || id("rrkah-fqaaa-aaaaa-aaaaq-cai");
        let mode = "Check the ICP documentation to make sure APIs are being called in the correct message types.";
        let payload = "Check the canister for errors or redesign the target API to allow shorter messages";
        for (error, text, suggestion, anchor) in [
            (WrongContext { api: "call_new", mode: "update" }, r#""ic0_call_new" cannot be executed in update mode"#, mode, "calling-a-system-api-from-the-wrong-mode"),
            (WrongContext { api: "root_key_size", mode: "cleanup" }, r#""ic0_root_key_size" cannot be executed in cleanup mode"#, mode, "calling-a-system-api-from-the-wrong-mode"),
            (WrongContext { api: "root_key_copy", mode: "inspect message" }, r#""ic0.root_key_copy" cannot be executed in inspect message mode"#, mode, "calling-a-system-api-from-the-wrong-mode"),
            (WrongContext { api: "subnet_self_copy", mode: "start" }, r#""ic0.subnet_self_copy" cannot be executed in start mode"#, mode, "calling-a-system-api-from-the-wrong-mode"),
            (ReplyTooLarge { size: 2097153, max: 2097152 }, "ic0.msg_reply_data_append: application payload size (2097153) cannot be larger than 2097152.", "Consider checking the response size and returning an error if it is too long.", "msg_reply_data_append-payload-too-large"),
            (RejectTooLarge { size: 3145729, max: 3145728 }, "ic0.msg_reject: application payload size (3145729) cannot be larger than 3145728.", "Try truncating the error messages that are too long.", "msg_reject-payload-too-large"),
            (CertifiedDataTooLarge { size: 33 }, "ic0_certified_data_set failed because the passed data must be no larger than 32 bytes. Found 33 bytes.", "Try certifying just the hash of your data instead of the full contents.", "certified_data_set-payload-too-large"),
            (MethodNameTooLong { size: 20001, max: 20000 }, "Size of method_name 20001 exceeds the allowed limit of 20000.", "Size of method_name {} exceeds the allowed limit of {}.", "canister-made-a-call-with-too-large-method-name"),
            (PayloadTooLarge { callee: callee(), method: "go".into(), size: 10485761, max: 10485760 }, "Request to rrkah-fqaaa-aaaaa-aaaaq-cai:go has a payload size of 10485761, which exceeds the allowed limit of 10485760.", payload, "canister-made-a-call-with-too-large-payload"),
        ] {
            assert_eq!(error.to_string(), text);
            assert_eq!(error.help().to_string(), format!("{suggestion} See documentation: {}{anchor}", documentation()));
        }
        for (error, text, help) in [
            (PerformanceCounterType(2), "Error getting performance counter type 2", ""),
            (EnvironmentVariableNameTooLong { api: "env_var_name_exists" }, "ic0.env_var_name_exists: Variable name is too large.", ""),
            (EnvironmentVariableNameNotUtf8 { api: "env_var_value_copy" }, "ic0.env_var_value_copy: Variable name is not a valid UTF-8 string.", "Provide a valid UTF-8 string for the environment variable name."),
        ] {
            assert_eq!(error.to_string(), text);
            assert_eq!(error.help().to_string(), help);
        }
    }
}
