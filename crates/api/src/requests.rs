//! `/api/kernels/{kernel_id}/requests`: what ran in a kernel and what came of it, for clients that were not there.
//!
//! A page that is opened anew has another session, and front ends show no outputs of requests they have not sent. Here they
//! are in the form of a notebook; what comes after them is had with `?since=` on the channels.

use authorization::{Authorized, Guard, GuardedRouter, Read};
use axum::extract::State;
use channels::{Retold, retell};
use kernels::{KernelManager, Position, jupyter_time};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{ApiError, AppState, ChannelsConfig, Json, resources::Kernels};

/// The outputs of all requests together, in bytes; those that lack some are marked.
const OUTPUTS_BYTES_MAX: usize = 64 << 20;

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard).get("/api/kernels/{kernel_id}/requests", list)
}

/// What ran lately.
#[derive(Serialize)]
struct RequestsModel {
    /// Where to go on: for `?since=`.
    position: Position,
    /// Oldest first.
    requests: Vec<RequestModel>,
}

/// A request to run code.
#[derive(Serialize)]
struct RequestModel {
    msg_id: Box<str>,
    /// The cell, if the front end said so.
    cell_id: Option<Box<str>>,
    state: &'static str,
    asked: String,
    execution_count: Option<u64>,
    outputs: Vec<Box<RawValue>>,
    /// Whether these are all outputs it has had so far.
    complete: bool,
}

impl From<Retold> for RequestModel {
    fn from(Retold { execution, outputs }: Retold) -> Self {
        let state = match (execution.first, execution.ended) {
            (_, Some(_)) => "done",
            (Some(_), None) => "running",
            (None, None) => "queued",
        };
        Self {
            msg_id: execution.msg_id,
            cell_id: execution.cell_id,
            state,
            asked: jupyter_time(execution.asked),
            execution_count: outputs.execution_count,
            outputs: outputs.to_json(),
            complete: outputs.is_complete,
        }
    }
}

/// The requests of a kernel, with their outputs.
async fn list(
    auth: Authorized<Read, Kernels>,
    State(kernels): State<KernelManager>,
    State(channels): State<ChannelsConfig>,
) -> Result<Json<RequestsModel>, ApiError> {
    let kernel = kernels.get(auth.resource())?;
    let position = kernel.position();
    let executions = kernel.executions();
    let retold = retell(
        &kernel,
        executions,
        position,
        &channels.filters,
        OUTPUTS_BYTES_MAX,
    )
    .await;
    Ok(Json(RequestsModel {
        position,
        requests: retold.into_iter().map(RequestModel::from).collect(),
    }))
}
