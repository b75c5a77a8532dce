//! The Python environments at hand, found without starting Python.
//!
//! The order says which one wins: where this program was installed, the active virtualenv, the active conda
//! environment, the interpreter on `PATH`, the user site, the system prefixes, and the environment `--setup` made.

mod discover;
mod layout;
mod pyenv;
pub(crate) mod setup;

use std::path::PathBuf;

use crate::variables::Variables;

pub use discover::environments_at_hand;
pub(crate) use discover::{interpreter_on_path, is_program};

/// How an environment came to be on the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This program was installed into it.
    BesideProgram,
    /// `VIRTUAL_ENV` names it.
    VirtualEnv,
    /// `CONDA_PREFIX` names it.
    Conda,
    /// Its interpreter is the first `python3` or `python` on `PATH`.
    OnPath,
    /// `pip install --user` installs into it.
    UserSite,
    /// `/usr/local` or `/usr`.
    System,
    /// `--setup` made it.
    Managed,
}

impl Origin {
    /// Whether the user chose the environment, so that it stands for what `sys.prefix` is in the reference.
    pub fn is_active(self) -> bool {
        matches!(
            self,
            Self::BesideProgram | Self::VirtualEnv | Self::Conda | Self::OnPath
        )
    }
}

/// One Python environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonEnvironment {
    /// `sys.prefix`.
    pub prefix: PathBuf,
    /// Its interpreter.
    pub interpreter: PathBuf,
    /// The directories that packages are installed into, in the order they are searched.
    pub site_packages: Vec<PathBuf>,
    /// How it was found.
    pub origin: Origin,
    /// Whether it is a virtual environment (has a `pyvenv.cfg`).
    pub is_virtual: bool,
    /// Whether a virtual environment also sees the packages of the installation it was made from.
    pub sees_system_packages: bool,
}

impl PythonEnvironment {
    /// Where the package `name` is installed, if it is.
    pub fn package(&self, name: &str) -> Option<PathBuf> {
        self.site_packages
            .iter()
            .map(|directory| directory.join(name))
            .find(|package| package.is_dir())
    }

    /// Python's `site.ENABLE_USER_SITE` for this environment.
    pub(crate) fn uses_user_site(&self, variables: &Variables) -> bool {
        (!self.is_virtual || self.sees_system_packages)
            && variables.os("PYTHONNOUSERSITE").is_none()
            && nix::unistd::Uid::current() == nix::unistd::Uid::effective()
    }
}
