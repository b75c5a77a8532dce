//! Sockets to kernels: `ZeroMQ`'s wire protocol ([ZMTP 3.0](https://rfc.zeromq.org/spec/23/)), as much of it as
//! a client of kernels needs: connect, NULL security, DEALER, SUB and REQ with one peer, over TCP or a Unix
//! socket.
//!
//! It is our own because kernels are not to be trusted: a kernel that announces a frame of 2^40 bytes must not
//! end the server, and a connection that breaks must be seen to break. One connection is one peer; nothing
//! reconnects by itself, the host drops all sockets of a kernel and builds them anew.

mod connect;
mod frames;
mod ipc;

pub(crate) use connect::{Endpoint, Receiver, Role, Sender, connect};
pub(crate) use frames::SocketLimits;
pub(crate) use ipc::{IpcSocket, SocketDirectory};

use std::io;

/// Why a socket does not work (any more).
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    /// The system said so.
    #[error("{source}")]
    Io {
        /// What it said.
        #[from]
        source: io::Error,
    },
    /// The peer closed it.
    #[error("the kernel closed the connection")]
    Closed,
    /// The peer does not speak ZMTP 3 with NULL security.
    #[error("what listens there does not speak ZMTP 3: {problem}")]
    NotZmtp {
        /// What is wrong.
        problem: &'static str,
    },
    /// What has the name of its socket is none.
    #[error("{found} stands in place of its socket")]
    NoSocket {
        /// What it is.
        found: &'static str,
    },
    /// The peer has accepted the connection and does not finish its greeting. It may be stopped, in a debugger.
    #[error("what listens there does not finish its greeting")]
    Silent,
    /// A limit is exceeded.
    #[error("a message from the kernel exceeds the limit of {limit} {unit}")]
    TooLarge {
        /// The limit.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// So many messages in a row are none, or not signed with the kernel's key.
    #[error("{count} messages in a row could not be read: {problem}")]
    Unreadable {
        /// How many.
        count: u32,
        /// What was wrong with the last.
        problem: String,
    },
}

impl SocketError {
    /// Whether the kernel breaks the protocol. Connecting again would only meet the same.
    pub(crate) fn is_hostile(&self) -> bool {
        match self {
            Self::NotZmtp { .. }
            | Self::NoSocket { .. }
            | Self::TooLarge { .. }
            | Self::Unreadable { .. } => true,
            Self::Io { .. } | Self::Closed | Self::Silent => false,
        }
    }
}
