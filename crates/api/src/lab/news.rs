//! `/lab/api/news` and `/lab/api/update`: what JupyterLab shows as notifications when it has started.
//!
//! Nothing is fetched from anywhere. The one piece of news there can be tells users what they may not do here, so
//! that they need not find it out by failing.

use std::time::SystemTime;

use authorization::{Authorized, Guard, GuardedRouter, Read};
use axum::extract::State;
use serde_json::{Value, json};

use crate::pages::permissions::of_page;
use crate::resources::Api;
use crate::{AppState, Json, Started};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/lab/api/news", news)
        .note("this server's own news only: what the user may not do")
        .get("/lab/api/update", update)
        .note("minimal so far: never asks whether there is a newer JupyterLab")
}

async fn news(auth: Authorized<Read, Api>, State(started): State<Started>) -> Json<Value> {
    let Some(notice) = of_page(&auth).await.notice() else {
        return Json(json!({ "news": [] }));
    };
    let since_1970 = started
        .0
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let started_ms = u64::try_from(since_1970.as_millis()).unwrap_or_default();
    Json(json!({ "news": [{
        "message": notice,
        "type": "info",
        "link": null,
        "createdAt": started_ms,
        "modifiedAt": started_ms,
        // Whoever hides it hides this sentence; another one is shown again.
        "options": { "data": { "id": format!("adrastea: {notice}"), "tags": ["news"] } },
    }] }))
}

async fn update(_auth: Authorized<Read, Api>) -> Json<Value> {
    Json(json!({ "notification": null }))
}
