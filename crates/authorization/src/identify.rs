//! In front of all routes: finds out who a request is from, and keeps their cookies. It alone sets and clears the login
//! cookie; handlers ask for it with [`LogIn`] and [`LogOut`].

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::connect_info::ConnectInfo,
    response::{IntoResponseParts, Response, ResponseParts},
};
use http::{HeaderValue, Method, header::SET_COOKIE, request::Parts};
use identity::{Credential, Identity, IdentityProvider, RefererCheck, XsrfCheck, check_xsrf};

use crate::{
    Site,
    visitor::{Forgery, Visitor, Xsrf},
};

/// Part of a response: logs this user in, in the browser that asked.
#[derive(Clone, Debug)]
pub struct LogIn(pub Identity);

/// Part of a response: logs out the browser that asked.
#[derive(Clone, Copy, Debug)]
pub struct LogOut;

impl IntoResponseParts for LogIn {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}

impl IntoResponseParts for LogOut {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}

/// What is known of a request before its route is looked up, and what its response must then carry.
pub(crate) struct Identification {
    pub(crate) visitor: Visitor,
    set_cookies: Vec<HeaderValue>,
}

/// Finds out who the request is from and whether it could be another site's page that asks.
pub(crate) async fn identify(
    request: &Parts,
    provider: &IdentityProvider,
    site: &Arc<Site>,
) -> Identification {
    let peer = request
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(peer)| *peer);
    let found = provider.identify(request, peer).await;
    let by = found.who.as_ref().map(|(_, by)| *by);
    let visitor = Visitor {
        who: found.who.map(|(identity, by)| (Arc::new(identity), by)),
        forgery: forgery(request, provider, by),
        referer: referer(request, provider, by),
        xsrf: Xsrf::default(),
        provider: provider.clone(),
        site: Arc::clone(site),
    };
    Identification {
        visitor,
        set_cookies: found.set_cookies,
    }
}

/// A token is only sent on purpose, so whoever has one needs no further check.
fn forgery(request: &Parts, provider: &IdentityProvider, by: Option<Credential>) -> Option<Forgery> {
    if by == Some(Credential::Token) {
        return None;
    }
    if !provider.check_origin(&request.headers) {
        return Some(Forgery::ForeignOrigin);
    }
    if provider.config().disable_check_xsrf {
        return None;
    }
    match check_xsrf(request) {
        XsrfCheck::Matches => None,
        XsrfCheck::Missing => Some(Forgery::XsrfMissing),
        XsrfCheck::Mismatch => Some(Forgery::XsrfMismatch),
    }
}

/// For GETs that another site could embed: a token or a valid `_xsrf` says as much as a `Referer`.
fn referer(request: &Parts, provider: &IdentityProvider, by: Option<Credential>) -> RefererCheck {
    match forgery(request, provider, by) {
        None => RefererCheck::Ours,
        Some(_) => provider.check_referer(&request.headers),
    }
}

impl Identification {
    /// Adds the cookies: those of a handler that logged somebody in or out, else those that keep whoever came.
    pub(crate) fn finish(&self, request: &Parts, response: &mut Response) {
        let provider = &self.visitor.provider;
        let login = response.extensions_mut().remove::<LogIn>();
        let logout = response.extensions_mut().remove::<LogOut>();
        let mut cookies = match (login, logout) {
            (Some(LogIn(identity)), _) => provider.login_cookie(request, &identity).into_iter().collect(),
            (None, Some(LogOut)) => provider.logout_cookies(request),
            (None, None) => self.set_cookies.clone(),
        };
        let xsrf = self.visitor.xsrf.shown();
        let secure = provider.config().secure_cookie;
        cookies.extend(xsrf.and_then(|token| token.cookie(provider.base_url(), secure)));
        for cookie in cookies {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
}

/// Whether a request changes nothing.
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}
