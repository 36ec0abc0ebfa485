//! Random kernels, inboxes, files and sessions for as long as one likes: whatever comes, there is an answer, and both ways
//! of running give the same one.
//!
//! `ROLLUP_FUZZ_SECONDS=3600 cargo test -p drun-rollup --test rollup -- hammer --nocapture` goes on for an hour and counts what it met;
//! without the variable a few hundred rounds are run. `ROLLUP_FUZZ_SEED` begins elsewhere, `RANDOM_MODULES=FILE` adds the
//! modules of `fuzz/`. A round that fails can be repeated by its number, which is printed with the failure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use drun_rollup::compiled::Compiled;
use drun_rollup::inbox::{inputs, level, message};
use drun_rollup::module::Kernel;
use drun_rollup::outbox::message::{OutboxMessage, show};
use drun_rollup::pvm::{Pvm, Stop, Surroundings, Until};
use drun_rollup::reveal::Request;
use drun_rollup::version::Version;

use super::{debugger, talk};

/// Numbers that look random; a round has its own.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most + 1))
            .map(|_| self.next() as u8)
            .collect()
    }

    /// Changes some bytes: other values, neighbours of limits, pieces gone, doubled, moved.
    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(8)).min(bytes.len());
            match self.below(6) {
                0 | 1 if at < bytes.len() => bytes[at] = self.next() as u8,
                2 if at < bytes.len() => {
                    bytes[at] = self.one(&[&[0u8, 1, 0x3f, 0x40, 0x7f, 0x80, 0xff][..]])[at % 7];
                }
                3 => drop(bytes.drain(at..end)),
                4 => {
                    let piece = bytes[at..end].to_vec();
                    let to = self.below(bytes.len() + 1);
                    bytes.splice(to..to, piece);
                }
                _ => {
                    let piece = self.bytes(3);
                    bytes.splice(at..at, piece);
                }
            }
        }
    }
}

/// Data that depends on the request only, and patience for a second.
struct World {
    printed: Vec<u8>,
    until: Instant,
}

impl World {
    fn new() -> Self {
        Self {
            printed: Vec::new(),
            until: Instant::now() + Duration::from_secs(1),
        }
    }
}

impl Surroundings for World {
    fn debug(&mut self, text: &[u8]) {
        let room = (1usize << 20).saturating_sub(self.printed.len());
        self.printed
            .extend_from_slice(&text[..text.len().min(room)]);
    }

    fn reveal(&mut self, request: &Request) -> Result<Vec<u8>, String> {
        let name = request.to_string().into_bytes();
        if name.ends_with(b"a") {
            return Err("not found".into());
        }
        Ok(name.repeat(1 + usize::from(name[name.len() - 1]) % 90))
    }

    fn interrupted(&mut self) -> bool {
        Instant::now() > self.until
    }
}

struct Hammer {
    kernels: Vec<Vec<u8>>,
    modules: Vec<Vec<u8>>,
    compiled: Compiled,
    counts: BTreeMap<&'static str, u64>,
}

