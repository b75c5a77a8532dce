//! `/api/kernels/{kernel_id}/channels`: the WebSocket between a front end and a kernel.
//!
//! Opening it asks `read` on the kernel, so that a viewer can watch; what a client sends is asked about for each
//! class of messages. (The reference asks `execute` at the door and nothing after.)

use std::sync::atomic::{AtomicBool, Ordering};

use authorization::{Authorized, Changes, Execute, Guard, GuardedRouter, Read, Unchecked, Write};
use axum::{
    extract::{
        Query, State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    response::Response,
};
use channels::{
    Class, Client, ClientGone, Closed, Filters, Incoming, Limits, Outgoing, Permissions, Refusal, bridge,
};
use futures::{SinkExt, StreamExt};
use identity::Identity;
use kernels::{Attachment, ClientId, Kernel, KernelManager, Position};
use serde::Deserialize;
use tracing::{debug, info};
use wire::{Frame, Subprotocol};

use crate::{
    ApiError, AppState,
    connections::{Connections, OpenConnection},
    merge::Merging,
    resources::Kernels,
    websocket,
};

/// The longest `session_id` a client may give, in bytes.
const SESSION_ID_BYTES_MAX: usize = 255;

/// What the channels are told from outside.
#[derive(Clone, Debug)]
pub struct ChannelsConfig {
    /// The largest message a client may send. Widgets upload files through one.
    pub message_bytes_max: usize,
    /// The limits of one connection.
    pub limits: Limits,
    /// What may pass between all clients and kernels.
    pub filters: Filters,
    /// Whether clients that know it get the newer subprotocol (`kernel_ws_protocol`).
    pub offers_v1: bool,
}

impl Default for ChannelsConfig {
    fn default() -> Self {
        Self {
            message_bytes_max: 512 * 1024 * 1024,
            limits: Limits::default(),
            filters: Filters::default(),
            offers_v1: true,
        }
    }
}

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard).websocket("/api/kernels/{kernel_id}/channels", connect)
}

#[derive(Deserialize)]
struct Connect {
    /// The client's own id, the same when it connects again.
    session_id: Option<String>,
    /// Where to begin, as `/api/kernels/{kernel_id}/requests` gives it; without it a new client begins at now, and one that
    /// comes back where it stopped.
    since: Option<u64>,
}

/// Opens the channels of a kernel, once it has answered and its output is listened to.
async fn connect(
    auth: Authorized<Read, Kernels>,
    State(kernels): State<KernelManager>,
    State(config): State<ChannelsConfig>,
    State(connections): State<Connections>,
    State(merging): State<Merging>,
    Query(connect): Query<Connect>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let client = client_id(auth.identity(), connect.session_id)?;
    let kernel = kernels.get(auth.resource())?;
    kernel.ready().await?;
    let may_execute = auth.allows::<Execute, Kernels>(auth.resource()).await;
    // From here on it counts as a connection, and no output is missed while the upgrade is under way.
    let mut attachment = kernel.attach(client.clone());
    if may_execute {
        // After it is attached: a goodbye of its connection before is taken back, also one that is only just said.
        merging.note_asker(&auth, &kernel, &client);
    }
    if let Some(since) = connect.since {
        attachment.start_at(Position(since));
    }
    let connection = connections.open();
    let mut upgrade = websocket::limited(upgrade, config.message_bytes_max);
    if config.offers_v1 {
        upgrade = upgrade.protocols([Subprotocol::NAME_V1]);
    }
    Ok(upgrade.on_upgrade(async move |socket| {
        if let End::Goodbye = serve(socket, auth, &kernel, attachment, connection, &config).await {
            merging.note_goodbye(&kernel, &client);
        }
    }))
}

/// Whose client it is. Programs that only show the token are somebody else each time, and nobody can tell them apart:
/// their `session_id` alone says who comes back.
pub(crate) fn user_of_client(identity: &Identity) -> Option<&str> {
    (!identity.is_new).then_some(&*identity.username)
}

/// The client's id, with one of our own for a client that will not come back.
fn client_id(identity: &Identity, session_id: Option<String>) -> Result<ClientId, ApiError> {
    let username = user_of_client(identity);
    match session_id {
        Some(id) if id.len() > SESSION_ID_BYTES_MAX => Err(ApiError::BadRequest(format!(
            "session_id is longer than {SESSION_ID_BYTES_MAX} bytes"
        ))),
        Some(id) if !id.is_empty() => Ok(ClientId::of_user(username, &id)),
        Some(_) | None => {
            debug!("no session ID specified");
            Ok(ClientId::of_user(username, &uuid::Uuid::new_v4().to_string()))
        }
    }
}

