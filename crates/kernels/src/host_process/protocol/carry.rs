//! What frames other than control frames carry: a message in the v1 form, and whom it is from or for in front of it.
//! Texts are `length (u32, little-endian), bytes`.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::ProtocolError;
use crate::{
    ClientId,
    host::journal::{Audience, Delivery, Position},
};

/// A client's message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) client: ClientId,
    pub(crate) msg_id: Box<str>,
    pub(crate) v1: Bytes,
}

/// What stands in front of a delivery: `position, audience (empty for everyone)`.
pub(crate) fn carry_delivery(head: &mut BytesMut, delivery: &Delivery) {
    head.put_u64_le(delivery.position.0);
    put_text(
        head,
        match &delivery.audience {
            Audience::Everyone => "",
            Audience::Only(client) => client.as_str(),
        },
    );
}

/// What stands in front of a delivery that was fetched: the number of the question, and the same.
pub(crate) fn carry_fetched(head: &mut BytesMut, id: u64, delivery: &Delivery) {
    head.put_u64_le(id);
    carry_delivery(head, delivery);
}

/// What stands in front of a client's message.
pub(crate) fn carry_message(head: &mut BytesMut, client: &ClientId, msg_id: &str) {
    put_text(head, client.as_str());
    put_text(head, msg_id);
}

/// Reads a delivery. Where its message is none, the position alone: it counts all the same.
pub(crate) fn carried(mut body: Bytes) -> Result<Delivery, ProtocolError> {
    let position = Position(body.try_get_u64_le().map_err(ProtocolError::bad)?);
    let audience = take_text(&mut body)?;
    let audience = match &*audience {
        "" => Audience::Everyone,
        client => Audience::Only(ClientId::new(client)),
    };
    Delivery::from_v1(position, audience, body).ok_or_else(|| ProtocolError::bad("a delivery is no message"))
}

/// Reads a delivery that was fetched, and the number of the question.
pub(crate) fn fetched(mut body: Bytes) -> Result<(u64, Delivery), ProtocolError> {
    let id = body.try_get_u64_le().map_err(ProtocolError::bad)?;
    Ok((id, carried(body)?))
}

/// Reads a client's message.
pub(crate) fn message(mut body: Bytes) -> Result<Carried, ProtocolError> {
    Ok(Carried {
        client: ClientId::new(&*take_text(&mut body)?),
        msg_id: take_text(&mut body)?,
        v1: body,
    })
}

fn put_text(head: &mut BytesMut, text: &str) {
    // A longer one cannot be: ids are part of requests, which are limited.
    head.put_u32_le(u32::try_from(text.len()).unwrap_or(u32::MAX));
    head.put_slice(text.as_bytes());
}

fn take_text(body: &mut Bytes) -> Result<Box<str>, ProtocolError> {
    let length = body.try_get_u32_le().map_err(ProtocolError::bad)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > body.len() {
        return Err(ProtocolError::bad("a text is cut off"));
    }
    let text = body.split_to(length);
    Ok(std::str::from_utf8(&text).map_err(ProtocolError::bad)?.into())
}

#[cfg(test)]
mod tests {
    use wire::{Channel, Message, NewHeader};

    use super::*;

    fn delivery(audience: Audience) -> Delivery {
        let header = NewHeader {
            msg_id: "m",
            msg_type: "stream",
            session: "s",
            username: "",
            date: "",
        };
        let message = Message::new(Channel::Iopub, header, None, &serde_json::json!({"text": "x"}));
        Delivery::new(Position(7), audience, &message)
    }

    fn framed(head: BytesMut, v1: &Bytes) -> Bytes {
        let mut body = head;
        body.extend_from_slice(v1);
        body.freeze()
    }

    #[test]
    fn a_delivery_keeps_its_place_audience_and_bytes() {
        for audience in [Audience::Everyone, Audience::Only(ClientId::new("1:a/é"))] {
            let delivery = delivery(audience.clone());
            let mut head = BytesMut::new();
            carry_fetched(&mut head, 3, &delivery);
            let (id, read) = fetched(framed(head, delivery.v1())).unwrap();
            assert_eq!((id, read.position), (3, Position(7)));
            assert_eq!(read.audience, audience);
            assert_eq!(read.v1(), delivery.v1());
            assert_eq!(read.message(), delivery.message());
        }
    }

    #[test]
    fn a_clients_message_keeps_its_ids() {
        let mut head = BytesMut::new();
        carry_message(&mut head, &ClientId::new("c"), "q");
        let read = message(framed(head, &Bytes::from_static(b"v1"))).unwrap();
        assert_eq!(
            (read.client.as_str(), &*read.msg_id, &*read.v1),
            ("c", "q", &b"v1"[..])
        );
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let bytes = Bytes::from(bytes);
            let _ = carried(bytes.clone());
            let _ = fetched(bytes.clone());
            let _ = message(bytes);
        }
    }
}
