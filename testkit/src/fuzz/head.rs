//! Response heads: what opens a watch, what does not and why, and how long a `Retry-After` asks to wait.
//!
//! Dates have two second opinions, one from each side. Where the httpdate crate, which takes only what RFC 9110 has
//! servers write, reads a date, the machine has to read the same. Where the machine reads one, taking the text apart
//! into its words has to come to the same.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dormouse_core::{
    Action, Attempt, Config, ConnectFault, End, Guards, Head, Input, Report, State, Then,
    Timestamp, Token, Watch,
};

use crate::laws::{Polls, take};

const HOUR: u64 = 3_600;

/// A head: two bytes for its status, and its header lines.
pub(super) fn head(bytes: &[u8]) {
    let Some(([kind, low], text)) = bytes.split_first_chunk::<2>() else { return };
    let status = match kind % 8 {
        0..=1 => 429,
        2..=3 => 503,
        4 => 200,
        5 => 200 + u16::from(*low) % 100,
        6 => [401, 409, 500, 302][usize::from(*low) % 4],
        _ => u16::from_be_bytes([*kind, *low]),
    };
    let lines = text.split(|byte| *byte == b'\n');
    let headers: Vec<(&str, &[u8])> = lines
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            Some((core::str::from_utf8(&line[..colon]).ok()?, &line[colon + 1..]))
        })
        .collect();
    let (state, end, asked) = told(Head::read(status, headers.iter().copied()));
    let first = |wanted: &str| {
        let mut values = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        values.next().map(|(_, value)| value.trim_ascii())
    };
    let fault = fault(status, first("content-type"), first("content-encoding"));
    assert_eq!(end, fault.map(End::Connect));
    assert_eq!(state == State::Opening, fault.is_none());
    if matches!(status, 429 | 503) {
        let asked = asked.expect("a wait");
        judge(asked, first("retry-after"), first("date"));
    } else {
        assert!(asked.is_none_or(|asked| asked == 0), "only 429 and 503 are asked");
    }
}

/// What a machine that honours `Retry-After` and has no other guard makes of a head: the wait is in whole seconds.
fn told(head: Head) -> (State, Option<End>, Option<u64>) {
    let mut guards = Guards::none();
    guards.retry_after = true;
    let config = Config::new("https://api.example.com").guards(guards).build().expect("a config");
    let token = Token::new("canary-0").expect("a token");
    let mut watch = Watch::new(config, token, 0, Timestamp::ORIGIN);
    take(&mut watch, Polls::All);
    watch.handle(Timestamp::ORIGIN, Input::Head { attempt: Attempt(1), head });
    let (mut end, mut asked) = (None, None);
    for action in take(&mut watch, Polls::All) {
        if let Action::Report(Report::Ended { end: how, then, .. }) = action {
            end = Some(how);
            if let Then::Connect(delay) = then {
                assert_eq!(delay.total(), delay.row().max(delay.retry_after()));
                assert_eq!(delay.retry_after().subsec_nanos(), 0);
                asked = Some(delay.retry_after().as_secs());
            }
        }
    }
    (watch.state(), end, asked)
}

/// Section 2.1.
fn fault(status: u16, kind: Option<&[u8]>, coding: Option<&[u8]>) -> Option<ConnectFault> {
    let essence = kind.unwrap_or_default().split(|byte| *byte == b';').next().unwrap_or_default();
    let sse = essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream");
    let plain =
        [&b""[..], b"identity"].contains(&&*coding.unwrap_or_default().to_ascii_lowercase());
    match status {
        401 => Some(ConnectFault::Unauthorized),
        409 => Some(ConnectFault::Conflict),
        200..=299 if !sse => Some(ConnectFault::NotEventStream),
        200..=299 if !plain => Some(ConnectFault::Compressed),
        200..=299 => None,
        _ => Some(ConnectFault::Status(status)),
    }
}

/// Section 5.2: seconds, or a date counted from the response's own, at most an hour; else nothing.
fn judge(asked: u64, value: Option<&[u8]>, date: Option<&[u8]>) {
    assert!(asked <= HOUR);
    let Some(value) = value.and_then(|value| core::str::from_utf8(value).ok()) else {
        return assert_eq!(asked, 0);
    };
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = value.trim_start_matches('0');
        let long = seconds.len() > 4;
        return assert_eq!(asked, if long { HOUR } else { seconds.parse().unwrap_or(0).min(HOUR) });
    }
    let date = date.and_then(|date| core::str::from_utf8(date).ok()).unwrap_or_default();
    let strict = between(httpdate_seconds(date), httpdate_seconds(value));
    let words = between(words_seconds(date), words_seconds(value));
    if let Some(strict) = strict {
        assert_eq!(asked, strict, "{value:?} from {date:?}");
    } else if asked != 0 && !signed(value) && !signed(date) {
        assert_eq!(Some(asked), words, "{value:?} from {date:?}");
    }
}

