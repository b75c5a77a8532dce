//! Ids that are types: which kernel, which client.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// A kernel's id: five groups of word characters joined by dashes, as the reference's routes demand
/// (`\w+-\w+-\w+-\w+-\w+`). Mostly a UUID, but a client may choose its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct KernelId(
    /// Invariant: matches the pattern, at most [`KERNEL_ID_BYTES_MAX`] bytes. It becomes part of a file name.
    Arc<str>,
);

/// The longest kernel id, in bytes: it must fit into a file name.
pub const KERNEL_ID_BYTES_MAX: usize = 128;

/// How many groups a kernel id has.
const GROUPS: usize = 5;

/// A text that is no kernel id.
#[derive(Debug, thiserror::Error)]
#[error("a kernel id has five groups of word characters joined by dashes")]
pub struct BadKernelId;

impl KernelId {
    /// A fresh random id.
    #[must_use]
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string().into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KernelId {
    type Err = BadKernelId;

    fn from_str(text: &str) -> Result<Self, BadKernelId> {
        let word = |group: &str| {
            !group.is_empty()
                && group
                    .chars()
                    .all(|character| character.is_alphanumeric() || character == '_')
        };
        let fits = text.len() <= KERNEL_ID_BYTES_MAX;
        if fits && text.split('-').count() == GROUPS && text.split('-').all(word) {
            return Ok(Self(text.into()));
        }
        Err(BadKernelId)
    }
}

impl<'de> Deserialize<'de> for KernelId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for KernelId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A kernelspec's name, in lower case: kernelspecs are found without regard to case, and whoever may not use
/// `python3` shall not get it as `Python3`. It should have only ASCII letters, digits, `.`, `_` and `-`; as in the
/// reference, others work too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct KernelspecName(
    /// Invariant: in lower case, not empty, can be the name of a directory.
    Arc<str>,
);

/// The longest name of a kernelspec, in bytes: as long as a directory's may be.
const KERNELSPEC_NAME_BYTES_MAX: usize = 255;

/// A text that cannot be a kernelspec's name.
#[derive(Debug, thiserror::Error)]
#[error("a kernelspec's name is the name of a directory in lower case")]
pub struct BadKernelspecName;

impl KernelspecName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KernelspecName {
    type Err = BadKernelspecName;

    fn from_str(text: &str) -> Result<Self, BadKernelspecName> {
        let is_bad = |character: char| character == '/' || character.is_control();
        if matches!(text, "" | "." | "..") || text.len() > KERNELSPEC_NAME_BYTES_MAX || text.contains(is_bad)
        {
            return Err(BadKernelspecName);
        }
        Ok(Self(text.to_lowercase().into()))
    }
}

impl fmt::Display for KernelspecName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Which client a message is from or for: a user and the `session_id` of their WebSocket. A client that comes back
/// with the same id goes on where it stopped. Every client hears the `session_id` of the others (it is the `session` of
/// their requests), so it is nothing without the user.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// The client of this id. Two clients must not have the same.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The client with this `session_id` of a user; `None` for users who have another name each time they come.
    #[must_use]
    pub fn of_user(username: Option<&str>, session_id: &str) -> Self {
        let id = match username {
            // The length keeps `a` + `bc` and `ab` + `c` apart.
            Some(username) => format!("{}:{username}/{session_id}", username.len()),
            None => format!(":/{session_id}"),
        };
        Self::new(id)
    }

    /// Whether it is a client of this user.
    #[must_use]
    pub fn is_of_user(&self, username: Option<&str>) -> bool {
        self.0.starts_with(Self::of_user(username, "").as_str())
    }

    /// Whose it is; `None` of users who have another name each time they come.
    pub(crate) fn user(&self) -> Option<&str> {
        let (bytes, rest) = self.0.split_once(':')?;
        rest.get(..bytes.parse().ok()?)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, good: bool) {
        assert_eq!(text.parse::<KernelId>().is_ok(), good, "{text}");
    }

    #[test]
    fn a_kernelspecs_name_is_that_of_a_directory_in_lower_case() {
        let name = |text: &str| text.parse::<KernelspecName>().ok().map(|name| name.to_string());
        assert_eq!(name("Python-3.1_x"), Some("python-3.1_x".to_owned()));
        assert_eq!(name("Ünder Score"), Some("ünder score".to_owned()));
        for bad in ["", ".", "..", "../x", "a/b", "a\0b", "a\nb", &"a".repeat(256)] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_id_has_five_groups_of_word_characters() {
        check("a-b-c-d-e", true);
        check("6f1e7f9c-4d49-4f0e-9d4e-0d3d4b2f1a11", true);
        check("a_1-b-c-d-é", true);
        check("", false);
        check("a-b-c-d", false);
        check("a-b-c-d-e-f", false);
        check("a-b--d-e", false);
        check("a-b-c-d-../x", false);
        check("a-b-c-d-e\n", false);
        check(&format!("a-b-c-d-{}", "e".repeat(KERNEL_ID_BYTES_MAX)), false);
        check(KernelId::random().as_str(), true);
    }

    #[test]
    fn clients_of_two_users_are_never_the_same() {
        let ids = [
            ClientId::of_user(None, "s"),
            ClientId::of_user(Some(""), "s"),
            ClientId::of_user(Some("ada"), "s"),
            ClientId::of_user(Some("ada"), "t"),
            ClientId::of_user(Some("ada/s"), "s"),
            ClientId::of_user(Some("ada"), "s/s"),
        ];
        let different: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
        assert_eq!(ClientId::of_user(Some("ada"), "s"), ids[2]);
        let users: Vec<_> = ids.iter().map(ClientId::user).collect();
        let expected = [
            None,
            Some(""),
            Some("ada"),
            Some("ada"),
            Some("ada/s"),
            Some("ada"),
        ];
        assert_eq!(users, expected);
        let of_ada: Vec<_> = ids.iter().map(|id| id.is_of_user(Some("ada"))).collect();
        assert_eq!(of_ada, [false, false, true, true, false, true]);
        let of_nobody: Vec<_> = ids.iter().map(|id| id.is_of_user(None)).collect();
        assert_eq!(of_nobody, [true, false, false, false, false, false]);
    }
}
