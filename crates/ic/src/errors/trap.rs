//! Traps and the backtraces that may come with them. Owns their texts (errors.md, section 4); which event of the
//! engine is which trap is decided where the engine is known.

use std::fmt;

/// Why the execution of WebAssembly code was cut off (system-api.md, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// The `unreachable` instruction.
    Unreachable,
    /// Division or remainder by zero.
    IntegerDivByZero,
    /// An access outside the heap.
    HeapOutOfBounds,
    /// An access outside the stable memory.
    StableMemoryOutOfBounds,
    /// A 32-bit stable memory function while the memory is larger than 4 GiB.
    StableMemoryTooBigFor32Bit,
    /// An access outside the table.
    TableOutOfBounds,
    /// Too deep a recursion.
    StackOverflow,
    /// A 64-bit cycles function whose value does not fit.
    CyclesAmountTooBigFor64Bit,
    /// Every other trap: integer overflow, bad conversions, calls of null.
    Other,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trap::Unreachable => "unreachable",
            Trap::IntegerDivByZero => "integer division by 0",
            Trap::HeapOutOfBounds => "heap out of bounds",
            Trap::StableMemoryOutOfBounds => "stable memory out of bounds",
            Trap::StableMemoryTooBigFor32Bit => {
                "32 bit stable memory api used on a memory larger than 4GB"
            }
            Trap::TableOutOfBounds => "table out of bounds",
            Trap::StackOverflow => "stack overflow",
            Trap::CyclesAmountTooBigFor64Bit => "cycles amount exceeds 64-bit representation",
            Trap::Other => "unknown",
        })
    }
}

/// Functions that a backtrace names at the most (since-october-2025-rules.md 5.3).
const MAX_FRAMES: usize = 20;

/// The names of the functions that were running, innermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backtrace {
    /// One line per frame.
    pub frames: Vec<String>,
}

impl Backtrace {
    /// Names the innermost frames, given as function index and, where the module knows one, readable name. There is no
    /// backtrace when none of them has a name.
    pub fn new(frames: impl IntoIterator<Item = (u32, Option<String>)>) -> Option<Self> {
        let mut named = false;
        let frames = frames
            .into_iter()
            .take(MAX_FRAMES)
            .map(|(index, name)| {
                named |= name.is_some();
                name.unwrap_or_else(|| format!("unknown function at index {index}"))
            })
            .collect();
        named.then_some(Backtrace { frames })
    }
}

/// Ends with a line feed, so that the stop of the error it belongs to stands on a line of its own.
impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Canister Backtrace:")?;
        self.frames
            .iter()
            .try_for_each(|frame| writeln!(f, "{frame}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trap_has_its_text() {
        for (trap, text) in [
            (Trap::StackOverflow, "stack overflow"),
            (Trap::HeapOutOfBounds, "heap out of bounds"),
            (Trap::StableMemoryOutOfBounds, "stable memory out of bounds"),
            (
                Trap::StableMemoryTooBigFor32Bit,
                "32 bit stable memory api used on a memory larger than 4GB",
            ),
            (Trap::IntegerDivByZero, "integer division by 0"),
            (Trap::Unreachable, "unreachable"),
            (Trap::TableOutOfBounds, "table out of bounds"),
            (
                Trap::CyclesAmountTooBigFor64Bit,
                "cycles amount exceeds 64-bit representation",
            ),
            (Trap::Other, "unknown"),
        ] {
            assert_eq!(trap.to_string(), text);
        }
    }

    #[test]
    fn a_frame_without_a_name_shows_its_index() {
        let backtrace = Backtrace::new([(7, Some("inner".to_owned())), (9, None)]).unwrap();
        assert_eq!(
            backtrace.to_string(),
            "Canister Backtrace:\ninner\nunknown function at index 9\n"
        );
    }

    #[test]
    fn a_backtrace_ends_after_twenty_frames() {
        let frames = |named| (0..30).map(move |i| (i, (i == named).then(|| "f".to_owned())));
        let backtrace = Backtrace::new(frames(19)).unwrap();
        assert_eq!(backtrace.frames.len(), 20);
        assert_eq!(backtrace.frames[19], "f");
        assert_eq!(Backtrace::new(frames(20)), None);
    }

    #[test]
    fn without_any_name_there_is_no_backtrace() {
        assert_eq!(Backtrace::new([(7, None), (9, None)]), None);
        assert_eq!(Backtrace::new([]), None);
    }
}
