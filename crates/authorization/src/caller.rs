//! Somebody who is logged in, and the further questions a handler may ask about them.

use std::sync::Arc;

use identity::{Identity, IdentityError, RefererCheck};

use crate::{
    Absentee, Act, Action, Covers, Denied, Guard, OwnershipError, Resource, ResourceKind, ResourceRef,
    Unchecked, browser::Browser,
};

/// The user a request is from, together with the guard in front of the route.
/// Handlers reach it through their proof: [`crate::Authorized`] and [`crate::Identified`] deref to it.
#[derive(Clone)]
pub struct Caller {
    identity: Arc<Identity>,
    guard: Guard,
    browser: Browser,
}

impl Caller {
    pub(crate) fn new(identity: Arc<Identity>, guard: Guard, browser: Browser) -> Self {
        Self {
            identity,
            guard,
            browser,
        }
    }

    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Who is calling.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The caller, for what is done when this request is over.
    #[must_use]
    pub fn absentee(&self) -> Absentee {
        Absentee::new(self.identity.clone(), self.guard.clone())
    }

    /// The `_xsrf` token for a page that is shown to the caller; its cookie is set with the response.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn xsrf_token(&self) -> Result<String, IdentityError> {
        self.browser.xsrf_token()
    }

    /// For GETs that another site's page could embed (`/files`, `/nbconvert`): that one of our own pages asks, or a
    /// caller with a token or a valid `_xsrf`.
    ///
    /// # Errors
    /// [`Denied`] with the reference's sentence when the `Referer` is missing or another site's.
    pub fn comes_from_our_pages(&self) -> Result<(), Denied> {
        match self.browser.referer() {
            RefererCheck::Ours => Ok(()),
            RefererCheck::Missing => Err(Denied::Forbidden {
                message: "Blocking request from unknown origin".to_owned(),
            }),
            RefererCheck::Foreign(referer) => Err(Denied::Forbidden {
                message: format!("Blocking Cross Origin request from {referer}."),
            }),
        }
    }

    /// Asks about a resource named in a body, a query or a message, and hands out the name when it is allowed.
    ///
    /// # Errors
    /// [`Denied`], already logged, when it is not.
    pub async fn also<B: Act, Q: Resource>(&self, named: Unchecked<Q>) -> Result<Q::Name, Denied> {
        let name = named.open();
        self.guard.check::<Q>(&self.identity, B::ACTION, &name).await?;
        Ok(name)
    }

    /// Whether the caller may do this. A refusal is logged: ask only when something was tried.
    pub async fn may<B: Act, Q: Resource>(&self, name: &Q::Name) -> bool {
        self.guard
            .check::<Q>(&self.identity, B::ACTION, name)
            .await
            .is_ok()
    }

    /// Whether the caller may do this, for showing no more than that: nobody tried anything, so nothing is logged.
    pub async fn allows<B: Act, Q: Resource>(&self, name: &Q::Name) -> bool {
        self.guard.allows::<Q>(&self.identity, B::ACTION, name).await
    }

    /// Whether the caller may do this to things of a kind in general: for `/api/me` and for pages that hide what would
    /// be refused. Nobody tried anything, so nothing is logged.
    pub async fn permits(&self, action: Action, kind: ResourceKind) -> bool {
        let whole = ResourceRef::new(kind, "");
        self.guard.decide(&self.identity, action, &whole).await.is_allow()
    }

    /// Of a listing, what a `get` of the single thing would show.
    pub async fn keep_allowed<B: Act, Q: Resource, T>(
        &self,
        items: Vec<T>,
        name: impl Fn(&T) -> Q::Name,
    ) -> Vec<T> {
        let mut kept = Vec::with_capacity(items.len());
        for item in items {
            let name = name(&item);
            if self.allows::<B, Q>(&name).await {
                kept.push(item);
            }
        }
        kept
    }

    /// One answer for a whole directory; on [`Covers::Each`] use [`Caller::keep_allowed`].
    pub async fn covers<B: Act, Q: Resource>(&self, directory: &Q::Name) -> Covers {
        self.guard.covers::<Q>(&self.identity, B::ACTION, directory).await
    }

    /// Records that the caller made this. Call it before answering.
    ///
    /// # Errors
    /// When it belongs to somebody else, or the record cannot be kept.
    pub async fn claim<Q: Resource>(&self, name: &Q::Name) -> Result<(), OwnershipError> {
        self.claim_at_most::<Q>(name, usize::MAX).await
    }

    /// The same if the caller then has no more than `most` of the kind.
    ///
    /// # Errors
    /// [`OwnershipError::TooMany`], and as [`claim`](Self::claim).
    pub async fn claim_at_most<Q: Resource>(
        &self,
        name: &Q::Name,
        most: usize,
    ) -> Result<(), OwnershipError> {
        for resource in Q::references(name) {
            self.guard
                .ownership()
                .claim_at_most(resource.kind, &resource.name, &self.identity.username, most)
                .await?;
        }
        Ok(())
    }

    /// Whether the caller is recorded as who made this. Not a question to the policy: for limits of each user.
    #[must_use]
    pub fn made<Q: Resource>(&self, name: &Q::Name) -> bool {
        let ownership = self.guard.ownership();
        Q::references(name).iter().all(|resource| {
            let owned = ownership.lookup(resource.kind, &resource.name);
            owned.owner.is_some_and(|owner| owner == self.identity.username)
        })
    }

    /// Forgets who made this: it was deleted.
    ///
    /// # Errors
    /// When the record cannot be removed.
    pub async fn release<Q: Resource>(&self, name: &Q::Name) -> Result<(), OwnershipError> {
        for resource in Q::references(name) {
            self.guard
                .ownership()
                .release(resource.kind, &resource.name)
                .await?;
        }
        Ok(())
    }
}
