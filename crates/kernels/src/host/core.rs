//! What the tasks of one host share: where what the kernel says is written down.

use std::{
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tracing::{debug, warn};
use wire::{Channel, Header, Message, WireError};

use super::{
    activity::{self, Said, Shells},
    asked::{Asked, is_answered},
    handle::{Asker, Lanes},
    journal::{Audience, Entry, Journal, RunningRequest},
    own_messages::OwnMessages,
};
use crate::{ExecutionState, KernelId, KernelStatus, Phase, launch::ChangedVariables};

/// What ipykernel's publisher says to each new subscriber: us, and nobody else.
const WELCOME: &str = "iopub_welcome";

/// The channels that requests are sent on.
const ASKED_ON: [Channel; 2] = [Channel::Shell, Channel::Control];

/// Shared by a host's tasks.
pub(super) struct Core {
    pub(super) kernel_id: KernelId,
    pub(super) journal: Arc<Journal>,
    pub(super) own: OwnMessages,
    /// For the processes that follow.
    pub(super) variables: Arc<ChangedVariables>,
    status: watch::Sender<KernelStatus>,
    /// A plain mutex, never held across an await.
    asked: Mutex<Lanes<Asked>>,
    /// The same.
    shells: Mutex<Shells>,
    /// The types of messages that are no activity.
    untracked_message_types: Vec<String>,
    /// Told when one request less waits on a channel. For one listener each.
    room: Lanes<Notify>,
}

/// What an answer was good for, beyond being passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The answer to a `kernel_info_request` of our own.
    OwnKernelInfo,
    /// Something else.
    Other,
}

/// Something said to everyone.
pub(super) struct Output<'a> {
    message: &'a Message,
    header: Header<'a>,
    /// That of the message before, when both have the same.
    parent: Rc<Option<Header<'a>>>,
}

impl<'a> Output<'a> {
    /// Reads the ids of what was said after `before`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read(message: &'a Message, before: Option<&Self>) -> Result<Self, WireError> {
        // Outputs of one request come in a row.
        let before = before.filter(|before| before.message.parent_header == message.parent_header);
        let parent = match before {
            Some(before) => before.parent.clone(),
            None => Rc::new(message.parent()?),
        };
        Ok(Self {
            header: message.header()?,
            message,
            parent,
        })
    }

    fn parent(&self) -> Option<&Header<'a>> {
        self.parent.as_ref().as_ref()
    }

    fn observe(
        &self,
        untracked: &[String],
        shells: &mut Shells,
        status: &mut KernelStatus,
        now: Timestamp,
    ) -> bool {
        // What greets us is no sign of anything.
        self.header.msg_type != WELCOME
            && Said::new(self.message, &self.header, self.parent(), untracked).observe(shells, status, now)
    }

    /// The request that the kernel says it is done with.
    fn done(&self) -> Option<&str> {
        let is_idle = self.header.msg_type == "status" && activity::is_idle(self.message);
        Some(&*self.parent().filter(|_| is_idle)?.msg_id)
    }

    fn entry(&self) -> Entry<'_> {
        Entry {
            audience: Audience::Everyone,
            message: self.message,
            request: self.parent().map(|parent| &*parent.msg_id),
        }
    }
}

impl Core {
    pub(super) fn new(
        kernel_id: KernelId,
        journal: Arc<Journal>,
        status: watch::Sender<KernelStatus>,
        outstanding_requests_max: usize,
        untracked_message_types: Vec<String>,
    ) -> Self {
        Self {
            kernel_id,
            journal,
            own: OwnMessages::new(),
            variables: Arc::default(),
            status,
            asked: Mutex::new(Lanes::each(|| Asked::new(outstanding_requests_max))),
            shells: Mutex::default(),
            untracked_message_types,
            room: Lanes::default(),
        }
    }

    /// Notes who asks, so that the answer finds them. `false` when somebody else has asked under this id and waits
    /// for the answer: the kernel must not be asked, or they would get the answer to this.
    pub(super) fn asks(&self, msg_id: &str, asker: Asker, message: &Message) -> bool {
        self.shells().note_request(msg_id, message);
        let mut asked = self.asked();
        match asked.of_mut(message.channel) {
            // What comes there is an answer itself.
            Some(_) if message.channel == Channel::Stdin => true,
            Some(asked) if is_answered(message) => asked.note(msg_id, asker),
            Some(asked) => asked.note_unanswered(msg_id, asker),
            None => true,
        }
    }

    /// Whether the kernel may be asked more on this channel: so much of what it was asked has been answered.
    pub(super) fn has_room(&self, channel: Channel) -> bool {
        self.asked().of(channel).is_none_or(Asked::has_room)
    }

