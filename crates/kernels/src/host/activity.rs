//! What `execution_state` and `last_activity` follow. The rules are the reference's: what front ends do by
//! themselves (asking for the kernel's info, completing, polling comms) is no activity of a user's, and a cell
//! stays `busy` although a control request is answered meanwhile; also, which the reference does not have, although a
//! subshell has finished something.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use jiff::Timestamp;
use serde::Deserialize;
use wire::{Channel, Header, Message};

use crate::{ExecutionState, KernelStatus};

/// `MappingKernelManager.untracked_message_types`, and what is asked on the control channel that it does not know of:
/// JupyterLab makes subshells whenever a page is opened, also while a cell runs.
const UNTRACKED: [&str; 29] = [
    "create_subshell_request",
    "create_subshell_reply",
    "delete_subshell_request",
    "delete_subshell_reply",
    "list_subshell_request",
    "list_subshell_reply",
    "usage_request",
    "usage_reply",
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

/// The types of messages that are no activity, where nobody says otherwise.
pub(crate) fn untracked_message_types() -> Vec<String> {
    UNTRACKED.map(str::to_owned).to_vec()
}

/// How many subshells are known to work at once.
const BUSY_SUBSHELLS_MAX: usize = 64;

/// What a message on iopub says about activity.
pub(super) struct Said<'a> {
    session: &'a str,
    is_tracked: bool,
    is_parent_tracked: bool,
    execution_state: Option<ExecutionState>,
    subshell: Option<Cow<'a, str>>,
}

/// Which of a kernel's shells work. Each says `busy` and `idle` for itself.
#[derive(Default)]
pub(super) struct Shells {
    main_is_busy: bool,
    busy_subshells: HashSet<String>,
    /// By the request that is to delete them.
    to_delete: HashMap<Box<str>, String>,
}

impl Shells {
    /// What the kernel does when one of them says this.
    fn hear(&mut self, state: ExecutionState, subshell: Option<&str>) -> ExecutionState {
        match (state, subshell) {
            (ExecutionState::Busy, Some(subshell)) if self.busy_subshells.len() < BUSY_SUBSHELLS_MAX => {
                self.busy_subshells.insert(subshell.to_owned());
            }
            (_, Some(subshell)) => {
                self.busy_subshells.remove(subshell);
            }
            (_, None) => self.main_is_busy = state == ExecutionState::Busy,
        }
        match self.is_any_busy() {
            true => ExecutionState::Busy,
            false => state,
        }
    }

    fn is_any_busy(&self) -> bool {
        self.main_is_busy || !self.busy_subshells.is_empty()
    }

    /// Notes which subshell a request is to delete.
    pub(super) fn note_request(&mut self, msg_id: &str, request: &Message) {
        let is_end = |header: Header<'_>| header.msg_type == "delete_subshell_request";
        if request.channel != Channel::Control || !request.header().is_ok_and(is_end) {
            return;
        }
        let subshell = serde_json::from_slice::<AskedOf<'_>>(&request.content).ok();
        let subshell = subshell.and_then(|asked| asked.subshell_id);
        if let Some(subshell) = subshell
            && self.to_delete.len() < BUSY_SUBSHELLS_MAX
        {
            self.to_delete.insert(msg_id.into(), subshell.into_owned());
        }
    }

    /// A request was answered; whether whoever watches the status wants to know. A subshell that is deleted says no more
    /// that it is done with what it worked on.
    pub(super) fn observe_answer(
        &mut self,
        request: &str,
        answer: &Message,
        status: &mut KernelStatus,
    ) -> bool {
        let Some(subshell) = self.to_delete.remove(request) else {
            return false;
        };
        let answer = serde_json::from_slice::<Answer<'_>>(&answer.content);
        if !answer.is_ok_and(|answer| answer.status == "ok") {
            return false;
        }
        let was_busy = self.busy_subshells.remove(&subshell);
        if !was_busy || self.is_any_busy() || status.execution_state != ExecutionState::Busy {
            return false;
        }
        status.execution_state = ExecutionState::Idle;
        true
    }
}

/// The content of a reply.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
}

/// What says of which shell a request is.
#[derive(Deserialize)]
struct AskedOf<'a> {
    #[serde(borrow, default)]
    subshell_id: Option<Cow<'a, str>>,
}

/// The content of a `status` message.
#[derive(Deserialize)]
struct StatusContent<'a> {
    #[serde(borrow)]
    execution_state: Cow<'a, str>,
}

impl<'a> Said<'a> {
    /// `untracked`: the types of messages that are no activity.
    pub(super) fn new(
        message: &'a Message,
        header: &'a Header<'_>,
        parent: Option<&Header<'_>>,
        untracked: &[String],
    ) -> Self {
        let is_tracked = |msg_type: &str| !untracked.iter().any(|untracked| untracked == msg_type);
        let execution_state = || {
            let content: StatusContent<'_> = serde_json::from_slice(&message.content).ok()?;
            ExecutionState::said_by_kernel(&content.execution_state)
        };
        let execution_state = (header.msg_type == "status").then(execution_state).flatten();
        // What cannot be read is no subshell's.
        let asked = || serde_json::from_slice::<AskedOf<'_>>(&message.parent_header).ok();
        Self {
            session: &header.session,
            is_tracked: is_tracked(&header.msg_type),
            // A message without parent, as the first `starting`, is the kernel's own and counts.
            is_parent_tracked: parent.is_none_or(|parent| is_tracked(&parent.msg_type)),
            execution_state,
            subshell: execution_state.and_then(|_| asked()?.subshell_id),
        }
    }

