//! The integration tests are one binary: `integration/main.rs`.
