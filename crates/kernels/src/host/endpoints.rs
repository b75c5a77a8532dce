//! A kernel's addresses, and its connection file, for where to connect.

use wire::Signer;

use crate::{ConnectionFile, KernelError, addresses::Addresses, sockets::Endpoint};

/// Where a kernel listens and how its messages are signed.
#[derive(Clone)]
pub(super) struct Endpoints {
    pub(super) shell: Endpoint,
    pub(super) control: Endpoint,
    pub(super) stdin: Endpoint,
    pub(super) iopub: Endpoint,
    pub(super) heartbeat: Endpoint,
    pub(super) signer: Signer,
}

impl Endpoints {
    pub(super) fn new(file: &ConnectionFile, addresses: &Addresses) -> Result<Self, KernelError> {
        let signer = file.signer().map_err(|error| KernelError::Key {
            source: std::io::Error::other(error),
        })?;
        let endpoint = |port| addresses.endpoint(port);
        Ok(Self {
            shell: endpoint(file.shell_port),
            control: endpoint(file.control_port),
            stdin: endpoint(file.stdin_port),
            iopub: endpoint(file.iopub_port),
            heartbeat: endpoint(file.hb_port),
            signer,
        })
    }
}
