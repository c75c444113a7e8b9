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

/// Known difference: the machine takes a sign before a number for a sign, as years before Christ have one. To the
/// reading by words it is what stands between them.
fn signed(date: &str) -> bool {
    let alone = |at: usize| !date[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
    date.contains('+') || date.match_indices('-').any(|(at, _)| alone(at))
}

fn between(from: Option<i64>, until: Option<i64>) -> Option<u64> {
    let wait = until?.checked_sub(from?)?;
    Some(u64::try_from(wait).unwrap_or(0).min(HOUR))
}

/// Seconds since 1970, as the httpdate crate reads a date.
///
/// Known difference: it takes the two digits 69 for 2069, where POSIX and the machine take them for 1969.
fn httpdate_seconds(text: &str) -> Option<i64> {
    let time: SystemTime = httpdate::parse_http_date(text).ok()?;
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let posix = !text.contains("-69 ");
    posix.then(|| i64::try_from(seconds).ok())?
}

/// Seconds since 1970, from the words of a date, wherever and however they stand apart.
fn words_seconds(text: &str) -> Option<i64> {
    const MONTHS: &str = "janfebmaraprmayjunjulaugsepoctnovdec";
    let text = text.to_ascii_lowercase();
    // Digits are a word, and so are letters; whatever else there is stands between words.
    let kind = |c: u8| (c.is_ascii_digit(), c.is_ascii_alphabetic());
    let words = text.as_bytes().chunk_by(|one, other| kind(*one) == kind(*other));
    let words = words.filter(|word| word[0].is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter_map(|word| core::str::from_utf8(word).ok()).collect();
    let (day, month, year, time) = match words[..] {
        [_, day, month, year, hour, minute, second, "gmt"] => {
            (day, month, year, [hour, minute, second])
        }
        [_, month, day, hour, minute, second, year] => (day, month, year, [hour, minute, second]),
        _ => return None,
    };
    let month = i64::try_from(MONTHS.find(month.get(..3)?)? / 3).ok()? + 1;
    let short = |text: &str| if text.len() <= 2 { text.parse::<i64>().ok() } else { None };
    let day = short(day)?;
    // A century is left out in the form with dashes, and in no other.
    let year: i64 = match (text.contains('-'), year.len(), year.parse().ok()?) {
        (true, 2, late @ 69..) => 1900 + late,
        (true, 2, early) => 2000 + early,
        (false, 1..=4, year) => year,
        _ => return None,
    };
    let [hour, minute, second] = time.map(short);
    // A leap second is the one before it.
    let time = hour? * 3_600 + minute? * 60 + second?.min(59);
    Some(days(year, month, day) * 86_400 + time)
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
