//! How durations, delays, causes and foreign text are said: for a person at three in the morning.
//!
//! A duration is rounded to what matters, a delay says where it comes from, a cause is followed by the
//! innermost words of the transport, and what a server wrote is stripped of whatever a terminal might obey.

use std::path::Path;
use std::time::Duration;

use dormouse_core::Delay;

/// Whole milliseconds, as JSON has them.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A duration, rounded to what matters: `1.4ms`, `340ms`, `3.4s`, `34s`, `12m 30s`, `1h 30m`.
pub(crate) fn span(duration: Duration) -> String {
    let micros = duration.as_micros();
    let seconds = duration.as_secs_f64();
    if micros == 0 {
        "0s".into()
    } else if micros < 9_950 {
        trim(format!("{:.1}", seconds * 1e3)) + "ms"
    } else if micros < 999_500 {
        format!("{:.0}ms", seconds * 1e3)
    } else if micros < 9_950_000 {
        trim(format!("{seconds:.1}")) + "s"
    } else {
        let whole = seconds.round() as u64;
        match (whole / 3600, whole / 60 % 60, whole % 60) {
            (0, 0 | 1, _) => format!("{whole}s"),
            (0, minutes, 0) => format!("{minutes}m"),
            (0, minutes, seconds) => format!("{minutes}m {seconds}s"),
            (hours, 0, _) => format!("{hours}h"),
            (hours, minutes, _) => format!("{hours}h {minutes}m"),
        }
    }
}

fn trim(number: String) -> String {
    number.strip_suffix(".0").map(str::to_owned).unwrap_or(number)
}

/// A wait, and in brackets what made it so long: `3.4s (row 4s, window 0.5s)`. The row is the protocol's
/// own delay before the guards and the jitter, the window the server's wish to have its fleet come back
/// spread out.
pub(crate) fn delay(delay: &Delay) -> String {
    let parts: Vec<String> = [
        ("row", delay.row()),
        ("flap guard", delay.flap()),
        ("Retry-After", delay.retry_after()),
        ("window", delay.window()),
    ]
    .into_iter()
    .filter(|(_, part)| !part.is_zero())
    .map(|(name, part)| format!("{name} {}", span(part)))
    .collect();
    if parts.is_empty() {
        span(delay.total())
    } else {
        format!("{} ({})", span(delay.total()), parts.join(", "))
    }
}

/// The innermost of a chain of causes, without the number that only a programmer looks up.
pub(crate) fn innermost(chain: &str) -> String {
    let last = chain.rsplit(": ").next().unwrap_or(chain);
    let last = last.split(" (os error ").next().unwrap_or(last);
    // What rustls says when plain HTTP answers: a common mistake, in words that few would understand.
    if last.ends_with("InvalidContentType") {
        return "the server speaks no TLS there; is it http instead of https?".into();
    }
    let mut chars = last.chars();
    match (chars.next(), chars.next()) {
        // Not `EOF`, nor `UnknownIssuer`'s first letter alone: only the beginning of a sentence.
        (Some(first), Some(second)) if first.is_ascii_uppercase() && second.is_lowercase() => {
            format!("{}{}", first.to_ascii_lowercase(), &last[1..])
        }
        _ => last.to_owned(),
    }
}

/// Text from elsewhere, for a terminal: one line, without control characters, not too long, and with
/// `[secret]` where somebody has put a secret into it.
pub(crate) fn foreign(text: &str, secrets: &[&str]) -> String {
    const LONGEST: usize = 400;
    let mut text = veiled(text, secrets);
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text.chars().map(|c| if c.is_control() || is_invisible(c) { ' ' } else { c }).collect()
}

/// What turns the direction of a line about or hides in it (Unicode's `Bidi_Control`, and what has no width).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Text with `[secret]` where one of the secrets stands in it.
pub(crate) fn veiled(text: &str, secrets: &[&str]) -> String {
    let secrets = secrets.iter().filter(|secret| !secret.is_empty());
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "[secret]"))
}

/// A word for a POSIX shell.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+=,-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// How to call this program from another terminal: by its name where that is how it was called now, else
/// by its path, which works in any directory.
pub(crate) fn program() -> String {
    let name = std::env::args_os().next().unwrap_or_else(|| "dormouse".into());
    let by_name = Path::new(&name).components().count() == 1;
    let path = std::env::current_exe().ok().filter(|_| !by_name);
    quoted(&path.map_or(name, Into::into).to_string_lossy())
}

/// `1 watch`, `2 watches`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The opposite of [`span`], for arguments: `250ms`, `30s`, `2m`, `1h`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let millis = match unit {
        "ms" => 1,
        "s" | "" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        _ => return Err("write a duration such as 250ms, 30s, 2m or 1h".into()),
    };
    let number: u64 =
        number.parse().map_err(|_| "write a duration such as 250ms, 30s, 2m or 1h".to_owned())?;
    Ok(Duration::from_millis(number.saturating_mul(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_to_what_matters() {
        for (micros, said) in [
            (0, "0s"),
            (400, "0.4ms"),
            (1_380, "1.4ms"),
            (9_949, "9.9ms"),
            (9_960, "10ms"),
            (340_400, "340ms"),
            (999_499, "999ms"),
            (999_501, "1s"),
            (3_417_283, "3.4s"),
            (4_000_000, "4s"),
            (9_960_000, "10s"),
            (34_400_000, "34s"),
            (119_000_000, "119s"),
            (120_000_000, "2m"),
            (750_000_000, "12m 30s"),
            (3_600_000_000, "1h"),
            (5_400_000_000, "1h 30m"),
        ] {
            assert_eq!(span(Duration::from_micros(micros)), said);
        }
    }

    #[test]
    fn durations_are_read_with_their_unit() {
        let ms = |text| duration(text).map(millis);
        assert_eq!(ms("250ms"), Ok(250));
        assert_eq!(ms("30"), Ok(30_000));
        assert_eq!(ms("2m"), Ok(120_000));
        assert_eq!(ms("1h"), Ok(3_600_000));
        for wrong in ["", "s", "1d", "-1s", "1.5s", "99999999999999999999s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_innermost_cause_is_what_a_person_needs() {
        let chain = "error sending request: client error (Connect): tcp connect error: \
                     Connection refused (os error 111)";
        assert_eq!(innermost(chain), "connection refused");
        let plain = "tls handshake: received corrupt message of type InvalidContentType";
        assert!(innermost(plain).ends_with("is it http instead of https?"));
        assert_eq!(innermost("EOF"), "EOF");
        assert_eq!(innermost(""), "");
    }

    #[test]
    fn foreign_text_can_neither_command_a_terminal_nor_give_a_secret_back() {
        assert_eq!(foreign("no \x1b[2Jcanary\n", &["canary", ""]), "no  [2J[secret] ");
        assert_eq!(foreign(&"ä".repeat(500), &[]).chars().count(), 401);
        assert_eq!(foreign("a\u{202e}b\u{200b}c\u{2066}d\u{feff}e\u{61c}f", &[]), "a b c d e f");
    }

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("/a/b-c.d"), "/a/b-c.d");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
