//! A session: the machine, and the levels it has not seen. What each command does is said in `prompt`.

use std::io;
use std::path::PathBuf;

use super::console::Console;
use crate::inbox::{level, message::Info};
use crate::pvm::{Executor, Pvm};

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
    pub(super) level: i32,
    pub(super) stopped: bool,
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
}
