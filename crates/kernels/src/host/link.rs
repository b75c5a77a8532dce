//! One set of sockets to a kernel, from connecting until something breaks. Then all of it is built anew: a
//! DEALER that is half dead loses messages without a word.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};
use tracing::{debug, warn};
use wire::{Channel, Signer, WireError, from_frames};

use super::{
    core::{Core, Heard, Output},
    drain::{self, Fetched},
    endpoints::Endpoints,
    handle::{Lanes, Upward},
    heartbeat,
    uplink::{Lane, Uplink},
};
use crate::{
    Phase,
    sockets::{Endpoint, Receiver, Role, Sender, SocketError, SocketLimits, connect},
};

/// How long to wait before trying again to connect: at first, and at most. A kernel takes some hundred
/// milliseconds to listen.
const CONNECT_RETRY: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(200));

/// After one socket broke, how long the others may take to be read to their end. A kernel that dies closes all.
const LAST_WORDS_WAIT: Duration = Duration::from_millis(500);

/// How long to wait for an answer to `kernel_info_request` before asking again.
const GREETING_RETRY: Duration = Duration::from_millis(500);

/// How often a kernel that answers is asked again because none of its output is heard.
const GREETINGS_WITHOUT_OUTPUT_MAX: u32 = 6;

/// How many messages in a row may be no messages of the kernel's. One is left out, as the reference does; who sends so
/// many, and nothing else between them, will not send any that can be read.
const UNREADABLE_IN_A_ROW_MAX: u32 = 100;

/// How often in a row something else may be met where the kernel should listen.
const STRANGERS_MET_MAX: u32 = 3;

/// What is needed to connect, again and again.
#[derive(Clone)]
pub(super) struct Linking {
    pub(super) core: Arc<Core>,
    pub(super) endpoints: Endpoints,
    pub(super) lanes: Lanes<Lane>,
    pub(super) own: Lanes<mpsc::Sender<Upward>>,
    pub(super) limits: SocketLimits,
    pub(super) heartbeat_interval: Duration,
}

/// How far the greeting is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Greeting {
    answered: bool,
    /// Clients' messages wait for this.
    pub(super) output_heard: bool,
}

impl Linking {
    /// Connects, however long that takes, and serves the sockets until one breaks.
    pub(super) async fn serve(self) -> SocketError {
        // Shell, control and stdin must have the same id: the kernel sends its input requests to the id that
        // asked on shell. A fresh one each time, since a router may still hold the old.
        let identity = uuid::Uuid::new_v4().to_string();
        let reach = |endpoint, role| reach(endpoint, role, identity.as_bytes(), self.limits);
        let connected = tokio::try_join!(
            reach(&self.endpoints.shell, Role::Dealer),
            reach(&self.endpoints.control, Role::Dealer),
            reach(&self.endpoints.stdin, Role::Dealer),
            reach(&self.endpoints.iopub, Role::Subscriber),
        );
        let (shell, control, stdin, iopub) = match connected {
            Ok(connected) => connected,
            Err(hostile) => return hostile,
        };
        debug!(kernel.id = %self.core.kernel_id, "connected to the kernel's sockets");
        self.core.enter(&Phase::Launching, Phase::Connected);
        let greeting = Arc::new(watch::Sender::new(Greeting::default()));
        let mut readers = JoinSet::new();
        let mut others = JoinSet::new();
        // Dropped, it would close the subscription.
        let (_subscription, iopub) = iopub;
        let (fetched, output) = drain::queue();
        others.spawn(drain::drain(iopub, fetched));
        readers.spawn(self.ear(Channel::Iopub, &greeting).listen_to_output(output));
        let lanes = &self.lanes;
        for (channel, (socket, receiver), lane) in [
            (Channel::Shell, shell, &lanes.shell),
            (Channel::Control, control, &lanes.control),
            (Channel::Stdin, stdin, &lanes.stdin),
        ] {
            readers.spawn(self.ear(channel, &greeting).listen(receiver));
            others.spawn(lane.clone().serve(Uplink {
                core: self.core.clone(),
                channel,
                signer: self.endpoints.signer.clone(),
                socket,
                greeting: greeting.subscribe(),
            }));
        }
        let heartbeat = self.endpoints.heartbeat.clone();
        others.spawn(for_ever(greet(self.core.clone(), self.own.clone(), greeting)));
        others.spawn(for_ever(heartbeat::beat(
            self.core.clone(),
            heartbeat,
            self.heartbeat_interval,
        )));
        let mut error = tokio::select! {
            Some(ended) = readers.join_next() => broken(ended),
            Some(ended) = others.join_next() => broken(ended),
        };
        let to_the_end = async {
            while let Some(ended) = readers.join_next().await {
                keep_worse(&mut error, broken(ended));
            }
        };
        // Whoever is not at its end by now hangs on a socket that is still open, and is dropped.
        let _at_the_end = timeout(LAST_WORDS_WAIT, to_the_end).await;
        while let Some(ended) = others.try_join_next() {
            keep_worse(&mut error, broken(ended));
        }
        error
    }

