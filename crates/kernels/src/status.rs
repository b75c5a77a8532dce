//! What is known of a kernel at this moment, and the model Jupyter's API shows of it.

use std::{fmt, sync::Arc, time::Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use crate::{KernelId, KernelUsage};

/// What a kernel does, in the reference's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionState {
    /// Launched, not heard of yet.
    Starting,
    /// Waits for requests.
    Idle,
    /// Works on a request.
    Busy,
    /// Is being started again.
    Restarting,
    /// Ended and will not come back.
    Dead,
}

impl ExecutionState {
    /// The word in `status` messages and models.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Restarting => "restarting",
            Self::Dead => "dead",
        }
    }

    /// What a kernel may say of itself; another word is `None`.
    #[must_use]
    pub fn said_by_kernel(word: &str) -> Option<Self> {
        match word {
            "starting" => Some(Self::Starting),
            "idle" => Some(Self::Idle),
            "busy" => Some(Self::Busy),
            _ => None,
        }
    }
}

impl fmt::Display for ExecutionState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Where a kernel is in its life. Finer than [`ExecutionState`], which follows what the kernel says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Its process runs (or is being started again), its sockets are not connected.
    Launching,
    /// Its sockets are connected, it has not answered yet.
    Connected,
    /// It has answered `kernel_info` and its output is listened to.
    Ready,
    /// It is gone for good.
    Ended(Ended),
}

/// Why a kernel is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Somebody shut it down.
    ShutDown,
    /// It died and was not, or could not be, started again.
    Died {
        /// How it ended, as "exited with code 1".
        reason: Arc<str>,
        /// The end of its standard error.
        stderr: Arc<str>,
    },
}

/// That a kernel is gone. Its id is free then, and may be another's already when this is heard.
#[derive(Clone, Debug)]
pub struct KernelEnding {
    /// Which kernel.
    pub id: KernelId,
    /// When it was gone: before its id was free.
    pub at: Instant,
}

impl KernelEnding {
    pub(crate) fn now(id: KernelId) -> Self {
        let at = Instant::now();
        Self { id, at }
    }
}

/// A kernel at this moment. Hosts send it to servers of other versions: fields are only added, with a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelStatus {
    /// Where it is in its life.
    pub phase: Phase,
    /// What it does.
    pub execution_state: ExecutionState,
    /// When it last did something a user caused (the reference's rules: polling is no activity).
    pub last_activity: Timestamp,
    /// Whether the heartbeat was answered lately. A kernel stopped by a debugger does not.
    pub responsive: bool,
    /// The `session` in the headers of its own messages; changes when it restarts.
    pub session: Option<Arc<str>>,
    /// How many times it was started again.
    pub restarts: u64,
    /// Its process, if it is one of this machine.
    #[serde(default)]
    pub process_id: Option<u32>,
}

impl KernelStatus {
    /// A kernel just launched.
    #[must_use]
    pub fn launched(now: Timestamp) -> Self {
        Self {
            phase: Phase::Launching,
            execution_state: ExecutionState::Starting,
            last_activity: now,
            responsive: true,
            session: None,
            restarts: 0,
            process_id: None,
        }
    }

    /// Why it died, if it did.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match &self.phase {
            Phase::Ended(Ended::Died { reason, .. }) => Some(reason),
            Phase::Ended(Ended::ShutDown) | Phase::Launching | Phase::Connected | Phase::Ready => None,
        }
    }
}

/// A kernel as `GET /api/kernels/{id}` shows it, fields in the reference's order.
#[derive(Clone, Debug, Serialize)]
pub struct KernelModel {
    /// Its id.
    pub id: KernelId,
    /// The name of its kernelspec.
    pub name: Arc<str>,
    /// See [`KernelStatus::last_activity`]; microseconds and `Z`.
    #[serde(serialize_with = "as_jupyter_time")]
    pub last_activity: Timestamp,
    /// See [`KernelStatus::execution_state`].
    pub execution_state: ExecutionState,
    /// How many WebSockets are attached.
    pub connections: usize,
    /// Why it died.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it used lately, if somebody measured it. The reference has no such member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<KernelUsage>,
}

/// `2026-01-31T12:00:00.123456Z`, as the reference writes times.
#[must_use]
pub fn jupyter_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

fn as_jupyter_time<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&jupyter_time(*time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_written_as_the_reference_writes_it() {
        let model = KernelModel {
            id: "a-b-c-d-e".parse().unwrap(),
            name: "python3".into(),
            last_activity: Timestamp::new(0, 1_500).unwrap(),
            execution_state: ExecutionState::Idle,
            connections: 2,
            reason: None,
            usage: None,
        };
        assert_eq!(
            serde_json::to_string(&model).unwrap(),
            concat!(
                r#"{"id":"a-b-c-d-e","name":"python3","last_activity":"1970-01-01T00:00:00.000001Z","#,
                r#""execution_state":"idle","connections":2}"#
            )
        );
    }
}
