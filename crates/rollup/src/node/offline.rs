//! Commands that work on the data of a node that is not running: evaluating stored blocks again, patching the newest state,
//! repairing what follows from states (rollup-node.md, section 1.1).

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use super::arguments::{Arguments, home};
use super::block::Block;
use super::commitment::Commitment;
use super::course::Course;
use super::metadata::Metadata;
use super::outside::{Simulated, Sources};
use super::process::lock;
use super::store::Store;
use super::{log, machine};
use crate::compiled::Compiled;
use crate::encoding::base58::{BLOCK, STATE};
use crate::encoding::hash::Hash;
use crate::say::say;
use crate::storage::{self, Path};
use crate::version::Version;

/// The data of a node, held by nobody else.
pub(super) struct Data {
    _lock: fs::File,
    /// The directory.
    pub(super) directory: PathBuf,
    /// The database.
    pub(super) store: Store,
}

impl Data {
    /// Opens the data directory that the command line names.
    ///
    /// # Errors
    /// If a node is running on it, or there is no data.
    pub(super) fn open(arguments: &Arguments) -> Result<Self, String> {
        let directory = arguments
            .data_dir
            .clone()
            .unwrap_or_else(|| home(".tezos-smart-rollup-node"));
        let database = directory.join("storage/sandbox.redb");
        if !database.exists() {
            return Err(format!(
                "{}: there is no rollup node's data",
                directory.display()
            ));
        }
        Ok(Self {
            _lock: lock(&directory)?,
            store: Store::open(&database)?,
            directory,
        })
    }

    /// The block that an id means: `head`, `finalized`, `cemented`, a level, a hash.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn block(&self, id: &str) -> Result<Block, String> {
        let level = match id {
            "head" => return self.store.head()?.ok_or_else(|| "No head".into()),
            "cemented" => self.store.head()?.ok_or("No head")?.cemented.0,
            "finalized" => {
                let metadata = Metadata::read(&self.directory)?;
                let finality = metadata.and_then(|metadata| metadata.finality());
                let first = self.store.first_level()?.ok_or("No head")?;
                let head = self.store.head()?.ok_or("No head")?;
                (head.level - finality.unwrap_or(2)).max(first)
            }
            id => match id.parse() {
                Ok(level) => level,
                Err(_) => {
                    let hash = BLOCK.decode(id).ok().and_then(|hash| hash.try_into().ok());
                    let hash = hash.ok_or("Cannot parse block id")?;
                    let level = self.store.level_of(&hash)?;
                    level.ok_or_else(|| format!("Could not retrieve L2 block for {id}"))?
                }
            },
        };
        let block = self.store.block(level)?;
        block.ok_or_else(|| format!("Cannot retrieve hash of level {level}"))
    }

    /// Where the data that kernels reveal is.
    fn sources(&self, arguments: &Arguments) -> Result<Sources, String> {
        let metadata = Metadata::read(&self.directory)?;
        let metadata = metadata
            .ok_or_else(|| format!("{}: there is no metadata", self.directory.display()))?;
        Ok(Sources {
            preimages: self.directory.join("wasm_2_0_0"),
            endpoint: arguments.pre_images_endpoint.clone(),
            dal_pages: self.directory.join("dal_pages"),
            dal: arguments.simulate_dal,
            rollup: metadata.rollup,
            origination: metadata.level,
            lies: Default::default(),
        })
    }
}

/// A block evaluated again.
fn evaluated(
    data: &Data,
    sources: &Sources,
    block: &Block,
    executor: &mut Compiled,
) -> Result<(super::block::State, Vec<Vec<u8>>), String> {
    let before = data.block(&(block.level - 1).to_string())?;
    let durable = data.store.durable(&before)?;
    let pvm = machine(&data.store, &before, durable, sources.origination)?;
    let mut outside = Simulated::patient(sources.clone().into());
    let mut course = Course::new(
        pvm,
        &before.state,
        block.level,
        &block.messages,
        &[],
        executor,
        &mut outside,
    );
    course.finish()?;
    Ok(super::course::after(
        &course.pvm,
        before.state.outbox,
        block.level,
    ))
}

