//! Every answer is read whole, byte by byte, and in two pieces cut at every byte: how it is cut changes
//! nothing. Then ureq-proto is asked what it makes of the same bytes.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may")]

use super::*;

/// What a client came to know of an answer, the connection closed after its last byte.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    /// Not even a head.
    Fault(TransportFault),
    Answer {
        status: u16,
        body: String,
        end: End,
        keeps: bool,
    },
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Whole,
    /// More came than the body has.
    Surplus,
    CutShort,
    Bad,
}

fn read<'b>(pieces: impl IntoIterator<Item = &'b [u8]>) -> Read {
    let mut reader = HeadReader::default();
    let mut pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
    let answer = loop {
        match reader.push(pieces.next().unwrap_or_default()) {
            Ok(None) => {}
            Ok(Some(answer)) => break answer,
            Err(error) => return Read::Fault(error.fault()),
        }
    };
    let Answer { head, mut framing, keeps } = answer;
    let (mut body, mut surplus) = (Vec::new(), false);
    for mut bytes in std::iter::once(reader.bytes).chain(pieces.map(<[u8]>::to_vec)) {
        let (kept, more) = framing.strip(&mut bytes);
        surplus |= more;
        body.extend(&bytes[..kept]);
    }
    let end = match framing {
        _ if framing.fault().is_some() => End::Bad,
        _ if surplus => End::Surplus,
        _ => framing.cut().map_or(End::Whole, |_| End::CutShort),
    };
    let body = String::from_utf8(body).expect("text");
    Read::Answer { status: head.status(), body, end, keeps }
}

/// However it is cut.
fn read_in_every_way(bytes: &[u8]) -> Read {
    let whole = read([bytes]);
    let text = String::from_utf8_lossy(bytes);
    assert_eq!(read(bytes.chunks(1)), whole, "byte by byte: {text:?}");
    for at in 0..bytes.len() {
        let (a, b) = bytes.split_at(at);
        assert_eq!(read([a, b]), whole, "cut at {at}: {text:?}");
    }
    whole
}

fn answer(status: u16, body: &str, end: End, keeps: bool) -> Read {
    Read::Answer { status, body: body.to_owned(), end, keeps }
}

