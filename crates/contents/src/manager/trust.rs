//! Trusting a notebook as it lies on disk.

use super::{Get, Shared};
use crate::error::ContentsError;
use crate::model::EntryType;
use crate::notebook::Texts;
use crate::path::ContentsPath;
use crate::version::FileVersion;

impl Shared {
    pub(super) fn trust(&self, path: &ContentsPath) -> Result<(), ContentsError> {
        if self.get(path, Get::default())?.entry_type != EntryType::Notebook {
            return Err(ContentsError::TrustsOnlyNotebooks(path.clone()));
        }
        let bytes = self.storage.read(path, self.config.content_bytes_max);
        let bytes = bytes
            .map_err(|source| self.reading_error("reading file", path, source))?
            .bytes;
        let text = self.notebook_text(path, &bytes)?;
        let texts = Texts::of(text);
        let notebook = self.read_notebook(path, text, &texts)?;
        if self.notary.sign(&notebook) {
            self.renew_version(path);
        }
        Ok(())
    }

    /// For a notebook that is trusted from now on: it is read differently, so it must be in another version. The
    /// trust itself does not depend on it.
    pub(super) fn renew_version(&self, path: &ContentsPath) -> Option<FileVersion> {
        let renewed = self.storage.touch(path);
        renewed
            .inspect_err(
                |error| tracing::debug!(%path, %error, "a notebook is trusted in the version it had before"),
            )
            .ok()
    }
}
