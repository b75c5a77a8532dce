//! A kernel's life: launched, attended to, started again when it dies, ended when told to.

mod death;

use std::{io, time::Duration};

use jiff::Timestamp;
use serde_json::json;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tracing::{debug, info, warn};
use wire::Channel;

use self::death::Death;
use super::{
    handle::Command,
    launchpad::{Launchpad, Running},
};
use crate::{Ended, ExecutionState, Exit, InterruptMode, KernelError, Phase, Signal};

/// When the sockets break, how long to wait for the news that the kernel has died, before connecting again.
const DEATH_NEWS_WAIT: Duration = Duration::from_millis(300);

/// How long a kernel's last words may take to be read after its process has ended. They are in the sockets.
const LAST_WORDS_WAIT: Duration = Duration::from_secs(1);

/// How long the system may take to end a process that was killed.
const KILL_WAIT: Duration = Duration::from_secs(5);

/// The task of a host.
pub(super) struct Life {
    pad: Launchpad,
    running: Running,
    /// Restarts in a row, none of which lived long.
    restarts_in_a_row: u32,
    /// Whether it has ever answered.
    was_ready: bool,
}

/// How to end a process.
#[derive(Clone, Copy)]
struct Stop {
    /// Whether another follows, which the kernel is told.
    restart: bool,
    /// Whether it can be asked, or only be signalled.
    is_connected: bool,
}

/// What ends a time of being attended to.
enum Turn {
    Restart(oneshot::Sender<Result<(), KernelError>>),
    Shutdown(oneshot::Sender<()>),
    Died(Death),
}

impl Life {
    /// Launches the kernel for the first time.
    pub(super) async fn begin(mut pad: Launchpad) -> Result<Self, KernelError> {
        let running = pad.launch().await?;
        note_process(&pad, &running);
        Ok(Self {
            pad,
            running,
            restarts_in_a_row: 0,
            was_ready: false,
        })
    }

    /// Looks after the kernel until it is gone for good.
    pub(super) async fn live(mut self, mut commands: mpsc::Receiver<Command>) {
        let (ended, done) = loop {
            match self.attend(&mut commands).await {
                Turn::Shutdown(done) => {
                    let is_connected = self.is_connected();
                    self.stop(Stop {
                        restart: false,
                        is_connected,
                    })
                    .await;
                    break (Ended::ShutDown, Some(done));
                }
                Turn::Restart(done) => {
                    let restarted = self.restart().await;
                    let failed = restarted.as_ref().err().map(|error| self.died(error.to_string()));
                    // Whoever asked may have gone.
                    let _asker = done.send(restarted);
                    if let Some(ended) = failed {
                        break (ended, None);
                    }
                }
                Turn::Died(death) => {
                    if let Some(ended) = self.restart_after_death(&death, &commands).await {
                        break (ended, None);
                    }
                }
            }
        };
        self.finish(ended);
        if let Some(done) = done {
            let _asker = done.send(());
        }
    }

    /// Serves commands and keeps the sockets connected until something must change.
    async fn attend(&mut self, commands: &mut mpsc::Receiver<Command>) -> Turn {
        let process = self.running.process.clone();
        let mut ended = process.ended();
        let mut all_handles_dropped = false;
        loop {
            tokio::select! {
                command = commands.recv(), if !all_handles_dropped => match command {
                    Some(Command::Interrupt { done }) => {
                        let _asker = done.send(self.interrupt());
                    }
                    Some(Command::Settle { done }) => {
                        // It ends with this process.
                        let _asker = done.send(());
                    }
                    Some(Command::Restart { done }) => return Turn::Restart(done),
                    Some(Command::Shutdown { done }) => return Turn::Shutdown(done),
                    // The kernel goes on without anybody who could end it; its own end is still watched.
                    None => all_handles_dropped = true,
                },
                exit = &mut ended => return Turn::Died(Death::Ended(exit)),
                broken = &mut self.running.link.0 => {
                    let broken = broken.unwrap_or_else(|stopped| io::Error::other(stopped).into());
                    if broken.is_hostile() {
                        return Turn::Died(Death::Hostile(broken));
                    }
                    if let Ok(exit) = timeout(DEATH_NEWS_WAIT, &mut ended).await {
                        return Turn::Died(Death::Ended(exit));
                    }
                    warn!(
                        kernel.id = %self.pad.plan.kernel_id,
                        "the connection to the kernel broke ({broken}); connecting again, output may be lost"
                    );
                    if let Err(error) = self.connect_again() {
                        warn!(kernel.id = %self.pad.plan.kernel_id, %error, "failed to connect again");
                        return Turn::Died(Death::Ended(Exit::Unknown));
                    }
                }
            }
        }
    }

    fn connect_again(&mut self) -> Result<(), KernelError> {
        self.running.has_answered |= self.is_ready();
        self.was_ready |= self.running.has_answered;
        self.pad
            .core
            .change_status(|status| status.phase = Phase::Launching);
        self.running.link = self.pad.link()?;
        Ok(())
    }

    /// Interrupts what runs. While a process has not answered yet, nothing does; the signal would end it, because it
    /// handles signals only once it listens.
    fn interrupt(&self) -> Result<(), KernelError> {
        if !self.running.has_answered && !self.is_ready() {
            return Ok(());
        }
        match self.pad.plan.interrupt_mode {
            InterruptMode::Signal => {
                let signalled = self.running.process.signal(Signal::Interrupt);
                signalled.map_err(|source| KernelError::Interrupt { source })
            }
            InterruptMode::Message => {
                self.tell("interrupt_request", &json!({}))
                    .map_err(|full| KernelError::Interrupt {
                        source: std::io::Error::other(full),
                    })
            }
        }
    }

