//! Writes random modules as canisters could be, for `random_canisters_agree` of `tests/fuzz`: floats, vectors, tables, bulk
//! memory, several values, tail calls, memories of 32 and 64 bit, data segments, start functions, traps.
//!
//!     cargo run --release -- COUNT SEED > modules
//!
//! A module is its length in four bytes, little-endian, then its bytes. The same seed gives the same file.

use std::io::Write;

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};

fn main() {
    let mut args = std::env::args()
        .skip(1)
        .map(|word| word.parse::<u64>().expect("a number"));
    let (count, seed) = (args.next().expect("COUNT"), args.next().unwrap_or(0));
    let exports = wat::parse_str(
        r#"(module (func (export "canister_update a")) (func (export "canister_update b")) (func (export "canister_init")))"#,
    )
    .expect("a module");
    let imports = wat::parse_str(
        r#"(module
            (import "ic0" "msg_reply" (func))
            (import "ic0" "msg_reply_data_append" (func (param i32 i32)))
            (import "ic0" "debug_print" (func (param i32 i32)))
            (import "ic0" "performance_counter" (func (param i32) (result i64)))
            (import "ic0" "stable64_grow" (func (param i64) (result i64)))
            (import "ic0" "stable64_write" (func (param i64 i64 i64)))
            (import "ic0" "stable64_read" (func (param i64 i64 i64)))
            (import "ic0" "global_timer_set" (func (param i64) (result i64))))"#,
    )
    .expect("a module");
    let mut out = std::io::stdout().lock();
    let mut written = 0;
    for n in seed.. {
        if written == count {
            break;
        }
        let mut random = Random(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let size = 200 + random.next() as usize % 3000;
        let bytes: Vec<u8> = (0..size).map(|_| random.next() as u8).collect();
        let mut bytes = Unstructured::new(&bytes);
        // The functions of the Internet Computer take other types there.
        let wide = n.is_multiple_of(4);
        let config = Config {
            exports: Some(exports.clone()),
            available_imports: (!wide).then(|| imports.clone()),
            allow_floats: true,
            allow_start_export: n.is_multiple_of(3),
            bulk_memory_enabled: true,
            disallow_traps: !n.is_multiple_of(3),
            exceptions_enabled: false,
            extended_const_enabled: false,
            gc_enabled: false,
            generate_custom_sections: false,
            max_aliases: 0,
            max_imports: if wide { 0 } else { 6 },
            max_memories: 1,
            max_memory32_bytes: 4 << 20,
            max_memory64_bytes: 4 << 20,
            max_tables: 1,
            max_table_elements: 200,
            memory64_enabled: wide,
            memory_offset_choices: wasm_smith::MemoryOffsetChoices(90, 9, 1),
            min_data_segments: 1,
            min_element_segments: 1,
            min_funcs: 3,
            min_globals: 2,
            min_memories: 1,
            min_tables: 1,
            multi_value_enabled: true,
            reference_types_enabled: n.is_multiple_of(5),
            relaxed_simd_enabled: false,
            saturating_float_to_int_enabled: true,
            sign_extension_ops_enabled: true,
            simd_enabled: n.is_multiple_of(2),
            tail_call_enabled: n.is_multiple_of(3),
            threads_enabled: false,
            wide_arithmetic_enabled: false,
            custom_page_sizes_enabled: false,
            ..Config::default()
        };
        let Ok(mut module) = Module::new(config, &mut bytes) else {
            continue;
        };
        if module.ensure_termination(500).is_err() {
            continue;
        }
        let bytes = module.to_bytes();
        if bytes.len() > 3000 {
            continue;
        }
        out.write_all(&(bytes.len() as u32).to_le_bytes())
            .expect("a reader");
        out.write_all(&bytes).expect("a reader");
        written += 1;
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 16
    }
}
