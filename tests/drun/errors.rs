//! Every error that can arise is shown by some case: the rows of errors.md, each with words that an expected output of `testdata/` or
//! `wat/` holds. That those outputs are ours is checked by `golden.rs`; the whole texts are checked beside the tables in `src/errors`.

use std::path::Path;

/// Code and words of a row. Where it is told to a canister alone, the code is the one that its reject code comes from.
#[rustfmt::skip] // a table
const ROWS: &[(u16, &str)] = &[
    // Execution, errors.md 3.2 and 4.1
    (513, "Canister requested to invoke a non-existent Wasm function"),
    (536, "Canister has no update method '"),
    (536, "Canister has no query method '"),
    (504, "ic0.msg_reply: the call is already replied"),
    (504, "\" cannot be executed in "),
    (522, " instructions for single message execution..\nTry optimizing this method"),
    (522, "Canister attempted to perform a large memory operation that used "),
    (505, "Canister's Wasm module is not valid: Failed to decode wasm module: unsupported canister module format"),
    (505, "Could not instrument wasm module of canister: "),
    (502, "Canister trapped: stack overflow.\nConsider"),
    (502, "Canister trapped: heap out of bounds.\nConsider"),
    (502, "Canister trapped: stable memory out of bounds.\nConsider"),
    (502, "Canister trapped: 32 bit stable memory api used on a memory larger than 4GB.\nConsider"),
    (502, "Canister trapped: integer division by 0.\nConsider"),
    (502, "Canister trapped: unreachable.\nConsider"),
    (502, "Canister trapped: table out of bounds.\nConsider"),
    (502, "Canister trapped: cycles amount exceeds 64-bit representation.\nConsider"),
    (502, "Canister trapped: unknown.\nConsider"),
    (502, "Canister trapped: unreachable\nCanister Backtrace:\n"),
    (503, "Canister called `ic0.trap` with message: '"),
    (537, "Attempted to execute a message, but the canister contains no Wasm module..\nPlease install code"),
    (507, "Canister cannot grow its memory usage..\nCheck the canister's memory usage"),
    (504, "Canister provided invalid principal id.\n"),
    (406, "Canister rejected the message"),
    (503, "\n\ncall_on_cleanup also failed:\n\n"),
    (532, "Canister cannot grow memory by "),
    (539, "Canister exceeded its current Wasm memory limit of "),
    (504, "Environment variable index "),
    // Calls and queries, errors.md 2.5 to 2.7 and 7
    (506, " did not reply to the call"),
    (506, " did not produce a response"),
    (506, "No response"),
    (508, " is stopped and therefore does not have a CallContextManager"),
    (508, " is not running"),
    (509, " is stopping"),
    (527, "Composite query cannot be called in replicated mode"),
    (525, "Composite query calls exceeded the maximum call depth."),
    (526, "Composite query calls exceeded the instruction limit."),
    (207, " is unable to process query calls because it's frozen. Please top up the canister with cycles and try again."),
    (207, " is out of cycles: please top up the canister with at least "),
    (301, "No route to canister "),
    (406, "Canister has been uninstalled."),
    (601, "Call deadline has expired."),
    // Users' messages, errors.md 5.1 and 5.2
    (536, "ic00 interface does not expose method "),
    (406, " can not be called via ingress messages"),
    (408, "Failed to parse payload for ic00 method canister_info: IC0408: Error decoding candid: "),
    (406, "Only canisters can call ic00 method "),
    (512, "Only controllers of canister "),
    (537, "Requested canister has no wasm module"),
    (536, " method is unknown."),
    (406, " method is not allowed to be called via ingress messages."),
    (408, "Cannot enqueue management message because its Candid payload is invalid."),
    (504, "canister_info cannot be called by a user."),
    (536, "Query method canister_info not found."),
    // Management calls of canisters that do not arrive, errors.md 5.7
    (536, "IC0536: Management canister has no method '"),
    (408, "IC0408: Error decoding candid: "),
    (408, "IC0408: Payload deserialization error."),
    (408, "IC0408: Payload deserialization error: Custom(Fail to decode argument 0\n\nCaused by:\n"),
    (504, "Management canister call payload includes sender canister version "),
    (301, "UserError(UserError { code: InvalidManagementPayload, description: "),
    (301, ": SubnetNotFound(CanisterId("),
    (301, ": AlreadyResolved("),
    (301, "ChainKeyError(\"Requested unknown threshold key: "),
    (301, "ChainKeyError(\"Requested unknown or disabled threshold key: "),
    // Management methods, errors.md 3.6
    (512, "Only the controllers of the canister "),
    (301, " not found.\nCheck the ICP dashboard to ensure the canister exists."),
    (101, "% which cannot be satisfied because the Subnet's remaining compute capacity is "),
    (101, " of memory but only "),
    (205, "Unsuccessful canister creation: canister id "),
    (403, "Creating a canister requires a fee of "),
    (405, "Unsuccessful validation of specified ID: "),
    (538, " is already installed.\n"),
    (408, "The `specified_id` "),
    (514, " cannot be installed because the canister is not empty. Try installing with mode='reinstall' instead.\n"),
    (207, "Canister installation failed with `"),
    (504, "Missing upgrade option: "),
    (504, "Invalid upgrade option: "),
    (510, " must be stopped before it is deleted.\n"),
    (512, " cannot delete itself.\n"),
    (206, "Stop canister request timed out"),
    (511, "'s stop request cancelled"),
    (402, " memory allocation but at least "),
    (530, "Cannot increase compute allocation to "),
    (531, "Cannot increase memory allocation to "),
    (504, "Error from Wasm chunk store: Chunk hash is invalid. The length is not 32."),
    (504, "] was not found."),
    (504, "Error from Wasm chunk store: Wasm module hash ["),
    (504, "Error from Wasm chunk store: Wasm chunk size "),
    (504, "Error from Wasm chunk store: Wasm chunk store has already reached maximum capacity of "),
    (504, "Error from Wasm chunk store: Error charging for 'upload_chunk': "),
    (504, "Error from Wasm chunk store: Bytes ["),
    (504, "Error from Wasm chunk store: WasmChunkHash ["),
    (504, "Invalid wasm hash ["),
    (301, "InstallChunkedCode Error: Store canister "),
    (305, "Could not find the snapshot ID "),
    (406, " does not belong to canister "),
    (406, "Failed to create snapshot for empty canister "),
    (406, " has reached the maximum number of snapshots allowed: "),
    (409, "Only canister snapshots created by metadata upload can be mutated."),
    (406, "Only a controller of the canister that snapshot "),
    (406, " is not currently loadable on the specified canister "),
    (408, "Wasm exported globals of canister module and snapshot metadata do not match."),
    (408, "Hook status (Ready) of uploaded snapshot is inconsistent"),
    (408, "Invalid subslice into wasm module / main memory / stable memory: "),
    (408, "Requested slice too large: "),
    (408, "Snapshot Metadata contains invalid data: WasmModuleEmpty"),
    (408, "Snapshot Metadata contains invalid data: WasmModuleTooLarge"),
    (408, "Snapshot Metadata contains invalid data: WasmMemoryNotPageAligned"),
    (408, "Snapshot Metadata contains invalid data: WasmMemoryTooLarge"),
    (408, "Snapshot Metadata contains invalid data: StableMemoryNotPageAligned"),
    (408, "Snapshot Metadata contains invalid data: StableMemoryTooLarge"),
    (408, "Snapshot Metadata contains invalid data: ExportedGlobalsTooLarge"),
    (408, "Snapshot Metadata contains invalid data: CertifiedDataTooLarge"),
    (406, " has no Wasm module and hence no metadata is available."),
    (406, " has no metadata section with the name "),
    (406, "fetch_canister_logs API is only accessible to end users in non-replicated mode"),
    (406, " is not allowed to access canister logs"),
    (406, "The caller is not authorized to call this method."),
    (504, ". It can only be called by NNS."),
    // Settings, errors.md 5.6
    (504, "ComputeAllocation expected to be in the range [0..100], got "),
    (504, "MemoryAllocation expected to be in the range [0..2^64-1], got "),
    (504, "MemoryAllocation expected to be in the range [0..543_313_362_944], got "),
    (504, "Freezing threshold expected to be in the range of [0..2^64-1], got "),
    (504, "Reserved cycles limit expected to be in the range of [0..2^128-1], got "),
    (504, "Wasm memory limit expected to be in the range of [0..2^64-1], got "),
    (504, "Wasm memory threshold expected to be in the range of [0..2^64-1], got "),
    (504, "Log memory limit expected to be in the range of [0..2^64-1], got "),
    (408, "Duplicate environment variables are not allowed"),
    (408, "Too many environment variables: "),
    (408, "Environment variable name \""),
    (408, "Environment variable value \""),
    (406, " is too low. It must be at least 4096."),
    (406, " is too high. It must be at most 4096."),
    // The world outside, errors.md 5.7
    (504, "This API is not enabled on this subnet"),
    (406, "http_request request sent with "),
    (406, "max_response_bytes expected to be in the range [0..2000000], got "),
    (406, "url size "),
    (207, "Canister http request timed out"),
    (406, "Permission denied."),
];

