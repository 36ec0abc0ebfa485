//! What an instruction costs, by where it stands (kernel-debugger.md, section 5.4). One source for the interpreter and
//! for code that counts itself.

use wasmparser::BlockType;

use super::Signature;

/// Fetching an instruction, and doing an ordinary one.
pub const ORDINARY: u64 = 3 + 3;
/// An `if`.
pub const IF: u64 = 3 + 6;
/// A `return`.
pub const RETURN: u64 = 3 + 3 + 3;
/// The end of a function's body, and of its frame.
pub const END: u64 = 3 + 3;
/// Each item of an instruction that fills or initialises, and each byte that a host function moves.
pub const PER_ITEM: u64 = 42;
/// Each item of an instruction that copies.
pub const PER_COPY: u64 = 48;

/// Entering a function.
pub fn entry(params: u32, locals: u32) -> u64 {
    8 + 2 * u64::from(params) + 2 * u64::from(locals)
}

/// Taking a frame away: values returned, and operands left on the caller's label.
pub fn pop(results: u32, left: u32) -> u64 {
    2 + u64::from(results) + u64::from(left)
}

/// Reaching a block's end and leaving its label: values, and operands of the label around it.
pub fn leaving(results: u32, outer: u32) -> u64 {
    3 + 4 + u64::from(results) + u64::from(outer)
}

/// A branch over `depth` labels, beyond its fetching.
pub fn branch(depth: u32, to_function: bool, to_loop: bool, arity: u32, outer: u32) -> u64 {
    let raise = 3 + 3 * u64::from(depth);
    let arrive = if to_function {
        3
    } else {
        4 + u64::from(arity) + u64::from(outer)
    };
    raise + arrive + if to_loop { 3 } else { 0 }
}

/// The operands that a block takes and leaves.
pub fn arity(types: &[Signature], ty: BlockType) -> (u32, u32) {
    match ty {
        BlockType::Empty => (0, 0),
        BlockType::Type(_) => (0, 1),
        BlockType::FuncType(index) => {
            let ty = &types[index as usize];
            (ty.params.len() as u32, ty.results.len() as u32)
        }
    }
}

/// Copying a segment of `n` items when the module starts; its offset is one instruction.
pub fn segment(n: usize) -> u64 {
    6 + 3 + 3 + 3 + (3 + PER_ITEM * n as u64) + 3
}
