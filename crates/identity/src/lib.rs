//! Who a request is from: users, the token, the login cookie, and the checks that go with each.
//!
//! Architecture invariant: `identity` reads `http` types and knows no web framework, no route and no policy.
#![deny(clippy::indexing_slicing)]

mod base_url;
mod identity;

pub use base_url::BaseUrl;
pub use identity::{Credential, Identity};
