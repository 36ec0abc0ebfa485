//! A canister tested from Rust: `cargo run --release --example counter_test`. As a `#[test]` it would be the same lines.

use std::time::Duration;

use candid::Nat;
use drun::Subnet;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let module = std::fs::read("testdata/motoko/counter.wasm")?;
    let mut subnet = Subnet::new().application().with_seed(7);
    let counter = subnet.create();
    subnet.install(counter, &module, ())?;
    let empty = subnet.snapshot();

    let () = subnet.update(counter, "add", (Nat::from(41u8),))?;
    subnet.advance(Duration::from_secs(3600));
    subnet.upgrade(counter, &module, ())?;
    let (n,): (Nat,) = subnet.query(counter, "get", ())?;
    assert_eq!(n, 41u8);

    subnet.restore(&empty)?;
    let outcome = subnet.call(counter, "inc").with(())?.outcome();
    println!(
        "{} instructions, {} cycles",
        outcome.instructions, outcome.cycles
    );
    Ok(())
}
