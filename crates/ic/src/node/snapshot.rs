//! A node between two rounds, to be gone back to. Owns which parts of a node are its state: all but the settings, the engine with its
//! instances, and whoever watches.

use std::collections::{BTreeMap, HashSet, VecDeque};

use candid::Principal;

use super::Node;
use super::clock::Clock;
use super::long_install::Installing;
use super::management_queue::ManagementQueue;
use super::pending::Pending;
use super::query_cache::QueryCache;
use crate::answer::MessageResult;
use crate::canister::Canister;
use crate::canister::queues::{CanisterMessage, Ingress, IngressId, Response};
use crate::execution::Runtime;
use crate::management::ids::Ids;
use crate::management::subnet_metrics::SubnetMetrics;
use crate::management::{Outcalls, State};
use crate::module::memory::{Image, StableMemory};

/// The state of a node between two rounds. Clones, and snapshots taken one after the other, share the pages of memories that are
/// the same.
#[derive(Clone)]
pub struct Snapshot {
    canisters: BTreeMap<Principal, Frozen>,
    time: u64,
    round: u64,
    ids: Ids,
    memory_available: u64,
    memory_used: u64,
    callbacks: usize,
    known_modules: HashSet<[u8; 32]>,
    metrics: SubnetMetrics,
    clock: Clock,
    management: ManagementQueue,
    management_output: Vec<Response>,
    outcalls: Outcalls,
    loopback: VecDeque<CanisterMessage>,
    outgoing: Vec<(Principal, CanisterMessage)>,
    incoming: VecDeque<CanisterMessage>,
    inbox: Vec<(Principal, Ingress)>,
    answers: BTreeMap<IngressId, MessageResult>,
    next_ingress: IngressId,
    paused: BTreeMap<Principal, Box<Pending>>,
    installing: Option<Installing>,
    used_up: bool,
    charged_all_since: u64,
    query_cache: QueryCache,
}

/// A canister with its memories as images.
struct Frozen {
    /// The canister without them.
    canister: Canister,
    heap: Option<Image>,
    stable: Image,
}

impl Clone for Frozen {
    fn clone(&self) -> Self {
        Frozen {
            canister: self.canister.without_memories(),
            heap: self.heap.clone(),
            stable: self.stable.clone(),
        }
    }
}

impl Frozen {
    fn of(canister: &mut Canister) -> Self {
        let code = canister.code.as_mut();
        let heap = code.and_then(|code| code.heap.as_mut());
        Frozen {
            heap: heap.map(|heap| heap.snapshot()),
            stable: canister.stable.snapshot(),
            canister: canister.without_memories(),
        }
    }

    /// The canister as it was. The memories of what it has become since are used again, so that only what changed is copied.
    fn thaw(&self, present: Option<Canister>, runtime: &Runtime) -> anyhow::Result<Canister> {
        let mut canister = self.canister.without_memories();
        let (stable, present) = match present {
            Some(present) => (present.stable, present.code),
            None => (Box::new(StableMemory::new()), None),
        };
        canister.stable = stable;
        canister.stable.restore(&self.stable)?;
        if let (Some(code), Some(image)) = (&mut canister.code, &self.heap) {
            let same_code = present.filter(|present| present.generation == code.generation);
            code.heap = Some(match same_code.and_then(|present| present.heap) {
                Some(mut heap) => {
                    heap.restore(image)?;
                    heap
                }
                None => runtime.heap_from_image(&code.module, image),
            });
        }
        Ok(canister)
    }
}

