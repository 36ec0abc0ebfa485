//! What a statement comes down to once its names are principals and its values bytes: one thing that is done to a runner.
//!
//! Owns the list of these things. It knows no script.

use std::borrow::Cow;
use std::sync::Arc;

use candid::Principal;

use crate::runner::Runner;
use crate::runner::outcome::Outcome;
use drun_ic::canister::InstallMode;
use drun_ic::management::types::settings::CanisterSettings;
use drun_ic::mock::HttpMock;

/// One thing that is done.
#[derive(Debug)]
pub(super) enum Act<'a> {
    Create,
    CreateWith(Box<CanisterSettings>, Option<u128>),
    Install(InstallMode, Principal, Arc<[u8]>, Cow<'a, [u8]>),
    Upgrade {
        canister: Principal,
        module: Arc<[u8]>,
        argument: Cow<'a, [u8]>,
        skip_pre_upgrade: bool,
        keep: Option<bool>,
    },
    Ingress(Principal, &'a str, Cow<'a, [u8]>),
    Query(Principal, &'a str, Cow<'a, [u8]>),
    Call(Principal, &'a str, Cow<'a, [u8]>, u128),
    Manage(&'static str, Vec<u8>),
    Advance(u64),
    Tick(u64),
    Respond(Box<HttpMock>),
}

impl Act<'_> {
    /// Does it. With the outcome comes that of the canister which is made before an installation, if one is.
    pub(super) fn perform(
        self,
        runner: &mut Runner,
        sender: Option<Principal>,
    ) -> (Option<Outcome>, Option<Outcome>) {
        runner.set_sender(sender);
        let mut created = None;
        let outcome = match self {
            Self::Create => runner.create(),
            Self::CreateWith(settings, cycles) => runner.create_with(*settings, cycles),
            Self::Install(mode, canister, module, argument) => {
                created = runner.create_for_install(canister);
                runner.install(mode, canister, &module, &argument)
            }
            Self::Upgrade {
                canister,
                module,
                argument,
                skip_pre_upgrade,
                keep,
            } => runner.upgrade_with(canister, &module, &argument, skip_pre_upgrade, keep),
            Self::Ingress(canister, method, argument) => {
                runner.ingress(canister, method, &argument)
            }
            Self::Query(canister, method, argument) => {
                runner.query_outcome(canister, method, &argument)
            }
            Self::Call(canister, method, argument, cycles) => {
                runner.call(canister, method, &argument, cycles)
            }
            Self::Manage(method, argument) => runner.manage(method, argument),
            Self::Advance(nanoseconds) => runner.advance(nanoseconds),
            Self::Tick(rounds) => runner.tick(rounds),
            Self::Respond(mock) => {
                runner.respond(*mock);
                return (None, None);
            }
        };
        (created, Some(outcome))
    }
}
