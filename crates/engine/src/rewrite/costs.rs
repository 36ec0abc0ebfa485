//! What a function costs without rewriting it: the segments of its body, in their order, and what it counts for
//! compilation (metering.md 1.2, 1.3, 5.2). Agrees with what `body` writes.

use wasmparser::{FunctionBody, Operator};

use super::Weights;
use super::body::{ends_segment, pays_length};

/// What the body of one function costs, for who reads its operators anyway.
pub struct BodyCosts<'a, W: Weights + ?Sized> {
    weights: &'a W,
    memory64: bool,
    charges_length: bool,
    cost: u64,
    reentrant: bool,
    compile_operators: u64,
}

impl<'a, W: Weights + ?Sized> BodyCosts<'a, W> {
    /// Before the first operator of a function.
    pub fn new(weights: &'a W, memory64: bool) -> Self {
        BodyCosts {
            weights,
            memory64,
            charges_length: weights.charges_length(),
            cost: weights.function(),
            reentrant: true,
            compile_operators: 0,
        }
    }

    /// The next operator. Tells the cost of the segment that ends with it, if one does.
    pub fn operator(&mut self, operator: &Operator<'_>) -> Option<u64> {
        self.cost += self.weights.operator(operator, self.memory64);
        self.compile_operators += 1;
        match operator {
            Operator::MemoryGrow { .. } => self.compile_operators += 3,
            charged if self.charges_length => {
                self.compile_operators += match pays_length(charged, self.memory64) {
                    Some(true) => 1,
                    Some(false) => 3,
                    None => 0,
                }
            }
            _ => {}
        }
        if !ends_segment(operator) {
            return None;
        }
        self.compile_operators += match (self.reentrant, self.cost) {
            (true, _) => 10,
            (false, 0) => 0,
            (false, _) => 4,
        };
        self.reentrant = matches!(operator, Operator::Loop { .. });
        Some(std::mem::take(&mut self.cost))
    }

    /// What the operators so far count for compilation, see [`crate::Module::compile_operators`].
    pub fn compile_operators(&self) -> u64 {
        self.compile_operators
    }
}

/// Reads a body; `segment` is told the cost of each segment at its end. Returns what the function counts for compilation.
///
/// # Errors
/// Only on a body that is not valid.
pub(crate) fn read_costs(
    body: &FunctionBody<'_>,
    weights: &dyn Weights,
    memory64: bool,
    mut segment: impl FnMut(u64),
) -> Result<u64, wasmparser::Error> {
    let mut operators = body.get_operators_reader()?;
    let mut costs = BodyCosts::new(weights, memory64);
    while !operators.eof() {
        if let Some(cost) = costs.operator(&operators.read()?) {
            segment(cost);
        }
    }
    Ok(costs.compile_operators())
}
