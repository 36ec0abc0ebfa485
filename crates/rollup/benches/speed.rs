//! The figures that the package promises: start to prompt, a level of a large kernel, messages a second, copies of large
//! subtrees. `cargo bench -p drun-rollup`; a number of the command line runs what holds it in its name.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use drun_rollup::inbox::level;
use drun_rollup::pvm::{Executor, Pvm, Surroundings};
use drun_rollup::reveal::Request;
use drun_rollup::storage::{Durable, Path, Value};
use drun_rollup::version::Version;

struct Silent;

impl Surroundings for Silent {
    fn debug(&mut self, _: &[u8]) {}

    fn reveal(&mut self, _: &Request) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }
}

/// The best of several runs: what the machine can do when nobody disturbs it.
fn best(times: usize, mut run: impl FnMut() -> Duration) -> Duration {
    (0..times).map(|_| run()).min().unwrap_or_default()
}

fn kernel(name: &str) -> Vec<u8> {
    wat::parse_file(format!("{}/kernels/{name}.wat", env!("CARGO_MANIFEST_DIR")))
        .expect("a kernel of ours")
}

fn executor() -> Box<dyn Executor> {
    Box::new(drun_rollup::compiled::Compiled::default())
}

fn start_to_prompt() {
    let took = best(20, || {
        let start = Instant::now();
        let status = Command::new(env!("CARGO_BIN_EXE_kernel-debugger"))
            .args([
                "--kernel",
                concat!(env!("CARGO_MANIFEST_DIR"), "/kernels/hello.wat"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        assert!(status.is_ok_and(|status| status.success()));
        start.elapsed()
    });
    println!("start to prompt and end: {took:?} (promised 10 ms)");
}

/// About 500 kB of code that is there but does not run, as in kernels made by compilers.
fn large_kernel() -> Vec<u8> {
    let functions: String = (0..15_000)
        .map(|n| {
            format!(
                "(func (param i32) (result i32) (i32.add (i32.mul (local.get 0) (i32.const {n})) (i32.load offset={} (local.get 0)))
                 (i32.xor (i32.const {})) (i32.shl (i32.const 3)) (i32.rotl (local.get 0)) (i32.sub (i32.const {n})))\n",
                n % 1000,
                n * 7919
            )
        })
        .collect();
    let text = format!(
        r#"(module
            (import "smart_rollup_core" "read_input" (func $read (param i32 i32 i32) (result i32)))
            (memory (export "m") 20)
            {functions}
            (func (export "kernel_run")
                (loop $next (br_if $next (i32.gt_s (call $read (i32.const 0) (i32.const 8) (i32.const 4096)) (i32.const 0))))))"#
    );
    wat::parse_str(text).expect("a kernel of ours")
}

fn empty_levels() {
    let wasm = large_kernel();
    let mut pvm = Pvm::originate(&wasm, Version::R2);
    let mut executor = executor();
    let mut number = 0;
    let mut run = || {
        let payloads = level(Default::default(), None, false, Vec::new());
        let start = Instant::now();
        pvm.load(number, payloads)
            .expect("the level before is over");
        number += 1;
        pvm.run_level(&mut *executor, &mut Silent)
            .expect("a kernel without reveals");
        start.elapsed()
    };
    let first = run();
    let warm = best(50, run);
    println!(
        "kernel of {} kB, empty inbox: first {first:?}, then {warm:?} (promised 10 ms)",
        wasm.len() / 1000
    );
}

fn messages() {
    const COUNT: usize = 10_000;
    let wasm = kernel("counter");
    let mut pvm = Pvm::originate(&wasm, Version::R2);
    let mut executor = executor();
    let mut number = 0;
    let took = best(20, || {
        let payloads = level(
            Default::default(),
            None,
            false,
            vec![vec![1, 2, 3, 4]; COUNT],
        );
        let start = Instant::now();
        pvm.load(number, payloads)
            .expect("the level before is over");
        number += 1;
        pvm.run_level(&mut *executor, &mut Silent)
            .expect("a kernel without reveals");
        start.elapsed()
    });
    let counted = pvm
        .world
        .durable
        .value(&Path::known("/counter"))
        .map(Value::to_vec);
    assert_eq!(counted, Some((20 * COUNT as u64).to_le_bytes().to_vec()));
    let rate = COUNT as f64 / took.as_secs_f64();
    println!(
        "{COUNT} messages through the counter kernel: {took:?}, {rate:.0} a second (promised 200000)"
    );
}

fn copies() {
    let mut durable = Durable::default();
    for n in 0..1_000_000 {
        let key = format!("/tree/{}/{n}", n % 100);
        let path = Path::parse(key.as_bytes()).expect("a good key");
        durable.set(&path, Value::from(&b"value"[..]));
    }
    let (from, to) = (Path::known("/tree"), Path::known("/copy"));
    let took = best(20, || {
        let mut durable = durable.clone();
        let start = Instant::now();
        assert!(durable.copy(&from, &to));
        start.elapsed()
    });
    println!("copying a subtree of 1,000,000 keys: {took:?} (promised 1 ms)");
}

fn main() {
    let filter = std::env::args()
        .nth(1)
        .filter(|argument| !argument.starts_with('-'))
        .unwrap_or_default();
    let benches: [(&str, fn()); 4] = [
        ("start", start_to_prompt),
        ("empty", empty_levels),
        ("messages", messages),
        ("copies", copies),
    ];
    for (name, bench) in benches {
        if name.contains(&filter) {
            bench();
        }
    }
}
