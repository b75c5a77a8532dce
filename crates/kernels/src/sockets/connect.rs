//! Frames ⇄ socket.

use std::{io, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter},
    net::TcpStream,
};

use super::{
    IpcSocket, SocketError,
    frames::{self, Decoder, GREETING_BYTES, Received, SocketLimits},
};

/// How long a peer that has accepted the connection may take for the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How much is read at once, at least.
const READ_BYTES_MIN: usize = 64 << 10;

/// What is collected before it is written; larger frames are written from where they are.
const WRITE_BUFFER_BYTES: usize = 64 << 10;

/// Where a kernel's socket is.
#[derive(Clone, Debug)]
pub(crate) enum Endpoint {
    Tcp(SocketAddr),
    Ipc(IpcSocket),
}

/// What kind of socket we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Talks to the kernel's ROUTER.
    Dealer,
    /// Hears all of the kernel's PUB.
    Subscriber,
    /// Asks the kernel's REP.
    Requester,
}

impl Role {
    fn socket_type(self) -> &'static str {
        match self {
            Self::Dealer => "DEALER",
            Self::Subscriber => "SUB",
            Self::Requester => "REQ",
        }
    }
}

/// The sending half of a socket.
pub(crate) struct Sender(BufWriter<Box<dyn AsyncWrite + Send + Sync + Unpin>>);

/// The receiving half of a socket.
pub(crate) struct Receiver {
    stream: Box<dyn AsyncRead + Send + Sync + Unpin>,
    decoder: Decoder,
    /// What is wrong with that which came after the last message.
    failed: Option<SocketError>,
}

/// Connects, once. `identity` is the routing id a ROUTER knows us by.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    role: Role,
    identity: &[u8],
    limits: SocketLimits,
) -> Result<(Sender, Receiver), SocketError> {
    let (mut sender, mut receiver) = open(endpoint, limits).await?;
    let handshake = async {
        sender.write(&[&frames::greeting()]).await?;
        receiver.check_greeting().await?;
        sender
            .write(&[&frames::ready(role.socket_type(), identity)])
            .await?;
        receiver.ready().await?;
        if role == Role::Subscriber {
            // In ZMTP 3.0 a subscription is a message: 1, and the topic, here the empty one.
            sender.send(&[Bytes::from_static(&[1])]).await?;
        }
        Ok((sender, receiver))
    };
    tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake)
        .await
        .map_err(|_| SocketError::Silent)?
}

async fn open(endpoint: &Endpoint, limits: SocketLimits) -> Result<(Sender, Receiver), SocketError> {
    match endpoint {
        Endpoint::Tcp(address) => {
            let stream = TcpStream::connect(address).await?;
            if is_self_connected(&stream) {
                return Err(io::Error::from(io::ErrorKind::ConnectionRefused).into());
            }
            // Without it a small request waits 40 ms for the acknowledgement of the one before.
            stream.set_nodelay(true)?;
            let (reader, writer) = stream.into_split();
            Ok(halves(reader, writer, limits))
        }
        Endpoint::Ipc(socket) => {
            let (reader, writer) = socket.connect().await?.into_split();
            Ok(halves(reader, writer, limits))
        }
    }
}

/// Connecting to a port of our own range on which nobody listens may, by chance, connect to itself, and so take
/// the port from the kernel that is about to listen on it.
fn is_self_connected(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(local), Ok(peer)) if local == peer)
}

fn halves(
    reader: impl AsyncRead + Send + Sync + Unpin + 'static,
    writer: impl AsyncWrite + Send + Sync + Unpin + 'static,
    limits: SocketLimits,
) -> (Sender, Receiver) {
    let sender = Sender(BufWriter::with_capacity(WRITE_BUFFER_BYTES, Box::new(writer)));
    let receiver = Receiver {
        stream: Box::new(reader),
        decoder: Decoder::new(limits),
        failed: None,
    };
    (sender, receiver)
}

impl Sender {
    /// Sends one message.
    pub(crate) async fn send(&mut self, message: &[Bytes]) -> Result<(), SocketError> {
        let last = message.len().saturating_sub(1);
        for (index, frame) in message.iter().enumerate() {
            self.0
                .write_all(&frames::message_head(frame.len(), index < last))
                .await?;
            self.0.write_all(frame).await?;
        }
        self.0.flush().await?;
        Ok(())
    }

    async fn write(&mut self, parts: &[&[u8]]) -> Result<(), SocketError> {
        for part in parts {
            self.0.write_all(part).await?;
        }
        self.0.flush().await?;
        Ok(())
    }
}

impl Receiver {
    /// The next message. Cancel-safe.
    pub(crate) async fn recv(&mut self) -> Result<Vec<Bytes>, SocketError> {
        loop {
            match self.received().await? {
                Received::Message(frames) => return Ok(frames),
                // Commands are for extensions we do not have.
                Received::Command(_) => {}
            }
        }
    }

    /// The next message, and those that were read with it. Cancel-safe.
    pub(crate) async fn recv_all(&mut self) -> Result<Vec<Vec<Bytes>>, SocketError> {
        let mut messages = vec![self.recv().await?];
        loop {
            match self.decoder.next() {
                Ok(Some(Received::Message(frames))) => messages.push(frames),
                Ok(Some(Received::Command(_))) => {}
                Ok(None) => return Ok(messages),
                Err(error) => {
                    self.failed = Some(error);
                    return Ok(messages);
                }
            }
        }
    }

    async fn ready(&mut self) -> Result<(), SocketError> {
        match self.received().await? {
            Received::Command(command) if frames::is_ready(&command) => Ok(()),
            Received::Command(_) | Received::Message(_) => Err(SocketError::NotZmtp {
                problem: "it refuses us",
            }),
        }
    }

    async fn check_greeting(&mut self) -> Result<(), SocketError> {
        let mut greeting = [0; GREETING_BYTES];
        self.stream.read_exact(&mut greeting).await.map_err(closed)?;
        frames::check_greeting(&greeting)
    }

    async fn received(&mut self) -> Result<Received, SocketError> {
        if let Some(failed) = self.failed.take() {
            return Err(failed);
        }
        loop {
            if let Some(received) = self.decoder.next()? {
                return Ok(received);
            }
            let buffer: &mut BytesMut = &mut self.decoder.buffer;
            // Doubles with what has really come, never by what is announced.
            buffer.reserve(READ_BYTES_MIN.max(buffer.len()));
            let count = self.stream.read_buf(buffer).await.map_err(closed)?;
            if count == 0 {
                return Err(SocketError::Closed);
            }
        }
    }
}

/// A peer that is gone is one case, however the system puts it.
fn closed(error: io::Error) -> SocketError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            SocketError::Closed
        }
        _ => error.into(),
    }
}
