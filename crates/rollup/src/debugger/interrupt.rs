//! A kernel that does not end: the interrupt key gives the prompt back, an option bounds every command.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Whether a command is under way, and whether somebody wants it to end.
static BUSY: AtomicBool = AtomicBool::new(false);
static ASKED: AtomicBool = AtomicBool::new(false);

/// What an interrupted program ends with, by convention.
const STATUS: i32 = 130;

/// From now on the interrupt key ends a command that is under way, and the program only otherwise or when it comes twice.
/// To be called before a terminal is edited: the editor gives the key back to whoever had it then.
pub(super) fn catch() {
    let (ready, caught) = mpsc::channel();
    let listen = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        runtime.block_on(async {
            #[cfg(unix)]
            let mut interrupts =
                tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
            #[cfg(windows)]
            let mut interrupts = tokio::signal::windows::ctrl_c()?;
            // The other end waits for this.
            let _ = ready.send(());
            while interrupts.recv().await.is_some() {
                if !BUSY.load(SeqCst) || ASKED.swap(true, SeqCst) {
                    std::process::exit(STATUS);
                }
            }
            Ok(())
        })
    };
    // Without the thread the key ends the program, as it does anywhere.
    let thread = std::thread::Builder::new().name("interrupts".into());
    if thread
        .spawn(move || -> std::io::Result<()> { listen() })
        .is_ok()
    {
        let _ = caught.recv();
    }
}

/// How long a command may take.
#[derive(Default)]
pub struct Patience {
    /// The bound, if there is one.
    pub bound: Option<Duration>,
    since: Option<Instant>,
}

impl Patience {
    /// With a bound.
    pub fn new(bound: Option<Duration>) -> Self {
        Self { bound, since: None }
    }

    /// A command begins.
    pub(super) fn begin(&mut self) {
        self.since = Some(Instant::now());
        ASKED.store(false, SeqCst);
        BUSY.store(true, SeqCst);
    }

    /// A command has ended; whether the key was what ended it.
    pub(super) fn end(&mut self) -> bool {
        BUSY.store(false, SeqCst);
        ASKED.swap(false, SeqCst)
    }

    pub(super) fn is_over(&self) -> bool {
        let late = match (self.bound, self.since) {
            (Some(bound), Some(since)) => since.elapsed() > bound,
            _ => false,
        };
        late || ASKED.load(SeqCst)
    }
}
