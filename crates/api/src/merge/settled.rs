//! Which files have all they lacked, so that opening a notebook again reads it once.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use contents::{ContentsPath, FileVersion};
use kernels::{Execution, KernelId};

/// How many files of one kernel are known; beyond it all are forgotten, and looked into again.
const FILES_MAX: usize = 64;

/// The version in which a file has all of certain requests, which are told by a digest.
type Files = HashMap<ContentsPath, (FileVersion, u64)>;

/// The files of all kernels. A cheap clone.
#[derive(Clone, Default)]
pub(super) struct Settled(Arc<Mutex<HashMap<KernelId, Files>>>);

impl Settled {
    /// Whether the file in this version has all of these requests.
    pub(super) fn is(
        &self,
        kernel: &KernelId,
        path: &ContentsPath,
        version: Option<FileVersion>,
        executions: &[Execution],
    ) -> bool {
        let known = self.lock().get(kernel).and_then(|files| files.get(path).copied());
        known.is_some() && known == version.zip(digest(executions))
    }

    /// The file in this version has all of these requests.
    pub(super) fn note(
        &self,
        kernel: &KernelId,
        path: &ContentsPath,
        version: Option<FileVersion>,
        executions: &[Execution],
    ) {
        let Some(settled) = version.zip(digest(executions)) else {
            return;
        };
        let mut settled_files = self.lock();
        let files = settled_files.entry(kernel.clone()).or_default();
        if files.len() >= FILES_MAX {
            files.clear();
        }
        files.insert(path.clone(), settled);
    }

    /// The kernel has ended.
    pub(super) fn forget(&self, kernel: &KernelId) {
        self.lock().remove(kernel);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KernelId, Files>> {
        // A panic while it was held leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells one set of requests from another; `None` while one of them has not ended and may say more.
fn digest(executions: &[Execution]) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    for execution in executions {
        (&execution.msg_id, execution.ended?).hash(&mut hasher);
    }
    Some(hasher.finish())
}
