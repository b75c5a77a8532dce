//! The guard: asks the policy, writes down refusals, and alone makes proofs.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use identity::Identity;
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::{Action, Authorizer, Covers, Decision, Denied, Ownership, Resource, ResourceRef};

/// How long a policy may think about one question; what takes longer is forbidden.
pub const DECISION_TIME_MAX: Duration = Duration::from_secs(10);

/// Stands in front of every route. A cheap clone around one policy and the knowledge of who owns what.
#[derive(Clone)]
pub struct Guard {
    authorizer: Arc<dyn Authorizer>,
    ownership: Ownership,
}

impl Guard {
    /// A guard that asks this policy and knows these owners.
    #[must_use]
    pub fn new(authorizer: Arc<dyn Authorizer>, ownership: Ownership) -> Self {
        Self {
            authorizer,
            ownership,
        }
    }

    pub(crate) fn ownership(&self) -> &Ownership {
        &self.ownership
    }

    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.authorizer.changes()
    }

    /// Asks about every resource the name refers to. A refusal is logged here, once.
    pub(crate) async fn check<R: Resource>(
        &self,
        identity: &Identity,
        action: Action,
        name: &R::Name,
    ) -> Result<(), Denied> {
        match self.first_refusal::<R>(identity, action, name).await {
            None => Ok(()),
            Some((resource, decision)) => {
                log_refusal(identity, action, &resource, &decision);
                Err(denied::<R>(name, action, &resource, decision))
            }
        }
    }

    /// Whether it is allowed, for filtering listings; nobody was refused anything, so nothing is logged as a denial.
    pub(crate) async fn allows<R: Resource>(
        &self,
        identity: &Identity,
        action: Action,
        name: &R::Name,
    ) -> bool {
        self.first_refusal::<R>(identity, action, name).await.is_none()
    }

    /// One answer for all that lies below `name`: the least of the answers for what the name refers to.
    pub(crate) async fn covers<R: Resource>(
        &self,
        identity: &Identity,
        action: Action,
        name: &R::Name,
    ) -> Covers {
        let mut least = Covers::All;
        for resource in R::references(name) {
            let resource = self.with_owner(resource);
            let asking = AssertUnwindSafe(self.authorizer.covers(identity, action, &resource)).catch_unwind();
            match tokio::time::timeout(DECISION_TIME_MAX, asking).await {
                Ok(Ok(Covers::All)) => {}
                Ok(Ok(Covers::Each)) => least = Covers::Each,
                Ok(Ok(Covers::None)) => return Covers::None,
                Ok(Err(_)) | Err(_) => {
                    warn!(%action, resource.kind = %resource.kind, resource.name = ?resource.name,
                          "the policy could not say what it covers; showing nothing");
                    return Covers::None;
                }
            }
        }
        least
    }

    /// The refusal to answer with. What hides outweighs what forbids: a 403 would already say that it exists.
    async fn first_refusal<R: Resource>(
        &self,
        identity: &Identity,
        action: Action,
        name: &R::Name,
    ) -> Option<(ResourceRef, Decision)> {
        let references = R::references(name);
        if references.is_empty() {
            let nothing = ResourceRef::new(crate::ResourceKind::Server, "");
            return Some((nothing, Decision::undecided("the name refers to no resource")));
        }
        let mut forbidden = None;
        for resource in references {
            let resource = self.with_owner(resource);
            match self.decide(identity, action, &resource).await {
                Decision::Allow => {}
                hide @ Decision::Hide(_) => return Some((resource, hide)),
                forbid @ Decision::Forbid(_) => {
                    forbidden.get_or_insert((resource, forbid));
                }
            }
        }
        forbidden
    }

    /// Asks the policy once. No answer in time and a panic both forbid.
    pub(crate) async fn decide(
        &self,
        identity: &Identity,
        action: Action,
        resource: &ResourceRef,
    ) -> Decision {
        let asking = AssertUnwindSafe(self.authorizer.decide(identity, action, resource)).catch_unwind();
        match tokio::time::timeout(DECISION_TIME_MAX, asking).await {
            Ok(Ok(decision)) => decision,
            Ok(Err(_)) => Decision::undecided("the policy panicked"),
            Err(_) => Decision::undecided("the policy took too long"),
        }
    }

    fn with_owner(&self, resource: ResourceRef) -> ResourceRef {
        let owned = self.ownership.lookup(resource.kind, &resource.name);
        ResourceRef {
            owner: owned.owner,
            shares: owned.shares,
            ..resource
        }
    }
}

/// Names come from the URL and may hold line ends: they are written escaped.
fn log_refusal(identity: &Identity, action: Action, resource: &ResourceRef, decision: &Decision) {
    let (Decision::Forbid(reason) | Decision::Hide(reason)) = decision else {
        debug!("nothing was refused");
        return;
    };
    warn!(
        identity = %identity.username,
        %action,
        resource.kind = %resource.kind,
        resource.name = ?resource.name,
        rule = %reason.rule,
        hidden = matches!(decision, Decision::Hide(_)),
        "{} may not {action} {} {:?}: {}",
        identity.username, resource.kind, resource.name, reason.rule,
    );
}

fn denied<R: Resource>(name: &R::Name, action: Action, resource: &ResourceRef, decision: Decision) -> Denied {
    match decision {
        Decision::Hide(_) => Denied::Hidden(R::missing(name)),
        Decision::Forbid(reason) => Denied::Forbidden {
            message: reason.message.map_or_else(
                || {
                    format!(
                        "User is not authorized to {action} on resource: {}.",
                        resource.kind
                    )
                },
                std::borrow::Cow::into_owned,
            ),
        },
        Decision::Allow => Denied::Forbidden {
            message: "Forbidden".to_owned(),
        },
    }
}
