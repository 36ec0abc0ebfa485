//! `compare URL URL`: finds where two nodes with the same inputs began to differ: commitment, block, tick; and which of
//! them is right, by evaluating everything here too (rollup-node.md, section 11).
//!
//! The ticks of the block are dissected in 32 sections a move, as in the game of the protocol; there are no bonds here and
//! no time limits.

use std::sync::Arc;

use super::arguments::Arguments;
use super::block::State;
use super::course::{Course, after};
use super::dissect::Span;
use super::outside::{Simulated, Sources};
use super::peer::Peer;
use crate::compiled::Compiled;
use crate::encoding::base58::{ROLLUP, STATE};
use crate::encoding::hash::Hash;
use crate::pvm::Pvm;
use crate::say::say;
use crate::version::Version;

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
    say!("Comparing levels {origin} to {newest} of {address}")?;
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
        say!("The commitments of level {first} are the first that differ")?;
    }
    let mut level = origin + same * period + 1;
    while level <= first.min(newest) && one.state(level)? == two.state(level)? {
        level += 1;
    }
    if level > first.min(newest) {
        say!("No state differs")?;
        return Ok(());
    }
    say!("The states of level {level} are the first that differ")?;
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
    say!(
        "Evaluated here, the state after tick {tick} is {}",
        right.as_deref().unwrap_or("none")
    )?;
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
    let mut span = Span::of(peers[0].ticks(level)?, peers[1].ticks(level)?);
    let mut moves = 0;
    while !span.is_one() {
        moves += 1;
        let ticks = span.sections();
        let (left, right) = (
            peers[0].states(level, &ticks)?,
            peers[1].states(level, &ticks)?,
        );
        say!(
            "Move {moves}: {} sections from tick {} to {}",
            ticks.len(),
            span.same,
            span.different
        )?;
        let shown = |state: &Option<String>| state.clone().unwrap_or_else(|| "null".into());
        for ((tick, left), right) in ticks.iter().zip(&left).zip(&right) {
            let mark = if left == right { " " } else { "*" };
            say!("{mark} {tick:>20} {} {}", shown(left), shown(right))?;
        }
        span.narrow(&ticks, &left, &right)?;
    }
    Ok(span.different)
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
                lies: Default::default(),
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
