//! The interface of the network launcher of `icp` (pocket-ic-api.md 8.5): one instance that goes on by itself, behind a gateway, and a file
//! that tells where it is.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use candid::Principal;
use drun_ic::management::ids::RANGE;
use drun_ic::net::{Net, SubnetKind, SubnetSpec};

use super::Server;
use super::answer::Refusal;
use super::stand_ins::{ledger, minting};
use super::state_dir::StateDir;
use super::system::{self, Given, SystemCanister};
use super::wire::{Feature, Features, ForwardTo, GatewayConfig};

/// The minting canister: tells on which subnets canisters are made.
const MINTING: &str = "rkp4c-7iaaa-aaaaa-aaaca-cai";
/// The cycles ledger: makes canisters.
const LEDGER: &str = "um5iw-rqaaa-aaaaq-qaaba-cai";
/// The block of the main network that the ledger's id lies in.
const LEDGER_BLOCK: u64 = 0x21 * RANGE;
/// The newest interface that is known: options of a newer one are passed over, others that are not known are mistakes.
const INTERFACE: (u64, u64) = (1, 1);
/// Kinds of subnets by the names that the launcher has for them. The NNS and those with threshold keys are always there.
const KINDS: &[(&str, SubnetKind)] = &[
    ("application", SubnetKind::Application),
    ("system", SubnetKind::System),
    ("verified-application", SubnetKind::VerifiedApplication),
    ("bitcoin", SubnetKind::Bitcoin),
    ("fiduciary", SubnetKind::Fiduciary),
    ("nns", SubnetKind::Nns),
    ("sns", SubnetKind::Sns),
    ("test-threshold-keys", SubnetKind::TestThresholdKeys),
];
/// What `--ii` and `--nns` install, as `icp_features` name it.
const II: &[&str] = &["ii"];
const NNS: &[&str] = &[
    "registry",
    "cycles_minting",
    "icp_token",
    "cycles_token",
    "nns_governance",
    "sns",
    "ii",
    "nns_ui",
];

/// What the launcher is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Launch {
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) status_dir: Option<PathBuf>,
    bind: Option<IpAddr>,
    config_bind: Option<IpAddr>,
    gateway_port: u16,
    pub(crate) config_port: u16,
    delay_ms: Option<u64>,
    subnets: Vec<SubnetKind>,
    features: &'static [&'static str],
    domains: Vec<String>,
    custom_domains: Option<PathBuf>,
    pub(crate) stdout_file: Option<PathBuf>,
    pub(crate) stderr_file: Option<PathBuf>,
}

impl Launch {
    /// Reads the arguments, if they are those of a launcher.
    ///
    /// # Errors
    /// A value that is none, or a wish for what is not there.
    pub(crate) fn parse(
        arguments: &[String],
        warn: impl FnMut(String),
    ) -> Option<Result<Self, String>> {
        let is_ours = |argument: &String| argument.starts_with("--interface-version");
        let is_launch = arguments.iter().any(is_ours);
        is_launch.then(|| Launch::read(arguments, warn))
    }

