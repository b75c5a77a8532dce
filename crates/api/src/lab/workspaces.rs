//! `/lab/api/workspaces`: which documents are open in JupyterLab, and where.

use authorization::{Authorized, Covers, Guard, GuardedRouter, Read, Write};
use axum::extract::State;
use frontends::Frontends;
use http::StatusCode;
use serde_json::{Value, json};

use crate::resources::Workspaces;
use crate::{ApiError, AppState, Json};

/// The largest workspace that is read, in bytes; `frontends` keeps none that is larger.
const WORKSPACE_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .body_bytes_max(WORKSPACE_BYTES_MAX)
        .get("/lab/api/workspaces/{*workspace}", get)
        .put("/lab/api/workspaces/{*workspace}", put)
        .delete("/lab/api/workspaces/{*workspace}", delete)
}

/// One workspace, empty if it does not exist; without a name all of them.
async fn get(
    auth: Authorized<Read, Workspaces>,
    State(frontends): State<Frontends>,
) -> Result<Json<Value>, ApiError> {
    let workspaces = frontends.workspaces();
    if auth.resource().is_empty() {
        return Ok(Json(only_readable(&auth, workspaces.list().await?).await));
    }
    Ok(Json(workspaces.get(auth.resource()).await?))
}

/// Keeps a workspace as it came.
async fn put(
    auth: Authorized<Write, Workspaces>,
    State(frontends): State<Frontends>,
    text: String,
) -> Result<StatusCode, ApiError> {
    frontends
        .workspaces()
        .put(auth.resource(), text.trim().to_owned())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a workspace.
async fn delete(
    auth: Authorized<Write, Workspaces>,
    State(frontends): State<Frontends>,
) -> Result<StatusCode, ApiError> {
    frontends.workspaces().delete(auth.resource()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Of the list, the workspaces a `get` would show.
async fn only_readable(auth: &Authorized<Read, Workspaces>, mut all: Value) -> Value {
    let list = match all.pointer_mut("/workspaces/values").map(Value::take) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    let kept = match auth.covers::<Read, Workspaces>(auth.resource()).await {
        Covers::All => list,
        Covers::None => Vec::new(),
        Covers::Each => auth.keep_allowed::<Read, Workspaces, _>(list, name).await,
    };
    let ids: Vec<Value> = kept
        .iter()
        .filter_map(|workspace| workspace.pointer("/metadata/id").cloned())
        .collect();
    json!({ "workspaces": { "ids": ids, "values": kept } })
}

/// The id without its slash: the name in URLs.
fn name(workspace: &Value) -> String {
    let id = workspace
        .pointer("/metadata/id")
        .and_then(Value::as_str)
        .unwrap_or_default();
    id.trim_start_matches('/').to_owned()
}
