//! The table against the specification, and what arguments are decoded to.

use super::*;
use crate::management::method::Destination;
use crate::management::types::lifecycle::{CanisterIdRecord, UninstallCodeArgs};
use crate::management::types::subnet::SubnetInfoArgs;
use candid::{Encode, Principal};
use std::collections::HashSet;

#[test]
fn names_lead_back_to_their_method_and_no_other_does() {
    for method in TABLE.iter().map(|row| &row.method) {
        assert_eq!(method.name().parse(), Ok(*method));
    }
    let names: HashSet<_> = TABLE.iter().map(|row| row.name).collect();
    assert_eq!(names.len(), TABLE.len());
    for unknown in ["", "list_canister", "Create_canister", "canister_status "] {
        assert_eq!(unknown.parse::<Method>(), Err(UnknownMethod), "{unknown}");
    }
}

#[test]
fn the_table_of_section_1_is_kept() {
    let names = |test: fn(&Method) -> bool| {
        let mut names: Vec<&str> = TABLE
            .iter()
            .map(|row| row.method)
            .filter(test)
            .map(Method::name)
            .collect();
        names.sort_unstable();
        names
    };
    assert_eq!(
        names(|method| method.row().query.is_some()),
        [
            "canister_info",
            "canister_metrics",
            "canister_status",
            "fetch_canister_logs",
            "list_canisters"
        ]
    );
    assert_eq!(
        names(|method| method.ingress() == Ingress::OnlyCanisters),
        ["canister_info", "canister_metadata", "rename_canister"]
    );
    assert_eq!(
        names(|method| method.ingress() == Ingress::Whitelist),
        [
            "provisional_create_canister_with_cycles",
            "provisional_top_up_canister"
        ]
    );
    // Rows 4 to 11, 14 to 16 and 27 to 34, and `canister_metrics`.
    let asked =
        names(|method| matches!(method.ingress(), Ingress::Controllers | Ingress::Asked(_)));
    assert_eq!(asked.len(), 20);
    // By nobody before 2026.
    assert_eq!(
        names(|method| method.ingress() == Ingress::Admins),
        ["create_canister"]
    );
    for never in ["deposit_cycles", "raw_rand", "subnet_info"] {
        let method: Method = never.parse().expect("exists");
        assert!(!method.allowed_as_ingress(), "{never}");
    }
    assert_eq!(names(|method| method.has_sender_version()).len(), 9);
}

#[test]
fn routing_errors_name_methods_in_their_own_way() {
    let name = |method: &str| method.parse::<Method>().expect("exists").routing_name();
    for shared in [
        "canister_status",
        "start_canister",
        "stop_canister",
        "delete_canister",
        "deposit_cycles",
    ] {
        assert_eq!(name(shared), "DepositCycles");
    }
    assert_eq!(name("install_chunked_code"), "InstallChunkedCode");
    assert_eq!(name("list_canister_snapshots"), "ListCanisterSnapshots");
    assert_eq!(
        name("provisional_top_up_canister"),
        "ProvisionalTopUpCanister"
    );
    assert_eq!(name("canister_info"), "CanisterInfo");
}

#[test]
fn what_names_a_canister_goes_to_its_subnet() {
    let canister_id = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 7, 1, 1]);
    let record = Encode!(&CanisterIdRecord { canister_id }).expect("encodes");
    for method in [
        Method::CanisterStatus,
        Method::UninstallCode,
        Method::TakeCanisterSnapshot,
    ] {
        assert_eq!(
            method.open(&record, Date::November2026).canister(),
            Ok(Some(canister_id))
        );
        assert_eq!(
            method.open(&record, Date::November2026).destination(),
            Ok(Destination::SubnetOf(canister_id))
        );
    }
    assert!(
        Method::UploadChunk
            .open(&record, Date::November2026)
            .canister()
            .is_err()
    );
}

#[test]
fn some_payloads_are_not_looked_at_to_route() {
    for method in [
        Method::RawRand,
        Method::HttpRequest,
        Method::SetupInitialDKG,
        Method::CreateCanister,
    ] {
        assert_eq!(
            method.open(b"not Candid", Date::November2026).destination(),
            Ok(Destination::OwnSubnet)
        );
    }
}

