//! Random expressions of all numeric operators, scalar and vector, in every kind of code: the same bits, also of what is not a
//! number, the same traps and the same counts.

use std::fmt::Write;

use Type::{F32, F64, I32, I64, V128};

/// A type of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    I32,
    I64,
    F32,
    F64,
    V128,
}

impl Type {
    fn name(self) -> &'static str {
        match self {
            I32 => "i32",
            I64 => "i64",
            F32 => "f32",
            F64 => "f64",
            V128 => "v128",
        }
    }
}

const TYPES: [Type; 5] = [I32, I64, F32, F64, V128];

/// Operators by their result and their operands.
const OPERATORS: &[(Type, &[Type], &str)] = &[
    (
        I32,
        &[I32],
        "i32.clz i32.ctz i32.popcnt i32.eqz i32.extend8_s i32.extend16_s",
    ),
    (
        I32,
        &[I32, I32],
        "i32.add i32.sub i32.mul i32.div_s i32.div_u i32.rem_s i32.rem_u i32.and i32.or i32.xor i32.shl i32.shr_s i32.shr_u \
         i32.rotl i32.rotr i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u",
    ),
    (I32, &[I64], "i32.wrap_i64 i64.eqz"),
    (
        I32,
        &[I64, I64],
        "i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.ge_u",
    ),
    (
        I32,
        &[F32],
        "i32.reinterpret_f32 i32.trunc_sat_f32_s i32.trunc_sat_f32_u i32.trunc_f32_s i32.trunc_f32_u",
    ),
    (
        I32,
        &[F64],
        "i32.trunc_sat_f64_s i32.trunc_sat_f64_u i32.trunc_f64_s i32.trunc_f64_u",
    ),
    (
        I32,
        &[F32, F32],
        "f32.eq f32.ne f32.lt f32.gt f32.le f32.ge",
    ),
    (
        I32,
        &[F64, F64],
        "f64.eq f64.ne f64.lt f64.gt f64.le f64.ge",
    ),
    (
        I32,
        &[V128],
        "v128.any_true i8x16.all_true i16x8.all_true i32x4.all_true i64x2.all_true i8x16.bitmask i16x8.bitmask \
         i32x4.bitmask i64x2.bitmask",
    ),
    (
        I64,
        &[I64],
        "i64.clz i64.ctz i64.popcnt i64.extend8_s i64.extend16_s i64.extend32_s",
    ),
    (
        I64,
        &[I64, I64],
        "i64.add i64.sub i64.mul i64.div_s i64.div_u i64.rem_s i64.rem_u i64.and i64.or i64.xor i64.shl i64.shr_s i64.shr_u \
         i64.rotl i64.rotr",
    ),
    (I64, &[I32], "i64.extend_i32_s i64.extend_i32_u"),
    (
        I64,
        &[F32],
        "i64.trunc_sat_f32_s i64.trunc_sat_f32_u i64.trunc_f32_s i64.trunc_f32_u",
    ),
    (
        I64,
        &[F64],
        "i64.reinterpret_f64 i64.trunc_sat_f64_s i64.trunc_sat_f64_u i64.trunc_f64_s i64.trunc_f64_u",
    ),
    (
        F32,
        &[F32],
        "f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt",
    ),
    (
        F32,
        &[F32, F32],
        "f32.add f32.sub f32.mul f32.div f32.min f32.max f32.copysign",
    ),
    (
        F32,
        &[I32],
        "f32.convert_i32_s f32.convert_i32_u f32.reinterpret_i32",
    ),
    (F32, &[I64], "f32.convert_i64_s f32.convert_i64_u"),
    (F32, &[F64], "f32.demote_f64"),
    (
        F64,
        &[F64],
        "f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt",
    ),
    (
        F64,
        &[F64, F64],
        "f64.add f64.sub f64.mul f64.div f64.min f64.max f64.copysign",
    ),
    (F64, &[I32], "f64.convert_i32_s f64.convert_i32_u"),
    (
        F64,
        &[I64],
        "f64.convert_i64_s f64.convert_i64_u f64.reinterpret_i64",
    ),
    (F64, &[F32], "f64.promote_f32"),
    (V128, &[I32], "i8x16.splat i16x8.splat i32x4.splat"),
    (V128, &[I64], "i64x2.splat"),
    (V128, &[F32], "f32x4.splat"),
    (V128, &[F64], "f64x2.splat"),
    (
        V128,
        &[V128],
        "v128.not i8x16.abs i8x16.neg i8x16.popcnt i16x8.abs i16x8.neg i32x4.abs i32x4.neg i64x2.abs i64x2.neg \
         i16x8.extend_low_i8x16_s i16x8.extend_high_i8x16_u i32x4.extend_low_i16x8_u i32x4.extend_high_i16x8_s \
         i64x2.extend_low_i32x4_s i64x2.extend_high_i32x4_u i16x8.extadd_pairwise_i8x16_s i32x4.extadd_pairwise_i16x8_u \
         f32x4.abs f32x4.neg f32x4.sqrt f32x4.ceil f32x4.floor f32x4.trunc f32x4.nearest f64x2.abs f64x2.neg f64x2.sqrt \
         f64x2.ceil f64x2.floor f64x2.trunc f64x2.nearest i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u \
         f32x4.convert_i32x4_s f32x4.convert_i32x4_u i32x4.trunc_sat_f64x2_s_zero i32x4.trunc_sat_f64x2_u_zero \
         f64x2.convert_low_i32x4_s f64x2.convert_low_i32x4_u f32x4.demote_f64x2_zero f64x2.promote_low_f32x4",
    ),
    (
        V128,
        &[V128, V128],
        "v128.and v128.or v128.xor v128.andnot i8x16.swizzle i8x16.add i8x16.sub i8x16.add_sat_s i8x16.add_sat_u \
         i8x16.sub_sat_s i8x16.sub_sat_u i8x16.min_s i8x16.min_u i8x16.max_s i8x16.max_u i8x16.avgr_u i8x16.eq i8x16.lt_s \
         i8x16.gt_u i8x16.narrow_i16x8_s i8x16.narrow_i16x8_u i16x8.add i16x8.sub i16x8.mul i16x8.add_sat_s i16x8.sub_sat_u \
         i16x8.min_s i16x8.max_u i16x8.avgr_u i16x8.q15mulr_sat_s i16x8.eq i16x8.le_u i16x8.narrow_i32x4_s \
         i16x8.narrow_i32x4_u i16x8.extmul_low_i8x16_s i16x8.extmul_high_i8x16_u i32x4.add i32x4.sub i32x4.mul i32x4.min_s \
         i32x4.max_u i32x4.dot_i16x8_s i32x4.eq i32x4.lt_u i32x4.ge_s i32x4.extmul_low_i16x8_u i32x4.extmul_high_i16x8_s \
         i64x2.add i64x2.sub i64x2.mul i64x2.eq i64x2.ne i64x2.lt_s i64x2.ge_s i64x2.extmul_low_i32x4_s \
         i64x2.extmul_high_i32x4_u f32x4.add f32x4.sub f32x4.mul f32x4.div f32x4.min f32x4.max f32x4.pmin f32x4.pmax f32x4.eq \
         f32x4.lt f32x4.ge f64x2.add f64x2.sub f64x2.mul f64x2.div f64x2.min f64x2.max f64x2.pmin f64x2.pmax f64x2.ne f64x2.gt \
         f64x2.le",
    ),
    (V128, &[V128, V128, V128], "v128.bitselect"),
    (
        V128,
        &[V128, I32],
        "i8x16.shl i8x16.shr_s i8x16.shr_u i16x8.shl i16x8.shr_s i32x4.shl i32x4.shr_u i64x2.shl i64x2.shr_s i64x2.shr_u",
    ),
];

