//! Outputs that nobody was there to save.
//!
//! A front end that is closed while a cell runs loses what comes after, and one that is opened anew ignores it: its session
//! is another. So before a notebook is opened, and before its kernel is ended, what was missed is written into the file:
//! the outputs of requests whose client is gone, into the cells they ran, if these hold the same code still and were not
//! saved later.

mod askers;
mod notebook;

use std::collections::HashMap;

use authorization::{Absentee, Caller, Execute, Unchecked, Write};
use channels::{Filters, Retold, retell};
use contents::{
    Content, ContentsError, ContentsManager, ContentsPath, EntryType, Get, Precondition, SaveModel, Versions,
};
use jiff::Timestamp;
use kernels::{ClientId, Execution, Kernel, KernelId, KernelManager};
use sessions::SessionManager;
use tracing::{info, warn};

use self::askers::Askers;
use crate::{
    channels::user_of_client,
    contents::name::{Contents, ContentsName},
    resources::Kernels,
};

/// The outputs of all cells together, in bytes; cells that have some beyond it are left as they are.
const OUTPUTS_BYTES_MAX: usize = 64 << 20;

/// The type of the sessions whose documents are notebooks.
const NOTEBOOK: &str = "notebook";

/// Writes outputs into notebooks. A cheap clone.
#[derive(Clone)]
pub struct Merging {
    contents: ContentsManager,
    kernels: KernelManager,
    sessions: SessionManager,
    filters: Filters,
    askers: Askers,
}

impl Merging {
    /// Nothing was missed yet.
    #[must_use]
    pub fn new(
        contents: ContentsManager,
        kernels: KernelManager,
        sessions: SessionManager,
        filters: Filters,
    ) -> Self {
        Self {
            contents,
            kernels,
            sessions,
            filters,
            askers: Askers::default(),
        }
    }

    /// Somebody who may run code in a kernel connects to it: what they run is written down by their right.
    pub(crate) fn note_asker(&self, caller: &Caller, kernel: &Kernel) {
        self.askers.note(kernel.id(), caller.absentee());
    }

    /// A kernel has ended, and nothing more will be written of it.
    pub(crate) fn forget(&self, kernel: &KernelId) {
        self.askers.forget(kernel);
    }

    /// Merges what who opens the document would miss. Whatever hinders it does not hinder the opening.
    pub(crate) async fn before_opening(&self, caller: &Caller, path: &ContentsPath) {
        for session in self.sessions.all_at_path(path.as_str()) {
            if session.kind == NOTEBOOK
                && let Ok(kernel) = self.kernels.get(&session.kernel.id)
            {
                self.merge(caller, &kernel, path).await;
            }
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
        let Some(Allowed { file, executions }) = self.allowed(caller, kernel, path, due(kernel)).await else {
            return;
        };
        let retold = retell(
            kernel,
            executions,
            kernel.position(),
            &self.filters,
            OUTPUTS_BYTES_MAX,
        )
        .await;
        match self.write(file.entry(), retold).await {
            Ok(0) => {}
            Ok(cells) => {
                info!(kernel.id = %kernel.id(), %path, "wrote missed outputs of {cells} cells into {path}")
            }
            Err(error) => {
                warn!(kernel.id = %kernel.id(), %path, %error, "failed to write missed outputs into {path}")
            }
        }
    }

    /// Of what is due in a kernel, that which may be written into the document: each request's outputs by the right of
    /// who sent it, as if their page were there still. So outputs are trusted as those are that one saves oneself, and
    /// nobody has anything written by opening a session for a document of others.
    async fn allowed(
        &self,
        caller: &Caller,
        kernel: &Kernel,
        path: &ContentsPath,
        due: Vec<Execution>,
    ) -> Option<Allowed> {
        let mut files = HashMap::<ClientId, Option<ContentsName>>::new();
        let mut executions = Vec::new();
        for execution in due {
            let client = &execution.client;
            if !files.contains_key(client) {
                let asker = self.askers.find(kernel.id(), client).or_else(|| {
                    // After a restart of the server, for one.
                    let is_theirs = client.is_of_user(user_of_client(caller.identity()));
                    is_theirs.then(|| caller.absentee())
                });
                let file = match asker {
                    Some(asker) => may_fill(&asker, kernel, path).await,
                    None => None,
                };
                files.insert(client.clone(), file);
            }
            if let Some(Some(_)) = files.get(client) {
                executions.push(execution);
            }
        }
        let file = files.into_values().flatten().next()?;
        Some(Allowed { file, executions })
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

/// What may be written where.
struct Allowed {
    /// The guard has handed it out.
    file: ContentsName,
    executions: Vec<Execution>,
}

/// The document, if somebody may have outputs of this kernel in it: who may run code there and save the document.
async fn may_fill(asker: &Absentee, kernel: &Kernel, path: &ContentsPath) -> Option<ContentsName> {
    let kernel = Unchecked::<Kernels>::new(kernel.id().clone());
    let file = Unchecked::<Contents>::new(ContentsName::of(path.clone()));
    asker.also::<Execute, _>(kernel).await.ok()?;
    asker.also::<Write, _>(file).await.ok()
}
