//! Makes, changes and ends sessions, with the reference's rules.

mod opening;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kernels::{Kernel, KernelError, KernelId, KernelManager, StartKernel};
use store::{Store, StoreError};
use tracing::{error, info, warn};

pub use opening::{NewSession, SESSIONS_MAX, Turn};

use crate::{
    NotebookModel, SessionId, SessionModel, SessionsError,
    records::{Record, Records},
};

/// All sessions of this server. A cheap handle.
#[derive(Clone)]
pub struct SessionManager(Arc<Shared>);

struct Shared {
    kernels: KernelManager,
    /// A plain mutex, never held across an await.
    records: Mutex<Records>,
    /// Where sessions are written down, if anywhere. An async mutex on purpose: who holds it writes what is so now, so
    /// that what was changed last is what stays written.
    store: Option<tokio::sync::Mutex<Store>>,
    /// Paths for which a session is being made.
    /// The map's mutex is plain; the ones in it are held while a kernel starts.
    opening: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// Which kernel a session shall have.
#[derive(Clone, Debug)]
pub enum KernelChoice {
    /// One that runs.
    Running(KernelId),
    /// A new one.
    Start(NewKernel),
}

/// A kernel to start for a session.
#[derive(Clone, Debug)]
pub struct NewKernel {
    /// The id it shall have.
    pub id: KernelId,
    /// The kernelspec's name; the default one when `None`.
    pub name: Option<String>,
    /// The directory it starts in, relative to the root directory.
    pub directory: String,
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
    /// The directory, relative to the root directory, that a kernel of the document starts in as it is after the change.
    pub directory: Option<String>,
}

/// Another kernel for a session.
#[derive(Clone, Debug)]
pub struct KernelChange {
    /// The one it has, which is shut down. When it has another by now, nothing is changed.
    pub from: KernelId,
    /// The one it shall have.
    pub to: KernelChoice,
}

impl SessionManager {
    /// No sessions yet.
    #[must_use]
    pub fn new(kernels: KernelManager) -> Self {
        Self::with(kernels, Records::default(), None)
    }

    /// The sessions of the server before this one whose kernels still run, or may; from here on sessions are written
    /// down.
    ///
    /// # Errors
    /// When they cannot be read. Whoever went on would forget whose they are.
    pub async fn persisted(kernels: KernelManager, store: Store) -> Result<Self, StoreError> {
        let rows = store.sessions().await?;
        let (live, ended): (Vec<_>, Vec<_>) = rows
            .into_iter()
            .partition(|row| Record::from_row(row).is_some_and(|record| kernels.may_run(&record.kernel)));
        for row in ended {
            if let Err(error) = store.remove_session(&row.id).await {
                error!(%error, session.id = row.id, "failed to forget a session of the last server");
            }
        }
        let mut records = Records::default();
        for record in live.iter().filter_map(Record::from_row) {
            records.insert(record);
        }
        Ok(Self::with(kernels, records, Some(tokio::sync::Mutex::new(store))))
    }

    fn with(kernels: KernelManager, records: Records, store: Option<tokio::sync::Mutex<Store>>) -> Self {
        Self(Arc::new(Shared {
            kernels,
            records: Mutex::new(records),
            store,
            opening: Mutex::default(),
        }))
    }

    /// Writes down what is so now of a session. One that cannot be written down is one all the same, for as long as
    /// this server runs.
    async fn write_down(&self, id: &SessionId) {
        let Some(store) = &self.0.store else { return };
        let store = store.lock().await;
        let record = self.records().get(id);
        let written = match record {
            Some(record) => store.put_session(record.to_row()).await,
            None => store.remove_session(id.as_str()).await,
        };
        if let Err(error) = written {
            error!(%error, session.id = %id, "failed to write down a session");
        }
    }

    /// All sessions; none whose kernel is gone, for whatever reason.
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
        let record = self.records().at_path(path, |record| self.is_live(record))?;
        self.model(record)
    }

    /// All sessions of a document.
    #[must_use]
    pub fn all_at_path(&self, path: &str) -> Vec<SessionModel> {
        let records = self.records().all_at_path(path);
        records
            .into_iter()
            .filter_map(|record| self.model(record))
            .collect()
    }

    /// Whether there is such a session, also one whose kernel cannot be shown yet.
    #[must_use]
    pub fn is_known(&self, id: &SessionId) -> bool {
        self.records().get(id).is_some()
    }

    /// The paths of the documents of this type that use a kernel, also of one that has just ended.
    #[must_use]
    pub fn paths_of(&self, kernel: &KernelId, kind: &str) -> Vec<String> {
        let mut records = self.records().all();
        records.retain(|record| record.kernel == *kernel && record.kind == kind);
        records.into_iter().map(|record| record.path).collect()
    }

    /// Forgets the sessions whose kernel is gone, and says which. Call it when kernels end.
    #[must_use]
    pub async fn forget_ended(&self) -> Vec<SessionId> {
        let ended = self
            .records()
            .take_ended(|record| self.0.kernels.may_run(&record.kernel));
        let mut forgotten = Vec::with_capacity(ended.len());
        for record in ended {
            info!(session.id = %record.id, kernel.id = %record.kernel, "forgot session {}: its kernel is gone", record.id);
            self.write_down(&record.id).await;
            forgotten.push(record.id);
        }
        forgotten
    }

