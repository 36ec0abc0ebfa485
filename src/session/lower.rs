//! From a statement to what is done: names become principals, Candid text becomes bytes, words become methods.
//!
//! Owns which method of the management canister a word stands for, and its argument. Nothing is done here.

use std::borrow::Cow;

use candid::{CandidType, Deserialize, Nat, Principal};

use super::Session;
use super::act::Act;
use crate::script::statement::{
    CallKind, Change, HttpResponse, Management, Payload, Statement, UpgradeOptions,
};
use crate::script::{Party, Spanned};
use crate::script::{Placed, Setting};
use drun_ic::canister::InstallMode;
use drun_ic::management::encoded;
use drun_ic::management::types::lifecycle::{
    CanisterIdRecord, ProvisionalTopUpArgs, UninstallCodeArgs,
};
use drun_ic::management::types::limited::Limited;
use drun_ic::management::types::logs::FetchCanisterLogsArgs;
use drun_ic::management::types::settings::{CanisterSettings, LogVisibility, UpdateSettingsArgs};
use drun_ic::mock::HttpMock;

impl Session<'_> {
    /// What a statement comes down to; nothing if a canister that it names does not exist.
    pub(super) fn lowered<'a>(&self, placed: &'a Placed) -> Option<Act<'a>> {
        Some(match &placed.statement {
            Statement::Create { settings, .. } if settings.is_empty() && self.is_plain(placed) => {
                Act::Create
            }
            Statement::Create { settings, .. } => {
                let cycles = settings.iter().find_map(|setting| match setting {
                    Setting::Cycles(cycles) => Some(*cycles),
                    _ => None,
                });
                Act::CreateWith(self.settings(settings)?.into(), cycles)
            }
            Statement::Install {
                mode,
                canister,
                module,
                payload,
                options,
            } => {
                let canister = self.principal(canister)?;
                let module = self.surroundings.module(placed.file(), module);
                let argument = self.payload(payload)?;
                match mode {
                    InstallMode::Upgrade if *options != UpgradeOptions::default() => Act::Upgrade {
                        canister,
                        module,
                        argument,
                        skip_pre_upgrade: options.skip_pre_upgrade,
                        keep: options.keep,
                    },
                    mode => Act::Install(*mode, canister, module, argument),
                }
            }
            Statement::Call {
                kind,
                canister,
                method,
                payload,
                cycles,
            } => {
                let canister = self.principal(canister)?;
                let (method, argument) = (&*method.value, self.payload(payload)?);
                match kind {
                    CallKind::Ingress => Act::Ingress(canister, method, argument),
                    CallKind::Query => Act::Query(canister, method, argument),
                    CallKind::Call => Act::Call(canister, method, argument, cycles.0),
                }
            }
            Statement::Advance(duration) => Act::Advance(duration.0),
            Statement::Tick(rounds) => Act::Tick(*rounds),
            Statement::TopUp { canister, cycles } => {
                let args = ProvisionalTopUpArgs {
                    canister_id: self.principal(canister)?,
                    amount: Nat::from(cycles.0),
                };
                Act::Manage("provisional_top_up_canister", encoded(&args))
            }
            Statement::Manage {
                management,
                canister,
            } => self.management(*management, self.principal(canister)?),
            Statement::Settings { canister, settings } => Act::Manage(
                "update_settings",
                encoded(&UpdateSettingsArgs {
                    canister_id: self.principal(canister)?,
                    settings: self.settings(settings)?,
                    sender_canister_version: None,
                }),
            ),
            Statement::Controllers { canister, change } => {
                let canister_id = self.principal(canister)?;
                match change {
                    None => Act::Manage(
                        "canister_status",
                        encoded(&CanisterIdRecord { canister_id }),
                    ),
                    Some((change, parties)) => {
                        self.controllers(canister_id, *change, &self.principals(parties)?)
                    }
                }
            }
            Statement::HttpRespond(response) => Act::Respond(mock(response).into()),
            // These do nothing to the node; the session has dealt with them.
            Statement::Let { .. }
            | Statement::As(_)
            | Statement::Snapshot(_)
            | Statement::Restore(_)
            | Statement::Expect(_)
            | Statement::Include(_)
            | Statement::Did { .. }
            | Statement::Stable { .. } => return None,
        })
    }

    /// Whether the program's own sender creates: its `create` is exactly the older one.
    fn is_plain(&self, placed: &Placed) -> bool {
        placed.sender.is_none() && self.sender.is_none()
    }

    fn principals(&self, parties: &[Spanned<Party>]) -> Option<Vec<Principal>> {
        parties.iter().map(|party| self.principal(party)).collect()
    }

    pub(super) fn payload<'a>(&self, payload: &'a Payload) -> Option<Cow<'a, [u8]>> {
        match payload {
            Payload::Bytes(bytes) => Some(bytes.into()),
            Payload::Text(argument) => {
                let encoded = argument.encode(&|name| self.names.get(name).copied());
                encoded.ok().map(Cow::Owned)
            }
        }
    }

    fn management(&self, management: Management, canister_id: Principal) -> Act<'static> {
        let record = || encoded(&CanisterIdRecord { canister_id });
        match management {
            Management::Start => Act::Manage("start_canister", record()),
            Management::Stop => Act::Manage("stop_canister", record()),
            Management::Delete => Act::Manage("delete_canister", record()),
            Management::Status => Act::Manage("canister_status", record()),
            Management::Uninstall => Act::Manage(
                "uninstall_code",
                encoded(&UninstallCodeArgs {
                    canister_id,
                    sender_canister_version: None,
                }),
            ),
            Management::Logs => Act::Query(
                Principal::management_canister(),
                "fetch_canister_logs",
                encoded(&FetchCanisterLogsArgs {
                    canister_id,
                    filter: None,
                })
                .into(),
            ),
        }
    }

    fn controllers(
        &self,
        canister_id: Principal,
        change: Change,
        parties: &[Principal],
    ) -> Act<'static> {
        let present = self.runner.canister(&canister_id);
        let mut controllers: Vec<Principal> = match (change, present) {
            (Change::Set, _) | (_, None) => Vec::new(),
            (_, Some(canister)) => canister.settings.controllers.to_vec(),
        };
        match change {
            Change::Set | Change::Add => {
                for party in parties {
                    if !controllers.contains(party) {
                        controllers.push(*party);
                    }
                }
            }
            Change::Remove => controllers.retain(|controller| !parties.contains(controller)),
        }
        let settings = CanisterSettings {
            controllers: Some(Limited(controllers)),
            ..CanisterSettings::default()
        };
        Act::Manage(
            "update_settings",
            encoded(&UpdateSettingsArgs {
                canister_id,
                settings,
                sender_canister_version: None,
            }),
        )
    }

    fn settings(&self, settings: &[Setting]) -> Option<CanisterSettings> {
        let mut all = CanisterSettings::default();
        let nat = |number: u64| Some(Nat::from(number));
        for setting in settings {
            match setting {
                Setting::Cycles(_) => {}
                Setting::Controllers(parties) => {
                    all.controllers = Some(Limited(self.principals(parties)?));
                }
                Setting::ComputeAllocation(percent) => all.compute_allocation = nat(*percent),
                Setting::MemoryAllocation(bytes) => all.memory_allocation = nat(*bytes),
                Setting::FreezingThreshold(seconds) => all.freezing_threshold = nat(*seconds),
                Setting::ReservedCyclesLimit(cycles) => {
                    all.reserved_cycles_limit = Some(Nat::from(*cycles));
                }
                Setting::WasmMemoryLimit(bytes) => all.wasm_memory_limit = nat(*bytes),
                Setting::WasmMemoryThreshold(bytes) => all.wasm_memory_threshold = nat(*bytes),
                Setting::LogsPublic => all.log_visibility = Some(LogVisibility::Public),
                Setting::LogsForControllers => {
                    all.log_visibility = Some(LogVisibility::Controllers);
                }
                Setting::LogsFor(parties) => {
                    let viewers = Limited(self.principals(parties)?);
                    all.log_visibility = Some(LogVisibility::AllowedViewers(viewers));
                }
            }
        }
        Some(all)
    }
}

fn mock(response: &HttpResponse) -> HttpMock {
    HttpMock {
        url: response.url.clone(),
        status: response.status.into(),
        headers: response.headers.clone(),
        body: response.body.clone(),
    }
}

/// The part of a status that tells the controllers.
#[derive(CandidType, Deserialize)]
struct Status {
    settings: Controlled,
}

#[derive(CandidType, Deserialize)]
struct Controlled {
    controllers: Vec<Principal>,
}

/// The controllers alone, of the reply of `canister_status`.
pub(super) fn controllers_of(status: &[u8]) -> Vec<u8> {
    match candid::decode_one::<Status>(status) {
        Ok(status) => encoded(&status.settings.controllers),
        Err(_) => status.to_vec(),
    }
}
