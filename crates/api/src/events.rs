//! `/api/events`: Jupyter's event bus. So far nothing here emits events and no schema is registered, so the socket
//! stays open and silent, and every event that a client wants to emit is refused, with the reference's words.

use authorization::{Authorized, Guard, GuardedRouter, Read, Write};
use axum::{
    extract::{
        State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    response::Response,
};
use bytes::Bytes;
use channels::Limits;
use serde_json::{Map, Value};
use tokio::time::{Interval, timeout};

use crate::{
    ApiError, AppState, Json,
    connections::{Connections, OpenConnection},
    resources::Events,
    websocket,
};

/// What a client may send on a socket that listens to nothing.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .websocket("/api/events/subscribe", subscribe)
        .note("minimal so far: no events are emitted")
        .post("/api/events", emit)
        .note("minimal so far: no schemas are registered")
}

/// Opens the stream of events. It asks `read`, where the reference asks `execute`: under a policy without
/// `execute` JupyterLab would try again for ever.
async fn subscribe(
    auth: Authorized<Read, Events>,
    State(connections): State<Connections>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let connection = connections.open();
    websocket::limited(upgrade, MESSAGE_BYTES_MAX).on_upgrade(async move |socket| {
        stay_open(socket, auth, connection).await;
    })
}

/// Keeps the connection alive until either side wants to end it.
async fn stay_open(mut socket: WebSocket, auth: Authorized<Read, Events>, mut connection: OpenConnection) {
    let limits = Limits::default();
    let mut ping = tokio::time::interval(limits.ping_interval);
    let (code, reason) = {
        tokio::select! {
            () = auth.revoked() => (1008, "the permission was withdrawn"),
            // Service restart: come back.
            () = connection.stopping() => (1012, "the server is stopping"),
            () = listen(&mut socket, &mut ping, limits) => return,
        }
    };
    websocket::close_whole(socket, code, reason).await;
}

/// Returns when the client is gone or silent. What it sends has no meaning here.
async fn listen(socket: &mut WebSocket, ping: &mut Interval, limits: Limits) {
    let mut heard = tokio::time::Instant::now();
    loop {
        tokio::select! {
            received = socket.recv() => match received {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => heard = tokio::time::Instant::now(),
            },
            _ = ping.tick() => {
                let sent = timeout(limits.silence_max, socket.send(Message::Ping(Bytes::new()))).await;
                if heard.elapsed() > limits.silence_max || !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
        }
    }
}

/// Refuses an event: says what is missing, or that its schema is unknown.
async fn emit(
    _auth: Authorized<Write, Events>,
    Json(body): Json<Option<Map<String, Value>>>,
) -> Result<(), ApiError> {
    let body = body.ok_or_else(|| ApiError::BadRequest("No JSON data provided".to_owned()))?;
    for key in ["schema_id", "version", "data"] {
        if !body.contains_key(key) {
            return Err(ApiError::BadRequest(format!(
                "Missing `{key}` in the JSON request body."
            )));
        }
    }
    let schema_id = body.get("schema_id").and_then(Value::as_str).unwrap_or_default();
    Err(ApiError::BadRequest(format!(
        "The requested schema, {schema_id}, was not found in the schema registry. \
         Are you sure it was previously registered?"
    )))
}
