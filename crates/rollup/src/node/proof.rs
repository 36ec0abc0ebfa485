//! Proofs that a message is in the outbox of a committed state: our own format, which our client verifies and no real
//! protocol accepts (rollup-node.md, section 8.3).
//!
//! The outboxes of all levels are a chain of hashes: every level with messages adds a link over the link before, its
//! number and the hashes of its messages. A proof is the level's own link, the links behind it, and the rest of the state
//! and of the commitment.

use super::block::State;
use super::commitment::Commitment;
use crate::encoding::hash::{Hash, blake2b};
use crate::encoding::reader::{Reader, put_block};

/// What a proof begins with.
const MAGIC: &[u8; 4] = b"SBP1";

/// The hashes of a level's messages.
pub fn message_hashes(messages: &[Vec<u8>]) -> Vec<Hash> {
    let leaf = |message: &Vec<u8>| blake2b(&[&[4][..], message].concat());
    messages.iter().map(leaf).collect()
}

fn level_hash(messages: &[Hash]) -> Hash {
    blake2b(&[&[3][..], &messages.concat()].concat())
}

fn link(before: &Hash, level: i32, messages: &Hash) -> Hash {
    blake2b(&[&[2][..], before, &level.to_be_bytes(), messages].concat())
}

/// The chain with one more level; one without messages adds nothing.
pub fn chain(before: Hash, level: i32, messages: &[Vec<u8>]) -> Hash {
    if messages.is_empty() {
        return before;
    }
    link(&before, level, &level_hash(&message_hashes(messages)))
}

/// What a proof says, once it has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The message.
    pub message: Vec<u8>,
    /// The level of its outbox.
    pub level: i32,
    /// Its number there.
    pub index: u32,
    /// The commitment whose state holds it.
    pub commitment: Hash,
}

/// Makes a proof. `later` are the levels with messages between the message's own and the commitment's, in order.
pub fn prove(
    message: &[u8],
    index: u32,
    (level, messages): (i32, &[Vec<u8>]),
    before: Hash,
    later: &[(i32, Vec<Vec<u8>>)],
    state: &State,
    commitment: &Commitment,
) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    put_block(&mut out, message);
    out.extend(level.to_be_bytes());
    out.extend(index.to_be_bytes());
    put_block(&mut out, &message_hashes(messages).concat());
    out.extend(before);
    let mut links = Vec::new();
    for (level, messages) in later {
        links.extend(level.to_be_bytes());
        links.extend(level_hash(&message_hashes(messages)));
    }
    put_block(&mut out, &links);
    out.extend(state.durable);
    out.extend(state.level.to_be_bytes());
    out.extend(state.ticks.to_be_bytes());
    out.push(state.status);
    out.extend(commitment.predecessor);
    out.extend(commitment.ticks.to_be_bytes());
    out
}

/// Checks that a proof holds together; the commitment it is about must then be compared with a cemented one.
pub fn verify(proof: &[u8]) -> Option<Proven> {
    let mut reader = Reader::new(proof);
    if reader.array::<4>()? != *MAGIC {
        return None;
    }
    let message = reader.block()?.to_vec();
    let level = i32::from_be_bytes(reader.array()?);
    let index = reader.u32()?;
    let hashes = hashes(reader.block()?)?;
    if hashes.get(index as usize) != message_hashes(std::slice::from_ref(&message)).first() {
        return None;
    }
    let mut outbox = link(&reader.array()?, level, &level_hash(&hashes));
    let mut links = Reader::new(reader.block()?);
    while !links.is_empty() {
        let level = i32::from_be_bytes(links.array()?);
        outbox = link(&outbox, level, &links.array()?);
    }
    let state = State {
        durable: reader.array()?,
        outbox,
        level: i32::from_be_bytes(reader.array()?),
        ticks: u64::from_be_bytes(reader.array()?),
        status: reader.byte()?,
    };
    let commitment = Commitment {
        state: state.hash(),
        level: state.level,
        predecessor: reader.array()?,
        ticks: u64::from_be_bytes(reader.array()?),
    };
    reader.is_empty().then(|| Proven {
        message,
        level,
        index,
        commitment: commitment.hash(),
    })
}

fn hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    rest.is_empty().then(|| hashes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_leads_to_the_commitment_and_no_byte_of_it_can_be_changed() {
        let levels = [
            (3, vec![b"first".to_vec()]),
            (5, vec![b"one".to_vec(), b"two".to_vec()]),
            (9, vec![b"later".to_vec()]),
        ];
        let mut chains = vec![[0; 32]];
        for (level, messages) in &levels {
            chains.push(chain(chains[chains.len() - 1], *level, messages));
        }
        assert_eq!(chain(chains[3], 10, &[]), chains[3]);
        let state = State {
            durable: [7; 32],
            outbox: chains[3],
            level: 20,
            ticks: 99,
            status: 0,
        };
        let commitment = Commitment {
            state: state.hash(),
            level: 20,
            predecessor: [1; 32],
            ticks: 50,
        };
        let proof = prove(
            b"two",
            1,
            (5, &levels[1].1),
            chains[1],
            &levels[2..],
            &state,
            &commitment,
        );
        let proven = verify(&proof).unwrap();
        assert_eq!(
            (proven.message.as_slice(), proven.level, proven.index),
            (&b"two"[..], 5, 1)
        );
        assert_eq!(proven.commitment, commitment.hash());
        for at in 0..proof.len() {
            let mut wrong = proof.clone();
            wrong[at] ^= 1;
            let other = verify(&wrong);
            assert!(
                other.is_none_or(|other| other.commitment != proven.commitment),
                "byte {at}"
            );
            assert_eq!(verify(&proof[..at]), None);
        }
    }
}
