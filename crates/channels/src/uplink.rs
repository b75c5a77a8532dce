//! From the client to the kernel: decode, classify, ask whether it may pass, send.

use std::pin::pin;

use futures::{FutureExt, Stream, StreamExt, future::join3};
use kernels::{ClientId, Kernel, Position};
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};
use wire::{Channel, Frame, Message, Subprotocol, WireError};

use crate::{
    Class, ClientGone, Closed, Filters, Incoming, Limits, Permissions, Refusal, confirmation,
    made::Maker,
    permissions::Verdicts,
    waiting::{self, Entries, Queue, Queues},
};

pub(crate) struct Uplink<'a, P> {
    pub(crate) outlet: &'a Outlet<'a>,
    pub(crate) subprotocol: Subprotocol,
    pub(crate) verdicts: Verdicts<P>,
    pub(crate) filters: &'a Filters,
    /// To the downlink: how far the client says that it is.
    pub(crate) confirmed: watch::Sender<Position>,
    pub(crate) limits: Limits,
}

/// Where messages go: to the kernel, or back.
pub(crate) struct Outlet<'a> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) client: ClientId,
    /// To the downlink.
    pub(crate) made: mpsc::Sender<Message>,
}

impl<P: Permissions> Uplink<'_, P> {
    /// Runs until the client is gone, falls silent or sends what is no message.
    pub(crate) async fn run<S>(mut self, incoming: &mut S) -> Closed
    where
        S: Stream<Item = Result<Incoming, ClientGone>> + Unpin,
    {
        let (
            entries,
            Queues {
                shell,
                control,
                stdin,
            },
        ) = waiting::queues(&self.limits);
        let outlet = self.outlet;
        let mut passing = pin!(join3(
            outlet.pass_all(shell),
            outlet.pass_all(control),
            outlet.pass_all(stdin)
        ));
        let closed = tokio::select! {
            // In this order: what was read goes on before anybody can end the connection.
            biased;
            closed = self.read(incoming, &entries) => closed,
            _ = &mut passing => Closed::ClientGone,
        };
        drop(entries);
        // What the kernel takes at once of what was read; for more there is nobody to wait.
        let rest = tokio::task::unconstrained(passing).now_or_never();
        if rest.is_none() {
            warn!(
                client = %outlet.client,
                "a client is gone whose messages the kernel had no room for yet: they are lost"
            );
        }
        closed
    }

    async fn read<S>(&mut self, incoming: &mut S, entries: &Entries) -> Closed
    where
        S: Stream<Item = Result<Incoming, ClientGone>> + Unpin,
    {
        loop {
            let frame = match tokio::time::timeout(self.limits.silence_max, incoming.next()).await {
                Err(_) => return Closed::Unresponsive,
                Ok(None | Some(Err(ClientGone))) => return Closed::ClientGone,
                Ok(Some(Ok(Incoming::Alive))) => continue,
                Ok(Some(Ok(Incoming::Pong(carried)))) => {
                    if let Some(position) = confirmation::position_in(&carried) {
                        self.confirmed.send_replace(position);
                    }
                    continue;
                }
                Ok(Some(Ok(Incoming::Frame(frame)))) => frame,
            };
            match self.admit(frame).await {
                Ok(Some(message)) => entries.push(message).await,
                Ok(None) => {}
                Err(error) => {
                    debug!(%error, client = %self.outlet.client, "closing: what a client sent is no message");
                    return Closed::BadFrame(error);
                }
            }
        }
    }

    /// The message of a frame, if it is for the kernel and may pass.
    async fn admit(&mut self, frame: Frame) -> Result<Option<Message>, WireError> {
        let Outlet { client, .. } = self.outlet;
        let message = match self.subprotocol.decode(frame) {
            // As the reference: front ends may have channels of their own.
            Err(WireError::UnknownChannel { name }) => {
                warn!(%client, "ignored a message on the unknown channel `{name}`");
                return Ok(None);
            }
            decoded => decoded?,
        };
        let header = message.header()?;
        if message.channel == Channel::Iopub {
            warn!(%client, "ignored a {} on iopub: clients only listen there", header.msg_type);
            return Ok(None);
        }
        if !self.filters.allows(&header.msg_type) {
            warn!(%client, "refused a message of type {}, which is not allowed", header.msg_type);
            let sentence = format!(
                "Messages of the type {} are not allowed on this server.",
                header.msg_type
            );
            self.outlet.refuse(&message, &sentence).await?;
            return Ok(None);
        }
        let class = Class::of(message.channel, &header.msg_type);
        if let Err(Refusal(sentence)) = self.check(class, message.bytes()).await {
            self.outlet.refuse(&message, &sentence).await?;
            return Ok(None);
        }
        drop(header);
        Ok(Some(message))
    }

    /// Whether a message of this class and size may pass.
    async fn check(&mut self, class: Class, bytes: usize) -> Result<(), Refusal> {
        self.verdicts.check(class).await?;
        let bytes_max = self.limits.viewer_query_bytes_max;
        let is_large = class == Class::Query && bytes > bytes_max;
        if is_large && self.verdicts.check(Class::Execute).await.is_err() {
            return Err(Refusal(format!(
                "A question longer than {bytes_max} bytes needs the permission to execute."
            )));
        }
        Ok(())
    }
}

impl Outlet<'_> {
    /// Passes messages on to the kernel, and waits while that takes no more.
    async fn pass_all(&self, mut queue: Queue) {
        while let Some(waits) = queue.next().await {
            // A clone of the handles, not of the bytes: the request is needed again if the kernel cannot take it.
            let message = waits.message.clone();
            let Err(error) = self.kernel.send(self.client.clone(), message).await else {
                continue;
            };
            warn!(%error, client = %self.client, "failed to send a message to the kernel");
            if let Err(error) = self.refuse(&waits.message, &error.to_string()).await {
                warn!(%error, client = %self.client, "failed to refuse a message");
            }
        }
    }

    async fn refuse(&self, request: &Message, sentence: &str) -> Result<(), WireError> {
        let session = self.kernel.last_session();
        let maker = Maker {
            session: session.as_deref().unwrap_or_default(),
        };
        for message in maker.refusal(request, &request.header()?, sentence) {
            // Fails only when the downlink has ended, and then the bridge ends too.
            let _ = self.made.send(message).await;
        }
        Ok(())
    }
}
