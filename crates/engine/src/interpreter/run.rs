//! Runs a function of an instance, on a stack that the thread keeps for the next one.

use std::cell::Cell;

use super::machine::{Environment, Halt, Machine, Stack, View};
use crate::tier::Tier;

thread_local! {
    /// A stack that no run of this thread uses.
    static SPARE: Cell<Option<Box<Stack>>> = const { Cell::new(None) };
}

impl Machine {
    /// Runs a function, which has at most one parameter. The counter is up to date at the end, however it comes.
    ///
    /// # Errors
    /// Why it ended before.
    pub(crate) fn run(
        &mut self,
        environment: &mut impl Environment,
        function: u32,
        argument: Option<u64>,
        counter: &mut i64,
    ) -> Result<(), Halt> {
        if function < self.program.imported() {
            let view = View::new(&self.program, &[], None, Some(function));
            let mut words = [argument.unwrap_or_default()];
            return environment.call(function, &mut words, counter, &view);
        }
        let mut stack = SPARE.take().unwrap_or_else(|| {
            Box::new(Stack {
                slots: vec![0; Tier::Interpreter.stack() / size_of::<u64>()].into(),
                frames: Vec::new(),
            })
        });
        let arguments = argument.as_slice();
        let result = self.execute(environment, &mut stack, function, arguments, counter);
        SPARE.set(Some(stack));
        result
    }
}
