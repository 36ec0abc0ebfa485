//! Instructions that only compute: comparisons, arithmetic and conversions of integers, by their first byte.

use super::Trap;

/// Does what the byte of an instruction says to the operands on the stack. Numbers of 32 bits lie there zero-extended.
#[inline]
pub(super) fn numeric(byte: u8, stack: &mut Vec<u128>) -> Result<(), Trap> {
    let unary =
        matches!(byte, 0x45 | 0x50 | 0x67..=0x69 | 0x79..=0x7b | 0xa7 | 0xac | 0xad | 0xc0..=0xc4);
    let b = stack.pop().unwrap_or_default() as u64;
    let a = if unary {
        b
    } else {
        stack.pop().unwrap_or_default() as u64
    };
    let (a32, b32) = (a as u32, b as u32);
    let (ai, bi) = (a32 as i32, b32 as i32);
    let (al, bl) = (a as i64, b as i64);
    let flag = u64::from;
    let word = |x: u32| u64::from(x);
    let int = |x: i32| u64::from(x as u32);
    let result = match byte {
        0x45 => flag(a32 == 0),
        0x46 => flag(a32 == b32),
        0x47 => flag(a32 != b32),
        0x48 => flag(ai < bi),
        0x49 => flag(a32 < b32),
        0x4a => flag(ai > bi),
        0x4b => flag(a32 > b32),
        0x4c => flag(ai <= bi),
        0x4d => flag(a32 <= b32),
        0x4e => flag(ai >= bi),
        0x4f => flag(a32 >= b32),
        0x50 => flag(a == 0),
        0x51 => flag(a == b),
        0x52 => flag(a != b),
        0x53 => flag(al < bl),
        0x54 => flag(a < b),
        0x55 => flag(al > bl),
        0x56 => flag(a > b),
        0x57 => flag(al <= bl),
        0x58 => flag(a <= b),
        0x59 => flag(al >= bl),
        0x5a => flag(a >= b),
        0x67 => word(a32.leading_zeros()),
        0x68 => word(a32.trailing_zeros()),
        0x69 => word(a32.count_ones()),
        0x6a => word(a32.wrapping_add(b32)),
        0x6b => word(a32.wrapping_sub(b32)),
        0x6c => word(a32.wrapping_mul(b32)),
        0x6d => int(divided(ai.checked_div(bi), bi == 0)?),
        0x6e => word(a32.checked_div(b32).ok_or(Trap::DivideByZero)?),
        0x6f => int(remainder(ai, bi, i32::wrapping_rem)?),
        0x70 => word(a32.checked_rem(b32).ok_or(Trap::DivideByZero)?),
        0x71 => word(a32 & b32),
        0x72 => word(a32 | b32),
        0x73 => word(a32 ^ b32),
        0x74 => word(a32.wrapping_shl(b32)),
        0x75 => int(ai.wrapping_shr(b32)),
        0x76 => word(a32.wrapping_shr(b32)),
        0x77 => word(a32.rotate_left(b32 % 32)),
        0x78 => word(a32.rotate_right(b32 % 32)),
        0x79 => word(a.leading_zeros()),
        0x7a => word(a.trailing_zeros()),
        0x7b => word(a.count_ones()),
        0x7c => a.wrapping_add(b),
        0x7d => a.wrapping_sub(b),
        0x7e => a.wrapping_mul(b),
        0x7f => divided(al.checked_div(bl), bl == 0)? as u64,
        0x80 => a.checked_div(b).ok_or(Trap::DivideByZero)?,
        0x81 => remainder(al, bl, i64::wrapping_rem)? as u64,
        0x82 => a.checked_rem(b).ok_or(Trap::DivideByZero)?,
        0x83 => a & b,
        0x84 => a | b,
        0x85 => a ^ b,
        0x86 => a.wrapping_shl(b32),
        0x87 => al.wrapping_shr(b32) as u64,
        0x88 => a.wrapping_shr(b32),
        0x89 => a.rotate_left(b32 % 64),
        0x8a => a.rotate_right(b32 % 64),
        0xa7 => word(a32),
        0xac => i64::from(ai) as u64,
        0xad => word(a32),
        0xc0 => int(i32::from(a as i8)),
        0xc1 => int(i32::from(a as i16)),
        0xc2 => i64::from(a as i8) as u64,
        0xc3 => i64::from(a as i16) as u64,
        0xc4 => i64::from(ai) as u64,
        // Floats, which no kernel that was decoded has.
        _ => return Err(Trap::Unreachable),
    };
    stack.push(u128::from(result));
    Ok(())
}

fn divided<T>(quotient: Option<T>, by_zero: bool) -> Result<T, Trap> {
    quotient.ok_or(if by_zero {
        Trap::DivideByZero
    } else {
        Trap::Overflow
    })
}

fn remainder<T: PartialEq + Default>(a: T, b: T, rem: impl Fn(T, T) -> T) -> Result<T, Trap> {
    if b == T::default() {
        Err(Trap::DivideByZero)
    } else {
        Ok(rem(a, b))
    }
}
