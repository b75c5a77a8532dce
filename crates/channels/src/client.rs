//! What passes between the bridge and a WebSocket, whatever library carries it.

use bytes::Bytes;
use wire::{Frame, Subprotocol};

use crate::{Filters, Limits};

/// A client's WebSocket, opened.
#[derive(Debug)]
pub struct Client<'a, Down, Up> {
    /// Where to put what it shall get.
    pub outgoing: &'a mut Down,
    /// Where to take what it sends.
    pub incoming: &'a mut Up,
    /// How its frames hold messages.
    pub subprotocol: Subprotocol,
    /// What it may take.
    pub limits: Limits,
    /// What may pass, whoever it is.
    pub filters: &'a Filters,
}

/// Something a client's WebSocket received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A frame that should hold a message.
    Frame(Frame),
    /// The answer to a ping, with what the ping carried.
    Pong(Bytes),
    /// A ping: the client lives.
    Alive,
}

/// Something to put on a client's WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// A message.
    Frame(Frame),
    /// A ping; browsers answer it by themselves, after what was sent before it has arrived.
    Ping(Bytes),
}

/// The connection has ended: the client closed it, or it broke.
#[derive(Debug, thiserror::Error)]
#[error("the client is gone")]
pub struct ClientGone;
