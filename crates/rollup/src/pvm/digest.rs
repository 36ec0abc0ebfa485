//! A hash of everything that a machine is between two ticks, so that two of them can be compared where they differ.

use super::{Phase, Pvm};
use crate::encoding::hash::{Hash, blake2b};
use crate::encoding::reader::put_block;

impl Pvm {
    /// A hash of storage, messages to be read, position and, while a kernel runs, its memory and stack. Our own, as all
    /// hashes of states here (rollup-node.md, section 7.1); outboxes are not part of it.
    pub fn digest(&self) -> Hash {
        let mut out = b"SBX2".to_vec();
        out.extend(self.world.durable.hash());
        put_block(&mut out, self.version.name().as_bytes());
        put_block(&mut out, self.internal_status().as_bytes());
        out.extend(self.reboots.to_be_bytes());
        out.extend(self.total.to_be_bytes());
        out.extend(self.period.to_be_bytes());
        for input in self.world.inbox.unread() {
            out.extend(input.level.to_be_bytes());
            out.extend(input.counter.to_be_bytes());
            put_block(&mut out, &input.payload);
        }
        match &self.phase {
            Phase::Init(machine)
            | Phase::Ready(machine)
            | Phase::Eval(machine)
            | Phase::Ended(machine, _) => machine.digest(&mut out),
            _ => {}
        }
        blake2b(&out)
    }
}
