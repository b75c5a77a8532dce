//! The server itself: command line, configuration, wiring, listener, shutdown.
//!
//! **Architecture invariant:** only this crate reads the environment; every other one is given values.

pub mod error;
pub mod paths;
pub mod python;
pub mod settings;
pub mod variables;

pub use error::ServerError;