impl Node {
    /// The state of this node, for [`restore`](Node::restore). It costs the pages of memories that were changed since the last snapshot,
    /// and a copy of everything else.
    pub fn snapshot(&mut self) -> Snapshot {
        // A new part of a node does not compile until it is decided here whether it belongs to the state.
        let Node {
            state,
            clock,
            management,
            management_output,
            outcalls,
            loopback,
            // Who connects the nodes tells it to each of them.
            neighbours: _,
            outgoing,
            incoming,
            // What a test wants is not what the subnet is.
            faults: _,
            inbox,
            answers,
            next_ingress,
            paused,
            installing,
            used_up,
            rested: _,
            charged_all_since,
            query_cache,
            observers: _,
        } = self;
        let State {
            config: _,
            limits: _,
            fees: _,
            bookkeeping: _,
            canisters,
            runtime: _,
            time,
            round,
            ids,
            // Made anew by every round.
            random: _,
            usage: _,
            long_install: _,
            created: _,
            memory_available,
            memory_used,
            callbacks,
            // Never goes back, so that memories of other code are not taken for those of this.
            generation: _,
            known_modules,
            metrics,
            // What was told is told.
            notes: _,
        } = state;
        let frozen = canisters.at_rest();
        Snapshot {
            canisters: frozen
                .map(|canister| (canister.id, Frozen::of(canister)))
                .collect(),
            time: *time,
            round: *round,
            ids: ids.clone(),
            memory_available: *memory_available,
            memory_used: *memory_used,
            callbacks: *callbacks,
            known_modules: known_modules.clone(),
            metrics: metrics.clone(),
            clock: clock.clone(),
            management: management.clone(),
            management_output: management_output.clone(),
            outcalls: outcalls.clone(),
            loopback: loopback.clone(),
            outgoing: outgoing.clone(),
            incoming: incoming.clone(),
            inbox: inbox.clone(),
            answers: answers.clone(),
            next_ingress: *next_ingress,
            paused: paused.clone(),
            installing: installing.clone(),
            used_up: *used_up,
            charged_all_since: *charged_all_since,
            query_cache: query_cache.clone(),
        }
    }

    /// Goes back to a state of this node. What watches it goes on where it is.
    ///
    /// # Errors
    /// If the machine has no room for the memories. The node is without some canisters then, and not to be used.
    pub fn restore(&mut self, snapshot: &Snapshot) -> anyhow::Result<()> {
        let state = &mut self.state;
        let mut present = state.canisters.take_all();
        // Instances stand on the memories that are about to change.
        for id in present.keys() {
            state.runtime.forget(id);
        }
        for (id, frozen) in &snapshot.canisters {
            let present = present.remove(id).map(|canister| *canister);
            let canister = frozen.thaw(present, &state.runtime)?;
            state.canisters.insert(*id, Box::new(canister));
        }
        state.time = snapshot.time;
        state.round = snapshot.round;
        state.ids = snapshot.ids.clone();
        state.callbacks = snapshot.callbacks;
        state.known_modules = snapshot.known_modules.clone();
        state.metrics = snapshot.metrics.clone();
        state.memory_available = snapshot.memory_available;
        state.memory_used = snapshot.memory_used;
        self.clock = snapshot.clock.clone();
        self.management = snapshot.management.clone();
        self.management_output = snapshot.management_output.clone();
        self.outcalls = snapshot.outcalls.clone();
        self.loopback = snapshot.loopback.clone();
        self.outgoing = snapshot.outgoing.clone();
        self.incoming = snapshot.incoming.clone();
        self.inbox = snapshot.inbox.clone();
        self.answers = snapshot.answers.clone();
        self.next_ingress = snapshot.next_ingress;
        self.paused = snapshot.paused.clone();
        self.installing = snapshot.installing.clone();
        self.used_up = snapshot.used_up;
        self.charged_all_since = snapshot.charged_all_since;
        self.query_cache = snapshot.query_cache.clone();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candid::Encode;

    use super::*;
    use crate::config::NodeSettings;
    use crate::management::ids::canister_id;
    use crate::management::types::install::{CanisterInstallMode, InstallCodeArgs};
    use crate::management::types::lifecycle::ProvisionalCreateArgs;
    use crate::protocol::{Protocol, SubnetType};

    /// Counts in the heap and in stable memory, and replies with both.
    const COUNTER: &str = r#"(module
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
        (import "ic0" "stable64_grow" (func $grow (param i64) (result i64)))
        (import "ic0" "stable64_read" (func $read (param i64 i64 i64)))
        (import "ic0" "stable64_write" (func $write (param i64 i64 i64)))
        (memory 17)
        (func (export "canister_update long") (local $n i32)
            (local.set $n (i32.const 2500))
            (loop $more
                (memory.fill (i32.const 0) (i32.const 7) (i32.const 0x100000))
                (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (call $append (i32.const 0) (i32.const 1))
            (call $reply))
        (func (export "canister_init") (drop (call $grow (i64.const 1))))
        (func (export "canister_update count")
            (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)))
            (call $write (i64.const 70) (i64.const 0) (i64.const 1))
            (call $append (i32.const 0) (i32.const 1))
            (call $reply))
        (func (export "canister_query both")
            (call $read (i64.const 1) (i64.const 70) (i64.const 1))
            (call $append (i32.const 0) (i32.const 2))
            (call $reply)))"#;

