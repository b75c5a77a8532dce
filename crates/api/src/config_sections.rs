//! `/api/config/<section>`: what pages keep on the server.

use authorization::{Authorized, Guard, GuardedRouter, Read, Write};
use axum::extract::State;
use frontends::Frontends;
use http::StatusCode;
use serde_json::Value;

use crate::resources::Config;
use crate::{ApiError, AppState, Json};

/// The largest body with a section, in bytes: what `frontends` keeps, with room for white space and escapes.
const SECTION_BYTES_MAX: usize = 8 * 1024 * 1024;

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .body_bytes_max(SECTION_BYTES_MAX)
        .get("/api/config/{section}", get)
        .put("/api/config/{section}", set)
        .patch("/api/config/{section}", update)
}

/// The section; an unknown one is empty.
async fn get(
    auth: Authorized<Read, Config>,
    State(frontends): State<Frontends>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(frontends.config_sections().get(auth.resource()).await?))
}

/// Replaces the section.
async fn set(
    auth: Authorized<Write, Config>,
    State(frontends): State<Frontends>,
    Json(data): Json<Value>,
) -> Result<StatusCode, ApiError> {
    frontends.config_sections().set(auth.resource(), data).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Merges into the section and answers with the result.
async fn update(
    auth: Authorized<Write, Config>,
    State(frontends): State<Frontends>,
    Json(changes): Json<Value>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(
        frontends
            .config_sections()
            .update(auth.resource(), changes)
            .await?,
    ))
}
