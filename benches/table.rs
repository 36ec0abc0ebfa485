//! Measures what README's performance table shows, and prints it: `cargo bench --bench table`. (`--bench empty` is the
//! program that the start is compared with, so plain `cargo bench` builds both.) Each row is a ratio or a time taken in
//! this very run; nothing here fails when a machine is slow.

mod canisters;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use drun::Principal;
use drun::internals::canister::InstallMode;
use drun::internals::config::CompilerChoice;
use drun::internals::{Compat, Config, Runner};

const DRUN: &str = env!("CARGO_BIN_EXE_drun");
const MOTOKO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/motoko/counter.wasm");
const FIRST: &str = "rwlgt-iiaaa-aaaaa-aaaaa-cai";
const SECOND: &str = "rrkah-fqaaa-aaaaa-aaaaq-cai";

fn main() {
    // Wasm code runs on the stack of the thread.
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(|| {
        let bench = Bench::new();
        println!("| what | target | measured |\n|---|---|---|");
        let chosen: Vec<String> = std::env::args()
            .skip(1)
            .filter(|a| !a.starts_with('-'))
            .collect();
        let rows: [(&str, &dyn Fn()); 11] = [
            ("starts", &|| bench.starts()),
            ("messages", &|| bench.messages()),
            ("auto", &|| bench.auto()),
            ("compute", &compute),
            ("host", &host_calls),
            ("heaps", &heaps),
            ("snapshots", &snapshots),
            ("bulk", &bulk),
            ("suite", &|| bench.suite()),
            ("many", &|| bench.many()),
            ("upgrades", &|| bench.upgrades()),
        ];
        for (name, measure) in rows {
            if chosen.is_empty() || chosen.iter().any(|chosen| chosen == name) {
                measure();
            }
        }
    });
    thread.expect("a thread").join().expect("the measurements");
}

fn row(what: &str, target: &str, measured: String) {
    println!("| {what} | {target} | {measured} |");
}

/// The median time of some runs.
fn median(runs: usize, mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[runs / 2]
}

/// The ratio of the fastest runs of two things that run in turns, so that what else the machine does hits both.
fn compare(runs: usize, mut run: impl FnMut(), mut reference: impl FnMut()) -> f64 {
    let mut best = [Duration::MAX; 2];
    for _ in 0..runs {
        best[0] = best[0].min(median(1, &mut run));
        best[1] = best[1].min(median(1, &mut reference));
    }
    ratio(best[0], best[1])
}

