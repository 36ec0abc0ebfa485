//! Refutation games with another node that has the same messages: two commitments for the same predecessor, a dissection of
//! one move in each block, and a single tick that is evaluated here without anybody's lies (rollup-node.md, section 11).
//!
//! Meanwhile the disputed commitment is not cemented. There are no bonds and no time limits: a node that does not answer is
//! asked again after the next block.

use serde_json::{Value, json};

use super::block::Block;
use super::dissect::{self, Span};
use super::peer::Peer;
use super::{Node, log};
use crate::encoding::base58::{COMMITMENT, STATE};
use crate::encoding::hash::Hash;
use crate::node::operators::Mode;

/// How a game stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Ongoing,
    Won,
    Lost,
    /// Neither of the two is right.
    Draw,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Ongoing => "ongoing",
            Self::Won => "won",
            Self::Lost => "lost",
            Self::Draw => "draw",
        }
    }
}

/// A move: the block it was in, and what was dissected.
#[derive(Clone, Debug)]
struct Move {
    block: i32,
    span: Span,
    sections: usize,
}

/// A game.
#[derive(Clone, Debug)]
struct Game {
    /// The inbox level of the two commitments.
    inbox_level: i32,
    ours: Hash,
    theirs: String,
    /// The first level whose states differ.
    level: i32,
    span: Span,
    moves: Vec<Move>,
    outcome: Outcome,
}

/// What is known of the other node's commitments.
#[derive(Debug)]
pub(crate) struct Refutation {
    /// Up to which level they are the same.
    agreed: i32,
    game: Option<Game>,
    /// Whether nothing more is looked for: what follows a refuted commitment is void.
    over: bool,
    /// Why the other node could not be asked the last time.
    complaint: Option<String>,
}

impl Default for Refutation {
    fn default() -> Self {
        Self {
            agreed: i32::MIN,
            game: None,
            over: false,
            complaint: None,
        }
    }
}

impl Refutation {
    /// The level of the commitment that must not be cemented now.
    pub(super) fn disputed(&self) -> Option<i32> {
        let game = self.game.as_ref()?;
        (game.outcome == Outcome::Ongoing).then_some(game.inbox_level)
    }

    /// Up to which level commitments are published when nobody but the other node and this one's defence publishes them.
    pub(super) fn admitted(&self) -> i32 {
        let disputed = self.game.as_ref().map_or(i32::MIN, |game| game.inbox_level);
        self.agreed.max(disputed)
    }

    /// How many conflicts there are at present.
    pub(super) fn conflicts(&self) -> usize {
        usize::from(self.disputed().is_some())
    }

    /// As others are told.
    pub(super) fn shown(&self, peer: Option<&str>) -> Value {
        let games = self.game.iter().map(|game| {
            let moves: Vec<Value> = game
                .moves
                .iter()
                .map(|played| {
                    json!({
                        "block": played.block,
                        "from_tick": played.span.same.to_string(),
                        "to_tick": played.span.different.to_string(),
                        "sections": played.sections,
                    })
                })
                .collect();
            json!({
                "inbox_level": game.inbox_level,
                "our_commitment": COMMITMENT.encode(&game.ours),
                "their_commitment": game.theirs,
                "level": game.level,
                "moves": moves,
                "tick": game.span.is_one().then(|| game.span.different.to_string()),
                "outcome": game.outcome.name(),
            })
        });
        json!({
            "peer": peer,
            "agreed_level": (self.agreed > i32::MIN).then_some(self.agreed),
            "games": games.collect::<Vec<_>>(),
            "waiting_for": self.complaint,
        })
    }
}

/// Looks for a conflict after a block, or plays the next move.
///
/// # Errors
/// When a game is lost: the node must not go on.
pub(super) fn after_block(node: &Node, block: &Block) -> Result<(), String> {
    let Some(url) = node.settings.loser_peer.as_deref() else {
        return Ok(());
    };
    let (over, game) = {
        let live = node.live();
        (live.refutation.over, live.refutation.game.clone())
    };
    if over {
        return Ok(());
    }
    let peer = Peer(url);
    let played = match game {
        Some(mut game) => play(node, &peer, block, &mut game).map(|()| Some(game)),
        None => look(node, &peer, block),
    };
    let mut live = node.live();
    let refutation = &mut live.refutation;
    match played {
        Ok(game) => {
            refutation.complaint = None;
            let Some(game) = game else { return Ok(()) };
            let outcome = game.outcome;
            let text = format!(
                "refutation game about inbox level {} {}: the states differ from tick {} of level {} on",
                game.inbox_level,
                outcome.name(),
                game.span.different,
                game.level
            );
            refutation.over = outcome != Outcome::Ongoing;
            refutation.game = Some(game);
            match outcome {
                Outcome::Ongoing => Ok(()),
                Outcome::Won => {
                    log::notice(&format!("Won: {text}"));
                    Ok(())
                }
                Outcome::Lost | Outcome::Draw => Err(text),
            }
        }
        Err(why) => {
            if refutation.complaint.as_ref() != Some(&why) {
                log::notice(&format!("Warning: the other node cannot be asked: {why}"));
            }
            refutation.complaint = Some(why);
            Ok(())
        }
    }
}

