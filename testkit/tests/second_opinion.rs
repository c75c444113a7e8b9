//! The event-stream decoder against sse-codec: the conformance cases, and streams by chance.

use std::fs;
use std::path::Path;

use dormouse_core::sse::{Decoder, Limits};
use dormouse_testkit::fuzz::{KNOWN, agrees, peer_decode, run};
use dormouse_testkit::standard::{self, Item};
use proptest::collection::vec;
use proptest::prelude::*;

fn ours(stream: &[u8]) -> Vec<Item> {
    run(&mut Decoder::new(Limits::default()), [stream]).items
}

/// Each of them fails once sse-codec reads as the standard says: then it is to be taken off the list.
#[test]
fn what_is_known_to_differ_still_differs() {
    for known in KNOWN {
        assert_ne!(
            peer_decode(known.stream),
            Some(standard::decode(known.stream, None).items),
            "sse-codec no longer differs: {}",
            known.name
        );
        agrees(known.stream, &ours(known.stream));
    }
}

#[test]
fn the_conformance_cases_are_read_alike() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("../core/tests/conformance/event-stream.json");
    let file = fs::read_to_string(path).expect("the cases");
    let file: serde_json::Value = serde_json::from_str(&file).expect("JSON");
    let cases = file["cases"].as_array().expect("cases");
    assert!(cases.len() >= 100, "{} cases", cases.len());
    for case in cases {
        let hex = case["input_hex"].as_str().expect("hex").as_bytes();
        let byte = |pair: &[u8]| {
            let pair = std::str::from_utf8(pair).expect("ASCII");
            u8::from_str_radix(pair, 16).expect("a byte")
        };
        let stream: Vec<u8> = hex.chunks(2).map(byte).collect();
        agrees(&stream, &ours(&stream));
    }
}

const WORDS: &[&str] = &[
    "data",
    "data:",
    "data: ",
    "data: x\n",
    "event",
    "event:",
    "event: ",
    "event: wake\n",
    "event\n",
    "id",
    "id:",
    "id: ",
    "id\n",
    "id: 1\n",
    "retry:",
    "retry: ",
    "retry: 5\n",
    ":",
    " ",
    "5",
    "99999999999999999999",
    "\n",
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    "\0",
    "\u{FEFF}",
    "\n\u{FEFF}",
    "é€😀",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn streams_by_chance_are_read_alike(words in vec(prop_oneof![
        10 => prop::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ], 0..40)) {
        let stream = words.concat();
        agrees(&stream, &ours(&stream));
    }
}
