#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drun_fuzz::targets::signed(bytes));
