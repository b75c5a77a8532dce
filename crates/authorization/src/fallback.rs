//! What is no route is still ours: the trailing slash, what is not found, the wrong method, and OPTIONS.
//! All are public, touch no state, and stand in the route table.

use axum::response::{IntoResponse, Response};
use http::{
    HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN,
    },
    request::Parts,
};

use crate::{
    ForgeryCheck, Requirement, RouteEntry, Surface,
    denied::api_error,
    refusal::{Refusal, found, page},
    visitor::Visitor,
};

/// The lines of the route table for what is no route.
#[must_use]
pub fn fallbacks() -> [RouteEntry; 3] {
    let entry = |method, path, handler, note| RouteEntry {
        method,
        path,
        requirement: Requirement::Anyone,
        surface: Surface::Page,
        handler,
        forgery_check: ForgeryCheck::ByHandler("answers without looking at anything"),
        note: Some(note),
    };
    [
        entry(
            "OPTIONS",
            "(any path)",
            "authorization::fallback::options",
            "200 with the CORS headers",
        ),
        entry(
            "(any)",
            "(no route)",
            "authorization::fallback::not_found",
            "a trailing slash goes (302, the query stays); else the 404 page",
        ),
        entry(
            "(other)",
            "(any route)",
            "authorization::fallback::method_not_allowed",
            "405 in JSON",
        ),
    ]
}

/// For a path that is no route: without its slashes at the end it may be one; else the 404 page.
pub(crate) fn not_found(parts: &Parts) -> Response {
    let visitor = parts.extensions.get::<Visitor>();
    let path = parts.uri.path();
    let redirects = matches!(
        parts.method,
        Method::GET | Method::HEAD | Method::POST | Method::PUT
    );
    if let Some(visitor) = visitor
        && path.len() > 1
        && path.ends_with('/')
        && redirects
    {
        // Slashes at the beginning go too: `//example.com/` must not lead there, nor `/\example.com/`, which browsers
        // read alike.
        let path = path.trim_matches('/').replace('\\', "%5C");
        let location = visitor.provider.base_url().join(&path);
        return match parts.uri.query() {
            Some(query) => found(&format!("{location}?{query}")),
            None => found(&location),
        };
    }
    let closed = visitor.is_some_and(|visitor| !visitor.provider.config().allow_unauthenticated_access);
    if closed && visitor.is_some_and(|visitor| visitor.who.is_none()) {
        return Refusal::NotLoggedIn.answer(parts, Surface::Page);
    }
    page(parts, visitor, StatusCode::NOT_FOUND, "")
}

/// For a route that does not know the method.
pub(crate) fn method_not_allowed() -> Response {
    api_error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}

/// What a browser asks before it sends another site's request.
pub(crate) fn options(parts: &Parts, visitor: &Visitor) -> Response {
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("accept, content-type, authorization, x-xsrftoken"),
    );
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, PUT, POST, PATCH, DELETE, OPTIONS"),
    );
    // The token itself does not come with this request. When origins are configured, one that means to send a token
    // may go on; without a valid one the real request is refused.
    let means_to_authorize = parts
        .headers
        .get(ACCESS_CONTROL_REQUEST_HEADERS)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|names| {
            names
                .split(',')
                .any(|name| name.trim().eq_ignore_ascii_case("authorization"))
        });
    let provider = &visitor.provider;
    let configured =
        !provider.config().allow_origin.is_empty() || !provider.config().allow_origin_pat.is_empty();
    if means_to_authorize && configured && provider.auth_enabled() {
        let origin = parts
            .headers
            .get(ORIGIN)
            .cloned()
            .unwrap_or(HeaderValue::from_static(""));
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}
