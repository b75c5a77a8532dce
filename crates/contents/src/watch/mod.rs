//! Changes on disk that others make: kernels, terminals, other programs.
//!
//! Only directories that somebody has asked for lately are watched, and not what lies beneath them: a whole tree can
//! have more directories than the operating system watches. Of each it is remembered what its entries were; what is
//! told is the difference to that, a moment after the first sign of a change. So whatever an editor does to save a
//! file, one save is told, and signs of what this server did itself come to nothing.
//!
//! Nothing is watched while nobody listens.

mod config;
mod directory;
mod notifier;
mod ours;
mod snapshot;
mod watcher;

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

pub use self::config::{WatchConfig, WatchMeans};
pub(crate) use self::ours::Change;
use self::ours::Ours;
use self::watcher::{Told, Watcher};
use crate::observer::ContentsObserver;
use crate::path::ContentsPath;
use crate::storage::Storage;

/// How many words to the watcher may wait. What finds no place makes it look at everything.
const TOLD_MAX: usize = 4096;

/// Which names are shown.
pub(crate) type Shown = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Watches what is asked for while somebody listens. A cheap handle.
#[derive(Clone)]
pub(crate) struct DiskWatch(Arc<Shared>);

struct Shared {
    config: WatchConfig,
    storage: Storage,
    shown: Shown,
    observer: Arc<dyn ContentsObserver>,
    ours: Ours,
    /// A plain mutex, held for moments.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    listeners: usize,
    /// The directories that were asked for, the last one last.
    recent: VecDeque<Asked>,
    running: Option<Running>,
}

/// A directory that somebody has looked at.
#[derive(Clone, Debug)]
struct Asked {
    path: ContentsPath,
    /// When they began to look: what has changed since then they have not seen.
    at: SystemTime,
}

/// The thread that watches.
struct Running {
    sender: SyncSender<Told>,
    stop: Arc<AtomicBool>,
}

/// As long as one is held, changes on disk are told to the observer.
pub struct ListeningToDisk {
    watch: Option<DiskWatch>,
}

impl fmt::Debug for ListeningToDisk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ListeningToDisk").finish_non_exhaustive()
    }
}

impl DiskWatch {
    pub(crate) fn new(
        config: WatchConfig,
        storage: Storage,
        shown: Shown,
        observer: Arc<dyn ContentsObserver>,
    ) -> Self {
        Self(Arc::new(Shared {
            config,
            storage,
            shown,
            observer,
            ours: Ours::default(),
            state: Mutex::default(),
        }))
    }

    /// Somebody looks at this directory, or at a file in it, since `at`.
    pub(crate) fn asked(&self, directory: &ContentsPath, at: SystemTime) {
        if self.0.config.means == WatchMeans::Off {
            return;
        }
        let mut state = self.state();
        let asked = Asked {
            path: directory.clone(),
            at,
        };
        state.recent.retain(|recent| recent.path != *directory);
        state.recent.push_back(asked.clone());
        if state.recent.len() > self.0.config.directories_max {
            state.recent.pop_front();
        }
        if let Some(running) = &state.running {
            // A watcher that is so far behind will be told when the directory is asked for again.
            let _ = running.sender.try_send(Told::Asked(asked));
        }
    }

    /// From here until it is dropped, what happens to these paths is our own doing.
    pub(crate) fn change(&self, paths: &[&ContentsPath]) -> Option<Change> {
        self.0.ours.begin(&self.0.storage, paths)
    }

    pub(crate) fn listen(&self) -> ListeningToDisk {
        if self.0.config.means == WatchMeans::Off {
            return ListeningToDisk { watch: None };
        }
        let mut state = self.state();
        state.listeners += 1;
        if state.running.is_none() {
            self.0.ours.listen(true);
            state.running = self.start(&state.recent);
        }
        ListeningToDisk {
            watch: Some(self.clone()),
        }
    }

    fn start(&self, recent: &VecDeque<Asked>) -> Option<Running> {
        let (sender, receiver) = sync_channel(TOLD_MAX);
        let stop = Arc::new(AtomicBool::new(false));
        let shared = &self.0;
        let mut watcher = Watcher::new(
            shared.config.clone(),
            shared.storage.clone(),
            shared.shown.clone(),
            shared.observer.clone(),
            shared.ours.clone(),
            sender.clone(),
        );
        let (recent, stopped) = (recent.clone(), stop.clone());
        let started = std::thread::Builder::new()
            .name("contents-watch".to_owned())
            .spawn(move || watcher.run(&receiver, recent, &stopped));
        match started {
            Ok(_detached) => Some(Running { sender, stop }),
            Err(error) => {
                tracing::error!(%error, "changes on disk are not noticed: no thread could be started");
                None
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ListeningToDisk {
    fn drop(&mut self) {
        let Some(watch) = &self.watch else { return };
        let mut state = watch.state();
        state.listeners = state.listeners.saturating_sub(1);
        if state.listeners == 0
            && let Some(running) = state.running.take()
        {
            watch.0.ours.listen(false);
            running.stop.store(true, Ordering::Release);
            // Only wakes it: one that has much to do looks at `stop` by itself.
            let _ = running.sender.try_send(Told::Stop);
        }
    }
}
