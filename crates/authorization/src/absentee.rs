//! Somebody who was here and is gone, for what is still to be done on what they began.

use std::sync::Arc;

use identity::Identity;

use crate::{Act, Denied, Guard, Resource, Unchecked};

/// A user whose request is over. Only a [`crate::Caller`] leaves one behind, and all it can do is ask: each question is
/// put to the guard when it is asked, so who has lost a right meanwhile has lost it here, too.
#[derive(Clone)]
pub struct Absentee {
    identity: Arc<Identity>,
    guard: Guard,
}

impl Absentee {
    pub(crate) fn new(identity: Arc<Identity>, guard: Guard) -> Self {
        Self { identity, guard }
    }

    /// Who was here.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Asks about a resource, and hands out the name when it is allowed now.
    ///
    /// # Errors
    /// [`Denied`], already logged, when it is not.
    pub async fn also<B: Act, Q: Resource>(&self, named: Unchecked<Q>) -> Result<Q::Name, Denied> {
        let name = named.open();
        self.guard.check::<Q>(&self.identity, B::ACTION, &name).await?;
        Ok(name)
    }
}
