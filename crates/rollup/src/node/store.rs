//! What survives the process: blocks, the pieces of their states, commitments, outboxes. One redb database.
//!
//! A block becomes visible with one transaction, so that a node that is killed continues at its last complete block.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use redb::{
    Database, ReadableDatabase, ReadableTable, StorageError, TableDefinition, TransactionError,
    WriteTransaction,
};

use super::block::Block;
use super::commitment::Commitment;
use super::file;
use super::pieces::{PIECES, Reading, save};
use super::pool::Settled;
use crate::encoding::hash::Hash;
use crate::storage::{Durable, reachable};

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// The key of what blocks have settled.
const SETTLED: &str = "settled";
/// The key of the number of times that blocks were taken away.
const REORGANISATIONS: &str = "reorganisations";
const BLOCKS: TableDefinition<'_, i32, &[u8]> = TableDefinition::new("blocks");
const HASHES: TableDefinition<'_, &Hash, i32> = TableDefinition::new("hashes");
const COMMITMENTS: TableDefinition<'_, &Hash, &[u8]> = TableDefinition::new("commitments");
/// Levels whose outbox has messages, with the chain of hashes before and the messages.
const OUTBOXES: TableDefinition<'_, i32, &[u8]> = TableDefinition::new("outboxes");
/// Levels and numbers of operations by their hash.
const OPERATIONS: TableDefinition<'_, &Hash, (i32, u32)> = TableDefinition::new("operations");
/// Executed messages by level and number, with the level of their execution.
const EXECUTED: TableDefinition<'_, (i32, u32), i32> = TableDefinition::new("executed");
/// Protocols by the level at which they begin.
const PROTOCOLS: TableDefinition<'_, i32, &str> = TableDefinition::new("protocols");

/// Why the store cannot do what it should.
pub type Failed = String;

fn failed(error: impl std::fmt::Display) -> Failed {
    format!("the store failed: {error}")
}

/// A published commitment.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Kept {
    /// What it says.
    pub commitment: Commitment,
    /// The block that published it.
    pub published: Option<i32>,
}

/// The outbox of a level.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OutboxLevel {
    /// The chain of hashes before it.
    pub before: Hash,
    /// Its messages.
    pub messages: Vec<Vec<u8>>,
}

/// The database.
pub struct Store {
    path: PathBuf,
    /// Nothing when it could not be opened anew after a failure of the file.
    database: RwLock<Option<Database>>,
}

fn encode<T: serde::Serialize>(value: &T) -> Vec<u8> {
    // A vector takes any number of bytes: nothing can fail.
    postcard::to_stdvec(value).unwrap_or_default()
}

fn decode<'a, T: serde::Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Failed> {
    postcard::from_bytes(bytes).map_err(|error| failed(format!("a record is unreadable: {error}")))
}

impl Store {
    /// Opens the database of a directory, or makes it.
    ///
    /// # Errors
    /// If the file cannot be opened, or is something else.
    pub fn open(path: &Path) -> Result<Self, Failed> {
        let store = Self {
            path: path.to_owned(),
            database: RwLock::new(Some(file::open(path).map_err(failed)?)),
        };
        let write = store.begin(true)?;
        write.open_table(META).map_err(failed)?;
        write.open_table(BLOCKS).map_err(failed)?;
        write.open_table(HASHES).map_err(failed)?;
        write.open_table(PIECES).map_err(failed)?;
        write.open_table(COMMITMENTS).map_err(failed)?;
        write.open_table(OUTBOXES).map_err(failed)?;
        write.open_table(OPERATIONS).map_err(failed)?;
        write.open_table(EXECUTED).map_err(failed)?;
        write.open_table(PROTOCOLS).map_err(failed)?;
        write.commit().map_err(failed)?;
        Ok(store)
    }

    /// Looks at every page of the file.
    ///
    /// # Errors
    /// If one is damaged.
    pub(super) fn check(&mut self) -> Result<(), Failed> {
        let place = self.database.get_mut();
        let place = place.unwrap_or_else(PoisonError::into_inner);
        match place.as_mut().map(Database::check_integrity) {
            Some(Ok(true)) => Ok(()),
            Some(Err(error)) => Err(failed(error)),
            Some(Ok(false)) | None => Err("the database is damaged".into()),
        }
    }

