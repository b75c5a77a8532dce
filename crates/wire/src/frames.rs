//! Messages as the frames of a `ZeroMQ` multipart message:
//! `identities or topic…, <IDS|MSG>, signature, header, parent_header, metadata, content, buffers…`.

use bytes::Bytes;

use crate::{BUFFERS_MAX, Channel, Message, Signer, WireError};

/// The frame between routing identities and the message.
pub const DELIMITER: &[u8] = b"<IDS|MSG>";

/// Reads a message a kernel sent, after its signature is verified. Whatever stands in front of the delimiter
/// (identities, an iopub topic) is dropped.
///
/// # Errors
/// When the delimiter or a part is missing, the signature is wrong, or there are too many buffers.
pub fn from_frames(channel: Channel, frames: Vec<Bytes>, signer: &Signer) -> Result<Message, WireError> {
    let mut frames = frames.into_iter();
    frames
        .by_ref()
        .find(|frame| frame == DELIMITER)
        .ok_or(WireError::NoDelimiter)?;
    let mut part = || frames.next().ok_or(WireError::MissingFrame);
    let (signature, header, parent_header, metadata, content) = (part()?, part()?, part()?, part()?, part()?);
    signer.verify(&signature, [&header, &parent_header, &metadata, &content])?;
    let count = frames.len();
    if count > BUFFERS_MAX {
        return Err(WireError::TooManyBuffers { count });
    }
    Ok(Message {
        channel,
        header,
        parent_header,
        metadata,
        content,
        buffers: frames.collect(),
    })
}

/// The frames of a message, signed, from the delimiter on. A router puts the identities in front.
#[must_use]
pub fn to_frames(message: Message, signer: &Signer) -> Vec<Bytes> {
    let Message {
        header,
        parent_header,
        metadata,
        content,
        buffers,
        ..
    } = message;
    let signature = signer.sign([&header, &parent_header, &metadata, &content]);
    let delimiter = Bytes::from_static(DELIMITER);
    let mut frames = Vec::with_capacity(buffers.len().saturating_add(6));
    frames.extend([delimiter, signature, header, parent_header, metadata, content]);
    frames.extend(buffers);
    frames
}

/// Splits what a router received into the identities and the rest, which begins with the delimiter. Without a
/// delimiter all of it is identities.
#[must_use]
pub fn split_identities(mut frames: Vec<Bytes>) -> (Vec<Bytes>, Vec<Bytes>) {
    let at = frames
        .iter()
        .position(|frame| frame == DELIMITER)
        .unwrap_or(frames.len());
    let message = frames.split_off(at);
    (frames, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::subprotocol::tests::any_message;

    fn signer() -> Signer {
        Signer::new("hmac-sha256", b"key").unwrap()
    }

    fn frame(bytes: &'static [u8]) -> Bytes {
        Bytes::from_static(bytes)
    }

    #[test]
    fn identities_are_split_off() {
        let frames = vec![frame(b"a"), frame(b"b"), frame(DELIMITER), frame(b"")];
        assert_eq!(
            split_identities(frames),
            (vec![frame(b"a"), frame(b"b")], vec![frame(DELIMITER), frame(b"")])
        );
        assert_eq!(split_identities(vec![frame(b"a")]), (vec![frame(b"a")], vec![]));
    }

    #[test]
    fn an_unsigned_message_is_refused_by_a_keyed_signer() {
        let frames = [DELIMITER, b"", b"{}", b"{}", b"{}", b"{}"].map(frame).to_vec();
        assert!(matches!(
            from_frames(Channel::Iopub, frames, &signer()),
            Err(WireError::BadSignature)
        ));
    }

    #[test]
    fn missing_frames_are_told() {
        let frames = [DELIMITER, b"", b"{}", b"{}", b"{}"].map(frame).to_vec();
        assert!(matches!(
            from_frames(Channel::Iopub, frames, &signer()),
            Err(WireError::MissingFrame)
        ));
        assert!(matches!(
            from_frames(Channel::Iopub, vec![], &signer()),
            Err(WireError::NoDelimiter)
        ));
    }

    proptest! {
        #[test]
        fn a_message_survives_its_frames(message in any_message(), topic in proptest::collection::vec(any::<u8>(), 0..8)) {
            let mut frames = vec![Bytes::from(topic)];
            frames.extend(to_frames(message.clone(), &signer()));
            prop_assert_eq!(from_frames(message.channel, frames, &signer()).unwrap(), message);
        }

        #[test]
        fn a_changed_part_is_noticed(message in any_message(), part in 2_usize..6) {
            let mut frames = to_frames(message.clone(), &signer());
            let mut changed = frames[part].to_vec();
            changed.push(b' ');
            frames[part] = Bytes::from(changed);
            prop_assert!(matches!(from_frames(message.channel, frames, &signer()), Err(WireError::BadSignature)));
        }

        #[test]
        fn arbitrary_frames_never_panic(frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..16), 0..10), at in 0_usize..10) {
            let mut frames: Vec<Bytes> = frames.into_iter().map(Bytes::from).collect();
            frames.insert(at.min(frames.len()), Bytes::from_static(DELIMITER));
            let unsigned = Signer::new("", b"").unwrap();
            for signer in [signer(), unsigned] {
                if let Ok(message) = from_frames(Channel::Shell, frames.clone(), &signer) {
                    let _ = (message.header().is_ok(), message.parent().is_ok());
                }
            }
        }
    }
}
