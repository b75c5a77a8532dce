//! Bytes ⇄ frames. No sockets here.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::SocketError;

/// Both sides begin with so many bytes.
pub(super) const GREETING_BYTES: usize = 64;

const MORE: u8 = 0b001;
const LONG: u8 = 0b010;
const COMMAND: u8 = 0b100;

/// Bits that no frame has.
const RESERVED: u8 = !(MORE | LONG | COMMAND);

/// What a peer may send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SocketLimits {
    /// All frames of a message together.
    pub(crate) message_bytes_max: usize,
    /// Frames of a message.
    pub(crate) frames_max: usize,
}

/// Something a peer sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    Message(Vec<Bytes>),
    Command(Bytes),
}

/// Our greeting: version 3.0, NULL security, client.
pub(super) fn greeting() -> [u8; GREETING_BYTES] {
    let mut greeting = [0; GREETING_BYTES];
    let fields: [(usize, &[u8]); 3] = [(0, &[0xff]), (9, &[0x7f, 3, 0]), (12, b"NULL")];
    for (at, field) in fields {
        for (place, byte) in greeting.iter_mut().skip(at).zip(field) {
            *place = *byte;
        }
    }
    greeting
}

/// Checks a peer's greeting.
pub(super) fn check_greeting(greeting: &[u8; GREETING_BYTES]) -> Result<(), SocketError> {
    let problem = match greeting {
        [0xff, _, _, _, _, _, _, _, _, 0x7f, 0..3, ..] => "it speaks an older version",
        [
            0xff,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            0x7f,
            _,
            _,
            b'N',
            b'U',
            b'L',
            b'L',
            0,
            ..,
        ] => return Ok(()),
        [0xff, _, _, _, _, _, _, _, _, 0x7f, ..] => "it wants to be authenticated",
        _ => "it greets differently",
    };
    Err(SocketError::NotZmtp { problem })
}

/// The READY command of a socket of this type, with its routing id.
pub(super) fn ready(socket_type: &str, identity: &[u8]) -> BytesMut {
    let mut body = BytesMut::new();
    body.put_slice(b"\x05READY");
    for (name, value) in [("Socket-Type", socket_type.as_bytes()), ("Identity", identity)] {
        body.put_u8(u8::try_from(name.len()).unwrap_or_default());
        body.put_slice(name.as_bytes());
        body.put_u32(u32::try_from(value.len()).unwrap_or_default());
        body.put_slice(value);
    }
    let mut frame = head(COMMAND, body.len());
    frame.unsplit(body);
    frame
}

/// Whether a command is READY; an ERROR or anything else is not.
pub(super) fn is_ready(command: &[u8]) -> bool {
    command.starts_with(b"\x05READY")
}

/// What goes in front of a frame of a message.
pub(super) fn message_head(bytes: usize, more: bool) -> BytesMut {
    head(if more { MORE } else { 0 }, bytes)
}

fn head(flags: u8, bytes: usize) -> BytesMut {
    let mut head = BytesMut::with_capacity(9);
    match u8::try_from(bytes) {
        Ok(bytes) => {
            head.put_u8(flags);
            head.put_u8(bytes);
        }
        Err(_) => {
            head.put_u8(flags | LONG);
            head.put_u64(bytes as u64);
        }
    }
    head
}

/// Puts bytes together to messages.
pub(super) struct Decoder {
    /// Read and not yet part of a frame.
    pub(super) buffer: BytesMut,
    limits: SocketLimits,
    /// Frames of a message that is not complete.
    frames: Vec<Bytes>,
    frames_bytes: usize,
}

impl Decoder {
    pub(super) fn new(limits: SocketLimits) -> Self {
        Self {
            buffer: BytesMut::new(),
            limits,
            frames: Vec::new(),
            frames_bytes: 0,
        }
    }

    /// The next message or command; `None` when more must be read first.
    pub(super) fn next(&mut self) -> Result<Option<Received>, SocketError> {
        while let Some((flags, body)) = self.frame()? {
            if flags & COMMAND != 0 {
                return Ok(Some(Received::Command(body)));
            }
            self.frames_bytes = self.frames_bytes.saturating_add(body.len());
            self.frames.push(body);
            if flags & MORE == 0 {
                self.frames_bytes = 0;
                return Ok(Some(Received::Message(std::mem::take(&mut self.frames))));
            }
            if self.frames.len() >= self.limits.frames_max {
                return Err(too_large(self.limits.frames_max, "frames"));
            }
        }
        Ok(None)
    }

