//! The log of a canister: what it printed and its traps, the newest 4 KiB (system-api.md 6.3).

use std::collections::VecDeque;

/// Bytes that the log holds, records counted with their overhead.
pub const LOG_CAPACITY: usize = 4096;
/// Bytes that a record counts beside its content.
const RECORD_OVERHEAD: usize = 40;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// Counts over the canister's life.
    pub index: u64,
    /// Time of the round, nanoseconds.
    pub time: u64,
    /// The text.
    pub content: Vec<u8>,
}

/// Records of limited total size, the oldest dropped first.
#[derive(Clone, Debug, Default)]
pub struct Log {
    records: VecDeque<LogRecord>,
    used: usize,
    next_index: u64,
}

impl Log {
    /// Adds a record; content beyond what fits is cut.
    pub fn push(&mut self, time: u64, content: &[u8]) {
        let content = &content[..content.len().min(LOG_CAPACITY - RECORD_OVERHEAD)];
        self.used += content.len() + RECORD_OVERHEAD;
        self.records.push_back(LogRecord {
            index: self.next_index,
            time,
            content: content.to_vec(),
        });
        self.next_index += 1;
        while self.used > LOG_CAPACITY {
            let Some(oldest) = self.records.pop_front() else {
                break;
            };
            self.used -= oldest.content.len() + RECORD_OVERHEAD;
        }
    }

    /// Bytes that are not used.
    pub fn free(&self) -> u64 {
        (LOG_CAPACITY - self.used) as u64
    }

    /// The records, oldest first.
    pub fn records(&self) -> impl Iterator<Item = &LogRecord> {
        self.records.iter()
    }

    /// Forgets the records; numbers go on.
    pub fn clear(&mut self) {
        self.records.clear();
        self.used = 0;
    }

    /// Appends what an execution recorded, numbered anew.
    pub fn append(&mut self, execution: &Log) {
        for record in &execution.records {
            self.push(record.time, &record.content);
        }
        // Records that the execution itself pushed out have had numbers too.
        self.next_index += execution.next_index - execution.records.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// metering.md 3.3: after a print of 4000 bytes 56 are free.
    #[test]
    fn a_record_counts_forty_bytes_more_than_its_content() {
        let mut log = Log::default();
        log.push(1, &[b'x'; 4000]);
        assert_eq!(log.free(), 56);
        // 4040 + 60 bytes do not fit any more: the older record goes.
        log.push(2, &[b'y'; 20]);
        assert_eq!(log.free(), 4096 - 60);
        assert_eq!(
            log.records().map(|record| record.index).collect::<Vec<_>>(),
            [1]
        );
    }

    #[test]
    fn content_is_cut_and_numbers_survive_clearing() {
        let mut log = Log::default();
        log.push(1, &[b'x'; 5000]);
        assert_eq!(
            log.records().next().map(|record| record.content.len()),
            Some(4056)
        );
        log.clear();
        log.push(2, b"b");
        assert_eq!(log.records().next().map(|record| record.index), Some(1));
    }
}
