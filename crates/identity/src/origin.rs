//! Whether a request comes from a page of ours, and under a name of ours.

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderValue, Uri,
    header::{HOST, ORIGIN, REFERER},
};
use percent_encoding::percent_decode_str;
use regex::Regex;

use crate::{IdentityConfig, IdentityError};

/// Which other sites' pages may use this server.
pub(crate) struct Origins {
    allowed: String,
    pattern: Option<Regex>,
}

/// What the `Referer` says of the page that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefererCheck {
    /// It is ours or an allowed one.
    Ours,
    /// The request does not say.
    Missing,
    /// It is another site's.
    Foreign(String),
}

impl Origins {
    pub(crate) fn new(config: &IdentityConfig) -> Result<Self, IdentityError> {
        let pattern = &config.allow_origin_pat;
        let pattern = match pattern.as_str() {
            "" => None,
            // The whole of the origin must match, or `https://example.com.evil.org` would.
            pattern => Some(Regex::new(&format!("^(?:{pattern})$")).map_err(|source| {
                IdentityError::OriginPattern {
                    pattern: pattern.to_owned(),
                    source: Box::new(source),
                }
            })?),
        };
        Ok(Self {
            allowed: config.allow_origin.to_lowercase(),
            pattern,
        })
    }

    pub(crate) fn allows_all(&self) -> bool {
        self.allowed == "*"
    }

    /// Whether pages of this origin (`scheme://host:port`) may. `allow_origin` outweighs the pattern.
    pub(crate) fn allows(&self, origin: &str) -> bool {
        let origin = origin.to_lowercase();
        if !self.allowed.is_empty() {
            return self.allows_all() || self.allowed == origin;
        }
        self.pattern
            .as_ref()
            .is_some_and(|pattern| pattern.is_match(&origin))
    }

    /// Whether the request's `Origin`, if it has one, is this server's or an allowed one.
    pub(crate) fn check_origin(&self, headers: &HeaderMap) -> bool {
        let (Some(origin), Some(host)) = (origin(headers), text(headers, &HOST)) else {
            return true;
        };
        authority_of(origin).is_some_and(|authority| authority.eq_ignore_ascii_case(host))
            || self.allows(origin)
    }

    pub(crate) fn check_referer(&self, headers: &HeaderMap) -> RefererCheck {
        let (Some(referer), Some(host)) = (text(headers, &REFERER), text(headers, &HOST)) else {
            return if self.allows_all() {
                RefererCheck::Ours
            } else {
                RefererCheck::Missing
            };
        };
        let (Some(authority), Some((scheme, _))) = (authority_of(referer), referer.split_once("://")) else {
            return RefererCheck::Foreign(referer.to_owned());
        };
        if authority.eq_ignore_ascii_case(host) || self.allows(&format!("{scheme}://{authority}")) {
            return RefererCheck::Ours;
        }
        RefererCheck::Foreign(referer.to_owned())
    }

    /// What `Access-Control-Allow-Origin` must say to a page of this request's origin.
    pub(crate) fn allow_header(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if !self.allowed.is_empty() {
            return HeaderValue::from_str(&self.allowed).ok();
        }
        let origin = origin(headers)?;
        if self.allows(origin) {
            HeaderValue::from_str(origin).ok()
        } else {
            None
        }
    }

    /// Whether there are settings about origins at all.
    pub(crate) fn is_configured(&self) -> bool {
        !self.allowed.is_empty() || self.pattern.is_some()
    }
}

/// The `Origin` of a request, or what old WebSocket clients send in its place.
pub(crate) fn origin(headers: &HeaderMap) -> Option<&str> {
    text(headers, &ORIGIN).or_else(|| {
        headers
            .get("sec-websocket-origin")
            .and_then(|value| value.to_str().ok())
    })
}

/// The `Host` of a request with its port; empty when it has none.
pub(crate) fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> &'a str {
    text(headers, &HOST)
        .or_else(|| uri.authority().map(http::uri::Authority::as_str))
        .unwrap_or_default()
}

