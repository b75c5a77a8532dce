//! Just enough ZMTP 3.0 to subscribe to a kernel and to ask it: <https://rfc.zeromq.org/spec/23/>.

use anyhow::{Result, ensure};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

const GREETING_BYTES: usize = 64;
const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;
/// What is read from the socket at once.
const READ_BYTES: usize = 256 << 10;

/// The messages of a socket.
pub(super) struct Receiver {
    socket: OwnedReadHalf,
    read: BytesMut,
}

/// Where messages to it are written.
pub(super) struct Sender(OwnedWriteHalf);

/// Connects as a socket of this type.
pub(super) async fn connect(port: u16, socket_type: &str) -> Result<(Sender, Receiver)> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let (socket, mut to) = stream.into_split();
    let mut greeting = vec![0; GREETING_BYTES];
    for (at, byte) in [(0, 0xff), (9, 0x7f), (10, 3)] {
        greeting[at] = byte;
    }
    greeting[12..16].copy_from_slice(b"NULL");
    let mut ready = b"\x05READY\x0bSocket-Type".to_vec();
    ready.put_u32(u32::try_from(socket_type.len())?);
    ready.extend(socket_type.as_bytes());
    greeting.extend([COMMAND, u8::try_from(ready.len())?]);
    greeting.extend(ready);
    to.write_all(&greeting).await?;
    let mut from = Receiver {
        socket,
        read: BytesMut::with_capacity(READ_BYTES),
    };
    while from.read.len() < GREETING_BYTES {
        from.fill().await?;
    }
    from.read.advance(GREETING_BYTES);
    let (flags, _ready) = from.frame().await?;
    ensure!(flags & COMMAND != 0, "no READY");
    Ok((Sender(to), from))
}

impl Sender {
    pub(super) async fn send(&mut self, frames: &[Bytes]) -> Result<()> {
        let mut out = BytesMut::new();
        for (index, frame) in frames.iter().enumerate() {
            let more = if index + 1 < frames.len() { MORE } else { 0 };
            out.put_u8(more | LONG);
            out.put_u64(frame.len() as u64);
            out.extend_from_slice(frame);
        }
        Ok(self.0.write_all(&out).await?)
    }
}

impl Receiver {
    /// The next message; its frames share the memory that they were read into.
    pub(super) async fn message(&mut self) -> Result<Vec<Bytes>> {
        let mut frames = Vec::with_capacity(8);
        loop {
            let (flags, frame) = self.frame().await?;
            frames.push(frame);
            if flags & MORE == 0 {
                return Ok(frames);
            }
        }
    }

    /// Whether a message may be had without waiting.
    pub(super) fn has_read(&self) -> bool {
        !self.read.is_empty()
    }

    async fn frame(&mut self) -> Result<(u8, Bytes)> {
        loop {
            if let Some((flags, start, length)) = self.head()
                && self.read.len() >= start + length
            {
                self.read.advance(start);
                return Ok((flags, self.read.split_to(length).freeze()));
            }
            self.fill().await?;
        }
    }

    /// The flags of the next frame, where its body begins, and how long it is.
    fn head(&self) -> Option<(u8, usize, usize)> {
        let flags = *self.read.first()?;
        if flags & LONG == 0 {
            return Some((flags, 2, usize::from(*self.read.get(1)?)));
        }
        let length = self.read.get(1..9)?.try_into().ok()?;
        Some((flags, 9, usize::try_from(u64::from_be_bytes(length)).ok()?))
    }

    async fn fill(&mut self) -> Result<()> {
        let wanted = self.head().map_or(0, |(_, start, length)| start + length);
        self.read
            .reserve(READ_BYTES.max(wanted.saturating_sub(self.read.len())));
        ensure!(
            self.socket.read_buf(&mut self.read).await? > 0,
            "the kernel is gone"
        );
        Ok(())
    }
}
