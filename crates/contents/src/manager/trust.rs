//! Trusting a notebook as it lies on disk.

use super::{Get, Shared};
use crate::error::ContentsError;
use crate::model::EntryType;
use crate::path::ContentsPath;

impl Shared {
    pub(super) fn trust(&self, path: &ContentsPath) -> Result<(), ContentsError> {
        if self.get(path, Get::default())?.entry_type != EntryType::Notebook {
            return Err(ContentsError::TrustsOnlyNotebooks(path.clone()));
        }
        let bytes = self.storage.read(path, self.config.content_bytes_max);
        let bytes = bytes
            .map_err(|source| ContentsError::from_io("reading file", path, source))?
            .bytes;
        let mut notebook = self.read_notebook(path, self.notebook_text(path, &bytes)?)?;
        self.notary.sign(&mut notebook);
        // What is read of the file is not the same as before, so its version must not be either.
        if let Err(error) = self.storage.touch(path) {
            tracing::debug!(%path, %error, "a notebook that is trusted now has the version it had before");
        }
        Ok(())
    }
}
