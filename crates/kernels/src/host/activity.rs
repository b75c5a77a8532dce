//! What `execution_state` and `last_activity` follow. The rules are the reference's: what front ends do by
//! themselves (asking for the kernel's info, completing, polling comms) is no activity of a user's, and a cell
//! stays `busy` although a control request is answered meanwhile.

use jiff::Timestamp;
use serde::Deserialize;
use wire::{Header, Message};

use crate::{ExecutionState, KernelStatus};

/// `MappingKernelManager.untracked_message_types`.
const UNTRACKED: [&str; 21] = [
    "comm_info_request",
    "comm_info_reply",
    "kernel_info_request",
    "kernel_info_reply",
    "shutdown_request",
    "shutdown_reply",
    "interrupt_request",
    "interrupt_reply",
    "debug_request",
    "debug_reply",
    "stream",
    "display_data",
    "update_display_data",
    "execute_input",
    "execute_result",
    "error",
    "status",
    "clear_output",
    "debug_event",
    "input_request",
    "input_reply",
];

/// What a message on iopub says about activity.
pub(super) struct Said<'a> {
    session: &'a str,
    is_tracked: bool,
    is_parent_tracked: bool,
    execution_state: Option<ExecutionState>,
}

/// The content of a `status` message.
#[derive(Deserialize)]
struct StatusContent<'a> {
    #[serde(borrow)]
    execution_state: std::borrow::Cow<'a, str>,
}

impl<'a> Said<'a> {
    pub(super) fn new(message: &Message, header: &'a Header<'_>, parent: Option<&Header<'_>>) -> Self {
        let is_tracked = |msg_type: &str| !UNTRACKED.contains(&msg_type);
        let execution_state = || {
            let content: StatusContent<'_> = serde_json::from_slice(&message.content).ok()?;
            ExecutionState::said_by_kernel(&content.execution_state)
        };
        Self {
            session: &header.session,
            is_tracked: is_tracked(&header.msg_type),
            // A message without parent, as the first `starting`, is the kernel's own and counts.
            is_parent_tracked: parent.is_none_or(|parent| is_tracked(&parent.msg_type)),
            execution_state: (header.msg_type == "status").then(execution_state).flatten(),
        }
    }

    /// Applies it; whether whoever watches the status wants to know.
    pub(super) fn observe(&self, status: &mut KernelStatus, now: Timestamp) -> bool {
        note_session(status, self.session);
        let before = status.execution_state;
        if self.is_tracked || self.is_parent_tracked || before == ExecutionState::Busy {
            status.last_activity = now;
        }
        match self.execution_state {
            Some(state) if self.is_parent_tracked => status.execution_state = state,
            Some(state) if before == ExecutionState::Starting && state != ExecutionState::Starting => {
                status.execution_state = ExecutionState::Idle;
            }
            Some(_) | None => {}
        }
        status.execution_state != before
    }
}

/// Whether a `status` says that the kernel is done with a request.
pub(super) fn is_idle(status: &Message) -> bool {
    let content = serde_json::from_slice::<StatusContent<'_>>(&status.content);
    content.is_ok_and(|content| content.execution_state == "idle")
}

/// Keeps the kernel's own session.
pub(super) fn note_session(status: &mut KernelStatus, session: &str) {
    if !session.is_empty() && status.session.as_deref() != Some(session) {
        status.session = Some(session.into());
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use wire::Channel;

    use super::*;

    fn time(seconds: i64) -> Timestamp {
        Timestamp::new(seconds, 0).unwrap()
    }

    fn status(execution_state: ExecutionState) -> KernelStatus {
        KernelStatus {
            execution_state,
            ..KernelStatus::launched(time(0))
        }
    }

    /// State and last activity (in seconds) after the kernel said this at second 1.
    fn after(
        before: ExecutionState,
        msg_type: &str,
        parent_type: &str,
        state: &str,
    ) -> (ExecutionState, i64) {
        let parent = match parent_type {
            "" => "{}".to_owned(),
            _ => format!(r#"{{"msg_id":"q","msg_type":"{parent_type}"}}"#),
        };
        let message = Message {
            channel: Channel::Iopub,
            header: format!(r#"{{"msg_id":"1","msg_type":"{msg_type}","session":"k"}}"#).into(),
            parent_header: parent.into(),
            metadata: Bytes::from_static(b"{}"),
            content: format!(r#"{{"execution_state":"{state}"}}"#).into(),
            buffers: vec![],
        };
        let header = message.header().unwrap();
        let mut status = status(before);
        Said::new(&message, &header, message.parent().unwrap().as_ref()).observe(&mut status, time(1));
        assert_eq!(status.session.as_deref(), Some("k"));
        (status.execution_state, status.last_activity.as_second())
    }

    #[test]
    fn the_state_follows_shell_requests_of_users() {
        use ExecutionState::{Busy, Idle, Starting};
        assert_eq!(after(Idle, "status", "execute_request", "busy"), (Busy, 1));
        assert_eq!(after(Busy, "status", "execute_request", "idle"), (Idle, 1));
        // A cell is running: what a control request does meanwhile does not end it.
        assert_eq!(after(Busy, "status", "debug_request", "idle"), (Busy, 1));
        assert_eq!(after(Idle, "status", "kernel_info_request", "busy"), (Idle, 0));
        // After starting, the first sign of life is `idle`.
        assert_eq!(
            after(Starting, "status", "kernel_info_request", "busy"),
            (Idle, 0)
        );
        assert_eq!(after(Starting, "status", "", "starting"), (Starting, 1));
        // A word we do not know changes nothing.
        assert_eq!(after(Idle, "status", "execute_request", "pondering"), (Idle, 1));
    }

    #[test]
    fn output_is_activity_while_busy_or_asked_for_by_a_user() {
        use ExecutionState::{Busy, Idle};
        assert_eq!(after(Busy, "stream", "comm_info_request", ""), (Busy, 1));
        assert_eq!(after(Idle, "stream", "execute_request", ""), (Idle, 1));
        assert_eq!(after(Idle, "stream", "comm_info_request", ""), (Idle, 0));
        assert_eq!(after(Idle, "comm_msg", "comm_info_request", ""), (Idle, 1));
    }
}