    /// Looks into the database.
    fn with<T>(&self, look: impl FnOnce(&Database) -> Result<T, Failed>) -> Result<T, Failed> {
        let place = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = place.as_ref();
        look(database.ok_or_else(|| failed("its file cannot be opened"))?)
    }

    /// Closes the database and opens it again.
    fn reopen(&self) -> Result<(), Failed> {
        let mut place = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // First the one, since the file is locked.
        *place = None;
        *place = Some(file::open(&self.path).map_err(failed)?);
        Ok(())
    }

    fn read<K: redb::Key + 'static, V: redb::Value + 'static, T>(
        &self,
        table: TableDefinition<'_, K, V>,
        read: impl FnOnce(redb::ReadOnlyTable<K, V>) -> Result<T, redb::StorageError>,
    ) -> Result<T, Failed> {
        self.with(|database| {
            let transaction = database.begin_read().map_err(failed)?;
            read(transaction.open_table(table).map_err(failed)?).map_err(failed)
        })
    }

    fn meta<T: Default + serde::de::DeserializeOwned>(&self, key: &str) -> Result<T, Failed> {
        let bytes = self.read(META, |table| {
            Ok(table.get(key)?.map(|value| value.value().to_vec()))
        })?;
        bytes.map_or_else(|| Ok(T::default()), |bytes| decode(&bytes))
    }

    /// What blocks have settled of what waited.
    pub(super) fn settled(&self) -> Result<Settled, Failed> {
        self.meta(SETTLED)
    }

    /// How often blocks were taken away.
    pub fn reorganisations(&self) -> Result<u64, Failed> {
        self.meta(REORGANISATIONS)
    }

    /// The protocol of a level, if a migration to it is known.
    pub fn protocol(&self, level: i32) -> Result<Option<String>, Failed> {
        self.read(PROTOCOLS, |table| {
            let last = table.range(..=level)?.next_back().transpose()?;
            Ok(last.map(|(_, name)| name.value().to_owned()))
        })
    }

    /// The newest block.
    pub fn head(&self) -> Result<Option<Block>, Failed> {
        let bytes = self.read(BLOCKS, |table| {
            Ok(table.last()?.map(|(_, block)| block.value().to_vec()))
        })?;
        bytes.map(|bytes| decode(&bytes)).transpose()
    }

    /// The lowest level that is kept.
    pub fn first_level(&self) -> Result<Option<i32>, Failed> {
        self.read(BLOCKS, |table| {
            Ok(table.first()?.map(|(level, _)| level.value()))
        })
    }

    /// The block of a level.
    pub fn block(&self, level: i32) -> Result<Option<Block>, Failed> {
        let bytes = self.read(BLOCKS, |table| {
            Ok(table.get(level)?.map(|block| block.value().to_vec()))
        })?;
        bytes.map(|bytes| decode(&bytes)).transpose()
    }

    /// The level of a block.
    pub fn level_of(&self, hash: &Hash) -> Result<Option<i32>, Failed> {
        self.read(HASHES, |table| {
            Ok(table.get(hash)?.map(|level| level.value()))
        })
    }

    /// A commitment by its hash.
    pub fn commitment(&self, hash: &Hash) -> Result<Option<Kept>, Failed> {
        let bytes = self.read(COMMITMENTS, |table| {
            Ok(table.get(hash)?.map(|kept| kept.value().to_vec()))
        })?;
        bytes.map(|bytes| decode(&bytes)).transpose()
    }

    /// The level and number of an operation.
    pub fn operation(&self, hash: &Hash) -> Result<Option<(i32, u32)>, Failed> {
        self.read(OPERATIONS, |table| {
            Ok(table.get(hash)?.map(|place| place.value()))
        })
    }

    /// The outbox of a level, when it has messages.
    pub fn outbox(&self, level: i32) -> Result<Option<OutboxLevel>, Failed> {
        let bytes = self.read(OUTBOXES, |table| {
            Ok(table.get(level)?.map(|outbox| outbox.value().to_vec()))
        })?;
        bytes.map(|bytes| decode(&bytes)).transpose()
    }

