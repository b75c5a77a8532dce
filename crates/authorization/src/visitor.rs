//! What `identify` found out about a request, for the guard to use. The only thing besides the proof that travels
//! in request extensions.

use std::sync::Arc;

use identity::{Credential, Identity};

use crate::Site;

/// Who a request is from and what is wrong with the way it came. Put into the request by `identify` alone.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) who: Option<(Arc<Identity>, Credential)>,
    /// Set when the request looks as if another site's page had sent it in the user's name. Always set for a caller
    /// without a token and without `_xsrf`; it only matters where the request changes something.
    pub(crate) forgery: Option<Forgery>,
    /// Whether the page that asks is one of ours; for GETs that another site could embed (`/files`).
    pub(crate) referer: Referer,
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

/// What the `Referer` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Referer {
    /// The request needs none, or it is ours or an allowed one.
    Ours,
    /// There is none.
    Missing,
    /// Another site's.
    Foreign(String),
}
