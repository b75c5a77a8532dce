//! The id of a session.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Serialize, Serializer};

/// The longest id taken from a URL, in bytes.
const SESSION_ID_BYTES_MAX: usize = 255;

/// The id of a session: five groups of word characters joined by dashes, as the reference's URLs demand.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(
    /// Invariant: matches `\w+-\w+-\w+-\w+-\w+`.
    Arc<str>,
);

/// A text that is no session id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a session id")]
pub struct BadSessionId;

impl SessionId {
    /// A fresh one.
    #[must_use]
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string().into())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionId {
    type Err = BadSessionId;

    fn from_str(text: &str) -> Result<Self, BadSessionId> {
        let word = |group: &str| !group.is_empty() && group.chars().all(|c| c.is_alphanumeric() || c == '_');
        let good =
            text.len() <= SESSION_ID_BYTES_MAX && text.split('-').count() == 5 && text.split('-').all(word);
        if good {
            Ok(Self(text.into()))
        } else {
            Err(BadSessionId)
        }
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_five_groups_of_word_characters() {
        let check = |text: &str, good: bool| assert_eq!(text.parse::<SessionId>().is_ok(), good, "{text}");
        check(SessionId::random().as_str(), true);
        check("a-b-c-d-e_1", true);
        check("a-b-c-d", false);
        check("a-b-c-d-", false);
        check("a-b-c-d-e-f", false);
        check("a-b-c-d-/", false);
        check("", false);
        check(&"a".repeat(300), false);
    }
}
