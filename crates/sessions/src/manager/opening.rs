//! Opening sessions: for one path, one after the other.

use std::sync::{Arc, PoisonError};

use tokio::sync::OwnedMutexGuard;
use tracing::info;

use super::{KernelChoice, SessionManager, shown};
use crate::{SessionId, SessionModel, SessionsError, records::Record};

/// How many sessions there may be.
pub const SESSIONS_MAX: usize = 10_000;

/// What to open. The ids are chosen by the caller, who can so record whose they are before anything runs.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The session's id.
    pub id: SessionId,
    /// The document's name.
    pub name: Option<String>,
    /// `notebook`, `console` or `file`.
    pub kind: String,
    /// Its kernel.
    pub kernel: KernelChoice,
}

impl SessionManager {
    /// Waits until nobody else opens a session for this path: two pages that open one notebook at once get one
    /// kernel, when each looks ([`at_path`](Self::at_path)) in its turn and opens only what is not there.
    pub async fn turn(&self, path: &str) -> Turn {
        let waiting = Waiting::for_path(self, path);
        let lock = waiting.lock.clone().lock_owned().await;
        Turn { _lock: lock, waiting }
    }
}

/// The turn of whoever opens a session for a path.
pub struct Turn {
    // Given back before `waiting` counts who else has the lock.
    _lock: OwnedMutexGuard<()>,
    waiting: Waiting,
}

impl Turn {
    /// Opens a session for the path.
    ///
    /// # Errors
    /// When the kernel does not run or cannot be started, or there are too many sessions. Then nothing was made.
    pub async fn open(self, new: NewSession) -> Result<SessionModel, SessionsError> {
        let sessions = &self.waiting.manager;
        // Those of kernels that are gone do not count.
        if sessions.records().len() >= SESSIONS_MAX && sessions.list().len() >= SESSIONS_MAX {
            return Err(SessionsError::TooManySessions);
        }
        let path = &self.waiting.path;
        let kernel = match new.kernel {
            KernelChoice::Running(id) => {
                let running = sessions.0.kernels.get(&id);
                running.map_err(|_| SessionsError::NoSuchKernel { id })?
            }
            KernelChoice::Start(kernel) => sessions.start_kernel(path, new.name.as_deref(), kernel).await?,
        };
        let record = Record {
            id: new.id,
            path: path.clone(),
            name: new.name,
            kind: new.kind,
            kernel: kernel.id().clone(),
        };
        sessions.records().insert(record.clone());
        sessions.write_down(&record.id).await;
        info!(session.id = %record.id, kernel.id = %kernel.id(), "opened session {}", record.id);
        Ok(shown(record, &kernel))
    }
}

/// Somebody who has or waits for a turn; the last one leaves the map clean.
struct Waiting {
    manager: SessionManager,
    path: String,
    lock: Arc<tokio::sync::Mutex<()>>,
}

impl Waiting {
    fn for_path(manager: &SessionManager, path: &str) -> Self {
        let mut opening = manager.0.opening.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = opening.entry(path.to_owned()).or_default().clone();
        Self {
            manager: manager.clone(),
            path: path.to_owned(),
            lock,
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let shared = &self.manager.0;
        let mut opening = shared.opening.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's own reference and this one.
        if opening
            .get(&self.path)
            .is_some_and(|lock| Arc::strong_count(lock) <= 2)
        {
            opening.remove(&self.path);
        }
    }
}
