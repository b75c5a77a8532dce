//! What a client that came back is sent again.
//!
//! What was sent and not confirmed may have arrived or not, and no front end removes duplicates. So the outputs of a
//! request are never just repeated: its cell is cleared, and all its outputs come again from the first on. A request
//! whose first answers have left the journal is left as it is, and the client is told what it may have missed.

use std::collections::HashMap;

use kernels::{Delivery, Position};
use serde::Deserialize;
use wire::{Channel, Header, Message};

use crate::widgets::{OutputWidgets, WidgetsBefore};

/// What is to be sent again, of what the client may have or not.
#[derive(Debug)]
pub(crate) struct Replay {
    /// Everything before this is confirmed.
    confirmed: Position,
    requests: HashMap<Box<str>, Uncertain>,
    widgets: WidgetsBefore,
}

/// A request of which the client may have missed an answer.
#[derive(Debug, Default)]
struct Uncertain {
    /// Outputs that may have arrived or not.
    outputs: u64,
    /// What it asks a person, as far as is known without an answer.
    question: Option<Question>,
    /// Where its answers begin, while they can be had.
    start: Option<Position>,
    /// Whether its cell has been cleared, or the client told.
    is_begun: bool,
}

impl Uncertain {
    fn is_asked_at(&self, position: Position) -> bool {
        self.question
            .as_ref()
            .is_some_and(|question| question.position == position)
    }
}

/// A question to a person.
#[derive(Debug)]
struct Question {
    position: Position,
    /// When the kernel asked, in its own words.
    date: Option<String>,
}

/// Whether to send a message again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// No: the client has it, or must not get it twice.
    Not,
    /// As it is.
    Send,
    /// After `clear_output` for its request.
    Clear,
    /// No, but in its place the news that so many outputs of its request may be missing.
    Tell { outputs: u64 },
}

/// What it does to a client to get a message twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It would be shown twice.
    Output,
    /// A person would be asked twice.
    Question,
    /// Nothing, or less than never to get it.
    Repeatable,
    /// It would be taken for another: a second comm, a second death of the kernel.
    Once,
}

impl Kind {
    fn of(message: &Message, header: &Header<'_>, has_parent: bool) -> Self {
        match (message.channel, &*header.msg_type) {
            (Channel::Stdin, _) => Self::Question,
            (Channel::Shell | Channel::Control, _) | (_, "execute_input") => Self::Repeatable,
            (
                _,
                "stream"
                | "display_data"
                | "update_display_data"
                | "execute_result"
                | "error"
                | "clear_output",
            ) if has_parent => Self::Output,
            (_, "comm_open") => Self::Once,
            // The server's own announcements answer nothing.
            (_, _) if !has_parent => Self::Once,
            (_, _) => Self::Repeatable,
        }
    }
}

impl Replay {
    /// For a client that has confirmed everything before `confirmed`. First [`note`](Self::note) all that was sent
    /// since, then [`locate`](Self::locate), [`watch`](Self::watch) all from there, then [`choose`](Self::choose).
    pub(crate) fn new(confirmed: Position) -> Self {
        Self {
            confirmed,
            requests: HashMap::new(),
            widgets: WidgetsBefore::default(),
        }
    }

    /// This was sent and not confirmed.
    pub(crate) fn note(&mut self, delivery: &Delivery) {
        let message = &delivery.message();
        if let (Ok(header), Ok(Some(parent))) = (message.header(), message.parent()) {
            let request = self.requests.entry((*parent.msg_id).into()).or_default();
            match Kind::of(message, &header, true) {
                Kind::Question => {
                    request.question = Some(Question {
                        position: delivery.position,
                        date: date(message),
                    });
                }
                Kind::Output => {
                    request.outputs = request.outputs.saturating_add(1);
                    // Outputs from before the question may come after it: they take another way.
                    let is_later = |question: &mut Question| date(message) > question.date;
                    request.question.take_if(is_later);
                }
                Kind::Repeatable if message.channel == Channel::Shell => request.question = None,
                Kind::Repeatable | Kind::Once => {}
            }
        }
    }

    /// Finds where the answers to each request begin, and gives the first of these places.
    pub(crate) fn locate(&mut self, first_answering: impl Fn(&str) -> Option<Position>) -> Position {
        let mut start = self.confirmed;
        for (msg_id, request) in &mut self.requests {
            if request.outputs > 0 {
                request.start = first_answering(msg_id);
                start = request.start.map_or(start, |first| first.min(start));
            }
        }
        start
    }

