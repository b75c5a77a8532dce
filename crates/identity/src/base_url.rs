//! The prefix under which the whole server is reachable.

use std::{fmt, sync::Arc};

use percent_encoding::percent_decode_str;

/// The server's base URL: begins and ends with `/`, as configured (`/a%40b/` stays as it is written).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Arc<str>);

impl BaseUrl {
    /// Adds the slashes that are missing at either end, as the reference does.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let inner = text.trim_matches('/');
        if inner.is_empty() {
            Self(Arc::from("/"))
        } else {
            Self(Arc::from(format!("/{inner}/")))
        }
    }

    /// The base URL with its slashes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL path of a route: `join("api/kernels")` or `join("/api/kernels")`.
    #[must_use]
    pub fn join(&self, route: &str) -> String {
        format!("{}{}", self.0, route.trim_start_matches('/'))
    }

    /// The path of a request below the base URL, beginning with `/`; `None` when it lies elsewhere.
    ///
    /// Segments are compared decoded, so that `/a@b/` and `/a%40b/` both reach a server at either.
    /// The base URL without its last slash is the root: `/x` with the base URL `/x/` is `/`.
    #[must_use]
    pub fn strip<'path>(&self, path: &'path str) -> Option<&'path str> {
        let mut rest = path;
        for expected in self.0.split('/').filter(|segment| !segment.is_empty()) {
            let after_slash = rest.strip_prefix('/')?;
            let end = after_slash.find('/').unwrap_or(after_slash.len());
            let (segment, after) = after_slash.split_at_checked(end)?;
            if !percent_decode_str(segment).eq(percent_decode_str(expected)) {
                return None;
            }
            rest = after;
        }
        Some(if rest.is_empty() { "/" } else { rest })
    }
}

impl Default for BaseUrl {
    fn default() -> Self {
        Self::new("/")
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_gets_its_slashes() {
        for (given, expected) in [
            ("", "/"),
            ("/", "/"),
            ("x", "/x/"),
            ("/x", "/x/"),
            ("//a/b//", "/a/b/"),
        ] {
            assert_eq!(BaseUrl::new(given).as_str(), expected);
        }
    }

    #[test]
    fn a_path_is_stripped_however_its_base_is_encoded() {
        let check = |base: &str, path: &str, expected: Option<&str>| {
            assert_eq!(BaseUrl::new(base).strip(path), expected, "{path} below {base}");
        };
        check("/", "/api", Some("/api"));
        check("/", "/", Some("/"));
        check(
            "/a%40b/",
            "/a%40b/api/contents/x%20y",
            Some("/api/contents/x%20y"),
        );
        check("/a%40b/", "/a@b/api", Some("/api"));
        check("/a@b/", "/a%40b/", Some("/"));
        check("/a@b/", "/a%40b", Some("/"));
        check("/x/y/", "/x/y//z/", Some("//z/"));
        check("/x/", "/xy/api", None);
        check("/x/", "/", None);
        check("/x/y/", "/x", None);
    }
}
