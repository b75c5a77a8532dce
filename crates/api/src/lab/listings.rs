//! `/lab/api/listings`: which extensions are blocked or allowed.

use authorization::{Authorized, Guard, GuardedRouter, Read};
use serde_json::{Value, json};

use crate::resources::Extensions;
use crate::{AppState, Json};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get(
            "/lab/api/listings/@jupyterlab/extensionmanager-extension/listings.json",
            get,
        )
        .note("minimal so far: empty, for nothing can be installed")
}

async fn get(_auth: Authorized<Read, Extensions>) -> Json<Value> {
    Json(json!({
        "blocked_extensions_uris": [],
        "allowed_extensions_uris": [],
        "blocked_extensions": [],
        "allowed_extensions": [],
    }))
}