#[test]
fn answers_however_they_are_cut() {
    use End::{Bad, CutShort, Surplus, Whole};
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n";
    let long = "x".repeat(300);
    for (text, expected) in [
        // A length.
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", answer(200, "hello", Whole, true)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5, 5\r\n\r\nhello", answer(200, "hello", Whole, true)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell", answer(200, "hell", CutShort, true)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello!", answer(200, "hello", Surplus, true)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", answer(200, "", Whole, true)),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nConnection: x, Close\r\n\r\n",
            answer(200, "", Whole, false),
        ),
        ("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", answer(200, "", Whole, false)),
        // Until it is closed.
        ("HTTP/1.1 200 OK\r\n\r\n: hi\n", answer(200, ": hi\n", Whole, false)),
        ("HTTP/1.1 200\r\n\r\n", answer(200, "", Whole, false)),
        // No body, whatever the head says.
        ("HTTP/1.1 204 No Content\r\n\r\n", answer(204, "", Whole, true)),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", answer(304, "", Whole, true)),
        // Before the answer.
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n\
          HTTP/1.1 204 No Content\r\n\r\n",
            answer(204, "", Whole, true),
        ),
        (
            "HTTP/1.1 100 Continue\r\nDate: now\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            answer(204, "", Whole, true),
        ),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", answer(101, "", Whole, false)),
        // Not HTTP.
        ("SSH-2.0-OpenSSH_9.2\r\n", Read::Fault(TransportFault::Http)),
        ("\u{15}\u{3}\u{1}\0\u{2}\u{2}P", Read::Fault(TransportFault::Http)),
        ("HTTP/2 200 OK\r\n\r\n", Read::Fault(TransportFault::Http)),
        ("HTTP/1.1 099 Odd\r\n\r\n", Read::Fault(TransportFault::Http)),
        ("HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n", Read::Fault(TransportFault::Http)),
        ("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", Read::Fault(TransportFault::Http)),
        ("HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\n", Read::Fault(TransportFault::Http)),
        ("HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\n", Read::Fault(TransportFault::Http)),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
            Read::Fault(TransportFault::Http),
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            Read::Fault(TransportFault::Http),
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
            Read::Fault(TransportFault::Http),
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, chunked\r\n\r\n",
            Read::Fault(TransportFault::Http),
        ),
        // Cut in the head.
        ("", Read::Fault(TransportFault::Broken)),
        ("HTTP/1.1 200 OK\r\nDate: n", Read::Fault(TransportFault::Broken)),
        ("HTTP/1.1 100 Continue\r\n\r\n", Read::Fault(TransportFault::Broken)),
        // Two opinions: the chunks count, and the connection is not used again.
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n\
          1\r\na\r\n0\r\n\r\n",
            answer(200, "a", Whole, false),
        ),
    ] {
        assert_eq!(read_in_every_way(text.as_bytes()), expected, "{text:?}");
    }
    for (text, body, end) in [
        ("0\r\n\r\n", "", Whole),
        ("5\r\nhello\r\n0\r\n\r\n", "hello", Whole),
        ("1\r\na\r\n00B\r\nbcdefghijkl\r\n0\r\n\r\n", "abcdefghijkl", Whole),
        ("5;x=\"y\"\r\nhello\r\n0;z\r\n\r\n", "hello", Whole),
        (&*format!("5;{long}\r\nhello\r\n0\r\n\r\n"), "hello", Whole),
        ("5 \t ; x\r\nhello\r\n0  \r\n\r\n", "hello", Whole),
        ("1\r\n\r\r\n1\r\n\n\r\n0\r\n\r\n", "\r\n", Whole),
        ("1\r\na\r\n0\r\nExpires: never\r\nX:\r\n\r\n", "a", Whole),
        ("1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n", "a", Surplus),
        // Cut short, each in another place.
        ("", "", CutShort),
        ("5", "", CutShort),
        ("5\r", "", CutShort),
        ("5\r\nhel", "hel", CutShort),
        ("5\r\nhello", "hello", CutShort),
        ("5\r\nhello\r", "hello", CutShort),
        ("5\r\nhello\r\n", "hello", CutShort),
        ("5\r\nhello\r\n0\r\n", "hello", CutShort),
        ("5\r\nhello\r\n0\r\nX: y\r\n", "hello", CutShort),
        // What came before a bad chunk came.
        ("1\r\na\r\nzz\r\n", "a", Bad),
        ("\r\n", "", Bad),
        ("5\nhello", "", Bad),
        ("-5\r\nhello", "", Bad),
        ("+5\r\nhello", "", Bad),
        (" 5\r\nhello", "", Bad),
        ("0x5\r\nhello", "", Bad),
        ("5 5\r\nhello", "", Bad),
        (";x\r\n", "", Bad),
        ("5;x\nhello", "", Bad),
        ("5\r\rhello", "", Bad),
        ("5\r\nhelloX\r\n", "hello", Bad),
        ("5\r\nhello\n0\r\n", "hello", Bad),
        ("00000000000000000\r\n", "", Bad),
        ("FFFFFFFFFFFFFFFF\r\nmuch", "much", CutShort),
    ] {
        let got = read_in_every_way(format!("{chunked}{text}").as_bytes());
        assert_eq!(got, answer(200, body, end, true), "{text:?}");
    }
}

