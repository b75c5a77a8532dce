//! One way to find out who a request is from.

use std::net::SocketAddr;

use futures::future::BoxFuture;
use http::request::Parts;

use crate::{Credential, Identity};

/// What a scheme found. A failure does not end the search: a stale token with a good cookie is the cookie's user,
/// as pages that stayed open across a restart send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The request carries nothing for this scheme.
    NotTried,
    /// It carries the right thing.
    Identified {
        /// Who it is.
        identity: Identity,
        /// What was shown.
        by: Credential,
    },
    /// It carries the wrong thing.
    Failed(Reason),
}

/// Why a scheme failed. For the log, never with the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The token is not ours.
    WrongToken,
    /// The cookie was not signed by us, or is for another server.
    BadSignature,
    /// The cookie is too old.
    Expired,
}

/// A way to find out who a request is from. `identify` asks them in order until one answers.
pub trait Scheme: Send + Sync + 'static {
    /// Looks at the head of a request; `peer` is the other end of the connection, unknown on a Unix socket.
    fn attempt<'a>(&'a self, request: &'a Parts, peer: Option<SocketAddr>) -> BoxFuture<'a, Attempt>;
}