    /// Applies it; whether whoever watches the status wants to know.
    pub(super) fn observe(&self, shells: &mut Shells, status: &mut KernelStatus, now: Timestamp) -> bool {
        note_session(status, self.session);
        let before = status.execution_state;
        if self.is_tracked || self.is_parent_tracked || before == ExecutionState::Busy {
            status.last_activity = now;
        }
        match self.execution_state {
            Some(state) if self.is_parent_tracked => {
                status.execution_state = shells.hear(state, self.subshell.as_deref());
            }
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
        after_with(&untracked_message_types(), before, msg_type, parent_type, state)
    }

    fn after_with(
        untracked: &[String],
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
        Said::new(&message, &header, message.parent().unwrap().as_ref(), untracked).observe(
            &mut Shells::default(),
            &mut status,
            time(1),
        );
        assert_eq!(status.session.as_deref(), Some("k"));
        (status.execution_state, status.last_activity.as_second())
    }

    #[test]
    fn the_state_follows_shell_requests_of_users() {
        use ExecutionState::{Busy, Idle, Starting};
        assert_eq!(after(Idle, "status", "execute_request", "busy"), (Busy, 1));
        assert_eq!(after(Busy, "status", "execute_request", "idle"), (Idle, 1));
        // A cell is running: what a control request does meanwhile does not end it.
        for control in ["debug_request", "create_subshell_request", "usage_request"] {
            assert_eq!(after(Busy, "status", control, "idle"), (Busy, 1), "{control}");
        }
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
    fn each_shell_is_busy_for_itself() {
        use ExecutionState::{Busy, Idle, Starting};
        let mut shells = Shells::default();
        let said = [
            (Busy, None, Busy),
            (Busy, Some("a"), Busy),
            (Idle, Some("a"), Busy),
            (Idle, Some("b"), Busy),
            (Busy, Some("b"), Busy),
            (Idle, None, Busy),
            (Idle, Some("b"), Idle),
            (Starting, None, Starting),
        ];
        for (number, (says, subshell, does)) in said.into_iter().enumerate() {
            assert_eq!(shells.hear(says, subshell), does, "{number}");
        }
    }

    #[test]
    fn a_subshell_is_busy_no_more_when_it_is_deleted() {
        let control = |msg_type: &str, content: String| Message {
            channel: Channel::Control,
            header: format!(r#"{{"msg_id":"1","msg_type":"{msg_type}","session":"k"}}"#).into(),
            parent_header: Bytes::from_static(b"{}"),
            metadata: Bytes::from_static(b"{}"),
            content: content.into(),
            buffers: vec![],
        };
        let mut shells = Shells::default();
        let mut kernel = status(ExecutionState::Busy);
        for busy in ["a", "b"] {
            let _ = shells.hear(ExecutionState::Busy, Some(busy));
        }
        let mut delete = |subshell: &str, how: &str, does: ExecutionState| {
            let content = format!(r#"{{"subshell_id":"{subshell}"}}"#);
            shells.note_request("q", &control("delete_subshell_request", content));
            let reply = control("delete_subshell_reply", format!(r#"{{"status":"{how}"}}"#));
            shells.observe_answer("q", &reply, &mut kernel);
            assert_eq!(kernel.execution_state, does, "{subshell} {how}");
        };
        delete("a", "ok", ExecutionState::Busy);
        delete("b", "error", ExecutionState::Busy);
        delete("b", "ok", ExecutionState::Idle);
    }

    #[test]
    fn output_is_activity_while_busy_or_asked_for_by_a_user() {
        use ExecutionState::{Busy, Idle};
        assert_eq!(after(Busy, "stream", "comm_info_request", ""), (Busy, 1));
        assert_eq!(after(Idle, "stream", "execute_request", ""), (Idle, 1));
        assert_eq!(after(Idle, "stream", "comm_info_request", ""), (Idle, 0));
        assert_eq!(after(Idle, "comm_msg", "comm_info_request", ""), (Idle, 1));
    }

    #[test]
    fn what_counts_can_be_chosen() {
        use ExecutionState::{Busy, Idle};
        let untracked = ["status", "execute_request", "stream"].map(str::to_owned);
        let after = |msg_type, parent_type, state| after_with(&untracked, Idle, msg_type, parent_type, state);
        assert_eq!(after("status", "execute_request", "busy"), (Idle, 0));
        assert_eq!(after("stream", "execute_request", ""), (Idle, 0));
        assert_eq!(after("status", "kernel_info_request", "busy"), (Busy, 1));
    }
}
