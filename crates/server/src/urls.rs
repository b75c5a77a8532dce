//! What to call a running server: the URL for people, the one on this machine, the one for clients.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in a query, as Python's `urlencode` has it.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// What stays as it is in a path.
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// Where a server is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The name or address listened on; empty for all addresses.
    pub(crate) ip: String,
    /// The port.
    pub(crate) port: u16,
    /// The Unix socket instead.
    pub(crate) socket: Option<String>,
    /// The base URL, with slashes.
    pub(crate) base_url: String,
    /// `custom_display_url`.
    pub(crate) display_url: Option<String>,
}

/// A token in a URL.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ShownToken<'a> {
    /// There is none.
    None,
    /// There is one that may not be shown.
    Hidden,
    /// There is one, made for this.
    Shown(&'a str),
}

impl Place {
    /// Where a client on this machine connects, without a token.
    pub(crate) fn connection_url(&self) -> String {
        self.origin(None) + &self.base_url
    }

    /// The URLs for a person, the best first. `path` begins with the base URL.
    pub(crate) fn urls(&self, path: &str, token: ShownToken<'_>) -> Vec<String> {
        let query = match token {
            ShownToken::None => String::new(),
            ShownToken::Hidden => "?token=...".to_owned(),
            ShownToken::Shown(token) => format!("?token={}", utf8_percent_encode(token, QUERY)),
        };
        if self.socket.is_some() {
            return vec![self.origin(None) + path + &query];
        }
        let public = match &self.display_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => self.origin(None),
        };
        let loopback = if self.ip.contains(':') {
            "[::1]"
        } else {
            "127.0.0.1"
        };
        let local = self.origin(Some(loopback));
        let mut urls = vec![public + path + &query, local + path + &query];
        urls.dedup();
        urls
    }

    /// Scheme, name and port. A wildcard address is no name: this machine's own stands for it.
    fn origin(&self, name: Option<&str>) -> String {
        if let Some(socket) = &self.socket {
            return format!("http+unix://{}", utf8_percent_encode(socket, QUERY));
        }
        let name = match name {
            Some(name) => name.to_owned(),
            None => match self.ip.as_str() {
                "" | "0.0.0.0" | "::" => hostname(),
                ip if ip.contains(':') => format!("[{ip}]"),
                ip => ip.to_owned(),
            },
        };
        format!("http://{name}:{}", self.port)
    }
}

/// A path below the root, as it stands in a URL.
pub(crate) fn encoded(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

/// The URL of a file.
pub(crate) fn file_url(path: &Path) -> String {
    format!("file://{}", encoded(&path.to_string_lossy()))
}

fn hostname() -> String {
    let name = rustix::system::uname();
    match name.nodename().to_str() {
        Ok(name) if !name.is_empty() => name.to_owned(),
        _ => "localhost".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(ip: &str) -> Place {
        Place {
            ip: ip.to_owned(),
            port: 8888,
            socket: None,
            base_url: "/a%40b/".to_owned(),
            display_url: None,
        }
    }

    #[test]
    fn people_get_the_name_and_the_address() {
        let check =
            |ip: &str, token, expected: &[&str]| assert_eq!(place(ip).urls("/a%40b/lab", token), expected);
        check(
            "localhost",
            ShownToken::Shown("a b"),
            &[
                "http://localhost:8888/a%40b/lab?token=a%20b",
                "http://127.0.0.1:8888/a%40b/lab?token=a%20b",
            ],
        );
        check(
            "127.0.0.1",
            ShownToken::Hidden,
            &["http://127.0.0.1:8888/a%40b/lab?token=..."],
        );
        check("::1", ShownToken::None, &["http://[::1]:8888/a%40b/lab"]);
    }

    #[test]
    fn all_addresses_are_called_by_the_name_of_the_machine() {
        let urls = place("").urls("/x", ShownToken::None);
        assert!(
            !urls[0].contains("0.0.0.0") && !urls[0].contains("//:"),
            "{urls:?}"
        );
        assert_eq!(urls[1], "http://127.0.0.1:8888/x");
    }

    #[test]
    fn a_socket_is_part_of_the_name() {
        let place = Place {
            socket: Some("/tmp/s.sock".to_owned()),
            ..place("localhost")
        };
        assert_eq!(place.connection_url(), "http+unix://%2Ftmp%2Fs.sock/a%40b/");
    }
}