    fn frame(&mut self) -> Result<Option<(u8, Bytes)>, SocketError> {
        let mut peeked: &[u8] = &self.buffer;
        let Ok(flags) = peeked.try_get_u8() else {
            return Ok(None);
        };
        if flags & RESERVED != 0 {
            let problem = "it sends what are no frames";
            return Err(SocketError::NotZmtp { problem });
        }
        let announced = if flags & LONG == 0 {
            peeked.try_get_u8().map(u64::from)
        } else {
            peeked.try_get_u64()
        };
        let Ok(announced) = announced else {
            return Ok(None);
        };
        // Checked before anything is reserved: the number is the kernel's to choose.
        let limit = self.limits.message_bytes_max;
        let bytes = usize::try_from(announced).unwrap_or(usize::MAX);
        if self.frames_bytes.saturating_add(bytes) > limit {
            return Err(too_large(limit, "bytes"));
        }
        if peeked.len() < bytes {
            return Ok(None);
        }
        let head_bytes = self.buffer.len().saturating_sub(peeked.len());
        self.buffer.advance(head_bytes);
        Ok(Some((flags, self.buffer.split_to(bytes).freeze())))
    }
}

fn too_large(limit: usize, unit: &'static str) -> SocketError {
    SocketError::TooLarge { limit, unit }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: SocketLimits = SocketLimits {
        message_bytes_max: 100_000,
        frames_max: 10,
    };

    fn encoded(frames: &[Vec<u8>]) -> BytesMut {
        let mut bytes = BytesMut::new();
        for (index, frame) in frames.iter().enumerate() {
            bytes.unsplit(message_head(frame.len(), index + 1 < frames.len()));
            bytes.put_slice(frame);
        }
        bytes
    }

    #[test]
    fn a_message_survives_whatever_pieces_it_comes_in() {
        let message: Vec<Vec<u8>> = [0, 1, 255, 256, 70_000].map(|bytes| vec![7; bytes]).into();
        for piece in [1, 2, 7, 1_000, 1 << 20] {
            let mut decoder = Decoder::new(LIMITS);
            let mut received = Vec::new();
            for bytes in encoded(&message).chunks(piece) {
                decoder.buffer.put_slice(bytes);
                received.extend(decoder.next().unwrap());
            }
            let expected = message.iter().cloned().map(Bytes::from).collect();
            assert_eq!(received, [Received::Message(expected)], "pieces of {piece}");
        }
    }

    #[test]
    fn a_frame_that_announces_a_terabyte_is_refused_before_it_comes() {
        let mut decoder = Decoder::new(LIMITS);
        decoder.buffer.unsplit(head(0, 1 << 40));
        assert!(matches!(
            decoder.next(),
            Err(SocketError::TooLarge { unit: "bytes", .. })
        ));
    }

    #[test]
    fn what_is_no_frame_is_refused_at_its_first_byte() {
        let mut decoder = Decoder::new(LIMITS);
        decoder.buffer.put_slice(b"H");
        assert!(matches!(decoder.next(), Err(SocketError::NotZmtp { .. })));
    }

    #[test]
    fn many_frames_together_meet_the_same_limits() {
        let mut decoder = Decoder::new(LIMITS);
        decoder.buffer = encoded(&[vec![0; 60_000], vec![0; 60_000]]);
        assert!(matches!(
            decoder.next(),
            Err(SocketError::TooLarge { unit: "bytes", .. })
        ));
        let mut decoder = Decoder::new(LIMITS);
        decoder.buffer = encoded(&vec![vec![]; 11]);
        assert!(matches!(
            decoder.next(),
            Err(SocketError::TooLarge { unit: "frames", .. })
        ));
    }

    #[test]
    fn greetings_are_told_apart() {
        assert!(check_greeting(&greeting()).is_ok());
        let changed = |at: usize, byte: u8| {
            let mut greeting = greeting();
            greeting[at] = byte;
            check_greeting(&greeting)
        };
        assert!(changed(10, 2).is_err());
        assert!(changed(12, b'C').is_err());
        assert!(changed(0, b'H').is_err());
        assert!(changed(11, 1).is_ok());
    }

    #[test]
    fn a_ready_command_reads_back() {
        let mut decoder = Decoder::new(LIMITS);
        decoder.buffer = ready("DEALER", b"id");
        let Some(Received::Command(command)) = decoder.next().unwrap() else {
            panic!("a command expected");
        };
        assert!(is_ready(&command));
        assert_eq!(
            &command[..],
            b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\x02id"
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_never_exceed_the_limits(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let limits = SocketLimits { message_bytes_max: 100, frames_max: 3 };
            let mut decoder = Decoder::new(limits);
            decoder.buffer.put_slice(&bytes);
            while let Ok(Some(received)) = decoder.next() {
                if let Received::Message(frames) = received {
                    prop_assert!(frames.len() <= limits.frames_max);
                    prop_assert!(frames.iter().map(Bytes::len).sum::<usize>() <= limits.message_bytes_max);
                }
            }
        }

        #[test]
        fn any_message_survives(frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..400), 1..8)) {
            let mut decoder = Decoder::new(LIMITS);
            decoder.buffer = encoded(&frames);
            let expected = frames.into_iter().map(Bytes::from).collect();
            prop_assert_eq!(decoder.next().unwrap(), Some(Received::Message(expected)));
            prop_assert_eq!(decoder.next().unwrap(), None);
        }
    }
}
