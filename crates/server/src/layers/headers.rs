//! The headers every answer carries.

use std::sync::Arc;

use authorization::Surface;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue, header};
use identity::BaseUrl;

/// What is added to answers that do not say it themselves.
#[derive(Debug)]
pub(crate) struct ResponseHeaders {
    base_url: BaseUrl,
    /// `ServerApp.tornado_settings = {"headers": {…}}`: on every answer, and instead of ours.
    configured: Vec<(HeaderName, HeaderValue)>,
    page_policy: HeaderValue,
    api_policy: HeaderValue,
}

impl ResponseHeaders {
    /// `configured` headers that are no valid headers are left out by the caller.
    pub(crate) fn new(base_url: BaseUrl, configured: Vec<(HeaderName, HeaderValue)>) -> Self {
        let report = base_url.join("api/security/csp-report");
        let page = format!("frame-ancestors 'self'; report-uri {report}");
        let api = format!("{page}; default-src 'none'");
        // A base URL comes from the configuration and may hold what a header cannot: then nothing may frame us at all.
        let value = |text: &str| {
            HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("frame-ancestors 'none'"))
        };
        Self {
            base_url,
            configured,
            page_policy: value(&page),
            api_policy: value(&api),
        }
    }
}

/// Adds what is missing. A handler's own header (the sandbox of `/files`) stays.
pub(super) async fn add(
    State(headers): State<Arc<ResponseHeaders>>,
    request: Request,
    next: Next,
) -> Response {
    let surface = headers
        .base_url
        .strip(request.uri().path())
        .map_or(Surface::Page, Surface::of);
    let mut response = next.run(request).await;
    // The API's own 404 page for what is no route is a page all the same: with the API's policy it has no styles.
    let is_page = |headers: &http::HeaderMap| {
        let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        content_type.is_some_and(|content_type| content_type.starts_with(b"text/html"))
    };
    let sent = response.headers_mut();
    let surface = if is_page(sent) { Surface::Page } else { surface };
    for (name, value) in &headers.configured {
        sent.entry(name).or_insert_with(|| value.clone());
    }
    sent.entry(header::CONTENT_SECURITY_POLICY)
        .or_insert_with(|| match surface {
            Surface::Page => headers.page_policy.clone(),
            Surface::Api | Surface::WebSocket => headers.api_policy.clone(),
        });
    sent.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}
