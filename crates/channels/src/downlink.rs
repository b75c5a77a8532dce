//! From the kernel to the client: takes what is there, puts it on the socket, flushes once.

use std::time::Instant;

use bytes::Bytes;
use futures::{FutureExt, Sink, SinkExt};
use kernels::{Attachment, Delivery, Gap, Kernel};
use tokio::{sync::mpsc, time::MissedTickBehavior};
use tracing::warn;
use wire::{Frame, Message, Subprotocol};

use crate::{
    ClientGone, Closed, Limits, Outgoing,
    filters::{OutputFilter, Passed},
    made::{Maker, belongs_to_a_request},
};

/// Runs until the client or the kernel is gone.
pub(crate) async fn run<S>(
    outgoing: &mut S,
    kernel: &Kernel,
    attachment: Attachment,
    made: mpsc::Receiver<Message>,
    subprotocol: Subprotocol,
    limits: Limits,
    filter: Option<OutputFilter>,
) -> Closed
where
    S: Sink<Outgoing, Error = ClientGone> + Unpin,
{
    let mut ping = tokio::time::interval_at(
        tokio::time::Instant::now() + limits.ping_interval,
        limits.ping_interval,
    );
    // A socket that took long to flush is not pinged twice at once.
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut downlink = Downlink {
        outgoing,
        kernel,
        attachment,
        made,
        subprotocol,
        filter,
        missed: None,
    };
    match downlink.run(&mut ping, limits).await {
        Ok(closed) => closed,
        Err(ClientGone) => Closed::ClientGone,
    }
}

struct Downlink<'a, S> {
    outgoing: &'a mut S,
    kernel: &'a Kernel,
    attachment: Attachment,
    made: mpsc::Receiver<Message>,
    subprotocol: Subprotocol,
    /// `None` when everything passes.
    filter: Option<OutputFilter>,
    /// What the client must still be told to have missed. It waits for an output to stand beside.
    missed: Option<String>,
}

/// One thing to put on the socket.
enum Next {
    Made(Message),
    Delivery(Result<Option<std::sync::Arc<Delivery>>, Gap>),
    Ping,
}

impl<S> Downlink<'_, S>
where
    S: Sink<Outgoing, Error = ClientGone> + Unpin,
{
    async fn run(&mut self, ping: &mut tokio::time::Interval, limits: Limits) -> Result<Closed, ClientGone> {
        self.tell_state().await?;
        loop {
            let mut next = self.wait(ping).await;
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
                    Next::Ping => self.outgoing.feed(Outgoing::Ping(Bytes::new())).await?,
                }
                messages += 1;
                if messages >= limits.batch_messages_max || bytes >= limits.batch_bytes_max {
                    break;
                }
                match self.wait(ping).now_or_never() {
                    Some(more) => next = more,
                    None => break,
                }
            }
            self.outgoing.flush().await?;
        }
    }

    /// Waits for the next thing to send. Cancel safe.
    async fn wait(&mut self, ping: &mut tokio::time::Interval) -> Next {
        tokio::select! {
            // Pings and the server's own messages are few; a busy kernel must not hold them up.
            biased;
            _ = ping.tick() => Next::Ping,
            Some(message) = self.made.recv() => Next::Made(message),
            delivery = self.attachment.next() => Next::Delivery(delivery),
        }
    }

    /// A client that is new here cannot know what the kernel is doing; one that came back will read it.
    async fn tell_state(&mut self) -> Result<(), ClientGone> {
        if self.attachment.resumed().is_some() {
            return Ok(());
        }
        let state = self.kernel.status().borrow().execution_state;
        let session = self.kernel.last_session();
        let message = Maker {
            session: session.as_deref().unwrap_or_default(),
        }
        .status(state.as_str(), None);
        self.feed_message(&message).await?;
        self.outgoing.flush().await
    }

    async fn feed_delivery(&mut self, delivery: &Delivery) -> Result<usize, ClientGone> {
        match self.filtered(&delivery.message) {
            Passed::AsItIs => {}
            Passed::Changed(message) => return self.feed_message(&message).await,
            Passed::Not(None) => return Ok(0),
            Passed::Not(Some(sentence)) => return self.feed_notice(&sentence, &delivery.message).await,
        }
        let mut bytes = 0;
        if self.missed.is_some()
            && belongs_to_a_request(&delivery.message)
            && let Some(text) = self.missed.take()
        {
            bytes += self.feed_notice(&text, &delivery.message).await?;
        }
        match self.subprotocol {
            Subprotocol::V1 => {
                // Encoded once for all readers.
                self.outgoing
                    .feed(Outgoing::Frame(Frame::Binary(delivery.v1().clone())))
                    .await?;
                Ok(bytes.saturating_add(delivery.v1().len()))
            }
            Subprotocol::Legacy => Ok(bytes.saturating_add(self.feed_message(&delivery.message).await?)),
        }
    }

    fn filtered(&mut self, message: &Message) -> Passed {
        let filter = self.filter.as_mut();
        filter.map_or(Passed::AsItIs, |filter| filter.pass(message, Instant::now()))
    }

    async fn feed_notice(&mut self, text: &str, beside: &Message) -> Result<usize, ClientGone> {
        let session = self.kernel.last_session();
        let maker = Maker {
            session: session.as_deref().unwrap_or_default(),
        };
        self.feed_message(&maker.notice(text, beside)).await
    }

    async fn feed_message(&mut self, message: &Message) -> Result<usize, ClientGone> {
        let frame = match self.subprotocol.encode(message) {
            Ok(frame) => frame,
            Err(error) => {
                warn!(%error, "a kernel's message cannot be put into the client's subprotocol");
                self.missed = Some(format!("[a message of the kernel is missing here: {error}]"));
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
        let messages = if missed == 1 { "message" } else { "messages" };
        self.missed = Some(format!(
            "[{missed} {messages} of the kernel are missing here: this page was too far behind to get them]"
        ));
    }
}
