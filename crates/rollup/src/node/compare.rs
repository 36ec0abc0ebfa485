//! `compare URL URL`: finds where two nodes with the same inputs began to differ: commitment, block, tick; and which of
//! them is right, by evaluating everything here too (rollup-node.md, section 11).
//!
//! The ticks of the block are dissected in 32 sections a move, as in the game of the protocol; there are no bonds here and
//! no time limits.

use std::sync::Arc;

use serde_json::Value;

use super::arguments::Arguments;
use super::block::State;
use super::course::{Course, after};
use super::http;
use super::outside::{Simulated, Sources};
use crate::compiled::Compiled;
use crate::encoding::base58::{ROLLUP, STATE};
use crate::encoding::hash::Hash;
use crate::pvm::Pvm;
use crate::version::Version;

/// The sections of a move.
const SECTIONS: u64 = 32;

/// A node that is asked.
struct Peer<'a>(&'a str);

impl Peer<'_> {
    fn get(&self, path: &str) -> Result<Value, String> {
        let url = format!("{}{path}", self.0.trim_end_matches('/'));
        let answer = http::request("GET", &url, None)?;
        let text = String::from_utf8_lossy(&answer.body);
        if answer.status != 200 {
            let errors: Value = serde_json::from_str(&text).unwrap_or_default();
            let what = errors[0]["msg"].as_str().unwrap_or(text.trim());
            return Err(format!("{url}: HTTP status {}: {what}", answer.status));
        }
        serde_json::from_str(&text).map_err(|error| format!("{url}: {error}"))
    }

    fn text(&self, path: &str) -> Result<String, String> {
        let value = self.get(path)?;
        let text = value.as_str().map(str::to_owned);
        text.ok_or_else(|| format!("{}{path}: expected a string", self.0))
    }

    fn level(&self, path: &str, field: &str) -> Result<i32, String> {
        let value = self.get(path)?;
        let number = if field.is_empty() {
            &value
        } else {
            value.pointer(field).unwrap_or(&Value::Null)
        };
        let number = number
            .as_i64()
            .and_then(|number| i32::try_from(number).ok());
        number.ok_or_else(|| format!("{}{path}: expected a level", self.0))
    }

    fn commitment(&self, level: i32) -> Result<Value, String> {
        Ok(self.get(&format!("/global/block/{level}"))?["commitment_hash"].take())
    }

    fn state(&self, level: i32) -> Result<String, String> {
        self.text(&format!("/global/block/{level}/state_hash"))
    }

    fn messages(&self, level: i32) -> Result<Vec<Vec<u8>>, String> {
        let block = self.get(&format!("/global/block/{level}"))?;
        let items = block["messages"].as_array().into_iter().flatten();
        let messages: Option<Vec<_>> = items
            .map(|message| hex::decode(message.as_str()?).ok())
            .collect();
        messages.ok_or_else(|| format!("{}: level {level} has strange messages", self.0))
    }

    fn states(&self, level: i32, ticks: &[u64]) -> Result<Vec<Option<String>>, String> {
        let list: Vec<String> = ticks.iter().map(ToString::to_string).collect();
        let path = format!("/sandbox/dissection/{level}?ticks={}", list.join(","));
        let answer = self.get(&path)?;
        let states = answer.as_array().into_iter().flatten();
        let states: Vec<Option<String>> = states
            .map(|state| state["state_hash"].as_str().map(str::to_owned))
            .collect();
        if states.len() == ticks.len() {
            Ok(states)
        } else {
            Err(format!("{}{path}: not as many states as ticks", self.0))
        }
    }
}

/// Compares two nodes.
///
/// # Errors
/// When they differ, with the place; and when they cannot be compared.
pub(super) fn compare(arguments: &Arguments, urls: [&str; 2]) -> Result<(), String> {
    let [one, two] = [Peer(urls[0]), Peer(urls[1])];
    let address = one.text("/global/smart_rollup_address")?;
    let other = two.text("/global/smart_rollup_address")?;
    if address != other {
        return Err(format!(
            "the nodes run different rollups: {address}, {other}"
        ));
    }
    let origin = one.level("/sandbox/info", "/origination_level")?;
    let period = one
        .level("/sandbox/info", "/constants/commitment_period")?
        .max(1);
    let heads = [
        one.level("/global/tezos_level", "")?,
        two.level("/global/tezos_level", "")?,
    ];
    let newest = heads[0].min(heads[1]);
    println!("Comparing levels {origin} to {newest} of {address}");
    if one.state(origin)? != two.state(origin)? {
        return Err("the nodes began with different kernels or at different levels".into());
    }

    // Commitments name those before them: from the first different one on, all are.
    let (mut same, mut different) = (0, (newest - origin) / period + 1);
    while different - same > 1 {
        let middle = same + (different - same) / 2;
        let level = origin + middle * period;
        if one.commitment(level)? == two.commitment(level)? {
            same = middle;
        } else {
            different = middle;
        }
    }
    let first = origin + different * period;
    if first <= newest {
        println!("The commitments of level {first} are the first that differ");
    }
    let mut level = origin + same * period + 1;
    while level <= first.min(newest) && one.state(level)? == two.state(level)? {
        level += 1;
    }
    if level > first.min(newest) {
        println!("No state differs");
        return Ok(());
    }
    println!("The states of level {level} are the first that differ");
    let messages = one.messages(level)?;
    if messages != two.messages(level)? {
        return Err(format!("the nodes had different messages at level {level}"));
    }

    let judge = Judge::new(arguments, &one, &address, origin)?.before(&one, level)?;
    for (peer, url) in [(&one, urls[0]), (&two, urls[1])] {
        if level > origin + 1 && peer.state(level - 1)? != STATE.encode(&judge.state.hash()) {
            return Err(format!(
                "both nodes have a state at level {} that comes out differently here: {url}",
                level - 1
            ));
        }
    }
    let tick = dissect([&one, &two], level)?;
    let right = judge
        .at(level, &messages, tick)?
        .map(|hash| STATE.encode(&hash));
    let claims = [
        one.states(level, &[tick])?.swap_remove(0),
        two.states(level, &[tick])?.swap_remove(0),
    ];
    println!(
        "Evaluated here, the state after tick {tick} is {}",
        right.as_deref().unwrap_or("none")
    );
    let honest = match (claims[0] == right, claims[1] == right) {
        (true, false) => format!("{} is right", urls[0]),
        (false, true) => format!("{} is right", urls[1]),
        _ => "both are wrong".into(),
    };
    Err(format!(
        "the nodes differ from tick {tick} of level {level} on; {honest}"
    ))
}

