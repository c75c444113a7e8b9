//! Which URLs are let in, from the configuration and from a wake.
//!
//! RFC 3986 to the letter: what a browser would repair (a backslash, a space, a missing slash) two
//! programs may repair differently, and then a credential goes where nobody meant it to.

use fluent_uri::Uri;

use crate::error::UrlFault;

/// The schemes of a wake's URL; `plain` says that the base URL is `http`.
pub(crate) const fn schemes(plain: bool) -> &'static [&'static str] {
    if plain { &["wss", "https", "ws", "http"] } else { &["wss", "https"] }
}

/// Checks that `url` is absolute, of one of the `schemes`, names a host, and carries no user info.
pub(crate) fn check<'u>(url: &'u str, schemes: &[&str]) -> Result<Uri<&'u str>, UrlFault> {
    let parsed = Uri::parse(url).map_err(|_| UrlFault::Syntax)?;
    let scheme = parsed.scheme().as_str();
    if !schemes.iter().any(|allowed| scheme.eq_ignore_ascii_case(allowed)) {
        return Err(UrlFault::Scheme);
    }
    let authority = parsed.authority().ok_or(UrlFault::Host)?;
    if authority.has_userinfo() {
        return Err(UrlFault::UserInfo);
    }
    if authority.host().is_empty() || authority.port_to_u16().is_err() {
        return Err(UrlFault::Host);
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_let_in_and_what_is_not() {
        let fault = |url| check(url, &["https", "wss"]).err();
        for good in [
            "https://example.com",
            "wss://example.com:8443/session/1?join=now#x",
            "WSS://EXAMPLE.COM/",
            "https://[2001:db8::1]:443/a",
            "https://192.0.2.1/",
            "https://example.com:/",
        ] {
            assert_eq!(fault(good), None, "{good}");
        }
        for (bad, why) in [
            ("", UrlFault::Syntax),
            ("example.com/x", UrlFault::Syntax),
            ("//example.com/x", UrlFault::Syntax),
            ("https:\\\\example.com", UrlFault::Syntax),
            ("https://exa mple.com/", UrlFault::Syntax),
            ("https://example.com/\n", UrlFault::Syntax),
            ("https://exämple.com/", UrlFault::Syntax),
            ("https://example.com/%zz", UrlFault::Syntax),
            ("javascript:alert(1)", UrlFault::Scheme),
            ("file:///etc/passwd", UrlFault::Scheme),
            ("http://example.com/", UrlFault::Scheme),
            ("ws://example.com/", UrlFault::Scheme),
            ("https:example.com", UrlFault::Host),
            ("https:///path", UrlFault::Host),
            ("https://:443/", UrlFault::Host),
            ("https://example.com:65536/", UrlFault::Host),
            ("https://user@example.com/", UrlFault::UserInfo),
            ("https://user:pass@example.com/", UrlFault::UserInfo),
            ("https://example.com@evil.example/", UrlFault::UserInfo),
            ("https://@example.com/", UrlFault::UserInfo),
        ] {
            assert_eq!(fault(bad), Some(why), "{bad:?}");
        }
    }
}
