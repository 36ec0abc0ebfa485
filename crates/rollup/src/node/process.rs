//! `run`: the process from its start to its end: the directory's lock, whose data it is, listening, signals.

use std::fs::{self, TryLockError};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use serde_json::json;

use super::arguments::{Arguments, base_dir};
use super::begin;
use super::chain::{Chain, Order};
use super::config::{File, Settings};
use super::loser::BANNER;
use super::metadata::Metadata;
use super::operators::Mode;
use super::server::{self, Service};
use super::setting::{boot_sector, config_path, first_kernel, settings};
use super::signals::{Asked, Signals};
use super::{Node, log};
use crate::encoding::base58::ROLLUP;
use crate::encoding::hash::blake2b;
use crate::module::Kernel;
use crate::replace::replace;
use crate::version::Version;

/// How long a block that is under way may take when the node is to end.
const GRACE: Duration = Duration::from_secs(5);

/// Looks at a kernel before its first level, as the real node does when a rollup is originated.
fn check(kernel: &[u8], version: Version) -> Result<(), String> {
    let module =
        Kernel::decode(kernel.into()).map_err(|error| format!("the kernel cannot run: {error}"))?;
    if let Some((_, error)) = crate::link::unlinked(&module, version) {
        return Err(format!("the kernel cannot run: {error}"));
    }
    Ok(())
}

pub(super) fn run(
    arguments: &Arguments,
    mode: Option<&str>,
    rollup: Option<&str>,
    keys: &[&str],
) -> Result<(), String> {
    let file = File::read(&config_path(arguments))?.unwrap_or_default();
    let mut kernel = first_kernel(arguments, &file)?;
    let settings = settings(arguments, &file, mode, rollup, keys, kernel.as_deref())?;
    let shown = ROLLUP.encode(&settings.rollup);
    if kernel.is_none() {
        let originated = base_dir(arguments).join(format!("{shown}.kernel"));
        if originated.exists() {
            kernel = Some(boot_sector(&originated)?);
        }
    }
    for (given, text) in [
        (
            arguments.endpoint.is_some(),
            "no Layer 1 here: --endpoint is accepted and ignored",
        ),
        (arguments.dal_node.is_some(), "DAL is simulated"),
        (
            (settings.pre_images_endpoint.as_ref()).is_some_and(|url| !url.starts_with("http://")),
            "preimages can be fetched over http:// only: --pre-images-endpoint is ignored",
        ),
    ] {
        match (given, arguments.strict) {
            (true, true) => return Err(text.into()),
            (true, false) => log::notice(&format!("Warning: {text}")),
            (false, _) => {}
        }
    }
    if settings.mode == Mode::Accuser && settings.loser_peer.is_none() {
        log::notice(
            "Warning: without --loser-peer there is nobody to refute: as accuser this node only follows",
        );
    }
    if settings.loser.is_loser() {
        BANNER.into_iter().for_each(log::notice);
    }
    fs::create_dir_all(settings.data_dir.join("wasm_2_0_0"))
        .map_err(|error| format!("{}: {error}", settings.data_dir.display()))?;
    log::event(
        "starting_smart_rollup_node",
        &json!({}),
        "Starting the smart rollup node",
    );
    let lock = lock(&settings.data_dir)?;
    if let Some(metadata) = Metadata::read(&settings.data_dir)? {
        metadata.check(&settings)?;
    }
    if let (Some(kernel), false) = (&kernel, settings.unsafe_disable_wasm_kernel_checks) {
        check(
            kernel,
            Version::of_protocol(&settings.protocol).unwrap_or(Version::R2),
        )?;
    }
    let (node, chain) = begin::open(settings, kernel.as_deref())?;
    genesis_matches(&node, kernel.as_deref())?;
    log::notice(&format!(
        "The smart rollup node is interacting with rollup {shown} of kind wasm_2_0_0"
    ));
    let result = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?
        .block_on(serve(node, chain));
    drop(lock);
    result
}

/// Holds the data directory; the system lets it go when the process ends, however that happens.
pub(super) fn lock(directory: &Path) -> Result<fs::File, String> {
    let path = directory.join("lock");
    let file = fs::File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!(
            "Could not acquire lock on data directory, another rollup node may already be running with this data. If this is not the case, consider removing manually the file \"{}\"",
            path.display()
        )),
        Err(TryLockError::Error(error)) => Err(format!("{}: {error}", path.display())),
    }
}

