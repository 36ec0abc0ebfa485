//! A rollup node on one machine: one kernel, a simulated Layer 1, and the RPC of the real node
//! (rollup-node.md).
//!
//! [`chain`] makes blocks on a thread of its own, [`store`] keeps them, [`server`] answers over HTTP from what is kept,
//! [`cli`] is the program. What all of them look at is a [`Node`].

mod arguments;
mod bailout;
pub mod batcher;
pub mod begin;
pub mod block;
pub mod chain;
pub mod cli;
mod collect;
pub mod commitment;
mod compare;
pub mod config;
mod course;
pub mod dal;
mod dissect;
mod dump;
mod execution;
mod file;
pub mod history;
pub mod http;
mod journal;
mod layer1;
pub mod log;
pub mod loser;
mod metadata;
mod offline;
mod operators;
pub mod outside;
mod peer;
mod pieces;
pub mod pool;
mod process;
pub mod proof;
mod refutation;
mod remembered;
mod schema;
pub mod server;
mod setting;
mod shapes;
mod signals;
mod simulate;
mod snapshot;
pub mod store;
mod tell;
pub mod time;

use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use crate::compiled::Compiled;
use crate::encoding::hash::Hash;
use crate::host::World;
use crate::outbox::Outbox;
use crate::pvm::Pvm;
use crate::storage::Durable;
use crate::version::Version;
pub(crate) use arguments::home;
use block::Block;
use config::Settings;
use dal::Dal;
pub(crate) use operators::alias;
use outside::{DebugLog, Sources};
use pool::Pool;
use refutation::Refutation;
use store::Store;

/// States of older blocks that are kept at hand.
const STATES: usize = 8;

/// What the threads of a node share.
pub struct Node {
    /// How it was started.
    pub settings: Settings,
    /// What is kept on disk.
    pub store: Store,
    /// Where data to reveal comes from.
    pub sources: Arc<Sources>,
    /// What the kernel prints.
    pub debug: Arc<Mutex<DebugLog>>,
    /// Whether the node is to end.
    pub stop: Arc<AtomicBool>,
    /// Every block as it becomes the head.
    pub heads: broadcast::Sender<Arc<Block>>,
    live: Mutex<Live>,
    states: Mutex<VecDeque<(Hash, Durable)>>,
    simulator: Mutex<Compiled>,
}

/// What changes with every block and message.
pub struct Live {
    /// The newest block.
    pub head: Arc<Block>,
    /// The machine after it.
    pub pvm: Pvm,
    /// What waits for the next block.
    pub pool: Pool,
    /// Messages for the data availability layer.
    pub dal: Dal,
    /// The protocol that begins with the next block.
    pub migration: Option<String>,
    /// Cement up to this level with the next block, whatever the window says.
    pub cement: Option<i32>,
    /// Why no block can be made at present.
    pub degraded: Option<String>,
    /// Seconds between blocks.
    pub block_time: f64,
    /// Blocks that the timer skipped since a kernel was still running.
    pub blocks_late: u64,
    /// The first level that has not been forgotten.
    pub first_level: i32,
    /// The level up to which was forgotten last, and the level of the head then.
    pub collected: Option<(i32, i32)>,
    /// What is disputed with another node.
    pub(crate) refutation: Refutation,
    /// Counters for the metrics.
    pub counters: Counters,
}

/// Seconds by which runs of the kernel are told apart.
pub const RUN_SECONDS: [f64; 5] = [0.0001, 0.001, 0.01, 0.1, 1.0];

/// Counters since the start.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Runs of the kernel.
    pub kernel_runs: u64,
    /// Seconds spent in them.
    pub kernel_seconds: f64,
    /// How many took how long: up to the bounds of [`RUN_SECONDS`], each without those before.
    pub kernel_runs_within: [u64; RUN_SECONDS.len()],
    /// Runs that trapped.
    pub kernel_traps: u64,
    /// Seconds of the last block.
    pub block_seconds: f64,
    /// Seconds in which its messages were collected.
    pub fetch_seconds: f64,
    /// Seconds of the last collection of old levels.
    pub collect_seconds: f64,
    /// Batches and messages that left the batcher.
    pub batches: u64,
    /// Messages in them.
    pub messages: u64,
    /// The level of the last batch.
    pub last_batch_level: i32,
}

impl Node {
    /// What changes, for a short look.
    pub fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest block.
    pub fn head(&self) -> Arc<Block> {
        Arc::clone(&self.live().head)
    }

    /// The level that counts as final.
    pub fn finalized_level(&self, head: i32) -> i32 {
        let settings = &self.settings;
        (head - settings.constants.finality).max(settings.origination_level)
    }

    /// The level of the commitment that covers a level.
    pub fn covering_level(&self, level: i32) -> i32 {
        let period = self.settings.constants.commitment_period.max(1);
        let origin = self.settings.origination_level;
        origin + (level - origin + period - 1).div_euclid(period) * period
    }

    /// The commitment that covers a level, once its block has been made.
    ///
    /// # Errors
    /// If the store fails.
    pub fn commitment_of(&self, level: i32) -> Result<Option<Hash>, String> {
        let block = self.store.block(self.covering_level(level))?;
        Ok(block.and_then(|block| Some(block.commitment.as_ref()?.hash())))
    }

    /// The durable storage after a block.
    ///
    /// # Errors
    /// If the store fails.
    pub fn durable(&self, block: &Block) -> Result<Durable, String> {
        {
            let live = self.live();
            if live.head.hash == block.hash {
                return Ok(live.pvm.world.durable.clone());
            }
        }
        let states = || self.states.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, durable)) = states().iter().find(|(hash, _)| *hash == block.hash) {
            return Ok(durable.clone());
        }
        let durable = self.store.durable(block)?;
        let mut states = states();
        if states.len() >= STATES {
            states.pop_front();
        }
        states.push_back((block.hash, durable.clone()));
        Ok(durable)
    }

    /// The machine after a block.
    ///
    /// # Errors
    /// If the store fails.
    pub fn machine(&self, block: &Block) -> Result<Pvm, String> {
        {
            let live = self.live();
            if live.head.hash == block.hash {
                return Ok(live.pvm.clone());
            }
        }
        machine(
            &self.store,
            block,
            self.durable(block)?,
            self.settings.origination_level,
        )
    }
}

/// The machine after a block, from what is kept of it.
fn machine(
    store: &Store,
    block: &Block,
    durable: Durable,
    origination: i32,
) -> Result<Pvm, String> {
    let version = Version::parse(&block.version)
        .ok_or_else(|| format!("the store names an unknown version {}", block.version))?;
    let first = (origination + 1).max(block.level - version.outbox_validity() + 1);
    let mut kept = store.outboxes(first, block.level)?.into_iter().peekable();
    let levels = (first..=block.level).map(|level| {
        let messages = kept.next_if(|(at, _)| *at == level);
        let messages = messages
            .map(|(_, outbox)| outbox.messages)
            .unwrap_or_default();
        (level, messages.into_iter().map(Into::into).collect())
    });
    let world = World {
        durable,
        outbox: Outbox::of_levels(levels),
        ..World::default()
    };
    let stuck = block.stuck.as_ref().map(block::stuck);
    Ok(Pvm::restore(world, version, block.state.ticks, stuck))
}