    /// Follows what output widgets take, of all messages in their order from the place that [`locate`](Self::locate) gave.
    /// What they have taken is in no cell, and no cell need be cleared for it.
    pub(crate) fn watch(&mut self, delivery: &Delivery) {
        let message = &delivery.message();
        let (Ok(header), Ok(Some(parent))) = (message.header(), message.parent()) else {
            return;
        };
        let is_confirmed = delivery.position < self.confirmed;
        let widgets = &mut self.widgets;
        if let Some(comm_id) = widgets.now.note(&header.msg_type, &message.content) {
            if is_confirmed {
                widgets.confirmed.note(&header.msg_type, &message.content);
            }
            widgets.touch(comm_id);
        }
        if !is_confirmed
            && Kind::of(message, &header, true) == Kind::Output
            && widgets.now.take(&parent.msg_id)
            && let Some(request) = self.requests.get_mut(&*parent.msg_id)
        {
            request.outputs = request.outputs.saturating_sub(1);
        }
    }

    /// All is watched. The widgets that may take outputs in the client now, and are to take none while their cells are
    /// filled.
    pub(crate) fn begin(&mut self) -> Vec<String> {
        self.widgets.now = OutputWidgets::default();
        self.widgets.touched.iter().cloned().collect()
    }

    /// Before what stands at `position` is sent: the widgets that are to take outputs again, as they did where the client
    /// has confirmed all, and whose. Once.
    pub(crate) fn resume_widgets(&mut self, position: Position) -> Vec<(String, String)> {
        if position < self.confirmed {
            return Vec::new();
        }
        let touched = std::mem::take(&mut self.widgets.touched).into_iter();
        let confirmed = &self.widgets.confirmed;
        touched
            .map(|comm_id| (confirmed.request_of(&comm_id).to_owned(), comm_id))
            .filter(|(request, _)| !request.is_empty())
            .map(|(request, comm_id)| (comm_id, request))
            .collect()
    }

    /// What stood before `position` has left the journal. Whether a request lacks some of it that is given again already:
    /// no other word comes of that.
    pub(crate) fn note_lost(&mut self, position: Position) -> bool {
        let mut is_cut = false;
        for request in self.requests.values_mut() {
            if request.is_begun {
                is_cut |= request.start.is_some();
            } else {
                request.start = request.start.filter(|start| *start >= position);
            }
        }
        is_cut
    }

    /// Whether to send a message again; to be asked about all in their order, from the place that
    /// [`locate`](Self::locate) gave.
    pub(crate) fn choose(&mut self, delivery: &Delivery) -> Again {
        let message = &delivery.message();
        let (Ok(header), Ok(parent)) = (message.header(), message.parent()) else {
            return Again::Not;
        };
        let kind = Kind::of(message, &header, parent.is_some());
        self.widgets.now.note(&header.msg_type, &message.content);
        let is_in_widget = |parent: &Header<'_>| self.widgets.now.take(&parent.msg_id);
        if kind == Kind::Output && parent.as_ref().is_some_and(is_in_widget) {
            // Nobody knows what else the widget shows, so it is not cleared: of what may have arrived it may have some twice.
            return match delivery.position < self.confirmed {
                true => Again::Not,
                false => Again::Send,
            };
        }
        let request = parent.and_then(|parent| self.requests.get_mut(&*parent.msg_id));
        let is_confirmed = delivery.position < self.confirmed;
        match (kind, request) {
            (Kind::Output, Some(request)) if request.outputs > 0 => {
                let is_first = !request.is_begun;
                match request.start {
                    Some(_) => {
                        request.is_begun = true;
                        if is_first { Again::Clear } else { Again::Send }
                    }
                    None if is_first && !is_confirmed => {
                        request.is_begun = true;
                        Again::Tell {
                            outputs: request.outputs,
                        }
                    }
                    None => Again::Not,
                }
            }
            (Kind::Repeatable, _) if !is_confirmed => Again::Send,
            (Kind::Question, Some(request)) if request.is_asked_at(delivery.position) => Again::Send,
            (Kind::Output | Kind::Repeatable | Kind::Question | Kind::Once, _) => Again::Not,
        }
    }
}

/// When the kernel made a message; within one kernel these compare as texts. Some kernels do not say it.
fn date(message: &Message) -> Option<String> {
    #[derive(Deserialize)]
    struct Dated {
        date: Option<String>,
    }
    let dated: Dated = serde_json::from_slice(&message.header).ok()?;
    dated.date
}

#[cfg(test)]
mod tests {
    use kernels::Audience;
    use serde_json::json;
    use wire::NewHeader;

    use super::*;

