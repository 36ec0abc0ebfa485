//! Making an instance out of what is wished for, with the checks and texts of pocket-ic-api.md 2.4.

use std::sync::Arc;

use drun_ic::config::GENESIS_NS;
use drun_ic::net::{Net, NetRecord, NetSettings, SubnetKind, SubnetRecord, SubnetSpec};
use serde::Serialize;

use super::Server;
use super::answer::{Answer, Outcome, Refusal};
use super::instances::Instance;
use super::memory;
use super::state_dir::{self, StateDir};
use super::system::{self, SystemCanister};
use super::wire::{
    self, ForwardTo, GatewayConfig, InitialTime, InstanceConfig, StateConfig, TopologyWire,
};

/// One second after the first rate that a minting canister knows, nanoseconds since the Unix epoch (pocket-ic-api.md 3.5).
const MINTING_NS: u64 = 1_620_633_601_000_000_000;

#[derive(Serialize)]
enum CreateWire<'a> {
    Created(Created),
    Error { message: &'a str },
}

#[derive(Serialize)]
struct Created {
    instance_id: usize,
    topology: TopologyWire,
    http_gateway_info: Option<GatewayInfo>,
}

/// Where a gateway listens.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct GatewayInfo {
    pub(crate) instance_id: usize,
    pub(crate) port: u16,
}

fn answered(created: Result<Created, Refusal>) -> Answer {
    match created {
        Ok(created) => Answer::json_with(201, &CreateWire::Created(created)),
        Err(refusal) => {
            let message = &refusal.message;
            Answer::json_with(refusal.status, &CreateWire::Error { message })
        }
    }
}

/// The answer to a wish for a gateway.
pub(super) fn gateway(started: Result<GatewayInfo, Refusal>) -> Answer {
    #[derive(Serialize)]
    enum Wire<'a> {
        Created(GatewayInfo),
        Error { message: &'a str },
    }
    match started {
        Ok(info) => Answer::json_with(201, &Wire::Created(info)),
        Err(refusal) => {
            let message = &refusal.message;
            Answer::json_with(refusal.status, &Wire::Error { message })
        }
    }
}

impl Server {
    /// `POST /instances`.
    pub(super) fn create(self: &Arc<Self>, config: &InstanceConfig) -> Answer {
        answered(self.create_instance(config))
    }

    fn create_instance(self: &Arc<Self>, config: &InstanceConfig) -> Result<Created, Refusal> {
        memory::check(self.options.max_memory)?;
        let state_dir = match &config.state_dir {
            Some(path) => Some(StateDir::open(path)?),
            None => None,
        };
        let kept = match &state_dir {
            Some(directory) => directory.read()?,
            None => None,
        };
        let (mut net, auto) = match kept {
            Some(record) => self.resumed(config, record)?,
            None => self.network(config)?,
        };
        let topology = wire::topology(&net);
        if auto.is_some() {
            net.set_certified_time(super::auto_progress::now().max(net.time()))?;
        }
        let trusting = config.disable_ingress_validation == Some(true);
        let instance = self
            .instances
            .add(net, trusting, self.options.max_instances)?;
        let set_up = self.set_up(&instance, config, auto);
        let http_gateway_info = match set_up {
            Ok(info) => info,
            Err(refusal) => {
                self.instances.delete(instance.id);
                return Err(refusal);
            }
        };
        instance.keep_in(state_dir);
        Ok(Created {
            instance_id: instance.id,
            topology,
            http_gateway_info,
        })
    }

    fn set_up(
        self: &Arc<Self>,
        instance: &Arc<Instance>,
        config: &InstanceConfig,
        auto: Option<Option<u64>>,
    ) -> Result<Option<GatewayInfo>, Refusal> {
        if let Some(delay) = auto {
            super::auto_progress::start(instance, delay, &self.runtime)?;
        }
        match &config.http_gateway_config {
            None => Ok(None),
            Some(gateway) => {
                let gateway = GatewayConfig {
                    forward_to: Some(ForwardTo::PocketIcInstance(instance.id)),
                    ..gateway.clone()
                };
                let started = self.gateways.start(self, &gateway);
                Ok(Some(
                    started.map_err(|refusal| Refusal::bad(refusal.message))?,
                ))
            }
        }
    }

    /// The network that was kept, with what is wished for beside its subnets; and whether it goes on by itself, with which pause.
    fn resumed(
        &self,
        config: &InstanceConfig,
        record: NetRecord,
    ) -> Result<(Net, Option<Option<u64>>), Refusal> {
        check_features(config)?;
        let features = config.icp_features.as_ref();
        let system = system::asked_for(features, &self.options.system_canisters);
        let system = system.map_err(Refusal::bad)?;
        let mut net = Net::resume(
            NetSettings {
                rate_limits: config.rate_limits(),
                ..self.net_settings()
            },
            record,
        )?;
        let (wished, auto) = begin(config)?;
        let earliest = match system::asks_for_minting(features) {
            true => net.time().max(MINTING_NS),
            false => net.time(),
        };
        net.set_time(first_time(wished, earliest)?)?;
        let missing = |canister: &SystemCanister| net.canister(&canister.id).is_err();
        let system: Vec<_> = system.into_iter().filter(missing).collect();
        for canister in &system {
            if net.host_of(&canister.id).is_none() {
                net.add(self.named(SubnetSpec::new(canister.subnet()), config));
            }
        }
        system::install(&mut net, system).map_err(Refusal::bad)?;
        Ok((net, auto))
    }

