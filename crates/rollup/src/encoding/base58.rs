//! Texts with a checksum: `KT1…`, `tz1…`, `sr1…`, `scrrh1…`, `B…`. A kind is its prefix bytes and its length.

use thiserror::Error;

/// A kind of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// What the bytes are called in errors.
    pub name: &'static str,
    prefix: &'static [u8],
    len: usize,
}

const fn kind(name: &'static str, prefix: &'static [u8], len: usize) -> Kind {
    Kind { name, prefix, len }
}

/// `KT1…`: 20 bytes.
pub const CONTRACT: Kind = kind("contract hash (KT1…)", &[0x02, 0x5a, 0x79], 20);
/// `tz1…`: 20 bytes, a key of ed25519.
pub const ED25519: Kind = kind("public key hash (tz1…)", &[0x06, 0xa1, 0x9f], 20);
/// `tz2…`: 20 bytes, a key of secp256k1.
pub const SECP256K1: Kind = kind("public key hash (tz2…)", &[0x06, 0xa1, 0xa1], 20);
/// `tz3…`: 20 bytes, a key of p256.
pub const P256: Kind = kind("public key hash (tz3…)", &[0x06, 0xa1, 0xa4], 20);
/// `tz4…`: 20 bytes, a key of BLS.
pub const BLS: Kind = kind("public key hash (tz4…)", &[0x06, 0xa1, 0xa6], 20);
/// `sr1…`: 20 bytes.
pub const ROLLUP: Kind = kind("smart rollup address (sr1…)", &[0x06, 0x7c, 0x75], 20);
/// `B…`: 32 bytes.
pub const BLOCK: Kind = kind("block hash (B…)", &[0x01, 0x34], 32);
/// `scrrh1…`: 32 bytes, a hash whose preimage can be revealed.
pub const REVEAL: Kind = kind("reveal hash (scrrh1…)", &[0xe6, 0xce, 0x80, 0xc8, 0xc4], 32);

/// `srib1…`: the hash of an inbox's history.
pub const INBOX: Kind = kind("inbox hash (srib1…)", &[0x03, 0xff, 0x8a, 0x91, 0x6e], 32);
/// `srib2…`: the hash of all messages of a level.
pub const WITNESS: Kind = kind(
    "inbox messages hash (srib2…)",
    &[0x03, 0xff, 0x8a, 0x91, 0x8c],
    32,
);
/// `srib3…`: the hash of a message.
pub const PAYLOAD: Kind = kind(
    "inbox message hash (srib3…)",
    &[0x03, 0xff, 0x8a, 0x91, 0xaa],
    32,
);
/// `src1…`: a commitment.
pub const COMMITMENT: Kind = kind("commitment hash (src1…)", &[0x11, 0xa5, 0x86, 0x8a], 32);
/// `srs1…`: the hash of a state.
pub const STATE: Kind = kind("state hash (srs1…)", &[0x11, 0xa5, 0xeb, 0xf0], 32);
/// `scmsg…`: a message of the batcher.
pub const MESSAGE: Kind = kind("message hash (scmsg…)", &[0x03, 0xfa, 0xb3, 0xf7, 0xc4], 32);
/// `o…`: an operation of Layer 1.
pub const OPERATION: Kind = kind("operation hash (o…)", &[0x05, 0x74], 32);

/// Why a text is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Base58Error {
    /// A character that base58 does not have, at this byte.
    #[error("character {0} of it is not one of base58")]
    Character(usize),
    /// The last four bytes do not fit the rest.
    #[error("its checksum is wrong")]
    Checksum,
    /// A good text of another kind.
    #[error("it is not a {0}")]
    Kind(&'static str),
}

impl Kind {
    /// The text of these bytes.
    pub fn encode(&self, bytes: &[u8]) -> String {
        bs58::encode([self.prefix, bytes].concat())
            .with_check()
            .into_string()
    }

    /// The bytes of a text.
    pub fn decode(&self, text: &str) -> Result<Vec<u8>, Base58Error> {
        use bs58::decode::Error;
        let bytes =
            bs58::decode(text)
                .with_check(None)
                .into_vec()
                .map_err(|error| match error {
                    Error::InvalidCharacter { index, .. } => Base58Error::Character(index + 1),
                    Error::NonAsciiCharacter { index } => Base58Error::Character(index + 1),
                    _ => Base58Error::Checksum,
                })?;
        match bytes.strip_prefix(self.prefix) {
            Some(payload) if payload.len() == self.len => Ok(payload.to_vec()),
            _ => Err(Base58Error::Kind(self.name)),
        }
    }

    /// The 20 bytes of an address.
    pub fn address(&self, text: &str) -> Result<[u8; 20], Base58Error> {
        let bytes = self.decode(text)?;
        bytes.try_into().map_err(|_| Base58Error::Kind(self.name))
    }
}

/// The kinds of public key hashes, in the order of their tags in messages.
pub const KEYS: [Kind; 4] = [ED25519, SECP256K1, P256, BLS];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_zero_bytes_are_the_published_default_addresses() {
        for (kind, text) in [
            (CONTRACT, "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT"),
            (ED25519, "tz1Ke2h7sDdakHJQh8WX4Z372du1KChsksyU"),
            (ROLLUP, "sr163Lv22CdE8QagCwf48PWDTquk6isQwv57"),
        ] {
            assert_eq!(kind.encode(&[0; 20]), text);
            assert_eq!(kind.address(text), Ok([0; 20]));
        }
        assert_eq!(
            BLOCK.encode(&[0; 32]),
            "BKiHLREqU3JkXfzEDYAkmmfX48gBDtYhMrpA98s7Aq4SzbUAB6M"
        );
        assert_eq!(
            REVEAL.encode(&crate::encoding::hash::blake2b(b"")),
            "scrrh12qH6GWo3N8cAhJLQYHktNnVmQrCunrwxixKeUeDLScsrBRVFfX"
        );
        assert_eq!(
            CONTRACT.encode(&hex::decode("d1a37c088a1221b636bb5fccb35e05181038ba7c").unwrap()),
            "KT1ThEdxfUcWUwqsdergy3QnbCWGHSUHeHJq"
        );
    }

    #[test]
    fn a_wrong_text_says_what_is_wrong() {
        for (text, error) in [
            (
                "KT18amZmM5W7qDWVt2pH6uj7sCEd3kbzLrHT",
                Base58Error::Kind(ROLLUP.name),
            ),
            (
                "sr163Lv22CdE8QagCwf48PWDTquk6isQwv58",
                Base58Error::Checksum,
            ),
            ("sr1_", Base58Error::Character(4)),
            ("sr1ä", Base58Error::Character(4)),
            ("", Base58Error::Checksum),
        ] {
            assert_eq!(ROLLUP.decode(text), Err(error), "{text}");
        }
    }
}