    fn read(arguments: &[String], mut warn: impl FnMut(String)) -> Result<Self, String> {
        let mut launch = Launch::default();
        let mut interface = INTERFACE;
        let mut unknown = Vec::new();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let (name, joined) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            let mut value = || {
                let value = joined.clone().or_else(|| rest.next().cloned());
                value.ok_or_else(|| format!("{name} wants a value"))
            };
            match name {
                "--interface-version" => {
                    let value = value()?;
                    let mut numbers = value.split('.').map(|part| part.parse().unwrap_or(0));
                    interface = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
                }
                "--state-dir" => launch.state_dir = Some(value()?.into()),
                "--status-dir" => launch.status_dir = Some(value()?.into()),
                "--bind" => launch.bind = Some(parsed(name, &value()?)?),
                "--pocketic-config-bind" => launch.config_bind = Some(parsed(name, &value()?)?),
                "--gateway-port" => launch.gateway_port = parsed(name, &value()?)?,
                "--config-port" => launch.config_port = parsed(name, &value()?)?,
                "--artificial-delay-ms" => launch.delay_ms = Some(parsed(name, &value()?)?),
                "--subnet" => {
                    let wish = value()?;
                    let kind = KINDS.iter().find(|(known, _)| *known == wish);
                    let (_, kind) =
                        kind.ok_or_else(|| format!("{name}: there is no kind `{wish}`"))?;
                    launch.subnets.push(*kind);
                }
                "--domain" => launch.domains.push(value()?),
                "--custom-domains-file" => launch.custom_domains = Some(value()?.into()),
                "--stdout-file" => launch.stdout_file = Some(value()?.into()),
                "--stderr-file" => launch.stderr_file = Some(value()?.into()),
                "--ii" if launch.features.is_empty() => launch.features = II,
                "--ii" | "--verbose" => {}
                "--nns" => launch.features = NNS,
                // It is another program that would be started there.
                "--pocketic-server-path" => drop(value()?),
                "--bitcoind-addr" | "--dogecoind-addr" => {
                    return Err(format!(
                        "{name}: this server has no adapter for that network"
                    ));
                }
                name => unknown.push(name.to_owned()),
            }
        }
        for name in unknown {
            match interface > INTERFACE {
                true => warn(format!("the option {name} is not known and passed over")),
                false => return Err(format!("there is no option {name} of the launcher")),
            }
        }
        if launch.custom_domains.is_none() {
            let directory = launch.status_dir.as_ref();
            launch.custom_domains = directory.map(|it| it.join("custom-domains.txt"));
        }
        Ok(launch)
    }

    /// Where the server itself listens.
    pub(crate) fn config_address(&self) -> Option<IpAddr> {
        self.config_bind.or(self.bind)
    }

    /// Makes the instance and tells where it is.
    ///
    /// # Errors
    /// If it cannot be made, or the status not be written.
    pub(crate) fn run(&self, server: &Arc<Server>, port: u16) -> Result<(), String> {
        let told = |refusal: Refusal| refusal.message;
        let state_dir = self.state_dir.as_deref().map(StateDir::open);
        let state_dir = state_dir.transpose().map_err(told)?;
        let kept = state_dir.as_ref().map(StateDir::read).transpose();
        let given = self.given(server)?;
        let mut net = match kept.map_err(told)?.flatten() {
            Some(record) => {
                Net::resume(server.net_settings(), record).map_err(|error| error.to_string())?
            }
            None => self.network(server, &given)?,
        };
        install_missing(&mut net, given, server.options.mainnet_ids)?;
        let root_key = hex::encode(&net.subnets()[0].public_key);
        let default = net.subnets()[net.default_subnet()].first_automatic_id();
        let most = server.options.max_instances;
        let added = server.instances.add(net, false, most);
        let instance = added.map_err(told)?;
        let started = super::auto_progress::start(&instance, self.delay_ms, &server.runtime);
        started.map_err(told)?;
        let unwritable = |error| format!("cannot write the status: {error}");
        if let Some(directory) = &self.status_dir {
            std::fs::create_dir_all(directory).map_err(unwritable)?;
        }
        let gateway = GatewayConfig {
            ip_addr: self.bind.map(|address| address.to_string()),
            port: Some(self.gateway_port),
            forward_to: Some(ForwardTo::PocketIcInstance(instance.id)),
            domains: (!self.domains.is_empty()).then(|| self.domains.clone()),
            domain_custom_provider_local_file: self.custom_domains.clone(),
            ..GatewayConfig::default()
        };
        let gateway = server.gateways.start(server, &gateway).map_err(told)?;
        instance.keep_in(state_dir);
        let status = serde_json::json!({
            "v": "1",
            "gateway_port": gateway.port,
            "root_key": root_key,
            "config_port": port,
            "instance_id": instance.id,
            "default_effective_canister_id": default.to_text(),
            "supported_features": self.custom_domains.iter().map(|_| "custom-domains").collect::<Vec<_>>(),
        });
        if let Some(directory) = &self.status_dir {
            let new = directory.join("status.json.new");
            std::fs::write(&new, format!("{status}\n"))
                .and_then(|()| std::fs::rename(new, directory.join("status.json")))
                .map_err(unwritable)?;
        }
        Ok(())
    }

    /// The system canisters that the user has given, which must be those of the features that are wished for.
    fn given(&self, server: &Server) -> Result<Vec<SystemCanister>, String> {
        let given = &server.options.system_canisters;
        let wish = |name: &&str| ((*name).to_owned(), Some(Feature::DefaultConfig));
        let wished: Features = self.features.iter().map(wish).collect();
        system::asked_for(Some(&wished), given)?;
        given.iter().map(Given::read).collect()
    }

    /// A new network, with stand-ins for the canisters that nobody has given.
    fn network(&self, server: &Server, given: &[SystemCanister]) -> Result<Net, String> {
        let mut net = Net::new(server.net_settings());
        // The second one has the ledger's id: where the ledger is, canisters are made.
        let mut kinds = vec![SubnetKind::Nns];
        let places = self.subnets.iter().filter(|kind| !kind.is_named());
        kinds.extend(places);
        if self.subnets.is_empty() {
            kinds.push(SubnetKind::Application);
        }
        let always = [SubnetKind::Fiduciary, SubnetKind::TestThresholdKeys];
        for kind in self.subnets.iter().copied().chain(always) {
            if kind.is_named() && !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        if self.features == NNS && !kinds.contains(&SubnetKind::Sns) {
            kinds.push(SubnetKind::Sns);
        }
        for (place, kind) in kinds.into_iter().enumerate() {
            net.add(SubnetSpec {
                mainnet_block: (place == 1).then_some(LEDGER_BLOCK),
                mainnet_id: kind != SubnetKind::Nns && server.options.mainnet_ids,
                ..SubnetSpec::new(kind)
            });
        }
        let second = net.subnets()[1].id;
        for (id, module) in [(MINTING, minting(second)), (LEDGER, ledger())] {
            let module = wat::parse_str(module).map_err(|error| error.to_string())?;
            let id = Principal::from_text(id).map_err(|error| error.to_string())?;
            let system = SystemCanister {
                id,
                module,
                argument: Vec::new(),
            };
            if !given.iter().any(|given| given.id == id) {
                system.install(&mut net, Principal::anonymous())?;
            }
        }
        Ok(net)
    }
}

