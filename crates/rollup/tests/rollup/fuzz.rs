//! Bytes from outside: whatever they are, there is an answer and never a panic.

use drun_rollup::inbox::{inputs, level, message::Message};
use drun_rollup::module::Kernel;
use drun_rollup::outbox::message::{OutboxMessage, show};
use drun_rollup::pvm::{Pvm, Surroundings, Until};
use drun_rollup::reveal::Request;
use drun_rollup::version::Version;
use proptest::prelude::*;

struct Anything;

impl Surroundings for Anything {
    fn debug(&mut self, _: &[u8]) {}

    fn reveal(&mut self, _: &Request) -> Result<Vec<u8>, String> {
        Ok(vec![0; 4096])
    }
}

pub(super) fn kernels() -> Vec<Vec<u8>> {
    let names = [
        "hello",
        "echo",
        "counter",
        "ledger",
        "reboot",
        "trap",
        "reveal",
        "outbox",
        "installer",
    ];
    names
        .iter()
        .map(|name| wat::parse_file(super::kernel(name)).unwrap())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_of_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200), tag in 0u8..6) {
        let mut tagged = vec![0, tag];
        tagged.extend(&bytes);
        for bytes in [&bytes, &tagged] {
            let _ = Message::decode(bytes);
            let _ = Request::decode(bytes);
            if let Some(message) = OutboxMessage::decode(bytes) {
                prop_assert_eq!(message.encode().and_then(|bytes| OutboxMessage::decode(&bytes)), Some(message));
            }
            let _ = show(bytes);
        }
    }

    #[test]
    fn inputs_of_any_text(text in "[\\[\\]{}:,\"0-9a-fpayloexternsd ]{0,60}") {
        let _ = inputs::parse(&text, [0; 20]);
        let _ = drun_rollup::micheline::text::parse(&text);
    }

    #[test]
    fn kernels_with_a_few_wrong_bytes(which in 0usize..9, changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4)) {
        let mut wasm = kernels().swap_remove(which);
        for (at, byte) in changes {
            let at = at % wasm.len();
            wasm[at] = byte;
        }
        if Kernel::decode(wasm.clone().into()).is_ok() {
            let mut pvm = Pvm::originate(&wasm, Version::R6);
            pvm.load(0, level(Default::default(), None, false, vec![vec![1, 33, 7], vec![1; 40]])).unwrap();
            let _ = pvm.step_until(Until::Ticks(2_000_000), &mut Anything);
        }
    }
}
