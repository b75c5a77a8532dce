//! `/api/events`: Jupyter's event bus. What is emitted on it, and who is told, is in docs/events.md.

mod delivery;
mod publisher;
mod timestamp;
mod visible;

use ::events::{CONTENTS_CHANGES, CONTENTS_SERVICE, EventBus, KERNEL_ACTIONS};
use authorization::{Authorized, Collection, Guard, GuardedRouter, Read, Unchecked, Whole, Write};
use axum::{
    extract::{State, ws::WebSocketUpgrade},
    response::Response,
};
use contents::{ContentsManager, ContentsPath};
use http::StatusCode;
use kernels::KernelId;
use serde_json::{Map, Value};

pub use self::publisher::Publisher;
use crate::{
    ApiError, AppState, ChannelsConfig, Json,
    connections::Connections,
    contents::name::{Contents, ContentsName},
    resources::{Events, Kernels},
    websocket,
};

/// What a client may send on a socket that listens to nothing.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .websocket("/api/events/subscribe", subscribe)
        .post("/api/events", emit)
}

/// Opens the stream of events. It asks `read`, where the reference asks `execute`: under a policy without
/// `execute` JupyterLab would try again for ever. What a client may not read it is not told of.
async fn subscribe(
    auth: Authorized<Read, Events>,
    State(connections): State<Connections>,
    State(bus): State<EventBus>,
    State(contents): State<ContentsManager>,
    State(channels): State<ChannelsConfig>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let connection = connections.open();
    // From here on nothing is missed while the upgrade is under way.
    let subscription = bus.subscribe();
    let disk = contents.listen_to_disk();
    websocket::limited(upgrade, MESSAGE_BYTES_MAX).on_upgrade(async move |socket| {
        delivery::deliver(socket, auth, connection, subscription, channels.limits).await;
        drop(disk);
    })
}

/// Emits an event of a registered schema.
async fn emit(
    auth: Authorized<Write, Events>,
    State(bus): State<EventBus>,
    Json(body): Json<Option<Map<String, Value>>>,
) -> Result<StatusCode, ApiError> {
    let body = body.ok_or_else(|| ApiError::BadRequest("No JSON data provided".to_owned()))?;
    let [schema_id, version, data] =
        ["schema_id", "version", "data"].map(|key| body.get(key).ok_or_else(|| missing(key)));
    let (schema_id, version, data) = (as_python_text(schema_id?), version?, data?);
    let schema = bus.schemas().get(&schema_id)?;
    if as_python_text(version) != schema.version() {
        return Err(ApiError::BadRequest(format!(
            "Unregistered version: '{}'≠'{}' for `{schema_id}`",
            as_python_text(version),
            schema.version()
        )));
    }
    if let Some(given) = body.get("timestamp") {
        timestamp::check(given)?;
    }
    match &*schema_id {
        CONTENTS_CHANGES => {
            return Err(ApiError::BadRequest(format!(
                "Events of `{schema_id}` tell what the server has seen on disk; clients cannot emit them."
            )));
        }
        CONTENTS_SERVICE => require_write_of_paths(&auth, data).await?,
        KERNEL_ACTIONS => require_write_of_kernel(&auth, data).await?,
        _ => {}
    }
    bus.emit(&schema_id, data.clone())?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who says that something was done to a path must be allowed to do it. What is no path is told to nobody.
async fn require_write_of_paths(auth: &Authorized<Write, Events>, data: &Value) -> Result<(), ApiError> {
    for field in ["path", "source_path"] {
        let text = data.get(field).and_then(Value::as_str);
        if let Some(Ok(path)) = text.map(str::parse::<ContentsPath>) {
            auth.also::<Write, Contents>(Unchecked::new(ContentsName::of(path)))
                .await?;
        }
    }
    Ok(())
}

/// The same of a kernel; of all kernels when none is named.
async fn require_write_of_kernel(auth: &Authorized<Write, Events>, data: &Value) -> Result<(), ApiError> {
    match data
        .get("kernel_id")
        .and_then(Value::as_str)
        .map(str::parse::<KernelId>)
    {
        Some(Ok(id)) => drop(auth.also::<Write, Kernels>(Unchecked::new(id)).await?),
        _ => drop(
            auth.also::<Write, Collection<Kernels>>(Unchecked::new(Whole))
                .await?,
        ),
    }
    Ok(())
}

fn missing(key: &str) -> ApiError {
    ApiError::BadRequest(format!("Missing `{key}` in the JSON request body."))
}

/// A value as the reference has it in its sentences: a version may be a number.
fn as_python_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
