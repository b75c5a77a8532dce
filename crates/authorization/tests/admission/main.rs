//! Who is let in, who is not, and what they are told: the guard in front of a few routes, without a network.
#![expect(clippy::expect_used, reason = "what a test needs must be there")]

mod fallbacks;
mod forgery;
mod identified;
mod log;
mod policy;
mod service;
