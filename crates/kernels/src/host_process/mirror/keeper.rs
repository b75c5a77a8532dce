//! The server's task for one host: stays connected to it, and starts another when it is gone.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    Connected, HostProcess, Inlets, LeftBehind, Pauses, Shared, Spawning, clear_away,
    connect::{connect_to, is_gone},
    peer::Peer,
    reading::read,
    shared::Abandoned,
    spawn,
};
use crate::{
    Ended, ExecutionState, Exit, KernelError, Phase,
    host::{OwnMessages, Predecessor, journal::RunningRequest},
    host_process::{
        protocol::{Attached, ProtocolError, Wanted},
        setup::Setup,
    },
};

/// A connection that holds so long is a good one: should it break, it is made anew at once.
const STEADY: Duration = Duration::from_secs(1);

/// Looks after one host.
pub(super) struct Keeper {
    spawning: Spawning,
    setup: Setup,
    /// `None` for a host that another server has started.
    process: Option<HostProcess>,
    /// The host's process as the last connection to it showed it.
    peer: Option<Peer>,
    shared: Shared,
    inlets: Inlets,
    /// Cancelled, the host is killed: somebody wants its end, and it does not answer.
    condemned: CancellationToken,
    since: Instant,
    /// Whether the last connection held for a while.
    was_steady: bool,
    pauses: Pauses,
    /// Hosts in a row that did not live long.
    restarts_in_a_row: u32,
}

impl Keeper {
    pub(super) fn new(
        spawning: Spawning,
        setup: Setup,
        process: Option<HostProcess>,
        shared: Shared,
        inlets: Inlets,
        condemned: CancellationToken,
    ) -> Self {
        Self {
            spawning,
            setup,
            process,
            peer: None,
            shared,
            inlets,
            condemned,
            since: Instant::now(),
            was_steady: true,
            pauses: Pauses::new(),
            restarts_in_a_row: 0,
        }
    }

    /// Mirrors the host until its kernel is gone for good and nobody needs what it said.
    pub(super) async fn keep(mut self, mut connected: Connected) {
        let mut open = Abandoned::default();
        loop {
            self.mirror(connected, open).await;
            let abandoned = self.shared.abandon();
            if self.inlets.has_released() || self.has_ended() {
                // What was not heard of its last words is gone.
                self.shared.journal.close();
                break;
            }
            let condemned = self.condemned.clone();
            let again = tokio::select! {
                again = self.connect_again() => again,
                () = condemned.cancelled() => None,
            };
            (connected, open) = match again {
                Some(again) => (again, abandoned),
                None => match self.replace(abandoned).await {
                    Some(another) => another,
                    None => break,
                },
            };
        }
        self.spawning.registry.forget(&self.setup.address).await;
    }

    /// Serves one connection to its end.
    async fn mirror(&mut self, connected: Connected, open: Abandoned) {
        let Connected {
            mut reader,
            mut writer,
            attached,
            version,
            peer,
        } = connected;
        self.shared.note_version(version);
        self.peer = peer;
        self.learn(attached);
        let began = Instant::now();
        let error = tokio::select! {
            error = read(&self.shared, &mut reader) => error,
            error = self.inlets.write(&self.shared, &mut writer, open) => error,
            () = self.condemned.cancelled() => ProtocolError::TimedOut,
        };
        self.was_steady = began.elapsed() >= STEADY;
        if !self.inlets.has_released() {
            warn!(kernel.id = %self.shared.kernel_id, "the connection to the kernel's host broke: {error}");
        }
    }

    fn learn(&self, attached: Attached) {
        self.shared.status.send_replace(attached.status);
        self.shared.journal.index_requests(attached.requests);
        self.shared.journal.index_executions(attached.executions);
        self.shared.note_queued(attached.queued);
    }

    fn has_ended(&self) -> bool {
        matches!(self.shared.status.borrow().phase, Phase::Ended(_))
    }

    /// Connects to the same host, for as long as it is there. One that does not answer, or hangs up, is not gone: this
    /// process may have been stopped in the middle of a greeting, or the host is.
    async fn connect_again(&mut self) -> Option<Connected> {
        let wanted = Wanted {
            from: Some(self.shared.journal.head()),
            setup_known: true,
        };
        let message_bytes_max = self.setup.settings.limits.message_bytes_max;
        match self.was_steady {
            true => self.pauses = Pauses::new(),
            false => sleep(self.pauses.next()).await,
        }
        loop {
            let failed = match connect_to(&self.setup.address, message_bytes_max, wanted).await {
                Ok(connected) => return Some(connected),
                Err(failed) => failed,
            };
            if is_gone(&failed) || self.has_host_ended() {
                return None;
            }
            let id = &self.shared.kernel_id;
            warn!(kernel.id = %id, error = %failed, "the host of kernel {id} cannot be reached, trying again");
            sleep(self.pauses.next()).await;
        }
    }

    fn has_host_ended(&self) -> bool {
        self.peer.as_ref().is_some_and(Peer::has_ended)
    }

