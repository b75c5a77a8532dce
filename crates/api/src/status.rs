//! `/api/status`: since when the server runs, and how much is going on.

use std::time::SystemTime;

use authorization::{Activity, Authorized, Guard, GuardedRouter, Read};
use axum::extract::State;
use jiff::Timestamp;
use kernels::{KernelManager, jupyter_time};
use serde::Serialize;

use crate::{AppState, Json, resources::Api};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard).get("/api/status", get)
}

/// When the server was started.
#[derive(Clone, Copy, Debug)]
pub struct Started(pub SystemTime);

/// Exactly these keys, in this order, as the reference has them.
#[derive(Serialize)]
struct StatusModel {
    connections: usize,
    kernels: usize,
    last_activity: String,
    started: String,
}

/// Counts of kernels and their WebSockets; asking is no activity.
async fn get(
    _auth: Authorized<Read, Api>,
    State(kernels): State<KernelManager>,
    State(activity): State<Activity>,
    State(started): State<Started>,
) -> Json<StatusModel> {
    let kernels: Vec<_> = kernels.list().iter().map(kernels::Kernel::model).collect();
    let of_kernels = kernels.iter().map(|kernel| kernel.last_activity);
    let started = timestamp(started.0);
    let last_activity = of_kernels
        .chain([timestamp(activity.last()), started])
        .max()
        .unwrap_or(started);
    Json(StatusModel {
        connections: kernels.iter().map(|kernel| kernel.connections).sum(),
        kernels: kernels.len(),
        last_activity: jupyter_time(last_activity),
        started: jupyter_time(started),
    })
}

/// A clock outside of what a calendar holds counts as 1970.
fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH)
}
