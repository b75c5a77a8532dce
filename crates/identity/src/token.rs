//! The token of the server: in the query (`?token=`) or the header `Authorization: token …` or `Bearer …`.

use std::{net::SocketAddr, sync::Arc};

use futures::future::{BoxFuture, ready};
use http::{header::AUTHORIZATION, request::Parts};
use subtle::ConstantTimeEq;

use crate::{
    Attempt, Credential, Identity, Scheme, login_cookie::LoginCookies, scheme::Reason, xsrf::query_value,
};

/// Whoever knows the token may come in. It does not say who: that is the user of their login cookie, or a new
/// anonymous one, whom the cookie then keeps.
pub(crate) struct TokenScheme {
    token: String,
    cookies: Arc<LoginCookies>,
}

impl TokenScheme {
    /// `None` when tokens are switched off.
    pub(crate) fn new(token: &str, cookies: Arc<LoginCookies>) -> Option<Self> {
        if token.is_empty() {
            None
        } else {
            Some(Self {
                token: token.to_owned(),
                cookies,
            })
        }
    }

    fn find(&self, request: &Parts) -> Attempt {
        let in_query = query_value(request, "token").filter(|token| !token.is_empty());
        let Some(given) = in_query.or_else(|| in_header(request)) else {
            return Attempt::NotTried;
        };
        if !is_same(&given, &self.token) {
            return Attempt::Failed(Reason::WrongToken);
        }
        let identity = match self.cookies.read(request) {
            Some(Ok(identity)) => identity,
            Some(Err(_)) | None => Identity::anonymous(),
        };
        Attempt::Identified {
            identity,
            by: Credential::Token,
        }
    }
}

impl Scheme for TokenScheme {
    fn attempt<'a>(&'a self, request: &'a Parts, _peer: Option<SocketAddr>) -> BoxFuture<'a, Attempt> {
        Box::pin(ready(self.find(request)))
    }
}

/// Compares secrets in a time that does not tell where they differ.
pub(crate) fn is_same(given: &str, expected: &str) -> bool {
    given.as_bytes().ct_eq(expected.as_bytes()).into()
}

fn in_header(request: &Parts) -> Option<String> {
    let header = request.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = header.split_once(char::is_whitespace)?;
    let known = scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer");
    if known {
        Some(token.trim().to_owned())
    } else {
        None
    }
}