/// `replay block B`, `replay blocks from L to L`: evaluates stored blocks again and compares their states.
///
/// # Errors
/// If a state comes out differently, or cannot be had.
pub(super) fn replay(arguments: &Arguments, from: &str, to: &str) -> Result<(), String> {
    let data = Data::open(arguments)?;
    let sources = data.sources(arguments)?;
    let mut executor = Compiled::default();
    let (first, last) = (data.block(from)?.level, data.block(to)?.level);
    if first <= sources.origination {
        return Err("the block of the origination is not evaluated".into());
    }
    if first > last {
        return Err(format!(
            "there are no blocks from level {first} to level {last}"
        ));
    }
    for level in first..=last {
        let block = data.block(&level.to_string())?;
        let (state, _) = evaluated(&data, &sources, &block, &mut executor)?;
        let shown = format!("block {} at level {level}", BLOCK.encode(&block.hash));
        if state != block.state {
            return Err(format!(
                "{shown}: its state is {}, but evaluating it again gives {}",
                STATE.encode(&block.state_hash()),
                STATE.encode(&state.hash())
            ));
        }
        say!(
            "Replayed {shown}: state {}, {} ticks",
            STATE.encode(&state.hash()),
            block.num_ticks
        )?;
    }
    Ok(())
}

/// `patch durable storage at PATH with (hex|file:F)`: changes a value of the newest state.
///
/// # Errors
/// The texts of the original, or if the value cannot be had.
pub(super) fn patch(arguments: &Arguments, key: &str, value: &str) -> Result<(), String> {
    if !arguments.force {
        return Err("You must add --force to your command-line to execute this command. As a reminder, patching the state is an advanced and unsafe procedure.".into());
    }
    let value = match value.strip_prefix("file:") {
        Some(path) => fs::read(path).map_err(|error| format!("{path}: {error}"))?,
        None => hex::decode(value.strip_prefix("hex:").unwrap_or(value))
            .map_err(|error| format!("the value is not hexadecimal: {error}"))?,
    };
    let path = Path::parse(key.as_bytes()).map_err(|error| format!("{key}: {error}"))?;
    if path == Path::root() {
        // A value of the root would be under no key.
        return Err("Invalid key: the root of the durable storage has no value".into());
    }
    let data = Data::open(arguments)?;
    let mut head = data.block("head")?;
    if head.commitment.is_some() {
        return Err(format!(
            "The command patch durable storage cannot be run on a level with a commitment, current level {} has one. Please try in the next block.",
            head.level
        ));
    }
    let mut durable = data.store.durable(&head)?;
    durable.set(&path, storage::Value::from(&value[..]));
    head.state.durable = durable.hash();
    data.store.patch(&mut head, &durable)?;
    say!(
        "Patched {key} at level {}: state {}",
        head.level,
        STATE.encode(&head.state_hash())
    )?;
    Ok(())
}

/// `repair commitments for PROTO`: makes the commitments of the protocol's levels anew from states and ticks.
///
/// # Errors
/// If the protocol is not known, or the store fails.
pub(super) fn repair(arguments: &Arguments, protocol: &str) -> Result<(), String> {
    if Version::of_protocol(protocol).is_none() {
        return Err(format!("unknown protocol `{protocol}`"));
    }
    let data = Data::open(arguments)?;
    let first = data.store.first_level()?.ok_or("No head")?;
    let head = data.block("head")?;
    let mut mender = Mender::new(protocol);
    let mut changed = Vec::new();
    for level in first..=head.level {
        changed.extend(mender.mend(data.block(&level.to_string())?));
    }
    let replaced = mender.replaced;
    data.store.rewrite(&changed, &replaced)?;
    say!(
        "Repaired {} commitments of {protocol} in {} blocks",
        replaced.len(),
        changed.len()
    )?;
    Ok(())
}

/// Makes commitments anew, block by block.
struct Mender<'a> {
    protocol: &'a str,
    active: bool,
    /// The last commitment and all ticks up to it.
    last: Option<(Commitment, u64)>,
    /// Old hashes and the new ones.
    replaced: HashMap<Hash, Hash>,
}

impl<'a> Mender<'a> {
    fn new(protocol: &'a str) -> Self {
        Self {
            protocol,
            active: false,
            last: None,
            replaced: HashMap::new(),
        }
    }

