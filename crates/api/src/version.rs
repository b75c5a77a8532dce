//! `GET /api`: which server this is. Public, so it says as little as possible.

use authorization::{Anyone, Guard, GuardedRouter};
use serde::Serialize;

use crate::{AppState, Json};

/// The version of jupyter_server whose API this is. Clients compare it to know what they may ask for.
pub const JUPYTER_SERVER_API: &str = "2.21.1";

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard).get("/api", get)
}

#[derive(Serialize)]
struct VersionModel {
    version: &'static str,
}

async fn get(_anyone: Anyone) -> Json<VersionModel> {
    Json(VersionModel {
        version: JUPYTER_SERVER_API,
    })
}
