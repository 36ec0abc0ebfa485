//! The bytes of inbox messages, both ways (kernel-debugger.md, section 2.3).

use crate::encoding::base58;
use crate::encoding::hash::Hash;
use crate::encoding::reader::{Reader, put_block};
use crate::micheline::{Expr, binary};

/// The first message of every level.
pub const START_OF_LEVEL: [u8; 2] = [0, 1];
/// The last message of every level.
pub const END_OF_LEVEL: [u8; 2] = [0, 2];

/// What kernels learn of the block before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// The predecessor's time in seconds since 1970.
    pub timestamp: i64,
    /// The predecessor's hash.
    pub predecessor: Hash,
}

/// A message from a contract of Layer 1 to a rollup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// What the contract says.
    pub payload: Expr,
    /// The contract.
    pub sender: [u8; 20],
    /// Who began the operation: the kind of key by its tag, 0 to 3, and its hash.
    pub source: (u8, [u8; 20]),
    /// The rollup it is meant for.
    pub destination: [u8; 20],
}

/// A message as it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// See [`START_OF_LEVEL`].
    StartOfLevel,
    /// See [`END_OF_LEVEL`].
    EndOfLevel,
    /// The block before.
    InfoPerLevel(Info),
    /// A protocol with this name has begun.
    ProtocolMigration(String),
    /// A transfer.
    Transfer(Transfer),
    /// Bytes that somebody sent.
    External(Vec<u8>),
}

/// The bytes of an external message.
pub fn external(payload: &[u8]) -> Vec<u8> {
    [&[1], payload].concat()
}

/// The bytes of the information on a level.
pub fn info(info: &Info) -> Vec<u8> {
    [
        &[0, 3][..],
        &info.timestamp.to_be_bytes(),
        &info.predecessor,
    ]
    .concat()
}

/// The bytes of a protocol's beginning.
pub fn migration(protocol: &str) -> Vec<u8> {
    let mut out = vec![0, 4];
    put_block(&mut out, protocol.as_bytes());
    out
}

/// The bytes of a transfer.
pub fn transfer(transfer: &Transfer) -> Vec<u8> {
    let mut out = vec![0, 0];
    binary::encode(&transfer.payload, &mut out);
    out.extend(transfer.sender);
    out.push(transfer.source.0);
    out.extend(transfer.source.1);
    out.extend(transfer.destination);
    out
}

impl Message {
    /// Understands the bytes of a message; `None` when they are none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [1, payload @ ..] => return Some(Self::External(payload.to_vec())),
            [0, 1] => return Some(Self::StartOfLevel),
            [0, 2] => return Some(Self::EndOfLevel),
            _ => {}
        }
        let mut reader = Reader::new(bytes.get(2..)?);
        let message = match bytes[..2] {
            [0, 0] => Self::Transfer(Transfer {
                payload: binary::decode(&mut reader)?,
                sender: reader.array()?,
                source: {
                    let tag = reader
                        .byte()
                        .filter(|tag| usize::from(*tag) < base58::KEYS.len())?;
                    (tag, reader.array()?)
                },
                destination: reader.array()?,
            }),
            [0, 3] => Self::InfoPerLevel(Info {
                timestamp: i64::from_be_bytes(reader.array()?),
                predecessor: reader.array()?,
            }),
            [0, 4] => Self::ProtocolMigration(String::from_utf8(reader.block()?.to_vec()).ok()?),
            _ => return None,
        };
        reader.is_empty().then_some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::micheline::text;

    fn transfer_of(payload: &str) -> Transfer {
        Transfer {
            payload: text::parse(payload).unwrap(),
            sender: [0; 20],
            source: (0, [0; 20]),
            destination: [0; 20],
        }
    }

    #[test]
    fn the_published_bytes() {
        let zeroes = "00".repeat(61);
        assert_eq!(
            hex::encode(transfer(&transfer_of("0"))),
            format!("00000000{zeroes}")
        );
        assert_eq!(
            hex::encode(transfer(&transfer_of("Pair Unit False"))),
            format!("00000707030b0303{zeroes}")
        );
        assert_eq!(
            hex::encode(migration("nairobi_017")),
            "00040000000b6e6169726f62695f303137"
        );
        assert_eq!(info(&Info::default()), [&[0, 3][..], &[0; 40]].concat());
    }

    #[test]
    fn every_message_comes_back() {
        let messages = [
            (START_OF_LEVEL.to_vec(), Message::StartOfLevel),
            (END_OF_LEVEL.to_vec(), Message::EndOfLevel),
            (
                info(&Info::default()),
                Message::InfoPerLevel(Info::default()),
            ),
            (migration("a"), Message::ProtocolMigration("a".into())),
            (
                transfer(&transfer_of("{1;\"a\"}")),
                Message::Transfer(transfer_of("{1;\"a\"}")),
            ),
            (external(b"hi"), Message::External(b"hi".to_vec())),
        ];
        for (bytes, message) in messages {
            assert_eq!(Message::decode(&bytes), Some(message));
            if bytes[0] == 0 {
                assert_eq!(Message::decode(&[&bytes[..], &[0]].concat()), None);
                assert_eq!(Message::decode(&bytes[..bytes.len() - 1]), None);
            }
        }
        assert_eq!(Message::decode(&[]), None);
        assert_eq!(Message::decode(&[9, 9]), None);
    }
}
