//! Outputs that nobody was there to save.
//!
//! A front end that is closed while a cell runs loses what comes after, and one that is opened anew ignores it: its session
//! is another. So before a notebook is opened, and before its kernel is ended, what was missed is written into the file:
//! the outputs of requests whose client is gone, into the cells they ran, if these hold the same code still and were not
//! saved later.

mod notebook;

use authorization::{Caller, Read, Unchecked, Write};
use axum::extract::FromRef;
use channels::{Filters, Retold, retell};
use contents::{
    Content, ContentsError, ContentsManager, ContentsPath, EntryType, Get, Precondition, SaveModel, Versions,
};
use jiff::Timestamp;
use kernels::{Execution, Kernel, KernelManager};
use sessions::SessionManager;
use tracing::{info, warn};

use crate::{
    AppState,
    contents::name::{Contents, ContentsName},
    resources::Kernels,
};

/// The outputs of all cells together, in bytes; cells that have some beyond it are left as they are.
const OUTPUTS_BYTES_MAX: usize = 64 << 20;

/// The type of the sessions whose documents are notebooks.
const NOTEBOOK: &str = "notebook";

/// Writes outputs into notebooks.
#[derive(Clone)]
pub(crate) struct Merging {
    contents: ContentsManager,
    kernels: KernelManager,
    sessions: SessionManager,
    filters: Filters,
}

impl FromRef<AppState> for Merging {
    fn from_ref(state: &AppState) -> Self {
        Self {
            contents: state.contents.clone(),
            kernels: state.kernels.clone(),
            sessions: state.sessions.clone(),
            filters: state.channels.filters.clone(),
        }
    }
}

impl Merging {
    /// Merges what `caller`, who opens the document, would miss. Whatever hinders it does not hinder the opening.
    pub(crate) async fn before_opening(&self, caller: &Caller, path: &ContentsPath) {
        let Some(session) = self.sessions.at_path(path.as_str()) else {
            return;
        };
        if session.kind == NOTEBOOK
            && let Ok(kernel) = self.kernels.get(&session.kernel.id)
        {
            self.merge(caller, &kernel, path).await;
        }
    }

    /// Merges into the notebooks of a kernel that `caller` is about to end.
    pub(crate) async fn before_ending(&self, caller: &Caller, kernel: &Kernel) {
        for session in self.sessions.list() {
            if session.kind == NOTEBOOK
                && session.kernel.id == *kernel.id()
                && let Ok(path) = session.path.parse()
            {
                self.merge(caller, kernel, &path).await;
            }
        }
    }

    async fn merge(&self, caller: &Caller, kernel: &Kernel, path: &ContentsPath) {
        let executions = due(kernel);
        if executions.is_empty() || !may_merge(caller, kernel, path).await {
            return;
        }
        let retold = retell(
            kernel,
            executions,
            kernel.position(),
            &self.filters,
            OUTPUTS_BYTES_MAX,
        )
        .await;
        match self.write(path, retold).await {
            Ok(0) => {}
            Ok(cells) => {
                info!(kernel.id = %kernel.id(), %path, "wrote missed outputs of {cells} cells into {path}")
            }
            Err(error) => {
                warn!(kernel.id = %kernel.id(), %path, %error, "failed to write missed outputs into {path}")
            }
        }
    }

    /// Writes into the file what it lacks; gives the number of cells.
    async fn write(&self, path: &ContentsPath, retold: Vec<Retold>) -> Result<usize, ContentsError> {
        let wanted = Get {
            entry_type: Some(EntryType::Notebook),
            content: true,
            ..Get::default()
        };
        let outline = self.contents.get(path, wanted.without_bytes()).await?;
        let saved: Timestamp = outline.last_modified.to_iso().parse().unwrap_or_default();
        let retold: Vec<Retold> = retold
            .into_iter()
            .filter(|retold| retold.outputs.is_complete)
            .filter(|retold| retold.outputs.last.unwrap_or(retold.execution.asked) > saved)
            .collect();
        if retold.is_empty() {
            return Ok(0);
        }
        let found = self.contents.get(path, wanted).await?;
        let (Some(Content::Notebook(pieces)), Some(version)) = (found.content, found.version) else {
            return Ok(0);
        };
        let merging = tokio::task::spawn_blocking(move || notebook::merged(&pieces.concat(), &retold));
        let merged = merging.await.map_err(|_| ContentsError::Stopping)?;
        let Some(notebook::Merged { body, cells }) = merged else {
            return Ok(0);
        };
        // What was merged is our own JSON.
        let Ok(Some(model)) = SaveModel::from_json(&body.into()) else {
            return Ok(0);
        };
        let unchanged = Precondition {
            if_match: Some(Versions::OneOf(vec![version.to_string()])),
            if_none_match: None,
        };
        self.contents.only_if(unchanged).save(path, model).await?;
        Ok(cells)
    }
}

/// The newest request of each cell, of those whose client is gone.
fn due(kernel: &Kernel) -> Vec<Execution> {
    let mut newest = Vec::<Execution>::new();
    for execution in kernel.executions() {
        newest.retain(|older| match (&older.cell_id, &execution.cell_id) {
            (Some(older), Some(newer)) => older != newer,
            (_, _) => older.code != execution.code,
        });
        newest.push(execution);
    }
    newest.retain(|execution| execution.first.is_some() && !kernel.is_attached(&execution.client));
    newest
}

/// Whether what this caller does may have outputs written: only where they could write them themselves.
async fn may_merge(caller: &Caller, kernel: &Kernel, path: &ContentsPath) -> bool {
    let kernel = Unchecked::<Kernels>::new(kernel.id().clone());
    let file = Unchecked::<Contents>::new(ContentsName::of(path.clone()));
    caller.also::<Read, _>(kernel).await.is_ok() && caller.also::<Write, _>(file).await.is_ok()
}