fn ratio(time: Duration, reference: Duration) -> f64 {
    time.as_secs_f64() / reference.as_secs_f64()
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// A directory with scripts and modules.
struct Bench {
    directory: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let bench = Bench { directory };
        for (name, text) in [
            ("empty.wasm", canisters::EMPTY),
            ("caller.wasm", canisters::CALLER),
        ] {
            bench.write(name, &wat::parse_str(text).expect("valid text"));
        }
        bench.write(
            "motoko.wasm",
            &std::fs::read(MOTOKO).expect("the Motoko module"),
        );
        let updates = format!("ingress {FIRST} inc \"DIDL\\x00\\x00\"\n").repeat(8);
        bench.write("create.drun", b"create\n");
        bench.write(
            "motoko.drun",
            format!("{}{updates}", install("motoko.wasm")).as_bytes(),
        );
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.path(name), content).expect("a file in a temporary directory");
    }

    /// `drun` on a script, with the cache in a directory of this name.
    fn drun(&self, script: &str, cache: &str) -> Command {
        let mut command = self.bare(script);
        command.arg("--cache-dir").arg(self.path(cache));
        command
    }

    /// `drun` on a script.
    fn bare(&self, script: &str) -> Command {
        let mut command = Command::new(DRUN);
        command.current_dir(&self.directory).stdout(Stdio::null());
        command.arg(script);
        command
    }

    fn starts(&self) {
        let empty = median(60, || run(&mut Command::new(empty_program())));
        let create = median(60, || run(&mut self.drun("create.drun", "cache")));
        row(
            "process with only `create`",
            "≤ 2 × an empty program with clap",
            format!("{:.2} × ({})", ratio(create, empty), milliseconds(create)),
        );
        run(&mut self.drun("motoko.drun", "cache"));
        let warm = median(40, || run(&mut self.drun("motoko.drun", "cache")));
        let peak = peak_memory(&mut self.drun("motoko.drun", "cache"));
        row(
            "ten-line script, Motoko module, cache warm",
            "≤ 8 ms, 60 MB",
            format!("{}, {peak} MB", milliseconds(warm)),
        );
        let bare = median(9, || {
            run(Command::new(empty_program()).arg("--compile").arg(MOTOKO));
        });
        let mut number = 0;
        let cold = median(9, || {
            number += 1;
            run(&mut self.drun("motoko.drun", &format!("cold-{number}")));
        });
        row(
            "the same, cache cold",
            "≤ 0.25 × the fast compiler alone",
            format!("{:.2} × ({})", ratio(cold, bare), milliseconds(cold)),
        );
    }

    fn messages(&self) {
        let count = 100_000;
        let updates = format!("ingress {FIRST} go 0x\n").repeat(count);
        self.write(
            "updates.drun",
            format!("{}{updates}", install("empty.wasm")).as_bytes(),
        );
        let time = median(5, || run(&mut self.drun("updates.drun", "cache")));
        row(
            "empty updates, 100,000 in one script",
            "≥ 250,000 per second",
            format!("{:.0} per second", count as f64 / time.as_secs_f64()),
        );
        let ingress = 1000;
        let calls = format!("ingress {FIRST} start 0x\n").repeat(ingress);
        let both = install("caller.wasm") + &install("caller.wasm").replace(FIRST, SECOND);
        self.write("calls.drun", format!("{both}{calls}").as_bytes());
        let time = median(5, || run(&mut self.drun("calls.drun", "cache")));
        let trips = (ingress * canisters::TRIPS) as f64;
        row(
            "round trip of a call between two canisters",
            "≤ 6 µs",
            format!("{:.2} µs", time.as_secs_f64() * 1e6 / trips),
        );
    }

    /// New modules, each run as it is chosen without a word, and with one kind of code from beginning to end: on all cores, on
    /// one, and beside four others that are busy.
    fn auto(&self) {
        let go = |count: usize| format!("ingress {FIRST} go 0x\n").repeat(count);
        let (name, text) = canisters::COMPUTE[0];
        self.write("compute.wasm", &wat::parse_str(text).expect("valid text"));
        // An `init` of 10^9 instructions, and one of 10^10.
        for (script, calls) in [("engine.drun", 4_000_000), ("heavy.drun", 40_000_000)] {
            let module = script.replace("drun", "wasm");
            let engine = wat::parse_str(canisters::engine(calls)).expect("valid text");
            self.write(&module, &engine);
            self.write(script, (install(&module) + &go(8)).as_bytes());
        }
        for (script, module, messages) in [
            ("tiny.drun", "empty.wasm", 8),
            ("small.drun", "empty.wasm", 20_000),
            ("one.drun", "compute.wasm", 1),
            ("compute.drun", "compute.wasm", 20),
        ] {
            self.write(script, (install(module) + &go(messages)).as_bytes());
        }
        let one_message = format!("one message of a {name}");
        let all = [
            ("a tiny module", "tiny.drun", 40),
            ("a Motoko module", "motoko.drun", 20),
            ("20,000 small messages", "small.drun", 5),
            (&one_message, "one.drun", 5),
            (name, "compute.drun", 3),
            ("3.5 MB, 10^9 instructions of init", "engine.drun", 1),
            ("3.5 MB, 10^10", "heavy.drun", 1),
        ];
        for (where_, one_core, busy) in [
            ("", false, false),
            ("; on one core", true, false),
            ("; beside four busy threads", false, true),
        ] {
            if one_core && Command::new("taskset").arg("-V").output().is_err() {
                continue;
            }
            let over = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let spin = || {
                    while !over.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                };
                (0..if busy { 4 } else { 0 }).for_each(|_| drop(scope.spawn(spin)));
                for (what, script, runs) in all {
                    let (time, processor) = self.against_fixed(script, runs, one_core);
                    row(
                        &format!("{what}, new, against the best fixed kind of code{where_}"),
                        "≤ 1.15 × in time and processor time",
                        format!("{time:.2} ×, {processor:.2} ×"),
                    );
                }
                over.store(true, Ordering::Relaxed);
            });
        }
    }

    /// Time and processor time of a script that is run without a word, against the best of those with one kind of code.
    fn against_fixed(&self, script: &str, runs: usize, one_core: bool) -> (f64, f64) {
        // What runs once would keep the interpreter busy for a minute.
        let kinds: &[&str] = match runs {
            1 => &["auto", "fast", "optimizing"],
            _ => &["auto", "interpreter", "fast", "optimizing"],
        };
        // In turns, so that what else the machine does hits all.
        let mut spent = vec![[Duration::ZERO; 2]; kinds.len()];
        for _ in 0..runs {
            for (kind, spent) in kinds.iter().zip(&mut spent) {
                let mut command = self.bare(script);
                if one_core {
                    command = Command::new("taskset");
                    command.current_dir(&self.directory).stdout(Stdio::null());
                    command.args(["-c", "0", DRUN, script]);
                }
                command.args(["--no-cache", "--compiler", kind]);
                command.env_remove("DRUN_CACHE_DIR");
                let before = children();
                spent[0] += median(1, || run(&mut command));
                spent[1] += children() - before;
            }
        }
        let [time, processor] = [0, 1].map(|which| {
            let best = spent[1..].iter().map(|fixed| fixed[which]).min();
            ratio(spent[0][which], best.expect("some kinds"))
        });
        (time, processor)
    }

    fn suite(&self) {
        let scripts = 400;
        let sequence =
            |count: usize| (0..count).for_each(|_| run(&mut self.drun("motoko.drun", "cache")));
        let one = median(1, || sequence(scripts));
        let two = median(1, || {
            std::thread::scope(|scope| {
                scope.spawn(|| sequence(scripts / 2));
                scope.spawn(|| sequence(scripts / 2));
            });
        });
        row(
            "400 scripts of ten messages, in sequence; two at a time",
            "≤ 6 s; ≥ 1.8 × as fast",
            format!("{:.2} s; {:.2} ×", one.as_secs_f64(), ratio(one, two)),
        );
    }

    /// Many canisters of one module.
    fn many(&self) {
        let count = 10_000;
        let ids: Vec<String> = (0..count)
            .map(|number: u64| {
                let mut bytes = number.to_be_bytes().to_vec();
                bytes.extend([1, 1]);
                Principal::from_slice(&bytes).to_text()
            })
            .collect();
        let mut script = "create\n".repeat(ids.len());
        for id in &ids {
            script += &format!("install {id} empty.wasm 0x\n");
        }
        for id in &ids {
            script += &format!("ingress {id} go 0x\n");
        }
        self.write("many.drun", script.as_bytes());
        let time = median(3, || {
            run(&mut self.drun("many.drun", "cache"));
        });
        row(
            "10,000 canisters made, installed from one module, called once each",
            "≤ 1 s",
            format!("{:.2} s", time.as_secs_f64()),
        );
    }

    fn upgrades(&self) {
        let peaks = [1_000, 10_000].map(|count| {
            let upgrades = format!("upgrade {FIRST} empty.wasm 0x\n").repeat(count);
            // A script of equal length, so that only the upgrades make a difference.
            let comments =
                "# a line that is read and takes as much memory\n".repeat(10_000 - count);
            let script = format!("{}{upgrades}{comments}", install("empty.wasm"));
            self.write("upgrades.drun", script.as_bytes());
            peak_memory(&mut self.drun("upgrades.drun", "cache"))
        });
        row(
            "peak memory with 1,000 and with 10,000 upgrades",
            "flat",
            format!("{} MB, {} MB", peaks[0], peaks[1]),
        );
    }
}

