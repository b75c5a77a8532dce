//! A running kernel, as the rest of the server knows it.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use wire::{Channel, Message};

use crate::attachment::newest_of;
use crate::{
    Attachment, ClientId, Ended, ExecutionState, KernelAction, KernelDone, KernelError, KernelId,
    KernelModel, KernelObserver, KernelStatus, KernelUsage, Phase,
    host::{
        HostHandle,
        handle::HostGone,
        journal::{Execution, MSG_ID_BYTES_MAX, Position, Retelling},
    },
};

/// How long a kernel's host, which may be another process, has for an answer. To end a kernel takes it longer, to start
/// another longer still.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// How long a kernel's host has to start another kernel, when the one before has ended.
const RESTART_WAIT: Duration = Duration::from_secs(60);

/// A handle on a kernel; cheap to clone. The kernel outlives its handles: it ends by [`shutdown`](Self::shutdown)
/// or by itself.
#[derive(Clone)]
pub struct Kernel(Arc<Shared>);

struct Shared {
    id: KernelId,
    name: Arc<str>,
    directory: Arc<Path>,
    host: HostHandle,
    kernel_info_timeout: Duration,
    observer: Arc<dyn KernelObserver>,
    /// Of one that somebody else started: cancelled, the server lets go of it.
    let_go: Option<CancellationToken>,
}

impl Kernel {
    pub(crate) fn new(
        id: KernelId,
        name: Arc<str>,
        directory: Arc<Path>,
        host: HostHandle,
        kernel_info_timeout: Duration,
        observer: Arc<dyn KernelObserver>,
    ) -> Self {
        Self(Arc::new(Shared {
            id,
            name,
            directory,
            host,
            kernel_info_timeout,
            observer,
            let_go: None,
        }))
    }

