//! What an instance is made of, and what it tells about its subnets (pocket-ic-api.md 2.4).

use std::collections::BTreeMap;

use drun_ic::management::ids::canister_id;
use drun_ic::net::{Net, SubnetKind, SubnetSpec};
use serde::{Deserialize, Serialize};

use super::{AutoProgress, Bytes, CanisterId, PrincipalId, Time};

/// The body of `POST /instances`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct InstanceConfig {
    pub(crate) subnet_config_set: ConfigSet,
    pub(crate) state_dir: Option<std::path::PathBuf>,
    icp_config: Option<IcpConfig>,
    pub(crate) log_level: Option<String>,
    pub(crate) bitcoind_addr: Option<Vec<String>>,
    pub(crate) dogecoind_addr: Option<Vec<String>>,
    pub(crate) icp_features: Option<Features>,
    /// There is no state here that is not complete; its name is checked all the same.
    #[serde(rename = "incomplete_state")]
    _incomplete_state: Option<Switch>,
    pub(crate) initial_time: Option<InitialTime>,
    pub(crate) http_gateway_config: Option<GatewayConfig>,
    pub(crate) mainnet_nns_subnet_id: Option<bool>,
    pub(crate) disable_ingress_validation: Option<bool>,
}

/// The system canisters that are wished for, by the names of features.
pub(crate) type Features = BTreeMap<String, Option<Feature>>;

/// How a feature is wished for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Feature {
    DefaultConfig,
}

/// Deviations from the main network.
#[derive(Clone, Debug, Default, Deserialize)]
struct IcpConfig {
    canister_execution_rate_limiting: Option<Switch>,
    /// These change nothing here; their names are checked all the same.
    #[serde(rename = "beta_features")]
    _beta_features: Option<Switch>,
    #[serde(rename = "canister_backtrace")]
    _canister_backtrace: Option<Switch>,
    #[serde(rename = "function_name_length_limits")]
    _function_name_length_limits: Option<Switch>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Switch {
    Enabled,
    Disabled,
}

impl InstanceConfig {
    /// Canisters may not install and change memory as fast as they like.
    pub(crate) fn rate_limits(&self) -> bool {
        let wish = self.icp_config.as_ref();
        let wish = wish.and_then(|config| config.canister_execution_rate_limiting);
        wish != Some(Switch::Disabled)
    }
}

/// The time at which an instance begins.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) enum InitialTime {
    Timestamp(Time),
    AutoProgress(AutoProgress),
}

/// An HTTP gateway.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct GatewayConfig {
    pub(crate) ip_addr: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) forward_to: Option<ForwardTo>,
    pub(crate) domains: Option<Vec<String>>,
    pub(crate) https_config: Option<HttpsConfig>,
    pub(crate) domain_custom_provider_local_file: Option<std::path::PathBuf>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum ForwardTo {
    PocketIcInstance(usize),
    Replica(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HttpsConfig {
    pub(crate) cert_path: String,
    pub(crate) key_path: String,
}

/// The subnets of an instance.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ConfigSet {
    nns: Option<SpecWire>,
    sns: Option<SpecWire>,
    ii: Option<SpecWire>,
    fiduciary: Option<SpecWire>,
    bitcoin: Option<SpecWire>,
    test_threshold_keys: Option<SpecWire>,
    system: Vec<SpecWire>,
    application: Vec<SpecWire>,
    verified_application: Vec<SpecWire>,
    cloud_engine: Option<Vec<SpecWire>>,
}

impl ConfigSet {
    /// The subnets in the order in which they are made.
    pub(crate) fn subnets(&self) -> Vec<(SubnetKind, &SpecWire)> {
        SubnetKind::ALL
            .into_iter()
            .flat_map(|kind| {
                let list: Vec<&SpecWire> = match kind {
                    SubnetKind::Nns => self.nns.iter().collect(),
                    SubnetKind::Sns => self.sns.iter().collect(),
                    SubnetKind::Ii => self.ii.iter().collect(),
                    SubnetKind::Fiduciary => self.fiduciary.iter().collect(),
                    SubnetKind::Bitcoin => self.bitcoin.iter().collect(),
                    SubnetKind::TestThresholdKeys => self.test_threshold_keys.iter().collect(),
                    SubnetKind::System => self.system.iter().collect(),
                    SubnetKind::Application => self.application.iter().collect(),
                    SubnetKind::VerifiedApplication => self.verified_application.iter().collect(),
                    SubnetKind::CloudEngine => self.cloud_engine.iter().flatten().collect(),
                };
                list.into_iter().map(move |spec| (kind, spec))
            })
            .collect()
    }
}

/// A subnet.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SpecWire {
    pub(crate) state_config: StateConfig,
    pub(crate) instruction_config: InstructionConfig,
    pub(crate) cost_schedule: Option<CostSchedule>,
    pub(crate) subnet_admins: Option<Vec<PrincipalId>>,
}