/// Writes down where the rollup began, and refuses another kernel than the first.
fn genesis_matches(node: &Node, kernel: Option<&[u8]>) -> Result<(), String> {
    let settings = &node.settings;
    let digest = kernel.map(|kernel| hex::encode(blake2b(kernel)));
    if let Some(metadata) = Metadata::read(&settings.data_dir)? {
        return metadata.check_kernel(digest.as_deref());
    }
    let genesis = node
        .store
        .block(settings.origination_level)?
        .ok_or("the data directory has no first block at --origination-level")?;
    Metadata::new(settings, &genesis, digest).write(&settings.data_dir)
}

/// Remembers what is kept of the past, which can no longer become more.
fn remember_history(settings: &Settings) -> Result<(), String> {
    let path = settings.data_dir.join("history-mode");
    replace(&path, settings.history_mode.name())
        .map_err(|error| format!("{}: {error}", path.display()))
}

async fn serve(node: Arc<Node>, chain: Chain) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    let (settings, stop) = (&node.settings, Arc::clone(&node.stop));
    let listener = server::bind(&settings.rpc_addr, settings.rpc_port).await?;
    let address = listener.local_addr().map_err(failed)?;
    // From here on the node runs: what it was started with holds.
    remember_history(settings)?;
    let (orders, receiver) = mpsc::channel();
    let service = Arc::new(Service {
        node: Arc::clone(&node),
        orders: orders.clone(),
        started: Instant::now(),
    });
    if let Some(text) = &settings.metrics_addr {
        let (host, port) = text.rsplit_once(':').unwrap_or((text, "9933"));
        let host = if host.is_empty() { "0.0.0.0" } else { host };
        let port = port
            .parse()
            .map_err(|_| format!("--metrics-addr: `{text}` is not ADDR:PORT"))?;
        let metrics = server::bind(host, port).await?;
        tokio::spawn(server::serve_metrics(Arc::clone(&service), metrics));
    }
    let mut signals = Signals::listen().map_err(failed)?;
    let (ended, mut end) = tokio::sync::oneshot::channel();
    let maker = std::thread::Builder::new()
        .name("blocks".into())
        .spawn(move || {
            // Nobody listens when the process ends anyhow.
            let _ = ended.send(chain.run(&receiver));
        })
        .map_err(failed)?;
    log::event(
        "smart_rollup_node_is_ready",
        &json!({ "addr": address.ip().to_string(), "port": address.port() }),
        &format!("The smart rollup node is listening to {address}"),
    );
    let server = tokio::spawn(server::serve(service, listener));
    let result = loop {
        tokio::select! {
            asked = signals.next() => match asked {
                Asked::End => break Ok(()),
                Asked::Block => {
                    let (reply, _) = tokio::sync::oneshot::channel();
                    let _ = orders.send(Order::Bake { count: 1, timestamp: None, reply });
                }
            },
            result = &mut end => {
                // Who asked for the last block may still have its answer.
                tokio::time::sleep(Duration::from_millis(100)).await;
                break result.unwrap_or_else(|_| Err("the maker of blocks died".into()));
            }
        }
    };
    server.abort();
    for (runs, worker) in [
        (true, "RPC server"),
        (true, "Injector"),
        (settings.mode.has_batcher(), "Batcher"),
        (settings.mode.publishes(), "Commitment Publisher"),
        (settings.mode.refutes(), "Refutation Coordinator"),
    ] {
        if runs {
            log::notice(&format!("Shutting down {worker}"));
        }
    }
    log::event(
        "shutdown_smart_rollup_node",
        &json!({}),
        "Stopping the smart rollup node",
    );
    if result.is_ok() {
        // A kernel that is running may finish its block; one that does not end is left alone.
        let patient = Arc::clone(&stop);
        let _ = orders.send(Order::End);
        let finish = tokio::task::spawn_blocking(move || maker.join());
        if tokio::time::timeout(GRACE, finish).await.is_err() {
            patient.store(true, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(200)).await;
            std::process::exit(0);
        }
    }
    result
}
