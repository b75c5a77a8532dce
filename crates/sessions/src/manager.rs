//! Makes, changes and ends sessions, with the reference's rules.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kernels::{Kernel, KernelError, KernelId, KernelManager, StartKernel};
use tracing::{info, warn};

use crate::{
    NotebookModel, SessionId, SessionModel, SessionsError,
    records::{Record, Records},
};

/// How many sessions there may be.
pub const SESSIONS_MAX: usize = 10_000;

/// All sessions of this server. A cheap handle.
#[derive(Clone)]
pub struct SessionManager(Arc<Shared>);

struct Shared {
    kernels: KernelManager,
    /// A plain mutex, never held across an await.
    records: Mutex<Records>,
    /// Paths for which a session is being made: two pages that open one notebook at once get one kernel.
    /// The map's mutex is plain; the ones in it are held while a kernel starts.
    opening: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// What to open.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The document's path.
    pub path: String,
    /// The document's name.
    pub name: Option<String>,
    /// `notebook`, `console` or `file`.
    pub kind: String,
    /// The kernelspec to start, unless `kernel_id` runs; the default one when `None`.
    pub kernel_name: Option<String>,
    /// The kernel to use; when it does not run, one of this id is started.
    pub kernel_id: Option<KernelId>,
}

/// What opening a session did.
#[derive(Clone, Debug)]
pub enum Opened {
    /// The path had a session already; nothing was made.
    Existing(SessionModel),
    /// A session on a kernel that was running.
    OnRunningKernel(SessionModel),
    /// A session and its kernel.
    WithNewKernel(SessionModel),
}

/// What to change of a session; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// The document was moved.
    pub path: Option<String>,
    /// Its name; `Some(None)` takes it away.
    pub name: Option<Option<String>>,
    /// Its type.
    pub kind: Option<String>,
    /// Another kernel.
    pub kernel: Option<KernelChange>,
}

/// Which other kernel a session shall have. Its old one is shut down.
#[derive(Clone, Debug)]
pub enum KernelChange {
    /// One that runs.
    Running(KernelId),
    /// A new one of this kernelspec.
    Start(String),
}

impl SessionManager {
    /// No sessions yet.
    #[must_use]
    pub fn new(kernels: KernelManager) -> Self {
        Self(Arc::new(Shared {
            kernels,
            records: Mutex::default(),
            opening: Mutex::default(),
        }))
    }

    /// All sessions. Those whose kernel is gone, for whatever reason, are forgotten.
    #[must_use]
    pub fn list(&self) -> Vec<SessionModel> {
        let records = self.records().all();
        records
            .into_iter()
            .filter_map(|record| self.model(record))
            .collect()
    }

    /// One session.
    ///
    /// # Errors
    /// [`SessionsError::NoSuchSession`], also when its kernel is gone.
    pub fn get(&self, id: &SessionId) -> Result<SessionModel, SessionsError> {
        let record = self.records().get(id);
        record
            .and_then(|record| self.model(record))
            .ok_or_else(|| SessionsError::NoSuchSession { id: id.clone() })
    }

    /// The session of a document, if it has one.
    #[must_use]
    pub fn at_path(&self, path: &str) -> Option<SessionModel> {
        let record = self.records().at_path(path)?;
        self.model(record)
    }

    /// The session of `new.path`: the one there is, or a new one with the kernel asked for.
    ///
    /// # Errors
    /// When the kernel cannot be started, or there are too many sessions. Then nothing was made.
    pub async fn open(&self, new: NewSession) -> Result<Opened, SessionsError> {
        let opening = Opening::of(self, new.path.clone());
        let _one_at_a_time = opening.lock.lock().await;
        if let Some(existing) = self.at_path(&new.path) {
            return Ok(Opened::Existing(existing));
        }
        if self.records().len() >= SESSIONS_MAX {
            // Some may be of kernels that are gone; listing forgets them.
            if self.list().len() >= SESSIONS_MAX {
                return Err(SessionsError::TooManySessions);
            }
        }
        let running = new.kernel_id.as_ref().and_then(|id| self.0.kernels.get(id).ok());
        let started = running.is_none();
        let kernel = match running {
            Some(kernel) => kernel,
            None => {
                self.start_kernel(&new.path, new.name.as_deref(), new.kernel_name, new.kernel_id)
                    .await?
            }
        };
        let id = SessionId::random();
        let record = Record {
            id,
            path: new.path,
            name: new.name,
            kind: new.kind,
            kernel: kernel.id().clone(),
        };
        self.records().insert(record.clone());
        info!(session.id = %record.id, kernel.id = %kernel.id(), "opened session {}", record.id);
        let model = shown(record, &kernel);
        Ok(if started {
            Opened::WithNewKernel(model)
        } else {
            Opened::OnRunningKernel(model)
        })
    }

