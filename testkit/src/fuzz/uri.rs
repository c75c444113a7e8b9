//! A second reading of URLs: the grammar of RFC 3986, appendix A, as far as protocol.md section 7 lets a wake's in.

use dormouse_core::UrlFault;

/// Everything that is wrong with a URL; nothing, if it may be gone to.
pub(super) fn faults(url: &str, schemes: &[&str]) -> Vec<UrlFault> {
    let Some(parts) = Parts::of(url) else { return vec![UrlFault::Syntax] };
    let mut faults = Vec::new();
    if !schemes.contains(&parts.scheme.to_ascii_lowercase().as_str()) {
        faults.push(UrlFault::Scheme);
    }
    let Some(authority) = parts.authority else {
        faults.push(UrlFault::Host);
        return faults;
    };
    if authority.userinfo.is_some() {
        faults.push(UrlFault::UserInfo);
    }
    let port = authority.port.unwrap_or_default().trim_start_matches('0');
    if authority.host.is_empty() || port.len() > 5 || port.parse().unwrap_or(0) > 65_535 {
        faults.push(UrlFault::Host);
    }
    faults
}

struct Parts<'u> {
    scheme: &'u str,
    authority: Option<Authority<'u>>,
}

struct Authority<'u> {
    userinfo: Option<&'u str>,
    host: &'u str,
    port: Option<&'u str>,
}

impl<'u> Parts<'u> {
    /// `URI = scheme ":" hier-part [ "?" query ] [ "#" fragment ]`
    fn of(url: &'u str) -> Option<Self> {
        let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
        let (url, query) = url.split_once('?').unwrap_or((url, ""));
        let (scheme, rest) = url.split_once(':')?;
        let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c));
        let (authority, path) = match rest.strip_prefix("//") {
            None => (None, rest),
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(Authority::of(authority)?), path)
            }
        };
        let good = named && of(path, ":@/") && of(query, ":@/?") && of(fragment, ":@/?");
        good.then_some(Self { scheme, authority })
    }
}

impl<'u> Authority<'u> {
    /// `authority = [ userinfo "@" ] host [ ":" port ]`
    fn of(authority: &'u str) -> Option<Self> {
        let (userinfo, rest) = match authority.split_once('@') {
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, authority),
        };
        let literal = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (host, port, good) = match literal {
            Some((address, "")) => (address, None, is_address(address)),
            Some((address, port)) => (address, Some(port.strip_prefix(':')?), is_address(address)),
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port), of(host, "")),
                None => (rest, None, of(rest, "")),
            },
        };
        let good = good
            && of(userinfo.unwrap_or_default(), ":")
            && port.unwrap_or_default().bytes().all(|digit| digit.is_ascii_digit());
        good.then_some(Self { userinfo, host, port })
    }
}

/// `*( unreserved / pct-encoded / sub-delims / … )`
fn of(text: &str, more: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let good = match byte {
            b'%' => {
                let mut digit = || bytes.next().is_some_and(|digit| digit.is_ascii_hexdigit());
                digit() && digit()
            }
            _ => {
                byte.is_ascii_alphanumeric()
                    || b"-._~!$&'()*+,;=".contains(&byte)
                    || more.as_bytes().contains(&byte)
            }
        };
        if !good {
            return false;
        }
    }
    true
}

/// `IPv6address / IPvFuture`
fn is_address(text: &str) -> bool {
    if let Some(future) = text.strip_prefix(['v', 'V']) {
        return future.split_once('.').is_some_and(|(version, address)| {
            let hexadecimal = version.bytes().all(|digit| digit.is_ascii_hexdigit());
            let plain = !address.contains('%') && of(address, ":");
            !version.is_empty() && hexadecimal && !address.is_empty() && plain
        });
    }
    match text.split_once("::") {
        None => groups(text, true) == Some(8),
        // Two colons stand for one group at least.
        Some((before, after)) => groups(before, false)
            .zip(groups(after, true))
            .is_some_and(|(before, after)| before + after <= 7),
    }
}

/// How many groups of 16 bits are spelled; the last two may be an IPv4 address.
fn groups(text: &str, last: bool) -> Option<usize> {
    if text.is_empty() {
        return Some(0);
    }
    let groups: Vec<&str> = text.split(':').collect();
    let mut count = 0;
    for (at, group) in groups.iter().enumerate() {
        let h16 = (1..=4).contains(&group.len()) && group.bytes().all(|c| c.is_ascii_hexdigit());
        count += match h16 {
            true => 1,
            false if last && at + 1 == groups.len() && is_v4(group) => 2,
            false => return None,
        };
    }
    Some(count)
}

fn is_v4(text: &str) -> bool {
    let octets: Vec<&str> = text.split('.').collect();
    let octet = |octet: &&str| {
        let plain = *octet == "0" || !octet.starts_with('0');
        let digits = (1..=3).contains(&octet.len()) && octet.bytes().all(|c| c.is_ascii_digit());
        plain && digits && octet.parse::<u8>().is_ok()
    };
    octets.len() == 4 && octets.iter().all(octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_kept() {
        let faults = |url| faults(url, &["https", "wss"]);
        for good in [
            "https://example.com",
            "WSS://h:0443/a;b?c/d?#e/f?",
            "https://[::1]:1/",
            "https://[1:2:3:4:5:6:7::]",
            "https://[::ffff:1.2.3.4]",
            "https://[v1.a:b]/",
            "https://1.2.3.4:/",
            "https://%41%zz".trim_end_matches("%zz"),
        ] {
            assert_eq!(faults(good), [], "{good}");
        }
        for (bad, why) in [
            ("https://%zz", UrlFault::Syntax),
            ("https://[1::2::3]", UrlFault::Syntax),
            ("https://[1:2:3:4:5:6:7:8::]", UrlFault::Syntax),
            ("https://[::01.2.3.4]", UrlFault::Syntax),
            ("https://h:65536", UrlFault::Host),
            ("https://h:a", UrlFault::Syntax),
            ("https:/h", UrlFault::Host),
            ("https://:1", UrlFault::Host),
            ("https://@h", UrlFault::UserInfo),
            ("http://h", UrlFault::Scheme),
        ] {
            assert_eq!(faults(bad), [why], "{bad}");
        }
    }
}
