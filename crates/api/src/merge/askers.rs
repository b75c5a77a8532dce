//! Who runs code in which kernel, for what is to be done by their right when they are gone.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use authorization::Absentee;
use kernels::{ClientId, Kernel, KernelId, Phase};

use super::left_over::Goodbyes;
use crate::channels::user_of_client;

/// How many users of one kernel are known; the one who came first is forgotten first.
const USERS_MAX: usize = 64;

/// The users of all kernels. A cheap clone.
#[derive(Clone, Default)]
pub(super) struct Askers(Arc<Mutex<HashMap<KernelId, Known>>>);

struct Known {
    kernel: Kernel,
    goodbyes: Goodbyes,
    users: VecDeque<Absentee>,
}

impl Askers {
    /// One more, or the same again: who they are now counts. Also whether the kernel was not known before.
    pub(super) fn note(&self, kernel: &Kernel, asker: Absentee) -> (Goodbyes, bool) {
        let user = user_of_client(asker.identity()).map(str::to_owned);
        let mut askers = self.lock();
        let mut is_new = false;
        let known = askers.entry(kernel.id().clone()).or_insert_with(|| {
            is_new = true;
            Known {
                kernel: kernel.clone(),
                goodbyes: Goodbyes::default(),
                users: VecDeque::new(),
            }
        });
        known
            .users
            .retain(|known| user_of_client(known.identity()) != user.as_deref());
        if known.users.len() >= USERS_MAX {
            known.users.pop_front();
        }
        known.users.push_back(asker);
        (known.goodbyes.clone(), is_new)
    }

    /// Who has gone from a kernel.
    pub(super) fn goodbyes(&self, kernel: &KernelId) -> Option<Goodbyes> {
        Some(self.lock().get(kernel)?.goodbyes.clone())
    }

    /// Who has this client.
    pub(super) fn find(&self, kernel: &KernelId, client: &ClientId) -> Option<Absentee> {
        find(self.lock().get(kernel)?.users.iter(), client)
    }

    /// Forgets kernels that have ended, and gives them, with who ran code there.
    pub(super) fn take_ended(&self) -> Vec<(Kernel, VecDeque<Absentee>)> {
        let mut askers = self.lock();
        let ended = askers.extract_if(|_, known| has_ended(&known.kernel));
        ended.map(|(_, known)| (known.kernel, known.users)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KernelId, Known>> {
        // A panic while it was held leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which of them has this client.
pub(super) fn find<'a>(users: impl Iterator<Item = &'a Absentee>, client: &ClientId) -> Option<Absentee> {
    let mut users = users;
    users
        .find(|user| client.is_of_user(user_of_client(user.identity())))
        .cloned()
}

fn has_ended(kernel: &Kernel) -> bool {
    matches!(kernel.status().borrow().phase, Phase::Ended(_))
}