    /// Cleans up after a host that is gone, and its kernel with it; starts another, if that makes sense.
    async fn replace(&mut self, abandoned: Abandoned) -> Option<(Connected, Abandoned)> {
        let gone = self.clean_up().await;
        if !abandoned.shutdowns.is_empty() || self.condemned.is_cancelled() {
            self.end_as_asked(abandoned);
            return None;
        }
        let exit = gone.exit;
        let was = if matches!(exit, Exit::Signal(_)) {
            "was "
        } else {
            ""
        };
        let reason = format!("the process that hosted it {was}{exit}");
        if self.since.elapsed() >= self.setup.settings.stable_start_time {
            self.restarts_in_a_row = 0;
        }
        self.restarts_in_a_row = self.restarts_in_a_row.saturating_add(1);
        let settings = &self.setup.settings;
        if !settings.autorestart || self.restarts_in_a_row > settings.restart_limit {
            self.die(&reason);
            return None;
        }
        match self.spawn_another(&reason, &gone.discarded).await {
            Ok(connected) => Some((connected, abandoned)),
            // Somebody wanted its end meanwhile.
            Err(_given_up) if self.condemned.is_cancelled() => {
                self.end_as_asked(abandoned);
                None
            }
            Err(error) => {
                self.die(&error.to_string());
                None
            }
        }
    }

    /// Ends what the host may have left behind. The system has ended its kernel; what that has started is ended here.
    async fn clean_up(&mut self) -> Gone {
        let exit = match &mut self.process {
            Some(process) => {
                process.kill();
                process.exit().await
            }
            None => Exit::Unknown,
        };
        // One that nobody can reach any more would start its kernel again.
        if let Some(peer) = self.peer.take() {
            peer.kill();
        }
        clear_away(LeftBehind::of(&self.spawning, &self.setup)).await;
        let discarded = self.inlets.discard();
        Gone { exit, discarded }
    }

    async fn spawn_another(
        &mut self,
        reason: &str,
        discarded: &[Box<str>],
    ) -> Result<Connected, KernelError> {
        let id = &self.shared.kernel_id;
        warn!(kernel.id = %id, "kernel {id} died ({reason}), starting it again in another host");
        let before = self.shared.status.borrow().clone();
        let journal_end = self.shared.journal.head();
        let running = self.shared.journal.running();
        let discarded = discarded.iter().map(|msg_id| &**msg_id);
        self.shared.journal.end_executions(discarded);
        self.shared.status.send_modify(|status| {
            status.phase = Phase::Launching;
            status.execution_state = ExecutionState::Restarting;
        });
        let address = self.spawning.new_address()?;
        let host_mark = address.mark();
        let mut plan = self.setup.plan.clone().marked(host_mark);
        plan.change_variables(self.shared.variables.all());
        let setup = Setup {
            address,
            plan,
            predecessor: Some(Predecessor {
                journal_end,
                status: before,
                reason: format!(
                    "The kernel died ({reason}) and was started again.{}\n",
                    missing(&running)
                ),
                running,
            }),
            ..self.setup.clone()
        };
        let (process, connected) = spawn(&self.spawning, &setup, Some(journal_end), &self.condemned).await?;
        (self.process, self.setup, self.since) = (Some(process), setup, Instant::now());
        info!(kernel.id = %id, "started kernel {id} again");
        Ok(connected)
    }

    fn end_as_asked(&self, abandoned: Abandoned) {
        self.finish(Ended::ShutDown);
        for done in abandoned.shutdowns {
            // Whoever asked may have gone.
            let _asker = done.send(());
        }
    }

    /// Tells all clients, in the kernel's name, that it is gone.
    fn die(&self, reason: &str) {
        let own = OwnMessages::new();
        let session = self.shared.status.borrow().session.clone();
        let journal = &self.shared.journal;
        let running = journal.running();
        let text = format!("The kernel died ({reason}).{}\n", missing(&running));
        journal.tell_in(&running, || {
            own.stderr(session.as_deref(), &text, Timestamp::now())
        });
        journal.tell(&own.status(session.as_deref(), ExecutionState::Dead, Timestamp::now()));
        warn!(kernel.id = %self.shared.kernel_id, "kernel {} died ({reason})", self.shared.kernel_id);
        self.finish(Ended::Died {
            reason: reason.into(),
            stderr: "".into(),
        });
    }

    fn finish(&self, ended: Ended) {
        self.shared.status.send_modify(|status| {
            status.phase = Phase::Ended(ended);
            status.execution_state = ExecutionState::Dead;
        });
        self.shared.journal.close();
    }
}

/// A host that is gone.
struct Gone {
    exit: Exit,
    /// The ids of what was queued for it.
    discarded: Vec<Box<str>>,
}

/// What the user must know of the cells that ran: what their host had heard and nobody had read is gone with it.
fn missing(running: &[RunningRequest]) -> &'static str {
    match running.is_empty() {
        true => "",
        false => " The last of this cell's output may be missing.",
    }
}
