//! The standard's event stream once more, byte by byte and without a thought for speed; and what the data of
//! hello and wake say.

use dormouse_core::{Field, UrlFault, WireFault, sse::LimitExceeded};
use serde_json::Value;

use super::reference::LIMITS;

/// What was received of a stream and is not over.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Stream {
    /// The first line may begin with a byte order mark.
    begun: bool,
    line: Vec<u8>,
    after_cr: bool,
    name: String,
    data: Option<String>,
}

/// What a byte completes.
pub(crate) enum Found {
    Event(String, String),
    Comment,
    Retry(u64),
    Limit(LimitExceeded),
}

impl Stream {
    pub(crate) fn nothing_begun(&self) -> bool {
        self.line.is_empty() && self.name.is_empty() && self.data.is_none()
    }

    /// Takes one byte. Says whether a line ended, and what was found.
    pub(crate) fn byte(&mut self, byte: u8) -> (bool, Option<Found>) {
        let after_cr = core::mem::replace(&mut self.after_cr, byte == b'\r');
        match byte {
            b'\n' if after_cr => (false, None),
            b'\n' | b'\r' => (true, self.line()),
            _ => {
                self.line.push(byte);
                (false, self.limit().map(Found::Limit))
            }
        }
    }

    /// Section 7: no line that sets a field is longer, nor an event's data; what nobody wants has no limit.
    fn limit(&self) -> Option<LimitExceeded> {
        let field = |name: &str| self.line.starts_with(name.as_bytes());
        let wanted = matches!(&*self.name, "" | "hello" | "wake");
        let data = field("data:");
        if !(data && wanted || ["event:", "id:", "retry:"].into_iter().any(field)) {
            return None;
        }
        if self.line.len() > LIMITS.line {
            return Some(LimitExceeded::Line);
        }
        let value = self.line.len() - "data:".len() - usize::from(field("data: "));
        let before = self.data.as_ref().map_or(0, |data| data.len() + 1);
        (data && before + value > LIMITS.data).then_some(LimitExceeded::Data)
    }

    fn line(&mut self) -> Option<Found> {
        let line = core::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let mark = if core::mem::replace(&mut self.begun, true) { "" } else { "\u{FEFF}" };
        let line = line.strip_prefix(mark).unwrap_or(&line);
        if line.is_empty() {
            let name = core::mem::take(&mut self.name);
            return self.data.take().map(|data| Found::Event(name, data));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" => return Some(Found::Comment),
            "event" => value.clone_into(&mut self.name),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                none => *none = Some(value.to_owned()),
            },
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Some(Found::Retry(value.parse().unwrap_or(u64::MAX)));
            }
            _ => {}
        }
        None
    }
}

/// The lease that a hello grants. Its two waits are the exploration's own.
pub(crate) fn hello(data: &str) -> Result<String, WireFault> {
    let keys = object(data)?;
    let id = text(&keys, "watchLeaseId", Field::WatchLeaseId)?;
    if id.is_empty() || id.len() > 256 || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(WireFault::Id(Field::WatchLeaseId));
    }
    for (key, field) in [
        ("heartbeatIntervalMs", Field::HeartbeatIntervalMs),
        ("deviceWaitForViewerMs", Field::DeviceWaitForViewerMs),
    ] {
        required(&keys, key, field)?.as_u64().ok_or(WireFault::Type(field))?;
    }
    Ok(id)
}

/// Where a wake leads, and the session that it belongs to.
pub(crate) fn wake(data: &str) -> Result<(String, Option<String>), WireFault> {
    let keys = object(data)?;
    let url = text(&keys, "url", Field::Url)?;
    if !url.starts_with("wss://") && !url.starts_with("https://") {
        return Err(WireFault::Url(UrlFault::Scheme));
    }
    text(&keys, "token", Field::Token)?;
    let session = match keys.get("remoteAccessSessionId") {
        None | Some(Value::Null) => None,
        Some(_) => Some(text(&keys, "remoteAccessSessionId", Field::RemoteAccessSessionId)?),
    };
    Ok((url, session))
}

fn object(data: &str) -> Result<serde_json::Map<String, Value>, WireFault> {
    match serde_json::from_str(data) {
        Ok(Value::Object(keys)) => Ok(keys),
        _ => Err(WireFault::Json),
    }
}

fn required<'v>(
    keys: &'v serde_json::Map<String, Value>,
    key: &str,
    field: Field,
) -> Result<&'v Value, WireFault> {
    keys.get(key).filter(|value| !value.is_null()).ok_or(WireFault::Missing(field))
}

fn text(
    keys: &serde_json::Map<String, Value>,
    key: &str,
    field: Field,
) -> Result<String, WireFault> {
    let value = required(keys, key, field)?;
    value.as_str().map(str::to_owned).ok_or(WireFault::Type(field))
}
