//! Where control leaves a function. Behind the last operators that cost anything there are often only `end`s; a branch to
//! one of them is as good as a return. Code that stores its counter at such places does not have to at the end.

use wasmparser::{Operator, OperatorsReader};

/// A block, as to how it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Block {
    /// Nothing but `end`s follows its end, and all branches there are seldom.
    exit: bool,
    is_loop: bool,
    /// An `if` that has no `else`.
    one_armed: bool,
    /// A loop tests in every round whether to branch to its end; storing the counter there would cost more.
    tested_in_loop: bool,
}

/// The exits of one function, asked for operator by operator.
#[derive(Debug, Default)]
pub(super) struct Exits {
    /// In the order in which they open.
    blocks: Vec<Block>,
    opened: usize,
    open: Vec<Block>,
    behind_exit: bool,
}

impl Exits {
    /// Reads a body to its end.
    pub(super) fn read(
        &mut self,
        mut operators: OperatorsReader<'_>,
    ) -> Result<(), wasmparser::Error> {
        *self = Exits::default();
        let mut open: Vec<usize> = Vec::new();
        // How many are open around each loop that is. Looked at block by block, a branch over many would take its time.
        let mut loops: Vec<usize> = Vec::new();
        // The blocks that end behind the last operator which is not `end`.
        let mut last = Vec::new();
        while !operators.eof() {
            let operator = operators.read()?;
            if let Operator::End = operator {
                last.extend(open.pop());
                loops.pop_if(|around| *around >= open.len());
                continue;
            }
            last.clear();
            match operator {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                    if let Operator::Loop { .. } = operator {
                        loops.push(open.len());
                    }
                    open.push(self.blocks.len());
                    self.blocks.push(Block {
                        is_loop: matches!(operator, Operator::Loop { .. }),
                        one_armed: matches!(operator, Operator::If { .. }),
                        ..Block::default()
                    });
                }
                Operator::Else => {
                    if let Some(block) = open.last() {
                        self.blocks[*block].one_armed = false;
                    }
                }
                Operator::BrIf { relative_depth } => self.test(&open, &loops, relative_depth),
                Operator::BrTable { targets } => {
                    for target in targets.targets().chain([Ok(targets.default())]) {
                        self.test(&open, &loops, target?);
                    }
                }
                _ => {}
            }
        }
        for block in last {
            let block = &mut self.blocks[block];
            block.exit = !block.tested_in_loop;
        }
        Ok(())
    }

    /// Takes note of a conditional branch.
    fn test(&mut self, open: &[usize], loops: &[usize], relative_depth: u32) {
        if let Some(depth) = open.len().checked_sub(1 + relative_depth as usize) {
            let in_loop = loops.last().is_some_and(|around| *around > depth);
            self.blocks[open[depth]].tested_in_loop |= in_loop;
        }
    }

    /// Whether control may leave the function by way of the next operator.
    pub(super) fn next_leaves(&mut self, operator: &Operator<'_>) -> bool {
        self.behind_exit = false;
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                let block = self.blocks[self.opened];
                self.opened += 1;
                self.open.push(block);
                block.exit && block.one_armed
            }
            Operator::Else => self.open.last().is_some_and(|block| block.exit),
            Operator::End => {
                let block = self.open.pop();
                self.behind_exit = block.is_some_and(|block| block.exit);
                self.behind_exit || block.is_none()
            }
            Operator::Return => true,
            Operator::Br { relative_depth } | Operator::BrIf { relative_depth } => {
                self.is_exit(*relative_depth)
            }
            Operator::BrTable { targets } => {
                let mut all = targets.targets().chain([Ok(targets.default())]);
                all.any(|target| target.is_ok_and(|target| self.is_exit(target)))
            }
            _ => false,
        }
    }

    /// True if the last operator was the end of an exit: whoever comes there has left as it were.
    pub(super) fn behind_exit(&self) -> bool {
        self.behind_exit
    }

    fn is_exit(&self, relative_depth: u32) -> bool {
        let depth = self.open.len().checked_sub(1 + relative_depth as usize);
        depth.is_none_or(|depth| self.open[depth].exit && !self.open[depth].is_loop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of the operators by which control may leave.
    fn exits(body: &str) -> Vec<usize> {
        let module = wat::parse_str(format!("(module (func {body}))")).unwrap();
        let bodies =
            wasmparser::Parser::new(0)
                .parse_all(&module)
                .find_map(|payload| match payload.unwrap() {
                    wasmparser::Payload::CodeSectionEntry(body) => Some(body),
                    _ => None,
                });
        let body = bodies.unwrap();
        let mut exits = Exits::default();
        exits.read(body.get_operators_reader().unwrap()).unwrap();
        let mut operators = body.get_operators_reader().unwrap();
        let mut found = Vec::new();
        for position in 0.. {
            if operators.eof() {
                break;
            }
            if exits.next_leaves(&operators.read().unwrap()) {
                found.push(position);
            }
        }
        found
    }

    #[test]
    fn a_function_is_left_at_its_end_and_by_branches_to_it() {
        assert_eq!(exits("nop nop"), [2]);
        assert_eq!(exits("nop return nop"), [1, 3]);
        assert_eq!(exits("block br 1 end nop"), [1, 4]);
        assert_eq!(exits("block br 0 end nop"), [4]);
        assert_eq!(exits("block i32.const 0 br_table 0 0 1 end nop"), [2, 5]);
    }

    #[test]
    fn blocks_that_end_with_the_function_are_exits() {
        // Both arms, and what follows the inner block.
        assert_eq!(exits("i32.const 0 if nop else nop end"), [3, 5, 6]);
        assert_eq!(exits("block block br 0 end br 0 end"), [4, 5, 6]);
        // Without `else`, not entering it leaves.
        assert_eq!(exits("i32.const 0 if nop end"), [1, 3, 4]);
        // Back to the head of a loop leads nowhere.
        assert_eq!(exits("loop i32.const 0 br_if 0 end"), [3, 4]);
    }

    /// The store is left to the end of the function, which is behind the block and the loop.
    #[test]
    fn what_a_loop_tests_in_every_round_is_no_exit() {
        assert_eq!(exits("block loop i32.const 0 br_if 1 br 0 end end"), [5, 7]);
        assert_eq!(exits("block loop i32.const 0 br_table 1 0 end end"), [4, 6]);
        // Not in a loop, or not a test.
        assert_eq!(exits("block i32.const 0 br_if 0 nop end"), [2, 4, 5]);
        assert_eq!(
            exits("loop block i32.const 0 br_if 0 nop end end"),
            [3, 5, 6, 7]
        );
        assert_eq!(exits("block loop br 1 end end"), [2, 3, 4, 5]);
        // Behind the loop, and around one.
        assert_eq!(
            exits("block loop nop end i32.const 0 br_if 0 nop end"),
            [5, 7, 8]
        );
        assert_eq!(
            exits("block i32.const 0 br_if 0 loop nop end end"),
            [2, 5, 6, 7]
        );
    }

    #[test]
    fn blocks_in_the_middle_are_none() {
        assert_eq!(exits("i32.const 0 if nop else nop end nop"), [7]);
        assert_eq!(exits("block br 0 end block br 0 end"), [4, 5, 6]);
    }
}
