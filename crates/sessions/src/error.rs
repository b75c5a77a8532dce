//! What can go wrong with a session.

use kernels::{KernelError, KernelId};

use crate::{SESSIONS_MAX, SessionId};

/// Why something about a session failed.
#[derive(Debug, thiserror::Error)]
pub enum SessionsError {
    /// There is no session of this id, or its kernel is gone and so is it.
    #[error("Session not found: session_id='{id}'")]
    NoSuchSession {
        /// The id asked for.
        id: SessionId,
    },
    /// A session should use a kernel that does not run.
    #[error("No such kernel: {id}")]
    NoSuchKernel {
        /// The kernel's id.
        id: KernelId,
    },
    /// Somebody else has given the session another kernel meanwhile, or ended it.
    #[error("Session {id} has another kernel now")]
    KernelChanged {
        /// The session's id.
        id: SessionId,
    },
    /// The kernel of a new session could not be started.
    #[error(transparent)]
    Start(#[from] KernelError),
    /// The other kernel a session should have could not be started.
    #[error("The '{name}' kernel could not be started")]
    StartOther {
        /// The kernelspec's name.
        name: String,
        /// Why not.
        #[source]
        source: KernelError,
    },
    /// As many sessions as there may be.
    #[error("there are {SESSIONS_MAX} sessions, which is as many as this server allows")]
    TooManySessions,
}
