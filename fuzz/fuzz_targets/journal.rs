#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dormouse_testkit::fuzz::play("journal", bytes));
