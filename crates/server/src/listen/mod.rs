//! Where the server listens, and the loop that accepts connections.

mod ports;
mod serve;
mod socket;

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, UnixListener};

use crate::error::ServerError;

pub(crate) use serve::{Connections, Peer, serve};

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Address {
    /// A port of every address the name has; an empty name is every address of the machine.
    Tcp {
        /// `localhost`, an IP address, or nothing.
        ip: String,
        /// The port asked for; 0 for any.
        port: u16,
        /// How many more to try.
        retries: usize,
    },
    /// A Unix socket.
    Unix {
        /// Its path.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
}

/// Bound sockets, listening already: the port is taken before anything slow happens.
#[derive(Debug)]
pub(crate) enum Listener {
    /// One for each address of the name, all on one port.
    Tcp(Vec<TcpListener>),
    /// The socket.
    Unix(UnixListener),
}

impl Listener {
    /// Binds.
    pub(crate) fn bind(address: &Address) -> Result<Self, ServerError> {
        match address {
            Address::Tcp { ip, port, retries } => ports::bind(ip, *port, *retries).map(Self::Tcp),
            Address::Unix { path, mode } => Ok(Self::Unix(socket::bind(path, *mode)?)),
        }
    }

    /// What the server before has bound to this address.
    pub(crate) fn inherited(address: &Address, listeners: Vec<OwnedFd>) -> io::Result<Self> {
        let mut listeners = listeners.into_iter();
        match address {
            Address::Tcp { .. } => {
                let listeners = listeners.map(|listener| TcpListener::from_std(listener.into()));
                listeners.collect::<io::Result<_>>().map(Self::Tcp)
            }
            Address::Unix { .. } => {
                let listener = listeners.next().ok_or(io::ErrorKind::NotFound)?;
                UnixListener::from_std(listener.into()).map(Self::Unix)
            }
        }
    }

    /// The same sockets, for the next server.
    pub(crate) fn duplicates(&self) -> io::Result<Vec<OwnedFd>> {
        match self {
            Self::Tcp(listeners) => {
                let duplicates = listeners.iter().map(|it| it.as_fd().try_clone_to_owned());
                duplicates.collect()
            }
            Self::Unix(listener) => Ok(vec![listener.as_fd().try_clone_to_owned()?]),
        }
    }

    /// The first TCP address; `None` on a Unix socket.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listeners) => listeners.first()?.local_addr().ok(),
            Self::Unix(_) => None,
        }
    }
}
