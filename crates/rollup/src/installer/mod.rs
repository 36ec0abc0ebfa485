//! Makes installer kernels: a small kernel that fetches a large one page by page (kernel-debugger.md, section 8).
//!
//! The installer is our own, in Wasm text; pages, hashes and the format of its program are those of the published tool,
//! so that preimages are the same files.

mod program;
mod setup;
mod yaml;

pub use program::Instruction;
pub use setup::{SetupError, configuration, merge, parse};

use crate::encoding::hash::Hash;
use crate::reveal::dac::{Page, pages};
use crate::storage::Path;

/// The kernel that all installers are.
const KERNEL: &str = include_str!("../../kernels/installer.wat");

/// An installer and the pages it will ask for.
#[derive(Clone, Debug)]
pub struct Installer {
    /// The module.
    pub wasm: Vec<u8>,
    /// Each by its hash.
    pub preimages: Vec<Page>,
    /// The hash of the page that the installer asks for first.
    pub root: Hash,
}

/// The installer of a kernel, with instructions that follow the upgrade. `None` for a kernel of no bytes.
pub fn installer(kernel: &[u8], setup: &[Instruction]) -> Option<Installer> {
    let preimages = pages(kernel);
    let root = preimages.last()?.hash;
    let staged = Path::known("/installer/kernel/boot.wasm");
    let mut program = vec![
        Instruction::Reveal {
            hash: [&[0][..], &root].concat(),
            to: staged.clone(),
        },
        Instruction::Move {
            from: staged,
            to: Path::known("/kernel/boot.wasm"),
        },
    ];
    program.extend_from_slice(setup);
    let mut wasm =
        wat::parse_str(KERNEL).unwrap_or_else(|error| panic!("the installer kernel: {error}"));
    program::append(&program, &mut wasm);
    Some(Installer {
        wasm,
        preimages,
        root,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pvm::{Interpreter, Pvm, Surroundings, keys};
    use crate::reveal::Request;
    use crate::storage::Value;
    use crate::version::Version;

    struct Pages(Vec<Page>, String);

    impl Surroundings for Pages {
        fn debug(&mut self, text: &[u8]) {
            self.1.push_str(&String::from_utf8_lossy(text));
        }

        fn reveal(&mut self, request: &Request) -> Result<Vec<u8>, String> {
            let page = self
                .0
                .iter()
                .find(|page| Request::Preimage(page.hash) == *request);
            Ok(page.map_or(Vec::new(), |page| page.bytes.clone()))
        }
    }

    fn run(installer: Installer) -> (Pvm, String) {
        let mut pvm = Pvm::originate(&installer.wasm, Version::V0);
        pvm.load(
            0,
            crate::inbox::level(Default::default(), None, false, Vec::new()),
        )
        .unwrap();
        let mut pages = Pages(installer.preimages, String::new());
        pvm.run_level(&mut Interpreter, &mut pages).unwrap();
        (pvm, pages.1)
    }

    fn kernel(size: usize) -> Vec<u8> {
        let data = "x".repeat(size);
        wat::parse_str(format!(
            r#"(module (import "smart_rollup_core" "write_debug" (func $debug (param i32 i32)))
                (memory (export "m") 10) (data (i32.const 0) "installed{data}")
                (func (export "kernel_run") (call $debug (i32.const 0) (i32.const 9))))"#
        ))
        .unwrap()
    }

    #[test]
    fn the_debugger_ends_in_the_kernel_that_was_installed() {
        // One page, two levels, three levels.
        for size in [1, 5_000, 510_000] {
            let kernel = kernel(size);
            let (pvm, printed) = run(installer(&kernel, &[]).unwrap());
            assert_eq!(printed, "installed", "{size}");
            assert_eq!(
                pvm.world.durable.value(&keys::KERNEL),
                Some(&Value::from(&kernel[..]))
            );
            assert!(
                pvm.world
                    .durable
                    .node(&Path::known("/__installer_kernel"))
                    .is_none()
            );
            assert!(pvm.world.durable.node(&Path::known("/installer")).is_none());
            // Collection, the installer's run, the kernel's.
            assert_eq!(pvm.ticks(), 3 * Version::V0.tick_limit());
        }
    }

    #[test]
    fn the_setup_is_followed_in_order() {
        let long = "ab".repeat(5_000);
        let text = format!(
            "instructions:\n- set:\n    value: {long}\n    to: /a\n- move:\n    from: /a\n    to: /b/c\n- set:\n    value: ''\n    to: /d\n"
        );
        let (pvm, printed) = run(installer(&kernel(1), &parse(&text).unwrap()).unwrap());
        assert_eq!(printed, "installed");
        let value = |key| {
            pvm.world
                .durable
                .value(&Path::known(key))
                .map(Value::to_vec)
        };
        assert_eq!(value("/b/c"), Some(vec![0xab; 5_000]));
        assert_eq!(value("/d"), Some(Vec::new()));
        assert_eq!(value("/a"), None);
    }

    #[test]
    fn what_goes_wrong_is_said_and_the_next_level_tries_again() {
        let mut broken = installer(&kernel(1), &[]).unwrap();
        broken.preimages.clear();
        let (pvm, printed) = run(broken);
        assert_eq!(
            printed,
            "Unable to decode DAC page: Decode into SlicePage failed"
        );
        assert!(pvm.is_collecting());
        let text = "instructions:\n- move:\n    from: /none\n    to: /b\n";
        let (_, printed) = run(installer(&kernel(1), &parse(text).unwrap()).unwrap());
        assert_eq!(printed, "Couldn't move path during config application");
    }

    #[test]
    fn an_empty_kernel_has_no_installer() {
        assert!(installer(b"", &[]).is_none());
    }
}
