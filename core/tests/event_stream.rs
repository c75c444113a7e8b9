//! The event-stream decoder against the neutral cases of `conformance/event-stream.json`.
//!
//! Every case is a test of its own in each of three ways: whole, byte by byte, and cut at random.

use core::fmt::Write as _;
use core::str;

use dormouse_core::sse::{Decoder, Item, Limits};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

const CASES: &str = include_str!("conformance/event-stream.json");

/// How often a case is cut at random, each time elsewhere.
const RANDOM_CUTS: u64 = 64;

fn main() {
    let arguments = Arguments::from_args();
    let trials = match cases() {
        Ok(cases) => cases.iter().flat_map(trials).collect(),
        Err(error) => vec![Trial::test("cases", move || Err(error))],
    };
    libtest_mimic::run(&arguments, trials).exit();
}

#[derive(Clone)]
struct Case {
    name: String,
    input: Vec<u8>,
    expected: Seen,
    /// The standard can be read both ways, so what becomes of `retry` is not compared.
    retry_ambiguous: bool,
}

/// What a stream comes to, by its end.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    events: Vec<Event>,
    retry: Option<u64>,
    last_event_id: String,
}

#[derive(Clone, Debug, PartialEq)]
struct Event {
    name: String,
    data: String,
    id: String,
}

fn trials(case: &Case) -> [Trial; 3] {
    let trial = |way, run: fn(&Case) -> Result<(), Failed>| {
        let case = case.clone();
        Trial::test(format!("{}/{way}", case.name), move || run(&case))
    };
    [trial("whole", whole), trial("bytes", bytes), trial("random", random)]
}

fn whole(case: &Case) -> Result<(), Failed> {
    check(case, &[case.input.len()])
}

fn bytes(case: &Case) -> Result<(), Failed> {
    check(case, &vec![1; case.input.len()])
}

fn random(case: &Case) -> Result<(), Failed> {
    for round in 0..RANDOM_CUTS {
        let mut generator = Generator::new(&case.name, round);
        // From mostly single bytes to mostly large pieces.
        let longest = 1 + generator.below(2 + case.input.len());
        let mut sizes = Vec::new();
        let mut left = case.input.len();
        while left > 0 {
            // A chunk may be empty as well.
            let size = generator.below(longest + 1).min(left);
            sizes.push(size);
            left -= size;
        }
        check(case, &sizes)?;
    }
    Ok(())
}

fn check(case: &Case, sizes: &[usize]) -> Result<(), Failed> {
    let mut seen = decode(&case.input, sizes)?;
    if case.retry_ambiguous {
        seen.retry = case.expected.retry;
    }
    if seen == case.expected {
        return Ok(());
    }
    let mut message = format!("expected {:#?}\nfound {seen:#?}\nin chunks:\n", case.expected);
    let mut rest = case.input.as_slice();
    for &size in sizes {
        let (chunk, tail) = rest.split_at(size);
        rest = tail;
        writeln!(message, "  b\"{}\"", chunk.escape_ascii())?;
    }
    Err(message.into())
}

/// Decodes `input` in chunks of these sizes, which make up all of it.
fn decode(input: &[u8], sizes: &[usize]) -> Result<Seen, Failed> {
    let mut decoder = Decoder::new(Limits::default());
    let mut seen = Seen::default();
    let mut rest = input;
    for &size in sizes {
        let (mut chunk, tail) = rest.split_at(size);
        rest = tail;
        while let Some(item) = decoder.decode(&mut chunk)? {
            match item {
                Item::Event(event) => seen.events.push(Event {
                    name: event.name.to_owned(),
                    data: event.data.to_owned(),
                    id: event.id.to_owned(),
                }),
                Item::Retry(ms) => seen.retry = Some(ms),
                Item::Comment => {}
                other => return Err(format!("without a filter: {other:?}").into()),
            }
        }
        if !chunk.is_empty() {
            return Err(format!("{} bytes were left in a chunk", chunk.len()).into());
        }
    }
    if !rest.is_empty() {
        return Err("the chunks are not the whole input".into());
    }
    if decoder.retry() != seen.retry {
        return Err(format!("retry() is {:?}", decoder.retry()).into());
    }
    decoder.last_event_id().clone_into(&mut seen.last_event_id);
    Ok(seen)
}

fn cases() -> Result<Vec<Case>, Failed> {
    let file: Value = serde_json::from_str(CASES)?;
    let cases = file["cases"].as_array().ok_or("no cases")?;
    if cases.is_empty() {
        return Err("no cases".into());
    }
    cases.iter().map(|case| parse(case).ok_or_else(|| format!("what is {case}?").into())).collect()
}

fn parse(case: &Value) -> Option<Case> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let expected = &case["expected"];
    let events = expected["events"].as_array()?.iter().map(|event| {
        Some(Event {
            name: text(&event["event"])?,
            data: text(&event["data"])?,
            id: text(&event["id"])?,
        })
    });
    let retry = &expected["retry"];
    Some(Case {
        name: text(&case["name"])?,
        input: unhex(case["input_hex"].as_str()?)?,
        expected: Seen {
            events: events.collect::<Option<_>>()?,
            retry: if retry.is_null() { None } else { Some(retry.as_u64()?) },
            last_event_id: text(&expected["last_event_id"])?,
        },
        retry_ambiguous: !case["retry_ambiguous"].is_null(),
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// Numbers that look random and are the same in every run: a Weyl sequence, mixed.
struct Generator(u64);

impl Generator {
    fn new(name: &str, round: u64) -> Self {
        // FNV-1a, so that each case is cut in its own way.
        let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        Self(seed ^ round.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = mixed ^ (mixed >> 29);
        (mixed >> 16) as usize % end.max(1)
    }
}
