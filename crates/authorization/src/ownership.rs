//! Who made what, and whom they share it with. The guard's own knowledge: services know nothing of users.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use store::{Store, StoreError};
use tokio::sync::watch;
use tracing::warn;

use crate::ResourceKind;

/// Records of owners and shares. A cheap clone. The guard looks them up in memory for every decision; the file has
/// them for the next start.
#[derive(Clone)]
pub struct Ownership {
    shared: Arc<Shared>,
}

type Records = HashMap<ResourceKind, HashMap<Arc<str>, Record>>;

struct Record {
    owned: Owned,
    /// When it was claimed last. A name may be used again: what is known of the end of its former bearer says nothing
    /// about the next.
    claimed: Instant,
}

struct Shared {
    /// Held only for a lookup or a change, never across an await.
    records: Mutex<Records>,
    /// `None`: the records end with the process.
    store: Option<Store>,
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
    /// Nobody has it, so it cannot be shared.
    #[error("{kind} `{name}` belongs to nobody")]
    NotOwned {
        /// The kind of the resource.
        kind: ResourceKind,
        /// Its name.
        name: String,
    },
    /// The user has as many of a kind as they may have.
    #[error("there may be no more {kind} of one user than {most}")]
    TooMany {
        /// The kind of the resources.
        kind: ResourceKind,
        /// How many.
        most: usize,
    },
    /// The file could not be read or written.
    #[error("failed to keep who owns what")]
    Store(#[from] StoreError),
}

impl Ownership {
    /// Records that end with the process.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::new(Records::new(), None)
    }

