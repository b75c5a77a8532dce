//! What a server and a host that is another process say to each other.
//!
//! Bytes ⇄ frames ([`frame`]), frames ⇄ socket ([`stream`]), what control frames say ([`say`]), what the others carry
//! ([`carry`]), and the greeting that proves to both ends that the other knows the host's secret ([`hello`]).
//!
//! # Versions
//!
//! Each end says the version it speaks. A host lives longer than the server that started it, so a server must
//! understand every host of its own major version: what a version adds, the other end may not know. Unknown control
//! messages, unknown fields and unknown kinds of frames are ignored; a field that is added has a default. What cannot
//! be said so is a new major version, and a server that meets another major version leaves the host alone.

mod carry;
mod frame;
mod hello;
mod say;
mod stream;

use std::{io, time::Duration};

use serde::{Deserialize, Serialize};

pub(super) use carry::{Carried, carried, carry_delivery, carry_fetched, carry_message, fetched, message};
use frame::FRAME_HEAD_BYTES_MAX;
pub(super) use frame::{Frame, Kind};
use hello::GREETING_BYTES_MAX;
pub(super) use hello::{Wanted, greet_host, greet_server};
pub(super) use say::{Attached, Command, Failure, HostSays, LogLine, MessageCounts, ServerSays};
pub(super) use stream::{FrameReader, FrameWriter, split};

/// The version spoken here.
pub(super) const VERSION: Version = Version { major: 1, minor: 4 };

/// From this minor version on a host tells what its kernel uses.
pub(super) const MINOR_WITH_USAGE: u32 = 1;

/// From this minor version on a host tells which requests ended with the kernel's process.
pub(super) const MINOR_WITH_ENDED: u32 = 3;

/// How long a peer may take to greet.
pub(super) const GREETING_TIMEOUT: Duration = Duration::from_secs(5);

/// What a frame may have from a peer that has proven nothing.
pub(super) fn unproven_bytes_max() -> usize {
    GREETING_BYTES_MAX
}

/// What a frame may have, where a message may have `message_bytes_max`.
pub(super) fn frame_bytes_max(message_bytes_max: usize) -> usize {
    message_bytes_max.saturating_add(FRAME_HEAD_BYTES_MAX)
}

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) major: u32,
    pub(super) minor: u32,
}

/// Why the two ends cannot talk (any more).
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProtocolError {
    /// The system said so.
    #[error("{source}")]
    Io {
        /// What it said.
        #[from]
        source: io::Error,
    },
    /// The other end closed the connection, or is gone.
    #[error("the other end closed the connection")]
    Closed,
    /// A frame announces more than is allowed.
    #[error("a frame of {bytes} bytes exceeds the limit of {bytes_max}")]
    TooLarge {
        /// What it announces.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A frame says nothing that can be read.
    #[error("a frame of the kernel host's protocol cannot be read: {problem}")]
    BadFrame {
        /// What is wrong.
        problem: String,
    },
    /// The other end speaks another major version.
    #[error("it speaks version {theirs} of the kernel host's protocol, this is version {ours}")]
    OtherVersion {
        /// Its major version.
        theirs: u32,
        /// Ours.
        ours: u32,
    },
    /// The other end does not know the secret.
    #[error("it could not prove to know the kernel host's secret")]
    NotProven,
    /// The other end took too long.
    #[error("it does not finish its greeting")]
    TimedOut,
}

impl ProtocolError {
    /// What was read makes no sense.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "so that it can be given to `map_err`"
    )]
    pub(super) fn bad(problem: impl ToString) -> Self {
        Self::BadFrame {
            problem: problem.to_string(),
        }
    }
}
