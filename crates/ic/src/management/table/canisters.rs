//! The rows of canisters as such: made, given cycles, started, stopped, changed, deleted, listed.

use crate::management::method::{Access, Ingress, Known, Method};
use crate::management::row::{Goes, Row, Typed};
use crate::management::types::lifecycle::{
    CanisterIdRecord, ProvisionalCreateArgs, ProvisionalTopUpArgs, RenameCanisterArgs,
    UninstallCodeArgs,
};
use crate::management::types::settings::{AskedSettings, UpdateSettingsArgs};
use crate::management::{create, cycles, decode, lifecycle, list_canisters, settings};
use crate::protocol::Date;

pub(super) static CREATE_CANISTER: Row = Row {
    method: Method::CreateCanister,
    name: "create_canister",
    routed_as: "CreateCanister",
    known: Known::Always,
    ingress: Ingress::Admins,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::create_canister,
        goes: Goes::OwnSubnet,
        sender_version: Some(|args| args.sender_canister_version),
        run: |state, _, call, args| create::create_canister(state, call, args).map(Some),
    },
};

pub(super) static PROVISIONAL_CREATE_CANISTER_WITH_CYCLES: Row = Row {
    method: Method::ProvisionalCreateCanisterWithCycles,
    name: "provisional_create_canister_with_cycles",
    routed_as: "ProvisionalCreateCanisterWithCycles",
    known: Known::Always,
    ingress: Ingress::Whitelist,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<ProvisionalCreateArgs<AskedSettings>>,
        goes: Goes::OwnSubnet,
        sender_version: Some(|args| args.sender_canister_version),
        run: |state, _, call, args| create::provisional_create(state, call, args).map(Some),
    },
};

pub(super) static PROVISIONAL_TOP_UP_CANISTER: Row = Row {
    method: Method::ProvisionalTopUpCanister,
    name: "provisional_top_up_canister",
    routed_as: "ProvisionalTopUpCanister",
    known: Known::Always,
    ingress: Ingress::Whitelist,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<ProvisionalTopUpArgs>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, _, args| cycles::provisional_top_up(state, args).map(Some),
    },
};

pub(super) static UNINSTALL_CODE: Row = Row {
    method: Method::UninstallCode,
    name: "uninstall_code",
    routed_as: "UninstallCode",
    known: Known::Always,
    ingress: Ingress::Asked(Access::ControllerOrAdmin),
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<UninstallCodeArgs>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: Some(|args| args.sender_canister_version),
        run: |state, _, call, args| lifecycle::uninstall_code(state, call, args).map(Some),
    },
};

pub(super) static UPDATE_SETTINGS: Row = Row {
    method: Method::UpdateSettings,
    name: "update_settings",
    routed_as: "UpdateSettings",
    known: Known::Always,
    ingress: Ingress::Controllers,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<UpdateSettingsArgs<AskedSettings>>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: Some(|args| args.sender_canister_version),
        run: |state, _, call, args| settings::update_settings(state, call, args).map(Some),
    },
};

pub(super) static START_CANISTER: Row = Row {
    method: Method::StartCanister,
    name: "start_canister",
    routed_as: "DepositCycles",
    known: Known::Always,
    ingress: Ingress::Asked(Access::ControllerOrAdmin),
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<CanisterIdRecord>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| lifecycle::start_canister(state, call, args).map(Some),
    },
};

pub(super) static STOP_CANISTER: Row = Row {
    method: Method::StopCanister,
    name: "stop_canister",
    routed_as: "DepositCycles",
    known: Known::Always,
    ingress: Ingress::Asked(Access::ControllerOrAdmin),
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<CanisterIdRecord>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| lifecycle::stop_canister(state, call, args),
    },
};

pub(super) static DELETE_CANISTER: Row = Row {
    method: Method::DeleteCanister,
    name: "delete_canister",
    routed_as: "DepositCycles",
    known: Known::Always,
    ingress: Ingress::Asked(Access::ControllerOrAdmin),
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<CanisterIdRecord>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| lifecycle::delete_canister(state, call, args).map(Some),
    },
};

pub(super) static DEPOSIT_CYCLES: Row = Row {
    method: Method::DepositCycles,
    name: "deposit_cycles",
    routed_as: "DepositCycles",
    known: Known::Always,
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<CanisterIdRecord>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: None,
        run: |state, _, call, args| cycles::deposit(state, call, args).map(Some),
    },
};

pub(super) static RENAME_CANISTER: Row = Row {
    method: Method::RenameCanister,
    name: "rename_canister",
    routed_as: "RenameCanister",
    known: Known::OctoberOnly,
    ingress: Ingress::OnlyCanisters,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<RenameCanisterArgs>,
        goes: Goes::SubnetOf(|args| args.canister_id),
        sender_version: Some(|args| Some(args.sender_canister_version)),
        run: |state, _, call, args| lifecycle::rename_canister(state, call, args).map(Some),
    },
};

pub(super) static LIST_CANISTERS: Row = Row {
    method: Method::ListCanisters,
    name: "list_canisters",
    routed_as: "ListCanisters",
    known: Known::Since(Date::November2026),
    ingress: Ingress::Never,
    query: Some((Known::Since(Date::November2026), list_canisters::query)),
    heavy: false,
    work: &Typed {
        decode: decode::nothing,
        goes: Goes::OwnSubnet,
        sender_version: None,
        run: |state, _, call, args| list_canisters::list_canisters(state, call, args).map(Some),
    },
};
