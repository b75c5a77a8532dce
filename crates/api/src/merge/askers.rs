//! Who runs code in which kernel, for what is to be done by their right when they are gone.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use authorization::Absentee;
use kernels::{ClientId, KernelId};

use crate::channels::user_of_client;

/// How many users of one kernel are known; the one who came first is forgotten first.
const USERS_MAX: usize = 64;

/// The users of all kernels. A cheap clone.
#[derive(Clone, Default)]
pub(super) struct Askers(Arc<Mutex<HashMap<KernelId, VecDeque<Absentee>>>>);

impl Askers {
    /// One more, or the same again: who they are now counts.
    pub(super) fn note(&self, kernel: &KernelId, asker: Absentee) {
        let user = user_of_client(asker.identity()).map(str::to_owned);
        let mut askers = self.lock();
        let known = askers.entry(kernel.clone()).or_default();
        known.retain(|known| user_of_client(known.identity()) != user.as_deref());
        if known.len() >= USERS_MAX {
            known.pop_front();
        }
        known.push_back(asker);
    }

    /// Who has this client.
    pub(super) fn find(&self, kernel: &KernelId, client: &ClientId) -> Option<Absentee> {
        let askers = self.lock();
        let mut known = askers.get(kernel)?.iter();
        known
            .find(|known| client.is_of_user(user_of_client(known.identity())))
            .cloned()
    }

    /// A kernel has ended.
    pub(super) fn forget(&self, kernel: &KernelId) {
        self.lock().remove(kernel);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KernelId, VecDeque<Absentee>>> {
        // A panic while it was held leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