    /// The outboxes with messages from a level to another, both included.
    pub fn outboxes(&self, from: i32, to: i32) -> Result<Vec<(i32, OutboxLevel)>, Failed> {
        let found = self.read(OUTBOXES, |table| {
            let mut found = Vec::new();
            if from <= to {
                for entry in table.range(from..=to)? {
                    let (level, outbox) = entry?;
                    found.push((level.value(), outbox.value().to_vec()));
                }
            }
            Ok(found)
        })?;
        let read = found
            .into_iter()
            .map(|(level, bytes)| Ok((level, decode(&bytes)?)));
        read.collect()
    }

    /// The level of the block in which a message was executed.
    pub fn executed(&self, level: i32, index: u32) -> Result<Option<i32>, Failed> {
        self.read(EXECUTED, |table| {
            Ok(table.get((level, index))?.map(|level| level.value()))
        })
    }

    /// All executed messages: level, number, level of the block.
    pub fn all_executed(&self) -> Result<Vec<(i32, u32, i32)>, Failed> {
        self.read(EXECUTED, |table| {
            let mut all = Vec::new();
            for entry in table.iter()? {
                let (key, at) = entry?;
                let (level, index) = key.value();
                all.push((level, index, at.value()));
            }
            Ok(all)
        })
    }

    /// Marks a message as executed; whether it was not before.
    pub fn execute(&self, level: i32, index: u32, at: i32) -> Result<bool, Failed> {
        let write = self.begin(true)?;
        {
            let mut table = write.open_table(EXECUTED).map_err(failed)?;
            if table.get((level, index)).map_err(failed)?.is_some() {
                return Ok(false);
            }
            table.insert((level, index), at).map_err(failed)?;
        }
        write.commit().map_err(failed)?;
        Ok(true)
    }

    /// Begins to write. When a process dies after a careful transaction, the next one need not look through the whole file;
    /// such a transaction takes longer.
    fn begin(&self, careful: bool) -> Result<WriteTransaction, Failed> {
        let mut write = match self.with(|database| Ok(database.begin_write())) {
            Ok(Ok(write)) => write,
            // A file that could not be written may take more by now; the database has to be opened anew for that.
            Ok(Err(TransactionError::Storage(StorageError::PreviousIo))) | Err(_) => {
                self.reopen()?;
                self.with(|database| database.begin_write().map_err(failed))?
            }
            Ok(Err(error)) => return Err(failed(error)),
        };
        write.set_quick_repair(careful);
        Ok(write)
    }

    /// Keeps a block with its state; everything becomes visible at once. The block learns where its storage is.
    pub fn add(
        &self,
        block: &mut Block,
        durable: &Durable,
        before: Hash,
        settled: Option<&Settled>,
        careful: bool,
    ) -> Result<(), Failed> {
        let write = self.begin(careful)?;
        {
            if let Some(settled) = settled {
                let mut table = write.open_table(META).map_err(failed)?;
                table
                    .insert(SETTLED, &encode(settled)[..])
                    .map_err(failed)?;
            }
            save(&write, block, durable).map_err(failed)?;
            let mut hashes = write.open_table(HASHES).map_err(failed)?;
            hashes.insert(&block.hash, block.level).map_err(failed)?;
            let mut commitments = write.open_table(COMMITMENTS).map_err(failed)?;
            if let Some(commitment) = &block.commitment {
                let kept = encode(&Kept {
                    commitment: commitment.clone(),
                    published: None,
                });
                commitments
                    .insert(&commitment.hash(), &kept[..])
                    .map_err(failed)?;
            }
            for hash in &block.published {
                let kept = commitments
                    .get(hash)
                    .map_err(failed)?
                    .map(|kept| decode::<Kept>(kept.value()))
                    .transpose()?;
                if let Some(mut kept) = kept {
                    kept.published = Some(block.level);
                    commitments
                        .insert(hash, &encode(&kept)[..])
                        .map_err(failed)?;
                }
            }
            if !block.operations.is_empty() {
                let mut table = write.open_table(OPERATIONS).map_err(failed)?;
                for (number, operation) in (0..).zip(&block.operations) {
                    let hash = operation.hash(block.level, number);
                    table.insert(&hash, (block.level, number)).map_err(failed)?;
                }
            }
            if let Some(protocol) = &block.migration {
                let mut table = write.open_table(PROTOCOLS).map_err(failed)?;
                table
                    .insert(block.level, protocol.as_str())
                    .map_err(failed)?;
            }
            if !block.outbox.is_empty() {
                let outbox = encode(&OutboxLevel {
                    before,
                    messages: block.outbox.clone(),
                });
                let mut table = write.open_table(OUTBOXES).map_err(failed)?;
                table.insert(block.level, &outbox[..]).map_err(failed)?;
            }
            let mut blocks = write.open_table(BLOCKS).map_err(failed)?;
            blocks
                .insert(block.level, &encode(block)[..])
                .map_err(failed)?;
        }
        write.commit().map_err(failed)
    }

