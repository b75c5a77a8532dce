//! `FakeKernel`: a synthetic Jupyter kernel on real `ZeroMQ` sockets, for tests and benchmarks.
//!
//! The code it executes is a script for it, one command a line ([`Command`] lists them), so that a test says
//! exactly what the kernel does: `burst 50000 20`, `input name?`, `sleep 60000 until interrupted`, `exit 3`.
//! Around that it answers as ipykernel does: busy, `execute_input`, output, reply, idle.
//!
//! Use it in-process ([`FakeKernel::bind`], [`FakeKernel::serve`]) or as the program
//! `fake-kernel {connection_file}` from a kernelspec. It is a crate of its own, below `test-support`, so that
//! the program builds without the server and the crates under the server can test with it.

mod connection;
mod execute;
mod hostile;
mod kernel;
#[cfg(feature = "launcher")]
mod launcher;
mod requests;
mod script;
mod sockets;
mod speaker;

pub use connection::Connection;
pub use kernel::{Ended, FakeKernel, Interrupt};
#[cfg(feature = "launcher")]
pub use launcher::{FakeKernels, InProcess};
pub use script::{Command, Hostility, Script};

/// The argument of a fake kernel whose cells may say `hostile …`.
pub const MAY_TURN_HOSTILE: &str = "--may-turn-hostile";

/// Why a fake kernel cannot start.
#[derive(Debug, thiserror::Error)]
pub enum FakeKernelError {
    /// The connection file cannot be read.
    #[error("failed to read the connection file `{path}`")]
    ReadConnectionFile {
        /// Its path.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The connection file is none.
    #[error("failed to parse the connection file")]
    ParseConnectionFile(#[source] serde_json::Error),
    /// The signature scheme is unknown.
    #[error(transparent)]
    Signer(#[from] wire::WireError),
    /// A socket cannot be bound.
    #[error("failed to bind {endpoint}")]
    Bind {
        /// Where to.
        endpoint: String,
        /// What the socket said.
        #[source]
        source: Box<zeromq::ZmqError>,
    },
}
