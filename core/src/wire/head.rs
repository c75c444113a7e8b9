//! What a response head says, as far as anything depends on it (protocol.md sections 2.1 and 5.2).

use core::time::Duration;

use jiff::civil::DateTime;
use jiff::fmt::strtime;

use crate::error::ConnectFault;

/// The head of a response to a watch: read once, then small and `Copy`.
///
/// An adapter hands over what it got, and need not know which headers matter:
///
/// ```
/// use dormouse_core::Head;
/// let head = Head::read(200, [("Content-Type", b"Text/Event-Stream; charset=utf-8".as_slice())]);
/// assert_eq!(head.status(), 200);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Head {
    status: u16,
    event_stream: bool,
    compressed: bool,
    retry_after: Option<Duration>,
}

impl Head {
    /// Reads a head from its status and its headers, names in any case. Of a header that comes twice the
    /// first is taken.
    ///
    /// `Retry-After` is a number of seconds, or an HTTP date (RFC 9110 section 5.6.7, all three forms)
    /// counted from the response's own `Date`, so that the device's clock does not matter. What cannot be
    /// read, and a date without a `Date`, counts as absent.
    pub fn read<'h>(status: u16, headers: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> Self {
        let mut content_type = None;
        let mut content_encoding = None;
        let mut retry_after = None;
        let mut date = None;
        for (name, value) in headers {
            for (wanted, slot) in [
                ("content-type", &mut content_type),
                ("content-encoding", &mut content_encoding),
                ("retry-after", &mut retry_after),
                ("date", &mut date),
            ] {
                if slot.is_none() && name.eq_ignore_ascii_case(wanted) {
                    *slot = Some(value.trim_ascii());
                }
            }
        }
        Self {
            status,
            event_stream: content_type.is_some_and(is_event_stream),
            compressed: content_encoding.is_some_and(|coding| {
                !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")
            }),
            retry_after: retry_after.and_then(|value| read_retry_after(value, date)),
        }
    }

    /// A head that was read before and says this, as a recording has it.
    #[cfg(feature = "serde")]
    pub(crate) const fn recorded(
        status: u16,
        event_stream: bool,
        compressed: bool,
        retry_after: Option<Duration>,
    ) -> Self {
        Self { status, event_stream, compressed, retry_after }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Whether its media type is that of an event stream.
    #[must_use]
    pub const fn is_event_stream(&self) -> bool {
        self.event_stream
    }

    /// Whether its body has a coding other than `identity`.
    #[must_use]
    pub const fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// What its `Retry-After` says, in whole seconds, whatever the status.
    #[cfg(feature = "serde")]
    pub(crate) const fn asked(&self) -> Option<Duration> {
        self.retry_after
    }

    /// How long the server asks to be left alone: on 429 and 503 only.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after.filter(|_| matches!(self.status, 429 | 503))
    }

    /// Whether the watch is open, and if not, why.
    pub(crate) fn accept(&self) -> Result<(), ConnectFault> {
        match self.status {
            401 => Err(ConnectFault::Unauthorized),
            409 => Err(ConnectFault::Conflict),
            200..=299 if !self.event_stream => Err(ConnectFault::NotEventStream),
            200..=299 if self.compressed => Err(ConnectFault::Compressed),
            200..=299 => Ok(()),
            status => Err(ConnectFault::Status(status)),
        }
    }
}

