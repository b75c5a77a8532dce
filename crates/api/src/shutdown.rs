//! `POST /api/shutdown`: File > Shut Down.

use authorization::{Authorized, Guard, GuardedRouter, Write};
use axum::extract::State;
use http::StatusCode;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{AppState, resources::Server};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard).post("/api/shutdown", shut_down)
}

/// Asks the server to stop; it ends the kernels and closes the connections after this answer.
async fn shut_down(auth: Authorized<Write, Server>, State(stop): State<CancellationToken>) -> StatusCode {
    info!(identity = %auth.identity().username, "shutting down on a request of {}", auth.identity().username);
    stop.cancel();
    StatusCode::OK
}