    /// Replaces the newest block by one with another state.
    pub(super) fn patch(&self, block: &mut Block, durable: &Durable) -> Result<(), Failed> {
        let write = self.begin(true)?;
        {
            save(&write, block, durable).map_err(failed)?;
            let mut blocks = write.open_table(BLOCKS).map_err(failed)?;
            blocks
                .insert(block.level, &encode(block)[..])
                .map_err(failed)?;
        }
        write.commit().map_err(failed)
    }

    /// Replaces blocks by others with the same hashes and states, and commitments, old hashes by new ones, of these blocks.
    pub(super) fn rewrite(
        &self,
        changed: &[Block],
        replaced: &HashMap<Hash, Hash>,
    ) -> Result<(), Failed> {
        let write = self.begin(true)?;
        {
            let mut commitments = write.open_table(COMMITMENTS).map_err(failed)?;
            let mut published = HashMap::new();
            for (old, new) in replaced {
                let kept = commitments.remove(old).map_err(failed)?;
                let kept = kept.map(|kept| decode::<Kept>(kept.value())).transpose()?;
                published.insert(*new, kept.and_then(|kept| kept.published));
            }
            let mut blocks = write.open_table(BLOCKS).map_err(failed)?;
            for block in changed {
                blocks
                    .insert(block.level, &encode(block)[..])
                    .map_err(failed)?;
                let Some(commitment) = &block.commitment else {
                    continue;
                };
                let hash = commitment.hash();
                if let Some(published) = published.get(&hash) {
                    let kept = encode(&Kept {
                        commitment: commitment.clone(),
                        published: *published,
                    });
                    commitments.insert(&hash, &kept[..]).map_err(failed)?;
                }
            }
        }
        write.commit().map_err(failed)
    }

    /// Replaces the outbox of a level when it is another one; whether it was.
    pub(super) fn replace_outbox(
        &self,
        level: i32,
        before: Hash,
        messages: &[Vec<u8>],
    ) -> Result<bool, Failed> {
        let wanted = (!messages.is_empty()).then(|| OutboxLevel {
            before,
            messages: messages.to_vec(),
        });
        if self.outbox(level)? == wanted {
            return Ok(false);
        }
        let write = self.begin(true)?;
        {
            let mut table = write.open_table(OUTBOXES).map_err(failed)?;
            match wanted {
                Some(outbox) => table.insert(level, &encode(&outbox)[..]),
                None => table.remove(level),
            }
            .map_err(failed)?;
        }
        write.commit().map_err(failed)?;
        Ok(true)
    }

    /// The durable storage after a block.
    pub fn durable(&self, block: &Block) -> Result<Durable, Failed> {
        self.with(|database| {
            let transaction = database.begin_read().map_err(failed)?;
            let table = transaction.open_table(PIECES).map_err(failed)?;
            Durable::load(&block.root, &Reading(table)).map_err(failed)
        })
    }

