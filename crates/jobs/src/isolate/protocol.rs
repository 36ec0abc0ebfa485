//! What a server and its worker say to each other: messages behind their kind and their length. RPC and what the guest reads
//! go as they are, the rest as JSON.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::{Hash, Kind};
use crate::job::Job;

/// Kinds of messages to the worker.
pub(super) const START: u8 = b'S';
/// What the guest reads, right after the start.
pub(super) const INPUT: u8 = b'I';
/// Behind the time that others had the processor, as in [`GO_ON`]: both clocks of a job leave out the same.
pub(super) const ANSWER: u8 = b'A';
pub(super) const NO_ANSWER: u8 = b'N';
pub(super) const GO_ON: u8 = b'G';
/// Kinds of messages to the server. The job's time begins when its worker is ready for it.
pub(super) const READY: u8 = b'r';
pub(super) const ASK: u8 = b'a';
pub(super) const GIVE_BACK: u8 = b'b';
pub(super) const TAKE: u8 = b't';
pub(super) const LOG: u8 = b'l';
pub(super) const DONE: u8 = b'd';

/// Bytes before a message: kind and length.
pub(super) const HEAD: usize = 5;

/// The job of a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Start {
    pub(super) kind: Kind,
    pub(super) hash: Hash,
    /// Bytes of Wasm.
    pub(super) wasm: usize,
    /// Where its machine code is.
    pub(super) code: PathBuf,
    pub(super) job: Box<Job>,
    /// Bytes of an RPC request; of one that is longer, one byte more is sent.
    pub(super) request_bytes: usize,
    /// Whether somebody reads what the guest logs.
    pub(super) log: bool,
}

/// A message with its head.
pub(super) fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEAD + content.len());
    message.push(kind);
    // No limit of the configuration comes near this one.
    let len = u32::try_from(content.len()).unwrap_or(u32::MAX);
    message.extend(len.to_le_bytes());
    message.extend_from_slice(content);
    message
}

/// Kind and length out of a head.
pub(super) fn head(bytes: [u8; HEAD]) -> (u8, usize) {
    let [kind, len @ ..] = bytes;
    (kind, u32::from_le_bytes(len) as usize)
}

/// A time as it stands in a message.
pub(super) fn nanoseconds(time: Duration) -> [u8; 8] {
    u64::try_from(time.as_nanos())
        .unwrap_or(u64::MAX)
        .to_le_bytes()
}

/// The time at the beginning of a message, and the rest of that.
pub(super) fn time(content: &[u8]) -> Option<(Duration, &[u8])> {
    let (time, rest) = content.split_first_chunk()?;
    Some((Duration::from_nanos(u64::from_le_bytes(*time)), rest))
}

/// Sends a message.
pub(super) fn send(to: &mut impl Write, kind: u8, content: &[u8]) -> io::Result<()> {
    to.write_all(&message(kind, content))?;
    to.flush()
}

/// The next message; nothing at the end.
pub(super) fn receive(from: &mut impl Read) -> io::Result<Option<(u8, Vec<u8>)>> {
    let mut bytes = [0; HEAD];
    if let Err(error) = from.read_exact(&mut bytes) {
        return match error.kind() {
            io::ErrorKind::UnexpectedEof => Ok(None),
            _ => Err(error),
        };
    }
    let (kind, len) = head(bytes);
    let mut content = Vec::new();
    from.take(len as u64).read_to_end(&mut content)?;
    match content.len() == len {
        true => Ok(Some((kind, content))),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_as_it_was_sent() {
        let mut pipe = Vec::new();
        send(&mut pipe, ASK, b"question").unwrap();
        send(&mut pipe, TAKE, b"").unwrap();
        let mut from = pipe.as_slice();
        assert_eq!(
            receive(&mut from).unwrap(),
            Some((ASK, b"question".to_vec()))
        );
        assert_eq!(receive(&mut from).unwrap(), Some((TAKE, Vec::new())));
        assert_eq!(receive(&mut from).unwrap(), None);
        assert!(receive(&mut &pipe[..10]).is_err());
    }
}
