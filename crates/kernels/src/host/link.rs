//! One set of sockets to a kernel, from connecting until something breaks. Then all of it is built anew: a
//! DEALER that is half dead loses messages without a word.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{debug, warn};
use wire::{Channel, Signer, from_frames};

use super::{
    core::{Core, Heard},
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
        let (shell, control, stdin, iopub) = tokio::join!(
            reach(&self.endpoints.shell, Role::Dealer),
            reach(&self.endpoints.control, Role::Dealer),
            reach(&self.endpoints.stdin, Role::Dealer),
            reach(&self.endpoints.iopub, Role::Subscriber),
        );
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
        let error = tokio::select! {
            Some(ended) = readers.join_next() => ended,
            Some(ended) = others.join_next() => ended,
        };
        let to_the_end = async { while readers.join_next().await.is_some() {} };
        // Whoever is not at its end by now hangs on a socket that is still open, and is dropped.
        let _at_the_end = timeout(LAST_WORDS_WAIT, to_the_end).await;
        error.unwrap_or_else(|stopped| SocketError::Io {
            source: std::io::Error::other(stopped),
        })
    }

    fn ear(&self, channel: Channel, greeting: &Arc<watch::Sender<Greeting>>) -> Ear {
        Ear {
            core: self.core.clone(),
            channel,
            signer: self.endpoints.signer.clone(),
            greeting: greeting.clone(),
        }
    }
}

/// Listens on one channel.
struct Ear {
    core: Arc<Core>,
    channel: Channel,
    signer: Signer,
    greeting: Arc<watch::Sender<Greeting>>,
}

impl Ear {
    /// Reads a socket to its end.
    async fn listen(self, mut receiver: Receiver) -> SocketError {
        loop {
            match receiver.recv().await {
                Ok(frames) => self.hear(frames),
                Err(error) => return error,
            }
        }
    }

    /// Looks into what was fetched from iopub, to its end.
    async fn listen_to_output(self, mut output: mpsc::UnboundedReceiver<Fetched>) -> SocketError {
        while let Some(fetched) = output.recv().await {
            self.hear(fetched.frames);
        }
        SocketError::Closed
    }

    fn hear(&self, frames: Vec<Bytes>) {
        let message = match from_frames(self.channel, frames, &self.signer) {
            Ok(message) => message,
            Err(error) => {
                let (id, channel) = (&self.core.kernel_id, self.channel);
                warn!(kernel.id = %id, %channel, %error, "left out a message of a kernel");
                return;
            }
        };
        match self.core.hear(&message) {
            Heard::Output => note(&self.greeting, |greeting| &mut greeting.output_heard),
            Heard::OwnKernelInfo => note(&self.greeting, |greeting| &mut greeting.answered),
            Heard::Other => {}
        }
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

/// Connects, again and again. Whoever calls gives up when the kernel has died.
async fn reach(endpoint: &Endpoint, role: Role, identity: &[u8], limits: SocketLimits) -> (Sender, Receiver) {
    let (mut pause, pause_max) = CONNECT_RETRY;
    loop {
        match connect(endpoint, role, identity, limits).await {
            Ok(connected) => return connected,
            Err(SocketError::Io { .. }) => {}
            Err(error) => debug!(%error, ?endpoint, "failed to connect to a kernel's socket"),
        }
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(pause_max);
    }
}