fn install(module: &str) -> String {
    format!("create\ninstall {FIRST} {module} 0x\n")
}

fn run(command: &mut Command) {
    let status = command.status().expect("the program starts");
    assert!(status.success(), "{command:?} failed");
}

/// The newest build of the program that does nothing; it lies beside this one.
fn empty_program() -> PathBuf {
    let own = std::env::current_exe().expect("this program has a path");
    let files = own
        .parent()
        .and_then(|directory| std::fs::read_dir(directory).ok());
    let programs = files
        .into_iter()
        .flatten()
        .flatten()
        .map(|file| file.path());
    let is_empty = |path: &PathBuf| {
        path.extension().is_none()
            && path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("empty-"))
    };
    let newest = programs.filter(is_empty).max_by_key(|path| {
        path.metadata()
            .and_then(|metadata| metadata.modified())
            .ok()
    });
    newest.expect("`cargo bench` builds the empty program too")
}

/// Processor time of all child processes that have ended, in steps of a hundredth of a second.
fn children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program may hold blanks.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(13).take(2);
    let ticks = ticks.filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(10 * ticks.sum::<u64>())
}

/// Peak memory of a process in megabytes, as seen just before its end; 0 where the system does not tell.
fn peak_memory(command: &mut Command) -> u64 {
    let mut child = command.spawn().expect("the program starts");
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = 0;
    while child.try_wait().expect("a child").is_none() {
        peak = read_peak(&status).unwrap_or(peak).max(peak);
        std::thread::sleep(Duration::from_micros(200));
    }
    peak / 1024
}

