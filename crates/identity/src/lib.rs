//! Who a request is from: users, the token, the login cookie, and the checks that go with each.
//!
//! Architecture invariant: `identity` reads `http` types and knows no web framework, no route and no policy.
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

mod anonymous;
mod base_url;
mod config;
mod cookies;
mod error;
mod identity;
mod login_cookie;
mod next;
mod origin;
mod password;
mod provider;
mod scheme;
mod signed;
mod token;
mod xsrf;

pub use base_url::BaseUrl;
pub use config::IdentityConfig;
pub use cookies::cookie;
pub use error::IdentityError;
pub use identity::{Credential, Identity};
pub use origin::RefererCheck;
pub use provider::{Found, IdentityProvider};
pub use scheme::{Attempt, Reason, Scheme};
pub use xsrf::{XSRF_NAME, XsrfCheck, XsrfToken, check_submitted_xsrf, check_xsrf};
