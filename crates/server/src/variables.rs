//! The environment variables of this process, read once.
//!
//! **Architecture invariant:** this is the only file of the whole tree that reads the environment; everyone else
//! is given values. Tests make their own [`Variables`] and need not change the process they run in.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// A snapshot of environment variables, and of the directories that relative paths start from.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    values: BTreeMap<OsString, OsString>,
    /// What a relative path on the command line is relative to.
    pub current_dir: PathBuf,
    /// The running program, for finding the Python environment it was installed into.
    pub program: Option<PathBuf>,
    /// What it was called as, and its arguments.
    pub command_line: Vec<OsString>,
}

impl Variables {
    /// The variables of this process as they are now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub fn of_this_process() -> Self {
        Self {
            values: std::env::vars_os().collect(),
            current_dir: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            program: std::env::current_exe().ok(),
            command_line: std::env::args_os().collect(),
        }
    }

    /// Exactly these variables, for tests and for embedding.
    pub fn from_pairs<N: Into<OsString>, V: Into<OsString>>(
        current_dir: impl Into<PathBuf>,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        Self {
            values: pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            current_dir: current_dir.into(),
            program: None,
            command_line: Vec::new(),
        }
    }

    /// The value of a variable; one that is set to nothing counts as not set, as in the reference.
    pub fn os(&self, name: &str) -> Option<&OsStr> {
        self.values
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// The value as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self, name: &str) -> Option<String> {
        self.os(name).map(|value| value.to_string_lossy().into_owned())
    }

    /// The value as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.os(name).map(PathBuf::from)
    }

    /// The entries of a search path such as `PATH` or `JUPYTER_PATH`, trailing slashes dropped.
    pub fn path_list(&self, name: &str) -> Vec<PathBuf> {
        let Some(value) = self.os(name) else {
            return Vec::new();
        };
        std::env::split_paths(value)
            .map(|path| match path.to_string_lossy().trim_end_matches('/') {
                "" => path.clone(),
                trimmed => PathBuf::from(trimmed),
            })
            .collect()
    }

    /// A yes-or-no variable as `jupyter_core` reads it: anything but `no`, `n`, `false`, `off`, `0` and `0.0` is yes.
    pub fn switch(&self, name: &str) -> Option<bool> {
        let value = self
            .values
            .get(OsStr::new(name))?
            .to_string_lossy()
            .to_lowercase();
        Some(!matches!(
            value.as_str(),
            "no" | "n" | "false" | "off" | "0" | "0.0"
        ))
    }

    /// All variables, for the environment that kernels start with.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// The home directory, links resolved.
    pub fn home(&self) -> PathBuf {
        let home = self
            .path("HOME")
            .or_else(home_of_user)
            .unwrap_or_else(|| PathBuf::from("/"));
        home.canonicalize().unwrap_or(home)
    }

    /// `path` made absolute from the current directory, with a leading `~` replaced by the home directory.
    pub fn absolute(&self, path: &str) -> PathBuf {
        self.current_dir.join(self.expand_home(path))
    }

    /// `~` and `~/x` as Python's `expanduser` has them; `~other` stays as it is.
    pub fn expand_home(&self, path: &str) -> String {
        let Some(rest) = path.strip_prefix('~') else {
            return path.to_owned();
        };
        if !rest.is_empty() && !rest.starts_with('/') {
            return path.to_owned();
        }
        let home = self
            .text("HOME")
            .unwrap_or_else(|| self.home().to_string_lossy().into_owned());
        format!("{}{rest}", home.trim_end_matches('/'))
    }
}

/// The home directory in the password database, for when `HOME` is not set.
fn home_of_user() -> Option<PathBuf> {
    nix::unistd::User::from_uid(nix::unistd::Uid::current())
        .ok()
        .flatten()
        .map(|user| user.dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let variables = Variables::from_pairs("/w", [("A", ""), ("B", "x")]);
        assert_eq!(variables.text("A"), None);
        assert_eq!(variables.text("B"), Some("x".to_owned()));
        assert_eq!(variables.text("C"), None);
    }

    #[test]
    fn switches_are_read_as_jupyter_core_does() {
        let check = |value: &str, expected| {
            let variables = Variables::from_pairs("/w", [("A", value)]);
            assert_eq!(variables.switch("A"), Some(expected), "{value:?}");
        };
        for no in ["no", "N", "False", "OFF", "0", "0.0"] {
            check(no, false);
        }
        for yes in ["1", "yes", "anything", ""] {
            check(yes, true);
        }
    }

    #[test]
    fn a_tilde_is_the_home_directory() {
        let variables = Variables::from_pairs("/w", [("HOME", "/h/")]);
        assert_eq!(variables.absolute("~/x"), PathBuf::from("/h/x"));
        assert_eq!(variables.absolute("~"), PathBuf::from("/h"));
        assert_eq!(variables.absolute("~other/x"), PathBuf::from("/w/~other/x"));
        assert_eq!(variables.absolute("y"), PathBuf::from("/w/y"));
    }
}
