//! Instructions on vectors of integers, by the number behind their prefix. Lanes are cut out of the vector and put
//! together again: plain rather than fast, since whole runs are compiled.

/// The lanes of a vector by their width in bits, from the lowest.
fn lane(vector: u128, width: u32, n: u32) -> u64 {
    (vector >> (n * width)) as u64 & mask(width)
}

fn mask(width: u32) -> u64 {
    u64::MAX >> (64 - width)
}

fn signed(value: u64, width: u32) -> i64 {
    ((value << (64 - width)) as i64) >> (64 - width)
}

/// A vector of what a function gives for each lane.
fn build(width: u32, value: impl Fn(u32) -> u64) -> u128 {
    (0..128 / width).fold(0, |vector, n| {
        vector | u128::from(value(n) & mask(width)) << (n * width)
    })
}

fn splat(width: u32, value: u64) -> u128 {
    build(width, |_| value)
}

fn replace(vector: u128, width: u32, n: u32, value: u64) -> u128 {
    build(width, |i| {
        if i == n {
            value
        } else {
            lane(vector, width, i)
        }
    })
}

fn clamp(value: i64, low: i64, high: i64) -> u64 {
    value.clamp(low, high) as u64
}

/// The result of a comparison for every lane: all ones, or none. The order is that of the opcodes.
fn compare(kind: u8, width: u32, a: u128, b: u128) -> u128 {
    build(width, |n| {
        let (x, y) = (lane(a, width, n), lane(b, width, n));
        let (i, j) = (signed(x, width), signed(y, width));
        let holds = match kind {
            0 => x == y,
            1 => x != y,
            2 => i < j,
            3 => x < y,
            4 => i > j,
            5 => x > y,
            6 => i <= j,
            7 => x <= y,
            8 => i >= j,
            _ => x >= y,
        };
        if holds { u64::MAX } else { 0 }
    })
}

/// Lanes of twice the width from one half of a vector.
fn extend(width: u32, high: bool, is_signed: bool, vector: u128) -> u128 {
    let first = if high { 64 / width } else { 0 };
    build(2 * width, |n| {
        let value = lane(vector, width, first + n);
        if is_signed {
            signed(value, width) as u64
        } else {
            value
        }
    })
}

/// Lanes of half the width from two vectors, each as near as it comes.
fn narrow(width: u32, is_signed: bool, a: u128, b: u128) -> u128 {
    let half = width / 2;
    let (low, high) = if is_signed {
        (-(1 << (half - 1)), (1 << (half - 1)) - 1)
    } else {
        (0, (1 << half) - 1)
    };
    let count = 128 / width;
    build(half, |n| {
        let value = if n < count {
            lane(a, width, n)
        } else {
            lane(b, width, n - count)
        };
        clamp(signed(value, width), low, high)
    })
}

/// What all widths have in common, by its distance from the width's first opcode.
fn arithmetic(kind: u8, width: u32, a: u128, b: u128) -> u128 {
    let (least, most) = (i64::MIN >> (64 - width), i64::MAX >> (64 - width));
    build(width, |n| {
        let (x, y) = (lane(a, width, n), lane(b, width, n));
        let (i, j) = (signed(x, width), signed(y, width));
        match kind {
            ADD => x.wrapping_add(y),
            ADD_SAT_S => clamp(i + j, least, most),
            ADD_SAT_U => (x + y).min(mask(width)),
            SUB => x.wrapping_sub(y),
            SUB_SAT_S => clamp(i - j, least, most),
            SUB_SAT_U => x.saturating_sub(y),
            MUL => x.wrapping_mul(y),
            MIN_S => i.min(j) as u64,
            MIN_U => x.min(y),
            MAX_S => i.max(j) as u64,
            MAX_U => x.max(y),
            _ => (x + y).div_ceil(2),
        }
    })
}