/// Whether a `Host` is a name of this machine. A foreign name that resolves to it would let that site's pages in.
pub(crate) fn is_local(host: &str, local_hostnames: &[String]) -> bool {
    let name = without_port(host);
    let name = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    if name.is_empty() {
        // HTTP/1.0 has no Host; no browser speaks it.
        return true;
    }
    if let Ok(address) = name.parse::<IpAddr>() {
        return address.is_loopback();
    }
    // A client of a Unix socket names it percent-encoded; no DNS name begins so.
    let is_socket = percent_decode_str(name).next() == Some(b'/');
    is_socket
        || local_hostnames
            .iter()
            .any(|local| local.eq_ignore_ascii_case(name))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// `host:port` of a URL.
fn authority_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split(['/', '?', '#'])
        .next()
        .filter(|authority| !authority.is_empty())
}

fn text<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(allow_origin: &str, allow_origin_pat: &str) -> Origins {
        let config = IdentityConfig {
            allow_origin: allow_origin.to_owned(),
            allow_origin_pat: allow_origin_pat.to_owned(),
            ..IdentityConfig::default()
        };
        Origins::new(&config).unwrap()
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn an_origin_must_be_ours_or_allowed_as_a_whole() {
        let check = |origins: &Origins, origin: &'static str| {
            origins.check_origin(&headers(&[("host", "localhost:8888"), ("origin", origin)]))
        };
        let none = origins("", "");
        assert!(check(&none, "http://localhost:8888"));
        assert!(check(&none, "HTTP://LOCALHOST:8888"));
        assert!(!check(&none, "http://localhost:9999"));
        assert!(!check(&none, "http://localhost:8888.evil.org"));
        assert!(!check(&none, "null"));
        assert!(none.check_origin(&headers(&[("host", "localhost:8888")])));
        assert!(check(&origins("*", ""), "https://evil.org"));
        assert!(check(&origins("https://good.org", ""), "https://good.org"));
        assert!(!check(
            &origins("https://good.org", ""),
            "https://good.org.evil.org"
        ));
        let pattern = origins("", r"https://[a-z]+\.good\.org");
        assert!(check(&pattern, "https://www.good.org"));
        assert!(!check(&pattern, "https://www.good.org.evil.org"));
        assert!(!check(&origins("", "https://a|https://b"), "https://bad.org"));
    }

    #[test]
    fn a_referer_must_be_there_and_ours() {
        let none = origins("", "");
        let check =
            |referer| none.check_referer(&headers(&[("host", "localhost:8888"), ("referer", referer)]));
        assert_eq!(check("http://localhost:8888/lab?x=//"), RefererCheck::Ours);
        assert_eq!(
            check("http://evil.org/"),
            RefererCheck::Foreign("http://evil.org/".to_owned())
        );
        assert_eq!(
            check("about:blank"),
            RefererCheck::Foreign("about:blank".to_owned())
        );
        assert_eq!(
            none.check_referer(&headers(&[("host", "localhost:8888")])),
            RefererCheck::Missing
        );
    }

    #[test]
    fn only_names_of_this_machine_are_local() {
        let names = ["localhost".to_owned(), "box.lan".to_owned()];
        for host in [
            "localhost",
            "localhost:8888",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:8888",
            "box.lan",
            "%2Ftmp%2Fs",
            "",
        ] {
            assert!(is_local(host, &names), "{host}");
        }
        for host in [
            "evil.org",
            "evil.org:8888",
            "192.168.0.1",
            "[::2]:8888",
            "localhost.evil.org",
        ] {
            assert!(!is_local(host, &names), "{host}");
        }
    }

    #[test]
    fn a_broken_pattern_is_told_at_start() {
        let config = IdentityConfig {
            allow_origin_pat: "(".to_owned(),
            ..IdentityConfig::default()
        };
        assert!(matches!(
            Origins::new(&config),
            Err(IdentityError::OriginPattern { .. })
        ));
    }
}
