//! Our own file, behind one thread: what is asked runs in the order it was asked, and nobody waits inside SQLite.

use std::{
    path::Path,
    sync::mpsc::{SyncSender, sync_channel},
    thread,
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::{StoreError, migrations::migrate};

/// Statements that may wait for the thread before whoever asks waits too.
const QUEUE_MAX: usize = 1024;
/// How long SQLite waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// One SQLite file, or one in memory. A cheap clone; the thread ends with the last one.
#[derive(Clone)]
pub struct Store {
    jobs: SyncSender<Job>,
}

impl Store {
    /// Opens the file, makes it when it is missing (readable by its owner only), and brings its tables up to date.
    ///
    /// # Errors
    /// When the file cannot be used. It is left as it is.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        private_file(path)?;
        let open = |source| StoreError::Open {
            path: path.to_owned(),
            source,
        };
        let connection = Connection::open(path).map_err(open)?;
        // Readers and the writer do not wait for each other, and a power cut costs at most the last moments.
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(open)?;
        connection
            .pragma_update(None, "synchronous", "NORMAL")
            .map_err(open)?;
        Self::start(connection)
    }

    /// State that ends with the process.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn in_memory() -> Result<Self, StoreError> {
        let open = |source| StoreError::Open {
            path: ":memory:".into(),
            source,
        };
        Self::start(Connection::open_in_memory().map_err(open)?)
    }

    fn start(mut connection: Connection) -> Result<Self, StoreError> {
        let prepare = |source| StoreError::Statement {
            doing: "prepare the connection",
            source,
        };
        connection.busy_timeout(BUSY_TIMEOUT).map_err(prepare)?;
        connection
            .pragma_update(None, "foreign_keys", true)
            .map_err(prepare)?;
        migrate(&mut connection)?;

        let (jobs, queue) = sync_channel::<Job>(QUEUE_MAX);
        thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                while let Ok(job) = queue.recv() {
                    job(&mut connection);
                }
            })
            .map_err(StoreError::Thread)?;
        Ok(Self { jobs })
    }

    /// Runs it on the thread and brings back what it says.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Whoever asked may have gone away; the change was made all the same.
            let _ = answer.send(job(connection));
        });
        let jobs = self.jobs.clone();
        // The queue is nearly always free; when it is not, the wait must not block the runtime.
        let job = match jobs.try_send(job) {
            Ok(()) => None,
            Err(std::sync::mpsc::TrySendError::Full(job)) => Some(job),
            Err(std::sync::mpsc::TrySendError::Disconnected(_)) => return Err(StoreError::Closed),
        };
        if let Some(job) = job {
            let sent = tokio::task::spawn_blocking(move || jobs.send(job)).await;
            if !matches!(sent, Ok(Ok(()))) {
                return Err(StoreError::Closed);
            }
        }
        let result = answered.await.map_err(|_| StoreError::Closed)?;
        result.map_err(|source| StoreError::Statement { doing, source })
    }
}

/// Makes the file, should it be missing, so that only its owner can read it, and the directories above it.
pub(crate) fn private_file(path: &Path) -> Result<(), StoreError> {
    let prepare = |source| StoreError::Prepare {
        path: path.to_owned(),
        source,
    };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(prepare)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(prepare)?;
    Ok(())
}
