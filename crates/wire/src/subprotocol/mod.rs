//! Messages as WebSocket frames: the v1 subprotocol and the legacy one that older clients speak.

mod legacy;
mod v1;

use bytes::Bytes;

use crate::{Message, WireError};

pub use v1::{V1Frame, encode as encode_v1};

/// One WebSocket frame that carries a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text frame.
    Text(String),
    /// A binary frame.
    Binary(Bytes),
}

/// How messages are put into WebSocket frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subprotocol {
    /// `v1.kernel.websocket.jupyter.org`: an offset table and the raw parts, always binary.
    V1,
    /// No subprotocol: one JSON object, followed by the buffers in a binary frame when there are any.
    Legacy,
}

impl Subprotocol {
    /// The name of [`Subprotocol::V1`] in `Sec-WebSocket-Protocol`. The legacy one has no name.
    pub const NAME_V1: &'static str = "v1.kernel.websocket.jupyter.org";

    /// Puts a message into a frame. The parts go in as they are; none is parsed and written anew.
    ///
    /// # Errors
    /// Never with v1. With legacy, when a part is not JSON or the message is larger than 4 GiB.
    pub fn encode(self, message: &Message) -> Result<Frame, WireError> {
        match self {
            Self::V1 => Ok(Frame::Binary(v1::encode(message))),
            Self::Legacy => legacy::encode(message),
        }
    }

    /// Reads a message out of a client's frame. The parts share the frame's memory.
    ///
    /// # Errors
    /// When the frame is none of this subprotocol's; nothing a client sends panics.
    pub fn decode(self, frame: Frame) -> Result<Message, WireError> {
        match (self, frame) {
            (Self::V1, Frame::Binary(bytes)) => Ok(V1Frame::check(bytes)?.message()),
            (Self::V1, Frame::Text(_)) => Err(WireError::TextInV1),
            (Self::Legacy, frame) => legacy::decode(frame),
        }
    }
}

/// The bytes of `frame` from `start` to `end`, sharing its memory.
fn part(frame: &Bytes, start: usize, end: usize) -> Result<Bytes, WireError> {
    let bytes = frame.get(start..end).ok_or(WireError::BadOffsets)?;
    Ok(frame.slice_ref(bytes))
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::Channel;

    fn any_channel() -> impl Strategy<Value = Channel> {
        prop::sample::select(vec![
            Channel::Shell,
            Channel::Control,
            Channel::Stdin,
            Channel::Iopub,
        ])
    }

    /// A JSON object with oddities a re-encoder would lose: spaces, escapes, exponents, key order.
    fn any_json() -> impl Strategy<Value = Bytes> {
        let value = prop_oneof![
            any::<i64>().prop_map(|number| number.to_string()),
            Just("1.0e5".to_owned()),
            Just(r#""\u00e9 \ud83d\ude00 é""#.to_owned()),
            Just(r#"{ "z" : [ ] , "a" : null }"#.to_owned()),
        ];
        vec(value, 0..4).prop_map(|values| {
            let entries = values
                .iter()
                .enumerate()
                .map(|(key, value)| format!("\"k{key}\" :{value}"));
            Bytes::from(format!("{{{}}}", entries.collect::<Vec<_>>().join(", ")))
        })
    }

    pub(crate) fn any_message() -> impl Strategy<Value = Message> {
        let header =
            "[a-z]{1,8}".prop_map(|id| Bytes::from(format!(r#"{{"msg_id": "{id}","msg_type":"x"}}"#)));
        let buffers = vec(vec(any::<u8>(), 0..20).prop_map(Bytes::from), 0..4);
        let parts = (any_channel(), header, any_json(), any_json(), any_json(), buffers);
        parts.prop_map(
            |(channel, header, parent_header, metadata, content, buffers)| Message {
                channel,
                header,
                parent_header,
                metadata,
                content,
                buffers,
            },
        )
    }

    proptest! {
        #[test]
        fn a_message_survives_both_subprotocols(message in any_message()) {
            for subprotocol in [Subprotocol::V1, Subprotocol::Legacy] {
                let frame = subprotocol.encode(&message).unwrap();
                prop_assert_eq!(subprotocol.decode(frame).unwrap(), message.clone());
            }
        }

        #[test]
        fn arbitrary_frames_never_panic(bytes in vec(any::<u8>(), 0..200)) {
            let text = Frame::Text(String::from_utf8_lossy(&bytes).into_owned());
            for frame in [text, Frame::Binary(Bytes::from(bytes))] {
                for subprotocol in [Subprotocol::V1, Subprotocol::Legacy] {
                    let _ = subprotocol.decode(frame.clone()).is_ok();
                }
            }
        }

        /// A valid frame with a few bytes overwritten reaches deeper than noise does.
        #[test]
        fn damaged_frames_never_panic(message in any_message(), damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>()) {
            for subprotocol in [Subprotocol::V1, Subprotocol::Legacy] {
                let mut bytes = match subprotocol.encode(&message).unwrap() {
                    Frame::Text(text) => text.into_bytes(),
                    Frame::Binary(bytes) => bytes.to_vec(),
                };
                for (at, byte) in &damage {
                    let at = at.index(bytes.len());
                    bytes[at] = *byte;
                }
                let whole = Bytes::from(bytes);
                for bytes in [whole.clone(), whole.slice(..cut.index(whole.len()))] {
                    if let Ok(message) = subprotocol.decode(Frame::Binary(bytes)) {
                        let _ = (message.header().is_ok(), message.parent().is_ok(), Subprotocol::Legacy.encode(&message).is_ok());
                    }
                }
            }
        }
    }
}
