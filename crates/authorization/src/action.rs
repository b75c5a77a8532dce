//! What a caller wants to do: Jupyter's three actions, as values and as types.

use std::fmt;

/// One of the three actions Jupyter's authorizers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// See it.
    Read,
    /// Make, change or delete it; for kernels also start, restart, interrupt and shut down.
    Write,
    /// Run code in it.
    Execute,
}

impl Action {
    /// All of them, in the order of growing power.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Execute];

    /// Jupyter's word, as in `/api/me?permissions={"contents": ["read"]}`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Execute => "execute",
        }
    }

    /// The action of that name, if it is one.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// An [`Action`] as a type, for the signature of a handler: `Authorized<Write, Contents>`.
pub trait Act: sealed::Sealed + Send + Sync + 'static {
    /// The action.
    const ACTION: Action;
}

/// [`Action::Read`] as a type.
#[derive(Debug)]
pub enum Read {}
/// [`Action::Write`] as a type.
#[derive(Debug)]
pub enum Write {}
/// [`Action::Execute`] as a type.
#[derive(Debug)]
pub enum Execute {}

impl Act for Read {
    const ACTION: Action = Action::Read;
}
impl Act for Write {
    const ACTION: Action = Action::Write;
}
impl Act for Execute {
    const ACTION: Action = Action::Execute;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Read {}
    impl Sealed for super::Write {}
    impl Sealed for super::Execute {}
}
