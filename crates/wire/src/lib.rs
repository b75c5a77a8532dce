//! Jupyter messages as bytes: `ZeroMQ` frames, signatures and the two WebSocket subprotocols.
//!
//! **Architecture invariant:** this crate is pure. It knows nothing of sockets, runtimes or HTTP, and no
//! input makes it panic: kernels and browsers are both untrusted here.
//!
//! A [`Message`] keeps the JSON of its parts exactly as it was sent. Only the header is ever looked into,
//! and only when somebody asks ([`Message::header`]).
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable
)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::panic))]

mod channel;
mod error;
mod frames;
mod header;
mod message;
mod parts;
mod signer;
mod subprotocol;

pub use channel::Channel;
pub use error::WireError;
pub use frames::{DELIMITER, from_frames, split_identities, to_frames};
pub use header::Header;
pub use message::{BUFFERS_MAX, Message, NewHeader};
pub use parts::Parts;
pub use signer::Signer;
pub use subprotocol::{Frame, Subprotocol, V1Frame, encode_v1};
