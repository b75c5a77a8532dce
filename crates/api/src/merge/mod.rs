//! Outputs that nobody was there to save.
//!
//! A front end that is closed while a cell runs loses what comes after, and one that is opened anew ignores it: its session
//! is another. So what was missed is written into the file: the outputs of requests whose client is gone, into the cells they
//! ran, if these hold the same code still and were not saved later. That happens before a notebook is opened, before and after
//! its kernel ends, and at the end of a cell when nobody looks at the kernel any more.
//!
//! Outputs go this way: **due** (the newest request of each cell whose client is gone: `due`) → **allowed** (by the right of who
//! sent it: `allowed`) → **retold** (from the journal: `channels::retell`) → **written** (into the cells of the file: `file`,
//! `notebook`) → **settled** (the file is known to have it all: `settled`). When that happens, and what is filled, stands in
//! [kernel messages](../../../../docs/kernel-messages.md#merge).
//!
//! Nothing here has a right of its own: each request's outputs are written by the right of who sent it, asked anew.

mod askers;
mod file;
mod left_over;
mod notebook;
mod settled;

use std::{collections::HashMap, time::Duration};

use authorization::{Absentee, Caller, Execute, Unchecked, Write};
use channels::{Filters, RetellingRoom, retell};
use contents::{ContentsManager, ContentsPath};
use futures::future::join_all;
use kernels::{ClientId, Ended, Execution, Kernel, KernelManager, Phase};
use sessions::SessionManager;
use tokio::time::timeout;
use tracing::{info, warn};

use self::{askers::Askers, settled::Settled};
use crate::{
    channels::user_of_client,
    contents::name::{Contents, ContentsName},
    resources::Kernels,
};

/// The outputs of all cells together, in bytes; cells that have some beyond it are left as they are.
const OUTPUTS_BYTES_MAX: usize = 64 << 20;

/// The longest that anybody waits for a merge: a kernel's host may not answer.
const MERGE_TIME_MAX: Duration = Duration::from_secs(5);

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
    settled: Settled,
    room: RetellingRoom,
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
            settled: Settled::default(),
            room: RetellingRoom::default(),
        }
    }

    /// Merges what who opens the document would miss. Whatever hinders it does not hinder the opening.
    pub(crate) async fn before_opening(&self, caller: &Caller, path: &ContentsPath) {
        for session in self.sessions.all_at_path(path.as_str()) {
            if session.kind == NOTEBOOK
                && let Ok(kernel) = self.kernels.get(&session.kernel.id)
            {
                let opener = caller.absentee();
                let right = |client: &ClientId| self.right(Some(&opener), &kernel, client);
                let seen_to = self.merge_by(&right, &kernel, path, due(&kernel)).await;
                // Of several documents it may be another whose cells these are.
                if self.sessions.paths_of(kernel.id(), NOTEBOOK).len() <= 1 {
                    kernel.note_seen_to(&seen_to);
                }
            }
        }
    }

    /// Merges into the notebooks of a kernel that `caller` is about to end.
    pub(crate) async fn before_ending(&self, caller: &Caller, kernel: &Kernel) {
        self.merge_all(Some(&caller.absentee()), kernel, due(kernel))
            .await;
    }

    /// Merges into the notebooks of a kernel that ends because nobody uses it.
    pub async fn before_culling(&self, kernel: &Kernel) {
        self.merge_all(None, kernel, due(kernel)).await;
    }

    /// Merges into the notebooks of all kernels that will not outlive this server.
    pub async fn before_stopping(&self, ending: &[Kernel]) {
        join_all(ending.iter().map(|kernel| self.before_culling(kernel))).await;
    }

    /// Merges into the notebooks of kernels that have died. Call it when some have ended, before anybody forgets whose
    /// they were.
    pub(crate) async fn after_deaths(&self) {
        let ended = self.askers.take_ended();
        let merges = ended.iter().map(async |(kernel, askers)| {
            self.settled.forget(kernel.id());
            let died = matches!(kernel.status().borrow().phase, Phase::Ended(Ended::Died { .. }));
            if died {
                let due = due(kernel);
                let right = |client: &ClientId| askers::find(askers.iter(), client);
                self.merge_all_by(&right, kernel, due).await;
            }
        });
        join_all(merges).await;
    }

    /// Into all notebooks of the kernel.
    async fn merge_all(&self, caller: Option<&Absentee>, kernel: &Kernel, due: Vec<Execution>) {
        let right = |client: &ClientId| self.right(caller, kernel, client);
        self.merge_all_by(&right, kernel, due).await;
    }

    async fn merge_all_by(&self, right: &Right<'_>, kernel: &Kernel, due: Vec<Execution>) {
        if due.is_empty() {
            return;
        }
        let mut seen_to = due.clone();
        for path in self.sessions.paths_of(kernel.id(), NOTEBOOK) {
            if let Ok(path) = path.parse() {
                let here = self.merge_by(right, kernel, &path, due.clone()).await;
                seen_to.retain(|execution| here.contains(execution));
            }
        }
        kernel.note_seen_to(&seen_to);
    }

    /// Who is asked about for a client: who has it; or, after a restart of the server, for one, who calls, if it is theirs.
    fn right(&self, caller: Option<&Absentee>, kernel: &Kernel, client: &ClientId) -> Option<Absentee> {
        self.askers.find(kernel.id(), client).or_else(|| {
            let caller = caller?;
            let is_theirs = client.is_of_user(user_of_client(caller.identity()));
            is_theirs.then(|| caller.clone())
        })
    }

    /// Gives what is written, or never will be here.
    async fn merge_by(
        &self,
        right: &Right<'_>,
        kernel: &Kernel,
        path: &ContentsPath,
        due: Vec<Execution>,
    ) -> Vec<Execution> {
        if due.is_empty() {
            return due;
        }
        let merging = async {
            let Allowed {
                file,
                executions,
                refused: mut seen_to,
            } = allowed(right, kernel, path, due).await;
            if let Some(file) = file {
                match self.write_missed(kernel, file.entry(), &executions).await {
                    Ok(written) => seen_to.extend(written),
                    Err(error) => {
                        warn!(kernel.id = %kernel.id(), %path, %error, "failed to write missed outputs into {path}");
                    }
                }
            }
            seen_to
        };
        timeout(MERGE_TIME_MAX, merging).await.unwrap_or_else(|_| {
            warn!(kernel.id = %kernel.id(), %path, "wrote no missed outputs into {path}: it took too long");
            Vec::new()
        })
    }

    /// Gives those of which the file has all that it can have.
    async fn write_missed(
        &self,
        kernel: &Kernel,
        path: &ContentsPath,
        executions: &[Execution],
    ) -> Result<Vec<Execution>, contents::ContentsError> {
        let outline = self.outline(path).await?;
        if self.settled.is(kernel.id(), path, outline.version, executions) {
            return Ok(executions.to_vec());
        }
        // It is never closed.
        let Some(place) = self.room.enter(kernel.id()).await else {
            return Ok(Vec::new());
        };
        let until = kernel.position();
        let mut retold = retell(
            kernel,
            executions.to_vec(),
            until,
            &self.filters,
            OUTPUTS_BYTES_MAX,
        )
        .await;
        let all = retold.len();
        retold.retain(|retold| retold.outputs.is_complete);
        let complete: Vec<_> = retold.iter().map(|retold| retold.execution.clone()).collect();
        let (cells, version) = self.write(path, outline, retold).await?;
        drop(place);
        if cells > 0 {
            info!(kernel.id = %kernel.id(), %path, "wrote missed outputs of {cells} cells into {path}");
        }
        if complete.len() == all {
            self.settled.note(kernel.id(), path, version, executions);
        }
        Ok(complete)
    }
}

