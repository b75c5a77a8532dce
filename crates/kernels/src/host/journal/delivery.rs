//! One message of a kernel's, encoded once for all who read it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wire::{Message, Parts, V1Frame};

use crate::ClientId;

/// A place in a kernel's journal. The first message has 0, each next one 1 more, for the kernel's whole life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// The place after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Whom a message is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every client: output and status.
    Everyone,
    /// The client that asked: replies and input requests.
    Only(ClientId),
}

impl Audience {
    /// Whether `client` is to see it.
    #[must_use]
    pub fn includes(&self, client: &ClientId) -> bool {
        match self {
            Self::Everyone => true,
            Self::Only(only) => only == client,
        }
    }
}

/// What a journal holds for a message besides its bytes: the delivery, the counts of who shares it and its bytes, its
/// place in the queue, and what the allocator adds to each.
const AROUND_IT_BYTES: usize = size_of::<Delivery>() + 12 * size_of::<usize>();

/// A message on its way to clients, encoded once for all of them.
#[derive(Debug)]
pub struct Delivery {
    /// Where it stands in the journal.
    pub position: Position,
    /// Whom it is for.
    pub audience: Audience,
    v1: V1Frame,
}

impl Delivery {
    /// Encodes `message` for the v1 subprotocol.
    #[must_use]
    pub fn new(position: Position, audience: Audience, message: &Message) -> Self {
        let v1 = V1Frame::encode(message);
        Self {
            position,
            audience,
            v1,
        }
    }

    /// The delivery a frame was written from, `None` if it is no such frame.
    pub(crate) fn from_v1(position: Position, audience: Audience, v1: Bytes) -> Option<Self> {
        let v1 = V1Frame::check(v1).ok()?;
        Some(Self {
            position,
            audience,
            v1,
        })
    }

    /// What it takes in memory: of small messages, most is not the message.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.v1().len().saturating_add(AROUND_IT_BYTES)
    }

    /// The message as a frame of the v1 subprotocol.
    #[must_use]
    pub fn v1(&self) -> &Bytes {
        self.v1.bytes()
    }

    /// The message; its parts share the memory of the frame.
    #[must_use]
    pub fn message(&self) -> Message {
        self.v1.message()
    }

    /// The parts of the message, borrowed.
    #[must_use]
    pub fn parts(&self) -> Parts<'_> {
        self.v1.parts()
    }
}
