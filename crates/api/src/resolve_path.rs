//! `/api/resolvePath`: what a path in an output (a traceback) is called in the contents API.

use authorization::{Authorized, Caller, Execute, Guard, GuardedRouter, Read};
use axum::extract::{RawQuery, State};
use contents::{ContentsManager, ContentsPath};
use kernels::{KernelId, KernelManager};
use serde::Serialize;

use crate::{
    ApiError, AppState, Json, arguments,
    contents::name::{ContentsName, ReadContents},
    resources::{Api, Kernels},
};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/api/resolvePath", get)
        .note("also `read` and `execute` on the kernel asked about")
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

/// What a path is called in each scope in which it is there: `server`, beneath the root and readable, and `kernel`,
/// for code in the kernel that was asked about.
async fn get(
    auth: Authorized<Read, Api>,
    State(contents): State<ContentsManager>,
    State(kernels): State<KernelManager>,
    RawQuery(query): RawQuery,
) -> Result<Json<ResolvedModel>, ApiError> {
    let path = arguments::last(query.as_deref(), "path")?;
    let path = path.ok_or_else(|| ApiError::BadRequest("Missing argument path".to_owned()))?;
    let kernel = arguments::last(query.as_deref(), "kernel")?;
    let found: Vec<ContentsPath> = contents.resolve(&path).await?.into_iter().collect();
    let name = |path: &ContentsPath| ContentsName::of(path.clone());
    let readable = auth.keep_allowed::<Read, ReadContents, _>(found, name).await;
    let in_server = readable.into_iter().map(|path| PathInScope {
        scope: "server",
        path: path.to_string(),
    });
    let mut resolved: Vec<_> = in_server.collect();
    let mut unresolved = Vec::new();
    if let Some(kernel) = kernel.filter(|kernel| !kernel.is_empty()) {
        match in_kernel(&auth, &kernels, &kernel, &path).await {
            InKernel::Found(path) => resolved.push(PathInScope {
                scope: "kernel",
                path,
            }),
            InKernel::NotFound => {}
            InKernel::NoSuchKernel => unresolved.push(Unresolved {
                scope: "kernel",
                reason: format!("Kernel {kernel} could not be found"),
            }),
        }
    }
    Ok(Json(ResolvedModel { resolved, unresolved }))
}

/// What a path names for code in a kernel.
enum InKernel {
    Found(String),
    NotFound,
    NoSuchKernel,
}

/// A kernel that the caller may not see is answered as none. To those who may see it but not run code in it, nothing
/// is there: the answer would show them the whole file system.
async fn in_kernel(caller: &Caller, kernels: &KernelManager, kernel: &str, path: &str) -> InKernel {
    let Ok(id) = kernel.parse::<KernelId>() else {
        return InKernel::NoSuchKernel;
    };
    if kernels.get(&id).is_err() || !caller.may::<Read, Kernels>(&id).await {
        return InKernel::NoSuchKernel;
    }
    if !caller.allows::<Execute, Kernels>(&id).await {
        return InKernel::NotFound;
    }
    match kernels.resolve_path(&id, path).await {
        Ok(Some(path)) => InKernel::Found(path),
        Ok(None) => InKernel::NotFound,
        // It ended meanwhile.
        Err(_) => InKernel::NoSuchKernel,
    }
}
