//! The server's ends of a worker's pipes. A task of the runtime moves the bytes, so that no thread of the server ever waits
//! for a worker without being able to do something else.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::unix::pipe;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::protocol::{HEAD, head};
use crate::job::Control;

/// Bytes that are read at once.
const PART: usize = 64 << 10;

/// What comes from a worker.
#[derive(Debug)]
pub(super) enum Incoming {
    Message(u8, Vec<u8>),
    /// Nothing more will come.
    End,
}

/// Messages that nobody has looked at yet.
#[derive(Debug, Default)]
pub(super) struct Inbox(Mutex<VecDeque<Incoming>>);

impl Inbox {
    pub(super) fn take(&self) -> Option<Incoming> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    fn put(&self, incoming: Incoming) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(incoming);
    }
}

/// Reads what a worker says, and tells whoever waits. A message of more than `limit` bytes is the end.
pub(super) fn read(
    runtime: &Handle,
    from: OwnedFd,
    limit: usize,
    control: Arc<Control>,
) -> io::Result<Arc<Inbox>> {
    let _entered = runtime.enter();
    let from = pipe::Receiver::from_owned_fd(from)?;
    let inbox = Arc::new(Inbox::default());
    let to = inbox.clone();
    runtime.spawn(async move {
        let mut bytes = Vec::new();
        // However it ends, it is the end.
        let _ = messages(&from, limit, &mut bytes, |kind, content| {
            to.put(Incoming::Message(kind, content));
            control.notify();
        })
        .await;
        to.put(Incoming::End);
        control.notify();
    });
    Ok(inbox)
}

async fn messages(
    from: &pipe::Receiver,
    limit: usize,
    bytes: &mut Vec<u8>,
    mut each: impl FnMut(u8, Vec<u8>),
) -> io::Result<()> {
    loop {
        while let Some((first, rest)) = bytes.split_first_chunk::<HEAD>() {
            let (kind, len) = head(*first);
            if len > limit {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if rest.len() < len {
                break;
            }
            let content = rest[..len].to_vec();
            bytes.drain(..HEAD + len);
            each(kind, content);
        }
        from.readable().await?;
        let old = bytes.len();
        bytes.resize(old + PART, 0);
        let read = from.try_read(&mut bytes[old..]);
        bytes.truncate(old + read.as_ref().copied().unwrap_or(0));
        match read {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
}

/// A way to a worker that takes messages at any time.
pub(super) fn write(runtime: &Handle, to: OwnedFd) -> io::Result<UnboundedSender<Vec<u8>>> {
    let _entered = runtime.enter();
    let to = pipe::Sender::from_owned_fd(to)?;
    let (sender, mut receiver) = unbounded_channel::<Vec<u8>>();
    runtime.spawn(async move {
        while let Some(message) = receiver.recv().await {
            let mut rest = message.as_slice();
            while !rest.is_empty() {
                if to.writable().await.is_err() {
                    return;
                }
                match to.try_write(rest) {
                    Ok(written) => rest = &rest[written..],
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    // The worker is gone, which shows where its messages are read.
                    Err(_) => return,
                }
            }
        }
    });
    Ok(sender)
}
