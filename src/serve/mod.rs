//! `drun serve`: the protocol of a PocketIC server over networks of subnets in this process, so that its clients test canisters without
//! one (docs/internet-computer/pocket-ic-api.md). Owns the wire; what happens behind it is the business of `drun_ic::net`.
//!
//! From the top: [`main`] starts and ends the process; `http` and `outbound` are the only async room; `routes` finds the endpoint; the
//! endpoints work on `instances` and speak in the types of `wire`.

mod agent;
mod answer;
mod auto_progress;
mod blobs;
mod create;
mod dashboard;
mod gateway;
mod generation;
mod graph;
mod http;
mod instance_routes;
mod instances;
mod keys;
mod launcher;
mod life;
mod live;
mod manage;
mod memory;
mod openapi;
mod options;
mod outbound;
mod request;
mod routes;
mod signals;
mod snapshot_dir;
mod stand_ins;
mod state_dir;
mod system;
mod unheard;
mod verify;
mod wire;

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use drun_ic::net::NetSettings;
use tokio::net::TcpListener;

use life::{Activity, PortFile};
use options::{Options, Wish};

pub use unheard::Unheard;

/// Stack of threads that run canisters, in bytes: 5 MiB for Wasm code, and room below and above.
const STACK: usize = 16 << 20;
/// How often it is looked whether the server is still wanted.
const HEARTBEAT: Duration = Duration::from_millis(200);
/// States that have changed are written every second.
const BEATS_PER_CHECKPOINT: u64 = 5;
/// Connections at the same time; those beyond wait.
const CONNECTIONS: usize = 4096;

/// The command line or the machine is wrong; other errors are answers to requests.
const FAILED: u8 = 1;
const WRONG_INPUT: u8 = 2;

/// A server.
struct Server {
    options: Options,
    instances: instances::Instances,
    blobs: blobs::Blobs,
    graph: graph::Graph,
    gateways: gateway::Gateways,
    activity: Arc<Activity>,
    /// Where everything is waited for that does not belong to a connection.
    runtime: tokio::runtime::Handle,
}

impl Server {
    fn new(options: Options, runtime: &tokio::runtime::Handle) -> Self {
        Server {
            options,
            instances: instances::Instances::default(),
            blobs: blobs::Blobs::default(),
            graph: graph::Graph::default(),
            gateways: gateway::Gateways::default(),
            activity: Arc::default(),
            runtime: runtime.clone(),
        }
    }

    /// What all networks of this server have in common.
    fn net_settings(&self) -> NetSettings {
        NetSettings {
            protocol: self.options.protocol,
            mainnet_ids: self.options.mainnet_ids,
            cache_dir: self.options.cache_dir.clone(),
            printer: (!self.options.quiet).then(|| {
                let file = self.options.prints.as_ref();
                // It was made when the server started.
                let file = file.and_then(|file| File::options().append(true).open(file).ok());
                let print = move |line: &drun_ic::answer::DebugPrint| {
                    let line = crate::report::debug_line(line.time, line.canister, &line.text);
                    // A closed standard error is no reason to stop.
                    let _ = match file.as_ref() {
                        Some(mut file) => writeln!(file, "{line}"),
                        None => writeln!(std::io::stderr(), "{line}"),
                    };
                };
                Arc::new(print) as drun_ic::net::Printer
            }),
            authority: Arc::new(keys::Keys),
            ..NetSettings::default()
        }
    }
}

/// The arguments of the server, if the program was called as one: by the word `serve`, by the name of a PocketIC server, or as the
/// clients of one do.
pub fn arguments() -> Option<(String, Vec<String>)> {
    let mut all = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let program = all.next().unwrap_or_default();
    let program = std::path::Path::new(&program).file_name();
    let program = program.unwrap_or_default().to_string_lossy();
    let ending = std::env::consts::EXE_SUFFIX;
    let program = program.strip_suffix(ending).unwrap_or(&program).to_owned();
    let mut arguments: Vec<String> = all.collect();
    let first = arguments.first().map_or("", String::as_str);
    let wanted = |variable| std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    let as_server = program.starts_with("pocket-ic")
        || matches!(
            first.split('=').next(),
            Some("--port-file" | "--ttl" | "--hard-ttl" | "--interface-version")
        )
        || first == "--version"
            && arguments.len() == 1
            && (wanted("POCKET_IC_BIN") || wanted("DRUN_POCKET_IC_VERSION"));
    if first == "serve" {
        arguments.remove(0);
    } else if !as_server {
        return None;
    }
    Some((program, arguments))
}

