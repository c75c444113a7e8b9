//! What may come, and when: at least one of each kind.

use std::fmt;

use dormouse_core::{Attempt, Beat, HandOver, Head, Hint, InputBuf, TransportFault};

use crate::laws;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    Tick,
    /// A head of an attempt that never was: time passes without a tick.
    Nothing,
    Head(Whose, Answer),
    Data(Whose, Chunk),
    End(Whose),
    Failed(Whose),
    Answer(Whose, u16),
    Lost(Whose),
    Cancel,
    Again(HandOver),
    Hint(Hint),
    Offline(bool),
    NewToken,
    Stop,
}

impl Symbol {
    /// All but heads and pieces of streams.
    pub(crate) const OTHERS: [Self; 18] = [
        Self::End(Whose::Latest),
        Self::Failed(Whose::Latest),
        Self::Lost(Whose::Latest),
        Self::Answer(Whose::Latest, 204),
        Self::Answer(Whose::Latest, 302),
        Self::Answer(Whose::Latest, 401),
        Self::Answer(Whose::Latest, 409),
        Self::Answer(Whose::Latest, 410),
        Self::Answer(Whose::Latest, 500),
        Self::Again(HandOver::Done),
        Self::Again(HandOver::Failed),
        Self::Hint(Hint::NetworkChanged),
        Self::Hint(Hint::Resumed),
        Self::Offline(true),
        Self::Offline(false),
        Self::NewToken,
        Self::Cancel,
        Self::Stop,
    ];
}

/// Which attempt or heartbeat, seen from the latest that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    Latest,
    Before,
    Unknown,
}

impl Whose {
    pub(crate) fn of(self, latest: u64) -> u64 {
        match self {
            Self::Latest => latest,
            Self::Before => latest.wrapping_sub(1),
            Self::Unknown => latest + 1,
        }
    }
}

/// A response head: one of each class of status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Sse,
    Html,
    Gzip,
    NoContent,
    Found,
    Unauthorized,
    Conflict,
    BusySeven,
    BusyForEver,
    Broken,
}

impl Answer {
    pub(crate) const ALL: [Self; 10] = [
        Self::Sse,
        Self::Html,
        Self::Gzip,
        Self::NoContent,
        Self::Found,
        Self::Unauthorized,
        Self::Conflict,
        Self::BusySeven,
        Self::BusyForEver,
        Self::Broken,
    ];

    /// The status and the headers that matter.
    pub(crate) fn parts(self) -> (u16, Vec<(&'static str, &'static str)>) {
        let sse = ("Content-Type", "Text/Event-Stream; charset=utf-8");
        match self {
            Self::Sse => (200, vec![sse]),
            Self::Html => (200, vec![("content-type", "text/html")]),
            Self::Gzip => (200, vec![sse, ("content-encoding", "gzip")]),
            Self::NoContent => (204, vec![]),
            Self::Found => (302, vec![sse, ("retry-after", "9")]),
            Self::Unauthorized => (401, vec![]),
            Self::Conflict => (409, vec![]),
            Self::BusySeven => (503, vec![("retry-after", "7")]),
            Self::BusyForEver => (429, vec![("retry-after", "9999999999999999999999")]),
            Self::Broken => (500, vec![]),
        }
    }

    pub(crate) fn head(self) -> Head {
        let (status, headers) = self.parts();
        Head::read(status, headers.into_iter().map(|(name, value)| (name, value.as_bytes())))
    }
}

/// A piece of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    Hello,
    HelloNoObject,
    HelloMissing,
    HelloWrongType,
    HelloBadLease,
    HalfHello,
    RestOfHello,
    Wake,
    WakeA,
    WakeB,
    WakeBad,
    WakeElsewhere,
    HalfWake,
    RestOfWake,
    HelloAndWake,
    Comment,
    CommentCr,
    MarkedComment,
    HalfComment,
    BlankLine,
    RetryZero,
    RetryMinute,
    RetryHuge,
    RetryJunk,
    Other,
    LineTooLong,
    DataTooLong,
    Empty,
}

impl Chunk {
    pub(crate) const ALL: [Self; 28] = [
        Self::Hello,
        Self::HelloNoObject,
        Self::HelloMissing,
        Self::HelloWrongType,
        Self::HelloBadLease,
        Self::HalfHello,
        Self::RestOfHello,
        Self::Wake,
        Self::WakeA,
        Self::WakeB,
        Self::WakeBad,
        Self::WakeElsewhere,
        Self::HalfWake,
        Self::RestOfWake,
        Self::HelloAndWake,
        Self::Comment,
        Self::CommentCr,
        Self::MarkedComment,
        Self::HalfComment,
        Self::BlankLine,
        Self::RetryZero,
        Self::RetryMinute,
        Self::RetryHuge,
        Self::RetryJunk,
        Self::Other,
        Self::LineTooLong,
        Self::DataTooLong,
        Self::Empty,
    ];

