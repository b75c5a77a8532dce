//! Strong `ETag`s on JSON, and 304 when the client has that answer already: SHA-1 of the body, as tornado makes them.

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use sha1::{Digest, Sha1};

/// A larger answer gets no tag: hashing it would take longer than sending it again.
const TAGGED_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Tags successful JSON answers to GET.
pub(super) async fn answer(request: Request, next: Next) -> Response {
    let is_get = request.method() == Method::GET;
    let wanted = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    match is_get && is_taggable(&response) {
        true => tag(response, wanted.as_ref()).await,
        false => response,
    }
}

fn is_taggable(response: &Response) -> bool {
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    is_json
        && response.status() == StatusCode::OK
        && !response.headers().contains_key(header::ETAG)
        // Only what is in memory already; a stream stays a stream.
        && response.body().size_hint().exact().is_some_and(|bytes| bytes <= TAGGED_BYTES_MAX)
}

async fn tag(response: Response, wanted: Option<&HeaderValue>) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        // The size was known and the body in memory: it cannot fail, and if it does the answer is lost.
        return status_only(StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new());
    };
    let tag = format!("\"{}\"", hex::encode(Sha1::digest(&bytes)));
    let is_known = wanted
        .and_then(|wanted| wanted.to_str().ok())
        .is_some_and(|wanted| matches(wanted, &tag));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, value);
    }
    if is_known {
        for described in [
            header::CONTENT_TYPE,
            header::CONTENT_LENGTH,
            header::CONTENT_ENCODING,
        ] {
            parts.headers.remove(described);
        }
        return status_only(StatusCode::NOT_MODIFIED, parts.headers);
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn status_only(status: StatusCode, headers: HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Whether `If-None-Match` lists the tag. The comparison is the weak one, as the specification wants for GET.
fn matches(wanted: &str, tag: &str) -> bool {
    wanted
        .split(',')
        .map(str::trim)
        .any(|candidate| candidate == "*" || candidate.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_listed_tag_matches() {
        let check = |wanted: &str, expected| assert_eq!(matches(wanted, "\"a\""), expected, "{wanted}");
        check("\"a\"", true);
        check("\"b\", W/\"a\"", true);
        check("*", true);
        check("\"b\"", false);
        check("a", false);
    }

    #[tokio::test]
    async fn a_known_answer_is_not_sent_again() {
        let answer = || {
            let mut response = Response::new(Body::from("{}"));
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        };
        let first = tag(answer(), None).await;
        let known = first.headers().get(header::ETAG).cloned().expect("a tag");
        assert_eq!(known, "\"bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f\"");
        let second = tag(answer(), Some(&known)).await;
        assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
        assert!(second.headers().get(header::CONTENT_TYPE).is_none());
    }
}
