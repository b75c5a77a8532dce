//! From the kernel to the client: takes what is there, puts it on the socket, flushes once.

use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt, Sink, SinkExt};
use kernels::{Attachment, Delivery, Gap, Kernel, Position, Resumed};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, Interval, MissedTickBehavior, sleep_until},
};
use tracing::warn;
use wire::{Frame, Message, Subprotocol};

use crate::{
    ClientGone, Closed, Limits, Outgoing,
    confirmation::Confirmation,
    filters::{OutputFilter, Passed},
    made::{Maker, belongs_to_a_request},
    replay::{Again, Replay},
};

/// What the uplink has for the downlink.
pub(crate) struct FromUplink {
    /// The server's own messages to the client.
    pub(crate) made: mpsc::Receiver<Message>,
    /// How far the client says that it is.
    pub(crate) confirmed: watch::Receiver<Position>,
}

/// Runs until the client or the kernel is gone.
pub(crate) async fn run<S>(
    outgoing: &mut S,
    kernel: &Kernel,
    attachment: Attachment,
    from_uplink: FromUplink,
    subprotocol: Subprotocol,
    limits: Limits,
    filter: Option<OutputFilter>,
) -> Closed
where
    S: Sink<Outgoing, Error = ClientGone> + Unpin,
{
    let now = Instant::now();
    let mut ping = tokio::time::interval_at(now + limits.ping_interval, limits.ping_interval);
    // A socket that took long to flush is not pinged twice at once.
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Whatever it is sent from here on it has to confirm.
    attachment.acknowledge(attachment.position());
    let mut downlink = Downlink {
        outgoing,
        kernel,
        confirmation: Confirmation::new(attachment.position(), &limits, now),
        attachment,
        from_uplink,
        subprotocol,
        filter,
        limits,
        ping,
        missed: 0,
    };
    match downlink.run().await {
        Ok(closed) => closed,
        Err(ClientGone) => Closed::ClientGone,
    }
}

struct Downlink<'a, S> {
    outgoing: &'a mut S,
    kernel: &'a Kernel,
    attachment: Attachment,
    confirmation: Confirmation,
    from_uplink: FromUplink,
    subprotocol: Subprotocol,
    /// `None` when everything passes.
    filter: Option<OutputFilter>,
    limits: Limits,
    ping: Interval,
    /// What the client must still be told to have missed. It waits for an output to stand beside.
    missed: u64,
}

/// One thing to do.
enum Next {
    Made(Message),
    Delivery(Result<Option<Arc<Delivery>>, Gap>),
    /// The connection was silent.
    Ping,
    /// It is time to ask what has arrived.
    Ask,
    Confirmed(Position),
}