const ADD: u8 = 14;
const ADD_SAT_S: u8 = 15;
const ADD_SAT_U: u8 = 16;
const SUB: u8 = 17;
const SUB_SAT_S: u8 = 18;
const SUB_SAT_U: u8 = 19;
const MUL: u8 = 21;
const MIN_S: u8 = 22;
const MIN_U: u8 = 23;
const MAX_S: u8 = 24;
const MAX_U: u8 = 25;
const AVGR: u8 = 27;

/// Bytes of two vectors, by numbers below 32.
pub(super) fn shuffle(a: u128, b: u128, lanes: u128) -> u128 {
    build(8, |n| match lane(lanes, 8, n) as u32 {
        from @ 0..16 => lane(a, 8, from),
        from => lane(b, 8, from - 16),
    })
}

/// Does what an instruction says that touches no memory.
pub(super) fn compute(opcode: u8, index: u8, stack: &mut Vec<u128>) {
    let mut take = || stack.pop().unwrap_or_default();
    let index = u32::from(index);
    let result = match opcode {
        14 => {
            let (lanes, vector) = (take(), take());
            build(8, |n| match lane(lanes, 8, n) as u32 {
                from @ 0..16 => lane(vector, 8, from),
                _ => 0,
            })
        }
        15..=18 => splat(8 << (opcode - 15), take() as u64),
        21 => u128::from(signed(lane(take(), 8, index), 8) as u32),
        22 => u128::from(lane(take(), 8, index)),
        24 => u128::from(signed(lane(take(), 16, index), 16) as u32),
        25 => u128::from(lane(take(), 16, index)),
        27 => u128::from(lane(take(), 32, index)),
        29 => u128::from(lane(take(), 64, index)),
        23 | 26 | 28 | 30 => {
            let width = match opcode {
                23 => 8,
                26 => 16,
                28 => 32,
                _ => 64,
            };
            let (value, vector) = (take() as u64, take());
            replace(vector, width, index, value)
        }
        35..=64 => {
            let (b, a) = (take(), take());
            compare((opcode - 35) % 10, 8 << ((opcode - 35) / 10), a, b)
        }
        214..=219 => {
            // 64 bits are only compared as signed numbers.
            let kind = [0, 1, 2, 4, 6, 8][usize::from(opcode - 214)];
            let (b, a) = (take(), take());
            compare(kind, 64, a, b)
        }
        77 => !take(),
        78..=81 => {
            let (b, a) = (take(), take());
            match opcode {
                78 => a & b,
                79 => a & !b,
                80 => a | b,
                _ => a ^ b,
            }
        }
        82 => {
            let (chooser, b, a) = (take(), take(), take());
            a & chooser | b & !chooser
        }
        83 => u128::from(take() != 0),
        98 => {
            let vector = take();
            build(8, |n| u64::from(lane(vector, 8, n).count_ones()))
        }
        124..=127 => {
            let width = if opcode < 126 { 8 } else { 16 };
            let vector = take();
            build(2 * width, |n| {
                let pair = [2 * n, 2 * n + 1].map(|n| lane(vector, width, n));
                if opcode.is_multiple_of(2) {
                    (signed(pair[0], width) + signed(pair[1], width)) as u64
                } else {
                    pair[0] + pair[1]
                }
            })
        }
        130 => {
            let (b, a) = (take(), take());
            build(16, |n| {
                let product = signed(lane(a, 16, n), 16) * signed(lane(b, 16, n), 16);
                clamp((product + 0x4000) >> 15, -0x8000, 0x7fff)
            })
        }
        186 => {
            let (b, a) = (take(), take());
            build(32, |n| {
                let product =
                    |n| signed(lane(a, 16, n), 16).wrapping_mul(signed(lane(b, 16, n), 16));
                product(2 * n).wrapping_add(product(2 * n + 1)) as u64
            })
        }
        156..=159 | 188..=191 | 220..=223 => {
            let (width, first) = match opcode {
                156..=159 => (8, 156),
                188..=191 => (16, 188),
                _ => (32, 220),
            };
            let kind = opcode - first;
            let (b, a) = (take(), take());
            let wide = |vector| extend(width, kind % 2 == 1, kind < 2, vector);
            arithmetic(MUL, 2 * width, wide(a), wide(b))
        }
        _ => {
            // Four groups of 32 numbers, one for each width.
            let (width, kind) = (8 << (opcode.saturating_sub(96) / 32), opcode % 32);
            match kind {
                0 | 1 => {
                    let vector = take();
                    build(width, |n| {
                        let value = signed(lane(vector, width, n), width);
                        if kind == 1 || value < 0 {
                            value.wrapping_neg() as u64
                        } else {
                            value as u64
                        }
                    })
                }
                3 => {
                    let vector = take();
                    u128::from((0..128 / width).all(|n| lane(vector, width, n) != 0))
                }
                4 => {
                    let vector = take();
                    (0..128 / width).fold(0, |bits, n| {
                        bits | u128::from(lane(vector, width, n) >> (width - 1)) << n
                    })
                }
                5 | 6 => {
                    let (b, a) = (take(), take());
                    narrow(2 * width, kind == 5, a, b)
                }
                7..=10 => extend(width / 2, kind.is_multiple_of(2), kind < 9, take()),
                11..=13 => {
                    let (by, vector) = (take() as u32 % width, take());
                    build(width, |n| {
                        let value = lane(vector, width, n);
                        match kind {
                            11 => value << by,
                            12 => (signed(value, width) >> by) as u64,
                            _ => value >> by,
                        }
                    })
                }
                ADD..=MAX_U | AVGR => {
                    let (b, a) = (take(), take());
                    arithmetic(kind, width, a, b)
                }
                // Floats, which no kernel that was decoded has.
                _ => 0,
            }
        }
    };
    stack.push(result);
}

