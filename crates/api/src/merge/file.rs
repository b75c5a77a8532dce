//! Missed outputs on their way into the file.

use channels::Retold;
use contents::{
    Content, ContentsError, ContentsModel, ContentsPath, EntryType, FileVersion, Get, Precondition,
    SaveModel, Versions,
};
use jiff::Timestamp;
use tracing::warn;

use super::{Merging, notebook};

const WHOLE: Get = Get {
    entry_type: Some(EntryType::Notebook),
    format: None,
    content: true,
    hash: false,
};

impl Merging {
    /// The notebook without its cells.
    pub(super) async fn outline(&self, path: &ContentsPath) -> Result<ContentsModel, ContentsError> {
        self.contents.get(path, WHOLE.without_bytes()).await
    }

    /// Writes into the file what it lacks of what is complete; gives the number of cells, and the version in which the file has all.
    pub(super) async fn write(
        &self,
        path: &ContentsPath,
        outline: ContentsModel,
        retold: Vec<Retold>,
    ) -> Result<(usize, Option<FileVersion>), ContentsError> {
        if retold.is_empty() {
            return Ok((0, outline.version));
        }
        let found = self.contents.get(path, WHOLE).await?;
        let saved: Timestamp = found.last_modified.to_iso().parse().unwrap_or_default();
        let (Some(Content::Notebook(pieces)), Some(version)) = (found.content, found.version) else {
            return Ok((0, found.version));
        };
        let merging = tokio::task::spawn_blocking(move || notebook::merged(&pieces.concat(), &retold, saved));
        let merged = merging.await.map_err(|_| ContentsError::Stopping)?;
        let notebook::Merged {
            body,
            cells,
            unreadable,
        } = merged;
        if unreadable > 0 {
            warn!(%path, "left out missed outputs of {unreadable} cells: no notebook can hold them");
        }
        // What was merged is our own JSON.
        let Some(Ok(Some(model))) = body.map(|body| SaveModel::from_json(&body.into())) else {
            return Ok((0, Some(version)));
        };
        let unchanged = Precondition {
            if_match: Some(Versions::OneOf(vec![version.to_string()])),
            if_none_match: None,
        };
        let saved = self.contents.only_if(unchanged).save(path, model).await?;
        Ok((cells, saved.model.version))
    }
}
