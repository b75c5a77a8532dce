//! Where to go after a login. The address comes from outside, so it must lead nowhere else.

use crate::{BaseUrl, origin::Origins};

/// The address itself when it lies below the base URL or its origin is allowed, else the base URL.
pub(crate) fn safe_next(next: &str, base_url: &BaseUrl, origins: &Origins) -> String {
    // Browsers take `\` for `/`, and swallow tabs and line ends.
    let next: String = next
        .replace('\\', "%5C")
        .chars()
        .filter(|letter| !letter.is_control())
        .collect();
    let next = next.trim();
    if let Some(path) = next.strip_prefix('/')
        && !path.starts_with('/')
    {
        let path = next.split(['?', '#']).next().unwrap_or_default();
        // Browsers take any mixture of `.` and `%2e` for the dots.
        let climbs = path
            .split('/')
            .any(|part| part.to_ascii_lowercase().replace("%2e", ".") == "..");
        return if base_url.strip(path).is_some() && !climbs {
            next.to_owned()
        } else {
            base_url.to_string()
        };
    }
    match whole_url(next) {
        Some((origin, url)) if !origins.allows_all() && origins.allows(&origin) => url,
        _ => base_url.to_string(),
    }
}

/// A URL with its origin, in the form all programs read alike: however many slashes follow the scheme, browsers
/// take what comes after them for the host.
fn whole_url(next: &str) -> Option<(String, String)> {
    let (scheme, rest) = next.split_once(':')?;
    if !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https") {
        return None;
    }
    let rest = rest.trim_start_matches('/');
    let authority = rest
        .split(['/', '?', '#'])
        .next()
        .filter(|authority| !authority.is_empty())?;
    Some((format!("{scheme}://{authority}"), format!("{scheme}://{rest}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::IdentityConfig;

    fn next(next: &str, base_url: &str, allow_origin: &str) -> String {
        let config = IdentityConfig {
            allow_origin: allow_origin.to_owned(),
            ..IdentityConfig::default()
        };
        safe_next(next, &BaseUrl::new(base_url), &Origins::new(&config).unwrap())
    }

    #[test]
    fn an_address_below_the_base_url_is_kept_as_it_is() {
        for kept in [
            "/a%40b/lab/tree/x.ipynb?reset",
            "/a%40b/tree//something",
            "/a%40b",
            "/a@b/lab#x",
        ] {
            assert_eq!(next(kept, "/a%40b/", ""), kept);
        }
    }

    #[test]
    fn an_address_elsewhere_falls_back_to_the_base_url() {
        for bad in [
            r"\\tree",
            "//host",
            "///google.com",
            "https:///a%40b/extra/slash",
            "https:///a%40b/",
            "http://evil.org",
            "/other",
            "/",
            "",
            "tree",
            "javascript:alert(1)",
            "/\t/evil.org",
            "/a%40b/../../x",
            r"/a%40b\..\x\..",
            "/a%40b/%2e%2e/x",
            "/a%40b/.%2E/x",
            "https:evil.org/a%40b/",
        ] {
            assert_eq!(next(bad, "/a%40b/", ""), "/a%40b/", "{bad}");
        }
    }

    #[test]
    fn an_allowed_origin_is_followed() {
        assert_eq!(
            next("https://good.org/x?y", "/", "https://good.org"),
            "https://good.org/x?y"
        );
        assert_eq!(
            next("https:///good.org/x", "/", "https://good.org"),
            "https://good.org/x"
        );
        assert_eq!(next("https://evil.org/good.org", "/", "https://good.org"), "/");
    }
}
