//! Reading and writing cookie headers.

use http::{HeaderMap, HeaderValue, header::COOKIE};

use crate::BaseUrl;

/// The value of a cookie. Of several with the same name the last counts, as in the reference.
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value.trim_matches('"'))
        .next_back()
}

/// Attributes of a cookie to be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SetCookie<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
    pub(crate) path: &'a str,
    /// Seconds to live; 0 removes it.
    pub(crate) max_age_s: u64,
    /// Hidden from scripts.
    pub(crate) http_only: bool,
    pub(crate) secure: bool,
}

impl SetCookie<'_> {
    /// The header, unless a part cannot be in one.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let Self {
            name,
            value,
            path,
            max_age_s,
            http_only,
            secure,
        } = self;
        let http_only = if *http_only { "; HttpOnly" } else { "" };
        let secure = if *secure { "; Secure" } else { "" };
        // Old clients know only Expires; a date long past removes the cookie there too.
        let expires = if *max_age_s == 0 {
            "; expires=Thu, 01 Jan 1970 00:00:00 GMT"
        } else {
            ""
        };
        let text = format!(
            "{name}={value}; Path={path}; Max-Age={max_age_s}{expires}{http_only}{secure}; SameSite=Lax"
        );
        HeaderValue::try_from(text).ok()
    }
}

/// The default name of the login cookie: the host with its port, so that servers on one host do not collide.
pub(crate) fn login_cookie_name(host: &str) -> String {
    let host: String = host
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '-'
            }
        })
        .collect();
    format!("username-{host}")
}

/// The paths under which a cookie must be removed: where it is set now, and the root, where old versions set it.
pub(crate) fn cookie_paths(base_url: &BaseUrl) -> Vec<&str> {
    if base_url.as_str() == "/" {
        vec!["/"]
    } else {
        vec![base_url.as_str(), "/"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_cookie_of_a_name_counts() {
        let mut headers = HeaderMap::new();
        headers.append(
            COOKIE,
            HeaderValue::from_static("_xsrf=one; other=2; _xsrf=\"three\""),
        );
        headers.append(COOKIE, HeaderValue::from_static("more=4"));
        assert_eq!(cookie(&headers, "_xsrf"), Some("three"));
        assert_eq!(cookie(&headers, "more"), Some("4"));
        assert_eq!(cookie(&headers, "none"), None);
    }

    #[test]
    fn the_login_cookie_is_named_for_host_and_port() {
        assert_eq!(login_cookie_name("127.0.0.1:8888"), "username-127-0-0-1-8888");
    }
}