    /// Completes when that may have changed.
    pub(super) async fn room(&self, channel: Channel) {
        match self.room.of(channel) {
            Some(room) => room.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Nothing that the process was asked will be answered, nor what was to be asked and is discarded.
    pub(super) fn forget_asked(&self, discarded: &[Box<str>]) {
        let mut asked = self.asked();
        for channel in ASKED_ON {
            asked.of_mut(channel).map(Asked::clear);
        }
        drop(asked);
        *self.shells() = Shells::default();
        self.tell_room();
        self.journal
            .end_executions(discarded.iter().map(|msg_id| &**msg_id));
    }

    fn tell_room(&self) {
        for channel in ASKED_ON {
            if let Some(room) = self.room.of(channel) {
                room.notify_one();
            }
        }
    }

    /// Writes down what the kernel said to everyone; several at once cost little more than one.
    pub(super) fn hear_output(&self, said: &[Output<'_>]) {
        let now = Timestamp::now();
        let mut shells = self.shells();
        self.status.send_if_modified(|status| {
            let untracked = &self.untracked_message_types;
            let observe =
                |changed, output: &Output<'_>| output.observe(untracked, &mut shells, status, now) || changed;
            said.iter().fold(false, observe)
        });
        drop(shells);
        let to_clients = said.iter().filter(|output| !self.is_for_us(output));
        self.journal.append(to_clients.map(Output::entry));
        for request in said.iter().filter_map(Output::done) {
            self.finish(request);
        }
    }

    fn finish(&self, request: &str) {
        let mut asked = self.asked();
        for channel in ASKED_ON {
            if let Some(asked) = asked.of_mut(channel) {
                asked.finish(request);
            }
        }
        drop(asked);
        self.tell_room();
    }

    /// That the kernel was busy with our own questions is nobody else's business: an `idle` would hide that a cell runs.
    fn is_for_us(&self, output: &Output<'_>) -> bool {
        let msg_type = &*output.header.msg_type;
        let is_ours = |parent: &Header<'_>| self.own.is_own(&parent.session);
        msg_type == WELCOME || (msg_type == "status" && output.parent().is_some_and(is_ours))
    }

    /// Writes down what the kernel answered.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn hear_answer(&self, message: &Message) -> Result<Heard, WireError> {
        let (header, parent) = (message.header()?, message.parent()?);
        Ok(self.hear_answer_to(message, &header, parent.as_ref()))
    }

    fn hear_answer_to(&self, message: &Message, header: &Header<'_>, parent: Option<&Header<'_>>) -> Heard {
        let Some(parent) = parent else {
            warn!(kernel.id = %self.kernel_id, msg_type = %header.msg_type, "left out an answer to no request");
            return Heard::Other;
        };
        self.note_session(&header.session);
        self.observe_answer(&parent.msg_id, message);
        let client = match self.asker(message.channel, &parent.msg_id) {
            Some(Asker::Host) => {
                let is_info = header.msg_type == "kernel_info_reply";
                return if is_info {
                    Heard::OwnKernelInfo
                } else {
                    Heard::Other
                };
            }
            Some(Asker::Client(client)) => client,
            // Forgotten, or answered twice. The `session` of the request says which client it was, but anybody can
            // write anything there, and the answer is for nobody else.
            None => {
                debug!(kernel.id = %self.kernel_id, msg_type = %header.msg_type, "left out an answer that nobody waits for");
                return Heard::Other;
            }
        };
        self.journal.append([Entry {
            audience: Audience::Only(client),
            message,
            request: Some(&parent.msg_id),
        }]);
        Heard::Other
    }

    fn observe_answer(&self, request: &str, answer: &Message) {
        let mut shells = self.shells();
        self.status
            .send_if_modified(|status| shells.observe_answer(request, answer, status));
    }

    /// Who gets what the kernel says on this channel to the request.
    fn asker(&self, channel: Channel, request: &str) -> Option<Asker> {
        let mut asked = self.asked();
        // An input request is not the answer: that is still to come.
        if channel == Channel::Stdin {
            return asked
                .shell
                .asker(request)
                .or_else(|| asked.control.asker(request));
        }
        let asker = asked.of_mut(channel)?.answered(request);
        drop(asked);
        if let Some(room) = self.room.of(channel) {
            room.notify_one();
        }
        asker
    }

    fn note_session(&self, session: &str) {
        self.status.send_if_modified(|status| {
            activity::note_session(status, session);
            false
        });
    }

    /// Changes the status and wakes whoever watches it.
    pub(super) fn change_status(&self, change: impl FnOnce(&mut KernelStatus)) {
        self.status.send_modify(change);
    }

    /// What it does, and a wake-up when that changes.
    pub(super) fn watch(&self) -> watch::Receiver<KernelStatus> {
        self.status.subscribe()
    }

    pub(super) fn status(&self) -> watch::Ref<'_, KernelStatus> {
        self.status.borrow()
    }

    /// Goes from one phase to the next. Whoever comes too late, after the kernel has ended, changes nothing.
    pub(super) fn enter(&self, from: &Phase, to: Phase) {
        self.status.send_if_modified(|status| {
            let comes_next = status.phase == *from;
            if comes_next {
                // What it said of its state may have been said before anybody listened.
                if to == Phase::Ready && status.execution_state == ExecutionState::Starting {
                    status.execution_state = ExecutionState::Idle;
                }
                status.phase = to;
            }
            comes_next
        });
    }

    /// Tells all clients, in the kernel's name, what became of it.
    pub(super) fn announce(&self, state: ExecutionState) {
        let session = self.status().session.clone();
        let message = self.own.status(session.as_deref(), state, Timestamp::now());
        self.journal.tell(&message);
    }

    /// Tells all clients, as standard error of the kernel, why it died.
    pub(super) fn explain(&self, text: &str) {
        self.explain_in(&self.journal.running(), text);
    }

    /// The same, in the cells of these requests.
    pub(super) fn explain_in(&self, requests: &[RunningRequest], text: &str) {
        let session = self.status().session.clone();
        let stderr = || self.own.stderr(session.as_deref(), text, Timestamp::now());
        self.journal.tell_in(requests, stderr);
    }

    fn asked(&self) -> MutexGuard<'_, Lanes<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shells(&self) -> MutexGuard<'_, Shells> {
        self.shells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