    /// Takes the blocks above a level away. In a reorganisation, which is counted, it is said what blocks have then settled.
    pub(super) fn rewind(
        &self,
        level: i32,
        reorganisation: Option<&Settled>,
    ) -> Result<(), Failed> {
        let count = self.reorganisations()? + 1;
        let write = self.begin(true)?;
        {
            if let Some(settled) = reorganisation {
                let mut meta = write.open_table(META).map_err(failed)?;
                for (key, value) in [
                    (SETTLED, encode(settled)),
                    (REORGANISATIONS, encode(&count)),
                ] {
                    meta.insert(key, &value[..]).map_err(failed)?;
                }
            }
            let mut protocols = write.open_table(PROTOCOLS).map_err(failed)?;
            protocols.retain(|at, _| at <= level).map_err(failed)?;
            let mut blocks = write.open_table(BLOCKS).map_err(failed)?;
            let mut hashes = write.open_table(HASHES).map_err(failed)?;
            let mut commitments = write.open_table(COMMITMENTS).map_err(failed)?;
            let mut outboxes = write.open_table(OUTBOXES).map_err(failed)?;
            let mut operations = write.open_table(OPERATIONS).map_err(failed)?;
            operations
                .retain(|_, (at, _)| at <= level)
                .map_err(failed)?;
            let mut executed = write.open_table(EXECUTED).map_err(failed)?;
            loop {
                let last = blocks
                    .last()
                    .map_err(failed)?
                    .map(|(at, block)| (at.value(), block.value().to_vec()));
                let Some((at, bytes)) = last.filter(|(at, _)| *at > level) else {
                    break;
                };
                let block: Block = decode(&bytes)?;
                blocks.remove(at).map_err(failed)?;
                hashes.remove(&block.hash).map_err(failed)?;
                outboxes.remove(at).map_err(failed)?;
                if let Some(commitment) = &block.commitment {
                    commitments.remove(&commitment.hash()).map_err(failed)?;
                }
                for hash in &block.published {
                    let kept = commitments
                        .get(hash)
                        .map_err(failed)?
                        .map(|kept| decode::<Kept>(kept.value()))
                        .transpose()?;
                    if let Some(mut kept) = kept {
                        kept.published = None;
                        commitments
                            .insert(hash, &encode(&kept)[..])
                            .map_err(failed)?;
                    }
                }
                executed
                    .retain(|_, executed_at| executed_at != at)
                    .map_err(failed)?;
            }
        }
        write.commit().map_err(failed)
    }

    /// Forgets everything before a level but what its state needs; the number of blocks that went.
    pub fn collect(&self, target: i32) -> Result<usize, Failed> {
        let Some(block) = self.block(target)? else {
            return Ok(0);
        };
        let mut needed = HashSet::new();
        self.with(|database| {
            let transaction = database.begin_read().map_err(failed)?;
            let table = transaction.open_table(PIECES).map_err(failed)?;
            reachable(&block.root, &Reading(table), &mut needed).map_err(failed)
        })?;
        let write = self.begin(true)?;
        let mut gone = 0;
        {
            let mut pieces = write.open_table(PIECES).map_err(failed)?;
            pieces
                .retain_in(..=block.last_piece, |id, _| needed.contains(&id))
                .map_err(failed)?;
            let mut hashes = write.open_table(HASHES).map_err(failed)?;
            let mut commitments = write.open_table(COMMITMENTS).map_err(failed)?;
            let mut operations = write.open_table(OPERATIONS).map_err(failed)?;
            operations
                .retain(|_, (at, _)| at >= target)
                .map_err(failed)?;
            let mut blocks = write.open_table(BLOCKS).map_err(failed)?;
            let mut old = Vec::new();
            for entry in blocks.range(..target).map_err(failed)? {
                let (_, bytes) = entry.map_err(failed)?;
                old.push(decode::<Block>(bytes.value())?);
            }
            for block in old {
                blocks.remove(block.level).map_err(failed)?;
                hashes.remove(&block.hash).map_err(failed)?;
                if let Some(commitment) = &block.commitment {
                    commitments.remove(&commitment.hash()).map_err(failed)?;
                }
                gone += 1;
            }
        }
        write.commit().map_err(failed)?;
        Ok(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_could_not_be_written_is_written_again_when_there_is_room() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("store")).unwrap();
        assert_eq!(store.execute(1, 0, 5), Ok(true));
        file::FULL.set(true);
        for _ in 0..2 {
            assert!(store.execute(2, 0, 5).is_err());
        }
        file::FULL.set(false);
        assert_eq!(store.execute(3, 0, 6), Ok(true));
        assert_eq!(store.execute(1, 0, 6), Ok(false));
        let executed = store.all_executed().unwrap();
        assert!(executed.contains(&(1, 0, 5)) && executed.contains(&(3, 0, 6)));
    }
}
