//! Where the debugger writes, where it asks, and how it finds data to reveal.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::interrupt::Patience;
use super::lines::Lines;
use super::prints::Prints;
use crate::pvm::Surroundings;
use crate::reveal::{MAX_REVEAL, Request, metadata};

/// Everything the debugger speaks with, and what it knows about data to reveal.
pub struct Console {
    /// Where it writes.
    pub prints: Box<dyn Prints>,
    /// Where commands, and answers to its questions, come from.
    pub lines: Box<dyn Lines>,
    /// Files of preimages, named by their hash.
    pub preimages: PathBuf,
    /// Files of pages of the data availability layer.
    pub dal_pages: PathBuf,
    /// The rollup's address.
    pub rollup: [u8; 20],
    /// Whether what the kernel prints is shown.
    pub show_debug: bool,
    /// What the kernel prints goes to this file instead, with the time of each line.
    pub timings: Option<Timings>,
    /// While a profile is made: the sections that the kernel has begun, with their data and ticks.
    pub sections: Option<Vec<(Vec<u8>, u64)>>,
    /// What the data availability layer tells of itself; nothing ends the session of a kernel that asks.
    pub dal_parameters: Option<[u64; 4]>,
    /// When somebody wants to wait no longer for a kernel.
    pub patience: Patience,
    /// In JSON mode: what was printed since the last event.
    pub events: Option<Captured>,
    /// Why something that the kernel printed could not be written.
    pub lost: Option<io::Error>,
}

/// What was printed, for an event.
#[derive(Default)]
pub struct Captured {
    /// By commands.
    pub output: Vec<u8>,
    /// By the kernel.
    pub debug: Vec<u8>,
}

/// A file of lines with times.
pub struct Timings {
    path: PathBuf,
    file: std::fs::File,
    /// When the session began.
    start: Instant,
    line: Vec<u8>,
    began: Option<Instant>,
}

impl Timings {
    /// Makes a file in which times count from now.
    pub fn create(path: PathBuf) -> io::Result<Self> {
        Ok(Self {
            file: std::fs::File::create(&path).map_err(|error| at(&path, error))?,
            path,
            start: Instant::now(),
            line: Vec::new(),
            began: None,
        })
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        for byte in text {
            let began = *self.began.get_or_insert_with(Instant::now);
            if *byte == b'\n' {
                self.end_line(began)?;
            } else {
                self.line.push(*byte);
            }
        }
        Ok(())
    }

    fn end_line(&mut self, began: Instant) -> io::Result<()> {
        let elapsed = began - self.start;
        let (secs, nanos) = (elapsed.as_secs() as f64, f64::from(elapsed.subsec_nanos()));
        let line = std::mem::take(&mut self.line);
        let message = serde_json::Value::from(String::from_utf8_lossy(&line).into_owned());
        self.began = None;
        // The order of the original, which a JSON object of the library does not keep.
        writeln!(
            self.file,
            "{{\"elapsed\":{{\"secs\":{secs:?},\"nanos\":{nanos:?}}},\"message\":{message}}}"
        )
        .map_err(|error| at(&self.path, error))
    }

    /// Writes a last line that the kernel did not end.
    pub fn finish(&mut self) -> io::Result<()> {
        self.began.map_or(Ok(()), |began| self.end_line(began))
    }
}

/// An error with the file it happened to.
fn at(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// What commands print, as a stream.
pub(super) struct Output<'a>(&'a mut Console);

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How often an answer is asked for.
const TRIES: usize = 3;

impl Console {
    /// Prints a line.
    pub fn say(&mut self, line: &str) -> io::Result<()> {
        self.write(format!("{line}\n").as_bytes())
    }

