//! The subprotocol without a name: one JSON object `{header, parent_header, metadata, content, channel, …}`
//! as text; with buffers, a binary frame of big-endian u32 `count, offset…`, the JSON and the buffers.
//!
//! The JSON of the parts is spliced in as it is: it is JSON already, and writing it anew would cost more than
//! all the rest of the relay.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Frame, part};
use crate::{BUFFERS_MAX, Channel, Message, WireError, message::empty};

/// As the reference: `msg_id` and `msg_type` also on top, `buffers` only in a text frame.
pub(super) fn encode(message: &Message) -> Result<Frame, WireError> {
    if message.buffers.is_empty() {
        return Ok(Frame::Text(json(message, r#","buffers":[]"#)?));
    }
    let json = Bytes::from(json(message, "")?);
    let parts = || std::iter::once(&json).chain(&message.buffers);
    let number = |number: usize| u32::try_from(number).map_err(|_| WireError::TooLargeForLegacy);

    let count = message.buffers.len().saturating_add(1);
    let mut offset = count.saturating_add(1).saturating_mul(size_of::<u32>());
    let total = parts().map(Bytes::len).fold(offset, usize::saturating_add);
    number(total)?;
    let mut frame = BytesMut::with_capacity(total);
    frame.put_u32(number(count)?);
    for part in parts() {
        frame.put_u32(number(offset)?);
        offset = offset.saturating_add(part.len());
    }
    for part in parts() {
        frame.put_slice(part);
    }
    Ok(Frame::Binary(frame.freeze()))
}

fn json(message: &Message, end: &str) -> Result<String, WireError> {
    let header = message.header()?;
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    Ok([
        r#"{"header":"#,
        text(&message.header, "header")?,
        r#","msg_id":"#,
        &quoted(&header.msg_id),
        r#","msg_type":"#,
        &quoted(&header.msg_type),
        r#","parent_header":"#,
        text(&message.parent_header, "parent header")?,
        r#","metadata":"#,
        text(&message.metadata, "metadata")?,
        r#","content":"#,
        text(&message.content, "content")?,
        end,
        r#","channel":""#,
        message.channel.as_str(),
        r#""}"#,
    ]
    .concat())
}

/// A part as text, after a scan that it is one JSON value: it must not be able to end the object around it.
fn text<'a>(part: &'a Bytes, name: &'static str) -> Result<&'a str, WireError> {
    let value: &RawValue =
        serde_json::from_slice(part).map_err(|source| WireError::Json { part: name, source })?;
    Ok(value.get())
}

/// What a client may send. Old clients leave out `channel` (then it is shell), `parent_header` or `metadata`.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    header: &'a RawValue,
    #[serde(borrow, default)]
    parent_header: Option<&'a RawValue>,
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(default)]
    channel: Option<String>,
}

pub(super) fn decode(frame: Frame) -> Result<Message, WireError> {
    let (json, buffers) = match frame {
        Frame::Text(text) => (Bytes::from(text), Vec::new()),
        Frame::Binary(bytes) => split(&bytes)?,
    };
    let envelope: Envelope<'_> = serde_json::from_slice(&json).map_err(|source| WireError::Json {
        part: "message",
        source,
    })?;
    let raw = |value: &RawValue| json.slice_ref(value.get().as_bytes());
    let raw_or_empty = |value: Option<&RawValue>| value.map_or_else(empty, raw);
    Ok(Message {
        channel: envelope.channel.map_or(Ok(Channel::Shell), |name| name.parse())?,
        header: raw(envelope.header),
        parent_header: raw_or_empty(envelope.parent_header),
        metadata: raw_or_empty(envelope.metadata),
        content: raw_or_empty(envelope.content),
        buffers,
    })
}