/// Installs those system canisters that are not there.
fn install_missing(
    net: &mut Net,
    given: Vec<SystemCanister>,
    mainnet_ids: bool,
) -> Result<(), String> {
    for system in given {
        if net.canister(&system.id).is_ok() {
            continue;
        }
        let kind = system.subnet();
        // Others are made on the fly.
        if net.host_of(&system.id).is_none() && matches!(kind, SubnetKind::Nns | SubnetKind::Ii) {
            net.add(SubnetSpec {
                mainnet_id: kind != SubnetKind::Nns && mainnet_ids,
                ..SubnetSpec::new(kind)
            });
        }
        system.install(net, Principal::anonymous())?;
    }
    Ok(())
}

/// A value of an option.
fn parsed<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    let parsed = value.parse();
    parsed.map_err(|_| format!("{name}: `{value}` is not a value for it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_of_a_launcher_are_known_by_their_interface() {
        let parse = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
            Launch::parse(&arguments, |_| ())
        };
        assert_eq!(parse(&["--port-file", "x"]), None);
        let launch = parse(&[
            "--interface-version",
            "1.1.0",
            "--bind",
            "127.0.0.1",
            "--gateway-port",
            "8000",
            "--status-dir",
            "/s",
            "--domain=127.0.0.1",
            "--subnet=system",
            "--nns",
            "--ii",
        ]);
        let expected = Launch {
            status_dir: Some("/s".into()),
            bind: Some("127.0.0.1".parse().expect("an address")),
            gateway_port: 8000,
            domains: vec!["127.0.0.1".into()],
            custom_domains: Some("/s/custom-domains.txt".into()),
            subnets: vec![SubnetKind::System],
            features: NNS,
            ..Launch::default()
        };
        assert_eq!(launch, Some(Ok(expected)));
    }

    #[test]
    fn what_the_launcher_cannot_do_is_said() {
        for (arguments, why) in [
            (&["--bind", "x"][..], "--bind: `x` is not a value for it"),
            (&["--gateway-port"], "--gateway-port wants a value"),
            (&["--subnet", "moon"], "--subnet: there is no kind `moon`"),
            (
                &["--bitcoind-addr", "x"],
                "--bitcoind-addr: this server has no adapter for that network",
            ),
            (&["--new"], "there is no option --new of the launcher"),
        ] {
            let all = ["--interface-version", "1.1.0"].iter().chain(arguments);
            let all: Vec<String> = all.map(|it| (*it).to_owned()).collect();
            assert_eq!(Launch::parse(&all, |_| ()), Some(Err(why.into())));
        }
        let mut warnings = Vec::new();
        let newer = ["--interface-version=1.2.0", "--new"].map(str::to_owned);
        let launch = Launch::parse(&newer, |warning| warnings.push(warning));
        assert_eq!(launch, Some(Ok(Launch::default())));
        assert_eq!(warnings, ["the option --new is not known and passed over"]);
    }
}
