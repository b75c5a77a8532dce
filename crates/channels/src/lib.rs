//! The bridge between one client's WebSocket and one kernel.
//!
//! **Architecture invariant:** this crate knows neither HTTP nor users. Frames come and go through a `Stream` and
//! a `Sink`; whether a message is allowed it asks [`Permissions`], once for each [`Class`].
//!
//! [`bridge`] is two plain loops, `downlink` and `uplink`, and the reasons to stop.
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]
#![cfg_attr(test, allow(clippy::indexing_slicing))]

mod bridge;
mod class;
mod client;
mod closed;
mod confirmation;
mod displays;
mod downlink;
mod filters;
mod limits;
mod made;
mod outputs;
mod permissions;
mod rate;
mod replay;
mod retell;
mod room;
mod uplink;
mod waiting;
mod widgets;

pub use bridge::bridge;
pub use class::Class;
pub use client::{Client, ClientGone, Incoming, Outgoing};
pub use closed::Closed;
pub use filters::Filters;
pub use limits::Limits;
pub use outputs::{CellOutputs, Output};
pub use permissions::{Permissions, Refusal};
pub use rate::RateLimits;
pub use retell::{Retold, retell};
pub use room::{Place, RetellingRoom};