/// The JSON and the buffers of a binary frame.
fn split(frame: &Bytes) -> Result<(Bytes, Vec<Bytes>), WireError> {
    let count = number_at(frame, 0)?;
    let buffers = count.checked_sub(1).ok_or(WireError::BadOffsets)?;
    if buffers > BUFFERS_MAX {
        return Err(WireError::TooManyBuffers { count: buffers });
    }
    let take = |index: usize| {
        let end = if index == count {
            frame.len()
        } else {
            number_at(frame, index + 1)?
        };
        part(frame, number_at(frame, index)?, end)
    };
    Ok((take(1)?, (2..=count).map(take).collect::<Result<_, _>>()?))
}

fn number_at(frame: &Bytes, index: usize) -> Result<usize, WireError> {
    let start = index.saturating_mul(size_of::<u32>());
    let number = frame
        .get(start..)
        .and_then(|rest| rest.first_chunk())
        .ok_or(WireError::BadOffsets)?;
    usize::try_from(u32::from_be_bytes(*number)).map_err(|_| WireError::BadOffsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(content: &'static [u8], buffers: Vec<Bytes>) -> Message {
        Message {
            channel: Channel::Iopub,
            header: Bytes::from_static(br#"{"msg_id":"i\"d","msg_type":"stream"}"#),
            parent_header: empty(),
            metadata: empty(),
            content: Bytes::from_static(content),
            buffers,
        }
    }

    #[test]
    fn parts_are_spliced_in_as_they_are() {
        let Frame::Text(text) = encode(&message(b"{ \"x\" : 1.0e5 }", vec![])).unwrap() else {
            panic!("text expected")
        };
        assert_eq!(
            text,
            concat!(
                r#"{"header":{"msg_id":"i\"d","msg_type":"stream"},"msg_id":"i\"d","msg_type":"stream","parent_header":{},"#,
                r#""metadata":{},"content":{ "x" : 1.0e5 },"buffers":[],"channel":"iopub"}"#
            )
        );
    }

    #[test]
    fn buffers_follow_the_json_behind_big_endian_offsets() {
        let Frame::Binary(frame) =
            encode(&message(b"{}", vec![Bytes::from_static(b"ab"), Bytes::new()])).unwrap()
        else {
            panic!("binary expected")
        };
        let numbers: Vec<usize> = (0..4).map(|index| number_at(&frame, index).unwrap()).collect();
        let json_end = frame.len() - 2;
        assert_eq!(numbers, [3, 16, json_end, frame.len()]);
        assert!(
            serde_json::from_slice::<serde_json::Value>(&frame[16..json_end])
                .unwrap()
                .get("buffers")
                .is_none()
        );
    }

    #[test]
    fn a_message_without_channel_is_for_the_shell() {
        let text = r#"{"header":{"msg_id":"1","msg_type":"x"},"channel":null,"msg_id":"1","other":[1]}"#;
        let message = decode(Frame::Text(text.to_owned())).unwrap();
        assert_eq!((message.channel, &*message.content), (Channel::Shell, &b"{}"[..]));
    }

    #[test]
    fn a_part_cannot_break_out_of_its_place() {
        assert!(encode(&message(br#"{},"channel":"shell""#, vec![])).is_err());
        assert!(encode(&message(b"\xff", vec![])).is_err());
        assert!(encode(&message(b"", vec![])).is_err());
    }

    #[test]
    fn wrong_frames_are_refused() {
        for text in ["", "[]", "1", "{}", r#"{"header":{},"channel":"nope"}"#] {
            assert!(decode(Frame::Text(text.to_owned())).is_err(), "{text}");
        }
        for bytes in [
            &b""[..],
            b"\0\0\0\0",
            b"\0\0\0\x01",
            b"\xff\xff\xff\xff",
            b"\0\0\0\x01\0\0\0\xff",
            b"\0\0\0\x01\0\0\0\x08[]",
        ] {
            assert!(
                decode(Frame::Binary(Bytes::from_static(bytes))).is_err(),
                "{bytes:?}"
            );
        }
    }
}
