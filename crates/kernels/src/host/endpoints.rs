//! A connection file, read for where to connect.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use wire::Signer;

use crate::{ConnectionFile, KernelError, sockets::Endpoint};

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
    pub(super) fn new(file: &ConnectionFile) -> Result<Self, KernelError> {
        let signer = file.signer().map_err(|error| KernelError::Key {
            source: std::io::Error::other(error),
        })?;
        let address: Option<IpAddr> = match file.transport.as_str() {
            "tcp" => file.ip.parse().ok(),
            _ => None,
        };
        let endpoint = |port: u16| match address {
            Some(ip) => Endpoint::Tcp(SocketAddr::new(ip, port)),
            None => Endpoint::Ipc(PathBuf::from(format!("{}-{port}", file.ip))),
        };
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
