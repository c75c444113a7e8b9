//! The event-stream decoder: what it promises by itself, against the standard, and against a peer.

use arbitrary::{Arbitrary, Unstructured};
use dormouse_core::sse::{Decoder, Event, Item, LimitExceeded, Limits};

use super::peer;
use crate::standard::{self, Limit, Outcome};

const ONLY: &[&str] = &["hello", "wake"];
const AMPLE: Limits = Limits { line: 1 << 20, data: 1 << 20 };

/// A stream, and how it is decoded. The stream is what is left of the bytes, so that it can be read in a corpus.
#[derive(Debug)]
struct Case<'b> {
    filtered: bool,
    limits: Limits,
    cuts: [u8; 4],
    stream: &'b [u8],
}

impl<'b> Arbitrary<'b> for Case<'b> {
    fn arbitrary(bytes: &mut Unstructured<'b>) -> arbitrary::Result<Self> {
        let [kind, line, data] = bytes.arbitrary::<[u8; 3]>()?;
        let small = Limits { line: line.into(), data: data.into() };
        Ok(Self {
            filtered: kind & 1 != 0,
            limits: if kind & 2 != 0 { small } else { AMPLE },
            cuts: bytes.arbitrary()?,
            stream: bytes.bytes(bytes.len())?,
        })
    }
}

impl Case<'_> {
    fn only(&self) -> Option<&'static [&'static str]> {
        self.filtered.then_some(ONLY)
    }

    fn decoder(&self, limits: Limits) -> Decoder {
        let decoder = Decoder::new(limits);
        if self.filtered { decoder.only(ONLY) } else { decoder }
    }

    /// The stream in pieces, of which some are empty and most are not.
    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.stream;
        let mut sizes = self.cuts.into_iter().chain([7]).cycle();
        std::iter::from_fn(move || {
            let size = usize::from(sizes.next()?);
            (!rest.is_empty()).then(|| {
                let (piece, after) = rest.split_at(size.min(rest.len()));
                rest = after;
                piece
            })
        })
    }
}

/// What a decoder makes of chunks, until a limit is exceeded or there are no more.
///
/// # Panics
///
/// If the decoder leaves something of a chunk.
pub fn run<'a>(decoder: &mut Decoder, chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let (mut items, mut limit) = (Vec::new(), None);
    'stream: for mut chunk in chunks {
        loop {
            match decoder.decode(&mut chunk) {
                Ok(Some(item)) => items.push(seen(item)),
                Ok(None) => break,
                Err(exceeded) => {
                    limit = Some(named(exceeded));
                    break 'stream;
                }
            }
        }
        assert!(chunk.is_empty(), "more was asked for with {} bytes left", chunk.len());
    }
    Outcome {
        items,
        limit,
        last_event_id: decoder.last_event_id().to_owned(),
        retry: decoder.retry(),
        lines: decoder.lines(),
        unfinished: decoder.is_unfinished(),
    }
}

fn seen(item: Item<'_>) -> standard::Item {
    match item {
        Item::Event(Event { name, data, id, .. }) => standard::Item::Event {
            name: name.to_owned(),
            data: data.to_owned(),
            id: id.to_owned(),
        },
        Item::Comment => standard::Item::Comment,
        Item::Retry(time) => standard::Item::Retry(time),
        Item::Skipped => standard::Item::Skipped,
        other => panic!("{other:?}"),
    }
}

fn named(exceeded: LimitExceeded) -> Limit {
    match exceeded {
        LimitExceeded::Line => Limit::Line,
        LimitExceeded::Data => Limit::Data,
        other => panic!("{other:?}"),
    }
}

/// The decoder by itself: what it stores is bounded, a limit is final, a reset begins afresh but for the id, a
/// clone goes on as the original does, and a filter only takes away.
pub(super) fn decoder(bytes: &[u8]) {
    let Ok(case) = Unstructured::new(bytes).arbitrary::<Case<'_>>() else { return };
    let mut decoder = case.decoder(case.limits);
    let mut twin = None;
    let mut limit = None;
    for (round, piece) in case.pieces().enumerate() {
        if round == 3 {
            twin = Some((decoder.clone(), Vec::new()));
        }
        let before = decoder.lines();
        let came = run(&mut decoder, [piece]);
        assert!(came.lines >= before, "lines are counted upwards");
        assert!(came.items.len() <= piece.len(), "an item takes a byte at least");
        assert!(stored(&decoder) <= case.limits.data + 2 * case.limits.line, "{decoder:?}");
        if let Some((_, items)) = &mut twin {
            items.extend(came.items);
        }
        if limit.is_some() {
            assert_eq!(came.limit, limit, "a limit is final");
        }
        limit = came.limit;
    }
    if let Some((mut twin, items)) = twin {
        assert_eq!(run(&mut twin, case.pieces().skip(3)).items, items, "a clone is the same");
        assert_eq!(format!("{twin:?}"), format!("{decoder:?}"));
    }
    let id = decoder.last_event_id().to_owned();
    decoder.reset();
    assert_eq!((decoder.lines(), decoder.retry(), decoder.is_unfinished()), (0, None, false));
    assert_eq!(decoder.last_event_id(), id);
    if case.limits == AMPLE {
        let after = run(&mut decoder, [&b"event: wake\ndata: x\n\n"[..]]);
        let wake = standard::Item::Event { name: "wake".into(), data: "x".into(), id };
        assert_eq!(after.items, [wake], "a reset decoder is a new one");
        filter(case.stream);
    }
}

