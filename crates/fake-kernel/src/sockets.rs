//! The five sockets, each owned by one task; messages go in and out through channels.

use std::time::Duration;

use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{Instant, sleep_until},
};
use wire::{Channel, Message, Signer, from_frames, split_identities};
use zeromq::{
    RepSocket, RouterRecvHalf, RouterSendHalf, RouterSocket, Socket, SocketRecv, SocketSend, XPubSocket,
    ZmqMessage,
};

use crate::{Connection, FakeKernelError};

/// How many messages wait for the iopub socket before the kernel itself waits.
pub(crate) const IOPUB_QUEUE_MESSAGES_MAX: usize = 1_024;
/// How much of large messages waits for it: a kernel that filled gigabytes would measure the memory, not the server.
pub(crate) const IOPUB_QUEUE_KIB_MAX: u32 = 4 << 10;
/// From this size on a message is large.
pub(crate) const LARGE_MESSAGE_BYTES: usize = 64 << 10;

/// A message that waits for the iopub socket.
pub(crate) struct Queued {
    pub(crate) message: ZmqMessage,
    /// What it takes of [`IOPUB_QUEUE_KIB_MAX`], until it has been sent.
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// All sockets of a kernel, bound.
pub(crate) struct Sockets {
    pub(crate) shell: Router,
    pub(crate) control: Router,
    pub(crate) stdin: Router,
    pub(crate) iopub: XPubSocket,
    pub(crate) heartbeat: RepSocket,
}

/// A router socket in two halves, so that a reply never waits for the next request.
pub(crate) struct Router {
    pub(crate) requests: Requests,
    pub(crate) replies: RouterSendHalf,
}

/// The receiving half: verified requests with the identities to answer to.
pub(crate) struct Requests {
    socket: RouterRecvHalf,
    channel: Channel,
}

/// A request and who asked.
pub(crate) struct Request {
    pub(crate) identities: Vec<Bytes>,
    pub(crate) message: Message,
}

impl Sockets {
    pub(crate) async fn bind(connection: &Connection) -> Result<Self, FakeKernelError> {
        let router = async |port, channel| {
            let (replies, socket) = bound(RouterSocket::new(), connection.endpoint(port))
                .await?
                .split();
            Ok::<_, FakeKernelError>(Router {
                requests: Requests { socket, channel },
                replies,
            })
        };
        Ok(Self {
            shell: router(connection.shell_port, Channel::Shell).await?,
            control: router(connection.control_port, Channel::Control).await?,
            stdin: router(connection.stdin_port, Channel::Stdin).await?,
            iopub: bound(XPubSocket::new(), connection.endpoint(connection.iopub_port)).await?,
            heartbeat: bound(RepSocket::new(), connection.endpoint(connection.hb_port)).await?,
        })
    }
}

async fn bound<S: Socket>(mut socket: S, endpoint: String) -> Result<S, FakeKernelError> {
    match socket.bind(&endpoint).await {
        Ok(_) => Ok(socket),
        Err(source) => Err(FakeKernelError::Bind {
            endpoint,
            source: Box::new(source),
        }),
    }
}

impl Requests {
    /// The next request with a good signature; others are told on stderr and dropped.
    pub(crate) async fn next(&mut self, signer: &Signer) -> Option<Request> {
        loop {
            let (identities, frames) = split_identities(self.socket.recv().await.ok()?.into_vec());
            match from_frames(self.channel, frames, signer) {
                Ok(message) => return Some(Request { identities, message }),
                #[expect(clippy::print_stderr, reason = "a kernel's stderr is its log")]
                Err(error) => eprintln!("fake-kernel: dropped a message on {}: {error}", self.channel),
            }
        }
    }
}

/// Sends what is queued to the subscribers; calls `welcome` with the topic of every new subscription.
pub(crate) async fn run_iopub(
    mut socket: XPubSocket,
    mut queue: mpsc::Receiver<Queued>,
    subscriptions_after: Duration,
    welcome: impl Fn(&Bytes) -> ZmqMessage,
) {
    let hears_at = Instant::now() + subscriptions_after;
    loop {
        let Queued { message, room } = tokio::select! {
            biased;
            subscription = async { sleep_until(hears_at).await; socket.recv().await } => match subscription.ok().and_then(|frames| frames.get(0).cloned()) {
                Some(frame) if frame.first() == Some(&1) => Queued { message: welcome(&frame.slice(1..)), room: None },
                // An unsubscription, or a subscriber that left.
                _ => continue,
            },
            message = queue.recv() => match message {
                Some(queued) => queued,
                None => return,
            },
        };
        // A failed send is a subscriber that left.
        let _ = socket.send(message).await;
        drop(room);
    }
}

/// Echoes every ping.
pub(crate) async fn run_heartbeat(mut socket: RepSocket) {
    loop {
        if let Ok(ping) = socket.recv().await {
            // A failed send is a client that left.
            let _ = socket.send(ping).await;
        }
    }
}
