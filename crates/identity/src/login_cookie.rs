//! The login cookie: reading it, setting it, removing it.

use std::{net::SocketAddr, sync::Arc, time::SystemTime};

use futures::future::{BoxFuture, ready};
use http::{HeaderValue, request::Parts};

use crate::{
    Attempt, BaseUrl, Credential, Identity, IdentityConfig, Scheme,
    cookies::{SetCookie, cookie, cookie_paths, login_cookie_name},
    origin,
    scheme::Reason,
    signed::CookieKey,
};

/// 30 days, as in the reference.
const COOKIE_LIFE_S: u64 = 30 * 24 * 60 * 60;

/// Makes and reads login cookies.
pub(crate) struct LoginCookies {
    key: CookieKey,
    /// Empty: named for the host.
    name: String,
    base_url: BaseUrl,
    secure: bool,
    clock: fn() -> SystemTime,
}

impl LoginCookies {
    pub(crate) fn new(config: &IdentityConfig, key: CookieKey) -> Self {
        Self {
            key,
            name: config.cookie_name.clone(),
            base_url: config.base_url.clone(),
            secure: config.secure_cookie,
            clock: SystemTime::now,
        }
    }

    /// Who the cookie is for. `None`: there is no cookie.
    pub(crate) fn read(&self, request: &Parts) -> Option<Result<Identity, Reason>> {
        let name = self.name(request);
        let value = cookie(&request.headers, &name)?;
        Some(self.key.verify(&name, value, (self.clock)()))
    }

    /// The header that keeps this user logged in.
    pub(crate) fn set(&self, request: &Parts, identity: &Identity) -> Option<HeaderValue> {
        let name = self.name(request);
        let value = self.key.sign(&name, identity, (self.clock)())?;
        let (path, secure) = (self.base_url.as_str(), self.secure);
        SetCookie {
            name: &name,
            value: &value,
            path,
            max_age_s: COOKIE_LIFE_S,
            http_only: true,
            secure,
        }
        .header()
    }

    /// The headers that remove it.
    pub(crate) fn clear(&self, request: &Parts) -> Vec<HeaderValue> {
        let name = self.name(request);
        let secure = self.secure;
        cookie_paths(&self.base_url)
            .into_iter()
            .filter_map(|path| {
                SetCookie {
                    name: &name,
                    value: "",
                    path,
                    max_age_s: 0,
                    http_only: true,
                    secure,
                }
                .header()
            })
            .collect()
    }

    fn name(&self, request: &Parts) -> String {
        if self.name.is_empty() {
            login_cookie_name(origin::host(&request.headers, &request.uri))
        } else {
            self.name.clone()
        }
    }
}

/// Whoever has a login cookie is its user.
pub(crate) struct CookieScheme(pub(crate) Arc<LoginCookies>);

impl Scheme for CookieScheme {
    fn attempt<'a>(&'a self, request: &'a Parts, _peer: Option<SocketAddr>) -> BoxFuture<'a, Attempt> {
        let attempt = match self.0.read(request) {
            None => Attempt::NotTried,
            Some(Ok(identity)) => Attempt::Identified {
                identity,
                by: Credential::Cookie,
            },
            Some(Err(reason)) => Attempt::Failed(reason),
        };
        Box::pin(ready(attempt))
    }
}
