//! What a function costs without rewriting it: the segments of its body, in their order, and what it counts for
//! compilation (metering.md 1.2, 1.3, 5.2). Agrees with what `body` writes.

use wasmparser::{FunctionBody, Operator};

use super::Weights;
use super::body::{ends_segment, pays_length};

/// Reads a body; `segment` is told the cost of each segment at its end, `operator` every operator. Returns what the
/// function counts for compilation.
///
/// # Errors
/// Only on a body that is not valid.
pub(crate) fn read_costs<'a>(
    body: &FunctionBody<'a>,
    weights: &dyn Weights,
    memory64: bool,
    mut operator: impl FnMut(&Operator<'a>),
    mut segment: impl FnMut(u64),
) -> Result<u64, wasmparser::Error> {
    let mut operators = body.get_operators_reader()?;
    let mut compile_operators = 0;
    let mut cost = weights.function();
    let mut reentrant = true;
    while !operators.eof() {
        let read = operators.read()?;
        operator(&read);
        cost += weights.operator(&read, memory64);
        compile_operators += 1;
        match read {
            Operator::MemoryGrow { .. } => compile_operators += 3,
            ref charged if weights.charges_length() => {
                compile_operators += match pays_length(charged, memory64) {
                    Some(true) => 1,
                    Some(false) => 3,
                    None => 0,
                }
            }
            _ => {}
        }
        if ends_segment(&read) {
            compile_operators += match (reentrant, cost) {
                (true, _) => 10,
                (false, 0) => 0,
                (false, _) => 4,
            };
            segment(cost);
            cost = 0;
            reentrant = matches!(read, Operator::Loop { .. });
        }
    }
    Ok(compile_operators)
}