#[test]
fn a_head_has_limits_however_it_is_cut() {
    let fields = |count: usize| {
        let fields = (0..count).map(|n| format!("x-{n}: y\r\n")).collect::<String>();
        format!("HTTP/1.1 204 No Content\r\n{fields}\r\n")
    };
    let sized = |size: usize| {
        let head = "HTTP/1.1 204 No Content\r\nx: \r\n\r\n";
        head.replace("x: ", &format!("x: {}", "y".repeat(size - head.len())))
    };
    let hints = |size: usize| format!("HTTP/1.1 103 Hints\r\n\r\n{}", sized(size - 22));
    let good = answer(204, "", End::Whole, true);
    let bad = Read::Fault(TransportFault::Http);
    for (text, expected) in [
        (fields(100), &good),
        (fields(101), &bad),
        (sized(HEAD_LIMIT), &good),
        (sized(HEAD_LIMIT + 1), &bad),
        (hints(HEAD_LIMIT), &good),
        (hints(HEAD_LIMIT + 1), &bad),
        ("x".repeat(HEAD_LIMIT), &bad),
        (format!("HTTP/1.1 204 {}", "y".repeat(2 * HEAD_LIMIT)), &bad),
    ] {
        for size in [1, 2, 1000, 4096, HEAD_LIMIT, usize::MAX] {
            let got = read(text.as_bytes().chunks(size));
            assert_eq!(got, *expected, "{} bytes in pieces of {size}", text.len());
        }
    }
    let endless = std::iter::repeat_n(&b"HTTP/1.1 100 Continue\r\n\r\n"[..], HEAD_LIMIT);
    assert_eq!(read(endless), bad, "a server that never comes to the point");
}

#[test]
fn a_request_is_its_head_and_its_body() {
    let get = request("GET", "/a?b", "h:1", [("x", "y")], "");
    assert_eq!(get, b"GET /a?b HTTP/1.1\r\nhost: h:1\r\nx: y\r\n\r\n");
    let post = request("POST", "/", "h", [], "{}");
    assert_eq!(post, b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\n\r\n{}");
}

/// Status, body, and whether the end was seen, as ureq-proto reads them; `None` is an error.
fn second_opinion(bytes: &[u8]) -> Option<(u16, Vec<u8>, bool)> {
    use ureq_proto::client::{Call, RecvResponseResult, SendRequestResult};
    let request = ureq_proto::http::Request::get("http://h/").body(()).expect("a request");
    let mut call = Call::new(request).expect("a call").proceed();
    call.write(&mut [0; 256]).expect("room");
    let Ok(Some(SendRequestResult::RecvResponse(mut call))) = call.proceed() else {
        panic!("the request is sent");
    };
    let mut at = 0;
    let status = loop {
        let (used, response) = call.try_response(&bytes[at..], false).ok()?;
        at += used;
        match response {
            Some(response) => break response.status().as_u16(),
            None if used == 0 => return None,
            None => {}
        }
    };
    let mut body = Vec::new();
    match call.proceed()? {
        RecvResponseResult::RecvBody(mut call) => loop {
            let mut out = [0; 512];
            let (used, got) = call.read(&bytes[at..], &mut out).ok()?;
            (at, body) = (at + used, [&body, &out[..got]].concat());
            if used == 0 && got == 0 {
                return Some((status, body, call.can_proceed()));
            }
        },
        _ => Some((status, body, true)),
    }
}

#[test]
fn ureq_proto_is_of_the_same_opinion() {
    let heads = [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 3\r\n\r\n",
    ];
    let bodies =
        ["", "a", "0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "c;x\r\nabcdefghijkl\r\n0\r\nA: b\r\n\r\n"];
    for head in heads {
        for body in bodies {
            let text = format!("{head}{body}");
            for length in 0..=text.len() {
                let bytes = &text.as_bytes()[..length];
                let theirs = second_opinion(bytes);
                match read([bytes]) {
                    Read::Fault(_) | Read::Answer { end: End::Bad, .. } => {
                        assert_eq!(theirs, None, "{:?}", &text[..length]);
                    }
                    Read::Answer { status, body, end, .. } => {
                        let whole = matches!(end, End::Whole | End::Surplus);
                        let ours = Some((status, body.into_bytes(), whole));
                        assert_eq!(theirs, ours, "{:?}", &text[..length]);
                    }
                }
            }
        }
    }
}
