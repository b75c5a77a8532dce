//! The headers every response has.

use std::convert::Infallible;

use axum::response::{IntoResponseParts, Response, ResponseParts};
use http::{
    HeaderValue,
    header::{CONTENT_SECURITY_POLICY, Entry, X_CONTENT_TYPE_OPTIONS},
};
use identity::BaseUrl;

use crate::{Site, Surface};

/// Part of a response that shows somebody's file: scripts in it run without access to this server.
#[derive(Clone, Copy, Debug)]
pub struct Sandboxed;

impl IntoResponseParts for Sandboxed {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}

/// Sets what the configuration and the reference set on every response. A handler's own policy stays.
pub(crate) fn add(response: &mut Response, surface: Surface, base_url: &BaseUrl, site: &Site) {
    let sandboxed = response.extensions_mut().remove::<Sandboxed>().is_some();
    let configured = site
        .headers
        .get(CONTENT_SECURITY_POLICY)
        .and_then(|value| value.to_str().ok());
    let policy = content_security_policy(configured, surface, sandboxed, base_url);

    let headers = response.headers_mut();
    headers
        .entry(X_CONTENT_TYPE_OPTIONS)
        .or_insert(HeaderValue::from_static("nosniff"));
    if let (Entry::Vacant(vacant), Ok(policy)) = (
        headers.entry(CONTENT_SECURITY_POLICY),
        HeaderValue::try_from(policy),
    ) {
        vacant.insert(policy);
    }
    for (name, value) in &site.headers {
        if name != CONTENT_SECURITY_POLICY {
            headers.insert(name, value.clone());
        }
    }
}

fn content_security_policy(
    configured: Option<&str>,
    surface: Surface,
    sandboxed: bool,
    base_url: &BaseUrl,
) -> String {
    let mut policy = configured.map_or_else(
        || {
            format!(
                "frame-ancestors 'self'; report-uri {}",
                base_url.join("api/security/csp-report")
            )
        },
        str::to_owned,
    );
    if surface == Surface::Api {
        policy.push_str("; default-src 'none'");
    }
    if sandboxed {
        policy.push_str("; sandbox allow-scripts");
    }
    policy
}