/// Runs the server with its arguments.
pub fn main(program: &str, arguments: Vec<String>) -> ExitCode {
    let say = |text: String| {
        // A closed standard error is no reason to stop.
        let _ = writeln!(std::io::stderr(), "{text}");
    };
    let print = |text: String| {
        let _ = writeln!(std::io::stdout(), "{text}");
        ExitCode::SUCCESS
    };
    let version = match life::version(program) {
        Ok(version) => version,
        Err(error) => {
            say(format!("error: {error}"));
            return ExitCode::from(WRONG_INPUT);
        }
    };
    let usual = match options::of_environment(|warning| say(format!("warning: {warning}"))) {
        Ok(options) => Options {
            protocol: generation::protocol(&version),
            codes: generation::codes(&version),
            mainnet_ids: generation::has_mainnet_ids(&version),
            ..options
        },
        Err(error) => {
            say(format!("error: {error}"));
            return ExitCode::from(WRONG_INPUT);
        }
    };
    if let Some(launch) =
        launcher::Launch::parse(&arguments, |warning| say(format!("warning: {warning}")))
    {
        let served = launch.and_then(|launch| {
            for file in launch.stdout_file.iter().chain(&launch.stderr_file) {
                let made = File::create(file);
                made.map_err(|error| format!("cannot write {}: {error}", file.display()))?;
            }
            let options = Options {
                prints: launch.stderr_file.clone(),
                port: launch.config_port,
                address: launch.config_address().unwrap_or(usual.address),
                ttl: None,
                ..usual
            };
            serve(options, Some(launch))
        });
        return match served {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                say(format!("error: {error}"));
                ExitCode::from(FAILED)
            }
        };
    }
    let options = match options::parse(usual, arguments, |warning| {
        say(format!("warning: {warning}"));
    }) {
        Ok(Wish::Version) => return print(format!("pocket-ic-server {version}")),
        Ok(Wish::Help) => return print(options::HELP.trim_end().to_owned()),
        Ok(Wish::Serve(options)) => *options,
        Err(error) => {
            say(format!("error: {error}"));
            return ExitCode::from(WRONG_INPUT);
        }
    };
    match serve(options, None) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format!("error: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

/// Writes the states that have changed, beside everything else. Connections may have all threads of the pool, so it has one of its own;
/// where there is none, it is tried again a second later.
fn checkpoint(server: &Server) {
    let mut alive = server.instances.alive();
    alive.retain(|instance| instance.is_kept());
    if !alive.is_empty() {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let _ = thread.spawn(move || alive.iter().for_each(|it| it.checkpoint()));
    }
}

/// Serves until nobody wants it any more.
fn serve(options: Options, launch: Option<launcher::Launch>) -> Result<(), String> {
    let started = Instant::now();
    let mut port_file = None;
    if let Some(path) = &options.port_file {
        port_file = PortFile::take(path)
            .map_err(|error| format!("cannot make the port file {}: {error}", path.display()))?;
        if port_file.is_none() {
            // Another server of the same tests runs already.
            return Ok(());
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_stack_size(STACK)
        .max_blocking_threads(CONNECTIONS)
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let address = SocketAddr::new(options.address, options.port);
    let (ttl, hard_ttl) = (options.ttl, options.hard_ttl);
    let server = Arc::new(Server::new(options, runtime.handle()));
    let served = runtime.block_on(async {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("cannot listen on {address}: {error}"))?;
        let port = listener.local_addr().map_err(|error| error.to_string())?;
        let port = port.port();
        let mut signals = signals::Signals::listen().map_err(|error| error.to_string())?;
        tokio::spawn(http::accept(listener, None, Arc::clone(&server)));
        if let Some(launch) = launch {
            let server = Arc::clone(&server);
            let launched = tokio::task::spawn_blocking(move || launch.run(&server, port));
            launched.await.map_err(|error| error.to_string())??;
        }
        if let Some(file) = &mut port_file {
            let told = file.tell(port);
            told.map_err(|error| format!("cannot write the port file: {error}"))?;
        } else {
            let _ = writeln!(
                std::io::stdout(),
                "listening on http://{}",
                SocketAddr::new(address.ip(), port)
            );
        }
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        let mut beats: u64 = 0;
        loop {
            tokio::select! {
                () = signals.end() => break,
                _ = heartbeat.tick() => {
                    beats += 1;
                    for trouble in drun_ic::troubles() {
                        let _ = writeln!(std::io::stderr(), "warning: {trouble}");
                    }
                    if beats.is_multiple_of(BEATS_PER_CHECKPOINT) {
                        checkpoint(&server);
                    }
                    let unwanted = ttl.is_some_and(|ttl| server.activity.idle() > ttl);
                    if unwanted || hard_ttl.is_some_and(|ttl| started.elapsed() > ttl) {
                        break;
                    }
                }
            }
        }
        Ok(())
    });
    // What has a place to be kept is written; the rest is left to the end of the process.
    for instance in server.instances.alive() {
        if instance.is_kept() {
            std::mem::forget(instance.end());
        }
    }
    drop(port_file);
    if served.is_ok() {
        std::process::exit(0);
    }
    served
}
