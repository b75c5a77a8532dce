//! The answers for those whom the guard does not let in, in the form each kind of client understands.

use axum::response::{Html, IntoResponse, Redirect, Response};
use http::{StatusCode, request::Parts};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tracing::error;

use crate::{
    Denied, NotFound, PageError, Surface,
    denied::api_error,
    identify::is_safe,
    visitor::{Forgery, Visitor},
};

/// Why the guard did not let a request through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `identify` never saw the request: a fault of ours, answered 500.
    NeverIdentified,
    /// Nobody is logged in.
    NotLoggedIn,
    /// Another site's page may have sent it.
    Forged(Forgery),
    /// A WebSocket from another site's page.
    ForeignSocket,
    /// The URL names nothing of this kind.
    NoSuchName,
    /// The URL can't name anything of this kind; the sentence says why.
    BadName(String),
    /// The policy said no.
    Denied(Denied),
}

/// What stays as it is in `next`: Jupyter's pages are readable in the address bar.
const NEXT_ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

impl Refusal {
    /// The answer to this request on a route of this surface.
    pub(crate) fn answer(self, parts: &Parts, surface: Surface) -> Response {
        let visitor = parts.extensions.get::<Visitor>();
        match self {
            Self::NeverIdentified => {
                error!(
                    path = parts.uri.path(),
                    "a request reached the guard without having been identified"
                );
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            Self::NotLoggedIn if surface == Surface::Page && is_safe(&parts.method) => {
                to_login(parts, visitor)
            }
            Self::NotLoggedIn => error_for(parts, visitor, surface, StatusCode::FORBIDDEN, "Forbidden"),
            // The reference hides the API from other origins.
            Self::Forged(Forgery::ForeignOrigin) => {
                error_for(parts, visitor, surface, StatusCode::NOT_FOUND, "Not Found")
            }
            Self::Forged(Forgery::XsrfMissing) => error_for(
                parts,
                visitor,
                surface,
                StatusCode::FORBIDDEN,
                "'_xsrf' argument missing from POST",
            ),
            Self::Forged(Forgery::XsrfMismatch) => error_for(
                parts,
                visitor,
                surface,
                StatusCode::FORBIDDEN,
                "XSRF cookie does not match POST argument",
            ),
            Self::ForeignSocket => {
                (StatusCode::FORBIDDEN, "Cross origin websockets not allowed").into_response()
            }
            Self::NoSuchName => page(parts, visitor, StatusCode::NOT_FOUND, ""),
            Self::BadName(message) => error_for(parts, visitor, surface, StatusCode::BAD_REQUEST, &message),
            Self::Denied(Denied::Forbidden { message }) => {
                error_for(parts, visitor, surface, StatusCode::FORBIDDEN, &message)
            }
            Self::Denied(Denied::Hidden(NotFound::Json(message) | NotFound::Text(message)))
                if surface == Surface::Page =>
            {
                page(parts, visitor, StatusCode::NOT_FOUND, &message)
            }
            Self::Denied(hidden @ Denied::Hidden(_)) => hidden.into_response(),
        }
    }
}

/// An error in the form of the surface.
pub(crate) fn error_for(
    parts: &Parts,
    visitor: Option<&Visitor>,
    surface: Surface,
    status: StatusCode,
    message: &str,
) -> Response {
    match surface {
        Surface::Api => api_error(status, message),
        Surface::Page => page(parts, visitor, status, message),
        Surface::WebSocket => (status, message.to_owned()).into_response(),
    }
}

/// An error as an HTML page; bare text should the site be unknown.
pub(crate) fn page(parts: &Parts, visitor: Option<&Visitor>, status: StatusCode, message: &str) -> Response {
    let Some(visitor) = visitor else {
        return (status, message.to_owned()).into_response();
    };
    let error = PageError {
        status,
        message,
        logged_in: visitor.who.is_some(),
        path: parts.uri.path(),
    };
    (status, Html(visitor.site.pages.render(&error))).into_response()
}

/// 302 to the login page, which leads back here.
fn to_login(parts: &Parts, visitor: Option<&Visitor>) -> Response {
    let Some(visitor) = visitor else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let base_url = visitor.provider.base_url();
    let wanted = parts
        .uri
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    let next = base_url.join(wanted);
    let next = utf8_percent_encode(&next, NEXT_ESCAPED);
    found(&format!("{}?next={next}", base_url.join("login")))
}

/// 302, which the reference uses throughout; `Redirect::to` would be 303.
pub(crate) fn found(location: &str) -> Response {
    let mut response = Redirect::to(location).into_response();
    *response.status_mut() = StatusCode::FOUND;
    response
}
