#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| undaunted_fuzz_targets::list_page(bytes));
