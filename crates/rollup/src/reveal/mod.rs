//! Data from outside the inbox that a kernel asks for: what it can ask, how it asks, and pages of data (section 6).

pub mod dac;

use std::fmt;

use crate::encoding::base58::REVEAL;
use crate::encoding::hash::{Hash, blake2b};
use crate::encoding::reader::Reader;

/// The largest answer in bytes.
pub const MAX_REVEAL: usize = 4096;

/// What a kernel asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// The bytes with this BLAKE2b hash.
    Preimage(Hash),
    /// The rollup's address and the level it began at.
    Metadata,
    /// A page of the data availability layer.
    DalPage {
        /// The level at which the slot was published.
        level: i32,
        /// The slot.
        slot: u8,
        /// The page within it.
        page: i16,
    },
    /// The parameters of that layer.
    DalParameters,
}

impl Request {
    /// A request for a preimage by the bytes of its hash: a zero and 32 bytes; anything else stands for the hash of
    /// nothing.
    pub fn preimage(hash: &[u8]) -> Self {
        match hash {
            [0, hash @ ..] if hash.len() == 32 => {
                Self::Preimage(hash.try_into().unwrap_or_default())
            }
            _ => Self::Preimage(blake2b(&[])),
        }
    }

    /// A request as the host function `reveal` takes it.
    pub fn decode(payload: &[u8]) -> Self {
        let decode = || {
            let mut reader = Reader::new(payload);
            let request = match reader.byte()? {
                0 => Self::preimage(reader.take(33)?),
                1 => Self::Metadata,
                2 => Self::DalPage {
                    level: i32::from_be_bytes(reader.array()?),
                    slot: reader.byte()?,
                    page: i16::from_be_bytes(reader.array()?),
                },
                3 => Self::DalParameters,
                _ => return None,
            };
            reader.is_empty().then_some(request)
        };
        decode().unwrap_or_else(|| Self::preimage(&[]))
    }

    /// The name of the file that holds the answer, 66 digits for a preimage; nothing for what is no file.
    pub fn file_name(&self) -> Option<String> {
        match self {
            Self::Preimage(hash) => Some(format!("00{}", hex::encode(hash))),
            Self::DalPage { level, slot, page } => Some(format!("{level}-{slot}-{page}")),
            Self::Metadata | Self::DalParameters => None,
        }
    }
}

/// As in `Waiting for reveal: …`.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preimage(hash) => f.write_str(&REVEAL.encode(hash)),
            Self::Metadata => f.write_str("Reveal metadata"),
            Self::DalPage { level, slot, page } => write!(f, "DAL:{level}:{slot}:{page}"),
            Self::DalParameters => f.write_str("Reveal DAL parameters"),
        }
    }
}

/// The answer to a request for metadata.
pub fn metadata(rollup: &[u8; 20], origination_level: i32) -> Vec<u8> {
    [&rollup[..], &origination_level.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_any_other_shape_ask_for_the_preimage_of_nothing() {
        let nothing = Request::Preimage(blake2b(b""));
        for odd in [&[][..], &[0; 32], &[1; 33], &[0; 34]] {
            assert_eq!(Request::preimage(odd), nothing);
        }
        assert_eq!(Request::preimage(&[0; 33]), Request::Preimage([0; 32]));
        for (payload, request) in [
            (&[1][..], Request::Metadata),
            (&[3], Request::DalParameters),
            (
                &[2, 0, 0, 0, 9, 7, 0, 5],
                Request::DalPage {
                    level: 9,
                    slot: 7,
                    page: 5,
                },
            ),
            (&[0; 34], Request::Preimage([0; 32])),
            (&[1, 1], nothing),
            (&[4], nothing),
            (&[], nothing),
        ] {
            assert_eq!(Request::decode(payload), request, "{payload:?}");
        }
    }
}
