//! The command line of the server. It is that of a PocketIC server of any generation, and some options of our own; what is not known is
//! said and passed over, since clients of other generations start servers with other options.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use candid::Principal;
use drun_ic::protocol::Protocol;

use super::system::Given;
use super::wire::Codes;

/// Options for servers that are started by others, as most are: by the clients, which do not know ours.
const ENVIRONMENT: &str = "DRUN_SERVE_OPTIONS";

/// What the server is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// 0 for any free one.
    pub(crate) port: u16,
    /// Where the port is written, and what tells that a server runs.
    pub(crate) port_file: Option<PathBuf>,
    /// How long the server lives without requests; `None` for ever.
    pub(crate) ttl: Option<Duration>,
    /// When the server ends, used or not.
    pub(crate) hard_ttl: Option<Duration>,
    pub(crate) address: IpAddr,
    /// Instances that may live at the same time.
    pub(crate) max_instances: usize,
    /// Bytes of memory beyond which nothing new is begun.
    pub(crate) max_memory: Option<u64>,
    /// The modules of system canisters.
    pub(crate) system_canisters: Vec<Given>,
    /// Where compiled modules are kept.
    pub(crate) cache_dir: Option<PathBuf>,
    /// Where canisters print to, if not on standard error.
    pub(crate) prints: Option<PathBuf>,
    /// Canisters print nothing.
    pub(crate) quiet: bool,
    /// The rules of the server that clients believe to talk to.
    pub(crate) protocol: Protocol,
    /// The codes of errors that they know.
    pub(crate) codes: Codes,
    /// Subnets of the main network have their ids there.
    pub(crate) mainnet_ids: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            port: 0,
            port_file: None,
            ttl: Some(Duration::from_secs(60)),
            hard_ttl: None,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            max_instances: 100_000,
            max_memory: None,
            system_canisters: Vec::new(),
            cache_dir: crate::runner::config::default_cache_dir(),
            prints: None,
            quiet: false,
            protocol: Protocol::NEWEST,
            codes: Codes::All,
            mainnet_ids: true,
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Serve(Box<Options>),
    Version,
    Help,
}

/// Options of other generations that are of no use here, and whether a value follows.
const PASSED_OVER: &[(&str, bool)] = &[
    ("--log-levels", true),
    ("-l", true),
    ("--pid", true),
    ("--ready-file", true),
    ("--mainnet-routing-table", true),
    ("--fetch-mainnet-routing-table", false),
    ("--mainnet-registry-version", true),
];

/// Options of one letter that have a value.
const SHORT: &[&str] = &["-p", "-i", "-l"];

/// The help.
pub(crate) const HELP: &str = "\
Serves the protocol of a PocketIC server: clients for Rust, JavaScript and Python, mops, canbench and agents use it unchanged

Usage: drun serve [OPTIONS]

