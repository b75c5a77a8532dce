//! The four channels a client and a kernel talk over.

use std::{fmt, str::FromStr};

use crate::WireError;

/// A channel that carries Jupyter messages (the heartbeat carries none).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Requests and their replies.
    Shell,
    /// Requests that must not wait behind the ones on `shell`.
    Control,
    /// The kernel asks, the user answers.
    Stdin,
    /// What the kernel tells everyone.
    Iopub,
}

impl Channel {
    /// The name both WebSocket subprotocols use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Control => "control",
            Self::Stdin => "stdin",
            Self::Iopub => "iopub",
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Channel {
    type Err = WireError;

    fn from_str(name: &str) -> Result<Self, WireError> {
        match name {
            "shell" => Ok(Self::Shell),
            "control" => Ok(Self::Control),
            "stdin" => Ok(Self::Stdin),
            "iopub" => Ok(Self::Iopub),
            _ => Err(WireError::UnknownChannel {
                name: name.chars().take(CHANNEL_NAME_SHOWN_MAX).collect(),
            }),
        }
    }
}

/// How much of a wrong channel name an error repeats: it comes from the network.
const CHANNEL_NAME_SHOWN_MAX: usize = 40;