    /// Sends the kernel a request on control.
    fn tell(&self, msg_type: &str, content: &serde_json::Value) -> Result<(), mpsc::error::TrySendError<()>> {
        let request = self
            .pad
            .core
            .own
            .request(Channel::Control, msg_type, content, Timestamp::now());
        self.pad
            .own
            .control
            .try_send(request)
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => mpsc::error::TrySendError::Full(()),
                mpsc::error::TrySendError::Closed(_) => mpsc::error::TrySendError::Closed(()),
            })
    }

    async fn restart(&mut self) -> Result<(), KernelError> {
        let is_connected = self.is_connected();
        self.enter_restarting();
        self.stop(Stop {
            restart: true,
            is_connected,
        })
        .await;
        self.restarts_in_a_row = 0;
        self.leave_process().await;
        self.launch_again().await?;
        info!(kernel.id = %self.pad.plan.kernel_id, "restarted kernel {}", self.pad.plan.kernel_id);
        Ok(())
    }

    fn enter_restarting(&self) {
        self.pad.core.change_status(|status| {
            status.phase = Phase::Launching;
            status.execution_state = ExecutionState::Restarting;
            status.responsive = true;
        });
    }

    /// Drops the sockets to a process that has ended and what was still meant for it. Before anybody is told of the
    /// restart: what clients send once they know is for the next process.
    async fn leave_process(&self) {
        self.running.link.0.abort();
        self.pad.clear_queues().await;
    }

    /// Launches the next process, in place of one that has ended.
    async fn launch_again(&mut self) -> Result<(), KernelError> {
        self.pad.core.change_status(|status| {
            status.phase = Phase::Launching;
            status.restarts = status.restarts.saturating_add(1);
        });
        self.running = self.pad.launch().await?;
        note_process(&self.pad, &self.running);
        self.pad.core.change_status(|status| {
            status.execution_state = ExecutionState::Starting;
            status.last_activity = Timestamp::now();
        });
        Ok(())
    }

    /// Ends a process that must not be asked, and all it has started.
    async fn kill(&self) {
        // One of somebody else's cannot be ended; it is let go.
        if self.pad.plan.external.is_some() {
            return;
        }
        let (process, id) = (&self.running.process, &self.pad.plan.kernel_id);
        if let Err(error) = process.signal(Signal::Kill) {
            warn!(kernel.id = %id, %error, "failed to kill a kernel");
        }
        if timeout(KILL_WAIT, process.ended()).await.is_err() {
            warn!(kernel.id = %id, "kernel {id} was killed and has still not ended");
        }
    }

    /// Ends the process: asks it, then SIGTERM, then SIGKILL, as the reference.
    async fn stop(
        &mut self,
        Stop {
            restart,
            is_connected,
        }: Stop,
    ) {
        let process = self.running.process.clone();
        let patience = self.pad.settings.shutdown_wait / 2;
        let id = &self.pad.plan.kernel_id;
        if is_connected {
            // What runs would keep it from hearing the request.
            if let Err(error) = self.interrupt() {
                debug!(kernel.id = %id, %error, "failed to interrupt a kernel that is to end");
            }
            let asked = self.tell("shutdown_request", &json!({ "restart": restart }));
            if asked.is_ok() && timeout(patience, process.ended()).await.is_ok() {
                return self.hear_last_words(is_connected).await;
            }
            debug!(kernel.id = %id, "the kernel takes too long to end, sending SIGTERM");
        }
        for (signal, wait) in [(Signal::Terminate, patience), (Signal::Kill, KILL_WAIT)] {
            if let Err(error) = process.signal(signal) {
                warn!(kernel.id = %id, %error, "failed to signal a kernel that is to end");
            }
            if timeout(wait, process.ended()).await.is_ok() {
                return self.hear_last_words(is_connected).await;
            }
        }
        warn!(kernel.id = %id, "kernel {id} was killed and has still not ended");
    }

    fn is_ready(&self) -> bool {
        self.pad.core.status().phase == Phase::Ready
    }

    fn is_connected(&self) -> bool {
        self.pad.core.status().phase != Phase::Launching
    }

    /// Reads the sockets of a process that has ended to their end.
    async fn hear_last_words(&mut self, is_connected: bool) {
        if is_connected && !self.running.link.0.is_finished() {
            let _read = timeout(LAST_WORDS_WAIT, &mut self.running.link.0).await;
        }
    }

    /// Leaves nothing behind, and tells who listens.
    fn finish(self, ended: Ended) {
        let id = &self.pad.plan.kernel_id;
        if let Ended::Died { reason, stderr } = &ended {
            warn!(kernel.id = %id, "kernel {id} died ({reason})");
            let sentence = match reason.strip_prefix("killed") {
                Some(how) => format!("The kernel was killed{how}."),
                None => format!("The kernel died ({reason})."),
            };
            self.pad.core.explain(&format!("{sentence}\n{stderr}"));
            self.pad.core.announce(ExecutionState::Dead);
        } else {
            info!(kernel.id = %id, "kernel {id} ended");
        }
        self.pad.remove_connection_file();
        self.pad.core.change_status(|status| {
            status.phase = Phase::Ended(ended);
            status.execution_state = ExecutionState::Dead;
        });
        self.pad.core.journal.close();
    }
}

fn note_process(pad: &Launchpad, running: &Running) {
    pad.core
        .change_status(|status| status.process_id = running.process.id());
}
