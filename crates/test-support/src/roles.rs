//! Users of different standing: who they are, and a policy that treats them differently.

use std::net::SocketAddr;

use authorization::{Action, Authorizer, Covers, Decision, ResourceRef};
use futures::future::BoxFuture;
use http::request::Parts;
use identity::{Attempt, Credential, Identity, Scheme};
use tokio::sync::watch;

/// The header by which a test says who it is.
pub(crate) const USER_HEADER: &str = "x-test-user";

/// Believes the header `X-Test-User`, and takes it for as good as a token.
#[derive(Debug, Clone, Copy, Default)]
pub struct TestScheme;

impl Scheme for TestScheme {
    fn attempt<'a>(&'a self, request: &'a Parts, _peer: Option<SocketAddr>) -> BoxFuture<'a, Attempt> {
        let name = request
            .headers
            .get(USER_HEADER)
            .and_then(|value| value.to_str().ok());
        let attempt = match name {
            None => Attempt::NotTried,
            Some(name) => Attempt::Identified {
                identity: Identity::named(name),
                by: Credential::Token,
            },
        };
        Box::pin(std::future::ready(attempt))
    }
}

/// `viewer` may read, `stranger` may know nothing; everybody else is an owner and may do all.
#[derive(Debug)]
pub struct Roles {
    changes: watch::Sender<()>,
}

impl Default for Roles {
    fn default() -> Self {
        Self {
            changes: watch::Sender::new(()),
        }
    }
}

impl Authorizer for Roles {
    fn decide<'a>(
        &'a self,
        identity: &'a Identity,
        action: Action,
        _resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision> {
        let decision = match (&*identity.username, action) {
            ("stranger", _) => Decision::hidden_by("strangers see nothing"),
            ("viewer", Action::Write | Action::Execute) => Decision::forbidden_by("viewers only read"),
            _ => Decision::Allow,
        };
        Box::pin(std::future::ready(decision))
    }

    fn covers<'a>(
        &'a self,
        identity: &'a Identity,
        action: Action,
        _directory: &'a ResourceRef,
    ) -> BoxFuture<'a, Covers> {
        let covers = match (&*identity.username, action) {
            ("stranger", _) | ("viewer", Action::Write | Action::Execute) => Covers::None,
            _ => Covers::All,
        };
        Box::pin(std::future::ready(covers))
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}