/// Codes that nobody is shown, and why.
const NEVER: &[(u16, &str)] = &[
    (102, "neither program limits the number of canisters"),
    (201, "only in older replicas"),
    (204, "a script sends one message at a time"),
    (208, "nothing makes it"),
    (404, "every sender is on a subnet"),
    (407, "no method is switched off by configuration"),
    (517, "nothing makes it"),
    (520, "nothing makes it"),
    (529, "would be a mistake of ours"),
    (535, "ic0.call_perform returns 2 instead"),
];

/// All expected outputs, with the replies as text too.
fn outputs(directory: &Path, text: &mut String) {
    for entry in std::fs::read_dir(directory).expect("a directory of cases") {
        let path = entry.expect("a readable directory").path();
        if path.is_dir() {
            outputs(&path, text);
        } else if path
            .extension()
            .is_some_and(|end| end == "ok" || end == "out")
        {
            let bytes = std::fs::read(&path).expect("a readable output");
            let output = String::from_utf8_lossy(&bytes);
            text.push_str(&output);
            for line in output.lines() {
                if let Some((_, digits)) = line.split_once("Reply: 0x")
                    && let Ok(reply) = hex::decode(digits)
                {
                    text.push_str(&String::from_utf8_lossy(&reply));
                    text.push('\n');
                }
            }
        }
    }
}

fn all_outputs() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    outputs(&root.join("testdata"), &mut text);
    outputs(&root.join("wat"), &mut text);
    text
}

#[test]
fn every_row_is_shown_by_a_case() {
    let text = all_outputs();
    let missing: Vec<_> = ROWS
        .iter()
        .filter(|(_, words)| !text.contains(words))
        .collect();
    assert!(missing.is_empty(), "no case shows {missing:#?}");
}

#[test]
fn what_nobody_is_shown_is_not_shown() {
    let text = all_outputs();
    for (code, reason) in NEVER {
        assert!(
            !text.contains(&format!("IC{code:04}: ")),
            "{code}: {reason}"
        );
        assert!(ROWS.iter().all(|(shown, _)| shown != code), "{code}");
    }
}