    /// Changes a session. A kernel it no longer uses is shut down.
    ///
    /// # Errors
    /// When there is no such session or kernel, it has another kernel than [`KernelChange::from`], or the other kernel
    /// cannot be started. Then nothing has changed.
    pub async fn update(&self, id: &SessionId, changes: Changes) -> Result<SessionModel, SessionsError> {
        let before = self.get(id)?;
        let Changes {
            path,
            name,
            kind,
            kernel,
            directory,
        } = changes;
        let (from, to, started) = match kernel {
            None => (None, None, false),
            Some(KernelChange { from, .. }) if from != before.kernel.id => {
                return Err(SessionsError::KernelChanged { id: id.clone() });
            }
            Some(KernelChange {
                from,
                to: KernelChoice::Running(to),
            }) => {
                let running = self.0.kernels.get(&to);
                running.map_err(|_| SessionsError::NoSuchKernel { id: to.clone() })?;
                (Some(from), Some(to), false)
            }
            Some(KernelChange {
                from,
                to: KernelChoice::Start(new),
            }) => {
                let (to, spec_name) = (new.id.clone(), new.name.clone().unwrap_or_default());
                // As the reference: for the document as it was, before this change.
                let started = self.start_kernel(&before.path, before.name.as_deref(), new).await;
                started.map_err(|source| SessionsError::StartOther {
                    name: spec_name,
                    source,
                })?;
                (Some(from), Some(to), true)
            }
        };
        let changed = {
            let mut records = self.records();
            match records.get_mut(id) {
                Some(record) if from.as_ref().is_none_or(|from| record.kernel == *from) => {
                    record.path = path.unwrap_or(std::mem::take(&mut record.path));
                    record.name = name.unwrap_or(record.name.take());
                    record.kind = kind.unwrap_or(std::mem::take(&mut record.kind));
                    record.kernel = to.clone().unwrap_or(record.kernel.clone());
                    true
                }
                Some(_) | None => false,
            }
        };
        if !changed {
            if let Some(to) = to.filter(|_| started) {
                self.shut_down(&to).await;
            }
            return Err(SessionsError::KernelChanged { id: id.clone() });
        }
        self.write_down(id).await;
        if let Some(directory) = directory {
            self.tell_kernel(id, &directory);
        }
        if let Some(from) = from.filter(|from| Some(from) != to.as_ref()) {
            self.shut_down(&from).await;
        }
        self.get(id)
    }

    /// Ends a session and its kernel, which must still be this one.
    ///
    /// # Errors
    /// [`SessionsError::NoSuchSession`], [`SessionsError::KernelChanged`].
    pub async fn delete(&self, id: &SessionId, kernel: &KernelId) -> Result<(), SessionsError> {
        {
            let mut records = self.records();
            match records.get(id) {
                None => return Err(SessionsError::NoSuchSession { id: id.clone() }),
                Some(record) if record.kernel != *kernel => {
                    return Err(SessionsError::KernelChanged { id: id.clone() });
                }
                Some(_) => records.remove(id),
            }
        }
        self.write_down(id).await;
        self.shut_down(kernel).await;
        info!(session.id = %id, "ended session {id}");
        Ok(())
    }

    async fn start_kernel(
        &self,
        path: &str,
        name: Option<&str>,
        new: NewKernel,
    ) -> Result<Kernel, KernelError> {
        let env = self.variables(path, name, &new.directory);
        let start = StartKernel {
            name: new.name,
            id: Some(new.id),
            path: Some(new.directory),
            env,
        };
        self.0.kernels.start(start).await
    }

    /// What kernels know of their document; the whole path when its name is known, as the reference.
    fn variables(&self, path: &str, name: Option<&str>, directory: &str) -> Vec<(String, String)> {
        let session_name = match name {
            Some(name) => {
                let directory = self.0.kernels.directory_for(directory);
                directory.join(name).to_string_lossy().into_owned()
            }
            None => path.to_owned(),
        };
        vec![("JPY_SESSION_NAME".to_owned(), session_name)]
    }

    /// Has the kernel of a session know its document when it is started again.
    fn tell_kernel(&self, id: &SessionId, directory: &str) {
        let Some(record) = self.records().get(id) else {
            return;
        };
        // One that is gone is not started again.
        if let Ok(kernel) = self.0.kernels.get(&record.kernel) {
            kernel.change_variables(self.variables(&record.path, record.name.as_deref(), directory));
        }
    }

    async fn shut_down(&self, kernel: &KernelId) {
        // One that is gone already is what was wanted.
        if let Ok(kernel) = self.0.kernels.get(kernel)
            && let Err(error) = kernel.shutdown().await
        {
            warn!(%error, kernel.id = %kernel.id(), "the kernel of a session was gone before it was shut down");
        }
    }

    /// The model of a session, unless its kernel is gone.
    fn model(&self, record: Record) -> Option<SessionModel> {
        let kernel = self.0.kernels.get(&record.kernel).ok()?;
        Some(shown(record, &kernel))
    }

    fn is_live(&self, record: &Record) -> bool {
        self.0.kernels.get(&record.kernel).is_ok()
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
