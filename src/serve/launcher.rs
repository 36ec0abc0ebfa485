//! The interface of the network launcher of `icp` (pocket-ic-api.md 8.5): one instance that goes on by itself, behind a gateway, and a file
//! that tells where it is. The two canisters without which `icp` makes no canister are stand-ins of our own: each has the one method that
//! is asked for.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use candid::{CandidType, Encode, Nat, Principal};
use drun_ic::management::ids::RANGE;
use drun_ic::net::{Net, SubnetKind, SubnetSpec};

use super::Server;
use super::answer::Refusal;
use super::state_dir::StateDir;
use super::system::{Given, SystemCanister};
use super::wire::{ForwardTo, GatewayConfig};

/// The minting canister: tells on which subnets canisters are made.
const MINTING: &str = "rkp4c-7iaaa-aaaaa-aaaca-cai";
/// The cycles ledger: makes canisters.
const LEDGER: &str = "um5iw-rqaaa-aaaaq-qaaba-cai";
/// The block of the main network that the ledger's id lies in.
const LEDGER_BLOCK: u64 = 0x21 * RANGE;
/// What a canister is made with, in cycles.
const CANISTER_CYCLES: u64 = 4_000_000_000_000;

/// What the launcher is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Launch {
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) status_dir: Option<PathBuf>,
    pub(crate) bind: Option<IpAddr>,
    pub(crate) gateway_port: u16,
    pub(crate) config_port: u16,
    pub(crate) delay_ms: Option<u64>,
}

/// Options that take a value and are of no use here.
const PASSED_OVER: &[&str] = &[
    "--interface-version",
    "--domain",
    "--pocketic-server-path",
    "--stdout-file",
    "--stderr-file",
    "--pocketic-config-bind",
    "--custom-domains-file",
    "--subnet",
];

impl Launch {
    /// Reads the arguments, if they are those of a launcher.
    ///
    /// # Errors
    /// A value that is none, or a wish for what is not there.
    pub(crate) fn parse(
        arguments: &[String],
        mut warn: impl FnMut(String),
    ) -> Option<Result<Self, String>> {
        let is_ours = |argument: &String| argument.starts_with("--interface-version");
        if !arguments.iter().any(is_ours) {
            return None;
        }
        let mut launch = Launch::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let (name, joined) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            let mut value = || joined.clone().or_else(|| rest.next().cloned());
            let mut number = || value().and_then(|value| value.parse::<u64>().ok());
            let wrong = || Some(Err(format!("{name} wants a value")));
            match name {
                "--state-dir" => launch.state_dir = value().map(PathBuf::from),
                "--status-dir" => launch.status_dir = value().map(PathBuf::from),
                "--bind" => match value().and_then(|value| value.parse().ok()) {
                    Some(address) => launch.bind = Some(address),
                    None => return wrong(),
                },
                "--gateway-port" => match number().and_then(|port| u16::try_from(port).ok()) {
                    Some(port) => launch.gateway_port = port,
                    None => return wrong(),
                },
                "--config-port" => match number().and_then(|port| u16::try_from(port).ok()) {
                    Some(port) => launch.config_port = port,
                    None => return wrong(),
                },
                "--artificial-delay-ms" => launch.delay_ms = number(),
                "--bitcoind-addr" | "--dogecoind-addr" | "--ii" | "--nns" => {
                    return Some(Err(format!(
                        "{name}: this network has no adapters, and of the system canisters those that are given with --system-canister in DRUN_SERVE_OPTIONS"
                    )));
                }
                "--verbose" => {}
                name if PASSED_OVER.contains(&name) => drop(value()),
                name => warn(format!("the option {name} is not known and passed over")),
            }
        }
        Some(Ok(launch))
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
        let net = match kept.map_err(told)?.flatten() {
            Some(record) => {
                Net::resume(server.net_settings(), record).map_err(|error| error.to_string())?
            }
            None => network(server)?,
        };
        let root_key = hex::encode(&net.subnets()[0].public_key);
        let default = net.subnets()[net.default_subnet()].first_automatic_id();
        let most = server.options.max_instances;
        let added = server.instances.add(net, false, state_dir, most);
        let instance = added.map_err(told)?;
        super::auto_progress::start(&instance, self.delay_ms).map_err(told)?;
        let gateway = GatewayConfig {
            ip_addr: self.bind.map(|address| address.to_string()),
            port: Some(self.gateway_port),
            forward_to: Some(ForwardTo::PocketIcInstance(instance.id)),
            ..GatewayConfig::default()
        };
        let gateway = server.gateways.start(server, &gateway).map_err(told)?;
        let status = serde_json::json!({
            "v": "1",
            "gateway_port": gateway.port,
            "root_key": root_key,
            "config_port": port,
            "instance_id": instance.id,
            "default_effective_canister_id": default.to_text(),
            "supported_features": [],
        });
        if let Some(directory) = &self.status_dir {
            let written = std::fs::create_dir_all(directory).and_then(|()| {
                let new = directory.join("status.json.new");
                std::fs::write(&new, format!("{status}\n"))?;
                std::fs::rename(new, directory.join("status.json"))
            });
            written.map_err(|error| format!("cannot write the status: {error}"))?;
        }
        Ok(())
    }
}

