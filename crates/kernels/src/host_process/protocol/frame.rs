//! Bytes ⇄ frames: `length of the body (u32, little-endian), kind (u8), body`. No sockets here.

use bytes::{Buf, Bytes, BytesMut};

use super::ProtocolError;

/// The length and the kind.
const PREFIX_BYTES: usize = size_of::<u32>() + size_of::<u8>();

/// What stands in front of a message in its frame, at most: ids, and who it is from or for.
pub(crate) const FRAME_HEAD_BYTES_MAX: usize = 1 << 20;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// JSON: everything that is no message.
    Control,
    /// Down: what the kernel said, in order.
    Delivery,
    /// Down: a part of the answer to a `fetch`.
    Fetched,
    /// Up: a client's message to the kernel.
    Message,
    /// Something of a newer version.
    Unknown,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::Control => 0,
            Self::Delivery => 1,
            Self::Fetched => 2,
            Self::Message => 3,
            Self::Unknown => u8::MAX,
        }
    }

    fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Control,
            1 => Self::Delivery,
            2 => Self::Fetched,
            3 => Self::Message,
            _ => Self::Unknown,
        }
    }
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) body: Bytes,
}

/// What goes in front of a body of this length.
pub(super) fn prefix(kind: Kind, body_bytes: usize) -> Result<[u8; PREFIX_BYTES], ProtocolError> {
    let length = u32::try_from(body_bytes).map_err(|_| ProtocolError::TooLarge {
        bytes: body_bytes,
        bytes_max: u32::MAX as usize,
    })?;
    let [first, second, third, fourth] = length.to_le_bytes();
    Ok([first, second, third, fourth, kind.byte()])
}

/// Takes the next frame out, if all of it is there; else says how many bytes are missing, as far as that is known.
pub(super) fn take(
    buffer: &mut BytesMut,
    body_bytes_max: usize,
) -> Result<Result<Frame, usize>, ProtocolError> {
    let mut head: &[u8] = buffer;
    let (Ok(length), Ok(kind)) = (head.try_get_u32_le(), head.try_get_u8()) else {
        return Ok(Err(PREFIX_BYTES.saturating_sub(buffer.len())));
    };
    let body_bytes = usize::try_from(length).unwrap_or(usize::MAX);
    if body_bytes > body_bytes_max {
        return Err(ProtocolError::TooLarge {
            bytes: body_bytes,
            bytes_max: body_bytes_max,
        });
    }
    let missing = body_bytes.saturating_sub(head.len());
    if missing > 0 {
        return Ok(Err(missing));
    }
    buffer.advance(PREFIX_BYTES);
    Ok(Ok(Frame {
        kind: Kind::from_byte(kind),
        body: buffer.split_to(body_bytes).freeze(),
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_that_announces_too_much_is_refused_at_once() {
        let mut buffer = BytesMut::from(&[0, 0, 0, 0x40, 0][..]);
        assert!(matches!(
            take(&mut buffer, 1 << 20),
            Err(ProtocolError::TooLarge {
                bytes: 0x4000_0000,
                ..
            })
        ));
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8), cut in 0_usize..400) {
            let mut bytes = BytesMut::new();
            for body in &bodies {
                bytes.extend_from_slice(&prefix(Kind::Delivery, body.len()).unwrap());
                bytes.extend_from_slice(body);
            }
            let rest = bytes.split_off(cut.min(bytes.len()));
            let mut found = Vec::new();
            while let Ok(frame) = take(&mut bytes, 1000).unwrap() {
                found.push(frame.body.to_vec());
            }
            bytes.unsplit(rest);
            while let Ok(frame) = take(&mut bytes, 1000).unwrap() {
                found.push(frame.body.to_vec());
            }
            prop_assert_eq!(found, bodies);
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Ok(_)) = take(&mut buffer, 50) {}
        }
    }
}
