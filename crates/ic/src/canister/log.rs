//! The log of a canister: what it printed and its traps, the newest 4 KiB or as much as its limit says (system-api.md 6.3,
//! since-october-2025.md 5.1).

use std::collections::VecDeque;

/// Bytes that the log holds unless a limit is set, records counted with their overhead.
pub const DEFAULT_LOG_LIMIT: u64 = 4096;
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
#[derive(Clone, Debug)]
pub struct Log {
    records: VecDeque<LogRecord>,
    limit: usize,
    used: usize,
    next_index: u64,
}

impl Default for Log {
    fn default() -> Self {
        Log::with_limit(DEFAULT_LOG_LIMIT)
    }
}

impl Log {
    /// An empty one that holds so many bytes; zero switches it off.
    pub fn with_limit(limit: u64) -> Self {
        Log {
            records: VecDeque::new(),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            used: 0,
            next_index: 0,
        }
    }

    /// One that holds these records, oldest first; its next one has this number.
    pub fn resumed(
        limit: u64,
        records: impl IntoIterator<Item = LogRecord>,
        next_index: u64,
    ) -> Self {
        let mut log = Log::with_limit(limit);
        log.records.extend(records);
        log.used = log
            .records
            .iter()
            .map(|record| record.content.len() + RECORD_OVERHEAD)
            .sum();
        log.next_index = next_index;
        log.drop_oldest();
        log
    }

    /// The number of the next record.
    pub fn next_index(&self) -> u64 {
        self.next_index
    }

    /// Changes the limit; the newest records that fit are kept.
    pub fn set_limit(&mut self, limit: u64) {
        self.limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.drop_oldest();
    }

    /// Bytes that it may hold.
    pub fn limit(&self) -> u64 {
        self.limit as u64
    }

    /// Bytes that its records take.
    pub fn used(&self) -> u64 {
        self.used as u64
    }

    /// Adds a record; content beyond what fits is cut.
    pub fn push(&mut self, time: u64, content: &[u8]) {
        let Some(room) = self.limit.checked_sub(RECORD_OVERHEAD) else {
            return;
        };
        let content = &content[..content.len().min(room)];
        self.used += content.len() + RECORD_OVERHEAD;
        self.records.push_back(LogRecord {
            index: self.next_index,
            time,
            content: content.to_vec(),
        });
        self.next_index += 1;
        self.drop_oldest();
    }

    fn drop_oldest(&mut self) {
        while self.used > self.limit {
            let Some(oldest) = self.records.pop_front() else {
                break;
            };
            self.used -= oldest.content.len() + RECORD_OVERHEAD;
        }
    }

    /// Bytes that are not used.
    pub fn free(&self) -> u64 {
        (self.limit - self.used) as u64
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
        // Records that the execution itself pushed out have had the first numbers.
        self.next_index += execution.next_index - execution.records.len() as u64;
        for record in &execution.records {
            self.push(record.time, &record.content);
        }
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

    /// A larger limit keeps more, a smaller one the newest; zero keeps nothing and counts nothing.
    #[test]
    fn the_limit_decides_what_is_kept() {
        let indices = |log: &Log| log.records().map(|it| it.index).collect::<Vec<_>>();
        let mut log = Log::with_limit(8192);
        for _ in 0..2 {
            log.push(1, &[b'x'; 4000]);
        }
        assert_eq!((indices(&log), log.used()), (vec![0, 1], 8080));
        log.set_limit(4096);
        assert_eq!((indices(&log), log.free()), (vec![1], 56));
        log.set_limit(0);
        log.push(2, b"y");
        assert_eq!((indices(&log), log.free()), (vec![], 0));
        log.set_limit(4096);
        log.push(3, b"z");
        assert_eq!(indices(&log), [2]);
    }

    /// system-api.md 6.3: of four records of an execution the last two fit.
    #[test]
    fn what_an_execution_pushed_out_has_had_numbers() {
        let mut execution = Log::default();
        for _ in 0..4 {
            execution.push(1, &[b'x'; 1500]);
        }
        let mut log = Log::default();
        log.append(&execution);
        log.push(2, b"later");
        let indices: Vec<_> = log.records().map(|record| record.index).collect();
        assert_eq!(indices, [2, 3, 4]);
    }

    #[test]
    fn one_that_is_resumed_goes_on_as_the_other_would() {
        let mut log = Log::default();
        for content in [&[b'x'; 3000][..], b"y", b"z"] {
            log.push(1, content);
        }
        let records = log.records().skip(1).cloned();
        let mut resumed = Log::resumed(log.limit(), records, log.next_index());
        for log in [&mut log, &mut resumed] {
            log.push(2, &[b'w'; 2000]);
        }
        assert!(log.records().eq(resumed.records()));
        assert_eq!(log.free(), resumed.free());
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