/// How a connection ended, as far as the client is concerned.
enum End {
    /// It closed the connection: the page is gone.
    Goodbye,
    /// It may come back.
    Other,
}

async fn serve(
    socket: WebSocket,
    auth: Authorized<Read, Kernels>,
    kernel: &Kernel,
    attachment: Attachment,
    mut connection: OpenConnection,
    config: &ChannelsConfig,
) -> End {
    let subprotocol = match socket.protocol() {
        Some(_) => Subprotocol::V1,
        None => Subprotocol::Legacy,
    };
    let (mut sink, mut stream) = socket.split();
    let mut outgoing = (&mut sink)
        .sink_map_err(|_| ClientGone)
        .with(|outgoing| std::future::ready(Ok::<_, ClientGone>(put(outgoing))));
    let has_closed = AtomicBool::new(false);
    let mut incoming = (&mut stream).map(|received| {
        if let Ok(Message::Close(frame)) = &received {
            has_closed.store(is_goodbye(frame.as_ref()), Ordering::Relaxed);
        }
        received.map_err(|_| ClientGone).and_then(take)
    });
    let permissions = MessagePermissions {
        changes: auth.changes(),
        auth: auth.clone(),
    };
    let stop = async {
        tokio::select! {
            () = auth.revoked() => Closed::Revoked,
            () = connection.stopping() => Closed::Shutdown,
        }
    };
    let client = Client {
        outgoing: &mut outgoing,
        incoming: &mut incoming,
        subprotocol,
        limits: config.limits,
        filters: &config.filters,
    };
    let closed = bridge(client, kernel, attachment, permissions, stop).await;
    info!(kernel.id = %kernel.id(), "closed the channels of kernel {}: {}", kernel.id(), closed.reason());
    if let Some(code) = closed.code() {
        websocket::close(sink, stream, code, closed.reason()).await;
    }
    match closed {
        Closed::ClientGone if has_closed.into_inner() => End::Goodbye,
        _ => End::Other,
    }
}

/// Whether somebody meant to close it. A proxy may close with another code what has broken before it.
fn is_goodbye(frame: Option<&CloseFrame>) -> bool {
    frame.is_none_or(|frame| {
        matches!(
            frame.code,
            close_code::NORMAL | close_code::AWAY | close_code::STATUS
        )
    })
}

fn put(outgoing: Outgoing) -> Message {
    match outgoing {
        Outgoing::Frame(Frame::Text(text)) => Message::Text(text.into()),
        Outgoing::Frame(Frame::Binary(bytes)) => Message::Binary(bytes),
        Outgoing::Ping(payload) => Message::Ping(payload),
    }
}

fn take(message: Message) -> Result<Incoming, ClientGone> {
    match message {
        Message::Text(text) => Ok(Incoming::Frame(Frame::Text(text.as_str().to_owned()))),
        Message::Binary(bytes) => Ok(Incoming::Frame(Frame::Binary(bytes))),
        Message::Ping(_) => Ok(Incoming::Alive),
        Message::Pong(carried) => Ok(Incoming::Pong(carried)),
        Message::Close(_) => Err(ClientGone),
    }
}

/// Asks the guard about the messages of one connection.
struct MessagePermissions {
    auth: Authorized<Read, Kernels>,
    changes: Changes,
}

impl Permissions for MessagePermissions {
    async fn check(&self, class: Class) -> Result<(), Refusal> {
        let kernel = Unchecked::<Kernels>::new(self.auth.resource().clone());
        let answer = match class {
            Class::Query => self.auth.also::<Read, _>(kernel).await,
            Class::Execute => self.auth.also::<Execute, _>(kernel).await,
            Class::Control => self.auth.also::<Write, _>(kernel).await,
        };
        answer.map(drop).map_err(|denied| Refusal(denied.to_string()))
    }

    fn changed(&mut self) -> bool {
        self.changes.seen()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_goes_says_goodbye_and_a_proxy_that_lost_it_does_not() {
        let says = |code| {
            is_goodbye(Some(&CloseFrame {
                code,
                reason: "".into(),
            }))
        };
        assert!(is_goodbye(None) && says(1000) && says(1001) && says(1005));
        for code in [1002, 1006, 1011, 1012, 1013, 1014, 3000, 4000] {
            assert!(!says(code), "{code}");
        }
    }
}
