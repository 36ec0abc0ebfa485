//! A session: the machine, the levels it has not seen, and what each command does.

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use super::command::{Command, parse};
use super::console::{Captured, Console};
use super::help::HELP;
use super::numbers::span;
use super::{profiling, show};
use crate::encoding::hash::blake2b;
use crate::encoding::json::Json;
use crate::inbox::{level, message::Info};
use crate::pvm::{Executor, INTERRUPTED, Pvm, Status, Until};
use crate::reveal::Request;

/// Why a session ends early.
#[derive(Debug)]
pub enum Failure {
    /// Nobody reads the output any more.
    Output(io::Error),
    /// A command failed in a way that ends the session.
    Command(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// What a session does not change.
pub struct Options {
    /// Where profiles go.
    pub profiles: PathBuf,
}

/// A debugger at its prompt.
pub struct Session {
    /// The rollup.
    pub pvm: Pvm,
    /// How whole runs are done.
    pub executor: Box<dyn Executor>,
    /// Streams and questions.
    pub console: Console,
    /// What does not change.
    pub options: Options,
    levels: std::vec::IntoIter<Vec<Vec<u8>>>,
    /// The level of the next inbox.
    level: i32,
    stopped: bool,
}

impl Session {
    /// A session over a machine, with the messages of users level by level.
    pub fn new(
        pvm: Pvm,
        executor: Box<dyn Executor>,
        console: Console,
        options: Options,
        levels: Vec<Vec<Vec<u8>>>,
    ) -> Self {
        Self {
            pvm,
            executor,
            console,
            options,
            levels: levels.into_iter(),
            level: 0,
            stopped: false,
        }
    }

    /// Runs commands until there are no more, or until one ends the session.
    pub fn run(&mut self) -> Result<(), Failure> {
        while !self.stopped {
            self.console.lines.learn(&self.pvm.world.durable);
            let Console {
                lines,
                prints,
                events,
                ..
            } = &mut self.console;
            let prompt = if events.is_some() { "" } else { "> " };
            let Some(line) = lines.next(prompt, &mut **prints)? else {
                break;
            };
            self.line(line.trim())?;
        }
        Ok(())
    }

    /// Runs one line.
    pub fn line(&mut self, line: &str) -> Result<(), Failure> {
        if line.is_empty() {
            return Ok(());
        }
        let result = match parse(line) {
            Some(command) => {
                self.console.patience.begin();
                let result = self.command(command);
                self.interrupted(result)
            }
            None => {
                self.console
                    .prints
                    .err(&format!("Unknown command `{line}`"));
                Ok(())
            }
        };
        self.event(line, result.as_ref().err())?;
        result
    }

    /// A command that was interrupted by hand leaves the session; one that took too long ends it.
    fn interrupted(&mut self, result: Result<(), Failure>) -> Result<(), Failure> {
        let by_hand = self.console.patience.end();
        match result {
            Err(Failure::Command(text)) if text == INTERRUPTED => {
                if by_hand {
                    let state = self.pvm.internal_status();
                    self.console
                        .prints
                        .err(&format!("Interrupted; the machine is in the state {state}"));
                    return Ok(());
                }
                let bound = self.console.patience.bound.unwrap_or_default();
                Err(Failure::Command(format!(
                    "The command took longer than {}",
                    span(bound)
                )))
            }
            result => result,
        }
    }

    /// In JSON mode: one object for a command.
    fn event(&mut self, line: &str, failure: Option<&Failure>) -> io::Result<()> {
        let Some(Captured { output, debug }) = self.console.events.as_mut().map(std::mem::take)
        else {
            return Ok(());
        };
        let text = |bytes: &[u8]| Json::from(String::from_utf8_lossy(bytes).into_owned());
        let mut fields = vec![
            ("schema", 1.into()),
            ("command", line.into()),
            ("output", text(&output)),
            ("debug", text(&debug)),
            ("level", i64::from(self.level).into()),
            ("ticks", self.pvm.ticks().to_string().into()),
            ("status", self.pvm.status().to_string().into()),
            ("internal_status", self.pvm.internal_status().into()),
        ];
        if let Some(Failure::Command(text)) = failure {
            fields.push(("failure", text.as_str().into()));
        }
        self.console
            .prints
            .out(format!("{}\n", Json::Object(fields)).as_bytes())
    }

    /// Runs one command.
    pub fn command(&mut self, command: Command) -> Result<(), Failure> {
        match command {
            Command::Time(command) => {
                let start = Instant::now();
                self.command(*command)?;
                self.console
                    .say(&format!("took {}", span(start.elapsed())))?;
            }
            Command::Load => self.load()?,
            Command::StepTick => self.step(Until::Ticks(1))?,
            Command::StepResult => self.step(Until::Result)?,
            Command::StepKernelRun => self.step(Until::KernelRun)?,
            Command::StepInbox => self.step_inbox()?,
            Command::RevealPreimage(hex) => self.reveal_preimage(hex.as_deref())?,
            Command::RevealMetadata => self.reveal_metadata()?,
            Command::Profile(options) => profiling::profile(self, options)?,
            Command::Help => self.console.write(HELP.as_bytes())?,
            Command::Stop => self.stopped = true,
            shown => {
                let shown = show::show(&self.pvm, shown);
                self.console.write(&shown)?;
            }
        }
        Ok(())
    }

    fn load(&mut self) -> Result<(), Failure> {
        match self.pvm.status() {
            Status::WaitingForInput => Ok(self.load_level()?),
            Status::WaitingForReveal(_) => {
                Ok(self.console.say("The PVM is expecting a reveal. This command is not implemented yet.")?)
            }
            Status::Evaluating => Ok(self.console.say(
                "The PVM is not expecting inputs yet. You can `step inbox` to evaluate the current inbox.",
            )?),
        }
    }

    /// Loads the next level, if there is one; says so either way.
    pub(super) fn load_level(&mut self) -> Result<(), Failure> {
        let Some(user) = self.levels.next() else {
            return Ok(self
                .console
                .say(&format!("No more inputs at level {}", self.level))?);
        };
        let count = user.len();
        let payloads = level(Info::default(), None, false, user);
        if self.pvm.load(self.level, payloads).is_err() {
            let state = self.pvm.internal_status();
            return Err(Failure::Command(format!(
                "Cannot reach snapshot point: the machine is {state}"
            )));
        }
        self.console
            .say(&format!("Loaded {count} inputs at level {}", self.level))?;
        self.level += 1;
        Ok(())
    }

    fn step(&mut self, until: Until) -> Result<(), Failure> {
        let before = self.pvm.ticks();
        let stepped = match until {
            Until::KernelRun if self.pvm.is_snapshot() => {
                self.pvm.kernel_run(&mut *self.executor, &mut self.console)
            }
            _ => self.pvm.step_until(until, &mut self.console),
        };
        stepped.map_err(Failure::Command)?;
        self.report(before)
    }

    fn step_inbox(&mut self) -> Result<(), Failure> {
        if self.pvm.status() == Status::WaitingForInput {
            self.load_level()?;
        }
        let before = self.pvm.ticks();
        if self.pvm.status() != Status::WaitingForInput {
            self.pvm
                .run_level(&mut *self.executor, &mut self.console)
                .map_err(Failure::Command)?;
        }
        self.report(before)
    }

    fn report(&mut self, before: u64) -> Result<(), Failure> {
        self.console.say(&format!(
            "Evaluation took {} ticks so far",
            self.pvm.ticks() - before
        ))?;
        let status = show::show(&self.pvm, Command::ShowStatus);
        Ok(self.console.write(&status)?)
    }

    fn reveal_preimage(&mut self, hex: Option<&str>) -> Result<(), Failure> {
        let request = match self.pvm.status() {
            Status::WaitingForReveal(
                request @ (Request::Preimage(_) | Request::DalPage { .. }),
            ) => request,
            Status::WaitingForReveal(_) => {
                return Ok(self.console.say("Error: not the expected reveal step")?);
            }
            _ => return Ok(self.console.say("Error: not a reveal step")?),
        };
        let data = match hex {
            None if request == Request::Preimage(blake2b(b"")) => Some(Vec::new()),
            None => self.console.from_file(&request),
            Some(hex) => match hex::decode(hex) {
                Ok(data) => Some(data),
                Err(_) => {
                    return Ok(self
                        .console
                        .say("Error: the preimage is not a valid hexadecimal value.")?);
                }
            },
        };
        match data {
            Some(data) => {
                self.pvm.answer(&data);
            }
            // The original says nothing here; a word costs nothing.
            None => {
                let name = request.file_name().unwrap_or_default();
                let directory = self.console.preimages.display().to_string();
                self.console
                    .prints
                    .err(&format!("Warning: no file {name} in {directory}"));
            }
        }
        Ok(())
    }

    fn reveal_metadata(&mut self) -> Result<(), Failure> {
        match self.pvm.status() {
            Status::WaitingForReveal(Request::Metadata) => {
                let data = crate::reveal::metadata(&self.console.rollup, 0);
                self.pvm.answer(&data);
                Ok(())
            }
            Status::WaitingForReveal(_) => {
                Ok(self.console.say("Error: Not the expected reveal step")?)
            }
            _ => Ok(self.console.say("Error: Not in a reveal step")?),
        }
    }
}
