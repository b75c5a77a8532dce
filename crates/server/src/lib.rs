//! The server itself: command line, configuration, wiring, listener, shutdown.
//!
//! **Architecture invariant:** only this crate reads the environment; every other one is given values.

mod banner;
mod browser;
pub mod commands;
pub mod config;
pub mod error;
mod layers;
pub mod listen;
mod local_time;
pub mod logging;
pub mod paths;
pub mod python;
mod running;
pub mod runtime_files;
pub mod settings;
pub mod signals;
mod signatures;
mod start;
mod succession;
mod urls;
pub mod variables;

pub use config::{Application, Config};
pub use error::ServerError;
pub use running::RunningServer;
pub use start::{Overrides, start};
pub use variables::Variables;
