//! What calls of the management canister take, keep and give back where several of its rules meet (management-canister.md,
//! since-october-2025.md), seen in the canisters themselves.

use std::time::Duration;

use candid::{CandidType, Decode, Deserialize, Principal};
use drun::internals::canister::Canister;
use drun::internals::canister::consumed::Purpose;
use drun::{CallError, Outcome, Protocol, Settings, Subnet};

const GIB: u64 = 1 << 30;
/// Makes an upgrade keep the heap.
const KEEPS: &str = r#"(@custom "icp:private enhanced-orthogonal-persistence" "")"#;

fn module(body: &str) -> Vec<u8> {
    let text = format!(r#"(module (import "ic0" "msg_reply" (func $reply)) {body})"#);
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A canister that no freezing threshold holds back, with so many cycles and all limits off.
fn canister(subnet: &mut Subnet, cycles: u128, settings: Settings) -> Principal {
    subnet.create_with(Settings {
        cycles: Some(cycles),
        freezing_threshold: Some(0),
        reserved_cycles_limit: Some(u128::MAX),
        wasm_memory_limit: Some(0),
        ..settings
    })
}

fn canister_of(subnet: &mut Subnet, id: Principal) -> &Canister {
    subnet.node().canister(&id).expect("it exists")
}

fn reserved(subnet: &mut Subnet, id: Principal) -> u128 {
    canister_of(subnet, id).reserved_cycles
}

#[derive(CandidType)]
struct OfCanister {
    canister_id: Principal,
}

#[derive(CandidType)]
struct OfSnapshot {
    canister_id: Principal,
    snapshot_id: Vec<u8>,
}

#[derive(CandidType, Deserialize)]
struct Taken {
    id: Vec<u8>,
    total_size: u64,
}

fn manage(
    subnet: &mut Subnet,
    method: &str,
    argument: impl CandidType,
) -> Result<Outcome, CallError> {
    let argument = candid::encode_one(argument).expect("it encodes");
    let call = subnet.call(Principal::management_canister(), method);
    call.with_bytes(argument).outcome().ok()
}

fn take_snapshot(subnet: &mut Subnet, canister_id: Principal) -> Result<Taken, CallError> {
    let outcome = manage(subnet, "take_canister_snapshot", OfCanister { canister_id })?;
    let reply = outcome.reply().expect("it was taken");
    Ok(Decode!(reply, Taken).expect("it decodes"))
}

/// 755 GiB of the subnet are allocated: cycles are set aside for what is more.
fn nearly_full_subnet() -> Subnet {
    let mut subnet = Subnet::new().application();
    for bytes in [400 * GIB, 355 * GIB] {
        let allocation = Settings {
            memory_allocation: Some(bytes),
            ..Settings::default()
        };
        canister(&mut subnet, 1 << 90, allocation);
        subnet.tick(1);
    }
    subnet
}

/// management-canister.md 4.5: `snapshots_size` keeps its value, also when there is nothing left at the next charge.
#[test]
fn snapshots_lost_with_the_last_cycles_count_for_good() {
    for protocol in [Protocol::OCTOBER_2025, Protocol::NOVEMBER_2026] {
        let mut subnet = Subnet::new().application().as_of(protocol);
        let id = canister(&mut subnet, 310_000_000_000, Settings::default());
        let installed = subnet.install(id, &module("(memory 1)"), ());
        installed.expect("it installs");
        let size = take_snapshot(&mut subnet, id)
            .expect("it is taken")
            .total_size;
        let all_compute = Settings {
            compute_allocation: Some(100),
            ..Settings::default()
        };
        subnet.set(id, all_compute).expect("nobody else has any");
        let mut counted = |passed| {
            subnet.advance(Duration::from_secs(passed));
            let canister = canister_of(&mut subnet, id);
            let metrics = canister.memory_metrics(protocol.bookkeeping);
            (canister.cycles, canister.snapshots.len(), metrics.snapshots)
        };
        assert_eq!(counted(600), (0, 0, size));
        assert_eq!(counted(60), (0, 0, size));
    }
}

/// since-october-2025-rules.md 4.1: what counts is the larger of allocation and use.
#[test]
fn an_installation_sets_cycles_aside_for_what_an_allocation_does_not_cover() {
    let mut subnet = nearly_full_subnet();
    let hundred_mib = module("(memory 1600)");
    let mut set_aside = |allocation| {
        let mut subnet = subnet.fork().expect("it forks");
        let settings = Settings {
            memory_allocation: Some(allocation),
            ..Settings::default()
        };
        let id = canister(&mut subnet, 1 << 60, settings);
        subnet.install(id, &hundred_mib, ()).expect("it installs");
        reserved(&mut subnet, id)
    };
    let (without, little, all) = (set_aside(0), set_aside(1024), set_aside(110 << 20));
    assert!(without > 0);
    // The kibibyte was paid for with the allocation.
    assert!(
        without.abs_diff(little) < without / 1000,
        "{without} {little}"
    );
    assert!(all > without, "the allocation is larger than the use");
}

#[test]
fn an_initialization_that_grows_memory_pays_for_what_the_module_begins_with_too() {
    let mut subnet = nearly_full_subnet();
    let mut set_aside = |body: &str| {
        let mut subnet = subnet.fork().expect("it forks");
        let id = canister(&mut subnet, 1 << 60, Settings::default());
        subnet.install(id, &module(body), ()).expect("it installs");
        reserved(&mut subnet, id)
    };
    let idle = set_aside("(memory 1600)");
    let growing = set_aside(
        r#"(memory 1600) (func (export "canister_init") (drop (memory.grow (i32.const 1))))"#,
    );
    assert!(idle > 0);
    assert!(growing > idle, "{growing} {idle}");
    assert!(
        growing < idle + idle / 100,
        "nothing is paid for twice: {growing} {idle}"
    );
}

/// The price comes out of the same cycles as what is set aside.
#[test]
fn a_snapshot_that_leaves_too_little_to_be_set_aside_is_refused() {
    let scene = |cycles| {
        let mut subnet = nearly_full_subnet();
        let id = canister(&mut subnet, cycles, Settings::default());
        let installed = subnet.install(id, &module("(memory 30000)"), ());
        installed.expect("it installs");
        (subnet, id)
    };
    let rich = 3_000_000_000_000;
    let (mut subnet, id) = scene(rich);
    let before = (
        canister_of(&mut subnet, id).cycles,
        reserved(&mut subnet, id),
    );
    let taken = take_snapshot(&mut subnet, id).expect("it can be paid");
    let amount = reserved(&mut subnet, id) - before.1;
    let price = 2_005_000_000 + u128::from(taken.total_size);
    // Half the price more than what is set aside; the message costs next to nothing.
    let (mut subnet, id) = scene(rich - before.0 + amount + price / 2);
    let reserved_before = reserved(&mut subnet, id);
    let Err(CallError::Failed(error)) = take_snapshot(&mut subnet, id) else {
        panic!("there was too little");
    };
    assert_eq!(error.code.to_string(), "IC0532");
    assert_eq!(canister_of(&mut subnet, id).snapshots.len(), 0);
    assert_eq!(reserved(&mut subnet, id), reserved_before);
}

/// A heap that 32-bit code has made is kept for 64-bit code, which may want more at once, or later; and is there again if that
/// fails.
#[test]
fn an_upgrade_to_64_bits_keeps_a_heap_that_can_grow_further() {
    let narrow = module(&format!(
        r#"{KEEPS} (memory 1) (data (i32.const 8) "\07")
        (func (export "canister_query seven")
            (if (i32.ne (i32.load8_u (i32.const 8)) (i32.const 7)) (then unreachable)) (call $reply))"#
    ));
    let wide = |pages: u32, more: &str| {
        module(&format!(
            r#"{KEEPS} (memory i64 {pages}) {more}
            (func (export "canister_query seven")
                (if (i32.ne (i32.load8_u (i64.const 8)) (i32.const 7)) (then unreachable)) (call $reply))
            (func (export "canister_update far")
                (if (i64.lt_u (memory.size) (i64.const 70000)) (then
                    (if (i64.eq (memory.grow (i64.const 70000)) (i64.const -1)) (then unreachable))))
                (i64.store (i64.const 4500000000) (i64.const 1)) (call $reply))"#
        ))
    };
    for pages in [1, 70_000] {
        let mut subnet = Subnet::new();
        let id = canister(&mut subnet, 0, Settings::default());
        subnet.install(id, &narrow, ()).expect("it installs");
        let traps = wide(
            pages,
            r#"(func (export "canister_post_upgrade") (i32.store8 (i64.const 8) (i32.const 9)) unreachable)"#,
        );
        subnet.upgrade(id, &traps, ()).expect_err("it traps");
        let seven = |subnet: &mut Subnet| subnet.call(id, "seven").query_outcome().ok();
        seven(&mut subnet).expect("as before");
        subnet
            .upgrade(id, &wide(pages, ""), ())
            .expect("it keeps the heap");
        seven(&mut subnet).expect("it was kept");
        subnet
            .call(id, "far")
            .outcome()
            .ok()
            .expect("more than 32 bits address");
        seven(&mut subnet).expect("it is still there");
    }
}

/// 32-bit code on a heap that 64-bit code has made larger than it can address.
#[test]
fn a_snapshot_of_a_heap_beyond_4_gib_is_loaded_with_32_bit_code() {
    let mut subnet = Subnet::new();
    let id = canister(&mut subnet, 0, Settings::default());
    let wide = module(&format!("{KEEPS} (memory i64 70000)"));
    subnet.install(id, &wide, ()).expect("it installs");
    let narrow = module(&format!(
        r#"{KEEPS} (memory 1) (func (export "canister_update go") (call $reply))"#
    ));
    subnet.upgrade(id, &narrow, ()).expect("it keeps the heap");
    let snapshot_id = take_snapshot(&mut subnet, id).expect("it is taken").id;
    let loaded = manage(
        &mut subnet,
        "load_canister_snapshot",
        OfSnapshot {
            canister_id: id,
            snapshot_id,
        },
    );
    loaded.expect("it is loaded");
    subnet.call(id, "go").outcome().ok().expect("it runs");
    let code = canister_of(&mut subnet, id).code.as_ref();
    assert_eq!(code.expect("it has code").heap_bytes(), 70_000 << 16);
}

#[test]
fn cycles_that_a_failed_upgrade_burned_count_as_little_as_they_are_gone() {
    let mut subnet = Subnet::new().application();
    let id = subnet.create();
    let burns = module(
        r#"(import "ic0" "cycles_burn128" (func $burn (param i64 i64 i32))) (memory 1)
        (func (export "canister_pre_upgrade") (call $burn (i64.const 0) (i64.const 1000) (i32.const 0)))"#,
    );
    subnet.install(id, &burns, ()).expect("it installs");
    let traps = module(r#"(func (export "canister_post_upgrade") unreachable)"#);
    subnet.upgrade(id, &traps, ()).expect_err("it traps");
    let burned = |subnet: &mut Subnet| canister_of(subnet, id).consumed.of(Purpose::Burned);
    assert_eq!(burned(&mut subnet), 0);
    subnet.upgrade(id, &module(""), ()).expect("it upgrades");
    assert_eq!(burned(&mut subnet), 1000);
}

/// As when a transport key is wrong (management-canister.md 1.20).
#[cfg(feature = "serve")]
#[test]
fn a_signature_that_cannot_be_made_costs_nothing() {
    let sign = |root: &str| {
        format!(
            r#"call aaaaa-aa sign_with_schnorr (record {{ message = blob "x"; derivation_path = vec {{}} : vec blob;
                key_id = record {{ algorithm = variant {{ bip340secp256k1 }}; name = "key_1" }};
                aux = opt variant {{ bip341 = record {{ merkle_root_hash = blob "{root}" }} }} }}) with 1T cycles"#
        )
    };
    let script = format!(
        "{}\nexpect reject ~ \"a Merkle root hash\"\nexpect cycles < 1G\n{}\nexpect reply\nexpect cycles > 10G\n",
        sign("x"),
        sign("")
    );
    let config = r#"{ compat: "pocket-ic", subnet_type: "application", protocol: "2026-11",
        threshold_keys: ["schnorr:Bip340Secp256k1:key_1"] }"#;
    let place = crate::support::place::Place::new();
    let place = place.file("s.drun", script).file("c.json5", config);
    let ran = place.run(&["--config", "c.json5", "s.drun"]);
    assert_eq!(ran.status, Some(0), "{}", ran.err);
}