/// Operators with a number of a lane: the result, the operands, the lanes.
const LANES: &[(Type, &[Type], &str, u8)] = &[
    (I32, &[V128], "i8x16.extract_lane_s", 16),
    (I32, &[V128], "i8x16.extract_lane_u", 16),
    (I32, &[V128], "i16x8.extract_lane_s", 8),
    (I32, &[V128], "i32x4.extract_lane", 4),
    (I64, &[V128], "i64x2.extract_lane", 2),
    (F32, &[V128], "f32x4.extract_lane", 4),
    (F64, &[V128], "f64x2.extract_lane", 2),
    (V128, &[V128, I32], "i8x16.replace_lane", 16),
    (V128, &[V128, I32], "i16x8.replace_lane", 8),
    (V128, &[V128, I32], "i32x4.replace_lane", 4),
    (V128, &[V128, I64], "i64x2.replace_lane", 2),
    (V128, &[V128, F32], "f32x4.replace_lane", 4),
    (V128, &[V128, F64], "f64x2.replace_lane", 2),
];

/// Values at which operators are strange.
fn constant(choices: &mut Choices<'_>, ty: Type) -> String {
    let whole = [
        0,
        1,
        -1,
        2,
        7,
        31,
        32,
        63,
        64,
        0x7f,
        0x80,
        0xff,
        0x7fff,
        0x8000,
        0x7fff_ffff,
        -0x8000_0000,
    ];
    let float = [
        "0",
        "-0",
        "1",
        "-1",
        "0.5",
        "1.5",
        "-2.5",
        "inf",
        "-inf",
        "nan",
        "-nan",
        "nan:0x200000",
        "2147483648",
        "-2147483649",
        "9223372036854775808",
        "1e-45",
    ];
    let at = usize::from(choices.byte()) % whole.len();
    match ty {
        I32 => format!("(i32.const {})", whole[at]),
        I64 => match choices.byte() % 4 {
            0 => "(i64.const 0x8000000000000000)".to_owned(),
            1 => "(i64.const 0x7fffffffffffffff)".to_owned(),
            _ => format!("(i64.const {})", whole[at]),
        },
        F32 | F64 => format!("({}.const {})", ty.name(), float[at]),
        V128 => format!(
            "(v128.const i32x4 {} {} {} {})",
            whole[at],
            choices.byte(),
            whole[usize::from(choices.byte()) % whole.len()],
            u32::from(choices.byte()) << 24
        ),
    }
}