/// Compared without case, parameters ignored.
fn is_event_stream(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

fn read_retry_after(value: &[u8], date: Option<&[u8]>) -> Option<Duration> {
    let value = core::str::from_utf8(value).ok()?;
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are more seconds than anybody waits.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let until = http_date(value)?;
    let from = http_date(core::str::from_utf8(date?).ok()?)?;
    Duration::try_from(until.duration_since(from)).ok()
}

/// RFC 9110 section 5.6.7: the form in use, and the two that are obsolete and must still be understood.
/// Each is in GMT, so that the difference of two needs no time zone.
fn http_date(text: &str) -> Option<DateTime> {
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .into_iter()
        .find_map(|form| strtime::parse(form, text).ok()?.to_datetime().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &[u8] = b"Sun, 06 Nov 1994 08:49:37 GMT";

    fn head(status: u16, headers: &[(&str, &str)]) -> Head {
        Head::read(status, headers.iter().map(|(name, value)| (*name, value.as_bytes())))
    }

    fn retry_after(value: &str) -> Option<Duration> {
        read_retry_after(value.as_bytes(), Some(DATE))
    }

    #[test]
    fn the_media_type_is_compared_without_case_and_parameters() {
        for good in [
            "text/event-stream",
            "Text/Event-Stream",
            "text/event-stream;charset=utf-8",
            " text/event-stream ; x=y",
        ] {
            assert_eq!(head(200, &[("Content-Type", good)]).accept(), Ok(()), "{good}");
        }
        for bad in
            ["", "text/html", "text/event-streams", "text/event-stream/x", "application/json"]
        {
            let fault = head(200, &[("content-type", bad)]).accept();
            assert_eq!(fault, Err(ConnectFault::NotEventStream), "{bad}");
        }
        assert_eq!(head(204, &[]).accept(), Err(ConnectFault::NotEventStream));
    }

    #[test]
    fn a_compressed_stream_is_a_fault_of_its_own() {
        let with = |coding| {
            head(200, &[("content-type", "text/event-stream"), ("CONTENT-ENCODING", coding)])
                .accept()
        };
        assert_eq!(with("gzip"), Err(ConnectFault::Compressed));
        assert_eq!(with("identity, br"), Err(ConnectFault::Compressed));
        assert_eq!(with("Identity"), Ok(()));
        assert_eq!(with(""), Ok(()));
    }

    #[test]
    fn every_other_status_is_what_it_is() {
        assert_eq!(head(401, &[]).accept(), Err(ConnectFault::Unauthorized));
        assert_eq!(head(409, &[]).accept(), Err(ConnectFault::Conflict));
        for status in [0, 100, 199, 300, 302, 400, 403, 404, 410, 429, 500, 503, 999, u16::MAX] {
            assert_eq!(head(status, &[]).accept(), Err(ConnectFault::Status(status)));
        }
    }

    #[test]
    fn retry_after_counts_on_429_and_503_only() {
        for status in [429, 503] {
            let asked = head(status, &[("Retry-After", "7")]).retry_after();
            assert_eq!(asked, Some(Duration::from_secs(7)));
        }
        for status in [200, 301, 401, 409, 500, 502] {
            assert_eq!(head(status, &[("Retry-After", "7")]).retry_after(), None);
        }
    }

    #[test]
    fn seconds_are_digits_and_nothing_else() {
        assert_eq!(retry_after("0"), Some(Duration::ZERO));
        assert_eq!(retry_after("86400"), Some(Duration::from_secs(86_400)));
        assert_eq!(retry_after("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
        for junk in ["", "-5", "+5", "5.5", "5 s", "soon", "\u{663}", "0x10", "5;6"] {
            assert_eq!(retry_after(junk), None, "{junk:?}");
        }
    }

    #[test]
    fn a_date_is_counted_from_the_responses_own() {
        let minute = Some(Duration::from_secs(60));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:50:37 GMT"), minute);
        assert_eq!(retry_after("Sunday, 06-Nov-94 08:50:37 GMT"), minute);
        assert_eq!(retry_after("Sun Nov  6 08:50:37 1994"), minute);
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:48:37 GMT"), None, "a time gone by is no wait");
        for junk in [
            "Sun, 32 Nov 1994 08:50:37 GMT",
            "Sun, 06 Nov 1994 25:50:37 GMT",
            "Sun, 06 Nov 1994 08:50:37 PST",
            "Sun, 06 Nov 1994 08:50:37",
            "1994-11-06T08:50:37Z",
        ] {
            assert_eq!(retry_after(junk), None, "{junk}");
        }
        let later = b"Sun, 06 Nov 1994 08:50:37 GMT";
        assert_eq!(read_retry_after(later, None), None, "nothing to count from");
        assert_eq!(read_retry_after(later, Some(b"yesterday")), None);
    }

    #[test]
    fn of_a_header_that_comes_twice_the_first_is_taken() {
        let both = head(503, &[("retry-after", "3"), ("Retry-After", "9")]);
        assert_eq!(both.retry_after(), Some(Duration::from_secs(3)));
    }
}
