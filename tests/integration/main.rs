//! Integration tests: the real server on port 0.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends with the first surprise"
)]

mod architecture;
mod authorization;
mod channels;
mod compatibility;
mod contents;
mod events;
mod frontends;
mod kernels;
mod leaks;
mod real_kernels;
mod server;
mod sessions;
