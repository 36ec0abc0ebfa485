//! The beginning: a node's data is opened, or its first block is made from a kernel (rollup-node.md, section 5.1).

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use tokio::sync::broadcast;

use super::block::{Block, State};
use super::chain::Chain;
use super::commitment::Commitment;
use super::config::Settings;
use super::history::Inbox;
use super::outside::{DebugLog, Outside, Sources};
use super::pool::Pool;
use super::store::Store;
use super::time::now;
use super::{Counters, Live, Node, machine};
use crate::encoding::hash::Hash;
use crate::inbox::{level as inbox_level, message};
use crate::pvm::Pvm;
use crate::version::Version;

/// Why a node cannot begin.
pub type Refused = String;

/// Opens a node's data, or makes its first block from a kernel.
///
/// # Errors
/// If there is no kernel, or the store fails.
pub fn open(settings: Settings, kernel: Option<&[u8]>) -> Result<(Arc<Node>, Chain), Refused> {
    let directory = settings.data_dir.join("storage");
    std::fs::create_dir_all(&directory)
        .map_err(|error| format!("{}: {error}", directory.display()))?;
    let store = Store::open(&directory.join("sandbox.redb"))?;
    let sources = Arc::new(Sources {
        preimages: settings.data_dir.join("wasm_2_0_0"),
        endpoint: settings.pre_images_endpoint.clone(),
        dal_pages: settings.data_dir.join("dal_pages"),
        dal: settings.simulate_dal,
        rollup: settings.rollup,
        origination: settings.origination_level,
        lies: settings.loser.dal.clone(),
    });
    let (head, pvm) = match store.head()? {
        Some(head) => {
            let durable = store.durable(&head)?;
            let pvm = machine(&store, &head, durable, settings.origination_level)?;
            (head, pvm)
        }
        None => {
            let kernel = kernel.ok_or("no Layer 1: give the kernel with --boot-sector-file")?;
            genesis(&settings, &store, kernel)?
        }
    };
    let debug = Arc::new(Mutex::new(DebugLog::open(
        settings.kernel_log().as_deref(),
    )?));
    let stop = Arc::new(AtomicBool::new(false));
    let journal = settings.data_dir.join("storage/waiting");
    let pool = Pool::open(&journal, store.settled()?, &settings.batcher)?;
    let live = Live {
        head: Arc::new(head),
        pvm: pvm.clone(),
        pool,
        dal: Default::default(),
        migration: None,
        cement: None,
        degraded: None,
        block_time: settings.constants.block_time,
        blocks_late: 0,
        first_level: store.first_level()?.unwrap_or(settings.origination_level),
        collected: None,
        refutation: Default::default(),
        counters: Counters::default(),
    };
    let compiled = || settings.compiled();
    let executor = compiled();
    let inputs = settings.inputs.clone();
    let node = Arc::new(Node {
        simulator: Mutex::new(compiled()),
        store,
        sources: Arc::clone(&sources),
        debug: Arc::clone(&debug),
        stop: Arc::clone(&stop),
        heads: broadcast::channel(1024).0,
        live: Mutex::new(live),
        states: Mutex::default(),
        settings,
    });
    let outside = Outside {
        sources,
        debug,
        stop,
    };
    let chain = Chain::new(Arc::clone(&node), executor, outside, pvm, inputs);
    Ok((node, chain))
}

/// The block at which the rollup begins: its inbox is kept and not evaluated.
fn genesis(settings: &Settings, store: &Store, kernel: &[u8]) -> Result<(Block, Pvm), Refused> {
    let level = settings.origination_level;
    let version = Version::of_protocol(&settings.protocol)
        .ok_or_else(|| format!("unknown protocol `{}`", settings.protocol))?;
    let pvm = Pvm::originate(kernel, version);
    let info = message::Info::default();
    let messages = inbox_level(info, Some(&settings.protocol), false, Vec::new());
    let state = State {
        durable: pvm.world.durable.hash(),
        outbox: Hash::default(),
        level,
        ticks: 0,
        status: 0,
    };
    let commitment = Commitment {
        state: state.hash(),
        level,
        predecessor: Hash::default(),
        ticks: 0,
    };
    let hash = commitment.hash();
    let mut block = Block {
        hash: Block::hash_of(&settings.rollup, &Hash::default(), level, &[], 0),
        level,
        predecessor: Hash::default(),
        timestamp: settings.start_timestamp.unwrap_or_else(now),
        migration: Some(settings.protocol.clone()),
        inbox: Inbox::after(None, level, &messages),
        messages,
        operations: Vec::new(),
        commitment: Some(commitment),
        previous_commitment: hash,
        published: vec![hash],
        cemented: (level, hash),
        initial_tick: 0,
        num_ticks: 0,
        kernel_runs: 0,
        state,
        version: version.name().to_owned(),
        stuck: None,
        root: Vec::new(),
        last_piece: 0,
        outbox: Vec::new(),
    };
    store.add(&mut block, &pvm.world.durable, Hash::default(), None, true)?;
    Ok((block, pvm))
}