/// Where the state of a subnet comes from.
#[derive(Clone, Debug, Deserialize)]
pub(crate) enum StateConfig {
    New,
    FromPath(std::path::PathBuf),
    FromBlobStore(serde::de::IgnoredAny),
}

/// Limits of instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum InstructionConfig {
    Production,
    Benchmarking,
}

/// Whether anything costs anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CostSchedule {
    Normal,
    Free,
}

/// What an instance tells about its subnets.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TopologyWire {
    subnet_configs: BTreeMap<String, SubnetWire>,
    default_effective_canister_id: CanisterId,
}

#[derive(Clone, Debug, Serialize)]
struct SubnetWire {
    subnet_kind: &'static str,
    subnet_seed: Vec<u8>,
    instruction_config: InstructionConfig,
    canister_ranges: Vec<RangeWire>,
    cost_schedule: CostSchedule,
    subnet_admins: Option<Vec<PrincipalId>>,
}

#[derive(Clone, Debug, Serialize)]
struct RangeWire {
    start: CanisterId,
    end: CanisterId,
}

/// The subnets of a network.
pub(crate) fn topology(net: &Net) -> TopologyWire {
    let range = |(first, last): &(u64, u64)| RangeWire {
        start: CanisterId::of(canister_id(*first)),
        end: CanisterId::of(canister_id(*last)),
    };
    let subnets = net.living().map(|subnet| {
        let SubnetSpec {
            kind,
            benchmarking,
            free,
            admins,
            ..
        } = &subnet.spec;
        let wire = SubnetWire {
            subnet_kind: kind.name(),
            subnet_seed: subnet.seed.to_vec(),
            instruction_config: match benchmarking {
                true => InstructionConfig::Benchmarking,
                false => InstructionConfig::Production,
            },
            canister_ranges: subnet.ranges.iter().map(range).collect(),
            cost_schedule: match free {
                true => CostSchedule::Free,
                false => CostSchedule::Normal,
            },
            subnet_admins: admins
                .as_ref()
                .map(|admins| admins.iter().map(|id| PrincipalId::of(*id)).collect()),
        };
        (subnet.id.to_text(), wire)
    });
    let default = &net.subnets()[net.default_subnet()];
    TopologyWire {
        subnet_configs: subnets.collect(),
        default_effective_canister_id: CanisterId::of(default.first_automatic_id()),
    }
}

impl SpecWire {
    /// The subnet that is wished for.
    pub(crate) fn spec(&self, kind: SubnetKind) -> Result<SubnetSpec, String> {
        let chargeable = matches!(kind, SubnetKind::Application | SubnetKind::CloudEngine);
        let free = match self.cost_schedule {
            None => kind == SubnetKind::CloudEngine,
            Some(CostSchedule::Normal) if kind == SubnetKind::CloudEngine => {
                return Err("a cloud engine must have the cost schedule `Free`".into());
            }
            Some(schedule) => schedule == CostSchedule::Free,
        };
        if free && !chargeable {
            return Err(format!(
                "a subnet of kind {} can only have the cost schedule `Normal`",
                kind.name()
            ));
        }
        let mut admins = None;
        if let Some(ids) = &self.subnet_admins {
            if !chargeable {
                return Err(format!(
                    "a subnet of kind {} cannot have admins",
                    kind.name()
                ));
            }
            if !free {
                return Err("subnet admins need the cost schedule `Free`".into());
            }
            let ids = ids.iter().map(|id| {
                let bytes: &Bytes = &id.principal_id;
                bytes.principal("subnet admin")
            });
            let ids: Result<Vec<_>, _> = ids.collect();
            admins = Some(ids.map_err(|refusal| refusal.message)?);
        }
        Ok(SubnetSpec {
            free,
            admins,
            benchmarking: self.instruction_config == InstructionConfig::Benchmarking,
            ..SubnetSpec::new(kind)
        })
    }
}
