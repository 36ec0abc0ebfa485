//! The program of an installer: instructions as bytes, in the section `config` at the end of its module.

use crate::storage::Path;

/// What an installer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// Puts revealed data under a key.
    Reveal {
        /// 33 bytes, the scheme first.
        hash: Vec<u8>,
        /// The key.
        to: Path,
    },
    /// Moves what is under a key.
    Move {
        /// The key it was under.
        from: Path,
        /// The key it will be under.
        to: Path,
    },
    /// Puts bytes under a key.
    Set {
        /// The bytes.
        value: Vec<u8>,
        /// The key.
        to: Path,
    },
}

impl Instruction {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Reveal { hash, to } => {
                out.push(0);
                long(&mut out, hash);
                short(&mut out, to);
            }
            Self::Move { from, to } => {
                out.push(1);
                short(&mut out, from);
                short(&mut out, to);
            }
            Self::Set { value, to } => {
                out.push(2);
                long(&mut out, value);
                short(&mut out, to);
            }
        }
        out
    }
}

fn long(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_le_bytes());
    out.extend(bytes);
}

/// A key has 240 bytes at most, so one byte holds its length.
fn short(out: &mut Vec<u8>, path: &Path) {
    out.push(path.as_str().len() as u8);
    out.extend(path.as_str().as_bytes());
}

/// Appends the section to a module.
pub(super) fn append(program: &[Instruction], wasm: &mut Vec<u8>) {
    let mut body = Vec::new();
    for instruction in program {
        long(&mut body, &instruction.encode());
    }
    body.extend((body.len() as u32).to_le_bytes());
    let section = wasm_encoder::CustomSection {
        name: "config".into(),
        data: body.into(),
    };
    wasm_encoder::Section::append_to(&section, wasm);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_layout() {
        let mut wasm = Vec::new();
        append(
            &[Instruction::Move {
                from: Path::known("/a"),
                to: Path::known("/b/c"),
            }],
            &mut wasm,
        );
        let body = "0900000001022f61042f622f63";
        assert_eq!(
            hex::encode(wasm),
            format!("001806636f6e666967{body}0d000000")
        );
        let set = Instruction::Set {
            value: vec![7, 8],
            to: Path::known("/a"),
        };
        assert_eq!(hex::encode(set.encode()), "02020000000708022f61");
        let reveal = Instruction::Reveal {
            hash: vec![9; 33],
            to: Path::known("/a"),
        };
        assert_eq!(
            hex::encode(reveal.encode()),
            format!("0021000000{}022f61", "09".repeat(33))
        );
    }
}