#[test]
fn questions_about_a_subnet_go_to_whom_they_name() {
    let args = SubnetInfoArgs {
        subnet_id: Principal::anonymous(),
    };
    assert_eq!(
        Method::SubnetInfo
            .open(&Encode!(&args).expect("encodes"), Date::November2026)
            .destination(),
        Ok(Destination::Principal(Principal::anonymous()))
    );
}

/// The payloads of the golden case "routing".
#[test]
fn bitcoin_and_keys_are_found_in_the_payload() {
    let destination = |method: Method, hex: &str| {
        method
            .open(&hex::decode(hex).expect("hexadecimal"), Date::November2026)
            .destination()
            .expect("decodes")
    };
    let bitcoin = destination(
        Method::BitcoinGetBalance,
        "4449444c026b01cb8eeaee0b7f6c02ae89f3cd0500b4e3ade809710101000161",
    );
    let Destination::Principal(canister) = bitcoin else {
        panic!("{bitcoin:?}")
    };
    assert_eq!(canister.to_text(), "g4xu7-jiaaa-aaaan-aaaaq-cai");
    let key = destination(
        Method::SchnorrPublicKey,
        "4449444c046b01bbc38687057f6c02efd8baa70100cbe4fdc704716d6f6c02bbebadff0301ada8b2b10502010300016b00",
    );
    let Destination::Key { key, enabled } = key else {
        panic!("{key:?}")
    };
    assert_eq!(
        (key.to_string().as_str(), enabled),
        ("schnorr:Ed25519:k", false)
    );
}

#[test]
fn sender_versions_are_read_where_they_exist() {
    let canister_id = Principal::anonymous();
    let uninstall = UninstallCodeArgs {
        canister_id,
        sender_canister_version: Some(12),
    };
    let payload = Encode!(&uninstall).expect("encodes");
    assert_eq!(
        Method::UninstallCode
            .open(&payload, Date::November2026)
            .sender_version(),
        Ok(Some(12))
    );
    assert!(
        Method::UpdateSettings
            .open(b"", Date::November2026)
            .sender_version()
            .is_err()
    );
    // Same bytes, but the field means nothing to this method.
    assert_eq!(
        Method::StartCanister
            .open(&payload, Date::November2026)
            .sender_version(),
        Ok(None)
    );
}

#[test]
fn each_row_stands_at_the_place_of_its_method() {
    for (place, row) in TABLE.iter().enumerate() {
        assert_eq!(row.method as usize, place, "{}", row.name);
    }
}

/// Numbers that look random and are the same in every run.
fn noise(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn no_bytes_at_the_door_make_any_method_panic() {
    let id = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 7, 1, 1]);
    let valid = Encode!(&CanisterIdRecord { canister_id: id }).expect("encodes");
    let mut state = 0x9e37_79b9_7f4a_7c15;
    for round in 0..400 {
        let mut bytes = match round % 2 {
            0 => valid.clone(),
            _ => [
                b"DIDL".to_vec(),
                (0..noise(&mut state) % 40)
                    .map(|_| (noise(&mut state) >> 32) as u8 & 0x7f)
                    .collect(),
            ]
            .concat(),
        };
        for _ in 0..=noise(&mut state) % 3 {
            let place = noise(&mut state) as usize % bytes.len();
            bytes[place] = (noise(&mut state) >> 24) as u8;
        }
        for row in &TABLE {
            let argument = row.method.open(&bytes, Date::November2026);
            let (canister, destination) = (argument.canister(), argument.destination());
            assert!(
                canister.is_ok() || destination.is_err(),
                "{}: {bytes:?}",
                row.name
            );
        }
    }
}

/// A few bytes that stand for 2^35 values without any: beside the record, and as the only argument.
#[test]
fn what_nobody_asked_for_is_skipped_within_a_quota() {
    for bomb in [
        "4449444c016d7f010080808080808001",
        "4449444c016d70010080808080808001",
    ] {
        let payload = hex::decode(bomb).expect("hexadecimal");
        for row in &TABLE {
            let argument = row.method.open(&payload, Date::November2026);
            let named = argument.canister();
            assert!(!matches!(named, Ok(Some(_))), "{}", row.name);
        }
    }
}
