//! Variables that the next process of a kernel finds changed in its environment.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// What has changed since the kernel was started first.
#[derive(Default)]
pub(crate) struct ChangedVariables {
    /// A plain mutex, never held across an await.
    variables: Mutex<Vec<(String, String)>>,
    changed: Notify,
}

impl ChangedVariables {
    /// Changes some.
    pub(crate) fn change(&self, variables: Vec<(String, String)>) {
        let mut known = self.lock();
        known.retain(|(name, _)| variables.iter().all(|(other, _)| other != name));
        known.extend(variables);
        drop(known);
        self.changed.notify_one();
    }

    /// All.
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        self.lock().clone()
    }

    /// Completes when some have changed. For one listener.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(String, String)>> {
        self.variables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