/// The bytes as a source of choices; when they are used up every choice is the first.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }
}

/// An expression with a result of this type.
fn expression(choices: &mut Choices<'_>, ty: Type, depth: u32) -> String {
    if depth == 0 {
        return match choices.byte() % 3 {
            0 => constant(choices, ty),
            1 => format!("(local.get ${})", ty.name()),
            _ => format!("(global.get $g{})", ty.name()),
        };
    }
    let name = ty.name();
    match choices.byte() % 16 {
        0 => {
            let (a, b) = (
                expression(choices, ty, depth - 1),
                expression(choices, ty, depth - 1),
            );
            let which = expression(choices, I32, depth - 1);
            format!("(select {a} {b} {which})")
        }
        1 => {
            let (a, b) = (
                expression(choices, ty, depth - 1),
                expression(choices, ty, depth - 1),
            );
            let which = expression(choices, I32, depth - 1);
            format!("(if (result {name}) {which} (then {a}) (else {b}))")
        }
        2 => {
            let (value, rest) = (
                expression(choices, ty, depth - 1),
                expression(choices, ty, depth - 1),
            );
            format!("(block (result {name}) (local.set ${name} {value}) {rest})")
        }
        3 => {
            let (value, rest) = (
                expression(choices, ty, depth - 1),
                expression(choices, ty, depth - 1),
            );
            format!("(block (result {name}) (global.set $g{name} {value}) {rest})")
        }
        4 => {
            let (place, value) = (
                expression(choices, I32, depth - 1),
                expression(choices, ty, depth - 1),
            );
            format!(
                "(block (result {name}) ({name}.store offset=64 (i32.and {place} (i32.const 0xffff)) {value}) \
                 ({name}.load offset=65 (i32.and {place} (i32.const 0xffff))))"
            )
        }
        5 => {
            // As often as a bit of the operand is set: a loop with something alive around it.
            let (turns, value) = (
                expression(choices, I32, depth - 1),
                expression(choices, ty, depth - 1),
            );
            format!(
                "(block (result {name}) (local.set $n (i32.and {turns} (i32.const 7))) (loop $l (local.set ${name} {value}) \
                 (br_if $l (i32.gt_s (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (i32.const 0)))) (local.get ${name}))"
            )
        }
        6 | 7 => {
            let lanes: Vec<_> = LANES.iter().filter(|(result, ..)| *result == ty).collect();
            let (_, operands, operator, count) = lanes[usize::from(choices.byte()) % lanes.len()];
            let lane = choices.byte() % count;
            let operands = all(choices, operands, depth);
            format!("({operator} {lane}{operands})")
        }
        _ => {
            let groups: Vec<_> = OPERATORS
                .iter()
                .filter(|(result, ..)| *result == ty)
                .collect();
            let (_, operands, names) = groups[usize::from(choices.byte()) % groups.len()];
            let names: Vec<&str> = names.split_whitespace().collect();
            let operator = names[usize::from(choices.byte()) % names.len()];
            let operands = all(choices, operands, depth);
            format!("({operator}{operands})")
        }
    }
}

fn all(choices: &mut Choices<'_>, types: &[Type], depth: u32) -> String {
    types.iter().fold(String::new(), |mut text, ty| {
        // Writing to a string does not fail.
        let _ = write!(text, " {}", expression(choices, *ty, depth - 1));
        text
    })
}

fn module(bytes: &[u8]) -> String {
    let mut choices = Choices(bytes.iter());
    let mut body = String::new();
    for number in 0..2 {
        let mut stores = String::new();
        for (place, ty) in TYPES.into_iter().enumerate() {
            let depth = 2 + u32::from(choices.byte() % 3);
            let value = expression(&mut choices, ty, depth);
            let _ = write!(
                stores,
                "({}.store (i32.const {}) {value})",
                ty.name(),
                place * 16
            );
        }
        let _ = write!(
            body,
            "(func (export \"canister_update m{number}\") (local $n i32) (local $i32 i32) (local $i64 i64) (local $f32 f32) \
             (local $f64 f64) (local $v128 v128) {stores} (call $append (i32.const 0) (i32.const 256)) (call $reply))"
        );
    }
    format!(
        "(module (import \"ic0\" \"msg_reply\" (func $reply))
          (import \"ic0\" \"msg_reply_data_append\" (func $append (param i32 i32)))
          (memory 2) (global $gi32 (mut i32) (i32.const 5)) (global $gi64 (mut i64) (i64.const -9))
          (global $gf32 (mut f32) (f32.const 0.1)) (global $gf64 (mut f64) (f64.const -0.7))
          (global $gv128 (mut v128) (v128.const i64x2 3 0x8000000080000000)) {body})"
    )
}

/// All kinds of code agree on the values of the expressions that the bytes describe.
pub fn operators(bytes: &[u8]) {
    super::code::agree(&module(bytes), &["m0", "m1", "m0"]);
}
