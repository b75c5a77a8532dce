//! Kernels through this crate's public face: fake ones in this process, and real processes that are no kernels.
#![allow(clippy::unwrap_used, reason = "tests")]

mod attachments;
mod hostile;
mod lifecycle;
mod limits;
mod messages;
mod process;
mod stopping;
mod support;
