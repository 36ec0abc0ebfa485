//! Who may do what to a canister beside its controllers: viewers of status and snapshots, administrators of the subnet
//! (since-october-2025.md 2.3, 2.4, 2.7). Replicas before 2026 know controllers only. Owns the question and the refusal.

use candid::Principal;

use super::State;
use super::call::invalid_controller;
use super::method::Access;
use crate::canister::Canister;
use crate::canister::settings::Visibility;
use crate::errors::{IngressError, ManagementError, UserError};
use crate::protocol::StatusDenial;

impl State {
    /// May this principal do this to the canister?
    pub fn may(&self, access: Access, canister: &Canister, caller: &Principal) -> bool {
        let settings = &canister.settings;
        let has_settings = self.config.protocol.settings_of_access;
        let controls = canister.is_controlled_by(caller);
        match access {
            Access::ControllerOrAdmin => controls || self.is_admin(caller),
            Access::Status => {
                *caller == canister.id
                    || controls
                    || has_settings
                        && (self.is_admin(caller)
                            || canister.shows(&settings.status_visibility, caller))
            }
            Access::Snapshots => {
                controls || has_settings && canister.shows(&settings.snapshot_visibility, caller)
            }
        }
    }

    /// Refuses everybody who may not.
    ///
    /// # Errors
    /// IC0512; IC0541 where there are administrators; IC0542 for a status; IC0406 for snapshots that others may see.
    pub fn check_access(
        &self,
        access: Access,
        canister: &Canister,
        caller: Principal,
    ) -> Result<(), ManagementError> {
        if self.may(access, canister, &caller) {
            return Ok(());
        }
        Err(self.denial(access, canister, caller))
    }

    fn denial(&self, access: Access, canister: &Canister, caller: Principal) -> ManagementError {
        let own = self.config.protocol.status_denial == StatusDenial::Own;
        let hidden = canister.settings.snapshot_visibility == Visibility::Controllers;
        match access {
            Access::Status if own => ManagementError::StatusNotAllowed { caller },
            Access::ControllerOrAdmin if self.has_admins() => {
                ManagementError::InvalidControllerOrAdmin {
                    canister: canister.id,
                    controllers: canister.settings.controllers.to_vec(),
                    caller,
                }
            }
            Access::Snapshots if self.config.protocol.settings_of_access && !hidden => {
                ManagementError::SnapshotsNotAllowed { caller }
            }
            _ => invalid_controller(canister, caller),
        }
    }

    /// The refusal by the ingress filter, which has words of its own for controllers.
    pub fn ingress_denial(
        &self,
        access: Access,
        canister: &Canister,
        caller: Principal,
        method: &str,
    ) -> UserError {
        match self.denial(access, canister, caller) {
            ManagementError::InvalidController { canister, .. } => IngressError::OnlyControllers {
                canister,
                method: method.to_owned(),
            }
            .into(),
            denial => denial.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canister::settings::{Controllers, Settings};
    use crate::config::NodeSettings;
    use crate::node::Node;
    use crate::protocol::{Protocol, SubnetType};

    fn principal(byte: u8) -> Principal {
        Principal::from_slice(&[byte; 29])
    }

    /// Who may (controller, viewer, administrator, stranger, the canister itself), and the code for strangers.
    #[test]
    fn everybody_is_asked_by_the_rules_of_the_date() {
        use Access::*;
        for (protocol, access, expected, code) in [
            (Protocol::OCTOBER_2025, Status, "c...s", "IC0512"),
            (Protocol::OCTOBER_2025, Snapshots, "c....", "IC0512"),
            (Protocol::OCTOBER_2025, ControllerOrAdmin, "c....", "IC0512"),
            (Protocol::NOVEMBER_2026, Status, "cva.s", "IC0542"),
            (Protocol::NOVEMBER_2026, Snapshots, "cv...", "IC0406"),
            (
                Protocol::NOVEMBER_2026,
                ControllerOrAdmin,
                "c.a..",
                "IC0541",
            ),
        ] {
            let settings = NodeSettings {
                subnet_admins: vec![principal(3)],
                ..NodeSettings::new(protocol, SubnetType::Application)
            };
            let node = Node::new(settings);
            let state = node.state();
            let mut settings = Settings::new(Controllers::from_iter([principal(1)]));
            settings.status_visibility = Visibility::AllowedViewers(vec![principal(2)]);
            settings.snapshot_visibility = Visibility::AllowedViewers(vec![principal(2)]);
            let canister = Canister::new(principal(5), settings, 0, 0);
            let told: String = ["c", "v", "a", ".", "s"]
                .iter()
                .zip([1, 2, 3, 4, 5])
                .map(
                    |(mark, byte)| match state.may(access, &canister, &principal(byte)) {
                        true => *mark,
                        false => ".",
                    },
                )
                .collect();
            assert_eq!(told, expected, "{access:?} {}", protocol.date);
            let denied = state.check_access(access, &canister, principal(4));
            let denied = UserError::from(denied.expect_err("a stranger"));
            assert_eq!(
                denied.code.to_string(),
                code,
                "{access:?} {}",
                protocol.date
            );
        }
    }
}
