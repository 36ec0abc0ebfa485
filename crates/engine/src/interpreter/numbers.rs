//! What WebAssembly's operators on numbers do where Rust's do something else. NaNs are canonical, as in all kinds of code.

use wasmtime::Trap;

/// A value as the bits of its slot; the upper half of a slot that holds 32 bits means nothing.
pub(super) trait Slot: Copy {
    fn from_slot(bits: u64) -> Self;
    fn to_slot(self) -> u64;
}

macro_rules! slots {
    ($($ty:ty: $from:expr, $to:expr;)*) => {$(
        impl Slot for $ty {
            #[inline(always)]
            fn from_slot(bits: u64) -> Self {
                ($from)(bits)
            }
            #[inline(always)]
            fn to_slot(self) -> u64 {
                ($to)(self)
            }
        }
    )*};
}
slots! {
    u32: |bits: u64| bits as u32, |value: u32| u64::from(value);
    i32: |bits: u64| bits as i32, |value: i32| u64::from(value as u32);
    u64: |bits: u64| bits, |value: u64| value;
    i64: |bits: u64| bits as i64, |value: i64| value as u64;
    f32: |bits: u64| f32::from_bits(bits as u32), |value: f32| u64::from(value.to_bits());
    f64: |bits: u64| f64::from_bits(bits), |value: f64| value.to_bits();
    bool: |bits: u64| bits as u32 != 0, |value: bool| u64::from(value);
}

macro_rules! floats {
    ($ty:ident, $bits:ident, $name:ident, $nan:literal) => {
        /// Arithmetic of this width.
        pub(super) mod $name {
            /// The canonical NaN in the place of any other. On the bits: for the compiler one NaN that an operator makes is as good as
            /// another, so that it leaves out a choice between numbers (it did for `sqrt`).
            #[inline(always)]
            pub(in super::super) fn canonical(value: $ty) -> $ty {
                const MAGNITUDE: $bits = $bits::MAX >> 1;
                let bits = value.to_bits();
                match bits & MAGNITUDE > $ty::INFINITY.to_bits() {
                    true => $ty::from_bits($nan),
                    false => $ty::from_bits(bits),
                }
            }

            pub(in super::super) fn min(x: $ty, y: $ty) -> $ty {
                match x.partial_cmp(&y) {
                    None => $ty::from_bits($nan),
                    Some(std::cmp::Ordering::Less) => x,
                    Some(std::cmp::Ordering::Greater) => y,
                    // Of two zeros the negative one.
                    Some(std::cmp::Ordering::Equal) => $ty::from_bits(x.to_bits() | y.to_bits()),
                }
            }

            pub(in super::super) fn max(x: $ty, y: $ty) -> $ty {
                match x.partial_cmp(&y) {
                    None => $ty::from_bits($nan),
                    Some(std::cmp::Ordering::Less) => y,
                    Some(std::cmp::Ordering::Greater) => x,
                    // Of two zeros the positive one.
                    Some(std::cmp::Ordering::Equal) => $ty::from_bits(x.to_bits() & y.to_bits()),
                }
            }
        }
    };
}
floats!(f32, u32, single, 0x7fc0_0000);
floats!(f64, u64, double, 0x7ff8_0000_0000_0000);

/// A float as an integer of a type that holds the values strictly between these two; a smaller float is exact in a larger one.
#[inline]
fn truncate(value: f64, above: f64, below: f64) -> Result<f64, Trap> {
    if value.is_nan() {
        return Err(Trap::BadConversionToInteger);
    }
    match value > above && value < below {
        true => Ok(value),
        false => Err(Trap::IntegerOverflow),
    }
}

pub(super) fn to_i32(value: f64) -> Result<i32, Trap> {
    Ok(truncate(value, -2_147_483_649.0, 2_147_483_648.0)? as i32)
}

pub(super) fn to_u32(value: f64) -> Result<u32, Trap> {
    Ok(truncate(value, -1.0, 4_294_967_296.0)? as u32)
}

pub(super) fn to_i64(value: f64) -> Result<i64, Trap> {
    // The lowest value is a float, and the next lower float is out of range.
    match value == -9_223_372_036_854_775_808.0 {
        true => Ok(i64::MIN),
        false => Ok(truncate(
            value,
            -9_223_372_036_854_775_808.0,
            9_223_372_036_854_775_808.0,
        )? as i64),
    }
}

pub(super) fn to_u64(value: f64) -> Result<u64, Trap> {
    Ok(truncate(value, -1.0, 18_446_744_073_709_551_616.0)? as u64)
}

