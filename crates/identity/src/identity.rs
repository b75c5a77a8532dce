//! Who a request is from, as Jupyter describes a user.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A user as Jupyter's identity model has it (`GET /api/me`).
///
/// Two identities with the same `username` are the same user; the rest is for showing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The stable name that policies and ownership go by. Never empty.
    pub username: Arc<str>,
    /// The person's name.
    pub name: String,
    /// A shorter name for user interfaces.
    pub display_name: String,
    /// One or two letters for an avatar.
    pub initials: Option<String>,
    /// A picture.
    pub avatar_url: Option<String>,
    /// A CSS colour for cursors and avatars.
    pub color: Option<String>,
    /// The groups that policies may name. Jupyter's model has none, so they are not shown.
    #[serde(skip)]
    pub groups: Vec<Arc<str>>,
    /// The name was made up for this very request. Unless a cookie keeps it, whoever asks has another the next time.
    #[serde(skip)]
    pub is_new: bool,
}

impl Identity {
    /// A user of whom only the name is known; the other names follow from it, as in the reference.
    #[must_use]
    pub fn named(username: &str) -> Self {
        Self {
            username: Arc::from(username),
            name: username.to_owned(),
            display_name: username.to_owned(),
            initials: None,
            avatar_url: None,
            color: None,
            groups: Vec::new(),
            is_new: false,
        }
    }
}

/// What a caller showed to be taken for somebody. It decides which further checks a request needs:
/// a browser sends a cookie without being asked, a token only a program or page that knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// The token of the server, in the query or the `Authorization` header.
    Token,
    /// The signed login cookie.
    Cookie,
    /// Nothing: authentication is switched off (an empty token and no password).
    Anonymous,
}

impl Credential {
    /// Whether a browser attaches it by itself, so that another site's page could make use of it.
    #[must_use]
    pub fn is_ambient(self) -> bool {
        match self {
            Self::Token => false,
            Self::Cookie | Self::Anonymous => true,
        }
    }
}