impl<S> Downlink<'_, S>
where
    S: Sink<Outgoing, Error = ClientGone> + Unpin,
{
    async fn run(&mut self) -> Result<Closed, ClientGone> {
        match self.attachment.resumed() {
            Some(resumed) => self.repeat(resumed).await?,
            None => self.tell_state().await?,
        }
        loop {
            let mut next = self.wait().await;
            let (mut messages, mut bytes) = (0, 0);
            // All that is there already, up to a limit, before the one flush.
            loop {
                match next {
                    Next::Delivery(Ok(None)) => {
                        self.outgoing.flush().await?;
                        return Ok(Closed::KernelGone);
                    }
                    Next::Delivery(Ok(Some(delivery))) => bytes += self.feed_delivery(&delivery).await?,
                    Next::Delivery(Err(gap)) => self.note(gap),
                    Next::Made(message) => bytes += self.feed_message(&message).await?,
                    Next::Ping => self.ping().await?,
                    Next::Ask => {}
                    Next::Confirmed(position) => self.confirm(position),
                }
                messages += 1;
                if messages >= self.limits.batch_messages_max || bytes >= self.limits.batch_bytes_max {
                    break;
                }
                match self.more() {
                    Some(more) => next = more,
                    None => break,
                }
            }
            self.confirmation.note_sent(bytes);
            let position = self.attachment.position();
            if let Some(carried) = self.confirmation.ask(position, Instant::now()) {
                self.outgoing.feed(Outgoing::Ping(carried)).await?;
            }
            self.outgoing.flush().await?;
        }
    }

    /// Waits for the next thing to do. Cancel safe.
    async fn wait(&mut self) -> Next {
        let ask_at = self.confirmation.due_at(self.attachment.position());
        tokio::select! {
            // Pings and the server's own messages are few; a busy kernel must not hold them up.
            biased;
            _ = self.ping.tick() => Next::Ping,
            Ok(()) = self.from_uplink.confirmed.changed() => {
                Next::Confirmed(*self.from_uplink.confirmed.borrow_and_update())
            }
            Some(message) = self.from_uplink.made.recv() => Next::Made(message),
            delivery = self.attachment.next() => Next::Delivery(delivery),
            () = sleep_until(ask_at.unwrap_or_else(Instant::now)), if ask_at.is_some() => Next::Ask,
        }
    }

    /// What there is to do already.
    fn more(&mut self) -> Option<Next> {
        if self.from_uplink.confirmed.has_changed().unwrap_or(false) {
            return Some(Next::Confirmed(*self.from_uplink.confirmed.borrow_and_update()));
        }
        if let Ok(message) = self.from_uplink.made.try_recv() {
            return Some(Next::Made(message));
        }
        self.attachment.next().now_or_never().map(Next::Delivery)
    }

    async fn ping(&mut self) -> Result<(), ClientGone> {
        let position = self.attachment.position();
        let carried = self.confirmation.ask_anyway(position, Instant::now());
        self.outgoing.feed(Outgoing::Ping(carried)).await
    }

    fn confirm(&mut self, position: Position) {
        self.attachment.acknowledge(position);
        self.confirmation.note_confirmed(position);
    }

    /// A client that is new here cannot know what the kernel is doing; one that came back will read it.
    async fn tell_state(&mut self) -> Result<(), ClientGone> {
        let state = self.kernel.status().borrow().execution_state;
        let message = self.made(|maker| maker.status(state.as_str(), None));
        self.feed_message(&message).await?;
        self.outgoing.flush().await
    }

    /// Sends what a client that came back may have missed before: see [`replay`](crate::replay).
    async fn repeat(&mut self, Resumed { from, sent_until }: Resumed) -> Result<(), ClientGone> {
        if from >= sent_until {
            return Ok(());
        }
        let mut replay = Replay::new(from);
        // What of it can be had no more: the client may have it, or not.
        let mut lost = 0_u64;
        loop {
            match self.attachment.next_before(sent_until).await {
                Ok(Some(delivery)) => replay.note(&delivery),
                Ok(None) => break,
                Err(Gap { missed }) => lost = lost.saturating_add(missed),
            }
        }
        let kernel = self.kernel;
        let start = replay.locate(|msg_id| kernel.first_answering(msg_id));
        self.attachment.seek(start);
        // What is lost of it is told of when it comes to that.
        loop {
            match self.attachment.next_before(sent_until).await {
                Ok(Some(delivery)) => replay.watch(&delivery),
                Ok(None) => break,
                Err(Gap { .. }) => {}
            }
        }
        self.attachment.seek(start);
        let mut bytes = 0;
        for comm_id in replay.begin() {
            let release = self.made(|maker| maker.take_outputs(&comm_id, ""));
            bytes += self.feed_message(&release).await?;
        }
        loop {
            let delivery = match self.attachment.next_before(sent_until).await {
                Ok(Some(delivery)) => delivery,
                Ok(None) => break,
                Err(gap) => {
                    if replay.note_lost(self.attachment.position()) {
                        self.note(gap);
                    }
                    continue;
                }
            };
            for (comm_id, request) in replay.resume_widgets(delivery.position) {
                let take = self.made(|maker| maker.take_outputs(&comm_id, &request));
                bytes += self.feed_message(&take).await?;
            }
            match replay.choose(&delivery) {
                Again::Not => continue,
                Again::Send => bytes += self.feed_delivery(&delivery).await?,
                Again::Clear => {
                    let clear = self.made(|maker| maker.clear_output(&delivery.message()));
                    bytes += self.feed_message(&clear).await?;
                    bytes += self.feed_delivery(&delivery).await?;
                }
                Again::Tell { outputs } => {
                    let outputs = outputs.saturating_add(std::mem::take(&mut lost));
                    bytes += self.feed_notice(&uncertain(outputs), &delivery.message()).await?;
                }
            }
            if bytes >= self.limits.batch_bytes_max {
                bytes = 0;
                // It carries nothing: until all is repeated nothing is confirmed. But the client shows that it lives.
                self.outgoing.feed(Outgoing::Ping(Bytes::new())).await?;
                self.outgoing.flush().await?;
            }
        }
        for (comm_id, request) in replay.resume_widgets(sent_until) {
            let take = self.made(|maker| maker.take_outputs(&comm_id, &request));
            self.feed_message(&take).await?;
        }
        self.missed = self.missed.saturating_add(lost);
        self.ping().await?;
        self.outgoing.flush().await
    }

    fn made(&self, make: impl FnOnce(Maker<'_>) -> Message) -> Message {
        let session = self.kernel.last_session();
        make(Maker {
            session: session.as_deref().unwrap_or_default(),
        })
    }

    async fn feed_delivery(&mut self, delivery: &Delivery) -> Result<usize, ClientGone> {
        if self.filter.is_none() && self.missed == 0 && self.subprotocol == Subprotocol::V1 {
            return self.feed_encoded(delivery).await;
        }
        let message = delivery.message();
        match self.filtered(&message) {
            Passed::AsItIs => {}
            Passed::Changed(message) => return self.feed_message(&message).await,
            Passed::Not(None) => return Ok(0),
            Passed::Not(Some(sentence)) => return self.feed_notice(&sentence, &message).await,
        }
        let mut bytes = 0;
        if self.missed > 0 && belongs_to_a_request(&message) {
            let text = missing(std::mem::take(&mut self.missed));
            bytes += self.feed_notice(&text, &message).await?;
        }
        let fed = match self.subprotocol {
            Subprotocol::V1 => self.feed_encoded(delivery).await?,
            Subprotocol::Legacy => self.feed_message(&message).await?,
        };
        Ok(bytes.saturating_add(fed))
    }

    /// As it was encoded once for all readers.
    async fn feed_encoded(&mut self, delivery: &Delivery) -> Result<usize, ClientGone> {
        let frame = Frame::Binary(delivery.v1().clone());
        self.outgoing.feed(Outgoing::Frame(frame)).await?;
        Ok(delivery.v1().len())
    }

    fn filtered(&mut self, message: &Message) -> Passed {
        let filter = self.filter.as_mut();
        filter.map_or(Passed::AsItIs, |filter| {
            filter.pass(message, Instant::now().into_std())
        })
    }

    async fn feed_notice(&mut self, text: &str, beside: &Message) -> Result<usize, ClientGone> {
        let notice = self.made(|maker| maker.notice(text, beside));
        self.feed_message(&notice).await
    }

    async fn feed_message(&mut self, message: &Message) -> Result<usize, ClientGone> {
        let frame = match self.subprotocol.encode(message) {
            Ok(frame) => frame,
            Err(error) => {
                warn!(%error, "a kernel's message cannot be put into the client's subprotocol");
                self.missed = self.missed.saturating_add(1);
                return Ok(0);
            }
        };
        let bytes = match &frame {
            Frame::Text(text) => text.len(),
            Frame::Binary(binary) => binary.len(),
        };
        self.outgoing.feed(Outgoing::Frame(frame)).await?;
        Ok(bytes)
    }

    fn note(&mut self, Gap { missed }: Gap) {
        self.missed = self.missed.saturating_add(missed);
    }
}

fn missing(messages: u64) -> String {
    let messages = match messages {
        1 => "1 message of the kernel is".to_owned(),
        messages => format!("{messages} messages of the kernel are"),
    };
    format!("[{messages} missing here: the server could not keep them until this page had them]")
}

fn uncertain(outputs: u64) -> String {
    let at_most = match outputs {
        1 => "an output".to_owned(),
        outputs => format!("up to {outputs} outputs"),
    };
    format!(
        "[{at_most} may be missing here: the connection broke, and the server no longer has all outputs of this cell]"
    )
}
