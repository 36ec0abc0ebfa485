//! Words a Candid decode error as the library version 0.10.17 does, which the Internet Computer of October 2025 was built with: later
//! versions name larger types and describe the end of the bytes differently. Goes by what the library says, never decides what decodes.

use super::reader::{Readable, first, header};
use candid::types::{Label, Type, TypeInner};
use std::error::Error;

/// Types beyond about this many characters are left out of a text.
const LONGEST_TYPE: i32 = 500;

/// How the text begins that ends with a place in the source of the library.
const MISMATCH: &str = "Subtyping error: Type mismatch at ";

/// What `error` and the errors behind it say, the outermost first, for a `T` decoded from `payload`.
pub(super) fn causes<T: Readable>(error: &candid::Error, payload: &[u8]) -> Vec<String> {
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(error) = source {
        causes.push(error.to_string());
        source = error.source();
    }
    if size(&T::ty(), LONGEST_TYPE).is_none() {
        leave_types_out(&mut causes[0]);
    }
    // Headers are described alike.
    if causes[0].starts_with("Fail to decode")
        && let Some(last) = causes.last_mut()
        && let Some(older) = older_wording::<T>(last, payload)
    {
        *last = older;
    }
    causes
}

/// The layout of an error report of several lines.
pub(super) fn report(causes: &[String]) -> String {
    match causes {
        [] => String::new(),
        [only] => only.clone(),
        [first, cause] => format!("{first}\n\nCaused by:\n    {cause}"),
        [first, causes @ ..] => {
            let numbered: Vec<String> = causes
                .iter()
                .enumerate()
                .map(|(number, cause)| format!("{number:>5}: {cause}"))
                .collect();
            format!("{first}\n\nCaused by:\n{}", numbered.join("\n"))
        }
    }
}

/// Cuts ` from {type} to {type}` or `, the expected type {type} …`, which end their texts.
fn leave_types_out(text: &mut String) {
    for (start, types) in [
        ("Fail to decode argument ", " from "),
        ("No more values on the wire", ", the expected type "),
    ] {
        if text.starts_with(start)
            && let Some(end) = text.find(types)
        {
            text.truncate(end);
        }
    }
}

/// Version 0.10.17's estimate of how long a type prints, or `None` beyond `limit`. The fields of a record or variant use up the limit
/// faster than they add to the length, since each is charged with all those before it.
fn size(ty: &Type, limit: i32) -> Option<i32> {
    if limit <= 1 {
        return None;
    }
    let cost = match ty.as_ref() {
        TypeInner::Null | TypeInner::Bool | TypeInner::Text => 4,
        TypeInner::Nat8 | TypeInner::Int8 => 4,
        TypeInner::Nat | TypeInner::Int => 3,
        TypeInner::Float32 | TypeInner::Float64 => 7,
        TypeInner::Reserved => 8,
        TypeInner::Principal => 9,
        TypeInner::Opt(inner) | TypeInner::Vec(inner) => 4 + size(inner, limit - 4)?,
        TypeInner::Record(fields) | TypeInner::Variant(fields) => {
            let (mut sum, mut left) = (0, limit);
            for field in fields {
                let name = match field.id.as_ref() {
                    Label::Named(name) => i32::try_from(name.len()).ok()?,
                    Label::Id(_) => 4,
                    Label::Unnamed(_) => 0,
                };
                sum += name + size(&field.ty, left - name - 3)? + 3;
                left -= sum;
            }
            9 + sum
        }
        TypeInner::Func(function) => {
            let mut sum = 6 + if function.modes.is_empty() { 0 } else { 6 };
            let mut left = limit - sum;
            for ty in function.args.iter().chain(&function.rets) {
                sum += size(ty, left)?;
                left -= sum;
            }
            sum
        }
        // The other numbers; what else there is does not occur in our arguments.
        _ => 5,
    };
    (cost <= limit).then_some(cost)
}

/// Version 0.10.17's words for what a later version says about the end of the bytes and malformed flags in values.
fn older_wording<T: Readable>(text: &str, payload: &[u8]) -> Option<String> {
    Some(match text {
        "io error: failed to fill whole buffer" | "unexpected end of LEB128" => {
            let (offset, state) = stopped_at::<T>(payload)?;
            // A flag of an `opt nat` is missed in the same state.
            let within = payload.last().is_some_and(|byte| byte & 0x80 != 0);
            let of_number = within || !text.starts_with("io error");
            if of_number && state.contains("wire_type: nat,") {
                "io error: failed to fill whole buffer".into()
            } else if text.starts_with("io error") {
                "binary parser error: io error".into()
            } else {
                format!("binary parser error: self_0 at byte offset {offset}")
            }
        }
        "Expect 00 or 01" => {
            // The older version points at the flag, the later one has read it.
            let (offset, _) = stopped_at::<T>(payload)?;
            let flag = offset.checked_sub(1)?;
            format!("binary parser error: Expect 00 or 01 at byte offset {flag}")
        }
        // Only the message hash is such a vector.
        _ if text.starts_with("Not enough bytes for primitive vec: ") => {
            "Cannot read TypeInner :: Nat8 value".into()
        }
        // Ends with a place in the source of the library, which is another one on every machine.
        _ if text.starts_with(MISMATCH) => format!("{MISMATCH}candid/src/de.rs"),
        _ => {
            let offset = text.strip_prefix("binary parser error: len at ")?;
            format!("binary parser error: self_0 at {offset}")
        }
    })
}

