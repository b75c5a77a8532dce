//! `/lab/api/extensions` and `/lab/api/plugins`: what is installed, and switching it on and off.

use authorization::{Authorized, Guard, GuardedRouter, Read, Write};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use frontends::{Frontends, Switch};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::resources::Extensions;
use crate::{ApiError, AppState, Json};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/lab/api/extensions", list)
        .note("minimal so far: what is installed; nothing can be searched")
        .post("/lab/api/extensions", manage)
        .note("minimal so far: enables and disables, installs nothing")
        .get("/lab/api/plugins", locks)
        .post("/lab/api/plugins", switch_plugin)
}

#[derive(Deserialize)]
struct ManageExtension {
    cmd: String,
    extension_name: String,
}

#[derive(Deserialize)]
struct ManagePlugin {
    cmd: String,
    plugin_name: String,
}

/// All installed extensions, on one page.
async fn list(
    _auth: Authorized<Read, Extensions>,
    State(frontends): State<Frontends>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(frontends.extensions().list().await?))
}

/// Enables or disables an extension for this user. Installing is refused in the reference's words.
async fn manage(
    _auth: Authorized<Write, Extensions>,
    State(frontends): State<Frontends>,
    Json(body): Json<ManageExtension>,
) -> Result<Response, ApiError> {
    let name = &body.extension_name;
    match body.cmd.as_str() {
        "install" => Ok(refused(&format!(
            "Install of '{name}' was blocked, check the logs."
        ))),
        "uninstall" => Ok(refused(&format!(
            "Uninstall of '{name}' was blocked, check the logs."
        ))),
        command => switch(&frontends, command, name, "extension").await,
    }
}

/// The rules about what must not be switched.
async fn locks(
    _auth: Authorized<Read, Extensions>,
    State(frontends): State<Frontends>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(frontends.extensions().plugin_locks().await?))
}

/// Enables or disables a single plugin for this user.
async fn switch_plugin(
    _auth: Authorized<Write, Extensions>,
    State(frontends): State<Frontends>,
    Json(body): Json<ManagePlugin>,
) -> Result<Response, ApiError> {
    switch(&frontends, &body.cmd, &body.plugin_name, "plugin").await
}

async fn switch(frontends: &Frontends, command: &str, name: &str, kind: &str) -> Result<Response, ApiError> {
    let switch = match command {
        "enable" => Switch::Enable,
        "disable" => Switch::Disable,
        _ => {
            return Ok(refused(&format!(
                "Could not process instruction '{command}' with {kind} name '{name}'"
            )));
        }
    };
    frontends.extensions().switch(name, switch).await?;
    let done = json!({ "status": "ok", "message": null, "needs_restart": [] });
    Ok((StatusCode::CREATED, Json(done)).into_response())
}

fn refused(message: &str) -> Response {
    (
        StatusCode::UNPROCESSABLE_ENTITY,
        Json(json!({ "message": message, "reason": null })),
    )
        .into_response()
}
