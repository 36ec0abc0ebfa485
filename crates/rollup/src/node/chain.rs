//! The chain: blocks are made here, one after the other, by timer or on request (rollup-node.md, sections 5 and 7).
//!
//! One thread owns the machine. It never waits for readers, and readers see a block when it is complete.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::oneshot;

use super::block::{Block, Operation, State, keep_stuck};
use super::course::{Course, after};
use super::history::Inbox;
use super::outside::Outside;
use super::pool::Taken;
use super::time::now;
use super::{Node, RUN_SECONDS, bailout, layer1, log, machine, refutation};
use crate::compiled::Compiled;
use crate::encoding::base58::{BLOCK, COMMITMENT, OPERATION};
use crate::inbox::{level as inbox_level, message};
use crate::outbox::message::OutboxMessage;
use crate::pvm::{Pvm, keys};

/// Messages of users that a level can hold.
pub(super) const MAX_MESSAGES: usize = 1_000_000;

/// How often a node in degraded mode says why.
const RETRY: Duration = Duration::from_secs(10);

/// How often it tries again, and how often the clock is looked at.
const LOOK: Duration = Duration::from_millis(300);

/// From this time between blocks on, each is kept so that the start after a crash is quick.
const UNHURRIED: Duration = Duration::from_millis(50);

/// What is asked of the chain.
pub enum Order {
    /// Blocks now.
    Bake {
        /// How many.
        count: u32,
        /// The time of the first.
        timestamp: Option<i64>,
        /// Who wants to know.
        reply: oneshot::Sender<Result<Vec<Made>, String>>,
    },
    /// The last blocks go.
    Reorg {
        /// How many.
        depth: i32,
        /// Who wants to know.
        reply: oneshot::Sender<Result<i32, String>>,
    },
    /// Nothing but another look at the clock.
    Wake,
    /// No more blocks.
    End,
}

/// A block that was made on request.
#[derive(Clone, Debug)]
pub struct Made {
    /// The block.
    pub block: Arc<Block>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What goes into a block. All of it waits on until the block is made: a block that cannot be made yet loses nothing.
struct Prepared {
    /// What of it is the pool's.
    taken: Taken,
    /// The pool's operations and the messages of the file.
    operations: Vec<Operation>,
    migration: Option<String>,
    timestamp: i64,
}

/// The maker of blocks.
pub struct Chain {
    node: Arc<Node>,
    executor: Compiled,
    outside: Outside,
    pvm: Pvm,
    /// Blocks whose messages are given by a file, level by level.
    inputs: VecDeque<Vec<Vec<u8>>>,
    /// When it was last told why no block can be made.
    complained: Option<Instant>,
    /// Up to which level commitments are surely published.
    published: i32,
    /// The newest commitment that has to be cemented before a node in bailout mode leaves.
    stake: Option<i32>,
    /// How often blocks were taken away.
    reorganisations: u64,
    /// Why no more blocks are made: the node has left, or must not go on.
    ended: Option<Result<(), String>>,
}

impl Chain {
    pub(super) fn new(
        node: Arc<Node>,
        executor: Compiled,
        outside: Outside,
        pvm: Pvm,
        inputs: Vec<Vec<Vec<u8>>>,
    ) -> Self {
        Self {
            node,
            executor,
            outside,
            pvm,
            inputs: inputs.into(),
            complained: None,
            published: i32::MIN,
            stake: None,
            reorganisations: 0,
            ended: None,
        }
    }

