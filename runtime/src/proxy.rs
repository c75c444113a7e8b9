//! Whom to connect to, and which proxy is on the way, if any: the environment, read as curl reads it.
//!
//! * `http_proxy` in small letters only: a web server that runs us as a CGI program puts a visitor's
//!   `Proxy:` header into `HTTP_PROXY`. `https_proxy`, `all_proxy` and `no_proxy` in capitals too; small
//!   letters win, and an empty variable counts as absent.
//! * `no_proxy`: names (each with all names below it), addresses, networks (`10.0.0.0/8`), or `*`; parted by
//!   commas or spaces.
//! * A proxy that cannot be used (SOCKS, a URL that is none) is an error when it is needed. To go around it
//!   would lead a credential along a way that somebody closed.
//!
//! What a proxy's URL holds before the `@` is a secret: nothing here is printed.

use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dormouse_core::TransportFault;
use dormouse_core::driver::TransportError;
use fluent_uri::Uri;
use percent_encoding::percent_decode_str;

/// Somebody to connect to.
#[derive(Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether TLS is spoken there.
    pub secure: bool,
    /// A name or an address, without brackets.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
}

impl Endpoint {
    /// Whom an `http` or `https` URL means; nobody, if it is another, or has no host.
    #[must_use]
    pub fn of(uri: &Uri<&str>) -> Option<Self> {
        let secure = match uri.scheme().as_str() {
            scheme if scheme.eq_ignore_ascii_case("http") => false,
            scheme if scheme.eq_ignore_ascii_case("https") => true,
            _ => return None,
        };
        let authority = uri.authority()?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_to_u16().ok()?.unwrap_or(if secure { 443 } else { 80 });
        (!host.is_empty()).then_some(Self { secure, host, port })
    }

    /// As `CONNECT` wants it.
    #[must_use]
    pub fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

/// The proxies of a process.
#[derive(Default)]
pub struct Proxies {
    http: Option<Choice>,
    https: Option<Choice>,
    except: String,
}

/// What a variable says, or the variable that says nothing of use.
type Choice = Result<Proxy, &'static str>;

/// A proxy, and how to be let in.
pub struct Proxy {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// The value of `Proxy-Authorization`: a secret.
    authorization: Option<String>,
}

impl Proxies {
    /// As the environment has them now.
    #[must_use]
    pub fn from_env() -> Self {
        // What is no text is no URL either, and is an error when it is needed: nothing is gone around.
        Self::read(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// As these variables have them.
    #[must_use]
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                variable(name).filter(|value| !value.is_empty()).map(|value| (*name, value))
            })
        };
        let choice = |names: &[&'static str]| {
            first(names).map(|(name, value)| Proxy::parse(value.trim()).ok_or(name))
        };
        Self {
            http: choice(&["http_proxy", "all_proxy", "ALL_PROXY"]),
            https: choice(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            except: first(&["no_proxy", "NO_PROXY"]).map(|(_, value)| value).unwrap_or_default(),
        }
    }

    /// The proxy on the way there.
    ///
    /// # Errors
    ///
    /// If there is to be one, and what the variable says cannot be used; the variable is named.
    pub fn before(&self, there: &Endpoint) -> Result<Option<&Proxy>, TransportError> {
        let choice = if there.secure { &self.https } else { &self.http };
        match choice {
            Some(_) if self.excepts(&there.host) => Ok(None),
            None => Ok(None),
            Some(Ok(proxy)) => Ok(Some(proxy)),
            Some(Err(variable)) => Err(TransportError::new(
                TransportFault::Connect,
                format!("{variable} is not the URL of an http or https proxy"),
            )),
        }
    }

    fn excepts(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        self.except.split([',', ' ', '\t']).filter(|entry| !entry.is_empty()).any(|entry| {
            let entry = entry.to_ascii_lowercase();
            match address {
                _ if entry == "*" => true,
                Some(address) => is_within(address, &entry),
                None => {
                    let below = host.strip_suffix(entry.trim_matches('.'));
                    entry != "." && below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                }
            }
        })
    }
}

/// Whether `address` is the one of `entry`, or in its network.
fn is_within(address: IpAddr, entry: &str) -> bool {
    let (base, length) = match entry.split_once('/') {
        Some((base, length)) => (base, length.parse().ok()),
        None => (entry, Some(128)),
    };
    let bits = |address| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    match (base.trim_start_matches('[').trim_end_matches(']').parse(), length) {
        (Ok(base), Some(length @ 0..=128)) if address.is_ipv4() == IpAddr::is_ipv4(&base) => {
            // What differs lies beyond the network's part.
            let differs = bits(address) ^ bits(base);
            differs.leading_zeros() >= length
        }
        _ => false,
    }
}

