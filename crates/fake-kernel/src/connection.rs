//! The connection file: where the kernel listens and what it signs with.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::FakeKernelError;

/// A [connection file](https://jupyter-client.readthedocs.io/en/stable/kernels.html#connection-files).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(missing_docs, reason = "the names are Jupyter's")]
pub struct Connection {
    pub transport: String,
    pub ip: String,
    pub shell_port: u16,
    pub iopub_port: u16,
    pub stdin_port: u16,
    pub control_port: u16,
    pub hb_port: u16,
    pub key: String,
    pub signature_scheme: String,
}

impl Connection {
    /// Reads a connection file.
    ///
    /// # Errors
    /// When it cannot be read or is no connection file.
    pub fn read(path: &Path) -> Result<Self, FakeKernelError> {
        let json = std::fs::read(path).map_err(|source| FakeKernelError::ReadConnectionFile {
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_slice(&json).map_err(FakeKernelError::ParseConnectionFile)
    }

    /// The endpoint of one port: `tcp://127.0.0.1:5555`, or for ipc `ipc://path-5555`.
    pub(crate) fn endpoint(&self, port: u16) -> String {
        let separator = if self.transport == "ipc" { '-' } else { ':' };
        format!("{}://{}{separator}{port}", self.transport, self.ip)
    }
}