fn read_peak(status: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// A subnet in this process with one canister.
fn subnet(module: &str) -> (Runner, Principal) {
    let mut config = Config::new(Compat::Drun);
    config.compiler = CompilerChoice::Optimizing;
    let mut subnet = Runner::new(config);
    let canister = Principal::from_text(FIRST).expect("a canister id");
    let module = wat::parse_str(module).expect("valid text");
    subnet.install(InstallMode::Install, canister, &module, b"");
    (subnet, canister)
}

fn compute() {
    // As `wasm::compiler` sets the optimizing code generator up.
    let mut config = wasmtime::Config::new();
    config
        .cranelift_opt_level(wasmtime::OptLevel::None)
        .cranelift_nan_canonicalization(true);
    let engine = wasmtime::Engine::new(&config).expect("a valid configuration");
    let mut linker = wasmtime::Linker::new(&engine);
    linker
        .func_wrap("ic0", "msg_reply", || ())
        .expect("one function");
    let ratios = canisters::COMPUTE.map(|(name, text)| {
        let bare = wat::parse_str(text).expect("valid text");
        let module = wasmtime::Module::new(&engine, bare).expect("a valid module");
        let mut store = wasmtime::Store::new(&engine, ());
        let instance = linker
            .instantiate(&mut store, &module)
            .expect("an instance");
        let go = instance
            .get_typed_func::<(), ()>(&mut store, "canister_update go")
            .expect("a function");
        let (mut subnet, canister) = subnet(text);
        let ratio = compare(
            7,
            || drop(black_box(subnet.ingress(canister, "go", b""))),
            || go.call(&mut store, ()).expect("the function returns"),
        );
        format!("{name} {ratio:.2} ×")
    });
    row(
        "compute-bound canisters, optimizing compiler",
        "≤ 1.25 × bare wasmtime",
        ratios.join(", "),
    );
}

/// What a host call costs, in a message that makes a million of them, less what its loop alone costs.
fn host_calls() {
    let nanoseconds = |call: &str| {
        let text = canisters::HOST_CALLS.replace("(CALL)", call);
        let (mut runner, canister) = subnet(&text);
        let times = median(5, || {
            black_box(runner.ingress(canister, "go", b""));
        });
        times.as_secs_f64() * 1e9 / canisters::HOST_CALLS_MADE as f64
    };
    let loop_alone = nanoseconds("");
    for (what, target, call) in [
        ("an empty host call", "12 ns", "(drop (call $size))"),
        (
            "an 8-byte stable read",
            "20 ns",
            "(call $read (i64.const 0) (i64.const 64) (i64.const 8))",
        ),
        (
            "an 8-byte stable write",
            "25 ns",
            "(call $write (i64.const 64) (i64.const 0) (i64.const 8))",
        ),
    ] {
        let measured = nanoseconds(call) - loop_alone;
        row(what, target, format!("{measured:.0} ns"));
    }
}

fn heaps() {
    let time = |mebibytes: u64, method: &str| {
        let (mut subnet, canister) = subnet(&canisters::heap(mebibytes));
        subnet.ingress(canister, "fill", b"");
        let mut numbers = 0_u32..;
        let many = median(5, || {
            for number in numbers.by_ref().take(2000) {
                match method {
                    // Another argument each time, since the answers of queries are remembered.
                    "peek" => {
                        black_box(subnet.query_outcome(canister, method, &number.to_le_bytes()))
                    }
                    _ => black_box(subnet.ingress(canister, method, b"")),
                };
            }
        });
        many / 2000
    };
    let measured = ["touch", "trap", "peek"].map(|method| {
        let (small, large) = (time(1, method), time(1024, method));
        format!(
            "{:.2} × ({:.1} µs)",
            ratio(large, small),
            large.as_secs_f64() * 1e6
        )
    });
    row(
        "one page of a 1 GiB heap: update; trap; query",
        "≤ 2 × that of 1 MiB",
        measured.join("; "),
    );
}

/// `snapshot` and `restore` of a script, with 64 MiB of heap of which nothing changed in between.
fn snapshots() {
    let (mut subnet, canister) = subnet(&canisters::heap(64));
    subnet.ingress(canister, "fill", b"");
    let first = subnet.snapshot();
    let many = 2000;
    let snapshot = median(5, || {
        for _ in 0..many {
            black_box(subnet.snapshot());
        }
    }) / many;
    let restore = median(5, || {
        for _ in 0..many {
            subnet.restore(&first).expect("there is memory");
        }
    }) / many;
    row(
        "snapshot; restore of a 64 MiB heap, nothing changed",
        "50 µs each",
        [snapshot, restore]
            .map(|time| format!("{:.1} µs", time.as_secs_f64() * 1e6))
            .join("; "),
    );
}

fn bulk() {
    let source = vec![1u8; 64 << 20];
    let mut target = vec![2u8; 64 << 20];
    let copy = median(9, || {
        target.copy_from_slice(black_box(&source));
        black_box(&target);
    });
    let (mut subnet, canister) = subnet(canisters::BULK);
    subnet.ingress(canister, "heap", b"");
    let heap = median(5, || {
        black_box(subnet.ingress(canister, "heap", b""));
    });
    let stable = median(5, || {
        black_box(subnet.ingress(canister, "stable", b""));
    });
    row(
        "update that writes 64 MiB of heap; 1 GiB of stable memory",
        "≥ 0.5 of memcpy",
        format!("{:.2}; {:.2}", ratio(copy, heap), ratio(16 * copy, stable)),
    );
}