/// Where decoding stops, in bytes, and what it was at: full messages begin with `input: {hex before}_{hex after}`.
fn stopped_at<T: Readable>(payload: &[u8]) -> Option<(usize, String)> {
    let error = header(payload, true).and_then(first::<T>).err()?;
    let text = error.to_string();
    let (before, after) = text.strip_prefix("input: ")?.split_once('_')?;
    Some((before.len() / 2, after.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::management::types::chunks::UploadChunkArgs;
    use crate::management::types::http::HttpRequestArgs;
    use crate::management::types::install::InstallCodeArgs;
    use crate::management::types::lifecycle::{
        CreateCanisterArgs, ProvisionalCreateArgs, ProvisionalTopUpArgs,
    };
    use crate::management::types::settings::UpdateSettingsArgs;
    use crate::management::types::snapshots::TakeSnapshotArgs;
    use candid::CandidType;

    #[test]
    fn the_types_that_errors_name_are_those_seen_in_errors() {
        fn named<T: CandidType>() -> bool {
            size(&T::ty(), LONGEST_TYPE).is_some()
        }
        assert!(named::<UploadChunkArgs>());
        assert!(named::<InstallCodeArgs>());
        assert!(!named::<UpdateSettingsArgs>());
        assert!(!named::<CreateCanisterArgs>());
        assert!(!named::<ProvisionalCreateArgs>());
        assert!(!named::<HttpRequestArgs>());
    }

    fn last_cause<T: Readable + std::fmt::Debug>(hex: &str) -> String {
        let payload = hex::decode(hex).expect("hexadecimal");
        let error = header(&payload, false)
            .and_then(first::<T>)
            .expect_err("does not decode");
        causes::<T>(&error, &payload)
            .pop()
            .expect("there is a cause")
    }

    /// What version 0.10.17 says, run on the same bytes.
    #[test]
    fn short_and_damaged_values_are_worded_as_by_the_older_version() {
        assert_eq!(
            last_cause::<UploadChunkArgs>("4449444c026d7b6c02ed8c8bae0400b3c4b1f204680101"),
            "binary parser error: self_0 at byte offset 23"
        );
        assert_eq!(
            last_cause::<ProvisionalTopUpArgs>(
                "4449444c016c02b3c4b1f20468d8a38ca80d7d0100010a00000000000000070101"
            ),
            "io error: failed to fill whole buffer"
        );
        assert_eq!(
            last_cause::<ProvisionalTopUpArgs>(
                "4449444c016c02b3c4b1f20468d8a38ca80d7d0100010a000000000000000701018080"
            ),
            "io error: failed to fill whole buffer"
        );
        assert_eq!(
            last_cause::<ProvisionalCreateArgs>(
                "4449444c056c03e3f9f5d90801cae5edbc0c04d8a38ca80d036e026c01c0cff271036e7d6e68010001"
            ),
            "binary parser error: io error"
        );
        assert_eq!(
            last_cause::<TakeSnapshotArgs>("4449444c036c02efc1e4cf0101b3c4b1f204686e026d7b0100"),
            "binary parser error: io error"
        );
        assert_eq!(
            last_cause::<UpdateSettingsArgs>(
                "4449444c046d686e006c01d7e09b9002016c02b3c4b1f20468e3f9f5d908020103010a000000000000000101015402010a00000000000000000101010a00000000000000010101"
            ),
            "binary parser error: Expect 00 or 01 at byte offset 45"
        );
        assert_eq!(
            last_cause::<InstallCodeArgs>(
                "4449444c036d7b6b019baaebec087f6c04d6fca70200a79fc97e00e3a683c30401b3c4b1f20468010200080061736d01000000"
            ),
            "binary parser error: self_0 at byte offset 51"
        );
    }

    #[test]
    fn no_text_names_a_path_of_the_machine() {
        assert_eq!(
            last_cause::<UploadChunkArgs>("4449444c00017f"),
            "Subtyping error: Type mismatch at candid/src/de.rs"
        );
    }

    #[test]
    fn reports_number_several_causes() {
        let causes = ["a", "b", "c"].map(String::from);
        assert_eq!(report(&causes[..1]), "a");
        assert_eq!(report(&causes[..2]), "a\n\nCaused by:\n    b");
        assert_eq!(report(&causes), "a\n\nCaused by:\n    0: b\n    1: c");
    }
}