    /// The block as it should be, when it is not.
    fn mend(&mut self, stored: Block) -> Option<Block> {
        let mut block = stored.clone();
        if let Some(begun) = &block.migration {
            self.active = begun == self.protocol;
        }
        if let Some((previous, _)) = &self.last {
            block.previous_commitment = previous.hash();
        }
        if let Some(commitment) = &mut block.commitment {
            if let (true, Some((previous, ticks))) = (self.active, &self.last) {
                *commitment = Commitment {
                    state: block.state.hash(),
                    level: block.level,
                    predecessor: previous.hash(),
                    ticks: block.state.ticks - ticks,
                };
            }
            if let Some(old) = &stored.commitment
                && old != commitment
            {
                self.replaced.insert(old.hash(), commitment.hash());
            }
            self.last = Some((commitment.clone(), block.state.ticks));
        }
        for hash in block.published.iter_mut().chain([&mut block.cemented.1]) {
            if let Some(new) = self.replaced.get(hash) {
                *hash = *new;
            }
        }
        (block != stored).then_some(block)
    }
}

/// `recompute outbox messages from L`: evaluates blocks again and keeps the outboxes that come out.
///
/// # Errors
/// If a block cannot be evaluated, or gives another state.
pub(super) fn recompute(arguments: &Arguments, from: &str) -> Result<(), String> {
    let data = Data::open(arguments)?;
    let sources = data.sources(arguments)?;
    let mut executor = Compiled::default();
    let first = data.block(from)?.level.max(sources.origination + 1);
    let last = data.block("head")?.level;
    let mut wrong = 0;
    for level in first..=last {
        let block = data.block(&level.to_string())?;
        let (state, messages) = evaluated(&data, &sources, &block, &mut executor)?;
        if state != block.state {
            return Err(format!(
                "level {level}: evaluating the block again gives another state"
            ));
        }
        let before = data.block(&(level - 1).to_string())?.state.outbox;
        wrong += usize::from(data.store.replace_outbox(level, before, &messages)?);
    }
    log::notice(&format!("{wrong} outboxes were not as they should be"));
    say!("Recomputed the outbox messages of levels {first} to {last}")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::block::State;

    fn block(level: i32, commitment: Option<Commitment>) -> Block {
        Block {
            hash: [level as u8; 32],
            level,
            predecessor: Hash::default(),
            timestamp: 0,
            migration: (level == 0).then(|| "oxford_018".into()),
            messages: Vec::new(),
            operations: Vec::new(),
            inbox: Default::default(),
            previous_commitment: Hash::default(),
            commitment,
            published: Vec::new(),
            cemented: (0, Hash::default()),
            initial_tick: 0,
            num_ticks: 100,
            kernel_runs: 1,
            state: State {
                durable: [level as u8; 32],
                outbox: Hash::default(),
                level,
                ticks: 100 * level as u64,
                status: 0,
            },
            version: String::new(),
            stuck: None,
            root: Vec::new(),
            last_piece: 0,
            outbox: Vec::new(),
        }
    }

    #[test]
    fn a_wrong_commitment_is_replaced_wherever_it_is_named() {
        let commitment = |level: i32, predecessor: Hash| Commitment {
            state: block(level, None).state.hash(),
            level,
            predecessor,
            ticks: if level == 0 { 0 } else { 200 },
        };
        let zero = commitment(0, Hash::default());
        let two = commitment(2, zero.hash());
        let wrong = Commitment {
            ticks: 7,
            ..two.clone()
        };
        let blocks = || {
            let mut three = block(3, None);
            three.previous_commitment = wrong.hash();
            three.published = vec![wrong.hash()];
            three.cemented = (2, wrong.hash());
            let mut one = block(1, None);
            one.previous_commitment = zero.hash();
            let mut second = block(2, Some(wrong.clone()));
            second.previous_commitment = zero.hash();
            [block(0, Some(zero.clone())), one, second, three]
        };
        let mut mender = Mender::new("oxford_018");
        let mended: Vec<Option<Block>> = blocks()
            .into_iter()
            .map(|block| mender.mend(block))
            .collect();
        assert!(mended[0].is_none() && mended[1].is_none());
        assert_eq!(mended[2].as_ref().unwrap().commitment, Some(two.clone()));
        let three = mended[3].as_ref().unwrap();
        assert_eq!(
            (
                three.published[0],
                three.cemented,
                three.previous_commitment
            ),
            (two.hash(), (2, two.hash()), two.hash())
        );
        // Those of another protocol stay.
        let mut mender = Mender::new("paris_019");
        assert!(
            blocks()
                .into_iter()
                .all(|block| mender.mend(block).is_none())
        );
    }
}