    fn ear(&self, channel: Channel, greeting: &Arc<watch::Sender<Greeting>>) -> Ear {
        Ear {
            core: self.core.clone(),
            channel,
            signer: self.endpoints.signer.clone(),
            greeting: greeting.clone(),
            unreadable_in_a_row: 0,
        }
    }
}

/// Listens on one channel.
struct Ear {
    core: Arc<Core>,
    channel: Channel,
    signer: Signer,
    greeting: Arc<watch::Sender<Greeting>>,
    unreadable_in_a_row: u32,
}

impl Ear {
    /// Reads a socket to its end.
    async fn listen(mut self, mut receiver: Receiver) -> SocketError {
        loop {
            let heard = match receiver.recv().await {
                Ok(frames) => self.hear_answer(frames),
                Err(error) => Err(error),
            };
            if let Err(error) = heard {
                return error;
            }
        }
    }

    /// Looks into what was fetched from iopub, to its end.
    async fn listen_to_output(mut self, mut output: mpsc::UnboundedReceiver<Fetched>) -> SocketError {
        while let Some(fetched) = output.recv().await {
            if let Err(error) = self.hear_output(fetched.messages) {
                return error;
            }
        }
        SocketError::Closed
    }

    fn hear_answer(&mut self, frames: Vec<Bytes>) -> Result<(), SocketError> {
        let heard = from_frames(self.channel, frames, &self.signer)
            .and_then(|message| self.core.hear_answer(&message));
        match heard {
            Ok(Heard::OwnKernelInfo) => note(&self.greeting, |greeting| &mut greeting.answered),
            Ok(Heard::Other) => {}
            Err(error) => return self.leave_out(error.to_string()),
        }
        self.unreadable_in_a_row = 0;
        Ok(())
    }

    fn hear_output(&mut self, messages: Vec<Vec<Bytes>>) -> Result<(), SocketError> {
        let verified = |frames| from_frames(self.channel, frames, &self.signer);
        let verified: Vec<_> = messages.into_iter().map(verified).collect();
        let mut outputs: Vec<Output<'_>> = Vec::with_capacity(verified.len());
        let mut all_heard = Ok(());
        for message in &verified {
            let read = |message| Output::read(message, outputs.last()).map_err(|error| error.to_string());
            match message.as_ref().map_err(WireError::to_string).and_then(read) {
                Ok(output) => {
                    self.unreadable_in_a_row = 0;
                    outputs.push(output);
                }
                Err(problem) => all_heard = self.leave_out(problem),
            }
            if all_heard.is_err() {
                break;
            }
        }
        if !outputs.is_empty() {
            self.core.hear_output(&outputs);
            note(&self.greeting, |greeting| &mut greeting.output_heard);
        }
        all_heard
    }

