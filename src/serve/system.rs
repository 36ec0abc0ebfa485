//! System canisters: this server ships none, so that users give the modules (`--system-canister`). Which of them the `icp_features` of an
//! instance ask for, and how they get to their ids of the main network (pocket-ic-api.md 2.4).

use std::path::PathBuf;

use candid::{Encode, Principal};
use drun_ic::management::ids::canister_number;
use drun_ic::management::types::install::{CanisterInstallMode, InstallCodeArgs};
use drun_ic::management::types::lifecycle::ProvisionalCreateArgs;
use drun_ic::management::types::settings::CanisterSettings;
use drun_ic::net::{Net, SubnetKind};

use super::manage::manage;
use super::wire::Features;

/// What a system canister is made with, in cycles.
const CYCLES: u128 = 1 << 100;
/// Who controls system canisters: the root canister of the NNS.
const ROOT: &str = "r7inp-6aaaa-aaaaa-aaabq-cai";

/// The features, in the order in which they are installed, with their canisters. Without the first one a feature is none.
const FEATURES: &[(&str, &[&str])] = &[
    ("registry", &["rwlgt-iiaaa-aaaaa-aaaaa-cai"]),
    ("cycles_minting", &[MINTING]),
    (
        "icp_token",
        &["ryjl3-tyaaa-aaaaa-aaaba-cai", "qhbym-qaaaa-aaaaa-aaafq-cai"],
    ),
    (
        "cycles_token",
        &["um5iw-rqaaa-aaaaq-qaaba-cai", "ul4oc-4iaaa-aaaaq-qaabq-cai"],
    ),
    ("nns_governance", &["rrkah-fqaaa-aaaaa-aaaaq-cai", ROOT]),
    (
        "sns",
        &["qaa6y-5yaaa-aaaaa-aaafa-cai", "3r4gx-wqaaa-aaaaq-aaaia-cai"],
    ),
    ("ii", &["rdmx6-jaaaa-aaaaa-aaadq-cai"]),
    ("nns_ui", &["qoctq-giaaa-aaaaa-aaaea-cai"]),
    ("bitcoin", &["ghsi2-tqaaa-aaaan-aaaca-cai"]),
    ("dogecoin", &["gordg-fyaaa-aaaan-aaadq-cai"]),
    ("canister_migration", &["sbzkb-zqaaa-aaaaa-aaaiq-cai"]),
];
const MINTING: &str = "rkp4c-7iaaa-aaaaa-aaaca-cai";

/// Where the module of a system canister is, and what it is installed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) id: Principal,
    pub(crate) module: PathBuf,
    /// A file with the argument, encoded; without one it is empty Candid.
    pub(crate) argument: Option<PathBuf>,
}

/// A system canister.
#[derive(Clone, Debug)]
pub(crate) struct SystemCanister {
    pub(crate) id: Principal,
    pub(crate) module: Vec<u8>,
    pub(crate) argument: Vec<u8>,
}

impl Given {
    /// Reads the files.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(crate) fn read(&self) -> Result<SystemCanister, String> {
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|error| {
                format!(
                    "the file {} for the system canister {} cannot be read: {error}",
                    path.display(),
                    self.id
                )
            })
        };
        Ok(SystemCanister {
            id: self.id,
            module: read(&self.module)?,
            argument: match &self.argument {
                Some(path) => read(path)?,
                None => b"DIDL\0\0".to_vec(),
            },
        })
    }
}

impl SystemCanister {
    /// The kind of subnet that it lives on.
    pub(crate) fn subnet(&self) -> SubnetKind {
        let number = canister_number(&self.id);
        number.map_or(SubnetKind::Application, SubnetKind::of_mainnet_number)
    }

    /// Makes it and installs its module.
    ///
    /// # Errors
    /// Why it cannot be made or installed.
    pub(crate) fn install(self, net: &mut Net, controller: Principal) -> Result<(), String> {
        let create = Encode!(&ProvisionalCreateArgs::<CanisterSettings> {
            amount: Some(CYCLES.into()),
            settings: None,
            specified_id: Some(self.id),
            sender_canister_version: None,
        });
        let install = Encode!(&InstallCodeArgs {
            mode: CanisterInstallMode::Install,
            canister_id: self.id,
            wasm_module: self.module,
            arg: self.argument,
            sender_canister_version: None,
        });
        for (method, payload) in [
            ("provisional_create_canister_with_cycles", create),
            ("install_code", install),
        ] {
            let payload = payload.map_err(|error| error.to_string())?;
            manage(net, controller, self.id, method, payload)?;
        }
        Ok(())
    }
}

/// True if the feature of the minting canister is among those asked for; it does not know times before its first rate.
pub(crate) fn asks_for_minting(wished: Option<&Features>) -> bool {
    let wish = wished.and_then(|wished| wished.get("cycles_minting"));
    wish.is_some_and(Option::is_some)
}

/// The system canisters that an instance asks for, read from the files that were given.
///
/// # Errors
/// A feature that there is not, or whose module was not given, or a file that cannot be read.
pub(crate) fn asked_for(
    wished: Option<&Features>,
    given: &[Given],
) -> Result<Vec<SystemCanister>, String> {
    let wished = wished.into_iter().flatten();
    let wished: Vec<&str> = wished
        .filter(|(_, wish)| wish.is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    for name in &wished {
        let known = FEATURES.iter().find(|(known, _)| known == name);
        let Some((_, canisters)) = known else {
            return Err(format!(
                "There is no feature `{name}` of `icp_features` on this server."
            ));
        };
        let first = canisters[0];
        if !given.iter().any(|given| given.id.to_text() == first) {
            return Err(format!(
                "The feature `{name}` of `icp_features` needs the module of the system canister {first}, which this server does not ship: start it with `--system-canister {first}=FILE`, or with that in the environment variable DRUN_SERVE_OPTIONS."
            ));
        }
    }
    let asked = FEATURES.iter().filter(|(name, _)| wished.contains(name));
    asked
        .flat_map(|(_, canisters)| canisters.iter())
        .filter_map(|id| given.iter().find(|given| given.id.to_text() == *id))
        .map(Given::read)
        .collect()
}

/// Installs them.
///
/// # Errors
/// Why one cannot be installed.
pub(crate) fn install(net: &mut Net, canisters: Vec<SystemCanister>) -> Result<(), String> {
    let root = Principal::from_text(ROOT).map_err(|error| error.to_string())?;
    let mut canisters = canisters.into_iter();
    canisters.try_for_each(|canister| canister.install(net, root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canisters_of_features_live_where_they_do_on_the_main_network() {
        let kind = |id: &str| {
            let canister = SystemCanister {
                id: Principal::from_text(id).expect("an id"),
                module: Vec::new(),
                argument: Vec::new(),
            };
            canister.subnet()
        };
        let of = |feature: &str| {
            let (_, canisters) = FEATURES
                .iter()
                .find(|(name, _)| *name == feature)
                .expect("it is known");
            canisters.iter().map(|id| kind(id)).collect::<Vec<_>>()
        };
        assert_eq!(of("nns_governance"), [SubnetKind::Nns, SubnetKind::Nns]);
        assert_eq!(of("sns"), [SubnetKind::Nns, SubnetKind::Sns]);
        assert_eq!(of("ii"), [SubnetKind::Ii]);
        assert_eq!(of("cycles_token"), [SubnetKind::Ii, SubnetKind::Ii]);
        assert_eq!(of("bitcoin"), [SubnetKind::Bitcoin]);
    }
}