Options:
  -p, --port N             Port to listen on [default: any free one]
      --port-file FILE     Where the port is written; if the file is there, another server runs, and this one ends at once
      --ttl SECONDS        Ends after so long without a request; 0 for never [default: 60]
      --hard-ttl SECONDS   Ends so long after the start, used or not [default: never]
  -i, --ip-addr ADDRESS    Address to listen on [default: 127.0.0.1]
      --max-instances N    Instances that may live at the same time [default: 100000]
      --max-memory SIZE    Memory beyond which nothing new is taken: instances, calls, blobs; in MiB, or with a unit as in 2GiB; on
                           Linux [default: no limit]
      --system-canister ID=FILE
                           The module of a system canister that `icp_features` of instances ask for; may be repeated
      --system-argument ID=FILE
                           What that canister is installed with, encoded [default: empty Candid]
      --cache-dir DIR      Where compiled modules are kept [default: DRUN_CACHE_DIR, or the user's cache directory]
      --cache-limit SIZE   How much they may take there, in MiB or with a unit [default: DRUN_CACHE_LIMIT, in bytes or with MiB,
                           GiB; or a tenth of the room on the disk, from 256 MiB to 8 GiB]
      --no-cache           Keep no compiled modules
      --quiet              Do not print what canisters print
  -l, --log-levels FILTER  Taken, and without effect: the server prints what canisters print, and warnings
  -V, --version            Print `pocket-ic-server` and a version: DRUN_POCKET_IC_VERSION, or that of a link such as
                           pocket-ic-13.0.0, or 16.1.0; instructions and cycles are counted as by that server
  -h, --help               Print help

Options that stand in the environment variable DRUN_SERVE_OPTIONS, between blanks, hold for servers that clients start.
The program serves too, without the word `serve`, when it is called pocket-ic or pocket-ic-server, or when the first argument is
--port-file, --ttl, --hard-ttl or --interface-version (the launcher's).
";

/// The options of the environment.
///
/// # Errors
/// As [`parse`].
pub(crate) fn of_environment(warn: impl FnMut(String)) -> Result<Options, String> {
    let given = std::env::var(ENVIRONMENT).unwrap_or_default();
    let given = given.split_whitespace().map(str::to_owned);
    match parse(Options::default(), given, warn) {
        Ok(Wish::Serve(options)) => Ok(*options),
        Ok(_) => Err(format!(
            "{ENVIRONMENT} is for options of a server that runs"
        )),
        Err(error) => Err(format!("{ENVIRONMENT}: {error}")),
    }
}

/// Reads the arguments, on top of others; warnings go to `warn`.
///
/// # Errors
/// A value that is none, as a sentence.
pub(crate) fn parse(
    mut options: Options,
    arguments: impl IntoIterator<Item = String>,
    mut warn: impl FnMut(String),
) -> Result<Wish, String> {
    let mut arguments = arguments.into_iter().peekable();
    while let Some(argument) = arguments.next() {
        let (name, mut joined) = split(argument);
        let mut value = || {
            let value = joined.take().or_else(|| arguments.next());
            value.ok_or_else(|| format!("{name} wants a value"))
        };
        match name.as_str() {
            "-V" | "--version" => return Ok(Wish::Version),
            "-h" | "--help" => return Ok(Wish::Help),
            "-p" | "--port" => options.port = number(&name, &value()?)?,
            "--port-file" => options.port_file = Some(value()?.into()),
            "--ttl" => options.ttl = seconds(&name, &value()?)?,
            "--hard-ttl" => options.hard_ttl = seconds(&name, &value()?)?,
            "-i" | "--ip-addr" => options.address = number(&name, &value()?)?,
            "--max-instances" => options.max_instances = number(&name, &value()?)?,
            "--max-memory" => {
                options.max_memory = Some(size(&name, &value()?)?);
                if super::memory::in_use().is_none() {
                    return Err(format!(
                        "{name}: this system does not tell how much memory is in use"
                    ));
                }
            }
            "--system-canister" => {
                let (id, module) = file_of(&name, &value()?)?;
                options.system_canisters.retain(|given| given.id != id);
                options.system_canisters.push(Given {
                    id,
                    module,
                    argument: None,
                });
            }
            "--system-argument" => {
                let (id, file) = file_of(&name, &value()?)?;
                let mut all = options.system_canisters.iter_mut();
                let given = all.find(|given| given.id == id).ok_or_else(|| {
                    format!("{name}: --system-canister {id}=FILE has to stand before it")
                })?;
                given.argument = Some(file);
            }
            "--cache-dir" => options.cache_dir = Some(value()?.into()),
            "--cache-limit" => drun_ic::limit_caches(size(&name, &value()?)?),
            "--no-cache" => options.cache_dir = None,
            "--quiet" => options.quiet = true,
            other => {
                let known = PASSED_OVER.iter().find(|(known, _)| *known == other);
                match known {
                    Some((_, true)) => drop(value()?),
                    Some((_, false)) => {}
                    None if !other.starts_with('-') => warn(match other.parse::<u16>() {
                        Ok(port) => {
                            format!("`{port}` is passed over: a port is given as --port {port}")
                        }
                        Err(_) => format!("`{other}` is no option and passed over"),
                    }),
                    None => {
                        warn(format!("the option {other} is not known and passed over"));
                        // What follows and is no option belongs to it.
                        if joined.is_none() {
                            arguments.next_if(|next| !next.starts_with('-'));
                        }
                    }
                }
            }
        }
    }
    Ok(Wish::Serve(Box::new(options)))
}

/// An option and the value that is joined to it: `--port=1`, `-p=1`, `-p1`.
fn split(argument: String) -> (String, Option<String>) {
    let short = SHORT.iter().find(|name| argument.starts_with(**name));
    let parts = match short {
        Some(name) if argument.len() > name.len() => {
            let value = &argument[name.len()..];
            Some((*name, value.strip_prefix('=').unwrap_or(value)))
        }
        _ => argument
            .split_once('=')
            .filter(|_| argument.starts_with("--")),
    };
    match parts {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (argument, None),
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    let number = value.parse();
    number.map_err(|_| format!("{name}: `{value}` is not a value for it"))
}

/// Bytes. A number alone is one of MiB here.
fn size(name: &str, value: &str) -> Result<u64, String> {
    let size = match value.ends_with('B') {
        true => crate::script::size(value).ok(),
        false => value
            .parse::<u64>()
            .ok()
            .map(|mebibytes| mebibytes.saturating_mul(1 << 20)),
    };
    size.ok_or_else(|| format!("{name}: `{value}` is no number of MiB and no size such as 2GiB"))
}

/// An id and a file, `ID=FILE`.
fn file_of(name: &str, value: &str) -> Result<(Principal, PathBuf), String> {
    let parts = value.split_once('=');
    let parts = parts.and_then(|(id, file)| Some((Principal::from_text(id).ok()?, file.into())));
    parts.ok_or_else(|| format!("{name}: `{value}` is not an id and a file as in ID=FILE"))
}

fn seconds(name: &str, value: &str) -> Result<Option<Duration>, String> {
    let seconds: u64 = number(name, value)?;
    Ok((seconds > 0).then(|| Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> (Result<Wish, String>, Vec<String>) {
        let mut warnings = Vec::new();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        let wish = parse(Options::default(), arguments, |warning| {
            warnings.push(warning)
        });
        (wish, warnings)
    }

    #[test]
    fn options_of_all_generations_are_taken() {
        let (wish, warnings) = parsed(&[
            "--port-file",
            "/x.port",
            "--ttl",
            "300",
            "--log-levels",
            "error",
            "--hard-ttl=600",
            "--fetch-mainnet-routing-table",
            "--new-thing",
            "7",
            "--port",
            "8000",
            "-i",
            "::1",
        ]);
        let expected = Options {
            port: 8000,
            port_file: Some("/x.port".into()),
            ttl: Some(Duration::from_secs(300)),
            hard_ttl: Some(Duration::from_secs(600)),
            address: "::1".parse().unwrap(),
            ..Options::default()
        };
        assert_eq!(wish, Ok(Wish::Serve(Box::new(expected))));
        assert_eq!(
            warnings,
            ["the option --new-thing is not known and passed over"]
        );
    }

    #[test]
    fn a_value_may_be_joined_to_its_option() {
        for (arguments, port) in [(&["-p4711"][..], 4711), (&["-p=4712", "-lerror"], 4712)] {
            let expected = Options {
                port,
                ..Options::default()
            };
            let wish = Ok(Wish::Serve(Box::new(expected)));
            assert_eq!(parsed(arguments), (wish, Vec::new()));
        }
    }

    #[test]
    fn a_ttl_of_zero_is_none() {
        let Wish::Serve(options) = parsed(&["--ttl", "0"]).0.unwrap() else {
            panic!("it is to serve")
        };
        assert_eq!(options.ttl, None);
    }

    #[test]
    fn what_is_no_option_is_told_with_the_way_to_give_a_port() {
        let (wish, warnings) = parsed(&["8000", "here", "--port", "8001"]);
        let expected = Options {
            port: 8001,
            ..Options::default()
        };
        assert_eq!(wish, Ok(Wish::Serve(Box::new(expected))));
        let told = [
            "`8000` is passed over: a port is given as --port 8000",
            "`here` is no option and passed over",
        ];
        assert_eq!(warnings, told);
    }

    #[test]
    fn a_size_is_in_mebibytes_or_has_a_unit() {
        assert_eq!(size("--x", "2000"), Ok(2000 << 20));
        assert_eq!(size("--x", "2GiB"), Ok(2 << 30));
        assert_eq!(size("--x", "512KiB"), Ok(512 << 10));
        for wrong in ["2GB", "B", "GiB", "2g", "", "1.5", "1_000"] {
            assert_eq!(
                size("--x", wrong),
                Err(format!(
                    "--x: `{wrong}` is no number of MiB and no size such as 2GiB"
                ))
            );
        }
    }

    #[test]
    fn wrong_values_are_told() {
        assert_eq!(
            parsed(&["--port", "x"]).0,
            Err("--port: `x` is not a value for it".into())
        );
        assert_eq!(parsed(&["--ttl"]).0, Err("--ttl wants a value".into()));
        assert_eq!(parsed(&["--port", "1", "-V"]).0, Ok(Wish::Version));
    }
}