    /// Makes blocks until the node is to end. The error ends the process.
    ///
    /// # Errors
    /// If a block can never be made and the node was told not to wait.
    pub fn run(mut self, orders: &Receiver<Order>) -> Result<(), String> {
        self.stake = bailout::stake(&self.node)?;
        self.reorganisations = self.node.store.reorganisations()?;
        self.published = self.stake.unwrap_or(i32::MIN);
        self.catch_up()?;
        let mut due = Instant::now();
        if self.node.live().degraded.is_none() {
            due += self.pause();
        }
        while !self.node.stop.load(Ordering::Relaxed) {
            if let Some(end) = self.ended.take() {
                return end;
            }
            if self.node.settings.exit_after_inputs && !self.has_inputs() {
                return Ok(());
            }
            let manual = self.node.live().block_time <= 0.0 && !self.has_inputs();
            let wait = if manual {
                LOOK
            } else {
                due.saturating_duration_since(Instant::now()).min(LOOK)
            };
            match orders.recv_timeout(wait) {
                Ok(Order::Wake) => due = Instant::now() + self.pause(),
                Ok(Order::End) => return Ok(()),
                Ok(Order::Bake {
                    count,
                    timestamp,
                    reply,
                }) => {
                    let made = self.bake(count, timestamp);
                    // Who does not wait any longer does not care.
                    let _ = reply.send(made);
                }
                Ok(Order::Reorg { depth, reply }) => {
                    let _ = reply.send(self.reorg(depth));
                }
                Err(RecvTimeoutError::Timeout) => {
                    if !manual && Instant::now() >= due {
                        self.on_time()?;
                        if self.node.live().degraded.is_some() {
                            due = Instant::now() + LOOK;
                            continue;
                        }
                        let pause = self.pause();
                        due += pause;
                        if due < Instant::now() {
                            if !pause.is_zero() {
                                self.node.live().blocks_late += 1;
                            }
                            due = Instant::now() + pause;
                        }
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Makes the blocks that the clock would have made since the newest one.
    fn catch_up(&mut self) -> Result<(), String> {
        let settings = &self.node.settings;
        let pause = (settings.constants.block_time.ceil() as i64).max(1);
        let head = self.node.head();
        let missing = (now() - head.timestamp) / pause;
        if !settings.catch_up || settings.constants.block_time <= 0.0 || missing < 1 {
            return Ok(());
        }
        log::notice(&format!("Catching up on {missing} blocks"));
        for n in 1..=missing {
            if self.node.stop.load(Ordering::Relaxed) || self.ended.is_some() {
                return Ok(());
            }
            if let Err(error) = self.make(Some(head.timestamp + n * pause), n == missing) {
                return self.hindered(error);
            }
        }
        Ok(())
    }

    fn pause(&self) -> Duration {
        Duration::try_from_secs_f64(self.node.live().block_time).unwrap_or_default()
    }

    fn has_inputs(&self) -> bool {
        !self.inputs.is_empty()
    }

    /// A block by the clock.
    fn on_time(&mut self) -> Result<(), String> {
        if let Err(error) = self.make(None, self.pause() >= UNHURRIED) {
            return self.hindered(error);
        }
        self.node.live().degraded = None;
        Ok(())
    }

    /// What hinders a block that is due is told, and the block is tried again soon.
    fn hindered(&mut self, error: String) -> Result<(), String> {
        if self.node.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        let settings = &self.node.settings;
        let first = settings.origination_level + settings.constants.commitment_period;
        if settings.no_degraded || self.node.head().level < first {
            return Err(error);
        }
        if self.complained.is_none_or(|last| last.elapsed() >= RETRY) {
            log::notice(&format!(
                "[Daemon error]: entering degraded mode - {error}; the block is tried again until it can be made"
            ));
            self.complained = Some(Instant::now());
        }
        self.node.live().degraded = Some(error);
        Ok(())
    }

    fn bake(&mut self, count: u32, timestamp: Option<i64>) -> Result<Vec<Made>, String> {
        let mut made = Vec::new();
        for n in 0..count {
            if self.node.stop.load(Ordering::Relaxed) {
                return Err("the node is ending".into());
            }
            let timestamp = timestamp.filter(|_| n == 0);
            made.push(self.make(timestamp, n + 1 == count)?);
            if self.ended.is_some() {
                break;
            }
        }
        self.node.live().degraded = None;
        Ok(made)
    }

    /// Collects what goes into the next block.
    fn prepare(&self, timestamp: Option<i64>) -> Prepared {
        let settings = &self.node.settings;
        let mut live = self.node.live();
        let inputs = self.inputs.front().map_or(&[][..], Vec::as_slice);
        let mut taken = live.pool.take(
            &settings.batcher,
            settings.mode.has_batcher(),
            MAX_MESSAGES.saturating_sub(inputs.len()),
        );
        let mut operations = std::mem::take(&mut taken.operations);
        operations.extend(inputs.iter().cloned().map(Operation::Serialized));
        let level = live.head.level + 1;
        let planned = settings.migrations.iter().find(|(at, _)| *at == level);
        let planned = planned.map(|(_, protocol)| protocol.clone());
        let least = live.head.timestamp + 1;
        let timestamp = match (timestamp, settings.deterministic) {
            (Some(timestamp), _) => timestamp,
            (None, true) => live.head.timestamp + (settings.constants.block_time as i64).max(1),
            (None, false) => now(),
        };
        Prepared {
            taken,
            operations,
            migration: live.migration.clone().or(planned),
            timestamp: timestamp.max(least),
        }
    }

    /// Makes one block. When it cannot be made, nothing has changed, and what should go into it waits for the next time.
    fn make(&mut self, timestamp: Option<i64>, careful: bool) -> Result<Made, String> {
        let start = Instant::now();
        let prepared = self.prepare(timestamp);
        if self.node.settings.simulate_dal {
            let mut live = self.node.live();
            let level = live.head.level + 1;
            if let Err(error) = live.dal.publish(level, &self.node.sources.dal_pages) {
                log::notice(&format!("Warning: {error}"));
            }
        }
        self.node.live().counters.fetch_seconds = start.elapsed().as_secs_f64();
        let before = self.pvm.clone();
        match self.evaluate(&prepared).and_then(|(mut block, published)| {
            let chain = self.node.head().state.outbox;
            let durable = &self.pvm.world.durable;
            let settled = prepared.taken.settled.as_ref();
            self.node
                .store
                .add(&mut block, durable, chain, settled, careful)?;
            Ok((block, published))
        }) {
            Ok((block, published)) => {
                self.published = published;
                let made = Made {
                    block: Arc::new(block),
                    elapsed: start.elapsed(),
                };
                self.publish(&made, &prepared);
                Ok(made)
            }
            Err(error) => {
                self.pvm = before;
                self.node.live().pool.keep();
                Err(error)
            }
        }
    }

    /// A block that is not kept yet, and the level up to which commitments are then published.
    fn evaluate(&mut self, prepared: &Prepared) -> Result<(Block, i32), String> {
        let head = self.node.head();
        let level = head.level + 1;
        let user: Vec<Vec<u8>> = prepared
            .operations
            .iter()
            .flat_map(|operation| match operation {
                Operation::Messages(messages) => messages
                    .iter()
                    .map(|text| message::external(text))
                    .collect(),
                Operation::Serialized(message) => vec![message.clone()],
            })
            .collect();
        let info = message::Info {
            timestamp: head.timestamp,
            predecessor: head.hash,
        };
        let messages = inbox_level(info, prepared.migration.as_deref(), false, user);
        let (ticks, durable) = (self.pvm.ticks(), self.pvm.world.durable.clone());
        let runs = self.run_kernel(&head.state, level, &messages)?;
        if self.pvm.world.durable.hash() == head.state.durable {
            // The same content as before is the same tree as before, and need not be written down anew.
            self.pvm.world.durable = durable;
        }
        let num_ticks = self.pvm.ticks() - ticks;
        let (state, outbox) = after(&self.pvm, head.state.outbox, level);
        let previous_commitment = match &head.commitment {
            Some(commitment) => commitment.hash(),
            None => head.previous_commitment,
        };
        let mut block = Block {
            hash: Block::hash_of(
                &self.node.settings.rollup,
                &head.hash,
                level,
                &prepared.operations,
                self.reorganisations,
            ),
            level,
            predecessor: head.hash,
            timestamp: prepared.timestamp,
            migration: prepared.migration.clone(),
            inbox: Inbox::after(Some(&head.inbox), level, &messages),
            messages,
            operations: prepared.operations.clone(),
            commitment: None,
            previous_commitment,
            published: Vec::new(),
            cemented: head.cemented,
            initial_tick: ticks,
            num_ticks,
            kernel_runs: runs,
            state,
            version: self.pvm.version().name().to_owned(),
            stuck: self.pvm.stuck().map(keep_stuck),
            root: Vec::new(),
            last_piece: head.last_piece,
            outbox,
        };
        block.commitment = layer1::commitment(&self.node, &block)?;
        let published = layer1::act(&self.node, &mut block, self.published)?;
        Ok((block, published))
    }

    /// Runs the kernel over a level; how often it ran.
    fn run_kernel(
        &mut self,
        before: &State,
        level: i32,
        messages: &[Vec<u8>],
    ) -> Result<u64, String> {
        let (mut runs, mut within) = (0, [0; RUN_SECONDS.len()]);
        let start = Instant::now();
        let failures = &self.node.settings.loser.failures;
        if failures.iter().any(|failure| failure.level == level) {
            let pvm = self.pvm.clone();
            let (executor, outside) = (&mut self.executor, &mut self.outside);
            let mut course = Course::new(pvm, before, level, messages, failures, executor, outside);
            course.finish()?;
            self.pvm = course.pvm;
            let ticks = self.pvm.ticks() - before.ticks;
            return Ok((ticks / self.pvm.version().tick_limit()).saturating_sub(1));
        }
        // A machine that is stuck ignores all that comes.
        if self.pvm.load(level, messages.to_vec()).is_ok() {
            while !self.pvm.is_collecting() && self.pvm.stuck().is_none() {
                let begun = Instant::now();
                self.pvm.kernel_run(&mut self.executor, &mut self.outside)?;
                runs += 1;
                let seconds = begun.elapsed().as_secs_f64();
                if let Some(n) = RUN_SECONDS.iter().position(|bound| seconds <= *bound) {
                    within[n] += 1;
                }
            }
            if let Some(stuck) = self.pvm.stuck() {
                log::notice(&format!(
                    "Warning: the PVM is stuck at level {level}: {stuck}"
                ));
            }
        }
        let trapped = runs > 0 && self.pvm.world.durable.node(&keys::STUCK).is_some();
        let mut live = self.node.live();
        live.counters.kernel_runs += runs;
        for (all, more) in live.counters.kernel_runs_within.iter_mut().zip(within) {
            *all += more;
        }
        live.counters.kernel_seconds += start.elapsed().as_secs_f64();
        live.counters.kernel_traps += u64::from(trapped);
        Ok(runs)
    }

    /// Shows a block that is kept to everybody, and does what follows from it.
    fn publish(&mut self, made: &Made, prepared: &Prepared) {
        let block = &made.block;
        let node = Arc::clone(&self.node);
        self.inputs.pop_front();
        {
            let mut live = node.live();
            live.head = Arc::clone(block);
            live.pvm = self.pvm.clone();
            live.counters.block_seconds = made.elapsed.as_secs_f64();
            for number in &prepared.taken.batches {
                live.counters.batches += 1;
                let messages = live.pool.batcher.batch(*number).len();
                live.counters.messages += messages as u64;
                live.counters.last_batch_level = block.level;
            }
            live.pool
                .settle(&prepared.taken, block.level, &node.settings.batcher);
            // Another one may have been asked for since.
            if live.migration == prepared.migration {
                live.migration = None;
            }
        }
        // Nobody may be listening.
        let _ = node.heads.send(Arc::clone(block));
        if !node.settings.quiet_blocks {
            let hash = BLOCK.encode(&block.hash);
            log::event(
                "smart_rollup_node_daemon_new_head_processed",
                &json!({ "hash": hash, "level": block.level }),
                &format!(
                    "Processed head {hash} at level {} in {:.1?}",
                    block.level, made.elapsed
                ),
            );
        }
        if let Some(commitment) = &block.commitment {
            let hash = COMMITMENT.encode(&commitment.hash());
            log::event(
                "sc_rollup_node_new_commitment",
                &json!({ "hash": hash, "level": block.level }),
                &format!("New commitment {hash} for inbox level {}", block.level),
            );
        }
        for (index, message) in block.outbox.iter().enumerate() {
            if OutboxMessage::decode(message).is_none() {
                log::notice(&format!(
                    "Warning: outbox message {index} of level {} cannot be decoded: {}",
                    block.level,
                    hex::encode(message)
                ));
            }
        }
        super::execution::automatic(&node, block);
        super::collect::after_block(&node, block);
        if let Err(lost) = refutation::after_block(&node, block) {
            self.ended = Some(Err(lost));
        } else if self.stake.is_some_and(|stake| block.cemented.0 >= stake) {
            log::notice(bailout::LEFT);
            self.ended = Some(Ok(()));
        }
    }

    /// Takes the last blocks away; their messages wait for the next one.
    fn reorg(&mut self, depth: i32) -> Result<i32, String> {
        let head = self.node.head();
        let settings = &self.node.settings;
        if depth < 1 || depth > settings.constants.finality {
            return Err(format!(
                "depth must be between 1 and the finality of {} blocks",
                settings.constants.finality
            ));
        }
        let target = head.level - depth;
        if target < self.node.live().first_level {
            return Err(format!("there are no {depth} blocks to take away"));
        }
        let store = &self.node.store;
        let mut gone = Vec::new();
        for level in target + 1..=head.level {
            gone.extend(store.block(level)?);
        }
        // What waits is written down before the blocks go: whenever the process dies nothing is lost, though it may be in both.
        let settled = {
            let pool = &mut self.node.live().pool;
            pool.put_back(target, &gone, &settings.batcher)?
        };
        self.published = self.stake.unwrap_or(i32::MIN);
        store.rewind(target, Some(&settled))?;
        self.reorganisations = store.reorganisations()?;
        let block = store
            .head()?
            .ok_or_else(|| "the store has no block".to_owned())?;
        let durable = self.node.store.durable(&block)?;
        self.pvm = machine(
            &self.node.store,
            &block,
            durable,
            settings.origination_level,
        )?;
        let mut live = self.node.live();
        live.head = Arc::new(block);
        live.pvm = self.pvm.clone();
        drop(live);
        self.node
            .states
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clear();
        log::notice(&format!(
            "Reorg of {depth} blocks from level {} to level {target}",
            head.level
        ));
        Ok(target)
    }
}

/// The text of an operation's hash.
pub fn operation_hash(block: &Block, number: u32) -> String {
    let hash = block
        .operations
        .get(number as usize)
        .map(|operation| operation.hash(block.level, number))
        .unwrap_or_default();
    OPERATION.encode(&hash)
}