impl Hammer {
    fn new() -> Self {
        let file = std::env::var_os("RANDOM_MODULES").map(|path| std::fs::read(path).unwrap());
        let file = file.as_deref().unwrap_or(include_bytes!("random_modules"));
        Self {
            kernels: super::fuzz::kernels(),
            modules: super::random::modules(file)
                .into_iter()
                .map(<[u8]>::to_vec)
                .collect(),
            compiled: Compiled::default(),
            counts: BTreeMap::new(),
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn round(&mut self, number: u64) {
        let mut random = Random(number);
        if number.is_multiple_of(256) {
            // What it has compiled is of no further use.
            self.compiled = Compiled::default();
        }
        match number % 16 {
            0..=5 => self.level_of_a_kernel(&mut random),
            6..=11 => self.both_ways(&mut random),
            12 | 13 => self.messages(&mut random),
            14 => self.files(&mut random),
            _ if number.is_multiple_of(5) => self.session(&mut random),
            _ => self.messages(&mut random),
        }
    }

    /// One of ours or a random module, mostly with a few wrong bytes.
    fn kernel(&mut self, random: &mut Random) -> Vec<u8> {
        let ours = random.below(3) > 0;
        let of = if ours { &self.kernels } else { &self.modules };
        let mut wasm = of[random.below(of.len())].clone();
        if random.below(5) > 0 {
            random.spoil(&mut wasm);
        }
        wasm
    }

    fn message(&mut self, random: &mut Random) -> Vec<u8> {
        let mut message = match random.below(8) {
            0 => message::external(&random.bytes(5000)),
            1 => message::migration(random.one(&["nairobi_017", "paris_019", "u025_025", "x", ""])),
            2 => vec![0, 1],
            3 => vec![0, 2],
            4 => message::info(&message::Info::default()),
            5 => {
                let payload =
                    random.one(&["0", "Pair Unit False", "{ 1 ; \"x\" ; 0xab }", "Some (-7)"]);
                message::transfer(&message::Transfer {
                    payload: drun_rollup::micheline::text::parse(payload).unwrap(),
                    sender: [1; 20],
                    source: (0, [2; 20]),
                    destination: [3; 20],
                })
            }
            6 => message::external(random.one(&[
                &b"mad"[..],
                b"tab\x07",
                b"!",
                b"reboot",
                &[0; 33],
                b"hello",
            ])),
            _ => random.bytes(60),
        };
        if random.below(3) == 0 {
            random.spoil(&mut message);
        }
        message
    }

    /// A machine with the messages of a level, or none when the bytes are no kernel.
    fn machine(&mut self, random: &mut Random) -> Option<Pvm> {
        let wasm = self.kernel(random);
        let decoded = Kernel::decode(wasm.clone().into());
        self.count("kernels");
        if decoded.is_err() {
            self.count("kernels that are refused");
            if random.below(4) > 0 {
                return None;
            }
        }
        let version = Version::ALL[random.below(Version::ALL.len())];
        let mut pvm = Pvm::originate(&wasm, version);
        self.load(&mut pvm, random, 0);
        Some(pvm)
    }

    fn load(&mut self, pvm: &mut Pvm, random: &mut Random, number: i32) {
        let user = (0..random.below(6)).map(|_| self.message(random)).collect();
        let payloads = level(message::Info::default(), None, random.below(2) == 0, user);
        self.count("levels");
        assert!(pvm.load(number, payloads).is_ok());
    }

    /// Levels on compiled code, from its beginning or after a few single ticks.
    fn level_of_a_kernel(&mut self, random: &mut Random) {
        let Some(mut pvm) = self.machine(random) else {
            return;
        };
        for number in 1..4 {
            let mut world = World::new();
            if random.below(4) == 0 {
                let ticks = 1 + random.below(3000) as u64;
                let _ = pvm.step_until(Until::Ticks(ticks), &mut world);
            }
            match pvm.run_level(&mut self.compiled, &mut world) {
                Ok(Stop::Stuck) => return self.count("stuck"),
                Ok(_) => self.count("levels to their end"),
                Err(_) => return self.count("interrupted or not revealed"),
            }
            let _ = (pvm.internal_status(), pvm.world.durable.hash());
            self.load(&mut pvm, random, number);
        }
    }

    /// The same run compiled and by single ticks.
    fn both_ways(&mut self, random: &mut Random) {
        let Some(pvm) = self.machine(random) else {
            return;
        };
        const TICKS: u64 = 3_000_000;
        let (mut stepped, mut at_once) = (pvm.clone(), pvm);
        let mut world = World::new();
        let mut spent = 0;
        while spent < TICKS && stepped.internal_status() != "Padding" {
            let before = stepped.ticks();
            match stepped.step_until(Until::Ticks(20_000), &mut world) {
                Ok(Stop::Reveal) => {
                    let request = match stepped.status() {
                        drun_rollup::pvm::Status::WaitingForReveal(request) => request,
                        other => panic!("a reveal with the status {other}"),
                    };
                    match world.reveal(&request) {
                        Ok(data) => assert!(stepped.answer(&data)),
                        Err(_) => return self.count("interrupted or not revealed"),
                    }
                }
                Ok(Stop::Stuck) => break,
                Ok(_) => {}
                Err(_) => return self.count("interrupted or not revealed"),
            }
            spent += stepped.ticks() - before;
        }
        if spent >= TICKS {
            return self.count("too long for single ticks");
        }
        if stepped.stuck().is_none() {
            stepped.step_until(Until::KernelRun, &mut world).unwrap();
        }
        let mut world = World::new();
        if at_once.kernel_run(&mut self.compiled, &mut world).is_err() {
            return self.count("interrupted or not revealed");
        }
        assert_eq!(at_once.internal_status(), stepped.internal_status());
        assert_eq!(at_once.phases(), stepped.phases());
        assert!(at_once.world == stepped.world, "the worlds differ");
        self.count(if stepped.stuck().is_some() {
            "the same both ways: stuck"
        } else {
            "the same both ways"
        });
    }

    fn messages(&mut self, random: &mut Random) {
        for _ in 0..20 {
            let bytes = self.message(random);
            let _ = message::Message::decode(&bytes);
            let _ = Request::decode(&bytes);
            for bytes in [&bytes[..], bytes.get(1..).unwrap_or_default()] {
                let _ = show(bytes);
                if let Some(sent) = OutboxMessage::decode(bytes) {
                    let again = sent
                        .encode()
                        .and_then(|bytes| OutboxMessage::decode(&bytes));
                    assert_eq!(again, Some(sent));
                    self.count("outbox messages there and back");
                }
            }
            self.count("messages");
        }
    }

    /// Files of inputs and setups with wrong bytes.
    fn files(&mut self, random: &mut Random) {
        let texts = [
            include_str!("../cases/transfers/inputs.json"),
            include_str!("../cases/ledger/inputs.json"),
            "instructions:\n  - set:\n      value: 0a\n      to: /a\n  - move:\n      from: /a\n      to: /b\n",
            r#"[{"destination":"KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT","parameters":"Pair 1 {}","entrypoint":"mint"}]"#,
        ];
        let mut bytes = random.one(&texts).as_bytes().to_vec();
        random.spoil(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = inputs::parse(&text, [0; 20]);
        let _ = drun_rollup::installer::parse(&text);
        let _ = drun_rollup::outbox::message::from_json(&text);
        let _ = drun_rollup::micheline::text::parse(&text);
        self.count("files");
    }

    /// The program with commands that make sense or do not.
    fn session(&mut self, random: &mut Random) {
        let directory = tempfile::tempdir().unwrap();
        let kernel = directory.path().join("kernel.wasm");
        std::fs::write(&kernel, self.kernel(random)).unwrap();
        let commands = [
            "step inbox",
            "step tick",
            "step result",
            "step kernel_run",
            "load inputs",
            "show status",
            "show inbox",
            "show outbox at level 0",
            "show durable storage",
            "ls /kernel",
            "show key /kernel/env/reboot as i64",
            "show memory at 0xffffffffffffffff for 9 bytes",
            "show memory at 0 as u256",
            "dump function symbols",
            "reveal preimage 00",
            "reveal metadata",
            "profile --collapsed",
            "time step tick",
            "00ff",
            "show key /\u{e9} as x",
            "",
        ];
        let mut lines = String::new();
        for _ in 0..random.below(30) {
            lines += random.one(&commands);
            lines.push('\n');
        }
        let mut command = debugger();
        command
            .args(["--inputs", "tests/cases/ledger/inputs.json"])
            .args(["--command-timeout", "2", "--kernel"])
            .arg(&kernel)
            .arg("--flamecharts-dir")
            .arg(directory.path());
        let output = talk(&mut command, &lines);
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{:?}: {lines}\n{}",
            output.status,
            super::text(&output.stderr)
        );
        self.count("sessions");
    }
}

#[test]
fn whatever_comes_there_is_an_answer_and_both_ways_of_running_agree() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seconds: u64 = number("ROLLUP_FUZZ_SECONDS").unwrap_or(0);
    let seed: u64 = number("ROLLUP_FUZZ_SEED").unwrap_or(1);
    let mut hammer = Hammer::new();
    let begun = Instant::now();
    let mut told = Instant::now();
    for round in seed.. {
        if (seconds == 0 && round - seed == 400)
            || (seconds > 0 && begun.elapsed().as_secs() >= seconds)
        {
            break;
        }
        let start = Instant::now();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hammer.round(round)));
        if let Err(panic) = result {
            eprintln!("round {round}: ROLLUP_FUZZ_SEED={round} begins with it");
            std::panic::resume_unwind(panic);
        }
        if seconds > 0 && start.elapsed() > Duration::from_secs(10) {
            println!("round {round} took {:?}", start.elapsed());
        }
        if seconds > 0 && told.elapsed() > Duration::from_secs(60) {
            told = Instant::now();
            let shown = begun.elapsed().as_secs();
            println!("{shown} s, {} rounds: {:?}", round - seed, hammer.counts);
        }
    }
    println!("{:?}", hammer.counts);
    assert!(hammer.counts["the same both ways"] > 10);
}