/// Known difference: the machine takes a sign before a number for a sign, as years before Christ have one.
fn signed(date: &str) -> bool {
    let dashes = date.as_bytes().windows(2).any(|two| two[0] == b'-' && two[1].is_ascii_digit());
    date.contains('+') || (dashes && Words::of(date).dashed().is_none())
}

fn between(from: Option<i64>, until: Option<i64>) -> Option<u64> {
    let wait = until?.checked_sub(from?)?;
    Some(u64::try_from(wait).unwrap_or(0).min(HOUR))
}

/// Seconds since 1970, as the httpdate crate reads a date.
///
/// Known differences: it takes the two digits 69 for 2069, where POSIX and the machine take them for 1969; and it drops
/// space at both ends that is none in HTTP.
fn httpdate_seconds(text: &str) -> Option<i64> {
    let time: SystemTime = httpdate::parse_http_date(text).ok()?;
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let alike = !text.contains("-69 ") && text.trim() == text;
    alike.then(|| i64::try_from(seconds).ok())?
}

/// Seconds since 1970, from the words of a date, however far they stand apart, and if they touch.
fn words_seconds(text: &str) -> Option<i64> {
    let text = text.to_ascii_lowercase();
    let words = Words::of(&text);
    words.dated().or_else(|| words.dashed()).or_else(|| words.plain())
}

/// What is left of a date. It is copied before each try.
#[derive(Clone, Copy)]
struct Words<'t>(&'t [u8]);

impl<'t> Words<'t> {
    fn of(text: &'t str) -> Self {
        Self(text.as_bytes())
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    fn dated(mut self) -> Option<i64> {
        self.letters(3)?;
        let day = self.number(2)?;
        let month = self.month()?;
        let days = days(self.number(4)?, month, day);
        let time = self.time()?;
        (self.letters(3)? == b"gmt" && self.0.is_empty()).then_some(days * 86_400 + time)
    }

    /// `Sunday, 06-Nov-94 08:49:37 GMT`, in which the century is left out.
    fn dashed(mut self) -> Option<i64> {
        self.letters(9)?;
        let day = self.number(2)?;
        self.mark(b'-')?;
        let month = self.month()?;
        self.mark(b'-')?;
        let year = match self.number(2)? {
            late @ 69.. => 1900 + late,
            early => 2000 + early,
        };
        let time = self.time()?;
        let gmt = self.letters(3)?.eq_ignore_ascii_case(b"gmt") && self.0.is_empty();
        gmt.then(|| days(year, month, day) * 86_400 + time)
    }

    /// `Sun Nov  6 08:49:37 1994`
    fn plain(mut self) -> Option<i64> {
        self.letters(3)?;
        let month = self.month()?;
        let day = self.number(2)?;
        let time = self.time()?;
        let days = days(self.number(4)?, month, day);
        self.0.is_empty().then_some(days * 86_400 + time)
    }

    fn time(&mut self) -> Option<i64> {
        let hour = self.number(2)?;
        self.mark(b':')?;
        let minute = self.number(2)?;
        self.mark(b':')?;
        // A leap second is the one before it.
        Some(hour * 3_600 + minute * 60 + self.number(2)?.min(59))
    }

    fn month(&mut self) -> Option<i64> {
        const MONTHS: &[u8] = b"janfebmaraprmayjunjulaugsepoctnovdec";
        let name = self.letters(3)?.to_ascii_lowercase();
        let at = MONTHS.chunks(3).position(|month| month == name)?;
        i64::try_from(at + 1).ok()
    }

    fn number(&mut self, most: usize) -> Option<i64> {
        let digits = self.take(most, u8::is_ascii_digit)?;
        core::str::from_utf8(digits).ok()?.parse().ok()
    }

    fn letters(&mut self, most: usize) -> Option<&'t [u8]> {
        self.take(most, u8::is_ascii_alphabetic)
    }

    /// The next bytes of a kind, at least one, behind whatever space and commas there are.
    fn take(&mut self, most: usize, kind: impl Fn(&u8) -> bool) -> Option<&'t [u8]> {
        let apart = |c: &u8| c.is_ascii_whitespace() || *c == b',';
        let from = self.0.iter().position(|c| !apart(c))?;
        let rest = &self.0[from..];
        let length = rest.iter().take(most).take_while(|c| kind(c)).count();
        let (word, rest) = rest.split_at(length);
        self.0 = rest;
        (length > 0).then_some(word)
    }

    fn mark(&mut self, mark: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[mark])?;
        Some(())
    }
}

/// Days since 1970, counted year by year and month by month.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = |month: i64| match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap(year) => 29,
        2 => 28,
        _ => 31,
    };
    let whole =
        |from: i64, to: i64| (from..to).map(|year| 365 + i64::from(leap(year))).sum::<i64>();
    let years = if year >= 1970 { whole(1970, year) } else { -whole(year, 1970) };
    years + (1..month).map(length).sum::<i64>() + day - 1
}
