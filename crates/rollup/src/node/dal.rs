//! A simulated data availability layer: messages become the slots of the next block, whose pages are files that kernels
//! reveal (rollup-node.md, section 9.2). Nothing is attested, and nothing waits for a lag.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::batcher::id;
use crate::encoding::base58::MESSAGE;
use crate::encoding::hash::Hash;

/// Slots of a block.
pub const SLOTS: u8 = 32;
/// Blocks until a slot is attested on a real chain.
pub const LAG: u64 = 8;
/// Bytes of a slot.
pub const SLOT_SIZE: usize = 126_944;
/// Bytes of a page.
pub const PAGE_SIZE: usize = 3_967;

/// What kernels are told about the layer: slots of a block, lag, bytes of a slot, bytes of a page.
pub const PARAMETERS: [u64; 4] = [SLOTS as u64, LAG, SLOT_SIZE as u64, PAGE_SIZE as u64];

/// Parameters as a kernel reads them.
pub fn parameters(numbers: [u64; 4]) -> Vec<u8> {
    numbers.into_iter().flat_map(u64::to_be_bytes).collect()
}

/// A message that was taken in.
struct Injected {
    id: Hash,
    /// The level and the slot it was published in.
    published: Option<(i32, u8)>,
}

/// Messages for slots.
pub struct Dal {
    /// The slots that are used, in this order.
    slots: Vec<u8>,
    waiting: VecDeque<(Hash, Vec<u8>)>,
    injected: Vec<Injected>,
    counter: u64,
}

impl Default for Dal {
    fn default() -> Self {
        Self {
            slots: (0..SLOTS).collect(),
            waiting: VecDeque::new(),
            injected: Vec::new(),
            counter: 0,
        }
    }
}

impl Dal {
    /// Takes messages in; their ids in the same order.
    ///
    /// # Errors
    /// If one is larger than a slot; then none is taken.
    pub fn inject(&mut self, messages: Vec<Vec<u8>>) -> Result<Vec<Hash>, String> {
        if let Some(n) = messages
            .iter()
            .position(|message| message.len() > SLOT_SIZE)
        {
            return Err(format!(
                "Message {n} is too large (max size is {SLOT_SIZE})"
            ));
        }
        let mut ids = Vec::with_capacity(messages.len());
        for message in messages {
            let id = id(&message, Some(self.counter));
            self.counter += 1;
            self.injected.push(Injected {
                id,
                published: None,
            });
            self.waiting.push_back((id, message));
            ids.push(id);
        }
        Ok(ids)
    }

    /// Sets the slots that are used from now on.
    ///
    /// # Errors
    /// If there is none, one that blocks do not have, or one twice.
    pub fn set_slots(&mut self, slots: Vec<u8>) -> Result<(), String> {
        if slots.is_empty() || slots.iter().any(|slot| *slot >= SLOTS) {
            return Err(format!("slot indices must be numbers below {SLOTS}"));
        }
        if let Some(twice) = (1..slots.len()).find(|n| slots[..*n].contains(&slots[*n])) {
            return Err(format!("slot index {} is given twice", slots[twice]));
        }
        self.slots = slots;
        Ok(())
    }

    /// What became of every message.
    pub fn statuses(&self) -> Value {
        let status = |injected: &Injected| match injected.published {
            None => json!({ "status": "pending" }),
            Some((level, slot)) => {
                json!({ "status": "published", "published_level": level, "slot_index": slot })
            }
        };
        let shown = self.injected.iter().map(
            |injected| json!({ "id": MESSAGE.encode(&injected.id), "status": status(injected) }),
        );
        shown.collect()
    }

    /// Forgets a message that is published.
    pub fn forget(&mut self, id: &Hash) {
        self.injected
            .retain(|injected| injected.id != *id || injected.published.is_none());
    }

    /// Writes the slots of a block: as many messages as there are slots in use. Of a block that is made again, because it
    /// could not be made or was taken away, the slots that are written stay.
    ///
    /// # Errors
    /// If a page cannot be written; the message waits on.
    pub fn publish(&mut self, level: i32, directory: &Path) -> Result<(), String> {
        for slot in self.slots.clone() {
            let Some((id, message)) = self.waiting.front() else {
                return Ok(());
            };
            let place = Some((level, slot));
            if self.injected.iter().any(|other| other.published == place) {
                continue;
            }
            write(directory, level, slot, message)
                .map_err(|error| format!("{}: {error}", directory.display()))?;
            for injected in &mut self.injected {
                if injected.id == *id {
                    injected.published = place;
                }
            }
            self.waiting.pop_front();
        }
        Ok(())
    }
}

/// All pages of a slot; what the message does not fill is zero.
fn write(directory: &Path, level: i32, slot: u8, message: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut content = message.to_vec();
    content.resize(SLOT_SIZE, 0);
    for (number, page) in content.chunks(PAGE_SIZE).enumerate() {
        fs::write(directory.join(format!("{level}-{slot}-{number}")), page)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_slots_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let mut dal = Dal::default();
        assert!(dal.set_slots(vec![32]).is_err() && dal.set_slots(vec![]).is_err());
        // One slot of a block holds one message.
        assert!(dal.set_slots(vec![3, 7, 3]).is_err());
        dal.set_slots(vec![3, 7]).unwrap();
        let long = vec![5; PAGE_SIZE + 1];
        let ids = dal
            .inject(vec![b"a".to_vec(), long, b"c".to_vec()])
            .unwrap();
        assert!(dal.inject(vec![vec![0; SLOT_SIZE + 1]]).is_err());
        dal.publish(9, directory.path()).unwrap();
        let page = |name: &str| fs::read(directory.path().join(name)).ok();
        assert_eq!(page("9-3-0").unwrap()[..2], [b'a', 0]);
        assert_eq!(page("9-7-1").unwrap()[..2], [5, 0]);
        assert_eq!(page("9-7-31").unwrap().len(), PAGE_SIZE);
        assert_eq!(page("9-7-32"), None);
        let statuses = dal.statuses();
        assert_eq!(statuses[1]["status"]["slot_index"], 7);
        assert_eq!(statuses[2]["status"]["status"], "pending");
        // The block is made again.
        dal.publish(9, directory.path()).unwrap();
        assert_eq!(page("9-3-0").unwrap()[..2], [b'a', 0]);
        assert_eq!(dal.statuses(), statuses);
        dal.publish(10, directory.path()).unwrap();
        assert_eq!(page("10-3-0").unwrap()[0], b'c');
        dal.forget(&ids[0]);
        assert_eq!(dal.statuses().as_array().unwrap().len(), 2);
    }
}
