//! The types of the parameters and results of host functions, typed so that nothing of the runtime below is seen.

use wasmparser::ValType;

/// The type of a parameter or result of a host function: `u32`, `i32`, `u64`, `i64`, `f32` or `f64`.
pub trait Word: private::Word + Returned {}

/// What a host function may return: a [`Word`], or nothing.
pub trait Returned: private::Returned {}

/// An address or size: `u32` in a module with a 32-bit memory, `u64` in one with a 64-bit memory.
pub trait Address: Word {
    /// Module with a 64-bit memory.
    const WASM64: bool;
    /// Zero-extended.
    fn to_u64(self) -> u64;
    /// From a size that fits.
    fn from_u64(value: u64) -> Self;
}

pub(crate) mod private {
    use wasmparser::ValType;

    pub trait Word: wasmtime::WasmTy + Copy {
        const TYPE: ValType;
        /// From the lower bits.
        fn from_bits(bits: u64) -> Self;
    }
    pub trait Returned {
        const RESULT: Option<ValType>;
        /// With the counter behind it.
        type WithCounter: wasmtime::WasmRet + 'static;
        fn with(self, counter: i64) -> Self::WithCounter;
        /// Puts the result in the place of the first argument.
        fn write(self, words: &mut [u64]);
    }
}

macro_rules! words {
    ($($ty:ty: $wasm:ident, $from:expr, $to:expr;)*) => {$(
        impl private::Word for $ty {
            const TYPE: ValType = ValType::$wasm;
            fn from_bits(bits: u64) -> Self {
                ($from)(bits)
            }
        }
        impl Word for $ty {}
        impl private::Returned for $ty {
            const RESULT: Option<ValType> = Some(ValType::$wasm);
            type WithCounter = ($ty, i64);
            fn with(self, counter: i64) -> ($ty, i64) {
                (self, counter)
            }
            fn write(self, words: &mut [u64]) {
                words[0] = ($to)(self);
            }
        }
        impl Returned for $ty {}
    )*};
}
words! {
    u32: I32, |bits: u64| bits as u32, |value: u32| u64::from(value);
    i32: I32, |bits: u64| bits as i32, |value: i32| u64::from(value as u32);
    u64: I64, |bits: u64| bits, |value: u64| value;
    i64: I64, |bits: u64| bits as i64, |value: i64| value as u64;
    f32: F32, |bits: u64| f32::from_bits(bits as u32), |value: f32| u64::from(value.to_bits());
    f64: F64, |bits: u64| f64::from_bits(bits), |value: f64| value.to_bits();
}
impl private::Returned for () {
    const RESULT: Option<ValType> = None;
    type WithCounter = i64;
    fn with(self, counter: i64) -> i64 {
        counter
    }
    fn write(self, _: &mut [u64]) {}
}
impl Returned for () {}

impl Address for u32 {
    const WASM64: bool = false;
    fn to_u64(self) -> u64 {
        u64::from(self)
    }
    fn from_u64(value: u64) -> Self {
        value as u32
    }
}

impl Address for u64 {
    const WASM64: bool = true;
    fn to_u64(self) -> u64 {
        self
    }
    fn from_u64(value: u64) -> Self {
        value
    }
}
