//! What can go wrong with a kernel.

use std::{io, path::PathBuf, time::Duration};

use wire::WireError;

use crate::{KernelId, launch::LaunchError};

/// Why something about a kernel failed.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// No kernel of this id is running.
    #[error("Kernel does not exist: {id}")]
    NoSuchKernel {
        /// The id asked for.
        id: KernelId,
    },
    /// A kernel of this id is running already.
    #[error("Kernel already exists: {id}")]
    DuplicateKernel {
        /// The id asked for.
        id: KernelId,
    },
    /// No kernelspec of this name is installed (or it is not allowed).
    #[error(
        "The '{name}' kernel is not available. Please pick another suitable kernel instead, or install that kernel."
    )]
    NoSuchKernelspec {
        /// The name asked for.
        name: String,
    },
    /// A kernelspec exists, but its `kernel.json` cannot be used.
    #[error("the kernelspec `{name}` cannot be used: {problem}")]
    BadKernelspec {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A kernelspec exists, but is for another provisioner than the local one.
    #[error(
        "The '{name}' kernel is not available: its kernelspec asks for the provisioner `{provisioner}`, which is not here."
    )]
    NoSuchProvisioner {
        /// Its name.
        name: String,
        /// What it asks for.
        provisioner: String,
    },
    /// Somebody else has started the kernel, and only they can start it again.
    #[error("kernel {id} was not started by this server, which cannot restart it")]
    External {
        /// Its id.
        id: KernelId,
    },
    /// A limit on how many kernels run at once is reached.
    #[error("{kernels_max} kernels are running, which is as many as this server allows")]
    TooManyKernels {
        /// The limit.
        kernels_max: usize,
    },
    /// The server stops.
    #[error("the server is stopping and starts no more kernels")]
    Stopping,
    /// No ports, or no directory for its sockets.
    #[error("failed to find addresses for the kernel's sockets")]
    Addresses {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The connection file could not be written.
    #[error("failed to write the connection file `{path}`")]
    WriteConnectionFile {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The kernel's process could not be started.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The kernel ended before it answered; `stderr` is what it said last.
    #[error("the kernel `{name}` died ({reason}){}", shown(stderr))]
    Died {
        /// The name of its kernelspec.
        name: String,
        /// How it ended, as "exited with code 1".
        reason: String,
        /// The end of its own standard error; may be empty.
        stderr: String,
    },
    /// The kernel lives but did not answer in time.
    #[error("the kernel did not answer within {} seconds", after.as_secs())]
    NoAnswer {
        /// How long was waited.
        after: Duration,
    },
    /// The message cannot be sent: it is no message, or on a channel clients do not send on.
    #[error("the message cannot be sent to the kernel")]
    Message {
        /// What is wrong with it.
        #[source]
        source: WireError,
    },
    /// The `msg_id` of a message is longer than is remembered.
    #[error("the id of a message has at most {bytes_max} bytes")]
    LongMessageId {
        /// The limit.
        bytes_max: usize,
    },
    /// Clients only listen on iopub.
    #[error("clients do not send on the iopub channel")]
    IopubIsForListening,
    /// The kernel's signature scheme is unknown, or no randomness could be had for its key.
    #[error("failed to make a key for the kernel")]
    Key {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The kernel's host, which is a process of its own, could not be started or reached.
    #[error("the kernel's host failed: {problem}")]
    Host {
        /// What went wrong.
        problem: String,
    },
    /// The kernel could not be interrupted.
    #[error("failed to interrupt the kernel")]
    Interrupt {
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// The kernel's own words, below ours.
fn shown(stderr: &str) -> String {
    if stderr.trim().is_empty() {
        return String::new();
    }
    format!(":\n{}", stderr.trim_end())
}
