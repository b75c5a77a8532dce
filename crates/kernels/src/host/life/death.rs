//! What follows when a kernel died that nobody ended: it is started again, or said to be gone.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tracing::warn;

use super::Life;
use crate::{Ended, ExecutionState, Exit, KernelError, host::handle::Command, sockets::SocketError};

/// After how many restarts in a row the wait before the next is as long as it gets.
const BACK_OFF_STEPS: u32 = 3;

/// How often to look, in this wait, whether somebody wants something of the kernel.
const BACK_OFF_LOOK: Duration = Duration::from_millis(50);

/// What kernels say when somebody else listens on their ports.
const PORT_TAKEN: &str = "Address already in use";

/// Why a kernel is dead.
#[derive(Debug, thiserror::Error)]
pub(super) enum Death {
    #[error("{0}")]
    Ended(Exit),
    /// What it sends harms whoever listens, so its process must end, too.
    #[error("it was ended: {0}")]
    Hostile(SocketError),
}

impl Life {
    /// Starts a kernel that died by itself again, if that makes sense; else says why it is gone.
    pub(super) async fn restart_after_death(
        &mut self,
        death: &Death,
        commands: &mpsc::Receiver<Command>,
    ) -> Option<Ended> {
        self.was_ready |= self.is_ready();
        match death {
            Death::Ended(_) => self.hear_last_words(self.is_connected()).await,
            Death::Hostile(_) => self.kill().await,
        }
        let id = &self.pad.plan.kernel_id;
        if self.running.since.elapsed() >= self.pad.settings.stable_start_time {
            self.restarts_in_a_row = 0;
        }
        self.restarts_in_a_row = self.restarts_in_a_row.saturating_add(1);
        let is_hopeless = !self.was_ready && !self.is_port_taken(death);
        if !self.pad.settings.autorestart
            || is_hopeless
            || self.restarts_in_a_row > self.pad.settings.restart_limit
        {
            return Some(self.died(death.to_string()));
        }
        let (count, limit) = (self.restarts_in_a_row, self.pad.settings.restart_limit);
        warn!(kernel.id = %id, "kernel {id} died ({death}), starting it again ({count}/{limit})");
        match death {
            Death::Hostile(error) => {
                let text = format!("The kernel was ended, and is started again: {error}.\n");
                self.pad.core.explain(&text);
            }
            Death::Ended(exit) if exit.is_killed() => {
                let text = format!("The kernel was {exit}. It is started again.\n");
                self.pad.core.explain(&text);
            }
            Death::Ended(_) => {}
        }
        self.leave_process().await;
        self.enter_restarting();
        self.pad.core.announce(ExecutionState::Restarting);
        // One that met somebody else on its ports gets others at once.
        if self.was_ready {
            self.back_off(commands).await;
        }
        let relaunched = match self.new_addresses_unless_used() {
            Ok(()) => self.launch_again().await,
            Err(error) => Err(error),
        };
        relaunched.err().map(|error| self.died(error.to_string()))
    }

    /// Waits before the next of several restarts in a row, unless somebody wants something of the kernel: that is
    /// served by its next process.
    async fn back_off(&self, commands: &mpsc::Receiver<Command>) {
        let earlier = self.restarts_in_a_row.saturating_sub(1).min(BACK_OFF_STEPS);
        let wait = self.pad.settings.restart_wait_max * earlier / BACK_OFF_STEPS;
        let until = Instant::now() + wait;
        while Instant::now() < until && commands.is_empty() {
            sleep(BACK_OFF_LOOK.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }

    /// A kernel that never got to listen may have met somebody else on its ports. Once clients know it, its
    /// connection file stays as it is.
    fn new_addresses_unless_used(&mut self) -> Result<(), KernelError> {
        if !self.was_ready {
            self.pad.renew_addresses()?;
        }
        Ok(())
    }

    /// Whether somebody else listens where it should.
    fn is_port_taken(&self, death: &Death) -> bool {
        matches!(death, Death::Hostile(_)) || self.running.process.stderr_tail().contains(PORT_TAKEN)
    }

    pub(super) fn died(&self, reason: String) -> Ended {
        Ended::Died {
            reason: reason.into(),
            stderr: self.running.process.stderr_tail().into(),
        }
    }
}
