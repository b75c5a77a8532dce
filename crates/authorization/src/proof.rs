//! The three first arguments of a handler. Only the guard makes them.

use std::{marker::PhantomData, ops::Deref};

use identity::{Identity, IdentityError, XsrfCheck};
use tokio::sync::watch;

use crate::{Act, Caller, Denied, NotFound, Resource, browser::Browser, visitor::Forgery};

/// Proof that the caller may do `A` to this very resource, named by the URL.
///
/// ```compile_fail
/// use authorization::{Authorized, Read, Resource};
/// fn forge<R: Resource>(caller: authorization::Caller, resource: R::Name) -> Authorized<Read, R> {
///     Authorized { caller, resource } // the fields are private
/// }
/// ```
pub struct Authorized<A, R: Resource> {
    caller: Caller,
    resource: R::Name,
    /// Taken before the decision, so that no change in between is missed.
    policy_changes: watch::Receiver<()>,
    ownership_changes: watch::Receiver<()>,
    action: PhantomData<fn() -> A>,
}

impl<A: Act, R: Resource> Authorized<A, R> {
    pub(crate) fn new(
        caller: Caller,
        resource: R::Name,
        policy_changes: watch::Receiver<()>,
        ownership_changes: watch::Receiver<()>,
    ) -> Self {
        Self {
            caller,
            resource,
            policy_changes,
            ownership_changes,
            action: PhantomData,
        }
    }

    /// What the caller may do it to.
    #[must_use]
    pub fn resource(&self) -> &R::Name {
        &self.resource
    }

    /// For a connection that remembers answers: when to ask again.
    #[must_use]
    pub fn changes(&self) -> Changes {
        Changes {
            policy: self.policy_changes.clone(),
            ownership: self.ownership_changes.clone(),
        }
    }

    /// Completes when the policy, asked again after a change, no longer allows it. Long connections select on it
    /// and close with 1008. Cancel safe; never completes under a policy that does not change.
    pub async fn revoked(&self) {
        let mut policy_changes = self.policy_changes.clone();
        let mut ownership_changes = self.ownership_changes.clone();
        loop {
            tokio::select! {
                Ok(()) = policy_changes.changed() => {}
                Ok(()) = ownership_changes.changed() => {}
                else => std::future::pending::<()>().await,
            }
            let check = self
                .caller
                .guard()
                .check::<R>(self.caller.identity(), A::ACTION, &self.resource);
            if check.await.is_err() {
                return;
            }
        }
    }
}

/// Tells that earlier answers of the guard may be others now. For whoever asks often and remembers.
#[derive(Clone)]
pub struct Changes {
    policy: watch::Receiver<()>,
    ownership: watch::Receiver<()>,
}

impl Changes {
    /// Whether something has changed since the last time this said so (at first, since the proof was made). Cheap.
    pub fn seen(&mut self) -> bool {
        // An error is a policy, or records, that will never change again.
        let seen = |changes: &watch::Receiver<()>| changes.has_changed().unwrap_or(false);
        let changed = seen(&self.policy) || seen(&self.ownership);
        if changed {
            self.policy.mark_unchanged();
            self.ownership.mark_unchanged();
        }
        changed
    }
}

impl<A, R: Resource> Clone for Authorized<A, R> {
    fn clone(&self) -> Self {
        Self {
            caller: self.caller.clone(),
            resource: self.resource.clone(),
            policy_changes: self.policy_changes.clone(),
            ownership_changes: self.ownership_changes.clone(),
            action: PhantomData,
        }
    }
}

/// To the further questions: `auth.also(…)`, `auth.identity()`, `auth.claim(…)`.
impl<A, R: Resource> Deref for Authorized<A, R> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

/// Proof that somebody is logged in, and no more: for `/api/me`, and for listings that are filtered.
#[derive(Clone)]
pub struct Identified {
    caller: Caller,
}

impl Identified {
    pub(crate) fn new(caller: Caller) -> Self {
        Self { caller }
    }
}

/// To the further questions, as for [`Authorized`].
impl Deref for Identified {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

/// Says that a route is public. What it shows must be fit for anyone.
#[derive(Clone)]
pub struct Anyone {
    browser: Browser,
}

impl Anyone {
    pub(crate) fn new(browser: Browser) -> Self {
        Self { browser }
    }

    /// Who is calling, should they be logged in.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.browser
            .visitor()
            .who
            .as_ref()
            .map(|(identity, _)| &**identity)
    }

    /// The `_xsrf` token for a form in a page; its cookie is set with the response.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn xsrf_token(&self) -> Result<String, IdentityError> {
        self.browser.xsrf_token()
    }

    /// Whether a form that was sent is one of ours: its field `_xsrf` is the browser's cookie. For the routes that
    /// check forgery themselves, because the guard does not read bodies.
    ///
    /// # Errors
    /// [`Denied`] with the reference's sentence when it is not.
    pub fn check_form(&self, xsrf_field: Option<&str>) -> Result<(), Denied> {
        let visitor = self.browser.visitor();
        let checks = !visitor.provider.config().disable_check_xsrf;
        let message = match (visitor.forgery, self.browser.check_xsrf(xsrf_field)) {
            (None, _) => return Ok(()),
            (Some(Forgery::ForeignOrigin), _) => {
                return Err(Denied::Hidden(NotFound::Json("Not Found".to_owned())));
            }
            (Some(_), XsrfCheck::Matches) => return Ok(()),
            (Some(_), _) if !checks => return Ok(()),
            (Some(_), XsrfCheck::Missing) => "'_xsrf' argument missing from POST",
            (Some(_), XsrfCheck::Mismatch) => "XSRF cookie does not match POST argument",
        };
        Err(Denied::Forbidden {
            message: message.to_owned(),
        })
    }
}
