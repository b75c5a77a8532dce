//! Who made what, and whom they share it with. The guard's own knowledge: services know nothing of users.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::ResourceKind;

/// Records of owners and shares. A cheap clone; kept in memory for the lookups of the guard.
#[derive(Clone)]
pub struct Ownership {
    shared: Arc<Shared>,
}

struct Shared {
    /// Held only for a lookup or an insertion, never across an await.
    records: Mutex<HashMap<(ResourceKind, Arc<str>), Owned>>,
    changes: watch::Sender<()>,
}

/// What is recorded about one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owned {
    /// Who made it; `None` when nobody is recorded.
    pub owner: Option<Arc<str>>,
    /// Whom it is shared with.
    pub shares: Vec<Arc<str>>,
}

/// A record that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OwnershipError {
    /// Somebody else has it.
    #[error("{kind} `{name}` belongs to another user")]
    AlreadyOwned {
        /// The kind of the resource.
        kind: ResourceKind,
        /// Its name.
        name: String,
    },
}

impl Ownership {
    /// Records that end with the process.
    #[must_use]
    pub fn in_memory() -> Self {
        Self {
            shared: Arc::new(Shared {
                records: Mutex::default(),
                changes: watch::channel(()).0,
            }),
        }
    }

    /// Records that `owner` made this. The same owner again changes nothing.
    ///
    /// # Errors
    /// [`OwnershipError::AlreadyOwned`] when somebody else did.
    pub async fn claim(&self, kind: ResourceKind, name: &str, owner: &str) -> Result<(), OwnershipError> {
        let mut records = self.records();
        let record = records.entry((kind, Arc::from(name))).or_default();
        match &record.owner {
            Some(present) if **present != *owner => Err(OwnershipError::AlreadyOwned {
                kind,
                name: name.to_owned(),
            }),
            Some(_) => Ok(()),
            None => {
                record.owner = Some(Arc::from(owner));
                Ok(())
            }
        }
    }

    /// Forgets owner and shares: it was deleted.
    ///
    /// # Errors
    /// When the record cannot be removed from the file.
    pub async fn release(&self, kind: ResourceKind, name: &str) -> Result<(), OwnershipError> {
        self.records().remove(&(kind, Arc::from(name)));
        self.shared.changes.send_replace(());
        Ok(())
    }

    /// What is recorded about it.
    #[must_use]
    pub fn lookup(&self, kind: ResourceKind, name: &str) -> Owned {
        self.records()
            .get(&(kind, Arc::from(name)))
            .cloned()
            .unwrap_or_default()
    }

    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.shared.changes.subscribe()
    }

    fn records(&self) -> MutexGuard<'_, HashMap<(ResourceKind, Arc<str>), Owned>> {
        // A panic while the map was held leaves it whole: every change is a single insertion or removal.
        self.shared.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
