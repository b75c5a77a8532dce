//! Frames ⇄ socket.

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use super::{
    Kind, ProtocolError,
    frame::{self, Frame},
};

/// How much is read at once: at first, and at most when nothing large is announced. It doubles while reads are full and
/// halves when little comes, so that an idle kernel costs little.
const READ_BYTES: (usize, usize) = (4 << 10, 256 << 10);

/// What is made room for because it is announced; beyond it the room doubles with what has really come.
const ANNOUNCED_ROOM_BYTES_MAX: usize = 4 << 20;

/// A message of this size is written from where it is.
const LARGE_BYTES: usize = 32 << 10;

/// When so much is collected it is written.
const COLLECTED_BYTES_MAX: usize = 128 << 10;

/// The receiving half.
pub(crate) struct FrameReader {
    stream: OwnedReadHalf,
    buffer: BytesMut,
    body_bytes_max: usize,
    read_bytes: usize,
}

/// The sending half.
pub(crate) struct FrameWriter {
    stream: OwnedWriteHalf,
    collected: BytesMut,
}

/// Both halves. No frame's body is read that has more than `body_bytes_max`.
pub(crate) fn split(stream: UnixStream, body_bytes_max: usize) -> (FrameReader, FrameWriter) {
    let (reader, writer) = stream.into_split();
    let reader = FrameReader {
        stream: reader,
        buffer: BytesMut::new(),
        body_bytes_max,
        read_bytes: READ_BYTES.0,
    };
    let writer = FrameWriter {
        stream: writer,
        collected: BytesMut::new(),
    };
    (reader, writer)
}

impl FrameReader {
    /// From here on frames may be this large.
    pub(crate) fn allow(&mut self, body_bytes_max: usize) {
        self.body_bytes_max = body_bytes_max;
    }

    /// The next frame. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Frame, ProtocolError> {
        loop {
            let missing = match frame::take(&mut self.buffer, self.body_bytes_max)? {
                Ok(frame) => return Ok(frame),
                Err(missing) => missing,
            };
            let announced = missing.min(ANNOUNCED_ROOM_BYTES_MAX.max(self.buffer.len()));
            // What is left of the memory is used up first: as long as a frame in it lives, so does all of it.
            if self.buffer.capacity() - self.buffer.len() < announced.max(self.read_bytes / 4) {
                self.buffer.reserve(announced.max(self.read_bytes));
            }
            let room = self.buffer.capacity() - self.buffer.len();
            let count = self.stream.read_buf(&mut self.buffer).await.map_err(closed)?;
            if count == 0 {
                return Err(ProtocolError::Closed);
            }
            self.fit(count, room);
        }
    }

    /// Makes the next read as large as this one suggests, which had so much room. Frames are parts of the memory they were
    /// read into, which lives as long as the last of them: where little came, it is copied to where there is no room for
    /// more.
    fn fit(&mut self, count: usize, room: usize) {
        let half = self.read_bytes / 2;
        if count >= self.read_bytes {
            self.read_bytes = self.read_bytes.saturating_mul(2).min(READ_BYTES.1);
        } else if count < half.min(room) {
            self.read_bytes = half.max(READ_BYTES.0);
            if self.buffer.len() < half {
                self.buffer = BytesMut::from(&self.buffer[..]);
            }
        }
    }

    /// The next frame, if all of it has come already.
    pub(crate) fn at_hand(&mut self) -> Result<Option<Frame>, ProtocolError> {
        Ok(frame::take(&mut self.buffer, self.body_bytes_max)?.ok())
    }
}

impl FrameWriter {
    /// Puts a control frame behind what is collected.
    pub(crate) fn say(&mut self, says: &impl Serialize) -> Result<(), ProtocolError> {
        let body = serde_json::to_vec(says).map_err(ProtocolError::bad)?;
        self.collected
            .extend_from_slice(&frame::prefix(Kind::Control, body.len())?);
        self.collected.extend_from_slice(&body);
        Ok(())
    }

    /// Puts a frame of `head` and `v1` behind what is collected, and writes when that is much.
    pub(crate) async fn carry(&mut self, kind: Kind, head: &[u8], v1: &Bytes) -> Result<(), ProtocolError> {
        let body_bytes = head.len().saturating_add(v1.len());
        self.collected
            .extend_from_slice(&frame::prefix(kind, body_bytes)?);
        self.collected.extend_from_slice(head);
        if v1.len() >= LARGE_BYTES {
            self.flush().await?;
            self.stream.write_all(v1).await.map_err(closed)?;
            return Ok(());
        }
        self.collected.extend_from_slice(v1);
        if self.collected.len() >= COLLECTED_BYTES_MAX {
            self.flush().await?;
        }
        Ok(())
    }

    /// Writes what is collected.
    pub(crate) async fn flush(&mut self) -> Result<(), ProtocolError> {
        self.stream.write_all(&self.collected).await.map_err(closed)?;
        self.collected.clear();
        Ok(())
    }
}

/// A peer that is gone is one case, however the system puts it.
fn closed(error: std::io::Error) -> ProtocolError {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    match error.kind() {
        UnexpectedEof | ConnectionReset | BrokenPipe => ProtocolError::Closed,
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_comes_a_little_at_a_time_keeps_little_memory() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut reader, _) = split(ours, 1 << 20);
        let (_, mut writer) = split(theirs, 1 << 20);
        let mut bodies = Vec::new();
        // A large one first, after which much is read at once.
        for bytes in std::iter::once(1 << 20).chain(std::iter::repeat_n(100, 20)) {
            let body = vec![7; bytes].into();
            let sent = async {
                writer.carry(Kind::Delivery, &[], &body).await?;
                writer.flush().await
            };
            let (sent, frame) = tokio::join!(sent, reader.next());
            sent.unwrap();
            bodies.push(frame.unwrap().body);
        }
        drop(reader);
        for body in bodies.split_off(bodies.len() - 10) {
            assert_eq!(body, vec![7; 100]);
            let memory = body.try_into_mut().unwrap().capacity();
            assert!(memory < 1_000, "{memory} bytes");
        }
    }
}
