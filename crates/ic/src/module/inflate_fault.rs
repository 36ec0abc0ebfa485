//! Finds out where a damaged deflate stream first refers to data before its own beginning, because the replica's
//! error text tells. Slow and simple; only asked after the real decoder has failed. Extracts nothing.

/// A reference that reaches back further than anything the stream has produced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReferenceBeforeStart {
    /// Bytes the stream had produced by then.
    pub produced: u64,
    /// How far back it wanted to go, in bytes.
    pub distance: u64,
}

/// The first such reference of a raw deflate stream (RFC 1951), if nothing else is wrong before it.
pub(super) fn reference_before_start(stream: &[u8]) -> Option<ReferenceBeforeStart> {
    let mut bits = Bits {
        stream,
        position: 0,
    };
    let mut produced = 0;
    loop {
        let last = bits.take(1)? == 1;
        let (literals, distances) = match bits.take(2)? {
            0 => {
                produced += bits.skip_stored()?;
                if last {
                    return None;
                }
                continue;
            }
            1 => fixed_codes(),
            2 => dynamic_codes(&mut bits)?,
            _ => return None,
        };
        if let Some(reference) = walk_block(&mut bits, &literals, &distances, &mut produced)? {
            return Some(reference);
        }
        if last {
            return None;
        }
    }
}

const END_OF_BLOCK: u16 = 256;

/// One compressed block. `None` if the stream ends or is damaged otherwise.
fn walk_block(
    bits: &mut Bits<'_>,
    literals: &Code,
    distances: &Code,
    produced: &mut u64,
) -> Option<Option<ReferenceBeforeStart>> {
    loop {
        match literals.read(bits)? {
            0..END_OF_BLOCK => *produced += 1,
            END_OF_BLOCK => return Some(None),
            symbol => {
                let length = match symbol - 257 {
                    28 => 258,
                    index @ 0..8 => u64::from(index) + 3,
                    index @ 8..28 => 3 + stepped(index, 4, bits)?,
                    _ => return None,
                };
                let distance = match distances.read(bits)? {
                    symbol @ 0..4 => u64::from(symbol) + 1,
                    symbol @ 4..30 => 1 + stepped(symbol, 2, bits)?,
                    _ => return None,
                };
                if distance > *produced {
                    return Some(Some(ReferenceBeforeStart {
                        produced: *produced,
                        distance,
                    }));
                }
                *produced += length;
            }
        }
    }
}

/// Lengths and distances grow alike: after the first two groups, every group of `per_step` symbols has one more extra bit.
fn stepped(symbol: u16, per_step: u16, bits: &mut Bits<'_>) -> Option<u64> {
    let extra = u32::from(symbol / per_step - 1);
    let base = u64::from(per_step + symbol % per_step) << extra;
    Some(base + u64::from(bits.take(extra)?))
}

/// A stream read from the low bit of each byte on.
struct Bits<'a> {
    stream: &'a [u8],
    position: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for bit in 0..count {
            let byte = *self.stream.get(self.position / 8)?;
            value |= u32::from(byte >> (self.position % 8) & 1) << bit;
            self.position += 1;
        }
        Some(value)
    }

    /// An uncompressed block: its length, the complement of that, its bytes.
    fn skip_stored(&mut self) -> Option<u64> {
        let start = self.position.div_ceil(8);
        let length = u16::from_le_bytes(*self.stream.get(start..)?.first_chunk()?);
        self.position = (start + 4 + usize::from(length)) * 8;
        Some(u64::from(length))
    }
}

/// A canonical Huffman code.
struct Code {
    /// How many symbols have a code of each length.
    counts: [u16; 16],
    /// The symbols that have a code, in the order of their codes.
    symbols: Vec<u16>,
}

impl Code {
    fn new(lengths: &[u8]) -> Code {
        let mut counts = [0; 16];
        let mut symbols: Vec<u16> = (0..lengths.len() as u16)
            .filter(|symbol| lengths[usize::from(*symbol)] > 0)
            .collect();
        symbols.sort_by_key(|symbol| lengths[usize::from(*symbol)]);
        for symbol in &symbols {
            counts[usize::from(lengths[usize::from(*symbol)])] += 1;
        }
        Code { counts, symbols }
    }