/// Dissects a level until one tick is left: the state before it is the same, and the state after it is not.
fn dissect(peers: [&Peer<'_>; 2], level: i32) -> Result<u64, String> {
    let mut ends = [0u64; 2];
    for (end, peer) in ends.iter_mut().zip(peers) {
        let ticks = peer.text(&format!("/global/block/{level}/ticks"))?;
        *end = ticks
            .parse()
            .map_err(|_| format!("{}: `{ticks}` is no number of ticks", peer.0))?;
    }
    let (mut same, mut different) = (0, ends[0].max(ends[1]));
    let mut moves = 0;
    while different - same > 1 {
        moves += 1;
        let length = different - same;
        let sections = SECTIONS.min(length);
        let ticks: Vec<u64> = (1..=sections)
            .map(|n| same + (u128::from(length) * u128::from(n) / u128::from(sections)) as u64)
            .collect();
        let (left, right) = (
            peers[0].states(level, &ticks)?,
            peers[1].states(level, &ticks)?,
        );
        println!("Move {moves}: {sections} sections from tick {same} to {different}");
        let shown = |state: &Option<String>| state.clone().unwrap_or_else(|| "null".into());
        for ((tick, left), right) in ticks.iter().zip(&left).zip(&right) {
            let mark = if left == right { " " } else { "*" };
            println!("{mark} {tick:>20} {} {}", shown(left), shown(right));
        }
        let at = left
            .iter()
            .zip(&right)
            .position(|(left, right)| left != right);
        let at = at.ok_or("the nodes contradict themselves: no section differs")?;
        different = ticks[at];
        if at > 0 {
            same = ticks[at - 1];
        }
    }
    Ok(different)
}

/// Evaluates everything here.
struct Judge {
    pvm: Pvm,
    state: State,
    sources: Arc<Sources>,
    executor: Compiled,
    origin: i32,
}

impl Judge {
    /// At the beginning, with the kernel that the node began with.
    fn new(
        arguments: &Arguments,
        peer: &Peer<'_>,
        address: &str,
        origin: i32,
    ) -> Result<Self, String> {
        let value = |key: &str| {
            let text = peer.text(&format!(
                "/global/block/{origin}/durable/wasm_2_0_0/value?key={key}"
            ))?;
            hex::decode(text).map_err(|error| format!("{key}: {error}"))
        };
        let kernel = value("/kernel/boot.wasm")?;
        let name = String::from_utf8_lossy(&value("/readonly/wasm_version")?).into_owned();
        let version =
            Version::parse(&name).ok_or_else(|| format!("the version {name} is not known"))?;
        let pvm = Pvm::originate(&kernel, version);
        let (state, _) = after(&pvm, Hash::default(), origin);
        let rollup = ROLLUP.address(address).map_err(|error| error.to_string())?;
        let directory = arguments.data_dir.clone().unwrap_or_default();
        Ok(Self {
            pvm,
            state,
            sources: Arc::new(Sources {
                preimages: directory.join("wasm_2_0_0"),
                endpoint: arguments.pre_images_endpoint.clone(),
                dal_pages: directory.join("dal_pages"),
                dal: arguments.simulate_dal,
                rollup,
                origination: origin,
            }),
            executor: Compiled::default(),
            origin,
        })
    }

    /// After all levels before this one.
    fn before(mut self, peer: &Peer<'_>, level: i32) -> Result<Self, String> {
        let mut outside = Simulated::patient(Arc::clone(&self.sources));
        for level in self.origin + 1..level {
            let messages = peer.messages(level)?;
            let mut course = Course::new(
                self.pvm,
                &self.state,
                level,
                &messages,
                &[],
                &mut self.executor,
                &mut outside,
            );
            course.finish()?;
            let (state, _) = after(&course.pvm, self.state.outbox, level);
            self.pvm = course.pvm;
            self.state = state;
            outside.printed.clear();
        }
        Ok(self)
    }

    /// The hash of the state at a tick of the next level.
    fn at(mut self, level: i32, messages: &[Vec<u8>], tick: u64) -> Result<Option<Hash>, String> {
        let mut outside = Simulated::patient(Arc::clone(&self.sources));
        let mut course = Course::new(
            self.pvm,
            &self.state,
            level,
            messages,
            &[],
            &mut self.executor,
            &mut outside,
        );
        Ok(course.hashes(&[tick])?.swap_remove(0))
    }
}
