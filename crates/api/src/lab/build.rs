//! `/lab/api/build`: whether JupyterLab should be built again. It never is: extensions come prebuilt.

use authorization::{Authorized, Guard, GuardedRouter, Read};
use serde_json::{Value, json};

use crate::resources::Extensions;
use crate::{AppState, Json};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/lab/api/build", status)
        .note("minimal so far: nothing is built")
}

async fn status(_auth: Authorized<Read, Extensions>) -> Json<Value> {
    Json(json!({ "status": "stable", "message": "" }))
}