    /// Where much is printed piece by piece.
    pub(super) fn out(&mut self) -> io::BufWriter<Output<'_>> {
        io::BufWriter::with_capacity(1 << 16, Output(self))
    }

    /// Prints bytes.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.events {
            Some(captured) => {
                captured.output.extend_from_slice(bytes);
                Ok(())
            }
            None => self.prints.out(bytes),
        }
    }

    fn debug_text(&mut self, text: &[u8]) -> io::Result<()> {
        if let Some(timings) = &mut self.timings {
            return timings.write(text);
        }
        if !self.show_debug {
            return Ok(());
        }
        match &mut self.events {
            Some(captured) => {
                captured.debug.extend_from_slice(text);
                Ok(())
            }
            None => self.prints.debug(text),
        }
    }

    /// Acts on a directive to the profiler; false when the text is none.
    fn directive(&mut self, text: &[u8], ticks: u64) -> io::Result<bool> {
        let Some(sections) = &mut self.sections else {
            return Ok(false);
        };
        if let Some(data) = argument(text, "start_section") {
            sections.push((data.to_vec(), ticks));
        } else if let Some(data) = argument(text, "end_section") {
            // An end without a beginning measures nothing.
            let (begun, since) = sections.pop().unwrap_or((Vec::new(), ticks));
            let line = format!(
                "__wasm_debugger__::Section{{ticks:{};data:(0x{},0x{})}}",
                ticks - since,
                hex::encode(begun),
                hex::encode(data)
            );
            self.say(&line)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// The answer to a request from its file; nothing when that cannot be read.
    pub fn from_file(&self, request: &Request) -> Option<Vec<u8>> {
        std::fs::read(self.directory(request).join(request.file_name()?)).ok()
    }

    /// Where the file of a request is looked for.
    pub(super) fn directory(&self, request: &Request) -> &Path {
        match request {
            Request::DalPage { .. } => &self.dal_pages,
            _ => &self.preimages,
        }
    }

    /// What stands in front of a line that is wanted: nothing in JSON mode.
    pub(super) fn prompt(&self) -> &'static str {
        if self.events.is_some() { "" } else { "> " }
    }

    /// Prints a line for whoever has to answer; in JSON mode nobody would see it before the event.
    fn tell(&mut self, line: &str) -> io::Result<()> {
        if self.events.is_some() {
            self.prints.err(line);
            return Ok(());
        }
        self.say(line)
    }

    fn ask(&mut self, request: &Request) -> Result<Vec<u8>, String> {
        let failed = |error: io::Error| error.to_string();
        let what = match request {
            Request::DalPage { .. } => "DAL page",
            _ => "Preimage",
        };
        let name = request.file_name().unwrap_or_default();
        let question = format!(
            "{what} {name} not found in {}, or there was a reading error. Please provide it manually.",
            self.directory(request).display()
        );
        for _ in 0..TRIES {
            self.tell(&question).map_err(failed)?;
            let prompt = self.prompt();
            let Some(line) = self.lines.next(prompt, &mut *self.prints).map_err(failed)? else {
                break;
            };
            match hex::decode(line.trim()) {
                Ok(data) => return Ok(data),
                Err(_) => self
                    .tell("Error: the data is not a valid hexadecimal value.")
                    .map_err(failed)?,
            }
        }
        Err("Too many tries, aborting.".into())
    }

    /// Tells when a preimage is not what its name says: a real rollup would refuse it.
    fn check(&mut self, request: &Request, data: &[u8]) {
        if let Request::Preimage(hash) = request {
            if crate::encoding::hash::blake2b(data) != *hash {
                let name = request.file_name().unwrap_or_default();
                self.prints.err(&format!(
                    "Warning: the preimage given for {name} has another hash"
                ));
            }
            if data.len() > MAX_REVEAL {
                self.prints.err(&format!(
                    "Warning: a preimage of {} bytes; a rollup reveals at most {MAX_REVEAL}",
                    data.len()
                ));
            }
        }
    }
}

/// The data of a directive, which may stand anywhere in what a kernel prints.
fn argument<'t>(text: &'t [u8], name: &str) -> Option<&'t [u8]> {
    let opening = format!("__wasm_debugger__::{name}(");
    let at = text
        .windows(opening.len())
        .position(|window| window == opening.as_bytes())?;
    let data = &text[at + opening.len()..];
    let end = data.iter().rposition(|byte| *byte == b')')?;
    Some(&data[..end])
}

impl Surroundings for Console {
    fn debug_at(&mut self, text: &[u8], ticks: u64) {
        match self.directive(text, ticks) {
            Ok(true) => {}
            _ => self.debug(text),
        }
    }

    fn debug(&mut self, text: &[u8]) {
        // Told when the command has ended, which is soon.
        if let Err(error) = self.debug_text(text) {
            self.lost.get_or_insert(error);
        }
    }

    fn reveal(&mut self, request: &Request) -> Result<Vec<u8>, String> {
        match request {
            Request::Metadata => return Ok(metadata(&self.rollup, 0)),
            Request::DalParameters => {
                if let Some(parameters) = self.dal_parameters {
                    return Ok(parameters.iter().flat_map(|n| n.to_be_bytes()).collect());
                }
                return Err("The kernel tried to request DAL parameters, but this is not yet supported by the debugger.".into());
            }
            // The preimage of nothing needs no file.
            Request::Preimage(hash) if *hash == crate::encoding::hash::blake2b(b"") => {
                return Ok(Vec::new());
            }
            Request::Preimage(_) | Request::DalPage { .. } => {}
        }
        let data = match self.from_file(request) {
            Some(data) => data,
            None => self.ask(request)?,
        };
        self.check(request, &data);
        Ok(data)
    }

    fn interrupted(&mut self) -> bool {
        self.patience.is_over() || self.lost.is_some()
    }

    fn overlong(&mut self, ticks: u64, limit: u64) {
        self.prints.err(&format!(
            "Warning: this run took {ticks} ticks, but a period has {limit}: stepped through, the machine would be stuck"
        ));
    }
}
