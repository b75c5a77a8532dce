//! One line for each answer, and an id that ties together what is logged about one request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{StatusCode, Uri, header};
use tracing::{Instrument, debug, debug_span, error, info, warn};

use crate::listen::Peer;

/// Query parameters whose name contains one of these are secret, as in the reference.
const SECRET_KEYS: &[&str] = &["token", "auth", "key", "code", "state", "xsrf"];

/// How often the address within a query is decoded in search of secrets.
const ENCODINGS_MAX: usize = 3;

/// A URL is logged up to here.
const URL_CHARACTERS_MAX: usize = 2_000;

/// What the log needs to know.
#[derive(Debug, Default)]
pub(crate) struct AccessLog {
    /// More names of secret query parameters (`ServerApp.extra_log_scrub_param_keys`).
    pub(crate) extra_secret_keys: Vec<String>,
    /// Counts requests; the number is the id of the request.
    pub(crate) requests: AtomicU64,
}

/// Logs the answer; successes only when everything is logged, as in the reference.
pub(super) async fn write(State(log): State<Arc<AccessLog>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = log.requests.fetch_add(1, Ordering::Relaxed);
    let method = request.method().clone();
    let uri = request.uri().clone();
    let peer = request.extensions().get::<Peer>().copied().unwrap_or(Peer(None));
    let referer = request.headers().get(header::REFERER).cloned();

    let span = debug_span!("request", id, %method, path = uri.path());
    let response = next.run(request).instrument(span).await;

    let status = response.status();
    let loudness = Loudness::of(status);
    if loudness == Loudness::Debug && !tracing::enabled!(tracing::Level::DEBUG) {
        return response;
    }
    let peer = peer
        .0
        .map_or_else(|| "a socket".to_owned(), |peer| peer.ip().to_string());
    let milliseconds = began.elapsed().as_secs_f64() * 1_000.0;
    let url = redacted(&uri, &log.extra_secret_keys);
    let referer = match referer {
        Some(referer) if status.as_u16() >= 400 => match referer.to_str().unwrap_or_default().parse() {
            Ok(referer) => format!(" referer={}", redacted(&referer, &log.extra_secret_keys)),
            Err(_) => String::new(),
        },
        _ => String::new(),
    };
    let status = status.as_u16();
    match loudness {
        Loudness::Debug => debug!("{status} {method} {url} ({peer}) {milliseconds:.2}ms{referer}"),
        Loudness::Info => info!("{status} {method} {url} ({peer}) {milliseconds:.2}ms{referer}"),
        Loudness::Warning => warn!("{status} {method} {url} ({peer}) {milliseconds:.2}ms{referer}"),
        Loudness::Error => error!("{status} {method} {url} ({peer}) {milliseconds:.2}ms{referer}"),
    }
    response
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loudness {
    Debug,
    Info,
    Warning,
    Error,
}

impl Loudness {
    fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            0..300 | 304 => Self::Debug,
            300..400 => Self::Info,
            400..500 => Self::Warning,
            _ => Self::Error,
        }
    }
}

/// The path and query, with secret values replaced.
fn redacted(uri: &Uri, extra_secret_keys: &[String]) -> String {
    let mut text = uri.path().to_owned();
    if let Some(query) = uri.query() {
        text.push('?');
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((key, value))
                if is_secret(key, extra_secret_keys) || holds_secret(value, extra_secret_keys) =>
            {
                format!("{key}=[secret]")
            }
            _ => pair.to_owned(),
        });
        text.push_str(&pairs.collect::<Vec<_>>().join("&"));
    }
    match text.char_indices().nth(URL_CHARACTERS_MAX) {
        Some((end, _)) => text[..end].to_owned() + "…",
        None => text,
    }
}

/// Whether a value is an address that has a secret in its own query, as `/login?next=/lab?token=…` has.
fn holds_secret(value: &str, extra_secret_keys: &[String]) -> bool {
    let mut text = value.to_owned();
    // An address in an address in an address is encoded as often.
    for _ in 0..ENCODINGS_MAX {
        text = percent_encoding::percent_decode_str(&text)
            .decode_utf8_lossy()
            .into_owned();
    }
    text.split(['?', '&', ';', '#'])
        .filter_map(|pair| pair.split_once('='))
        .any(|(key, _)| is_secret(key, extra_secret_keys))
}

fn is_secret(key: &str, extra_secret_keys: &[String]) -> bool {
    // Percent-encoding the name must not let a secret through.
    let key = percent_encoding::percent_decode_str(key)
        .decode_utf8_lossy()
        .to_lowercase();
    SECRET_KEYS
        .iter()
        .copied()
        .chain(extra_secret_keys.iter().map(String::as_str))
        .any(|secret| key.contains(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_urls_are_not_logged() {
        let check = |url: &str, expected: &str| {
            let uri: Uri = url.parse().expect("a URL");
            assert_eq!(redacted(&uri, &["extra".to_owned()]), expected);
        };
        check("/lab?token=abc&x=1", "/lab?token=[secret]&x=1");
        check("/lab?ToKen=abc", "/lab?ToKen=[secret]");
        check("/lab?%74oken=abc", "/lab?%74oken=[secret]");
        check("/login?next=%2Flab%3Ftoken%3Dabc&x=1", "/login?next=[secret]&x=1");
        check(
            "/login?next=%252Flab%253Fa%253Db%2526token%253Dabc",
            "/login?next=[secret]",
        );
        check("/login?next=%2Flab%3Freset%3D1", "/login?next=%2Flab%3Freset%3D1");
        check("/api?my_extra=1&_xsrf=2", "/api?my_extra=[secret]&_xsrf=[secret]");
        check("/api/me?1795349235713", "/api/me?1795349235713");
        check("http://h/x?auth=1", "/x?auth=[secret]");
    }

    #[test]
    fn an_endless_url_is_cut() {
        let uri: Uri = format!("/{}", "a".repeat(10_000)).parse().expect("a URL");
        assert_eq!(redacted(&uri, &[]).chars().count(), URL_CHARACTERS_MAX + 1);
    }
}