    /// Whole lines and frames, one of each kind.
    pub(crate) const WHOLE: [Self; 10] = [
        Self::Hello,
        Self::HelloMissing,
        Self::Wake,
        Self::WakeA,
        Self::WakeBad,
        Self::Comment,
        Self::Other,
        Self::LineTooLong,
        Self::DataTooLong,
        Self::Empty,
    ];

    /// Whether it leaves something unfinished: it is tried only where nothing is, or there would be no end.
    pub(crate) fn begins(self) -> bool {
        matches!(self, Self::HalfHello | Self::HalfWake | Self::HalfComment)
    }

    /// The bytes, where the attempt's lease has this name and this interval.
    pub(crate) fn bytes(self, lease: &str, interval: u64) -> Vec<u8> {
        let halves = |frame: Vec<u8>, first: bool| {
            let (one, two) = frame.split_at(frame.len() / 2);
            if first { one.to_vec() } else { two.to_vec() }
        };
        let hello = laws::hello(lease, interval);
        let event =
            |name: &str, data: &str| format!("event: {name}\ndata: {data}\n\n").into_bytes();
        match self {
            Self::Hello => hello,
            Self::HelloNoObject => event("hello", "[1]"),
            Self::HelloMissing => {
                event("hello", r#"{"watchLeaseId":"L","deviceWaitForViewerMs":1}"#)
            }
            Self::HelloWrongType => event("hello", r#"{"watchLeaseId":7}"#),
            Self::HelloBadLease => event("hello", r#"{"watchLeaseId":"two words"}"#),
            Self::HalfHello => halves(hello, true),
            Self::RestOfHello => halves(hello, false),
            Self::Wake => laws::wake(0),
            Self::WakeA => laws::wake(1),
            Self::WakeB => laws::wake(2),
            Self::WakeBad => event("wake", r#"{"token":"canary-bad"}"#),
            Self::WakeElsewhere => {
                event("wake", r#"{"url":"ws://go.example/1","token":"canary-elsewhere"}"#)
            }
            Self::HalfWake => halves(laws::wake(1), true),
            Self::RestOfWake => halves(laws::wake(1), false),
            Self::HelloAndWake => [hello, laws::wake(0), b": unread\n".to_vec()].concat(),
            Self::Comment => b": alive\n".to_vec(),
            Self::CommentCr => b":\r".to_vec(),
            Self::MarkedComment => b"\xEF\xBB\xBF: \xFF\r\n".to_vec(),
            Self::HalfComment => b": ali".to_vec(),
            Self::BlankLine => b"\n".to_vec(),
            Self::RetryZero => b"retry: 0\n".to_vec(),
            Self::RetryMinute => b"retry:60000\r\n".to_vec(),
            Self::RetryHuge => b"retry: 99999999999999999999999\n".to_vec(),
            Self::RetryJunk => b"retry: 1s\n".to_vec(),
            Self::Other => b"event: other\ndata: x\n\n".to_vec(),
            Self::LineTooLong => [b"data: ".as_slice(), &[b'x'; 1019], b"\n"].concat(),
            Self::DataTooLong => [b"data: ".as_slice(), &[b'x'; 750], b"\n"].concat().repeat(2),
            Self::Empty => Vec::new(),
        }
    }
}

/// What whoever drives a machine knows: the latest numbers that it was told, and which token it gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) attempt: u64,
    pub(crate) beat: u64,
    pub(crate) token: u8,
}

/// What a symbol is in a run where this is known.
pub(crate) fn given(symbol: Symbol, known: Known, interval: u64) -> InputBuf {
    let attempt = |whose: Whose| Attempt(whose.of(known.attempt));
    let beat = |whose: Whose| Beat(whose.of(known.beat));
    match symbol {
        Symbol::Tick => InputBuf::Tick,
        Symbol::Nothing => {
            InputBuf::Head { attempt: Attempt(u64::MAX), head: Answer::Broken.head() }
        }
        Symbol::Head(whose, answer) => {
            InputBuf::Head { attempt: attempt(whose), head: answer.head() }
        }
        Symbol::Data(whose, chunk) => InputBuf::Data {
            attempt: attempt(whose),
            bytes: chunk.bytes(&lease(known.attempt), interval).into(),
        },
        Symbol::End(whose) => InputBuf::End { attempt: attempt(whose) },
        Symbol::Failed(whose) => {
            InputBuf::Failed { attempt: attempt(whose), fault: TransportFault::Broken }
        }
        Symbol::Answer(whose, status) => InputBuf::HeartbeatAnswer { beat: beat(whose), status },
        Symbol::Lost(whose) => {
            InputBuf::HeartbeatFailed { beat: beat(whose), fault: TransportFault::Connect }
        }
        Symbol::Cancel => InputBuf::HeartbeatsCancelled,
        Symbol::Again(hand_over) => InputBuf::SleepAgain(hand_over),
        Symbol::Hint(hint) => InputBuf::Hint(hint),
        Symbol::Offline(offline) => InputBuf::Offline(offline),
        Symbol::NewToken => InputBuf::NewToken(laws::token(known.token + 1)),
        Symbol::Stop => InputBuf::Stop,
    }
}

/// The lease that is granted on an attempt: none is ever granted twice.
pub(crate) fn lease(attempt: u64) -> String {
    format!("L{attempt}")
}

/// The chance that a transition has: what the machine's next draw comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chance {
    Lowest,
    Middle,
    Highest,
}

impl Chance {
    /// The seed whose first draw is that. The generator's last steps are turned back: it is a bijection.
    pub(crate) const fn seed(self) -> u64 {
        match self {
            Self::Lowest => before(0),
            Self::Middle => before(1 << 63),
            Self::Highest => before(u64::MAX),
        }
    }
}

const WEYL: u64 = 0x9e37_79b9_7f4a_7c15;
const FIRST: u64 = 0xbf58_476d_1ce4_e5b9;
const SECOND: u64 = 0x94d0_49bb_1331_11eb;

/// `SplitMix64`, as its authors published it.
pub(crate) fn split_mix(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(WEYL);
    let z = (*seed ^ (*seed >> 30)).wrapping_mul(FIRST);
    let z = (z ^ (z >> 27)).wrapping_mul(SECOND);
    z ^ (z >> 31)
}

/// The seed after which it says this.
const fn before(said: u64) -> u64 {
    let z = unshift(said, 31).wrapping_mul(inverse(SECOND));
    let z = unshift(z, 27).wrapping_mul(inverse(FIRST));
    unshift(z, 30).wrapping_sub(WEYL)
}

/// What `z ^ (z >> by)` was made of.
const fn unshift(mixed: u64, by: u32) -> u64 {
    mixed ^ (mixed >> by) ^ if by < 32 { mixed >> (2 * by) } else { 0 }
}

/// The inverse of an odd number, by Newton's steps, each of which doubles the bits that are right.
const fn inverse(odd: u64) -> u64 {
    let (mut inverse, mut step) = (odd, 0);
    while step < 6 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
        step += 1;
    }
    inverse
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing, and no tick"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// A symbol as the expression that makes the input: what a test can be made of.
pub(crate) fn expression(symbol: Symbol, known: Known, interval: u64) -> String {
    let attempt = |whose: Whose| format!("attempt: Attempt({})", whose.of(known.attempt));
    let beat = |whose: Whose| format!("beat: Beat({})", whose.of(known.beat));
    let words = match symbol {
        Symbol::Nothing => {
            format!("Head {{ attempt: Attempt({}), head: Head::read(500, []) }}", u64::MAX)
        }
        Symbol::Head(whose, answer) => {
            let (status, headers) = answer.parts();
            let headers: Vec<String> = headers
                .iter()
                .map(|(name, value)| format!("({name:?}, b{value:?}.as_slice())"))
                .collect();
            let headers = headers.join(", ");
            format!("Head {{ {}, head: Head::read({status}, [{headers}]) }}", attempt(whose))
        }
        Symbol::Data(whose, chunk) => {
            let bytes = chunk.bytes(&lease(known.attempt), interval);
            let bytes = bytes.escape_ascii();
            format!("Data {{ {}, bytes: b\"{bytes}\".as_slice().into() }}", attempt(whose))
        }
        Symbol::End(whose) => format!("End {{ {} }}", attempt(whose)),
        Symbol::Failed(whose) => {
            format!("Failed {{ {}, fault: TransportFault::Broken }}", attempt(whose))
        }
        Symbol::Answer(whose, status) => {
            format!("HeartbeatAnswer {{ {}, status: {status} }}", beat(whose))
        }
        Symbol::Lost(whose) => {
            format!("HeartbeatFailed {{ {}, fault: TransportFault::Connect }}", beat(whose))
        }
        Symbol::Again(hand_over) => format!("SleepAgain(HandOver::{hand_over:?})"),
        Symbol::Hint(hint) => format!("Hint(Hint::{hint:?})"),
        Symbol::NewToken => format!("NewToken(token({}))", known.token + 1),
        Symbol::Cancel => "HeartbeatsCancelled".to_owned(),
        Symbol::Tick | Symbol::Offline(_) | Symbol::Stop => format!("{symbol:?}"),
    };
    format!("InputBuf::{words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_chance_is_what_the_first_draw_says() {
        for (chance, said) in
            [(Chance::Lowest, 0), (Chance::Middle, 1 << 63), (Chance::Highest, u64::MAX)]
        {
            assert_eq!(split_mix(&mut chance.seed()), said);
        }
        // As published, for the seed 1234567.
        assert_eq!(split_mix(&mut 1_234_567), 6_457_827_717_110_365_317);
    }

    #[test]
    fn halves_make_a_whole() {
        let join = |one: Chunk, two: Chunk| [one.bytes("L1", 1), two.bytes("L1", 1)].concat();
        assert_eq!(join(Chunk::HalfHello, Chunk::RestOfHello), Chunk::Hello.bytes("L1", 1));
        assert_eq!(join(Chunk::HalfWake, Chunk::RestOfWake), Chunk::WakeA.bytes("L1", 1));
    }
}
