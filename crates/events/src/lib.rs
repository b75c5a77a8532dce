//! Jupyter's event bus: what happens on the server, as JSON that fits a registered schema.
//!
//! Whoever knows of something emits it on the [`EventBus`]; whoever wants to hear of it holds a [`Subscription`]. All
//! subscribers share one ring of bounded length: nobody waits for a slow one, which is told what it has missed.
//!
//! Architecture invariant: this crate knows neither HTTP nor users. Who may hear what is decided where it is delivered.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        reason = "tests"
    )
)]

mod bus;
mod error;
mod schema;
mod schemas;

pub use bus::{EVENT_BYTES_MAX, Event, EventBus, Missed, Subscription};
pub use error::{EventError, SchemaError};
pub use schema::Schema;
pub use schemas::{CONTENTS_CHANGES, CONTENTS_SERVICE, GATEWAY_CLIENT, KERNEL_ACTIONS, Schemas};
