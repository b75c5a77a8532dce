//! `/api/me`: who is calling, what they may do, and what they may change about themselves.

use std::sync::Arc;

use authorization::{
    Action, Authorized, Caller, Guard, GuardedRouter, Identified, LogIn, ResourceKind, Write,
};
use axum::{
    extract::Query,
    response::{IntoResponse, Response},
};
use identity::Identity;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{ApiError, AppState, Json, resources::Users};

/// What somebody may change about themselves; it is kept in their login cookie.
const UPDATABLE_FIELDS: [&str; 5] = ["name", "display_name", "initials", "avatar_url", "color"];
/// The longest value of such a field, in bytes: all of them must fit into a cookie.
const FIELD_BYTES_MAX: usize = 512;

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/api/me", get)
        .patch("/api/me", update)
}

#[derive(Deserialize)]
struct Asked {
    /// JSON: the actions asked about for each kind of resource.
    permissions: Option<String>,
}

/// The caller's identity, and which of the actions asked about are allowed.
async fn get(auth: Identified, Query(asked): Query<Asked>) -> Result<Json<Value>, ApiError> {
    let asked = asked.permissions.unwrap_or_default();
    let mut permissions = allowed(&auth, &asked).await?;
    permissions.insert("updatable_fields".to_owned(), json!(UPDATABLE_FIELDS));
    Ok(Json(
        json!({ "identity": auth.identity(), "permissions": permissions }),
    ))
}

/// Of the actions in `{"contents": ["read", "write"]}` those that are allowed. What is no kind of resource, or no
/// action, is not allowed.
async fn allowed(caller: &Caller, asked: &str) -> Result<Map<String, Value>, ApiError> {
    let mut permissions = Map::new();
    if asked.is_empty() {
        return Ok(permissions);
    }
    let bad = || {
        ApiError::BadRequest(format!(
            "permissions should be a JSON dict of {{\"resource\": [\"action\",]}}, got '{asked}'"
        ))
    };
    let wanted: Map<String, Value> = serde_json::from_str(asked).map_err(|_| bad())?;
    for (resource, actions) in wanted {
        let actions: Vec<String> = serde_json::from_value(actions).map_err(|_| bad())?;
        let mut allowed = Vec::new();
        for action in actions {
            if let (Some(kind), Some(known)) = (ResourceKind::named(&resource), Action::named(&action))
                && caller.permits(known, kind).await
            {
                allowed.push(Value::String(action));
            }
        }
        permissions.insert(resource, Value::Array(allowed));
    }
    Ok(permissions)
}

/// Changes what the caller is called. It stays with the browser: the cookie is the only record of it.
async fn update(
    auth: Authorized<Write, Users>,
    Json(fields): Json<Option<Map<String, Value>>>,
) -> Result<Response, ApiError> {
    let fields = fields.filter(|fields| !fields.is_empty());
    let fields = fields.ok_or_else(|| ApiError::BadRequest("Invalid or missing JSON body".to_owned()))?;
    let identity = changed(auth.identity(), fields)?;
    let body = Json(json!({ "status": "success", "identity": identity }));
    Ok((LogIn(identity), body).into_response())
}

fn changed(identity: &Identity, fields: Map<String, Value>) -> Result<Identity, ApiError> {
    let mut changed = Identity {
        username: Arc::clone(&identity.username),
        ..identity.clone()
    };
    for (field, value) in fields {
        let text = match value {
            Value::String(text) if text.len() <= FIELD_BYTES_MAX => text,
            _ => {
                let message = format!("Field {field} must be a text of at most {FIELD_BYTES_MAX} bytes");
                return Err(ApiError::BadRequest(message));
            }
        };
        match field.as_str() {
            "name" => changed.name = text,
            "display_name" => changed.display_name = text,
            "initials" => changed.initials = Some(text),
            "avatar_url" => changed.avatar_url = Some(text),
            "color" => changed.color = Some(text),
            _ => return Err(ApiError::BadRequest(format!("Field {field} is not updatable"))),
        }
    }
    Ok(changed)
}
