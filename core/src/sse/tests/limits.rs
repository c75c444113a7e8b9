//! A limit is exact, the same however the stream is cut, and final.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Decoder, LimitExceeded, Limits, Seen, event, run};

const LIMITS: Limits = Limits { line: 20, data: 30 };

/// What becomes of a stream, whole and in chunks of every size.
fn outcome(decoder: &Decoder, stream: &[u8]) -> (Vec<Seen>, Option<LimitExceeded>) {
    let whole = run(&mut decoder.clone(), [stream]);
    for size in 1..stream.len() {
        let cut = run(&mut decoder.clone(), stream.chunks(size));
        assert_eq!(cut, whole, "in chunks of {size}");
    }
    (whole.items, whole.limit)
}

fn limit(stream: impl AsRef<[u8]>) -> Option<LimitExceeded> {
    outcome(&Decoder::new(LIMITS), stream.as_ref()).1
}

fn xs(count: usize) -> String {
    "x".repeat(count)
}

#[test]
fn a_line_may_be_as_long_as_its_limit() {
    for start in ["data:", "data: ", "event:", "event: ", "id:", "id: "] {
        for end in ["", "\n", "\r", "\r\n"] {
            let room = LIMITS.line - start.len();
            assert_eq!(limit(format!("{start}{}{end}", xs(room))), None);
            let over = format!("{start}{}{end}", xs(room + 1));
            assert_eq!(limit(over), Some(LimitExceeded::Line));
        }
    }
    assert_eq!(limit("retry: 0000000000001\n"), None);
    assert_eq!(limit("retry: 00000000000001\n"), Some(LimitExceeded::Line));
    // The byte order mark and the LF of a CR that was the last byte before are no part of the line.
    assert_eq!(limit(format!("\u{FEFF}data: {}\r\n\n", xs(14))), None);
    assert_eq!(limit(format!(":\r\ndata: {}\r\n\n", xs(14))), None);
}

#[test]
fn a_name_alone_can_be_too_long_a_line() {
    let decoder = |line| Decoder::new(Limits { line, data: 30 });
    assert_eq!(outcome(&decoder(4), b"data\n\n"), ([event("message", "", "")].into(), None));
    assert_eq!(outcome(&decoder(3), b"data\n\n").1, Some(LimitExceeded::Line));
    assert_eq!(outcome(&decoder(4), b"data:\n\n").1, Some(LimitExceeded::Line));
    assert_eq!(outcome(&decoder(5), b"data: \n\n").1, Some(LimitExceeded::Line));
    assert_eq!(outcome(&decoder(0), b"foo\n: bar\n\n"), ([Seen::Comment].into(), None));
}

#[test]
fn data_may_be_as_long_as_its_limit() {
    let ten = xs(10);
    // Two line feeds join three lines.
    let fits = format!("data: {ten}\ndata: {ten}\ndata: {}\n\n", xs(8));
    let (items, exceeded) = outcome(&Decoder::new(LIMITS), fits.as_bytes());
    assert_eq!(exceeded, None);
    assert_eq!(items, [event("message", &format!("{ten}\n{ten}\n{}", xs(8)), "")]);
    let over = format!("data: {ten}\ndata: {ten}\ndata: {}", xs(9));
    assert_eq!(limit(over), Some(LimitExceeded::Data));
    // A line feed counts although nothing follows it yet.
    let full = format!("data: {ten}\ndata: {ten}\ndata: {}\n", xs(8));
    assert_eq!(limit(&full), None);
    assert_eq!(limit(format!("{full}data")), None);
    assert_eq!(limit(format!("{full}data\n")), Some(LimitExceeded::Data));
    assert_eq!(limit(format!("{full}data:")), Some(LimitExceeded::Data));
    // A single line, lent from the chunk or not.
    let small = Decoder::new(Limits { line: 100, data: 3 });
    assert_eq!(outcome(&small, b"data: abc\n\n").1, None);
    assert_eq!(outcome(&small, b"data: abcd\n\n").1, Some(LimitExceeded::Data));
}

