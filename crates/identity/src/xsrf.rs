//! The `_xsrf` token: a page of ours knows the cookie's value and sends it along, another site's page cannot.

use http::{HeaderMap, HeaderValue, request::Parts};
use subtle::ConstantTimeEq;

use crate::{BaseUrl, IdentityError, cookies::SetCookie, cookies::cookie};

/// The name of cookie, query key and form field. Front ends read the cookie by this name.
pub const XSRF_NAME: &str = "_xsrf";
/// 30 days, as in the reference.
const COOKIE_LIFE_S: u64 = 30 * 24 * 60 * 60;
/// A longer value in a cookie is not one of ours, nor of the reference's.
const VALUE_BYTES_MAX: usize = 256;

/// The token of one browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XsrfToken {
    value: String,
    is_new: bool,
}

impl XsrfToken {
    /// The token of the cookie, or a new one: 32 hexadecimal digits, the form that a reference server on another port
    /// of the same host (which shares the cookie) also accepts.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn of(headers: &HeaderMap) -> Result<Self, IdentityError> {
        if let Some(value) = of_cookie(headers) {
            return Ok(Self {
                value: value.to_owned(),
                is_new: false,
            });
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        Ok(Self {
            value: hex::encode(random),
            is_new: true,
        })
    }

    /// What a form or a header must send along.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The cookie to set where a page shows the token; `None` when the browser has it already. Scripts may read it.
    #[must_use]
    pub fn cookie(&self, base_url: &BaseUrl, secure: bool) -> Option<HeaderValue> {
        let cookie = SetCookie {
            name: XSRF_NAME,
            value: &self.value,
            path: base_url.as_str(),
            max_age_s: COOKIE_LIFE_S,
            http_only: false,
            secure,
        };
        if self.is_new { cookie.header() } else { None }
    }
}

/// What came of comparing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XsrfCheck {
    /// The page that sent it knows the cookie.
    Matches,
    /// Nothing was sent along.
    Missing,
    /// Something else was sent, or there is no cookie.
    Mismatch,
}

/// Compares what came in a header or the query with the cookie.
#[must_use]
pub fn check_xsrf(request: &Parts) -> XsrfCheck {
    let in_header = ["x-xsrftoken", "x-csrftoken"]
        .into_iter()
        .find_map(|name| request.headers.get(name))
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let in_query = || query_value(request, XSRF_NAME);
    check_submitted_xsrf(&request.headers, in_header.or_else(in_query).as_deref())
}

/// Compares what came in a form with the cookie.
#[must_use]
pub fn check_submitted_xsrf(headers: &HeaderMap, submitted: Option<&str>) -> XsrfCheck {
    match (submitted, of_cookie(headers)) {
        (None | Some(""), _) => XsrfCheck::Missing,
        (Some(submitted), Some(cookie)) if bool::from(submitted.as_bytes().ct_eq(cookie.as_bytes())) => {
            XsrfCheck::Matches
        }
        (Some(_), _) => XsrfCheck::Mismatch,
    }
}

fn of_cookie(headers: &HeaderMap) -> Option<&str> {
    let plausible = |value: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"|_-".contains(&byte);
        !value.is_empty() && value.len() <= VALUE_BYTES_MAX && value.bytes().all(plain)
    };
    cookie(headers, XSRF_NAME).filter(plausible)
}

/// The first value of a key in the query.
pub(crate) fn query_value(request: &Parts, key: &str) -> Option<String> {
    let query = request.uri.query()?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == key)
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, headers: &[(&'static str, &str)]) -> Parts {
        let mut builder = http::Request::builder().uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_who_knows_the_cookie_passes() {
        let check = |uri: &str, headers: &[(&'static str, &str)]| check_xsrf(&request(uri, headers));
        assert_eq!(
            check("/", &[("cookie", "_xsrf=abc"), ("x-xsrftoken", "abc")]),
            XsrfCheck::Matches
        );
        assert_eq!(
            check("/?_xsrf=abc", &[("cookie", "_xsrf=abc")]),
            XsrfCheck::Matches
        );
        assert_eq!(check("/", &[("cookie", "_xsrf=abc")]), XsrfCheck::Missing);
        assert_eq!(
            check("/", &[("cookie", "_xsrf=abc"), ("x-xsrftoken", "abd")]),
            XsrfCheck::Mismatch
        );
        assert_eq!(check("/", &[("x-xsrftoken", "abc")]), XsrfCheck::Mismatch);
        assert_eq!(check("/?_xsrf=", &[("cookie", "_xsrf=")]), XsrfCheck::Missing);
    }

    #[test]
    fn a_page_keeps_the_token_the_browser_has() {
        let reference = "_xsrf=2|6a1b|0123|1795349235";
        let kept = XsrfToken::of(&request("/", &[("cookie", reference)]).headers).unwrap();
        assert_eq!(kept.value(), "2|6a1b|0123|1795349235");
        assert_eq!(kept.cookie(&BaseUrl::default(), false), None);
        let new = XsrfToken::of(&HeaderMap::new()).unwrap();
        assert_eq!(new.value().len(), 32);
        let cookie = new.cookie(&BaseUrl::new("/x"), false).unwrap();
        assert!(cookie.to_str().unwrap().contains("; Path=/x/;"), "{cookie:?}");
        assert!(!cookie.to_str().unwrap().contains("HttpOnly"));
    }
}
