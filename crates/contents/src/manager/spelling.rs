//! Which notebooks on disk we have written ourselves, so that their spelling is ours.
//!
//! A save that changes nothing keeps the file, also when another program has spelt it differently; to know that, the
//! file must be parsed. What we wrote needs no such thing: if its bytes differ, so does the notebook.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::path::ContentsPath;
use crate::version::FileVersion;

/// Files that are remembered. One more, and all are forgotten: then a save costs what the first one cost.
const FILES_MAX: usize = 10_000;

/// The versions that we wrote.
#[derive(Debug, Default)]
pub(super) struct Spelling {
    written: Mutex<HashMap<ContentsPath, FileVersion>>,
}

impl Spelling {
    pub(super) fn remember(&self, path: &ContentsPath, version: FileVersion) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.len() >= FILES_MAX {
            written.clear();
        }
        written.insert(path.clone(), version);
    }

    pub(super) fn is_ours(&self, path: &ContentsPath, version: FileVersion) -> bool {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.get(path) == Some(&version)
    }
}
