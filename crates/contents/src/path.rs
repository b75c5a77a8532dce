//! Names of contents: what a URL or a JSON body may say, checked once.

use std::fmt;
use std::str::FromStr;

/// Longest path we take, in bytes: Linux's `PATH_MAX` without the NUL at its end.
pub const PATH_BYTES_MAX: usize = 4095;

/// A path in the contents service: relative to the root directory, `/` between the parts, no empty part, no
/// `.`, no `..`, no NUL. The empty path is the root.
///
/// Made by [`FromStr`] from the *decoded* text (percent-decoding is the business of the edge). Slashes at
/// either end are dropped, as Jupyter drops them; `a/../b` is `b`; what climbs above the root is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentsPath {
    /// Invariant: normalized, see above.
    text: String,
}

/// Why a text names nothing beneath the root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path climbs above the root directory.
    #[error("{0} is outside root contents directory")]
    Outside(String),
    /// The path holds a NUL, which no file system takes.
    #[error("{0} is not a valid path")]
    Invalid(String),
    /// The path is longer than [`PATH_BYTES_MAX`], or than the `path_bytes_max` of the configuration.
    #[error("the path is longer than {bytes_max} bytes (path_bytes_max)")]
    TooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// A single name was expected.
    #[error("{0:?} is not the name of a file or directory")]
    NotAName(String),
}

const TOO_LONG: PathError = PathError::TooLong {
    bytes_max: PATH_BYTES_MAX,
};

impl FromStr for ContentsPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.len() > PATH_BYTES_MAX {
            return Err(TOO_LONG);
        }
        if text.contains('\0') {
            return Err(PathError::Invalid(text.replace('\0', "\u{fffd}")));
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    if parts.pop().is_none() {
                        return Err(PathError::Outside(text.to_owned()));
                    }
                }
                name => parts.push(name),
            }
        }
        Ok(Self {
            text: parts.join("/"),
        })
    }
}

impl fmt::Display for ContentsPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl ContentsPath {
    /// The root directory itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// The path as text, without a slash at either end; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this is the root directory.
    pub fn is_root(&self) -> bool {
        self.text.is_empty()
    }

    /// The last part; empty for the root.
    pub fn name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }

    /// The directory this lies in; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let text = self
            .text
            .rsplit_once('/')
            .map(|(parent, _)| parent)
            .unwrap_or_default();
        Some(Self {
            text: text.to_owned(),
        })
    }

    /// All directories above, nearest first, the root last. Empty for the root.
    pub fn parents(&self) -> impl Iterator<Item = Self> + use<> {
        std::iter::successors(self.parent(), Self::parent)
    }

    /// The parts from the root down.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.text.split('/').filter(|part| !part.is_empty())
    }

    /// The entry `name` of this directory.
    ///
    /// # Errors
    /// [`PathError::NotAName`] unless `name` is one ordinary part.
    pub fn join(&self, name: &str) -> Result<Self, PathError> {
        if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
            return Err(PathError::NotAName(name.replace('\0', "\u{fffd}")));
        }
        let text = if self.is_root() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.text)
        };
        if text.len() > PATH_BYTES_MAX {
            return Err(TOO_LONG);
        }
        Ok(Self { text })
    }

    /// Whether this is `other` or lies somewhere beneath it.
    pub fn is_within(&self, other: &Self) -> bool {
        other.is_root()
            || self
                .text
                .strip_prefix(other.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Result<&str, ()>) {
        let found = input.parse::<ContentsPath>();
        assert_eq!(
            found.as_ref().map(ContentsPath::as_str).map_err(|_| ()),
            expected,
            "{input:?}"
        );
    }

    #[test]
    fn paths_are_normalized_and_stay_beneath_the_root() {
        check("", Ok(""));
        check("/", Ok(""));
        check("/a//b/", Ok("a/b"));
        check("./a/./b", Ok("a/b"));
        check("a/../b", Ok("b"));
        check("a/..", Ok(""));
        check("..", Err(()));
        check("a/../../b", Err(()));
        check("/../etc/passwd", Err(()));
        check("a\0b", Err(()));
        check("a\\..\\b", Ok("a\\..\\b"));
        check("ä ö/#?%.txt", Ok("ä ö/#?%.txt"));
        check(&"a/".repeat(3000), Err(()));
    }

    #[test]
    fn a_path_knows_its_name_and_its_directories() {
        let path: ContentsPath = "a/b/c.txt".parse().unwrap();
        assert_eq!(path.name(), "c.txt");
        let parents: Vec<String> = path.parents().map(|parent| parent.to_string()).collect();
        assert_eq!(parents, ["a/b", "a", ""]);
        assert_eq!(ContentsPath::root().parents().count(), 0);
        assert!(path.is_within(&"a/b".parse().unwrap()));
        assert!(!path.is_within(&"a/bb".parse().unwrap()));
        assert!(path.is_within(&ContentsPath::root()));
    }

    #[test]
    fn only_one_ordinary_name_can_be_joined() {
        let directory: ContentsPath = "a".parse().unwrap();
        assert_eq!(directory.join("b").unwrap().as_str(), "a/b");
        for name in ["", ".", "..", "b/c", "/", "b\0"] {
            assert!(directory.join(name).is_err(), "{name:?}");
        }
    }
}