    fn node() -> Node {
        let settings = NodeSettings::new(Protocol::OCTOBER_2025, SubnetType::System);
        Node::new(settings)
    }

    fn call(node: &mut Node, to: Principal, method: &str, argument: Vec<u8>) -> MessageResult {
        let user = Principal::anonymous();
        let id = match node.submit(user, to, method, argument) {
            Ok(id) => id,
            Err(error) => return MessageResult::Failed(error),
        };
        while node.answer(id).is_none() {
            node.tick();
        }
        node.take_answer(id).expect("it is there")
    }

    fn create(node: &mut Node, canister: Principal) {
        let management = Principal::management_canister();
        let create: ProvisionalCreateArgs = ProvisionalCreateArgs {
            amount: None,
            settings: None,
            specified_id: Some(canister),
            sender_canister_version: None,
        };
        let install = InstallCodeArgs {
            mode: CanisterInstallMode::Install,
            canister_id: canister,
            wasm_module: wat::parse_str(COUNTER).expect("valid text"),
            arg: Vec::new(),
            sender_canister_version: None,
        };
        for (method, argument) in [
            ("provisional_create_canister_with_cycles", Encode!(&create)),
            ("install_code", Encode!(&install)),
        ] {
            let argument = argument.expect("it encodes");
            let result = call(node, management, method, argument);
            assert!(matches!(result, MessageResult::Replied(_)), "{result:?}");
        }
    }

    fn count(node: &mut Node, canister: Principal) -> MessageResult {
        call(node, canister, "count", Vec::new())
    }

    fn both(node: &mut Node, canister: Principal) -> MessageResult {
        node.query(Principal::anonymous(), canister, "both", Vec::new())
    }

    fn replied(bytes: &[u8]) -> MessageResult {
        MessageResult::Replied(bytes.to_vec())
    }

    #[test]
    fn a_node_goes_back_to_a_snapshot_as_often_as_one_likes() {
        let mut node = node();
        let (first, second) = (canister_id(1), canister_id(2));
        create(&mut node, first);
        assert_eq!(count(&mut node, first), replied(&[1]));
        let (time, rounds) = (node.time(), node.rounds());
        let one = node.snapshot();
        for _ in 0..2 {
            assert_eq!(count(&mut node, first), replied(&[2]));
            assert_eq!(count(&mut node, first), replied(&[3]));
            create(&mut node, second);
            let three = node.snapshot();
            node.restore(&one).expect("there is room");
            assert_eq!((node.time(), node.rounds()), (time, rounds));
            assert_eq!(both(&mut node, first), replied(&[1, 1]));
            assert!(node.canister(&second).is_none());
            node.restore(&three).expect("there is room");
            assert_eq!(both(&mut node, first), replied(&[3, 3]));
            assert_eq!(count(&mut node, second), replied(&[1]));
            node.restore(&one).expect("there is room");
        }
    }

    #[test]
    fn what_waits_for_a_round_is_part_of_a_snapshot() {
        let mut node = node();
        let canister = canister_id(1);
        create(&mut node, canister);
        let user = Principal::anonymous();
        let id = node.submit(user, canister, "count", Vec::new());
        let id = id.expect("it is taken");
        let waiting = node.snapshot();
        for _ in 0..2 {
            assert!(node.answer(id).is_none());
            node.tick();
            assert_eq!(node.take_answer(id), Some(replied(&[1])));
            node.restore(&waiting).expect("there is room");
        }
    }

    /// 2,500 times a MiB are more instructions than a slice has.
    #[test]
    fn an_execution_under_way_is_part_of_a_snapshot() {
        let mut node = node();
        let canister = canister_id(1);
        create(&mut node, canister);
        let user = Principal::anonymous();
        let id = node.submit(user, canister, "long", Vec::new());
        let id = id.expect("it is taken");
        node.tick();
        let half = node.snapshot();
        for _ in 0..2 {
            assert!(node.answer(id).is_none());
            assert_eq!(both(&mut node, canister), replied(&[0, 0]));
            node.tick();
            assert_eq!(node.take_answer(id), Some(replied(&[7])));
            assert_eq!(both(&mut node, canister), replied(&[7, 0]));
            node.restore(&half).expect("there is room");
        }
    }

    #[test]
    fn snapshots_and_nodes_go_to_other_threads() {
        fn goes<T: Send>() {}
        goes::<Snapshot>();
        goes::<Node>();
    }
}