fn network(server: &Server) -> Result<Net, String> {
    let given = server.options.system_canisters.iter().map(Given::read);
    let given = given.collect::<Result<Vec<_>, _>>()?;
    let mut net = Net::new(server.net_settings());
    let specs = [
        SubnetSpec::new(SubnetKind::Nns),
        SubnetSpec {
            mainnet_block: Some(LEDGER_BLOCK),
            ..SubnetSpec::new(SubnetKind::Application)
        },
        SubnetSpec::new(SubnetKind::Fiduciary),
        SubnetSpec::new(SubnetKind::TestThresholdKeys),
    ];
    for spec in specs {
        net.add(spec);
    }
    let application = net.subnets()[1].id;
    for (id, module) in [(MINTING, minting(application)), (LEDGER, ledger())] {
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
    for system in given {
        system.install(&mut net, Principal::anonymous())?;
    }
    Ok(net)
}

/// Bytes as a string of WebAssembly text.
fn data(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

/// `get_default_subnets : () -> (vec principal) query`.
fn minting(subnet: Principal) -> String {
    let reply = Encode!(&vec![subnet]).expect("encoding to memory does not fail");
    format!(
        r#"(module
            (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
            (import "ic0" "msg_reply" (func $reply))
            (memory 1)
            (data (i32.const 0) "{}")
            (func (export "canister_query get_default_subnets")
                (call $append (i32.const 0) (i32.const {}))
                (call $reply)))"#,
        data(&reply),
        reply.len()
    )
}

/// What stands before and after a principal of ten bytes in an encoded value, without its length.
fn around(encoded: &[u8], id: &Principal) -> (Vec<u8>, Vec<u8>) {
    let id = id.as_slice();
    let place = encoded.windows(id.len()).rposition(|bytes| bytes == id);
    let place = place.expect("the principal was encoded");
    (
        encoded[..place - 1].to_vec(),
        encoded[place + id.len()..].to_vec(),
    )
}

/// `create_canister` of the cycles ledger: makes a canister for who calls, whatever he says about it.
fn ledger() -> String {
    #[derive(CandidType)]
    struct Created {
        block_id: Nat,
        canister_id: Principal,
    }
    #[derive(CandidType)]
    enum Reply {
        Ok(Created),
    }
    #[derive(CandidType)]
    struct Settings {
        controllers: Option<Vec<Principal>>,
    }
    #[derive(CandidType)]
    struct Wish {
        settings: Option<Settings>,
    }
    let mark = Principal::from_slice(&[0xa5; 10]);
    let wish = Encode!(&Wish {
        settings: Some(Settings {
            controllers: Some(vec![mark]),
        }),
    });
    let wish = wish.expect("encoding to memory does not fail");
    let reply = Encode!(&Reply::Ok(Created {
        block_id: 0u8.into(),
        canister_id: mark,
    }));
    let reply = reply.expect("encoding to memory does not fail");
    let (wish_before, wish_after) = around(&wish, &mark);
    let (reply_before, reply_after) = around(&reply, &mark);
    format!(
        r#"(module
            (import "ic0" "msg_caller_size" (func $caller_size (result i32)))
            (import "ic0" "msg_caller_copy" (func $caller_copy (param i32 i32 i32)))
            (import "ic0" "msg_arg_data_size" (func $arg_size (result i32)))
            (import "ic0" "msg_arg_data_copy" (func $arg_copy (param i32 i32 i32)))
            (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
            (import "ic0" "msg_reply" (func $reply))
            (import "ic0" "msg_reject" (func $reject (param i32 i32)))
            (import "ic0" "call_new" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32)))
            (import "ic0" "call_data_append" (func $argument (param i32 i32)))
            (import "ic0" "call_cycles_add128" (func $cycles (param i64 i64)))
            (import "ic0" "call_perform" (func $perform (result i32)))
            (table funcref (elem $created $failed))
            (memory 1)
            (data (i32.const 0) "create_canister")
            (data (i32.const 20) "no canister was made")
            (data (i32.const 1000) "{}")
            (data (i32.const 2000) "{}")
            (data (i32.const 3000) "{}")
            (data (i32.const 4000) "{}")
            (func (export "canister_update create_canister")
                (i32.store8 (i32.const 50) (call $caller_size))
                (call $caller_copy (i32.const 51) (i32.const 0) (call $caller_size))
                (call $call (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 15)
                    (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0))
                (call $argument (i32.const 1000) (i32.const {}))
                (call $argument (i32.const 50) (i32.add (call $caller_size) (i32.const 1)))
                (call $argument (i32.const 2000) (i32.const {}))
                (call $cycles (i64.const 0) (i64.const {CANISTER_CYCLES}))
                (if (call $perform) (then (call $failed (i32.const 0)))))
            (func $created (param i32)
                (i32.store8 (i32.const 50) (i32.const 10))
                (call $arg_copy (i32.const 51) (i32.sub (call $arg_size) (i32.const 10)) (i32.const 10))
                (call $append (i32.const 3000) (i32.const {}))
                (call $append (i32.const 50) (i32.const 11))
                (call $append (i32.const 4000) (i32.const {}))
                (call $reply))
            (func $failed (param i32) (call $reject (i32.const 20) (i32.const 20))))"#,
        data(&wish_before),
        data(&wish_after),
        data(&reply_before),
        data(&reply_after),
        wish_before.len(),
        wish_after.len(),
        reply_before.len(),
        reply_after.len(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stand_ins_are_modules() {
        for module in [ledger(), minting(Principal::anonymous())] {
            wat::parse_str(module).expect("valid text");
        }
    }

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
        ]);
        let expected = Launch {
            status_dir: Some("/s".into()),
            bind: Some("127.0.0.1".parse().expect("an address")),
            gateway_port: 8000,
            ..Launch::default()
        };
        assert_eq!(launch, Some(Ok(expected)));
        let wish = parse(&["--interface-version", "1", "--nns"]);
        assert!(matches!(wish, Some(Err(_))), "{wish:?}");
    }
}