    /// The same, fresh from [`new`](Self::new), as one that somebody else started.
    pub(crate) fn external(mut self, let_go: CancellationToken) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.0) {
            shared.let_go = Some(let_go);
        }
        self
    }

    /// Whether somebody else has started it.
    pub(crate) fn is_external(&self) -> bool {
        self.0.let_go.is_some()
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &KernelId {
        &self.0.id
    }

    /// The name of its kernelspec.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// The directory it was started in.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }

    /// What Jupyter's API shows of it.
    #[must_use]
    pub fn model(&self) -> KernelModel {
        let status = self.0.host.status.borrow();
        KernelModel {
            id: self.0.id.clone(),
            name: self.0.name.clone(),
            last_activity: status.last_activity,
            execution_state: status.execution_state,
            connections: self.0.host.clients.connections(),
            reason: status.reason().map(str::to_owned),
            usage: self.0.host.gauge.known(),
        }
    }

    /// What it and all that it started use, measured at most so long ago; `None` when that cannot be known. The model
    /// shows it from then on, for a while.
    pub async fn usage(&self, age_max: Duration) -> Option<KernelUsage> {
        self.0.host.gauge.measure(age_max).await
    }

    /// What is known of it, and a wake-up when that changes (`last_activity` alone does not wake).
    #[must_use]
    pub fn status(&self) -> watch::Receiver<KernelStatus> {
        self.0.host.status.clone()
    }

    /// The `session` in the headers of its own messages. Messages made in its name carry this, because
    /// JupyterLab takes a change of it for a restart.
    #[must_use]
    pub fn last_session(&self) -> Option<Arc<str>> {
        self.0.host.status.borrow().session.clone()
    }

    /// Waits until it is alive, has answered `kernel_info` and its output is listened to.
    ///
    /// # Errors
    /// [`KernelError::Died`] with the kernel's own words, [`KernelError::NoAnswer`] after the configured time,
    /// [`KernelError::NoSuchKernel`] when it was shut down meanwhile.
    pub async fn ready(&self) -> Result<(), KernelError> {
        let decided = |phase: &Phase| matches!(phase, Phase::Ready | Phase::Ended(_));
        self.wait_for(decided, self.0.kernel_info_timeout).await
    }

    /// Waits until it has opened its sockets, or is dead, or `window` is over (which is no error).
    pub(crate) async fn outlives(&self, window: Duration) -> Result<(), KernelError> {
        match self
            .wait_for(|phase| !matches!(phase, Phase::Launching), window)
            .await
        {
            Err(KernelError::NoAnswer { .. }) => Ok(()),
            result => result,
        }
    }

    async fn wait_for(&self, decided: impl Fn(&Phase) -> bool, after: Duration) -> Result<(), KernelError> {
        let mut status = self.status();
        let phase = {
            let waiting = status.wait_for(|status| decided(&status.phase));
            match tokio::time::timeout(after, waiting).await {
                Err(_) => return Err(KernelError::NoAnswer { after }),
                Ok(Err(_)) => return Err(self.gone()),
                Ok(Ok(status)) => status.phase.clone(),
            }
        };
        match phase {
            Phase::Launching | Phase::Connected | Phase::Ready => Ok(()),
            Phase::Ended(Ended::ShutDown) => Err(self.gone()),
            Phase::Ended(Ended::Died { reason, stderr }) => Err(KernelError::Died {
                name: self.0.name.to_string(),
                reason: reason.to_string(),
                stderr: stderr.to_string(),
            }),
        }
    }

    /// Completes when it is gone for good.
    pub async fn ended(&self) -> Ended {
        let mut status = self.status();
        let ended = status
            .wait_for(|status| matches!(status.phase, Phase::Ended(_)))
            .await;
        match ended.as_deref() {
            Ok(KernelStatus {
                phase: Phase::Ended(ended),
                ..
            }) => ended.clone(),
            _ => Ended::ShutDown,
        }
    }

    /// Listens to it. A second attachment of the same client supersedes the first. A new client starts at "now";
    /// one that was here before goes on where it stopped.
    #[must_use]
    pub fn attach(&self, client: ClientId) -> Attachment {
        self.0.host.clients.attach(client)
    }

    /// Sends it a request (or an `input_reply`); the answers go to `from`. Waits while the kernel takes no more,
    /// and while it is being started again.
    ///
    /// # Errors
    /// When `message` has no readable header, an id that is too long or is for iopub, or the kernel is gone.
    pub async fn send(&self, from: ClientId, message: Message) -> Result<(), KernelError> {
        if message.channel == Channel::Iopub {
            return Err(KernelError::IopubIsForListening);
        }
        let header = message
            .header()
            .map_err(|source| KernelError::Message { source })?;
        if header.msg_id.len() > MSG_ID_BYTES_MAX {
            return Err(KernelError::LongMessageId {
                bytes_max: MSG_ID_BYTES_MAX,
            });
        }
        let msg_id: Box<str> = header.msg_id.into();
        if let Some(execution) = Execution::of(&from, &msg_id, &message) {
            self.0.host.journal.note_execution(execution);
        }
        let sent = self.0.host.send(from, msg_id, message).await;
        sent.map_err(|_| self.gone())
    }

    /// Where the first output of the request `msg_id` stands in the journal, if it is still known:
    /// to give a client that came back all of a request's outputs ([`Attachment::seek`]).
    #[must_use]
    pub fn first_answering(&self, msg_id: &str) -> Option<Position> {
        self.0.host.journal.first_answering(msg_id)
    }

    /// The requests to run code that are still known, oldest first.
    #[must_use]
    pub fn executions(&self) -> Vec<Execution> {
        self.0.host.journal.executions()
    }

    /// A wake-up whenever some of them have ended, and how often that was because their process did. (The status may say so
    /// before they have.)
    #[must_use]
    pub fn ends(&self) -> watch::Receiver<u64> {
        self.0.host.journal.ends()
    }

    /// The newest of them in each cell.
    #[must_use]
    pub fn newest_executions(&self) -> Vec<Execution> {
        newest_of(self.executions())
    }

    /// What these have said, those that have ended, is written down or never will be: it need not be kept for clients that
    /// are gone for good.
    pub fn note_seen_to(&self, executions: &[Execution]) {
        self.0.host.clients.note_seen_to(executions);
    }

    /// A client that is gone has closed its connection, and not only lost it. What its requests say is kept on only if it is
    /// to be written somewhere (`is_written`). Gives the position before which it has all; `None` if it is there again.
    pub fn note_goodbye(&self, client: &ClientId, is_written: bool) -> Option<Position> {
        self.0.host.clients.say_goodbye(client, is_written)
    }

    /// Where its next message will stand.
    #[must_use]
    pub fn position(&self) -> Position {
        self.0.host.journal.head()
    }

    /// What it has said to everyone from `from` until `until`, as far as that is still known; for who is no client.
    #[must_use]
    pub fn said_between(&self, from: Position, until: Position) -> Retelling {
        Retelling::new(self.0.host.journal.clone(), from, until)
    }

    /// Whether this client is attached now.
    #[must_use]
    pub fn is_attached(&self, client: &ClientId) -> bool {
        self.0.host.clients.is_attached(client)
    }

    /// Stops what it does, by signal or by message, as its kernelspec says.
    ///
    /// # Errors
    /// When it is gone or cannot be signalled.
    pub async fn interrupt(&self) -> Result<(), KernelError> {
        let asked = self.answered(ANSWER_WAIT, self.0.host.interrupt()).await;
        let interrupted = asked.and_then(std::convert::identity);
        self.tell(KernelAction::Interrupt, interrupted.as_ref().err());
        interrupted
    }

    /// Ends its process and starts it anew, under the same id, with the same connection file. Returns when the
    /// new process has opened its sockets, or is seen to be dead.
    ///
    /// # Errors
    /// When it is gone, or the new process could not be started or died at once.
    pub async fn restart(&self) -> Result<(), KernelError> {
        if self.is_external() {
            let id = self.0.id.clone();
            return Err(KernelError::External { id });
        }
        let within = self.0.host.shutdown_wait.saturating_add(RESTART_WAIT);
        let asked = self.answered(within, self.0.host.restart()).await;
        let restarted = match asked.and_then(std::convert::identity) {
            Ok(()) => self.outlives(self.0.kernel_info_timeout).await,
            Err(error) => Err(error),
        };
        // One that works is told of by the manager, which sees those that nobody asked for, too.
        if let Err(error) = &restarted {
            self.tell(KernelAction::Restart, Some(error));
        }
        restarted
    }

    /// Ends it: first asked politely, then by signals. Returns when nothing of it is left. One that somebody else
    /// started goes on without this server.
    ///
    /// # Errors
    /// [`KernelError::NoSuchKernel`] when it was gone already, [`KernelError::NoAnswer`] when it cannot be ended.
    pub async fn shutdown(&self) -> Result<(), KernelError> {
        if let Some(let_go) = &self.0.let_go {
            let_go.cancel();
            self.ended().await;
            return Ok(());
        }
        let within = self.0.host.shutdown_wait.saturating_add(ANSWER_WAIT);
        match (
            self.answered(within, self.0.host.shutdown()).await,
            &self.0.host.condemned,
        ) {
            (Err(KernelError::NoAnswer { .. }), Some(condemned)) => {
                let id = &self.0.id;
                warn!(kernel.id = %id, "the host of kernel {id} does not answer and is killed");
                condemned.cancel();
                let ended = async { Ok(self.ended().await) };
                self.answered(ANSWER_WAIT, ended).await?;
            }
            (ended, _) => ended?,
        }
        self.tell(KernelAction::Shutdown, None);
        Ok(())
    }

    /// What its host answers, unless it takes too long.
    async fn answered<T>(
        &self,
        within: Duration,
        answer: impl Future<Output = Result<T, HostGone>>,
    ) -> Result<T, KernelError> {
        match tokio::time::timeout(within, answer).await {
            Ok(answered) => answered.map_err(|HostGone| self.gone()),
            Err(_) => Err(KernelError::NoAnswer { after: within }),
        }
    }

    /// Whether it goes on when this server is gone.
    #[must_use]
    pub fn outlives_server(&self) -> bool {
        self.0.host.condemned.is_some()
    }

    /// Has its next process start with other values of these variables, those that it has.
    pub fn change_variables(&self, variables: Vec<(String, String)>) {
        self.0.host.variables.change(variables);
    }

    /// Makes sure that the next server knows how far its clients are.
    pub(crate) async fn settle(&self) {
        // One that is gone needs nothing, and one that does not answer has heard most of it.
        let _settled = self.answered(ANSWER_WAIT, self.0.host.settle()).await;
    }

    /// Tells the observer what was done to it.
    pub(crate) fn tell(&self, action: KernelAction, failure: Option<&KernelError>) {
        self.0.observer.done(KernelDone {
            action,
            id: self.0.id.clone(),
            name: self.0.name.clone(),
            failure: failure.map(ToString::to_string),
        });
    }

    /// Tells the observer of each restart that works, but for the first `told`, until the kernel has ended.
    pub(crate) async fn tell_restarts(&self, mut told: u64) {
        let mut status = self.status();
        while status.changed().await.is_ok() {
            let (restarts, is_launched, has_ended) = {
                let status = status.borrow_and_update();
                let is_launched = status.execution_state != ExecutionState::Restarting;
                (
                    status.restarts,
                    is_launched,
                    matches!(status.phase, Phase::Ended(_)),
                )
            };
            if has_ended {
                return;
            }
            while is_launched && told < restarts {
                told += 1;
                self.tell(KernelAction::Restart, None);
            }
        }
    }

    /// Whether both handles are on the same kernel.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn gone(&self) -> KernelError {
        KernelError::NoSuchKernel {
            id: self.0.id.clone(),
        }
    }
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Kernel")
            .field("id", &self.0.id)
            .finish_non_exhaustive()
    }
}