    /// The network that is wished for, and whether it goes on by itself, with which pause.
    fn network(&self, config: &InstanceConfig) -> Result<(Net, Option<Option<u64>>), Refusal> {
        check_features(config)?;
        let features = config.icp_features.as_ref();
        let system = system::asked_for(features, &self.options.system_canisters);
        let system = system.map_err(Refusal::bad)?;
        let wished = config.subnet_config_set.subnets();
        if wished.is_empty() && system.is_empty() {
            return Err(Refusal::bad(
                "Subnet config failed to validate: \"ExtendedSubnetConfigSet must contain at least one subnet\"",
            ));
        }
        let mut subnets: Vec<(SubnetSpec, Option<SubnetRecord>)> = Vec::new();
        let mut earliest = match system::asks_for_minting(features) {
            true => MINTING_NS,
            false => GENESIS_NS,
        };
        for (kind, wish) in wished {
            let spec = wish.spec(kind).map_err(|error| {
                Refusal::bad(format!("Subnet config failed to validate: {error:?}"))
            })?;
            let mut spec = self.named(spec, config);
            let kept = match &wish.state_config {
                StateConfig::New => None,
                StateConfig::FromPath(path) => {
                    let (time, kept) = state_dir::subnet_at(path, kind)?;
                    let before = kept.spec()?;
                    spec.mainnet_block = before.mainnet_block;
                    spec.mainnet_id = before.mainnet_id;
                    earliest = earliest.max(time);
                    Some(kept)
                }
                StateConfig::FromBlobStore(_) => {
                    return Err(Refusal::bad(
                        "SubnetStateConfig::FromBlobStore is not yet implemented",
                    ));
                }
            };
            subnets.push((spec, kept));
        }
        let (wished, auto) = begin(config)?;
        let start_time = first_time(wished, earliest)?;
        for canister in &system {
            let kind = canister.subnet();
            if !subnets.iter().any(|(spec, _)| spec.kind == kind) {
                subnets.push((self.named(SubnetSpec::new(kind), config), None));
            }
        }
        subnets.sort_by_key(|(spec, _)| spec.kind);
        let kept = subnets.iter().flat_map(|(_, kept)| kept);
        let taken: Vec<u64> = kept.map(SubnetRecord::number).collect();
        if (1..taken.len()).any(|place| taken[..place].contains(&taken[place])) {
            return Err(Refusal::bad(
                "Two of the subnets with a state have the same canister ids.",
            ));
        }
        let mut net = Net::new(NetSettings {
            start_time,
            rate_limits: config.rate_limits(),
            ..self.net_settings()
        });
        // Subnets with a state keep their ids, the others get those that are left.
        let mut free = (0..).filter(|number| !taken.contains(number));
        let mut states = Vec::new();
        for (spec, kept) in subnets {
            let number = match &kept {
                Some(kept) => kept.number(),
                None => free.next().unwrap_or(0),
            };
            let place = net.add_at(spec, number);
            states.extend(kept.map(|kept| (place, kept)));
        }
        for (place, kept) in states {
            net.take_state(place, kept)?;
        }
        system::install(&mut net, system).map_err(Refusal::bad)?;
        Ok((net, auto))
    }

    /// With an id of the main network, if the server that is wanted gives it to such subnets: to the root only on demand.
    fn named(&self, spec: SubnetSpec, config: &InstanceConfig) -> SubnetSpec {
        let wanted = spec.kind != SubnetKind::Nns || config.mainnet_nns_subnet_id == Some(true);
        SubnetSpec {
            mainnet_id: wanted && self.options.mainnet_ids,
            ..spec
        }
    }

    /// `POST /instances/{id}/fork`, ours: a second instance in the state of this one.
    pub(super) fn fork(self: &Arc<Self>, instance: &Instance) -> Outcome {
        memory::check(self.options.max_memory)?;
        let mut net = instance.hold()?;
        let fork = net.fork()?;
        let topology = wire::topology(&fork);
        drop(net);
        let fork = self
            .instances
            .add(fork, instance.trusting, self.options.max_instances)?;
        Ok(answered(Ok(Created {
            instance_id: fork.id,
            topology,
            http_gateway_info: None,
        })))
    }
}

/// The time that is wished for, and whether the instance goes on by itself, with which pause.
type Beginning = (Option<u64>, Option<Option<u64>>);

fn begin(config: &InstanceConfig) -> Result<Beginning, Refusal> {
    Ok(match config.initial_time {
        None => (None, None),
        Some(InitialTime::Timestamp(time)) => (Some(time.nanos_since_epoch), None),
        Some(InitialTime::AutoProgress(wish)) => (None, Some(wish.artificial_delay_ms)),
    })
}

/// The time that is wished for, or else the earliest that there may be.
fn first_time(wished: Option<u64>, earliest: u64) -> Result<u64, Refusal> {
    let time = wished.unwrap_or(earliest);
    match time < earliest {
        true => Err(Refusal::bad(format!(
            "The initial timestamp (unix timestamp in nanoseconds) must be no earlier than {earliest} (provided {time})."
        ))),
        false => Ok(time),
    }
}

/// What is not there is said.
fn check_features(config: &InstanceConfig) -> Result<(), Refusal> {
    let levels = ["critical", "error", "warning", "info", "debug", "trace"];
    if let Some(level) = &config.log_level
        && !levels.contains(&level.to_lowercase().as_str())
    {
        return Err(Refusal::bad("Failed to parse log level: ()"));
    }
    for (name, addresses) in [
        ("bitcoind_addr", &config.bitcoind_addr),
        ("dogecoind_addr", &config.dogecoind_addr),
    ] {
        if addresses.as_ref().is_some_and(|list| !list.is_empty()) {
            return Err(Refusal::bad(format!(
                "`{name}` is given, but this server has no adapter for that network."
            )));
        }
    }
    Ok(())
}