    /// Records that are kept in the file of the instance.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn persisted(store: Store) -> Result<Self, OwnershipError> {
        let mut records = Records::new();
        for row in store.owners().await? {
            let Some(kind) = ResourceKind::named(&row.kind) else {
                warn!(
                    kind = row.kind,
                    "the file names an owner for a kind of resource that is not known"
                );
                continue;
            };
            let owned = Owned {
                owner: Some(Arc::from(row.owner)),
                shares: row.shares.into_iter().map(Arc::from).collect(),
            };
            let record = Record {
                owned,
                claimed: Instant::now(),
            };
            records
                .entry(kind)
                .or_default()
                .insert(Arc::from(row.name), record);
        }
        Ok(Self::new(records, Some(store)))
    }

    fn new(records: Records, store: Option<Store>) -> Self {
        let shared = Shared {
            records: Mutex::new(records),
            store,
            changes: watch::channel(()).0,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Records that `owner` made this. The same owner again changes nothing.
    ///
    /// # Errors
    /// When somebody else did, or the record cannot be kept.
    pub async fn claim(&self, kind: ResourceKind, name: &str, owner: &str) -> Result<(), OwnershipError> {
        self.claim_at_most(kind, name, owner, usize::MAX).await
    }

    /// The same if the owner then has no more than `most` of the kind. Of several claims at once no more succeed either.
    ///
    /// # Errors
    /// [`OwnershipError::TooMany`], and as [`claim`](Self::claim). Then nothing has changed.
    pub async fn claim_at_most(
        &self,
        kind: ResourceKind,
        name: &str,
        owner: &str,
        most: usize,
    ) -> Result<(), OwnershipError> {
        let is_new = self.note_owner(kind, name, owner, most)?;
        // Also what is not new: its record may just be on its way out of the file.
        if let Err(error) = self.write_down_owner(kind, name, owner).await {
            if is_new {
                self.forget(kind, name);
            }
            return Err(error);
        }
        if is_new {
            self.shared.changes.send_replace(());
        }
        Ok(())
    }

    /// Counts and notes in one go; whether that was news.
    fn note_owner(
        &self,
        kind: ResourceKind,
        name: &str,
        owner: &str,
        most: usize,
    ) -> Result<bool, OwnershipError> {
        let mut records = self.records();
        let of_kind = records.entry(kind).or_default();
        let claimed = Instant::now();
        if let Some(record) = of_kind.get_mut(name) {
            if record.owned.owner.as_deref() != Some(owner) {
                return Err(OwnershipError::AlreadyOwned {
                    kind,
                    name: name.to_owned(),
                });
            }
            record.claimed = claimed;
            return Ok(false);
        }
        let owned = of_kind
            .values()
            .filter(|record| record.owned.owner.as_deref() == Some(owner));
        if owned.count() >= most {
            return Err(OwnershipError::TooMany { kind, most });
        }
        let owned = Owned {
            owner: Some(Arc::from(owner)),
            shares: Vec::new(),
        };
        of_kind.insert(Arc::from(name), Record { owned, claimed });
        Ok(true)
    }

    async fn write_down_owner(
        &self,
        kind: ResourceKind,
        name: &str,
        owner: &str,
    ) -> Result<(), OwnershipError> {
        let Some(store) = &self.shared.store else {
            return Ok(());
        };
        let present = store.claim(kind.as_str(), name, owner).await?;
        if present != owner {
            return Err(OwnershipError::AlreadyOwned {
                kind,
                name: name.to_owned(),
            });
        }
        Ok(())
    }

    fn forget(&self, kind: ResourceKind, name: &str) {
        if let Some(records) = self.records().get_mut(&kind) {
            records.remove(name);
        }
    }

    /// Replaces the users it is shared with.
    ///
    /// # Errors
    /// When nobody owns it, or the record cannot be kept.
    pub async fn share(
        &self,
        kind: ResourceKind,
        name: &str,
        usernames: &[&str],
    ) -> Result<(), OwnershipError> {
        if self.lookup(kind, name).owner.is_none() {
            return Err(OwnershipError::NotOwned {
                kind,
                name: name.to_owned(),
            });
        }
        if let Some(store) = &self.shared.store {
            let usernames = usernames.iter().map(ToString::to_string).collect();
            store.share(kind.as_str(), name, usernames).await?;
        }
        if let Some(record) = self
            .records()
            .get_mut(&kind)
            .and_then(|records| records.get_mut(name))
        {
            record.owned.shares = usernames.iter().map(|username| Arc::from(*username)).collect();
        }
        self.shared.changes.send_replace(());
        Ok(())
    }

    /// Forgets owner and shares: it was deleted.
    ///
    /// # Errors
    /// When the record cannot be removed from the file.
    pub async fn release(&self, kind: ResourceKind, name: &str) -> Result<(), OwnershipError> {
        if let Some(store) = &self.shared.store {
            store.release(kind.as_str(), name).await?;
        }
        self.forget(kind, name);
        self.shared.changes.send_replace(());
        Ok(())
    }

    /// The same for what ended at this moment, unless somebody has claimed the name since.
    ///
    /// # Errors
    /// When the record cannot be removed from the file.
    pub async fn release_ended(
        &self,
        kind: ResourceKind,
        name: &str,
        at: Instant,
    ) -> Result<(), OwnershipError> {
        let is_of_ended = || {
            let records = self.records();
            let record = records.get(&kind).and_then(|records| records.get(name));
            record.is_some_and(|record| record.claimed <= at)
        };
        if !is_of_ended() {
            return Ok(());
        }
        if let Some(store) = &self.shared.store {
            store.release(kind.as_str(), name).await?;
        }
        // Whoever deleted it may have been faster, and the next have claimed it meanwhile.
        if is_of_ended() {
            self.forget(kind, name);
            self.shared.changes.send_replace(());
        }
        Ok(())
    }

    /// Forgets the owners of everything of a kind, as at start for what ended with the last server.
    ///
    /// # Errors
    /// When the records cannot be removed from the file.
    pub async fn release_all(&self, kind: ResourceKind) -> Result<(), OwnershipError> {
        if let Some(store) = &self.shared.store {
            store.release_all(kind.as_str()).await?;
        }
        self.records().remove(&kind);
        self.shared.changes.send_replace(());
        Ok(())
    }

    /// Forgets the owners of what is gone of a kind, as at start for what ended with the last server.
    ///
    /// # Errors
    /// When the records cannot be removed from the file.
    pub async fn release_gone(
        &self,
        kind: ResourceKind,
        is_there: impl Fn(&str) -> bool,
    ) -> Result<(), OwnershipError> {
        let gone: Vec<Arc<str>> = {
            let records = self.records();
            let names = records.get(&kind).into_iter().flat_map(HashMap::keys);
            names.filter(|name| !is_there(name)).cloned().collect()
        };
        for name in gone {
            self.release(kind, &name).await?;
        }
        Ok(())
    }

    /// What is recorded about it.
    #[must_use]
    pub fn lookup(&self, kind: ResourceKind, name: &str) -> Owned {
        self.records()
            .get(&kind)
            .and_then(|records| records.get(name))
            .map(|record| record.owned.clone())
            .unwrap_or_default()
    }

    /// Wakes whenever a record changed.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.shared.changes.subscribe()
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        // A panic while it was held leaves it whole: every change is a single insertion or removal.
        self.shared.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_belongs_to_somebody_cannot_be_claimed_by_another() {
        let store = Store::in_memory().unwrap();
        for ownership in [Ownership::in_memory(), Ownership::persisted(store).await.unwrap()] {
            ownership.claim(ResourceKind::Kernels, "a", "ada").await.unwrap();
            ownership.claim(ResourceKind::Kernels, "a", "ada").await.unwrap();
            let refused = ownership.claim(ResourceKind::Kernels, "a", "bob").await;
            assert!(matches!(refused, Err(OwnershipError::AlreadyOwned { .. })));
            ownership.claim(ResourceKind::Sessions, "a", "bob").await.unwrap();
            assert_eq!(
                ownership.lookup(ResourceKind::Kernels, "a").owner.as_deref(),
                Some("ada")
            );
            ownership.release(ResourceKind::Kernels, "a").await.unwrap();
            assert_eq!(ownership.lookup(ResourceKind::Kernels, "a"), Owned::default());
        }
    }

    #[tokio::test]
    async fn nobody_claims_more_than_they_may_have() {
        let store = Store::in_memory().unwrap();
        let ownership = Ownership::persisted(store.clone()).await.unwrap();
        let kernels = ResourceKind::Kernels;
        let claim = async |name: &'static str, owner| ownership.claim_at_most(kernels, name, owner, 2).await;
        ownership.claim(ResourceKind::Sessions, "s", "ada").await.unwrap();
        let (a, b, c) = tokio::join!(claim("a", "ada"), claim("b", "ada"), claim("c", "ada"));
        let refused = [&a, &b, &c].into_iter().filter(|claimed| claimed.is_err());
        assert_eq!(refused.count(), 1, "of several at once, too");
        assert!(matches!(c, Err(OwnershipError::TooMany { most: 2, .. })));
        // What one has already is no more.
        claim("a", "ada").await.unwrap();
        claim("d", "bob").await.unwrap();
        let again = Ownership::persisted(store).await.unwrap();
        assert_eq!(again.lookup(kernels, "c"), Owned::default());
        ownership.release(kernels, "a").await.unwrap();
        claim("c", "ada").await.unwrap();
    }

    #[tokio::test]
    async fn the_end_of_one_does_not_release_the_next_of_its_name() {
        let ownership = Ownership::in_memory();
        let kernels = ResourceKind::Kernels;
        let owner = || ownership.lookup(kernels, "a").owner;
        for next in ["ada", "bob"] {
            ownership.claim(kernels, "a", "ada").await.unwrap();
            let end = Instant::now();
            if next != "ada" {
                ownership.release(kernels, "a").await.unwrap();
            }
            ownership.claim(kernels, "a", next).await.unwrap();
            ownership.release_ended(kernels, "a", end).await.unwrap();
            assert_eq!(owner().as_deref(), Some(next));
            ownership
                .release_ended(kernels, "a", Instant::now())
                .await
                .unwrap();
            assert_eq!(owner(), None);
        }
    }

    #[tokio::test]
    async fn owners_and_shares_come_back_from_the_file() {
        let store = Store::in_memory().unwrap();
        let ownership = Ownership::persisted(store.clone()).await.unwrap();
        ownership.claim(ResourceKind::Kernels, "a", "ada").await.unwrap();
        ownership
            .share(ResourceKind::Kernels, "a", &["bob"])
            .await
            .unwrap();
        ownership
            .claim(ResourceKind::Terminals, "1", "ada")
            .await
            .unwrap();
        ownership.release_all(ResourceKind::Terminals).await.unwrap();

        let again = Ownership::persisted(store).await.unwrap();
        let kernel = again.lookup(ResourceKind::Kernels, "a");
        assert_eq!((kernel.owner.as_deref(), kernel.shares.len()), (Some("ada"), 1));
        assert_eq!(again.lookup(ResourceKind::Terminals, "1").owner, None);
        let nobodys = again.share(ResourceKind::Kernels, "b", &["bob"]).await;
        assert!(matches!(nobodys, Err(OwnershipError::NotOwned { .. })));
    }
}