/// By whose right outputs of a client's requests are written.
type Right<'a> = dyn Fn(&ClientId) -> Option<Absentee> + Send + Sync + 'a;

/// What may be written where.
struct Allowed {
    /// The guard has handed it out.
    file: Option<ContentsName>,
    executions: Vec<Execution>,
    /// Who sent them may not, or not any more.
    refused: Vec<Execution>,
}

/// Of what is due in a kernel, that which may be written into the document: each request's outputs by the right of who sent
/// it, as if their page were there still. So outputs are trusted as those are that one saves oneself, and nobody has
/// anything written by opening a session for a document of others.
async fn allowed(right: &Right<'_>, kernel: &Kernel, path: &ContentsPath, due: Vec<Execution>) -> Allowed {
    let mut files = HashMap::<ClientId, Option<ContentsName>>::new();
    let (mut executions, mut refused) = (Vec::new(), Vec::new());
    for execution in due {
        let client = &execution.client;
        if !files.contains_key(client) {
            let Some(asker) = right(client) else {
                // Who it is may be known later.
                continue;
            };
            files.insert(client.clone(), may_fill(&asker, kernel, path).await);
        }
        match files.get(client) {
            Some(Some(_)) => executions.push(execution),
            _ => refused.push(execution),
        }
    }
    Allowed {
        file: files.into_values().flatten().next(),
        executions,
        refused,
    }
}

/// The document, if somebody may have outputs of this kernel in it: who may run code there and save the document.
async fn may_fill(asker: &Absentee, kernel: &Kernel, path: &ContentsPath) -> Option<ContentsName> {
    let kernel = Unchecked::<Kernels>::new(kernel.id().clone());
    let file = Unchecked::<Contents>::new(ContentsName::of(path.clone()));
    asker.also::<Execute, _>(kernel).await.ok()?;
    asker.also::<Write, _>(file).await.ok()
}

/// The newest request of each cell, of those whose client is gone.
fn due(kernel: &Kernel) -> Vec<Execution> {
    let mut newest = kernel.newest_executions();
    newest.retain(|execution| execution.first.is_some() && !kernel.is_attached(&execution.client));
    newest
}
