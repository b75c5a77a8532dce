//! What the server and a kernel's host say to each other: plain messages, so that a host can become a process
//! of its own.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use wire::{Channel, Message};

use super::journal::Journal;
use crate::{ClientId, KernelError, KernelStatus};

/// What a host is told to do.
pub(crate) enum Command {
    Interrupt {
        done: oneshot::Sender<Result<(), KernelError>>,
    },
    Restart {
        done: oneshot::Sender<Result<(), KernelError>>,
    },
    Shutdown {
        done: oneshot::Sender<()>,
    },
}

/// Whose request it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    Client(ClientId),
    /// The host itself: nobody sees the answer.
    Host,
}

/// A message on its way to the kernel.
pub(crate) struct Upward {
    pub(crate) from: Asker,
    pub(crate) msg_id: Box<str>,
    pub(crate) message: Message,
}

/// The host has ended.
pub(crate) struct HostGone;

/// The server's end of a host.
pub(crate) struct HostHandle {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) lanes: Lanes<mpsc::Sender<Upward>>,
    pub(crate) status: watch::Receiver<KernelStatus>,
    pub(crate) journal: Arc<Journal>,
}

/// One of something for each channel that messages are sent on.
#[derive(Clone)]
pub(crate) struct Lanes<T> {
    pub(crate) shell: T,
    pub(crate) control: T,
    pub(crate) stdin: T,
}

impl HostHandle {
    /// Queues a message; waits while the queue is full. Iopub is nobody's to send on and goes nowhere.
    pub(crate) async fn send(
        &self,
        from: ClientId,
        msg_id: Box<str>,
        message: Message,
    ) -> Result<(), HostGone> {
        let lane = match message.channel {
            Channel::Shell => &self.lanes.shell,
            Channel::Control => &self.lanes.control,
            Channel::Stdin => &self.lanes.stdin,
            Channel::Iopub => return Ok(()),
        };
        let from = Asker::Client(from);
        let upward = Upward {
            from,
            msg_id,
            message,
        };
        lane.send(upward).await.map_err(|_| HostGone)
    }

    pub(crate) async fn interrupt(&self) -> Result<Result<(), KernelError>, HostGone> {
        self.ask(|done| Command::Interrupt { done }).await
    }

    pub(crate) async fn restart(&self) -> Result<Result<(), KernelError>, HostGone> {
        self.ask(|done| Command::Restart { done }).await
    }

    pub(crate) async fn shutdown(&self) -> Result<(), HostGone> {
        self.ask(|done| Command::Shutdown { done }).await
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, HostGone> {
        let (done, answer) = oneshot::channel();
        self.commands.send(command(done)).await.map_err(|_| HostGone)?;
        answer.await.map_err(|_| HostGone)
    }
}
