//! `/api/resolvePath`: what a path in an output (a traceback) is called in the contents API.

use authorization::{Authorized, Guard, GuardedRouter, Read};
use axum::extract::{Query, State};
use contents::{ContentsManager, ContentsPath};
use kernels::KernelManager;
use serde::{Deserialize, Serialize};

use crate::{
    ApiError, AppState, Json,
    contents::name::{ContentsName, ReadContents},
    resources::{Api, Kernels},
};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/api/resolvePath", get)
        .note("minimal so far: not in the scope of a kernel")
}

#[derive(Deserialize)]
struct Asked {
    path: Option<String>,
    kernel: Option<String>,
}

#[derive(Serialize)]
struct ResolvedModel {
    resolved: Vec<PathInScope>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unresolved: Vec<Unresolved>,
}

#[derive(Serialize)]
struct PathInScope {
    scope: &'static str,
    path: String,
}

#[derive(Serialize)]
struct Unresolved {
    scope: &'static str,
    reason: String,
}

/// Where a path is, if it is there, beneath the root and readable.
async fn get(
    auth: Authorized<Read, Api>,
    State(contents): State<ContentsManager>,
    State(kernels): State<KernelManager>,
    Query(asked): Query<Asked>,
) -> Result<Json<ResolvedModel>, ApiError> {
    let path = asked
        .path
        .ok_or_else(|| ApiError::BadRequest("Missing argument path".to_owned()))?;
    let found: Vec<ContentsPath> = contents.resolve(path.trim()).await?.into_iter().collect();
    let name = |path: &ContentsPath| ContentsName::of(path.clone());
    let readable = auth.keep_allowed::<Read, ReadContents, _>(found, name).await;
    let resolved = readable
        .into_iter()
        .map(|path| PathInScope {
            scope: "server",
            path: path.to_string(),
        })
        .collect();
    let kernel = asked.kernel.filter(|kernel| !kernel.is_empty());
    let mut unresolved = Vec::new();
    if let Some(asked) = kernel {
        let known = match asked.parse() {
            Ok(id) => kernels.get(&id).is_ok() && auth.may::<Read, Kernels>(&id).await,
            Err(_) => false,
        };
        if !known {
            unresolved.push(Unresolved {
                scope: "kernel",
                reason: format!("Kernel {asked} could not be found"),
            });
        }
    }
    Ok(Json(ResolvedModel { resolved, unresolved }))
}