    /// Changes a session. A kernel it no longer uses is shut down.
    ///
    /// # Errors
    /// When there is no such session or kernel, or the other kernel cannot be started. Then nothing has changed.
    pub async fn update(&self, id: &SessionId, changes: Changes) -> Result<SessionModel, SessionsError> {
        let before = self.get(id)?;
        let kernel = match changes.kernel {
            None => None,
            Some(KernelChange::Running(kernel)) => {
                let running = self.0.kernels.get(&kernel);
                Some(running.map_err(|_| SessionsError::NoSuchKernel { id: kernel })?)
            }
            Some(KernelChange::Start(name)) => {
                // As the reference: for the document as it was, before this change.
                let started =
                    self.start_kernel(&before.path, before.name.as_deref(), Some(name.clone()), None);
                Some(
                    started
                        .await
                        .map_err(|source| SessionsError::StartOther { name, source })?,
                )
            }
        };
        self.records().update(id, |record| {
            record.path = changes.path.unwrap_or(std::mem::take(&mut record.path));
            record.name = changes.name.unwrap_or(record.name.take());
            record.kind = changes.kind.unwrap_or(std::mem::take(&mut record.kind));
            if let Some(kernel) = &kernel {
                record.kernel = kernel.id().clone();
            }
        });
        let after = self.get(id)?;
        if after.kernel.id != before.kernel.id {
            self.shut_down(&before.kernel.id).await;
        }
        Ok(after)
    }

    /// Ends a session and its kernel.
    ///
    /// # Errors
    /// [`SessionsError::NoSuchSession`].
    pub async fn delete(&self, id: &SessionId) -> Result<(), SessionsError> {
        let session = self.get(id)?;
        self.shut_down(&session.kernel.id).await;
        self.records().remove(id);
        info!(session.id = %id, "ended session {id}");
        Ok(())
    }

    async fn start_kernel(
        &self,
        path: &str,
        name: Option<&str>,
        kernel_name: Option<String>,
        id: Option<KernelId>,
    ) -> Result<Kernel, KernelError> {
        // What kernels know of their document; the whole path when its name is known, as the reference.
        let session_name = match name {
            Some(name) => self
                .0
                .kernels
                .directory_for(path)
                .join(name)
                .to_string_lossy()
                .into_owned(),
            None => path.to_owned(),
        };
        let start = StartKernel {
            name: kernel_name,
            id,
            path: Some(path.to_owned()),
            env: vec![("JPY_SESSION_NAME".to_owned(), session_name)],
        };
        self.0.kernels.start(start).await
    }

    async fn shut_down(&self, kernel: &KernelId) {
        // One that is gone already is what was wanted.
        if let Ok(kernel) = self.0.kernels.get(kernel)
            && let Err(error) = kernel.shutdown().await
        {
            warn!(%error, kernel.id = %kernel.id(), "the kernel of a session was gone before it was shut down");
        }
    }

    /// The model of a session; one whose kernel is gone is forgotten.
    fn model(&self, record: Record) -> Option<SessionModel> {
        match self.0.kernels.get(&record.kernel) {
            Ok(kernel) => Some(shown(record, &kernel)),
            Err(_) => {
                warn!(session.id = %record.id, kernel.id = %record.kernel, "forgot session {}: its kernel is gone", record.id);
                self.records().remove(&record.id);
                None
            }
        }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.0.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shown(record: Record, kernel: &Kernel) -> SessionModel {
    let Record {
        id, path, name, kind, ..
    } = record;
    let notebook = (kind == "notebook").then(|| NotebookModel {
        path: path.clone(),
        name: name.clone(),
    });
    SessionModel {
        id,
        path,
        name,
        kind,
        kernel: kernel.model(),
        notebook,
    }
}

/// The turn of whoever opens a session for a path; the last one leaves the map clean.
struct Opening<'a> {
    manager: &'a SessionManager,
    path: String,
    lock: Arc<tokio::sync::Mutex<()>>,
}

impl<'a> Opening<'a> {
    fn of(manager: &'a SessionManager, path: String) -> Self {
        let mut opening = manager.0.opening.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = opening.entry(path.clone()).or_default().clone();
        Self { manager, path, lock }
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let mut opening = self
            .manager
            .0
            .opening
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // The map's own reference and this one.
        if opening
            .get(&self.path)
            .is_some_and(|lock| Arc::strong_count(lock) <= 2)
        {
            opening.remove(&self.path);
        }
    }
}
