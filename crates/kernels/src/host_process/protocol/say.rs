//! What control frames say: JSON objects with a `type`. Fields are only ever added, each with a default; what is
//! unknown is ignored.

use std::io;

use serde::{Deserialize, Serialize};
use wire::Channel;

use crate::{
    ClientId, KernelError, KernelStatus, KernelUsage, LaunchError,
    attachment::ClientPosition,
    host::journal::{Execution, Position},
};

/// From the server to the host.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ServerSays {
    /// Do this; answered by an [`HostSays::Answer`] with this number.
    Command { id: u64, command: Command },
    /// Nobody needs anything before `needed_from`; and how far clients are that have moved since the last time.
    Keep {
        needed_from: Option<Position>,
        #[serde(default)]
        clients: Vec<ClientPosition>,
        #[serde(default)]
        forgotten: Vec<ClientId>,
    },
    /// What stands at `from`; answered by frames of the kind `Fetched` and a [`HostSays::Fetched`].
    Fetch { id: u64, from: Position },
    /// What the kernel uses; answered by an [`HostSays::Usage`] with this number. Only to hosts of a version that knows it:
    /// others do not answer.
    Measure { id: u64 },
    /// The kernel's next process shall find these variables changed. Said again on each connection; older versions do not do
    /// it.
    ChangeVariables { variables: Vec<(String, String)> },
    /// Nobody will ever ask for anything again: once the kernel has ended the host is not needed.
    Release,
    /// Something of a newer version.
    #[serde(other)]
    Unknown,
}

/// What a host can be told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Command {
    Interrupt,
    Restart,
    Shutdown,
}

/// From the host to the server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum HostSays {
    /// First of all.
    Attached(Box<Attached>),
    /// The status has changed. At least as new as all deliveries after it.
    Status { status: KernelStatus },
    /// A command was carried out, or not.
    Answer { id: u64, failure: Option<Failure> },
    /// The end of the answer to a `fetch`: go on at `next`; `missed` of those before it are lost.
    Fetched { id: u64, next: Position, missed: u64 },
    /// What the kernel uses; nothing when that cannot be known.
    Usage {
        id: u64,
        #[serde(default)]
        usage: Option<KernelUsage>,
    },
    /// The journal is complete, and all of it was delivered.
    Closed,
    /// These have left the queues to the kernel: so many more may be sent.
    Taken(MessageCounts),
    /// Where requests to run code have ended, all that are known; after the deliveries before. Said when some ended because
    /// the kernel's process did, and on each connection.
    Ended { requests: Vec<(Box<str>, Position)> },
    /// For the server's log.
    Log { lines: Vec<LogLine> },
    /// Something of a newer version.
    #[serde(other)]
    Unknown,
}

/// What a server has to know to go on where another stopped.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Attached {
    pub(crate) status: KernelStatus,
    /// The position of the first delivery that follows.
    pub(crate) next: Position,
    /// Deliveries before this one were given to a server, which may have handed them out, or not.
    #[serde(default)]
    pub(crate) sent_until: Position,
    /// How far each client was that the server before this one told of.
    #[serde(default)]
    pub(crate) clients: Vec<ClientPosition>,
    /// Where the first answer to each request stands, oldest first.
    #[serde(default)]
    pub(crate) requests: Vec<(Box<str>, Position)>,
    /// The requests to run code, oldest first.
    #[serde(default)]
    pub(crate) executions: Vec<Execution>,
    /// How many messages of servers before wait in the queues to the kernel; told of as `taken` when it has them.
    #[serde(default)]
    pub(crate) queued: MessageCounts,
    /// What the host was made from. Another version may not understand it, and then cannot start a new host when this
    /// one is killed.
    #[serde(default)]
    pub(crate) setup: serde_json::Value,
}

/// How many messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessageCounts {
    #[serde(default)]
    pub(crate) shell: usize,
    #[serde(default)]
    pub(crate) control: usize,
    #[serde(default)]
    pub(crate) stdin: usize,
}

impl MessageCounts {
    /// One more on this channel.
    pub(crate) fn add(&mut self, channel: Channel) {
        let count = match channel {
            Channel::Shell => &mut self.shell,
            Channel::Control => &mut self.control,
            Channel::Stdin => &mut self.stdin,
            // Nobody sends on it.
            Channel::Iopub => return,
        };
        *count = count.saturating_add(1);
    }
}

/// A line of the host's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogLine {
    /// `ERROR`, `WARN`, `INFO` or `DEBUG`.
    pub(crate) level: String,
    /// Whether the kernel itself wrote it.
    #[serde(default)]
    pub(crate) is_kernel_output: bool,
    pub(crate) text: String,
}

/// Why a command failed, or a start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(crate) enum Failure {
    NoProgram,
    Spawn {
        program: String,
        problem: String,
    },
    Interrupt {
        problem: String,
    },
    Gone,
    Other {
        problem: String,
    },
    #[serde(other)]
    Unknown,
}

impl From<&KernelError> for Failure {
    fn from(error: &KernelError) -> Self {
        match error {
            KernelError::Launch(LaunchError::NoProgram) => Self::NoProgram,
            KernelError::Launch(LaunchError::Spawn { program, source }) => Self::Spawn {
                program: program.clone(),
                problem: source.to_string(),
            },
            KernelError::Interrupt { source } => Self::Interrupt {
                problem: source.to_string(),
            },
            other => Self::Other {
                problem: with_causes(other),
            },
        }
    }
}

impl Failure {
    /// The error of this; `None` when the kernel was gone.
    pub(crate) fn into_error(self) -> Option<KernelError> {
        Some(match self {
            Self::NoProgram => LaunchError::NoProgram.into(),
            Self::Spawn { program, problem } => LaunchError::Spawn {
                program,
                source: io::Error::other(problem),
            }
            .into(),
            Self::Interrupt { problem } => KernelError::Interrupt {
                source: io::Error::other(problem),
            },
            Self::Other { problem } => KernelError::Host { problem },
            Self::Unknown => KernelError::Host {
                problem: "it says why in words of another version".to_owned(),
            },
            Self::Gone => return None,
        })
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_newer_version_says_is_ignored() {
        let read: HostSays = serde_json::from_str(r#"{"type":"mood","level":3}"#).unwrap();
        assert!(matches!(read, HostSays::Unknown));
        let read: ServerSays =
            serde_json::from_str(r#"{"type":"fetch","id":1,"from":2,"speed":"high"}"#).unwrap();
        assert!(matches!(
            read,
            ServerSays::Fetch {
                id: 1,
                from: Position(2)
            }
        ));
        let read: Failure = serde_json::from_str(r#"{"step":"dream","about":1}"#).unwrap();
        assert_eq!(read, Failure::Unknown);
    }

    #[test]
    fn a_failure_reads_the_same_on_the_other_side() {
        let error = KernelError::Launch(LaunchError::Spawn {
            program: "/none".to_owned(),
            source: io::Error::from_raw_os_error(2),
        });
        let text = serde_json::to_string(&Failure::from(&error)).unwrap();
        let read: Failure = serde_json::from_str(&text).unwrap();
        assert_eq!(read.into_error().unwrap().to_string(), error.to_string());
    }
}
