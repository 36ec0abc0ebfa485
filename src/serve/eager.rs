//! A connection that stays awake for a moment after an answer, if its client has lately asked again at once: on a processor that sleeps,
//! waking a thread takes longer than most requests do. Owns when to stay awake; what is read is not looked at.

use std::io;
use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How soon after an answer the next request has to come to be waited for awake, and how long it is.
const MOMENT: Duration = Duration::from_micros(150);

/// Connections that are awake, of all servers of this process.
static AWAKE: AtomicUsize = AtomicUsize::new(0);
/// The most of them with which one may stay awake for nothing: their clients need a processor each, too.
static ROOM: LazyLock<usize> =
    LazyLock::new(|| std::thread::available_parallelism().map_or(0, |all| all.get() / 2));

/// One that is counted as awake, as long as this lives.
struct Awake;

impl Awake {
    fn new() -> Self {
        AWAKE.fetch_add(1, Ordering::Relaxed);
        Awake
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        AWAKE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection.
pub(super) struct Eager<S> {
    stream: S,
    awake: Option<Awake>,
    /// When it was last written to, if nothing was read since.
    answered: Option<Instant>,
    /// The last request came within a moment of the answer before it.
    prompt: bool,
}

impl<S> Eager<S> {
    pub(super) fn new(stream: S) -> Self {
        Eager {
            stream,
            awake: None,
            answered: None,
            prompt: false,
        }
    }

    /// True if it is worth looking again at once.
    fn stays_awake(&self) -> bool {
        self.prompt
            && self.answered.is_some_and(|at| at.elapsed() < MOMENT)
            && AWAKE.load(Ordering::Relaxed) <= *ROOM
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Eager<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            if let Some(at) = self.answered.take() {
                self.prompt = at.elapsed() < MOMENT;
            }
            self.awake.get_or_insert_with(Awake::new);
        } else if self.stays_awake() {
            // Whoever else wants the processor goes first.
            std::thread::yield_now();
            context.waker().wake_by_ref();
        } else {
            self.awake = None;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Eager<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.answered = Some(Instant::now());
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.answered = Some(Instant::now());
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