/// With a filter the same comes, but for what is not wanted, and for what was renamed too late.
fn filter(stream: &[u8]) {
    let all = run(&mut Decoder::new(AMPLE), [stream]);
    let some = run(&mut Decoder::new(AMPLE).only(ONLY), [stream]);
    assert_eq!(all.items.len(), some.items.len());
    for (one, other) in all.items.iter().zip(&some.items) {
        match (one, other) {
            (standard::Item::Event { .. }, standard::Item::Skipped) => {}
            (standard::Item::Event { name, .. }, _) => {
                assert!(ONLY.contains(&name.as_str()));
                assert_eq!(one, other);
            }
            _ => assert_eq!(one, other),
        }
    }
    assert_eq!(
        (all.lines, all.retry, all.last_event_id),
        (some.lines, some.retry, some.last_event_id)
    );
}

/// How many bytes the decoder says that it stores.
fn stored(decoder: &Decoder) -> usize {
    let shown = format!("{decoder:?}");
    ["data_bytes: ", "value_bytes: ", "last_event_id_bytes: "]
        .iter()
        .map(|name| {
            let (_, rest) = shown.split_once(name).expect("the decoder shows what it stores");
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next().expect("digits");
            digits.parse::<usize>().expect("a number")
        })
        .sum()
}

/// The decoder against the transcription of the standard, with limits and without, whole, byte by byte and cut.
pub(super) fn standard(bytes: &[u8]) {
    let Ok(case) = Unstructured::new(bytes).arbitrary::<Case<'_>>() else { return };
    let Limits { line, data } = case.limits;
    let exceeded = standard::first_exceeded(case.stream, line, data, case.only());
    let fits = exceeded.map_or(case.stream, |(at, _)| &case.stream[..at - 1]);
    let expected = standard::decode(fits, case.only());
    let decoder = case.decoder(case.limits);
    for (way, found) in [
        ("whole", run(&mut decoder.clone(), [case.stream])),
        ("byte by byte", run(&mut decoder.clone(), case.stream.chunks(1))),
        ("cut", run(&mut decoder.clone(), case.pieces())),
    ] {
        assert_eq!(found.limit, exceeded.map(|(_, limit)| limit), "{way}");
        if exceeded.is_some() {
            // Up to the byte that was too much nothing is lost, and nothing comes of it.
            assert_eq!(found.items, expected.items, "{way}");
            assert!(!found.unfinished, "what is lost is lost already");
        } else {
            assert_eq!(found, expected, "{way}");
        }
    }
}

/// The decoder against sse-codec, its known differences taken out of the stream.
pub(super) fn second_opinion(bytes: &[u8]) {
    let case = Case { filtered: false, limits: AMPLE, cuts: [0, 1, 2, 3], stream: bytes };
    let found = run(&mut Decoder::new(AMPLE), case.pieces());
    peer::agrees(bytes, &found.items);
}

/// Any cut against no cut, with whatever limits: the same items, the same limit, the same end.
pub(super) fn cut(bytes: &[u8]) {
    let Ok(case) = Unstructured::new(bytes).arbitrary::<Case<'_>>() else { return };
    let decoder = case.decoder(case.limits);
    let whole = run(&mut decoder.clone(), [case.stream]);
    assert_eq!(run(&mut decoder.clone(), case.pieces()), whole, "cut");
    assert_eq!(run(&mut decoder.clone(), case.stream.chunks(1)), whole, "byte by byte");
    // In two, at every place where it fits into a short run.
    if case.stream.len() <= 64 {
        for at in 0..case.stream.len() {
            let (one, two) = case.stream.split_at(at);
            assert_eq!(run(&mut decoder.clone(), [one, two]), whole, "in two at {at}");
        }
    }
}
