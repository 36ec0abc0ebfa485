//! The weight table against the lists of metering.md, section 2, by the text-format names of the operators.

use wasmparser::{Operator, OperatorsReader};

use super::weights::weight;

/// The operator that a line of text stands for: the last one before the final `end`.
fn weigh(code: &str, memory64: bool) -> u64 {
    let memory = if memory64 { "i64" } else { "i32" };
    let text = format!(
        r#"(module (memory {memory} 1) (data "") (table 1 funcref) (elem func) (global (mut i32) (i32.const 0))
        (type $t (func)) (func $f (local i32)
        {code}))"#
    );
    let module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    for payload in wasmparser::Parser::new(0).parse_all(&module) {
        if let wasmparser::Payload::CodeSectionEntry(body) = payload.unwrap() {
            let reader: OperatorsReader<'_> = body.get_operators_reader().unwrap();
            let operators: Vec<_> = reader.into_iter().map(Result::unwrap).collect();
            return weight(&operators[operators.len() - 2], memory64);
        }
    }
    panic!("no function in {text}");
}

/// Lists are separated by blanks; `/` in a name gives its alternatives, as in the specification.
fn names(list: &str) -> impl Iterator<Item = String> + '_ {
    list.split_whitespace().flat_map(|word| {
        let (prefix, alternatives) = match word.split_once(':') {
            Some((prefix, alternatives)) => (prefix, alternatives),
            None => ("", word),
        };
        prefix.split('|').flat_map(move |prefix| {
            alternatives
                .split('|')
                .map(move |name| format!("{prefix}{name}"))
        })
    })
}

fn all_weigh(list: &str, expected: u64) {
    for name in names(list) {
        let code = name.replace('~', " ");
        assert_eq!(weigh(&code, false), expected, "{code}");
        assert_eq!(weigh(&code, true), expected, "{code} in a 64-bit module");
    }
}

const INTEGER: &str = "i32.|i64.";
const FLOAT: &str = "f32.|f64.";

#[test]
fn control_operators() {
    all_weigh("unreachable nop return drop select", 1);
    all_weigh("br~0 br_if~0 br_table~0", 2);
    all_weigh("call~$f", 5);
    all_weigh("call_indirect~(type~$t)", 10);
    all_weigh("return_call~$f", 3);
    all_weigh("return_call_indirect~(type~$t)", 60);
    // `block` and `loop` are followed by their own `end`; all three weigh the same.
    all_weigh("block~end loop~end", 0);
    use Operator::*;
    let blockty = wasmparser::BlockType::Empty;
    assert_eq!(weight(&Block { blockty }, false), 0);
    assert_eq!(weight(&Loop { blockty }, false), 0);
    assert_eq!(weight(&Else, false), 0);
    assert_eq!(weight(&End, true), 0);
    assert_eq!(weight(&If { blockty }, false), 2);
}

#[test]
fn variables_constants_and_references() {
    all_weigh("local.get~0 local.set~0 local.tee~0 select~(result~i32)", 1);
    all_weigh("i32.const~0 i64.const~0 f32.const~0 f64.const~0", 1);
    all_weigh("global.get~0 global.set~0", 2);
    all_weigh("ref.null~func", 1);
    all_weigh("ref.is_null table.get~0 table.set~0", 5);
    all_weigh("ref.func~$f", 130);
}

#[test]
fn memory_and_table_operators() {
    all_weigh("memory.size", 20);
    all_weigh("memory.init~0 memory.copy memory.fill table.size~0", 100);
    all_weigh("table.init~0~0 table.copy~0~0 table.fill~0", 100);
    all_weigh("memory.grow data.drop~0 elem.drop~0 table.grow~0", 300);
}

#[test]
fn loads_and_stores_cost_twice_in_64_bit_modules() {
    let list = format!(
        "{INTEGER}|{FLOAT}:load|store {INTEGER}:load8_s|load8_u|load16_s|load16_u|store8|store16 \
         i64.:load32_s|load32_u|store32 \
         v128.:load|load8x8_s|load8x8_u|load16x4_s|load16x4_u|load32x2_s|load32x2_u \
         v128.:load8_splat|load16_splat|load32_splat|load64_splat|load32_zero|load64_zero|store \
         v128.:load8_lane~0|load16_lane~0|load32_lane~0|load64_lane~0 \
         v128.:store8_lane~0|store16_lane~0|store32_lane~0|store64_lane~0"
    );
    assert_eq!(names(&list).count(), 23 + 22);
    for name in names(&list) {
        let code = name.replace('~', " ");
        assert_eq!(weigh(&code, false), 1, "{code}");
        assert_eq!(weigh(&code, true), 2, "{code}");
    }
}

#[test]
fn integer_operators() {
    all_weigh(
        &format!(
            "{INTEGER}:eqz|eq|ne|lt_s|lt_u|gt_s|gt_u|le_s|le_u|ge_s|ge_u|clz|ctz|popcnt \
             {INTEGER}:add|sub|mul|and|or|xor|shl|shr_s|shr_u|rotl|rotr|extend8_s|extend16_s \
             i64.extend32_s i32.wrap_i64 i64.extend_i32_s i64.extend_i32_u"
        ),
        1,
    );
    all_weigh(&format!("{INTEGER}:div_s|div_u|rem_s|rem_u"), 10);
}

