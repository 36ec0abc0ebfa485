//! The prompt: reads commands and does them.

use std::io::{self, Write};
use std::time::Instant;

use super::command::{Command, parse};
use super::console::{Captured, Console, Timings};
use super::help::HELP;
use super::numbers::span;
use super::session::{Failure, Session};
use super::{profiling, show};
use crate::encoding::hash::blake2b;
use crate::encoding::json::Json;
use crate::pvm::{INTERRUPTED, Status, Until};
use crate::reveal::Request;

impl Session {
    /// Runs commands until there are no more, or until one ends the session.
    pub fn run(&mut self) -> Result<(), Failure> {
        let result = self.commands();
        let timed = self
            .console
            .timings
            .as_mut()
            .map_or(Ok(()), Timings::finish);
        result.and(timed.map_err(Failure::Output))
    }

    fn commands(&mut self) -> Result<(), Failure> {
        while !self.stopped {
            self.console.lines.learn(&self.pvm.world.durable);
            let prompt = self.console.prompt();
            let Console { lines, prints, .. } = &mut self.console;
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

    /// A command that was interrupted by hand leaves the session; one that took too long, or whose kernel could not print,
    /// ends it.
    fn interrupted(&mut self, result: Result<(), Failure>) -> Result<(), Failure> {
        let by_hand = self.console.patience.end();
        // Nobody reads any more, or the file of times cannot be written: that is why the command was interrupted.
        if let Some(error) = self.console.lost.take() {
            return Err(Failure::Output(error));
        }
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
        if let Some(failure) = failure {
            let text = match failure {
                Failure::Command(text) => text.clone(),
                Failure::Output(error) => error.to_string(),
            };
            fields.push(("failure", text.into()));
        }
        self.console
            .prints
            .out(format!("{}\n", Json::Object(fields)).as_bytes())
    }

    /// Runs one command.
    pub fn command(&mut self, command: Command) -> Result<(), Failure> {
        match command {
            Command::Time(times, command) => {
                let start = Instant::now();
                self.command(*command)?;
                for _ in 0..times {
                    self.console
                        .say(&format!("took {}", span(start.elapsed())))?;
                }
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
            Command::ShowStorage => {
                let mut out = self.console.out();
                show::storage(&self.pvm, &mut out)?;
                out.flush()?;
            }
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
                let directory = self.console.directory(&request).display().to_string();
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