    /// A message at `position`: its type, with `@` and its date, and its parent's id (`""` for none).
    fn delivery(position: u64, msg_type: &str, parent: &str) -> Delivery {
        let (msg_type, date) = msg_type.split_once('@').unwrap_or((msg_type, ""));
        let channel = match msg_type {
            "input_request" => Channel::Stdin,
            "execute_reply" => Channel::Shell,
            _ => Channel::Iopub,
        };
        let header = |msg_id, msg_type| NewHeader {
            msg_id,
            msg_type,
            session: "",
            username: "",
            date,
        };
        let request = Message::new(
            Channel::Shell,
            header(parent, "execute_request"),
            None,
            &json!({}),
        );
        let request = (!parent.is_empty()).then_some(&request);
        let message = Message::new(channel, header("m", msg_type), request, &json!({}));
        Delivery::new(Position(position), Audience::Everyone, &message)
    }

    /// What becomes of each message, of which those from `confirmed` on are not confirmed, and what stood before `held`
    /// has left the journal.
    fn replayed(messages: &[(&str, &str)], confirmed: u64, held: u64) -> Vec<(u64, Again)> {
        let deliveries = || {
            let numbered = (0..).zip(messages);
            numbered.map(|(position, (msg_type, parent))| delivery(position, msg_type, parent))
        };
        let mut replay = Replay::new(Position(confirmed));
        for delivery in deliveries().filter(|delivery| delivery.position.0 >= confirmed) {
            replay.note(&delivery);
        }
        let start = replay.locate(|msg_id| {
            let mut positions = (0..).zip(messages);
            positions.find_map(|(position, (_, parent))| (*parent == msg_id).then_some(Position(position)))
        });
        let start = if start.0 < held {
            assert!(!replay.note_lost(Position(held)), "none is begun");
            held
        } else {
            start.0
        };
        let chosen = deliveries()
            .filter(|delivery| delivery.position.0 >= start)
            .map(|delivery| (delivery.position.0, replay.choose(&delivery)));
        chosen.filter(|(_, again)| *again != Again::Not).collect()
    }

    #[test]
    fn all_outputs_of_an_uncertain_request_come_again_after_a_clear() {
        let messages = [
            ("status", "a"),
            ("stream", "a"),
            ("status", "b"),
            ("stream", "b"),
            ("stream", "a"),
            ("execute_result", "a"),
            ("execute_reply", "a"),
            ("status", "a"),
        ];
        assert_eq!(
            replayed(&messages, 5, 0),
            [
                (1, Again::Clear),
                (4, Again::Send),
                (5, Again::Send),
                (6, Again::Send),
                (7, Again::Send)
            ]
        );
    }

    #[test]
    fn a_request_whose_outputs_are_all_confirmed_is_left_alone() {
        let messages = [("stream", "a"), ("execute_reply", "a"), ("status", "a")];
        assert_eq!(replayed(&messages, 1, 0), [(1, Again::Send), (2, Again::Send)]);
    }

    #[test]
    fn a_request_whose_start_is_lost_is_not_cleared_but_told() {
        let messages = [("stream", "a"), ("stream", "a"), ("stream", "a"), ("status", "a")];
        assert_eq!(
            replayed(&messages, 1, 1),
            [(1, Again::Tell { outputs: 2 }), (3, Again::Send)]
        );
    }

    #[test]
    fn a_request_that_loses_outputs_while_it_is_given_again_is_told_of() {
        let mut replay = Replay::new(Position(0));
        let said: Vec<_> = (0..4).map(|position| delivery(position, "stream", "a")).collect();
        said.iter().for_each(|delivery| replay.note(delivery));
        replay.locate(|_| Some(Position(0)));
        assert_eq!(replay.choose(&said[0]), Again::Clear);
        assert!(replay.note_lost(Position(3)));
        assert_eq!(replay.choose(&said[3]), Again::Send);
    }

    #[test]
    fn what_would_be_taken_for_another_is_sent_once() {
        let messages = [
            ("comm_open", "a"),
            ("comm_msg", "a"),
            ("status", ""),
            ("stream", ""),
        ];
        assert_eq!(replayed(&messages, 0, 0), [(1, Again::Send)]);
    }

    #[test]
    fn a_question_is_repeated_unless_it_was_answered() {
        let open = [("input_request@2", "a"), ("stream@1", "a"), ("status", "b")];
        assert_eq!(
            replayed(&open, 0, 0),
            [(0, Again::Send), (1, Again::Clear), (2, Again::Send)]
        );
        let answered = [("input_request@1", "a"), ("stream@2", "a")];
        assert_eq!(replayed(&answered, 0, 0), [(1, Again::Clear)]);
        let ended = [("input_request@1", "a"), ("execute_reply@2", "a")];
        assert_eq!(replayed(&ended, 0, 0), [(1, Again::Send)]);
    }
}
