//! What the machine is doing, and why it may be stuck, in the debugger's words (kernel-debugger.md, section 1.3).

use std::fmt;

use crate::reveal::Request;

/// What the machine waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nothing: it computes.
    Evaluating,
    /// The messages of a level; a stuck machine says so too.
    WaitingForInput,
    /// Data from outside.
    WaitingForReveal(Request),
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evaluating => f.write_str("Evaluating"),
            Self::WaitingForInput => f.write_str("Waiting for input"),
            Self::WaitingForReveal(request) => write!(f, "Waiting for reveal: {request}"),
        }
    }
}

/// Why a kernel did not get to run, and there was none to fall back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It is no module.
    Decode(String),
    /// It imports what is not there.
    Link(String),
    /// It could not start.
    Init(String),
}

/// A state the machine never leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stuck {
    /// Computing failed in a way that is no trap.
    Eval(String),
    /// A step in a state that does not allow it.
    InvalidState(String),
    /// A run was longer than a period.
    TooManyTicks,
    /// No kernel could be run.
    NoFallback(Cause),
}

/// The longest text in bytes that the original keeps of an error.
const MAX_TEXT: usize = 128;

struct Cut<'a>(&'a str);

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0[..self.0.floor_char_boundary(MAX_TEXT)])
    }
}

struct Raw<'a>(&'a str);

impl fmt::Display for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{ raw_exception: {}; explanation: None }}", Cut(self.0))
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eval(text) => write!(f, "Eval_error {}", Raw(text)),
            Self::InvalidState(text) => write!(f, "Invalid_state ({})", Cut(text)),
            Self::TooManyTicks => f.write_str("Too_many_ticks"),
            Self::NoFallback(Cause::Decode(text)) => {
                write!(f, "No_fallback_kernel (Decode_cause {})", Raw(text))
            }
            Self::NoFallback(Cause::Link(text)) => {
                write!(f, "No_fallback_kernel (Link_cause {})", Cut(text))
            }
            Self::NoFallback(Cause::Init(text)) => {
                write!(f, "No_fallback_kernel (Init_cause {})", Raw(text))
            }
        }
    }
}