    fn read(&self, bits: &mut Bits<'_>) -> Option<u16> {
        let (mut code, mut first, mut index) = (0_i32, 0_i32, 0_i32);
        for count in &self.counts[1..] {
            let count = i32::from(*count);
            code |= bits.take(1)? as i32;
            if code - first < count {
                return self.symbols.get((index + code - first) as usize).copied();
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}

fn fixed_codes() -> (Code, Code) {
    let mut lengths = [8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    (Code::new(&lengths), Code::new(&[5; 30]))
}

/// The two codes of a dynamic block, whose lengths are themselves compressed.
fn dynamic_codes(bits: &mut Bits<'_>) -> Option<(Code, Code)> {
    const ORDER: [usize; 19] = [
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    ];
    let literals = bits.take(5)? as usize + 257;
    let distances = bits.take(5)? as usize + 1;
    let given = bits.take(4)? as usize + 4;
    let mut lengths = [0; 19];
    for position in &ORDER[..given] {
        lengths[*position] = bits.take(3)? as u8;
    }
    let code = Code::new(&lengths);
    let mut lengths = Vec::with_capacity(literals + distances);
    while lengths.len() < literals + distances {
        let (length, times) = match code.read(bits)? {
            16 => (*lengths.last()?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            length => (length as u8, 1),
        };
        lengths.extend(std::iter::repeat_n(length, times as usize));
    }
    let (literals, rest) = lengths.split_at(literals);
    Some((Code::new(literals), Code::new(&rest[..distances])))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::DeflateEncoder};

    use super::*;

    /// Writes bits from the low one of each byte on.
    fn stream(fields: &[(u32, u32)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut position = 0;
        for (value, count) in fields {
            for bit in 0..*count {
                if position % 8 == 0 {
                    bytes.push(0);
                }
                bytes[position / 8] |= ((value >> bit & 1) as u8) << (position % 8);
                position += 1;
            }
        }
        bytes
    }

    /// Huffman codes are written from their high bit on.
    fn code(value: u32, count: u32) -> (u32, u32) {
        (value.reverse_bits() >> (32 - count), count)
    }

    #[test]
    fn a_reference_before_the_start_is_found_with_its_distance() {
        // A fixed block: the literals "ab", length 3 (symbol 257), distance symbol 24 with 11 extra bits.
        let block = stream(&[
            (1, 1),
            (1, 2),
            code(0x30 + 0x61, 8),
            code(0x30 + 0x62, 8),
            code(1, 7),
            code(24, 5),
            (24, 11),
        ]);
        assert_eq!(
            reference_before_start(&block),
            Some(ReferenceBeforeStart {
                produced: 2,
                distance: 4097 + 24
            })
        );
    }

    #[test]
    fn sound_streams_of_every_kind_of_block_have_none() {
        let text: Vec<u8> = (0..40_000_u32)
            .map(|i| (i * i / 7 % 251) as u8 & 0x5f)
            .collect();
        for level in [0, 1, 6, 9] {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
            encoder.write_all(&text).unwrap();
            assert_eq!(reference_before_start(&encoder.finish().unwrap()), None);
        }
        assert_eq!(reference_before_start(&[]), None);
    }

    #[test]
    fn a_reference_behind_dynamic_and_stored_blocks_is_found_too() {
        let text: Vec<u8> = (0..5000_u32).map(|i| (i * i % 251) as u8 & 0x3f).collect();
        for level in [0, 9] {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
            encoder.write_all(&text).unwrap();
            // A flushed stream ends at a byte border and goes on with the next block.
            encoder.flush().unwrap();
            let mut damaged = encoder.get_ref().clone();
            damaged.extend(stream(&[(1, 1), (1, 2), code(1, 7), code(29, 5), (0, 13)]));
            assert_eq!(
                reference_before_start(&damaged),
                Some(ReferenceBeforeStart {
                    produced: 5000,
                    distance: 24577
                }),
                "level {level}"
            );
        }
    }
}
