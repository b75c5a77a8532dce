//! A policy for tests that goes by who owns what: kernels, sessions and uploads are their owner's; whom they are shared with may
//! look; from the others they are hidden.

use std::sync::Arc;

use authorization::{Action, Authorizer, Decision, ResourceKind, ResourceRef};
use futures::future::BoxFuture;
use identity::Identity;
use tokio::sync::watch;

pub(crate) struct OwnOrShared {
    changes: watch::Sender<()>,
}

impl OwnOrShared {
    pub(crate) fn shared() -> Arc<dyn Authorizer> {
        Arc::new(Self {
            changes: watch::Sender::new(()),
        })
    }
}

impl Authorizer for OwnOrShared {
    fn decide<'a>(
        &'a self,
        identity: &'a Identity,
        action: Action,
        resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision> {
        let personal = matches!(
            resource.kind,
            ResourceKind::Kernels | ResourceKind::Sessions | ResourceKind::Uploads
        );
        let is_own = resource
            .owner
            .as_ref()
            .is_some_and(|owner| *owner == identity.username);
        let is_shared = resource.shares.contains(&identity.username);
        let decision = match (personal && !resource.is_whole(), is_own, is_shared, action) {
            (false, ..) | (true, true, ..) | (true, false, true, Action::Read) => Decision::Allow,
            (true, false, true, Action::Write | Action::Execute) => Decision::forbidden_by("only shared"),
            (true, false, false, _) => Decision::hidden_by("not your own"),
        };
        Box::pin(std::future::ready(decision))
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}
