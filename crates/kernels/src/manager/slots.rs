//! Which ids are taken, and by what.

use std::collections::HashMap;

use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use super::KernelManager;
use crate::{Kernel, KernelError, KernelId};

/// Kernels by their ids.
#[derive(Default)]
pub(super) struct Kernels {
    by_id: HashMap<KernelId, Entry>,
    /// Counts starts, so that a listing is in the order kernels were started.
    started: u64,
}

struct Entry {
    started: u64,
    slot: Slot,
}

/// What an id is taken by. Only what runs is shown.
enum Slot {
    /// It is being launched.
    Launching,
    /// A server before this one has started it, and its host has not answered yet.
    Awaited,
    Running(Kernel),
}

impl Kernels {
    fn take(&mut self, id: KernelId, slot: Slot) -> Result<(), KernelError> {
        if self.by_id.contains_key(&id) {
            return Err(KernelError::DuplicateKernel { id });
        }
        self.started = self.started.saturating_add(1);
        let started = self.started;
        self.by_id.insert(id, Entry { started, slot });
        Ok(())
    }

    /// The one of this id, if it runs.
    pub(super) fn running(&self, id: &KernelId) -> Option<&Kernel> {
        self.by_id.get(id).and_then(Entry::kernel)
    }

    /// All that run, in the order they were started.
    pub(super) fn all_running(&self) -> Vec<Kernel> {
        let running = self.by_id.values();
        let running = running.filter_map(|entry| Some((entry.started, entry.kernel()?.clone())));
        let mut running: Vec<_> = running.collect();
        running.sort_unstable_by_key(|(started, _)| *started);
        running.into_iter().map(|(_, kernel)| kernel).collect()
    }

    pub(super) fn is_taken(&self, id: &KernelId) -> bool {
        self.by_id.contains_key(id)
    }

    /// Whether the one of this id runs, or may run.
    pub(super) fn may_run(&self, id: &KernelId) -> bool {
        let slot = self.by_id.get(id).map(|entry| &entry.slot);
        matches!(slot, Some(Slot::Running(_) | Slot::Awaited))
    }

    /// Takes this very kernel out; another that has its id by now stays.
    pub(super) fn forget(&mut self, kernel: &Kernel) {
        if self.running(kernel.id()).is_some_and(|known| known.is(kernel)) {
            self.by_id.remove(kernel.id());
        }
    }
}

impl Entry {
    fn kernel(&self) -> Option<&Kernel> {
        match &self.slot {
            Slot::Running(kernel) => Some(kernel),
            Slot::Launching | Slot::Awaited => None,
        }
    }
}

impl KernelManager {
    /// Takes an id for a kernel that is to be launched.
    pub(super) fn reserve(&self, id: KernelId) -> Result<Reservation, KernelError> {
        let kernels_max = self.0.config.limits.kernels_max;
        let mut kernels = self.lock();
        // Who stops the server asks for the lock, too: it waits for this one, or this one does not begin.
        if self.0.closing.is_cancelled() {
            return Err(KernelError::Stopping);
        }
        if kernels.by_id.len() >= kernels_max {
            return Err(KernelError::TooManyKernels { kernels_max });
        }
        kernels.take(id.clone(), Slot::Launching)?;
        Ok(Reservation::new(self, id, &self.0.launches))
    }

    /// Takes an id for a kernel that may run already.
    pub(super) fn await_kernel(&self, id: KernelId) -> Result<Reservation, KernelError> {
        self.lock().take(id.clone(), Slot::Awaited)?;
        Ok(Reservation::new(self, id, &self.0.adoptions))
    }
}

/// An id that is taken; free again when dropped unfilled.
pub(super) struct Reservation {
    manager: KernelManager,
    id: Option<KernelId>,
    /// Who stops the server waits until it is decided what becomes of the id.
    _undecided: TaskTrackerToken,
}

impl Reservation {
    fn new(manager: &KernelManager, id: KernelId, undecided: &TaskTracker) -> Self {
        Self {
            manager: manager.clone(),
            id: Some(id),
            _undecided: undecided.token(),
        }
    }

    pub(super) fn fill(mut self, kernel: Kernel) {
        let Some(id) = self.id.take() else { return };
        if let Some(entry) = self.manager.lock().by_id.get_mut(&id) {
            entry.slot = Slot::Running(kernel);
        }
    }

    /// Leaves the id taken for as long as this server runs.
    pub(super) fn keep(mut self) {
        self.id = None;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.manager.lock().by_id.remove(&id);
        }
    }
}