/// Whether a load needs the vector that it changes a lane of.
pub(super) fn loads_lane(opcode: u8) -> bool {
    matches!(opcode, 84..=87)
}

fn bytes(memory: &[u8], address: u32, offset: u32, n: usize) -> Option<u64> {
    let start = address as usize + offset as usize;
    let mut out = [0; 8];
    out[..n].copy_from_slice(memory.get(start..start + n)?);
    Some(u64::from_le_bytes(out))
}

/// The vector that a load gives; `None` outside of memory.
pub(super) fn load(
    opcode: u8,
    index: u8,
    memory: &[u8],
    address: u32,
    offset: u32,
    before: u128,
) -> Option<u128> {
    let read = |n| bytes(memory, address, offset, n);
    Some(match opcode {
        0 => {
            let start = address as usize + offset as usize;
            u128::from_le_bytes(*memory.get(start..)?.first_chunk()?)
        }
        1..=6 => {
            let width = 8 << ((opcode - 1) / 2);
            extend(width, false, opcode % 2 == 1, u128::from(read(8)?))
        }
        7..=10 => {
            let bytes = 1 << (opcode - 7);
            splat(8 * bytes, read(bytes as usize)?)
        }
        84..=87 => {
            let bytes = 1 << (opcode - 84);
            replace(before, 8 * bytes, u32::from(index), read(bytes as usize)?)
        }
        92 => u128::from(read(4)?),
        _ => u128::from(read(8)?),
    })
}

/// Stores a vector or a lane; `None` outside of memory.
pub(super) fn store(
    opcode: u8,
    index: u8,
    memory: &mut [u8],
    address: u32,
    offset: u32,
    value: u128,
) -> Option<()> {
    let start = address as usize + offset as usize;
    let (n, value) = match opcode {
        11 => (16, value),
        _ => {
            let n = 1 << (opcode - 88);
            let width = 8 * n as u32;
            (n, u128::from(lane(value, width, u32::from(index))))
        }
    };
    memory
        .get_mut(start..start + n)?
        .copy_from_slice(&value.to_le_bytes()[..n]);
    Some(())
}
