//! A rollup for a kernel's own tests: send messages, end the level, look at what came of it.
//!
//! ```
//! use drun_rollup::Rollup;
//!
//! # let wasm = wat::parse_str(include_str!("../kernels/counter.wat")).unwrap();
//! let mut rollup = Rollup::new(&wasm);
//! rollup.external(b"one");
//! rollup.external(b"two");
//! let level = rollup.level();
//! assert_eq!(level.runs, 1);
//! assert_eq!(rollup.value("/counter"), Some(2u64.to_le_bytes().to_vec()));
//! ```

use std::collections::HashMap;

use crate::compiled::Compiled;
use crate::encoding::hash::{Hash, blake2b};
use crate::inbox::{level, message};
use crate::micheline::text;
use crate::pvm::{Pvm, Surroundings, keys};
use crate::reveal::{Request, dac, metadata};
use crate::storage::{Path, Value};
use crate::version::Version;

/// A kernel with its storage, and the messages of the level that has not ended.
pub struct Rollup {
    /// The machine, for everything that has no shorter way here.
    pub pvm: Pvm,
    executor: Compiled,
    outside: Outside,
    pending: Vec<Vec<u8>>,
    next: i32,
}

/// What came of a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// Its number, from 0.
    pub number: i32,
    /// What the kernel printed.
    pub printed: String,
    /// What it wrote to the outbox, in order.
    pub outbox: Vec<Vec<u8>>,
    /// How often it ran.
    pub runs: u64,
    /// Whether the last run trapped.
    pub trapped: bool,
    /// Why the machine is stuck for ever, if it is, or which data could not be revealed.
    pub failure: Option<String>,
}

#[derive(Default)]
struct Outside {
    address: [u8; 20],
    preimages: HashMap<Hash, Vec<u8>>,
    printed: Vec<u8>,
}

impl Surroundings for Outside {
    fn debug(&mut self, text: &[u8]) {
        self.printed.extend_from_slice(text);
    }

    fn reveal(&mut self, request: &Request) -> Result<Vec<u8>, String> {
        match request {
            Request::Metadata => Ok(metadata(&self.address, 0)),
            Request::Preimage(hash) => {
                let data = self.preimages.get(hash).cloned();
                data.ok_or_else(|| format!("no preimage of {request}"))
            }
            Request::DalPage { .. } | Request::DalParameters => {
                Err(format!("no data for {request}"))
            }
        }
    }
}

impl Rollup {
    /// A rollup with its first kernel, on the version that kernels of today find.
    pub fn new(kernel: &[u8]) -> Self {
        Self::with_version(kernel, Version::R6)
    }

    /// The same, on another version of the machine.
    pub fn with_version(kernel: &[u8], version: Version) -> Self {
        let mut outside = Outside::default();
        outside.preimages.insert(blake2b(b""), Vec::new());
        Self {
            pvm: Pvm::originate(kernel, version),
            executor: Compiled::default(),
            outside,
            pending: Vec::new(),
            next: 0,
        }
    }

    /// The kernel can reveal these bytes; their hash as the kernel asks for it.
    pub fn preimage(&mut self, bytes: &[u8]) -> [u8; 33] {
        let hash = blake2b(bytes);
        self.outside.preimages.insert(hash, bytes.to_vec());
        scheme(hash)
    }

    /// The kernel can reveal all pages of these bytes; the hash of their root, `None` for no bytes.
    pub fn pages(&mut self, bytes: &[u8]) -> Option<[u8; 33]> {
        let pages = dac::pages(bytes);
        let root = pages.last()?.hash;
        self.outside
            .preimages
            .extend(pages.into_iter().map(|page| (page.hash, page.bytes)));
        Some(scheme(root))
    }

    /// Sends bytes from outside.
    pub fn external(&mut self, bytes: &[u8]) {
        self.pending.push(message::external(bytes));
    }

    /// Sends a Michelson expression from a contract; addresses are all zeroes.
    ///
    /// # Errors
    /// If the text is not an expression.
    pub fn transfer(&mut self, payload: &str) -> Result<(), text::TextError> {
        let transfer = message::Transfer {
            payload: text::parse(payload)?,
            sender: [0; 20],
            source: (0, [0; 20]),
            destination: self.outside.address,
        };
        self.pending.push(message::transfer(&transfer));
        Ok(())
    }

    /// Sends a message with its tags, as it is.
    pub fn serialized(&mut self, bytes: &[u8]) {
        self.pending.push(bytes.to_vec());
    }

    /// Ends the level: the kernel runs until it has had enough.
    pub fn level(&mut self) -> Level {
        let number = self.next;
        self.next += 1;
        self.outside.printed.clear();
        let payloads = level(
            message::Info::default(),
            None,
            false,
            std::mem::take(&mut self.pending),
        );
        let mut runs = 0;
        let refused = self.pvm.load(number, payloads).err();
        let mut failure = refused.map(|error| match self.pvm.stuck() {
            Some(stuck) => stuck.to_string(),
            None => error.to_string(),
        });
        while failure.is_none() && !self.pvm.is_collecting() {
            match self.pvm.kernel_run(&mut self.executor, &mut self.outside) {
                Ok(_) => runs += 1,
                Err(text) => failure = Some(text),
            }
            if let Some(stuck) = self.pvm.stuck() {
                failure = Some(stuck.to_string());
            }
        }
        Level {
            number,
            printed: String::from_utf8_lossy(&self.outside.printed).into_owned(),
            outbox: self
                .pvm
                .world
                .outbox
                .level(number)
                .unwrap_or_default()
                .iter()
                .map(|message| message.to_vec())
                .collect(),
            runs,
            trapped: self.pvm.world.durable.node(&keys::STUCK).is_some(),
            failure,
        }
    }

    /// The value under a key; `None` when there is none, or when it is not a key.
    pub fn value(&self, key: &str) -> Option<Vec<u8>> {
        let path = Path::parse(key.as_bytes()).ok()?;
        self.pvm.world.durable.value(&path).map(Value::to_vec)
    }
}

fn scheme(hash: Hash) -> [u8; 33] {
    let mut bytes = [0; 33];
    bytes[1..].copy_from_slice(&hash);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(text: &str) -> Vec<u8> {
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn a_kernels_test_sees_what_it_printed_sent_and_revealed() {
        let mut rollup = Rollup::new(&kernel(include_str!("../kernels/reveal.wat")));
        let hash = rollup.preimage(b"a secret\n");
        rollup.external(&hash);
        assert_eq!(rollup.level().printed, "a secret\n");
        rollup.external(&[0; 33]);
        let level = rollup.level();
        assert!(level.failure.unwrap().starts_with("no preimage of scrrh1"));

        let mut rollup = Rollup::new(&kernel(include_str!("../kernels/echo.wat")));
        rollup.external(b"out");
        rollup.transfer("Pair 1 2").unwrap();
        assert_eq!(rollup.level().outbox, [b"out"]);
        assert_eq!(rollup.level().number, 1);
    }

    #[test]
    fn traps_and_stuck_machines_are_told() {
        let mut rollup = Rollup::new(&kernel(include_str!("../kernels/trap.wat")));
        rollup.external(b"!");
        let level = rollup.level();
        assert!(level.trapped && level.failure.is_none());
        // The fast run prints, and the one that decides.
        assert_eq!(level.printed, "reading\nreading\n");
        assert!(!rollup.level().trapped);

        let mut rollup = Rollup::new(b"no module");
        // For ever: also at the levels that follow.
        for _ in 0..2 {
            let failure = rollup.level().failure.unwrap();
            assert!(failure.starts_with("No_fallback_kernel"), "{failure}");
        }
    }
}