    fn leave_out(&mut self, problem: String) -> Result<(), SocketError> {
        let (id, channel) = (&self.core.kernel_id, self.channel);
        warn!(kernel.id = %id, %channel, error = problem, "left out a message of a kernel");
        self.unreadable_in_a_row = self.unreadable_in_a_row.saturating_add(1);
        let count = self.unreadable_in_a_row;
        match count >= UNREADABLE_IN_A_ROW_MAX {
            true => Err(SocketError::Unreadable { count, problem }),
            false => Ok(()),
        }
    }
}

/// How a task ended that serves a socket.
fn broken(ended: Result<SocketError, JoinError>) -> SocketError {
    ended.unwrap_or_else(|stopped| SocketError::Io {
        source: std::io::Error::other(stopped),
    })
}

/// Keeps what says most of two ends that belong together: one is mostly the consequence of the other.
fn keep_worse(error: &mut SocketError, other: SocketError) {
    if other.is_hostile() && !error.is_hostile() {
        *error = other;
    }
}

fn note(greeting: &watch::Sender<Greeting>, field: impl FnOnce(&mut Greeting) -> &mut bool) {
    greeting.send_if_modified(|greeting| !std::mem::replace(field(greeting), true));
}

/// Asks the kernel for its info until it has answered and its output is heard: before that, a client's first
/// outputs would be lost. Asked on control too, since shell answers only after what runs.
async fn greet(core: Arc<Core>, own: Lanes<mpsc::Sender<Upward>>, greeting: Arc<watch::Sender<Greeting>>) {
    let mut progress = greeting.subscribe();
    let mut without_output = 0;
    let mut ask_on_shell = true;
    loop {
        let ask = |channel| {
            core.own
                .request(channel, "kernel_info_request", &json!({}), Timestamp::now())
        };
        // Errors mean that the host is gone, or so much is queued that the question can wait.
        if ask_on_shell {
            let _full = own.shell.try_send(ask(Channel::Shell));
        }
        let _full = own.control.try_send(ask(Channel::Control));
        let done = progress.wait_for(|greeting| greeting.answered && greeting.output_heard);
        match timeout(GREETING_RETRY, done).await {
            Ok(Ok(_)) => break,
            Ok(Err(_)) => return,
            Err(_) => {}
        }
        let answered = greeting.borrow().answered;
        // One question waits in the shell's queue already until it is answered.
        ask_on_shell = answered;
        without_output += u32::from(answered);
        if without_output >= GREETINGS_WITHOUT_OUTPUT_MAX {
            warn!(kernel.id = %core.kernel_id, "the kernel answers, but none of its output is heard");
            // It may have none: clients wait no longer.
            note(&greeting, |greeting| &mut greeting.output_heard);
            break;
        }
    }
    core.enter(&Phase::Connected, Phase::Ready);
}

/// Work whose end says nothing about the sockets.
async fn for_ever(work: impl Future<Output = ()>) -> SocketError {
    work.await;
    std::future::pending().await
}

/// Connects, again and again. Whoever calls gives up when the kernel has died. Fails only when what listens there is no
/// kernel.
async fn reach(
    endpoint: &Endpoint,
    role: Role,
    identity: &[u8],
    limits: SocketLimits,
) -> Result<(Sender, Receiver), SocketError> {
    let (mut pause, pause_max) = CONNECT_RETRY;
    let mut strangers_met = 0;
    loop {
        match connect(endpoint, role, identity, limits).await {
            Ok(connected) => return Ok(connected),
            Err(SocketError::Io { .. }) => strangers_met = 0,
            Err(error) => {
                debug!(%error, ?endpoint, "failed to connect to a kernel's socket");
                strangers_met = if error.is_hostile() { strangers_met + 1 } else { 0 };
                if strangers_met >= STRANGERS_MET_MAX {
                    return Err(error);
                }
            }
        }
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(pause_max);
    }
}
