//! Where the pieces of durable storage are in the database.

use redb::{ReadOnlyTable, ReadableTable, TableDefinition, WriteTransaction};

use super::block::Block;
use crate::storage::{Broken, Durable, Shelf};

/// Pieces by their numbers.
pub(super) const PIECES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("pieces");

/// Saves the state of a block, which then names it.
pub(super) fn save(
    write: &WriteTransaction,
    block: &mut Block,
    durable: &Durable,
) -> Result<(), redb::Error> {
    let mut pieces = Pieces {
        table: write.open_table(PIECES)?,
        last: block.last_piece,
        failure: None,
    };
    block.root = durable.save(&mut pieces);
    block.last_piece = pieces.last;
    pieces.failure.map_or(Ok(()), |failure| Err(failure.into()))
}

/// Pieces while a block is being kept.
struct Pieces<'t> {
    table: redb::Table<'t, u64, &'static [u8]>,
    last: u64,
    failure: Option<redb::StorageError>,
}

impl Shelf for Pieces<'_> {
    fn put(&mut self, piece: Vec<u8>) -> u64 {
        self.last += 1;
        if let Err(error) = self.table.insert(self.last, &piece[..]) {
            self.failure = Some(error);
        }
        self.last
    }

    fn get(&self, id: u64) -> Result<Vec<u8>, Broken> {
        let found = self
            .table
            .get(id)
            .map_err(|error| Broken::Shelf(error.to_string()))?;
        found
            .map(|piece| piece.value().to_vec())
            .ok_or(Broken::Missing(id))
    }
}

/// Pieces of blocks that are kept.
pub(super) struct Reading(pub(super) ReadOnlyTable<u64, &'static [u8]>);

impl Shelf for Reading {
    fn put(&mut self, _: Vec<u8>) -> u64 {
        0
    }

    fn get(&self, id: u64) -> Result<Vec<u8>, Broken> {
        let found = self
            .0
            .get(id)
            .map_err(|error| Broken::Shelf(error.to_string()))?;
        found
            .map(|piece| piece.value().to_vec())
            .ok_or(Broken::Missing(id))
    }
}
