//! `/lab/api/translations`: language packs.

use authorization::{Authorized, Guard, GuardedRouter, Read};
use axum::extract::{Path, State};
use frontends::Frontends;
use serde_json::Value;

use crate::resources::Translations;
use crate::{ApiError, AppState, Json};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/lab/api/translations", list)
        .get("/lab/api/translations/", list)
        .get("/lab/api/translations/{locale}", get)
}

/// The languages there are.
async fn list(
    _auth: Authorized<Read, Translations>,
    State(frontends): State<Frontends>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(frontends.translations().list().await?))
}

/// One language's texts; one that is not installed is empty and says so.
async fn get(
    _auth: Authorized<Read, Translations>,
    State(frontends): State<Frontends>,
    Path(locale): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(frontends.translations().get(&locale).await?))
}