macro_rules! divisions {
    ($signed:ident, $unsigned:ident, $div:ident, $div_u:ident, $rem:ident, $rem_u:ident) => {
        #[inline]
        pub(super) fn $div(x: $signed, y: $signed) -> Result<$signed, Trap> {
            match y {
                0 => Err(Trap::IntegerDivisionByZero),
                y => x.checked_div(y).ok_or(Trap::IntegerOverflow),
            }
        }

        #[inline]
        pub(super) fn $div_u(x: $unsigned, y: $unsigned) -> Result<$unsigned, Trap> {
            x.checked_div(y).ok_or(Trap::IntegerDivisionByZero)
        }

        #[inline]
        pub(super) fn $rem(x: $signed, y: $signed) -> Result<$signed, Trap> {
            match y {
                0 => Err(Trap::IntegerDivisionByZero),
                y => Ok(x.wrapping_rem(y)),
            }
        }

        #[inline]
        pub(super) fn $rem_u(x: $unsigned, y: $unsigned) -> Result<$unsigned, Trap> {
            x.checked_rem(y).ok_or(Trap::IntegerDivisionByZero)
        }
    };
}
divisions!(i32, u32, div_i32, div_u32, rem_i32, rem_u32);
divisions!(i64, u64, div_i64, div_u64, rem_i64, rem_u64);

/// The counter after paying one instruction for each byte of a length. One that went up has wrapped around.
pub(super) fn pay_length(counter: i64, length: u64) -> i64 {
    let paid = counter.wrapping_sub(length as i64);
    match paid > counter {
        true => i64::MIN,
        false => paid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_zeros_the_sign_decides() {
        assert!(double::min(0.0, -0.0).is_sign_negative());
        assert!(double::max(-0.0, 0.0).is_sign_positive());
        assert!(single::min(-0.0, 0.0).is_sign_negative());
        assert_eq!((double::min(1.0, 2.0), double::max(1.0, 2.0)), (1.0, 2.0));
    }

    #[test]
    fn every_nan_becomes_the_canonical_one() {
        let odd = f64::from_bits(0xfff0_0000_0000_0001);
        for made in [
            double::canonical(odd),
            double::min(odd, 1.0),
            double::max(1.0, odd),
        ] {
            assert_eq!(made.to_bits(), 0x7ff8_0000_0000_0000);
        }
        assert_eq!(single::min(f32::NAN, 1.0).to_bits(), 0x7fc0_0000);
    }

    #[test]
    fn what_operators_make_of_no_number_is_canonical_too() {
        use std::hint::black_box;
        let [minus, zero, infinite] = black_box([-1.0, 0.0, f64::INFINITY]);
        for made in [
            minus.sqrt(),
            zero / zero,
            infinite - infinite,
            zero * infinite,
            -(zero / zero).floor(),
        ] {
            let canonical = double::canonical(made).to_bits();
            assert_eq!(canonical, 0x7ff8_0000_0000_0000);
        }
        assert_eq!(
            double::canonical(minus.sqrt()).to_bits(),
            0x7ff8_0000_0000_0000
        );
        assert_eq!(
            single::canonical(black_box(-1f32).sqrt()).to_bits(),
            0x7fc0_0000
        );
        assert_eq!(
            single::canonical(black_box(f64::NAN) as f32).to_bits(),
            0x7fc0_0000
        );
    }

    #[test]
    fn integers_are_taken_to_the_last_one_that_fits() {
        assert_eq!(to_i32(-2_147_483_648.9), Ok(i32::MIN));
        assert_eq!(to_i32(2_147_483_648.0), Err(Trap::IntegerOverflow));
        assert_eq!(to_u32(-0.9), Ok(0));
        assert_eq!(to_u32(-1.0), Err(Trap::IntegerOverflow));
        assert_eq!(to_i64(-9_223_372_036_854_775_808.0), Ok(i64::MIN));
        assert_eq!(
            to_i64(9_223_372_036_854_775_808.0),
            Err(Trap::IntegerOverflow)
        );
        assert_eq!(
            to_u64(18_446_744_073_709_549_568.0),
            Ok(18_446_744_073_709_549_568)
        );
        assert_eq!(to_u64(f64::NAN), Err(Trap::BadConversionToInteger));
    }

    #[test]
    fn divisions_trap_where_there_is_no_quotient() {
        assert_eq!(div_i32(i32::MIN, -1), Err(Trap::IntegerOverflow));
        assert_eq!(rem_i32(i32::MIN, -1), Ok(0));
        assert_eq!(div_u64(1, 0), Err(Trap::IntegerDivisionByZero));
        assert_eq!(rem_i64(1, 0), Err(Trap::IntegerDivisionByZero));
    }
}
