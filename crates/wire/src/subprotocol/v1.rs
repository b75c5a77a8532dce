//! `v1.kernel.websocket.jupyter.org`: little-endian u64 `count, offset…` in front of the raw parts
//! `channel, header, parent_header, metadata, content, buffer…`. There is one offset more than parts: the end.

use bytes::{BufMut, Bytes, BytesMut};

use crate::{BUFFERS_MAX, Channel, Message, Parts, WireError};

/// Channel, header, parent header, metadata and content.
const PARTS_WITHOUT_BUFFERS: usize = 5;

/// The frame of a message. Every part is copied once; none is looked into.
#[must_use]
pub fn encode(message: &Message) -> Bytes {
    let channel = Bytes::from_static(message.channel.as_str().as_bytes());
    let Message {
        header,
        parent_header,
        metadata,
        content,
        buffers,
        ..
    } = message;
    let fixed = [&channel, header, parent_header, metadata, content];
    let parts = || fixed.into_iter().chain(buffers);

    let offsets = buffers.len().saturating_add(PARTS_WITHOUT_BUFFERS + 1);
    let table = offsets.saturating_add(1).saturating_mul(size_of::<u64>());
    let total = parts().map(Bytes::len).fold(table, usize::saturating_add);
    let mut frame = BytesMut::with_capacity(total);
    frame.put_u64_le(offsets as u64);
    let mut offset = table as u64;
    frame.put_u64_le(offset);
    for part in parts() {
        offset = offset.saturating_add(part.len() as u64);
        frame.put_u64_le(offset);
    }
    for part in parts() {
        frame.put_slice(part);
    }
    frame.freeze()
}

/// A frame of which is known that all its parts are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct V1Frame {
    bytes: Bytes,
    channel: Channel,
}

impl V1Frame {
    /// The frame of a message.
    #[must_use]
    pub fn encode(message: &Message) -> Self {
        Self {
            bytes: encode(message),
            channel: message.channel,
        }
    }

    /// Checks a frame.
    ///
    /// # Errors
    /// When it is none of this subprotocol's; no bytes panic.
    pub fn check(bytes: Bytes) -> Result<Self, WireError> {
        (0..count(&bytes)?).try_for_each(|index| nth(&bytes, index).map(drop))?;
        let channel =
            std::str::from_utf8(nth(&bytes, 0)?).map_err(|_| WireError::NotUtf8 { part: "channel" })?;
        let channel = channel.parse()?;
        Ok(Self { bytes, channel })
    }

    /// The frame itself.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The parts, borrowed.
    #[must_use]
    pub fn parts(&self) -> Parts<'_> {
        Parts {
            channel: self.channel,
            header: self.part(1),
            parent_header: self.part(2),
            metadata: self.part(3),
            content: self.part(4),
        }
    }

    /// The message; its parts share the frame's memory.
    #[must_use]
    pub fn message(&self) -> Message {
        let shared = |part| self.bytes.slice_ref(part);
        let parts = self.parts();
        let buffers = PARTS_WITHOUT_BUFFERS..count(&self.bytes).unwrap_or_default();
        Message {
            channel: parts.channel,
            header: shared(parts.header),
            parent_header: shared(parts.parent_header),
            metadata: shared(parts.metadata),
            content: shared(parts.content),
            buffers: buffers.map(|index| shared(self.part(index))).collect(),
        }
    }

    /// It is there: that was checked.
    fn part(&self, index: usize) -> &[u8] {
        nth(&self.bytes, index).unwrap_or_default()
    }
}

/// How many parts the table knows.
fn count(frame: &[u8]) -> Result<usize, WireError> {
    let parts = offset_at(frame, 0)?.checked_sub(1).ok_or(WireError::BadOffsets)?;
    let buffers = parts
        .checked_sub(PARTS_WITHOUT_BUFFERS)
        .ok_or(WireError::BadOffsets)?;
    if buffers > BUFFERS_MAX {
        return Err(WireError::TooManyBuffers { count: buffers });
    }
    Ok(parts)
}

/// The part of this number.
fn nth(frame: &[u8], index: usize) -> Result<&[u8], WireError> {
    let (start, end) = (offset_at(frame, index + 1)?, offset_at(frame, index + 2)?);
    frame.get(start..end).ok_or(WireError::BadOffsets)
}

/// The number at `index` of the table in front of the frame.
fn offset_at(frame: &[u8], index: usize) -> Result<usize, WireError> {
    let start = index.saturating_mul(size_of::<u64>());
    let number = frame
        .get(start..)
        .and_then(|rest| rest.first_chunk())
        .ok_or(WireError::BadOffsets)?;
    usize::try_from(u64::from_le_bytes(*number)).map_err(|_| WireError::BadOffsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Captured from JupyterLab: the table, then the parts without separators.
    #[test]
    fn a_frame_is_laid_out_as_jupyterlab_lays_it_out() {
        let message = Message {
            channel: Channel::Shell,
            header: Bytes::from_static(b"{\"h\":1}"),
            parent_header: Bytes::from_static(b"{}"),
            metadata: Bytes::from_static(b"{}"),
            content: Bytes::from_static(b"{\"c\":2}"),
            buffers: vec![Bytes::from_static(b"\x00\xff")],
        };
        let mut expected = Vec::new();
        for number in [7_u64, 64, 69, 76, 78, 80, 87, 89] {
            expected.extend(number.to_le_bytes());
        }
        expected.extend(b"shell{\"h\":1}{}{}{\"c\":2}\x00\xff");
        assert_eq!(encode(&message), expected);
        assert_eq!(V1Frame::check(expected.into()).unwrap().message(), message);
    }

    #[test]
    fn wild_counts_and_offsets_are_refused() {
        let table = |numbers: &[u64]| {
            numbers
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect::<Bytes>()
        };
        for numbers in [
            &[][..],
            &[0],
            &[1, 16],
            &[u64::MAX],
            &[6, 56],
            &[6, 56, 55, 56, 56, 56, 56],
            &[6, 56, 61, u64::MAX, 56, 56, 56],
            &[1 << 40, 56, 56, 56, 56, 56, 56],
        ] {
            assert!(V1Frame::check(table(numbers)).is_err(), "{numbers:?}");
        }
    }
}
