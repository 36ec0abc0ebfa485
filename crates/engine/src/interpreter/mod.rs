//! Runs a module without compiling it: what it calls is translated function by function, when it is first called, to
//! instructions that a loop carries out. A module starts at once and runs some ten times slower than as machine code.
//!
//! It charges, traps and ends as machine code of the rewritten module does, so that nobody can tell from the results. What it
//! does not know (vectors, references as values, tail calls) and what only machine code can tell, it leaves to others.

mod bulk;
mod execute;
mod machine;
mod numbers;
mod op;
mod outline;
mod program;
mod run;
mod shapes;
#[cfg(test)]
mod suite_tests;
#[cfg(test)]
mod tests;
mod translate;
mod writer;

pub(crate) use machine::{Element, Environment, Halt, Machine, View};
pub(crate) use program::Program;
