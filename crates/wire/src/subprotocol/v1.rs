//! `v1.kernel.websocket.jupyter.org`: little-endian u64 `count, offset…` in front of the raw parts
//! `channel, header, parent_header, metadata, content, buffer…`. There is one offset more than parts: the end.

use bytes::{BufMut, Bytes, BytesMut};

use super::part;
use crate::{BUFFERS_MAX, Channel, Message, WireError};

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

/// Reads a frame; the parts share its memory.
pub(super) fn decode(frame: &Bytes) -> Result<Message, WireError> {
    let offsets = offset_at(frame, 0)?;
    let parts = offsets.checked_sub(1).ok_or(WireError::BadOffsets)?;
    let count = parts
        .checked_sub(PARTS_WITHOUT_BUFFERS)
        .ok_or(WireError::BadOffsets)?;
    if count > BUFFERS_MAX {
        return Err(WireError::TooManyBuffers { count });
    }
    let take = |index: usize| part(frame, offset_at(frame, index + 1)?, offset_at(frame, index + 2)?);
    let channel = take(0)?;
    let channel = std::str::from_utf8(&channel).map_err(|_| WireError::NotUtf8 { part: "channel" })?;
    Ok(Message {
        channel: channel.parse::<Channel>()?,
        header: take(1)?,
        parent_header: take(2)?,
        metadata: take(3)?,
        content: take(4)?,
        buffers: (PARTS_WITHOUT_BUFFERS..parts)
            .map(take)
            .collect::<Result<_, _>>()?,
    })
}

/// The number at `index` of the table in front of the frame.
fn offset_at(frame: &Bytes, index: usize) -> Result<usize, WireError> {
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
        assert_eq!(decode(&Bytes::from(expected)).unwrap(), message);
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
            assert!(decode(&table(numbers)).is_err(), "{numbers:?}");
        }
    }
}