impl Proxy {
    /// What a request to the proxy itself carries.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.authorization.iter().map(|value| ("proxy-authorization", value.as_str()))
    }

    fn parse(value: &str) -> Option<Self> {
        let value = if value.contains("://") { value } else { &format!("http://{value}") };
        let uri = Uri::parse(value).ok()?;
        let authorization = uri.authority()?.userinfo().map(|user_info| {
            let (user, password) =
                user_info.as_str().split_once(':').unwrap_or((user_info.as_str(), ""));
            let decoded =
                [user, password].map(|part| percent_decode_str(part).collect::<Vec<u8>>());
            format!("Basic {}", BASE64_STANDARD.encode(decoded.join(&b':')))
        });
        Some(Self { endpoint: Endpoint::of(&uri)?, authorization })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::read(|name| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        })
    }

    /// Where a request for `url` goes first, with these variables.
    fn through(variables: &[(&str, &str)], url: &str) -> String {
        let there = Endpoint::of(&Uri::parse(url).expect("a URL")).expect("an endpoint");
        match proxies(variables).before(&there) {
            Ok(None) => "there".to_owned(),
            Ok(Some(proxy)) => format!("{}:{}", proxy.endpoint.host, proxy.endpoint.port),
            Err(error) => error.to_string(),
        }
    }

    fn endpoint(url: &str) -> Option<(bool, String, u16)> {
        let endpoint = Endpoint::of(&Uri::parse(url).expect("a URL"))?;
        Some((endpoint.secure, endpoint.host, endpoint.port))
    }

    #[test]
    fn a_url_says_whom_to_connect_to() {
        for (url, secure, host, port) in [
            ("http://example.com", false, "example.com", 80),
            ("HTTPS://example.com/x?y", true, "example.com", 443),
            ("https://example.com:8443/", true, "example.com", 8443),
            ("http://example.com:/", false, "example.com", 80),
            ("http://192.0.2.1:81", false, "192.0.2.1", 81),
            ("https://[2001:db8::1]:8443/", true, "2001:db8::1", 8443),
        ] {
            assert_eq!(endpoint(url), Some((secure, host.to_owned(), port)), "{url}");
        }
        for url in ["ftp://example.com", "http:example.com", "http://", "http://h:65536"] {
            assert_eq!(endpoint(url), None, "{url}");
        }
        let six = Endpoint { secure: true, host: "::1".to_owned(), port: 1 };
        assert_eq!(six.authority(), "[::1]:1");
    }

    #[test]
    fn the_environment_is_read_as_curl_reads_it() {
        for (variables, http, https) in [
            (&[][..], "there", "there"),
            (&[("http_proxy", "http://p:1")], "p:1", "there"),
            (&[("HTTP_PROXY", "http://p:1")], "there", "there"),
            (&[("https_proxy", "http://p:1")], "there", "p:1"),
            (&[("HTTPS_PROXY", "http://p:1")], "there", "p:1"),
            (&[("HTTPS_PROXY", "http://q:1"), ("https_proxy", "http://p:1")], "there", "p:1"),
            (&[("all_proxy", "http://p:1")], "p:1", "p:1"),
            (&[("ALL_PROXY", "http://p:1"), ("http_proxy", "http://q:2")], "q:2", "p:1"),
            (&[("ALL_PROXY", "http://p:1"), ("http_proxy", "")], "p:1", "p:1"),
            (&[("all_proxy", "p:1")], "p:1", "p:1"),
            (&[("all_proxy", " https://p/ ")], "p:443", "p:443"),
            (&[("all_proxy", "http://user:pass@[::1]")], "::1:80", "::1:80"),
        ] {
            assert_eq!(through(variables, "http://example.com/"), http, "{variables:?}");
            assert_eq!(through(variables, "https://example.com/"), https, "{variables:?}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_not_gone_around() {
        for value in ["socks5://canary:canary@p:1", "http://", "http://a b", "http://canary:%zz@p"]
        {
            let said = through(&[("https_proxy", value)], "https://example.com/");
            assert!(said.contains("https_proxy is not the URL"), "{value}: {said}");
            assert!(!said.contains("canary"), "{said}");
            assert_eq!(through(&[("https_proxy", value)], "http://example.com/"), "there");
            let excepted = [("https_proxy", value), ("no_proxy", "example.com")];
            assert_eq!(through(&excepted, "https://example.com/"), "there");
        }
    }

    #[test]
    fn what_no_proxy_names_is_gone_to_directly() {
        for (except, host, excepted) in [
            ("", "example.com", false),
            ("*", "example.com", true),
            ("example.com", "example.com", true),
            ("example.com", "EXAMPLE.com", true),
            ("Example.COM", "example.com.", true),
            ("example.com", "api.example.com", true),
            (".example.com", "api.example.com", true),
            (".example.com", "example.com", true),
            ("example.com.", "example.com", true),
            ("example.com", "badexample.com", false),
            ("example.com", "example.com.evil.example", false),
            ("api.example.com", "example.com", false),
            (".", "example.com", false),
            ("a, example.com", "example.com", true),
            ("a\texample.com b", "example.com", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.10", false),
            ("27.0.0.1", "127.0.0.1", false),
            ("127.0.0.0/8", "127.200.0.1", true),
            ("127.0.0.0/8", "128.0.0.1", false),
            ("10.1.2.3/32", "10.1.2.3", true),
            ("0.0.0.0/0", "10.1.2.3", true),
            ("0.0.0.0/0", "::1", false),
            ("10.0.0.0/x", "10.0.0.0", false),
            ("10.0.0.0/129", "10.0.0.0", false),
            ("::1", "::1", true),
            ("[::1]", "::1", true),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
        ] {
            let proxies = proxies(&[("NO_PROXY", except)]);
            assert_eq!(proxies.excepts(host), excepted, "{except:?} and {host}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_encoded() {
        let authorization = |value| Proxy::parse(value).expect("a proxy").authorization;
        assert_eq!(authorization("http://p"), None);
        let aladdin = Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned());
        assert_eq!(authorization("http://Aladdin:open%20sesame@p"), aladdin);
        assert_eq!(authorization("Aladdin:open%20sesame@p:1"), aladdin);
        assert_eq!(authorization("http://user@p"), Some("Basic dXNlcjo=".to_owned()));
    }
}
