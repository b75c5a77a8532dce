//! `/api/kernels`: running kernels.

use std::time::Duration;

use authorization::{
    Authorized, Caller, Collection, Denied, Execute, Guard, GuardedRouter, Identified, Ownership, Read,
    ResourceKind, Unchecked, Whole, Write,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use contents::ContentsManager;
use http::{StatusCode, header::LOCATION};
use identity::BaseUrl;
use kernels::{Kernel, KernelEnding, KernelError, KernelId, KernelManager, KernelModel, StartKernel};
use serde::Deserialize;
use sessions::SessionManager;
use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::timeout,
};
use tracing::{error, warn};

use crate::{
    ApiError, AppState, Json, KernelQuota, kernel_directory::kernel_directory, merge::Merging,
    resources::Kernels, to_the_end::to_the_end,
};

/// Who asks for one kernel sees what it used so short ago.
const USAGE_AGE_MAX: Duration = Duration::from_secs(1);

/// How long the answer about one kernel waits for what it uses.
const USAGE_WAIT: Duration = Duration::from_millis(250);

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/api/kernels", list)
        .post("/api/kernels", start)
        .get("/api/kernels/{kernel_id}", get)
        .delete("/api/kernels/{kernel_id}", shut_down)
        .post("/api/kernels/{kernel_id}/interrupt", interrupt)
        .post("/api/kernels/{kernel_id}/restart", restart)
}

/// The kernels the caller may see, in the order they were started.
async fn list(auth: Identified, State(kernels): State<KernelManager>) -> Json<Vec<KernelModel>> {
    kernels.measure().await;
    let models = kernels.list().iter().map(Kernel::model).collect();
    Json(
        auth.keep_allowed::<Read, Kernels, _>(models, |model| model.id.clone())
            .await,
    )
}

/// One kernel.
async fn get(
    auth: Authorized<Read, Kernels>,
    State(kernels): State<KernelManager>,
) -> Result<Json<KernelModel>, ApiError> {
    let kernel = kernels.get(auth.resource())?;
    // The model shows it.
    let _known = timeout(USAGE_WAIT, kernel.usage(USAGE_AGE_MAX)).await;
    Ok(Json(kernel.model()))
}

/// What to start; no body at all means the default kernel in the root directory.
#[derive(Default, Deserialize)]
struct StartBody {
    name: Option<String>,
    path: Option<String>,
    kernel_id: Option<KernelId>,
}

/// Starts a kernel. With the id of a running one, gives that, as the reference does.
async fn start(
    auth: Authorized<Write, Collection<Kernels>>,
    State(kernels): State<KernelManager>,
    State(contents): State<ContentsManager>,
    State(base_url): State<BaseUrl>,
    State(quota): State<KernelQuota>,
    Json(body): Json<Option<StartBody>>,
) -> Result<Response, ApiError> {
    let StartBody {
        name,
        path,
        kernel_id,
    } = body.unwrap_or_default();
    let kernel = match kernel_id {
        Some(id) if kernels.get(&id).is_ok() => {
            let id = auth.also::<Read, Kernels>(Unchecked::new(id)).await?;
            kernels.get(&id)?
        }
        chosen => {
            may_start(&auth).await?;
            let directory = match path {
                Some(path) => Some(kernel_directory(&auth, &contents, &path).await?),
                None => None,
            };
            let start = StartKernel {
                name,
                path: directory,
                id: chosen,
                env: Vec::new(),
            };
            to_the_end(start_owned(auth, kernels, quota, start)).await?
        }
    };
    let location = base_url.join(&format!("api/kernels/{}", kernel.id()));
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(kernel.model())).into_response())
}

/// Starts a kernel that is the caller's.
async fn start_owned(
    auth: Authorized<Write, Collection<Kernels>>,
    kernels: KernelManager,
    quota: KernelQuota,
    mut start: StartKernel,
) -> Result<Kernel, ApiError> {
    let id = start.id.get_or_insert_with(KernelId::random).clone();
    // Before it runs, so that it is at no time nobody's.
    quota.claim(&auth, &id).await?;
    match kernels.start(start).await {
        Ok(kernel) => Ok(kernel),
        // Somebody was faster, and it is theirs.
        Err(error @ KernelError::DuplicateKernel { .. }) => Err(error.into()),
        Err(error) => {
            auth.release::<Kernels>(&id).await?;
            Err(error.into())
        }
    }
}

/// Whether the caller may have a process started. It runs code before any cell does: Python looks for modules in the
/// directory it starts in, R for an `.Rprofile`. To write there and to start a kernel would be to execute.
pub(crate) async fn may_start(caller: &Caller) -> Result<(), Denied> {
    caller
        .also::<Write, Collection<Kernels>>(Unchecked::new(Whole))
        .await?;
    caller
        .also::<Execute, Collection<Kernels>>(Unchecked::new(Whole))
        .await?;
    Ok(())
}

/// Ends a kernel.
async fn shut_down(
    auth: Authorized<Write, Kernels>,
    State(kernels): State<KernelManager>,
    State(merging): State<Merging>,
) -> Result<StatusCode, ApiError> {
    let kernel = kernels.get(auth.resource())?;
    merging.before_ending(&auth, &kernel).await;
    kernel.shutdown().await?;
    auth.release::<Kernels>(auth.resource()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stops what a kernel does.
async fn interrupt(
    auth: Authorized<Write, Kernels>,
    State(kernels): State<KernelManager>,
) -> Result<StatusCode, ApiError> {
    kernels.get(auth.resource())?.interrupt().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a kernel's process and starts a new one under the same id.
async fn restart(
    auth: Authorized<Write, Kernels>,
    State(kernels): State<KernelManager>,
) -> Result<Json<KernelModel>, ApiError> {
    auth.also::<Execute, Kernels>(Unchecked::new(auth.resource().clone()))
        .await?;
    let kernel = kernels.get(auth.resource())?;
    kernel.restart().await?;
    Ok(Json(kernel.model()))
}

/// Forgets the owners of kernels that ended by themselves, and of their sessions, for as long as the server runs: an id
/// that is used again is nobody's.
pub async fn release_ended_kernels(
    mut endings: broadcast::Receiver<KernelEnding>,
    kernels: KernelManager,
    sessions: SessionManager,
    merging: Merging,
    ownership: Ownership,
) {
    loop {
        let ended = endings.recv().await;
        merging.after_deaths().await;
        for id in sessions.forget_ended().await {
            if let Err(error) = ownership.release(ResourceKind::Sessions, id.as_str()).await {
                error!(session.id = %id, %error, "failed to forget who owned a session that ended");
            }
        }
        match ended {
            Ok(KernelEnding { id, at }) => {
                // Started again under the same id meanwhile, or about to be: it has an owner.
                if kernels.is_taken(&id) {
                    continue;
                }
                let released = ownership.release_ended(ResourceKind::Kernels, id.as_str(), at);
                if let Err(error) = released.await {
                    error!(kernel.id = %id, %error, "failed to forget who owned a kernel that ended");
                }
            }
            Err(RecvError::Lagged(missed)) => {
                warn!(
                    missed,
                    "missed kernels that ended; their owners stay recorded until the server stops"
                );
            }
            Err(RecvError::Closed) => return,
        }
    }
}
