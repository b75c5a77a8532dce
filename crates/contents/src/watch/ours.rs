//! What this server itself is writing, or has just written: others need not be told that the disk has changed, since
//! they are told what was done.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::path::ContentsPath;
use crate::storage::{Stamp, Storage};

/// How many finished changes wait to be taken in. They are taken in several times a second.
const FINISHED_MAX: usize = 10_000;

/// A plain mutex, never held while anything is read from disk.
#[derive(Clone, Debug, Default)]
pub(super) struct Ours(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Nobody listens: nothing needs to be remembered.
    is_listening: bool,
    next: u64,
    ongoing: HashMap<u64, Vec<ContentsPath>>,
    finished: VecDeque<Finished>,
}

/// A path as this server left it.
#[derive(Clone, Debug)]
pub(super) struct Finished {
    pub(super) path: ContentsPath,
    pub(super) stamp: Option<Stamp>,
}

/// What this server is at, at one moment.
pub(super) struct Moment {
    pub(super) finished: Vec<Finished>,
    ongoing: Vec<ContentsPath>,
}

impl Moment {
    /// Whether this server is writing `path` now, or what it lies in.
    pub(super) fn is_ongoing(&self, path: &ContentsPath) -> bool {
        self.ongoing.iter().any(|ongoing| path.is_within(ongoing))
    }

    /// Whether this server is writing it or what it lies in, has just written it, or has just taken away what it lay in.
    pub(super) fn touches(&self, path: &ContentsPath) -> bool {
        self.is_ongoing(path)
            || self.finished.iter().any(|finished| match finished.stamp {
                Some(_) => *path == finished.path,
                None => path.is_within(&finished.path),
            })
    }
}

/// A change under way. Dropped unfinished, what it has done is told as if others had done it.
#[derive(Debug)]
pub(crate) struct Change {
    ours: Ours,
    storage: Storage,
    number: u64,
}

impl Change {
    /// It is done, and somebody was told. `made` was perhaps not known when it began.
    pub(crate) fn finish(self, made: Option<ContentsPath>) {
        let touched = self.ours.lock().ongoing.get(&self.number).cloned();
        let finished: Vec<Finished> = touched
            .into_iter()
            .flatten()
            .chain(made)
            .map(|path| Finished {
                stamp: self.storage.stamp(&path),
                path,
            })
            .collect();
        let mut state = self.ours.lock();
        // At once with the rest, so that it is at no time neither under way nor finished.
        state.ongoing.remove(&self.number);
        if state.is_listening {
            state.finished.extend(finished);
            let surplus = state.finished.len().saturating_sub(FINISHED_MAX);
            state.finished.drain(..surplus);
        }
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        self.ours.lock().ongoing.remove(&self.number);
    }
}

impl Ours {
    /// From here until it is dropped, what happens to these paths is our own doing. `None` while nobody listens.
    pub(super) fn begin(&self, storage: &Storage, paths: &[&ContentsPath]) -> Option<Change> {
        let mut state = self.lock();
        if !state.is_listening {
            return None;
        }
        state.next += 1;
        let number = state.next;
        state
            .ongoing
            .insert(number, paths.iter().map(|path| (*path).clone()).collect());
        drop(state);
        Some(Change {
            ours: self.clone(),
            storage: storage.clone(),
            number,
        })
    }

    pub(super) fn listen(&self, is_listening: bool) {
        let mut state = self.lock();
        state.is_listening = is_listening;
        if !is_listening {
            state.finished.clear();
        }
    }

    /// What was finished since the last time, and what is under way: together, so that nothing is in neither.
    pub(super) fn moment(&self) -> Moment {
        let mut state = self.lock();
        Moment {
            finished: state.finished.drain(..).collect(),
            ongoing: state.ongoing.values().flatten().cloned().collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
