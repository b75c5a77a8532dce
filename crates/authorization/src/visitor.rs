//! What `identify` found out about a request, for the guard to use.

use std::sync::{Arc, OnceLock};

use http::HeaderMap;
use identity::{Credential, Identity, IdentityError, IdentityProvider, RefererCheck, XsrfToken};

use crate::Site;

/// Who a request is from and what is wrong with the way it came. Put into the request by `identify` alone.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) who: Option<(Arc<Identity>, Credential)>,
    /// Set when another site's page may have sent the request in the user's name: always for a caller with neither a
    /// token nor `_xsrf`. Whether it matters depends on what the route does.
    pub(crate) forgery: Option<Forgery>,
    /// What the `Referer` says; `Ours` for callers who need none.
    pub(crate) referer: RefererCheck,
    pub(crate) xsrf: Xsrf,
    pub(crate) provider: IdentityProvider,
    pub(crate) site: Arc<Site>,
}

/// How a request seems forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// Its `Origin` is another site.
    ForeignOrigin,
    /// It has no `_xsrf`.
    XsrfMissing,
    /// Its `_xsrf` is not that of its cookie.
    XsrfMismatch,
}

/// The `_xsrf` token of the browser, made when a page first shows it; `identify` then sets its cookie.
#[derive(Clone, Default)]
pub(crate) struct Xsrf {
    shown: Arc<OnceLock<XsrfToken>>,
}

impl Xsrf {
    /// The token, to be shown in a page.
    pub(crate) fn show(&self, headers: &HeaderMap) -> Result<String, IdentityError> {
        let token = match self.shown.get() {
            Some(token) => token.clone(),
            None => XsrfToken::of(headers)?,
        };
        Ok(self.shown.get_or_init(|| token).value().to_owned())
    }

    /// The token, if a page showed it.
    pub(crate) fn shown(&self) -> Option<&XsrfToken> {
        self.shown.get()
    }
}
