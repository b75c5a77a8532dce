//! Integration tests: the real server on port 0.

mod kernels;
mod server;