#[test]
fn each_event_has_the_limit_for_itself() {
    let stream = format!("data: {}\n\n", xs(14)).repeat(10);
    assert_eq!(limit(stream), None);
}

#[test]
fn of_two_limits_the_one_reached_first_counts() {
    let decoder = |line, data| Decoder::new(Limits { line, data });
    assert_eq!(outcome(&decoder(10, 4), b"data:abcdef\n").1, Some(LimitExceeded::Data));
    assert_eq!(outcome(&decoder(9, 5), b"data:abcdef\n").1, Some(LimitExceeded::Line));
    assert_eq!(outcome(&decoder(10, 5), b"data:abcdef\n").1, Some(LimitExceeded::Line));
}

#[test]
fn text_counts_as_it_is_lent() {
    let decoder = |line, data| Decoder::new(Limits { line, data });
    // Each byte becomes three.
    assert_eq!(outcome(&decoder(20, 6), b"data: \xFF\xFF\n\n").1, None);
    assert_eq!(outcome(&decoder(20, 5), b"data: \xFF\xFF\n\n").1, Some(LimitExceeded::Data));
    assert_eq!(outcome(&decoder(12, 20), b"event: \xFF\xFF\xFF\xFF\n").1, None);
    assert_eq!(
        outcome(&decoder(12, 20), b"event: \xFF\xFF\xFF\xFF\xFF\n").1,
        Some(LimitExceeded::Line)
    );
    assert_eq!(
        outcome(&decoder(12, 20), b"id: \xFF\xFF\xFF\xFF\xFF\n").1,
        Some(LimitExceeded::Line)
    );
}

#[test]
fn unwanted_data_has_no_limit() {
    let decoder = Decoder::new(LIMITS).only(&["wake"]);
    let long = xs(1000);
    let skipped = format!("event: no\ndata: {long}\ndata: {long}\n\nevent: wake\ndata: x\n\n");
    let expected = [Seen::Skipped, event("wake", "x", "")];
    assert_eq!(outcome(&decoder, skipped.as_bytes()), (expected.into(), None));
    // Before the name is known, and under a name that is wanted, the limits hold.
    for over in [format!("data: {long}\nevent: no\n\n"), format!("event: wake\ndata: {long}\n\n")] {
        assert_eq!(outcome(&decoder, over.as_bytes()).1, Some(LimitExceeded::Line));
    }
    // They hold for other fields of an unwanted event, which are stored.
    let name = format!("event: no\nevent: {long}\n");
    assert_eq!(outcome(&decoder, name.as_bytes()).1, Some(LimitExceeded::Line));
}

#[test]
fn a_limit_exceeded_is_final_until_reset() {
    for over in [format!("data: {}", xs(15)), format!("data: {}\n", xs(14)).repeat(3)] {
        let mut decoder = Decoder::new(LIMITS);
        let exceeded = run(&mut decoder, [over.as_bytes()]).limit;
        assert!(exceeded.is_some());
        for again in ["x", "\n\n: comment\n", "", "\n\ndata: x\n\n"] {
            let mut input = again.as_bytes();
            assert_eq!(decoder.decode(&mut input).err(), exceeded);
            assert!(input.is_empty());
        }
        decoder.reset();
        let after = run(&mut decoder, [&b"data: x\n\n"[..]]);
        assert_eq!((after.items, after.limit), ([event("message", "x", "")].into(), None));
    }
    // Also where it shows only when the event is lent.
    let mut decoder = Decoder::new(Limits { line: 20, data: 2 });
    assert!(run(&mut decoder, [&b"data: \xFF\n\n"[..]]).limit.is_some());
    assert!(run(&mut decoder, [&b": comment\n"[..]]).limit.is_some());
}

#[test]
fn errors_name_the_limit() {
    assert!(format!("{}", LimitExceeded::Line).contains("line limit"));
    assert!(format!("{}", LimitExceeded::Data).contains("data limit"));
}