#[test]
fn float_operators() {
    all_weigh(
        &format!(
            "{FLOAT}:abs|neg f32.demote_f64 f64.promote_f32 i32.reinterpret_f32 \
             i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64"
        ),
        1,
    );
    all_weigh(
        &format!("{FLOAT}:ceil|floor|trunc|nearest|add|sub|mul f32.copysign"),
        2,
    );
    all_weigh(
        &format!(
            "{FLOAT}:eq|ne|lt|gt|le|ge f32.div f64.copysign {FLOAT}:convert_i32_s|convert_i64_s"
        ),
        3,
    );
    all_weigh("f32.sqrt f64.div", 5);
    all_weigh("f64.sqrt", 8);
    all_weigh(&format!("{FLOAT}:convert_i32_u|convert_i64_u"), 16);
    all_weigh(&format!("{FLOAT}:min|max"), 18);
    all_weigh(
        &format!(
            "{INTEGER}:trunc_f32_s|trunc_f32_u|trunc_f64_s|trunc_f64_u \
             {INTEGER}:trunc_sat_f32_s|trunc_sat_f32_u|trunc_sat_f64_s|trunc_sat_f64_u"
        ),
        20,
    );
}

#[test]
fn simd_operators_above_one() {
    let two = "i8x16.|i16x8.|i32x4.:lt_u|gt_u i8x16.shr_u i16x8.extadd_pairwise_i8x16_u \
        i16x8.:shl|shr_s|shr_u|extmul_high_i8x16_s|extmul_high_i8x16_u \
        i32x4.:shl|shr_s|shr_u|mul|extmul_low_i16x8_s|extmul_high_i16x8_s \
        i32x4.:extmul_low_i16x8_u|extmul_high_i16x8_u i64x2.:shl|shr_u \
        f32x4.|f64x2.:ceil|floor|trunc|nearest|abs|neg|add|sub|mul \
        i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f64x2_s_zero";
    all_weigh(two, 2);
    let three = "i8x16.shuffle~0~0~0~0~0~0~0~0~0~0~0~0~0~0~0~0 i8x16.:popcnt|shl|shr_s \
        i32x4.extadd_pairwise_i16x8_u i64x2.shr_s i32x4.trunc_sat_f64x2_u_zero";
    all_weigh(three, 3);
    let four = "i64x2.mul f32x4.:min|max f64x2.min i32x4.trunc_sat_f32x4_u f32x4.convert_i32x4_u";
    all_weigh(four, 4);
    all_weigh("f32x4.sqrt f64x2.max", 5);
    all_weigh("f32x4.div", 10);
    all_weigh("f64x2.div", 12);
    all_weigh("f64x2.sqrt", 14);
    // 236 operators, 22 of them for memory and 153 at weight 1.
    let listed = [two, three, four].map(|list| names(list).count());
    assert_eq!(listed.iter().sum::<usize>() + 2 + 1 + 1 + 1, 236 - 22 - 153);
}

#[test]
fn simd_operators_at_one() {
    let one = "v128.const~i64x2~0~0 v128.:not|and|andnot|or|xor|bitselect|any_true i8x16.swizzle \
         i8x16.|i16x8.:extract_lane_s~0|extract_lane_u~0|replace_lane~0 \
         i32x4.|i64x2.|f32x4.|f64x2.:extract_lane~0|replace_lane~0 \
         i8x16.|i16x8.|i32x4.|i64x2.|f32x4.|f64x2.:splat|eq|ne \
         i8x16.|i16x8.|i32x4.:lt_s|gt_s|le_s|le_u|ge_s|ge_u i64x2.:lt_s|gt_s|le_s|ge_s \
         f32x4.|f64x2.:lt|gt|le|ge|pmin|pmax \
         i8x16.|i16x8.|i32x4.|i64x2.:abs|neg|all_true|bitmask|add|sub \
         i8x16.|i16x8.:add_sat_s|add_sat_u|sub_sat_s|sub_sat_u|avgr_u \
         i8x16.|i16x8.|i32x4.:min_s|min_u|max_s|max_u \
         i8x16.:narrow_i16x8_s|narrow_i16x8_u i16x8.:narrow_i32x4_s|narrow_i32x4_u \
         i16x8.:extend_low_i8x16_s|extend_high_i8x16_s|extend_low_i8x16_u|extend_high_i8x16_u \
         i32x4.:extend_low_i16x8_s|extend_high_i16x8_s|extend_low_i16x8_u|extend_high_i16x8_u \
         i64x2.:extend_low_i32x4_s|extend_high_i32x4_s|extend_low_i32x4_u|extend_high_i32x4_u \
         i16x8.:mul|q15mulr_sat_s|extadd_pairwise_i8x16_s|extmul_low_i8x16_s|extmul_low_i8x16_u \
         i32x4.:extadd_pairwise_i16x8_s|dot_i16x8_s \
         i64x2.:extmul_low_i32x4_s|extmul_high_i32x4_s|extmul_low_i32x4_u|extmul_high_i32x4_u \
         f32x4.:convert_i32x4_s|demote_f64x2_zero \
         f64x2.:convert_low_i32x4_s|convert_low_i32x4_u|promote_low_f32x4";
    all_weigh(one, 1);
    assert_eq!(names(one).count(), 153);
}
