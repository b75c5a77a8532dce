//! From the client to the kernel: decode, classify, ask whether it may pass, send.

use std::time::Duration;

use futures::{Stream, StreamExt};
use kernels::{ClientId, Kernel, Position};
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};
use wire::{Channel, Frame, Message, Subprotocol, WireError};

use crate::{
    Class, ClientGone, Closed, Filters, Incoming, Permissions, Refusal, confirmation, made::Maker,
    permissions::Verdicts,
};

pub(crate) struct Uplink<'a, P> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) client: ClientId,
    pub(crate) subprotocol: Subprotocol,
    pub(crate) verdicts: Verdicts<P>,
    pub(crate) filters: &'a Filters,
    /// To the downlink.
    pub(crate) made: mpsc::Sender<Message>,
    /// To the downlink: how far the client says that it is.
    pub(crate) confirmed: watch::Sender<Position>,
    pub(crate) silence_max: Duration,
    pub(crate) viewer_query_bytes_max: usize,
}

impl<P: Permissions> Uplink<'_, P> {
    /// Runs until the client is gone, falls silent or sends what is no message.
    pub(crate) async fn run<S>(mut self, incoming: &mut S) -> Closed
    where
        S: Stream<Item = Result<Incoming, ClientGone>> + Unpin,
    {
        loop {
            let frame = match tokio::time::timeout(self.silence_max, incoming.next()).await {
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
            match self.pass(frame).await {
                Ok(()) => {}
                Err(error) => {
                    debug!(%error, client = %self.client, "closing: what a client sent is no message");
                    return Closed::BadFrame(error);
                }
            }
        }
    }

    async fn pass(&mut self, frame: Frame) -> Result<(), WireError> {
        let message = match self.subprotocol.decode(frame) {
            // As the reference: front ends may have channels of their own.
            Err(WireError::UnknownChannel { name }) => {
                warn!(client = %self.client, "ignored a message on the unknown channel `{name}`");
                return Ok(());
            }
            decoded => decoded?,
        };
        let header = message.header()?;
        if message.channel == Channel::Iopub {
            warn!(client = %self.client, "ignored a {} on iopub: clients only listen there", header.msg_type);
            return Ok(());
        }
        if !self.filters.allows(&header.msg_type) {
            warn!(client = %self.client, "refused a message of type {}, which is not allowed", header.msg_type);
            let sentence = format!(
                "Messages of the type {} are not allowed on this server.",
                header.msg_type
            );
            return self.refuse(&message, &sentence).await;
        }
        let class = Class::of(message.channel, &header.msg_type);
        if let Err(Refusal(sentence)) = self.check(class, message.bytes()).await {
            self.refuse(&message, &sentence).await?;
            return Ok(());
        }
        // A clone of the handles, not of the bytes: the request is needed again if the kernel cannot take it.
        if let Err(error) = self.kernel.send(self.client.clone(), message.clone()).await {
            warn!(%error, client = %self.client, "failed to send a message to the kernel");
            self.refuse(&message, &error.to_string()).await?;
        }
        Ok(())
    }

    /// Whether a message of this class and size may pass.
    async fn check(&mut self, class: Class, bytes: usize) -> Result<(), Refusal> {
        self.verdicts.check(class).await?;
        let bytes_max = self.viewer_query_bytes_max;
        let is_large = class == Class::Query && bytes > bytes_max;
        if is_large && self.verdicts.check(Class::Execute).await.is_err() {
            return Err(Refusal(format!(
                "A question longer than {bytes_max} bytes needs the permission to execute."
            )));
        }
        Ok(())
    }

    async fn refuse(&mut self, request: &Message, sentence: &str) -> Result<(), WireError> {
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