/// Compares commitments that are published on both sides; a game when two have the same predecessor and differ.
fn look(node: &Node, peer: &Peer<'_>, block: &Block) -> Result<Option<Game>, String> {
    let constants = &node.settings.constants;
    let period = constants.commitment_period.max(1);
    let mut agreed = node.live().refutation.agreed;
    if agreed < block.cemented.0 {
        agreed = block.cemented.0;
        let theirs = peer.commitment(agreed)?;
        if theirs != COMMITMENT.encode(&block.cemented.1).as_str() {
            node.live().refutation.over = true;
            log::notice(&format!(
                "Warning: the other node contradicts the cemented commitment of inbox level {agreed}: nothing is left to refute"
            ));
            return Ok(None);
        }
        node.live().refutation.agreed = agreed;
    }
    loop {
        let next = agreed + period;
        if next > constants.published_by(block.level) {
            return Ok(None);
        }
        let kept = node.store.block(next)?;
        let Some(ours) = kept.and_then(|block| block.commitment) else {
            return Ok(None);
        };
        let ours = ours.hash();
        if peer.level("/global/tezos_level", "")? < next {
            return Ok(None);
        }
        let theirs = peer.commitment(next)?;
        let Some(theirs) = theirs.as_str().map(str::to_owned) else {
            return Ok(None);
        };
        let published = peer.get(&format!("/local/commitments/{theirs}"))?;
        if published["published_at_level"].is_null() {
            return Ok(None);
        }
        if theirs != COMMITMENT.encode(&ours) {
            return conflict(node, peer, agreed, next, ours, theirs).map(Some);
        }
        agreed = next;
        node.live().refutation.agreed = agreed;
    }
}

/// The first level between two commitments that differ where the states do, too.
fn conflict(
    node: &Node,
    peer: &Peer<'_>,
    agreed: i32,
    inbox_level: i32,
    ours: Hash,
    theirs: String,
) -> Result<Game, String> {
    for level in agreed + 1..=inbox_level {
        let missing = || format!("Cannot retrieve hash of level {level}");
        let block = node.store.block(level)?.ok_or_else(missing)?;
        if peer.messages(level)? != block.messages {
            return Err(format!(
                "it had different messages at level {level}, about which there is no dispute"
            ));
        }
        if peer.state(level)? == STATE.encode(&block.state_hash()) {
            continue;
        }
        let shown = COMMITMENT.encode(&ours);
        log::notice(&format!(
            "Conflict at inbox level {inbox_level}: {theirs} of {} against {shown}",
            peer.0
        ));
        if node.settings.mode == Mode::Accuser {
            log::notice(&format!(
                "Publishing commitment {shown} for inbox level {inbox_level}"
            ));
        }
        return Ok(Game {
            inbox_level,
            ours,
            theirs,
            level,
            span: Span::of(block.num_ticks, peer.ticks(level)?),
            moves: Vec::new(),
            outcome: Outcome::Ongoing,
        });
    }
    Err(format!(
        "its commitments of inbox level {inbox_level} differ where no state does"
    ))
}

/// Plays a move; behind the last one the tick is evaluated.
fn play(node: &Node, peer: &Peer<'_>, block: &Block, game: &mut Game) -> Result<(), String> {
    let own = |ticks: &[u64], honest: bool| -> Result<Vec<Option<String>>, String> {
        let states = dissect::evaluated(node, game.level, ticks, honest)?;
        let shown = states
            .into_iter()
            .map(|state| state.map(|state| STATE.encode(&state)));
        Ok(shown.collect())
    };
    if !game.span.is_one() {
        let (ticks, span) = (game.span.sections(), game.span);
        let (ours, theirs) = (own(&ticks, false)?, peer.states(game.level, &ticks)?);
        game.span.narrow(&ticks, &ours, &theirs)?;
        game.moves.push(Move {
            block: block.level,
            span,
            sections: ticks.len(),
        });
        log::notice(&format!(
            "Refutation move {}: {} sections from tick {} to {} of level {}",
            game.moves.len(),
            ticks.len(),
            span.same,
            span.different,
            game.level
        ));
        return Ok(());
    }
    let tick = [game.span.different];
    let right = own(&tick, true)?;
    let (ours, theirs) = (own(&tick, false)?, peer.states(game.level, &tick)?);
    game.outcome = match (ours == right, theirs == right) {
        (true, false) => Outcome::Won,
        (false, true) => Outcome::Lost,
        _ => Outcome::Draw,
    };
    Ok(())
}
