//! `/lab/api/settings`: schemas and settings of plugins.

use authorization::{Authorized, Covers, Guard, GuardedRouter, Read, Write};
use axum::extract::{Query, State};
use frontends::Frontends;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::resources::Settings;
use crate::{ApiError, AppState, Json};

/// The largest body with settings, in bytes: what `frontends` keeps, with room for JSON's escapes.
const SETTINGS_BYTES_MAX: usize = 8 * 1024 * 1024;

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .body_bytes_max(SETTINGS_BYTES_MAX)
        .get("/lab/api/settings/{*plugin}", get)
        .put("/lab/api/settings/{*plugin}", put)
}

#[derive(Deserialize)]
struct Asked {
    ids_only: Option<String>,
}

#[derive(Deserialize)]
struct NewSettings {
    raw: String,
}

/// One plugin's settings; without a name all of them, or their ids.
async fn get(
    auth: Authorized<Read, Settings>,
    State(frontends): State<Frontends>,
    Query(asked): Query<Asked>,
) -> Result<Json<Value>, ApiError> {
    if !auth.resource().is_empty() {
        return Ok(Json(frontends.settings().get(auth.resource()).await?));
    }
    let all = if asked.ids_only.as_deref() == Some("true") {
        frontends.settings().ids().await?
    } else {
        frontends.settings().list().await?
    };
    Ok(Json(only_readable(&auth, all).await))
}

/// Keeps what the user wrote, comments and all, when it fits the plugin's schema.
async fn put(
    auth: Authorized<Write, Settings>,
    State(frontends): State<Frontends>,
    Json(body): Json<Value>,
) -> Result<StatusCode, ApiError> {
    let NewSettings { raw } = serde_json::from_value(body).map_err(|_| {
        ApiError::BadRequest("Invalid format for JSON payload. Must be in the form {'raw': ...}".to_owned())
    })?;
    frontends.settings().put(auth.resource(), raw).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Of the list, the plugins a `get` would show.
async fn only_readable(auth: &Authorized<Read, Settings>, mut all: Value) -> Value {
    let list = match all.get_mut("settings").map(Value::take) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    let kept = match auth.covers::<Read, Settings>(auth.resource()).await {
        Covers::All => list,
        Covers::None => Vec::new(),
        Covers::Each => {
            let id = |plugin: &Value| {
                plugin
                    .get("id")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            auth.keep_allowed::<Read, Settings, _>(list, id).await
        }
    };
    json!({ "settings": kept })
}
