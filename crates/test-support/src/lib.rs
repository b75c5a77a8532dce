//! What integration tests stand on: the real server on port 0, and clients of different standing.
//!
//! ```no_run
//! # async fn example() {
//! let server = test_support::TestServer::start().await;
//! let kernel = server.as_owner().post("/api/kernels", &serde_json::json!({})).await.expect(201).json();
//! server.as_stranger().get("/api/kernels").await.expect(200);
//! # }
//! ```
//!
//! Everything here panics with a sentence when something is wrong: a test has nobody to hand an error to.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends with the first surprise"
)]

mod client;
mod programs;
mod proxy;
mod roles;
mod server_under_test;
mod socket;
mod wait;

pub use client::{Answer, TestClient};
pub use programs::{fake_kernel_program, server_program, test_python, variable};
pub use proxy::{Fault, Faults, TestProxy};
pub use roles::{Roles, TestScheme};
pub use server_under_test::{TOKEN, TestServer, TestServerBuilder};
pub use socket::{Refused, TestSocket, request};
pub use wait::{DEADLINE, eventually, within};
