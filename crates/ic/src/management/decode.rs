//! Decodes what a method is called with, as strictly and as leniently as the Internet Computer (management-canister.md, section
//! 0.3), and words what does not decode (errors.md, section 5.8). Owns no types; those are in `types`.

use super::reader::{Readable, first, header, long_header};
use super::types::install::{
    InstallChunkedCodeArgs, InstallChunkedCodeArgsLegacy, InstallCodeArgs, OldInstallCodeArgs,
};
use super::types::lifecycle::CreateCanisterArgs;
use super::types::settings::AskedSettings;
use super::types::snapshots::{OldTakeSnapshotArgs, TakeSnapshotArgs};
use super::wording;
use crate::errors::{ErrorCode, ManagementError, UserError};
use candid::Reserved;
use std::fmt;

/// How the description of most decode errors begins.
const INTRODUCTION: &str = "Error decoding candid: ";

/// An argument that does not decode: IC0408. Prints as the description of that error, without the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError(String);

impl DecodeError {
    fn of(causes: &[String]) -> Self {
        DecodeError(format!("{INTRODUCTION}{}", causes.join(": ")))
    }

    /// The description without its introduction: what [`crate::errors`] calls the reason.
    pub fn reason(&self) -> &str {
        self.0.strip_prefix(INTRODUCTION).unwrap_or(&self.0)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DecodeError {}

impl From<DecodeError> for UserError {
    fn from(error: DecodeError) -> Self {
        UserError::new(ErrorCode::InvalidManagementPayload, error.0)
    }
}

impl From<DecodeError> for ManagementError {
    fn from(error: DecodeError) -> Self {
        ManagementError::Undecodable {
            reason: error.reason().to_owned(),
        }
    }
}

/// An argument as it came: decoded, or why that failed.
pub type Given<A> = Result<A, DecodeError>;

/// The argument of a method. Unknown fields and further arguments are skipped, missing `opt` fields are `None`, and so is a value
/// under `opt` that does not fit.
pub fn one<T: Readable>(payload: &[u8]) -> Result<T, DecodeError> {
    header(payload, false)
        .and_then(first)
        .map_err(|error| DecodeError::of(&wording::causes::<T>(&error, payload)))
}

/// What a message of anybody begins with, however much else it really holds: a few bytes that claim to be a billion values are an
/// error.
///
/// # Errors
/// The decoder's own.
pub fn beginning<T: Readable>(message: &[u8]) -> Result<T, candid::Error> {
    long_header(message).and_then(first)
}

/// Checks the payload of a method without arguments; what it holds is skipped.
pub fn nothing(payload: &[u8]) -> Result<(), DecodeError> {
    header(payload, false)
        .and_then(|mut values| values.done())
        .map_err(|error| DecodeError::of(&wording::causes::<Reserved>(&error, payload)))
}

/// The argument of `create_canister`. Every Candid message whose first argument does not fit means "all defaults".
pub fn create_canister(payload: &[u8]) -> Result<CreateCanisterArgs<AskedSettings>, DecodeError> {
    let Ok(values) = header(payload, false) else {
        return Err(DecodeError("Payload deserialization error.".into()));
    };
    type Args = Option<CreateCanisterArgs<AskedSettings>>;
    let args = first::<Args>(values).map_err(|error| {
        let causes = wording::causes::<Args>(&error, payload);
        DecodeError(format!(
            "Payload deserialization error: Custom({})",
            wording::report(&causes)
        ))
    })?;
    Ok(args.unwrap_or_default())
}

/// The argument of `install_code`, with the allocations that only the replica of March 2025 obeys. Errors speak of the form without.
pub fn install_code(payload: &[u8]) -> Result<OldInstallCodeArgs, DecodeError> {
    one(payload).or_else(|_| one::<InstallCodeArgs>(payload).map(OldInstallCodeArgs::from))
}

/// The argument of `take_canister_snapshot` in a replica before 2026. Errors speak of the form that it knew; later fields are read so that they
/// can be told to be ignored.
pub fn old_take_snapshot(payload: &[u8]) -> Result<TakeSnapshotArgs, DecodeError> {
    let known = one::<OldTakeSnapshotArgs>(payload)?;
    Ok(one(payload).unwrap_or_else(|_| known.into()))
}

/// An argument that no method looks at.
pub fn unread(_: &[u8]) -> Result<(), DecodeError> {
    Ok(())
}

/// The argument of `install_chunked_code`, in its form of today or, failing that, the older one. Errors speak of the form of today.
pub fn install_chunked_code(payload: &[u8]) -> Result<InstallChunkedCodeArgs, DecodeError> {
    one(payload).or_else(|error| match one::<InstallChunkedCodeArgsLegacy>(payload) {
        Ok(args) => Ok(args.into()),
        Err(_) => Err(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::management::method::Method;
    use crate::management::types::http::{HttpHeader, HttpMethod, HttpRequestArgs};
    use crate::management::types::keys::{
        EcdsaCurve, EcdsaKeyId, SignWithEcdsaArgs, VetKdDeriveKeyArgs,
    };
    use crate::management::types::lifecycle::CanisterIdRecord;
    use crate::management::types::limited::Limited;
    use crate::management::types::settings::{CanisterSettings, UpdateSettingsArgs};
    use crate::management::types::snapshots::LoadSnapshotArgs;
    use crate::protocol::Date;
    use candid::{CandidType, Encode, Principal};

    fn bytes(hex: &str) -> Vec<u8> {
        hex::decode(hex).expect("the test's payload is hexadecimal")
    }

    fn error_of(method: Method, payload: &[u8]) -> String {
        let error = method
            .open(payload, Date::November2026)
            .destination()
            .expect_err("does not decode");
        assert_eq!(
            UserError::from(error.clone()).to_string(),
            format!("IC0408: Error decoding candid: {}", error.reason())
        );
        error.reason().to_string()
    }

    /// `record { canister_id }` of canister number 0, by hand.
    const RECORD: &str = "4449444c016c01b3c4b1f204680100010a00000000000000000101";

    #[test]
    fn rows_about_the_header() {
        let row = |hex| error_of(Method::StartCanister, &bytes(hex));
        assert_eq!(
            row(""),
            "Cannot parse header : binary parser error: io error"
        );
        assert_eq!(
            row("010203"),
            "Cannot parse header 010203: binary parser error: io error"
        );
        assert_eq!(
            row("4449444c"),
            "Cannot parse header 4449444c: binary parser error: len at byte offset 4"
        );
    }

    #[test]
    fn rows_about_missing_and_misfit_values() {
        let row = |method, hex| error_of(method, &bytes(hex));
        use Method::{StartCanister, UpdateSettings, UploadChunk};
        assert_eq!(
            row(StartCanister, "4449444c0000"),
            "No more values on the wire, the expected type record { canister_id : principal } is not opt, null, or reserved"
        );
        assert_eq!(
            row(UploadChunk, "4449444c0000"),
            "No more values on the wire, the expected type record { chunk : blob; canister_id : principal } is not opt, null, or reserved"
        );
        assert_eq!(
            row(UpdateSettings, "4449444c0000"),
            "No more values on the wire"
        );
        assert_eq!(
            row(StartCanister, "4449444c016c000100"),
            "Fail to decode argument 0 from table0 to record { canister_id : principal }: Subtyping error: principal"
        );
        assert_eq!(
            row(UploadChunk, "4449444c016c000100"),
            "Fail to decode argument 0 from table0 to record { chunk : blob; canister_id : principal }: Subtyping error: vec nat8"
        );
        assert_eq!(
            row(UpdateSettings, "4449444c016c000100"),
            "Fail to decode argument 0: Subtyping error: principal"
        );
        assert_eq!(
            row(UploadChunk, RECORD),
            "Fail to decode argument 0 from table0 to record { chunk : blob; canister_id : principal }: Subtyping error: field chunk is not optional field"
        );
    }

    #[test]
    fn rows_about_the_end_of_the_bytes() {
        let short = bytes("4449444c016c01b3c4b1f204680100010a0000000000000000");
        assert_eq!(
            error_of(Method::StartCanister, &short),
            "Fail to decode argument 0 from table0 to record { canister_id : principal }: Deserialize error: binary parser error: io error"
        );
        assert_eq!(
            error_of(Method::UpdateSettings, &short),
            "Fail to decode argument 0: Deserialize error: binary parser error: io error"
        );
        let mut long = bytes(RECORD);
        long.push(0);
        assert_eq!(
            error_of(Method::StartCanister, &long),
            "Trailing value after finishing deserialization"
        );
    }

    #[test]
    fn types_up_to_a_size_are_printed_over_several_lines() {
        // `mode = variant { unknown }`, recorded in the golden case "install".
        let unknown_mode = bytes(
            "4449444c036d7b6b0181aea187017f6c04d6fca70200a79fc97e00e3a683c30401b3c4b1f20468010200000000010a00000000000000000101",
        );
        assert_eq!(
            error_of(Method::InstallCode, &unknown_mode),
            "Fail to decode argument 0 from table2 to record {
  arg : blob;
  wasm_module : blob;
  mode : variant {
    reinstall;
    upgrade : opt record {
      wasm_memory_persistence : opt variant { keep; replace };
      skip_pre_upgrade : opt bool;
    };
    install;
  };
  canister_id : principal;
  sender_canister_version : opt nat64;
}: Subtyping error: Unknown variant field 283_662_081"
        );
    }

    #[test]
    fn malformed_snapshot_ids_are_refused() {
        // The golden payload with an id of three bytes.
        let payload =
            bytes("4449444c026d7b6c02b3c4b1f20468b6b897890f000101010affffffffffe00000010103616263");
        let refusal = "Deserialize error: Invalid length of SnapshotId: Invalid snapshot ID length: provided 3, minumum length expected 37.";
        assert_eq!(
            error_of(Method::DeleteCanisterSnapshot, &payload),
            format!(
                "Fail to decode argument 0 from table1 to record {{ canister_id : principal; snapshot_id : blob }}: {refusal}"
            )
        );
        assert_eq!(
            one::<LoadSnapshotArgs>(&payload)
                .expect_err("malformed")
                .to_string(),
            format!(
                "Error decoding candid: Fail to decode argument 0 from table1 to record {{
  canister_id : principal;
  sender_canister_version : opt nat64;
  snapshot_id : blob;
}}: {refusal}"
            )
        );
    }

    fn with_controllers(count: usize) -> CanisterSettings {
        CanisterSettings {
            controllers: Some(Limited(vec![Principal::anonymous(); count])),
            ..CanisterSettings::default()
        }
    }

    #[test]
    fn eleven_controllers_are_too_many() {
        let update = |count| {
            Encode!(&UpdateSettingsArgs {
                canister_id: Principal::anonymous(),
                settings: with_controllers(count),
                sender_canister_version: None,
            })
            .expect("encodes")
        };
        assert!(
            Method::UpdateSettings
                .open(&update(10), Date::November2026)
                .destination()
                .is_ok()
        );
        let too_many = "The number of elements exceeds maximum allowed 10";
        assert_eq!(
            error_of(Method::UpdateSettings, &update(11)),
            format!("Fail to decode argument 0: Deserialize error: {too_many}")
        );
        let create = Encode!(&CreateCanisterArgs {
            settings: Some(with_controllers(11)),
            sender_canister_version: None,
        })
        .expect("encodes");
        assert_eq!(
            create_canister(&create).expect_err("too many").to_string(),
            format!(
                "Payload deserialization error: Custom(Fail to decode argument 0\n\nCaused by:\n    Deserialize error: {too_many})"
            )
        );
    }

    #[test]
    fn create_canister_takes_what_does_not_fit_as_defaults() {
        let defaults = Ok(CreateCanisterArgs::default());
        assert_eq!(create_canister(&bytes("4449444c0000")), defaults);
        assert_eq!(
            create_canister(&Encode!(&"text").expect("encodes")),
            defaults
        );
        assert_eq!(create_canister(&bytes(RECORD)), defaults);
        let version = CreateCanisterArgs {
            sender_canister_version: Some(7),
            ..CreateCanisterArgs::default()
        };
        assert_eq!(
            create_canister(&Encode!(&version).expect("encodes")),
            Ok(version)
        );
        for hex in ["", "010203", "4449444c"] {
            assert_eq!(
                create_canister(&bytes(hex)).expect_err(hex).to_string(),
                "Payload deserialization error."
            );
        }
    }

    #[test]
    fn fixed_lengths_are_worded_by_kind() {
        #[derive(CandidType)]
        struct Sign {
            message_hash: Vec<u8>,
            derivation_path: Vec<Vec<u8>>,
            key_id: EcdsaKeyId,
        }
        let sign = |length, path| {
            let args = Sign {
                message_hash: vec![1; length],
                derivation_path: vec![vec![]; path],
                key_id: EcdsaKeyId {
                    name: "k".into(),
                    curve: EcdsaCurve::Secp256k1,
                },
            };
            one::<SignWithEcdsaArgs>(&Encode!(&args).expect("encodes"))
        };
        assert!(sign(32, 255).is_ok());
        let error = |length, path| sign(length, path).expect_err("refused").to_string();
        assert!(
            error(1, 0).ends_with(
                "}: Deserialize error: invalid length 1, expected an array of length 32"
            ),
            "{}",
            error(1, 0)
        );
        assert!(
            error(32, 256)
                .ends_with("Deserialize error: The number of elements exceeds maximum allowed 255")
        );
        // The golden payload of "vetKD" with 3 bytes for the key.
        let derive = bytes(
            "4449444c046d7b6b01f3979dc30a7f6c02cbe4fdc70471af99e1f204016c04efabdecb0100bbebadff03028a88f7f00b00dfa7daab0d00010300016b00017803787878017800",
        );
        let error = one::<VetKdDeriveKeyArgs>(&derive).expect_err("too short");
        assert!(
            error.to_string().contains(
                "Deserialize error: invalid length 3, expected a byte array of length 48"
            ),
            "{error}"
        );
    }

    #[test]
    fn sixty_five_headers_are_too_many() {
        #[derive(CandidType)]
        struct Request {
            url: String,
            method: HttpMethod,
            headers: Vec<HttpHeader>,
        }
        let request = |count| {
            let args = Request {
                url: "http://x/".into(),
                method: HttpMethod::Get,
                headers: (0..count)
                    .map(|_| HttpHeader {
                        name: String::new(),
                        value: String::new(),
                    })
                    .collect(),
            };
            one::<HttpRequestArgs>(&Encode!(&args).expect("encodes"))
        };
        assert!(request(64).is_ok());
        assert_eq!(
            request(65).expect_err("too many").to_string(),
            "Error decoding candid: Fail to decode argument 0: Deserialize error: The number of elements exceeds maximum allowed 64"
        );
    }

    #[test]
    fn what_is_under_opt_and_does_not_fit_is_null() {
        #[derive(CandidType)]
        struct Settings {
            log_visibility: Option<String>,
            compute_allocation: Option<candid::Nat>,
        }
        #[derive(CandidType)]
        struct Update {
            canister_id: Principal,
            settings: Settings,
        }
        let payload = Encode!(
            &Update {
                canister_id: Principal::anonymous(),
                settings: Settings {
                    log_visibility: Some("nobody".into()),
                    compute_allocation: Some(5_u8.into()),
                },
            },
            &"a further argument"
        )
        .expect("encodes");
        let settings = one::<UpdateSettingsArgs>(&payload)
            .expect("lenient")
            .settings;
        assert_eq!(settings.log_visibility, None);
        assert_eq!(settings.compute_allocation, Some(5_u8.into()));
    }

    #[test]
    fn skipping_has_a_quota() {
        #[derive(CandidType)]
        struct Extra {
            canister_id: Principal,
            extra: Vec<u64>,
        }
        let with = |count| {
            let canister_id = Principal::anonymous();
            let extra = vec![0; count];
            one::<CanisterIdRecord>(&Encode!(&Extra { canister_id, extra }).expect("encodes"))
        };
        assert!(with(100).is_ok());
        let error = with(10_000).expect_err("too much to skip").to_string();
        assert!(
            error.ends_with("Skipping cost exceeds the limit"),
            "{error}"
        );
    }

    #[test]
    fn skipping_in_a_long_message_is_bounded_by_its_length() {
        #[derive(CandidType)]
        struct With<T> {
            canister_id: Principal,
            extra: Vec<T>,
        }
        let canister_id = Principal::anonymous();
        let long = With {
            canister_id,
            extra: vec![7_u8; 1_000_000],
        };
        let read = beginning::<CanisterIdRecord>(&Encode!(&long).expect("encodes"));
        assert_eq!(read.expect("it is there").canister_id, canister_id);
        let claimed = With {
            canister_id,
            extra: vec![(); 10_000_000],
        };
        let read = beginning::<CanisterIdRecord>(&Encode!(&claimed).expect("encodes"));
        assert!(read.is_err(), "too much to skip");
    }

    #[test]
    fn the_older_form_of_chunked_installation_is_read() {
        let old = InstallChunkedCodeArgsLegacy {
            mode: crate::management::types::install::CanisterInstallMode::Install,
            target_canister: Principal::anonymous(),
            store_canister: None,
            chunk_hashes_list: vec![serde_bytes::ByteBuf::from([1, 2])],
            wasm_module_hash: vec![3],
            arg: vec![],
            sender_canister_version: Some(4),
        };
        let args = install_chunked_code(&Encode!(&old).expect("encodes")).expect("is read");
        assert_eq!(args.chunk_hashes_list[0].hash, [1, 2]);
        assert_eq!(args.sender_canister_version, Some(4));
    }

    #[test]
    fn a_method_without_arguments_takes_any() {
        assert_eq!(nothing(&bytes("4449444c0000")), Ok(()));
        assert_eq!(nothing(&bytes(RECORD)), Ok(()));
        assert_eq!(
            nothing(b"").expect_err("not Candid").to_string(),
            "Error decoding candid: Cannot parse header : binary parser error: io error"
        );
    }
}
