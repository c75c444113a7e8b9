//! A reverse proxy's one service: a body that lasts until its connection is closed gets chunks.
//!
//! Most scripts are such bodies, and there are clients that cannot read any. Everything else is sent as it is: what
//! has a framing already, what is no HTTP, answers that have no body.

use std::borrow::Cow;

use crate::wire::LAST_CHUNK;

/// One answer on its way, and what is put around it.
pub(crate) enum Chunks {
    /// The head, as far as it has come. At its end it is known whether the body needs chunks.
    Head(Vec<u8>),
    /// A body that does.
    Body,
    /// What is sent as it is.
    AsItIs,
}

impl Chunks {
    /// At the beginning of an answer.
    pub(crate) fn new() -> Self {
        Self::Head(Vec::new())
    }

    /// What to send for these bytes.
    pub(crate) fn frame<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        if matches!(self, Self::AsItIs) {
            return bytes.into();
        }
        let mut framed = Vec::new();
        let mut rest = bytes;
        while let Self::Head(head) = self {
            let Some((byte, others)) = rest.split_first() else { return framed.into() };
            rest = others;
            let kept_back = head.ends_with(b"\r\n\r");
            head.push(*byte);
            if head.ends_with(b"\r\n\r\n") {
                let (end, body) = end_of(head);
                framed.extend_from_slice(end);
                *self = body;
            } else if !head.ends_with(b"\r\n\r") {
                framed.extend(kept_back.then_some(b'\r'));
                framed.push(*byte);
            }
        }
        match self {
            Self::Body if rest.is_empty() => {}
            Self::Body => {
                let size = format!("{:x}\r\n", rest.len());
                framed.extend([size.as_bytes(), rest, b"\r\n"].concat());
            }
            Self::Head(_) | Self::AsItIs => framed.extend_from_slice(rest),
        }
        framed.into()
    }

    /// What says that the answer has come to its proper end.
    pub(crate) fn end(&self) -> &'static [u8] {
        if matches!(self, Self::Body) { LAST_CHUNK.as_bytes() } else { b"" }
    }
}

/// How the end of a head is sent, and what comes behind it.
fn end_of(head: &[u8]) -> (&'static [u8], Chunks) {
    const EMPTY_LINE: &[u8] = b"\r\n";
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let status = head.strip_prefix("http/1.1 ").and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
    let has_framing =
        ["\r\ncontent-length:", "\r\ntransfer-encoding:"].iter().any(|name| head.contains(name));
    match status {
        // The head that counts comes after it.
        Some(100..200) => (EMPTY_LINE, Chunks::new()),
        None | Some(204 | 304) => (EMPTY_LINE, Chunks::AsItIs),
        Some(_) if has_framing => (EMPTY_LINE, Chunks::AsItIs),
        Some(_) => (b"transfer-encoding: chunked\r\n\r\n", Chunks::Body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{CHUNKED, STREAM, answer};

    /// What is sent for this, whole and byte by byte, and its proper end.
    fn sent(answer: &str) -> [String; 2] {
        [usize::MAX, 1].map(|size| {
            let mut chunks = Chunks::new();
            let mut sent: Vec<u8> = answer
                .as_bytes()
                .chunks(size)
                .flat_map(|piece| chunks.frame(piece).into_owned())
                .collect();
            sent.extend(chunks.end());
            String::from_utf8(sent).unwrap_or_default()
        })
    }

    #[test]
    fn a_body_that_lasts_until_the_connection_is_closed_gets_chunks() {
        let head = STREAM.trim_end();
        let [whole, bytes] = sent(&format!("{STREAM}: hi\n"));
        let start = format!("{head}\r\ntransfer-encoding: chunked\r\n\r\n");
        assert_eq!(whole, format!("{start}5\r\n: hi\n\r\n0\r\n\r\n"));
        let each: String = ": hi\n".chars().map(|c| format!("1\r\n{c}\r\n")).collect();
        assert_eq!(bytes, format!("{start}{each}0\r\n\r\n"));
    }

    #[test]
    fn an_interim_answer_is_sent_before_it() {
        let interim = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n";
        for sent in sent(&format!("{interim}{STREAM}")) {
            let rest = sent.strip_prefix(interim).expect("the interim answer as it is");
            assert!(rest.ends_with("transfer-encoding: chunked\r\n\r\n0\r\n\r\n"), "{sent}");
        }
    }

    #[test]
    fn everything_else_is_sent_as_it_is() {
        for answer in [
            "",
            "\r\n\r",
            "SSH-2.0-OpenSSH_9.2\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\nHTTP",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
            "HTTP/1.1 200 OK\r\nx: \r\r\n\r\rx\n",
            &answer("410 Gone", &[], "gone"),
            &format!("{CHUNKED}zz\r\n"),
        ] {
            // What may begin an empty line is kept back.
            let sent = sent(answer);
            let shown =
                answer.strip_suffix("\r\n\r").map_or(answer.to_owned(), |a| format!("{a}\r\n"));
            assert_eq!(sent, [shown.clone(), shown], "{answer:?}");
        }
    }
}
