//! What a host that is a process is made from. It is given on standard input: arguments and the environment of a process
//! can be read by others.

use std::{fmt, io, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    KernelError,
    host::{HostSettings, Predecessor},
    launch::LaunchPlan,
};

/// How many random bytes a secret has.
const SECRET_BYTES: usize = 32;

/// What a server and its host know and nobody else does.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(
    /// Whoever signs with it refuses an empty one.
    String,
);

impl Secret {
    pub(crate) fn random() -> Result<Self, KernelError> {
        let mut secret = [0; SECRET_BYTES];
        getrandom::fill(&mut secret).map_err(|error| KernelError::Key {
            source: io::Error::other(error),
        })?;
        Ok(Self(hex::encode(secret)))
    }

    /// One that was written down.
    pub(crate) fn known(secret: String) -> Self {
        Self(secret)
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// Where a host is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HostAddress {
    pub(crate) socket: PathBuf,
    pub(crate) secret: Secret,
}

impl HostAddress {
    /// What marks all that the host's kernel starts: the name of the socket, which is no other's.
    pub(crate) fn mark(&self) -> String {
        let name = self.socket.file_stem().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

/// Everything a host is told when it starts.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) address: HostAddress,
    pub(crate) plan: LaunchPlan,
    pub(crate) settings: HostSettings,
    pub(crate) orphan_timeout: Duration,
    #[serde(default)]
    pub(crate) predecessor: Option<Predecessor>,
}

/// The one line a host writes to its standard output: whether its kernel was launched.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    Launched,
    Failed(super::protocol::Failure),
}
