//! `/api/kernelspecs`: which kernels are installed, and `/kernelspecs`: their logos and scripts.

use std::collections::BTreeMap;

use authorization::{Authorized, Guard, GuardedRouter, Identified, NotFound, Read, Resource};
use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use frontends::OwnPages;
use http::{HeaderValue, header::CACHE_CONTROL};
use identity::BaseUrl;
use kernels::{KernelError, KernelManager, KernelspecModel, KernelspecName};
use serde::{Serialize, Serializer};

use crate::{ApiError, AppState, ErrorAsPage, Json, resources::Kernelspecs, served_file};

/// Logos hardly change; the reference lets browsers keep PNGs for 30 days.
const LOGO_CACHE: HeaderValue = HeaderValue::from_static("max-age=2592000");

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/api/kernelspecs", list)
        .get("/api/kernelspecs/{kernelspec}", get)
        .get("/kernelspecs/{kernelspec}/{*file}", resource)
}

/// All kernelspecs, and which one is taken when none is named.
#[derive(Serialize)]
struct KernelspecsModel {
    default: String,
    #[serde(serialize_with = "by_name")]
    kernelspecs: Vec<KernelspecModel>,
}

/// The kernelspecs the caller may see.
async fn list(
    auth: Identified,
    State(kernels): State<KernelManager>,
    State(base_url): State<BaseUrl>,
) -> Json<KernelspecsModel> {
    let kernelspecs = kernels.kernelspecs();
    let all = kernelspecs.models(base_url.as_str()).await;
    Json(KernelspecsModel {
        default: kernelspecs.default_name().to_owned(),
        kernelspecs: auth
            .keep_allowed::<Read, Kernelspecs, _>(all, |model| model.name.clone())
            .await,
    })
}

/// One kernelspec.
async fn get(
    auth: Authorized<Read, Kernelspecs>,
    State(kernels): State<KernelManager>,
    State(base_url): State<BaseUrl>,
) -> Result<Json<KernelspecModel>, ApiError> {
    let name = auth.resource();
    let model = kernels
        .kernelspecs()
        .model(name.as_str(), base_url.as_str())
        .await;
    model.map(Json).map_err(|error| missing_or(error, name))
}

/// A file of a kernelspec.
async fn resource(
    auth: Authorized<Read, Kernelspecs>,
    State(kernels): State<KernelManager>,
    State(pages): State<OwnPages>,
    Path(parameters): Path<BTreeMap<String, String>>,
    request: Request,
) -> Result<Response, ErrorAsPage> {
    let name = auth.resource();
    // Without a file it is the root of the route, where there is nothing.
    let file = parameters.get("file").map_or("", String::as_str);
    let in_page = |error: ApiError| ErrorAsPage::new(&pages, &error);
    let found = kernels.kernelspecs().resource(name.as_str(), file).await;
    let found = found.map_err(|error| in_page(missing_or(error, name)))?;
    let path = found.ok_or_else(|| in_page(ApiError::NotFound(NotFound::Json(String::new()))))?;
    let mut response = served_file::send(&path, &request.into_parts().0).await;
    let headers = response.headers_mut();
    headers.remove(CACHE_CONTROL);
    if file.to_ascii_lowercase().ends_with(".png") {
        headers.insert(CACHE_CONTROL, LOGO_CACHE);
    }
    Ok(response)
}

/// A kernelspec that is not there looks like one that is hidden.
fn missing_or(error: KernelError, name: &KernelspecName) -> ApiError {
    match error {
        KernelError::NoSuchKernelspec { .. } | KernelError::NoSuchProvisioner { .. } => {
            ApiError::NotFound(Kernelspecs::missing(name))
        }
        other => ApiError::Kernel(other),
    }
}

/// `{"python3": {…}, …}`.
fn by_name<S: Serializer>(kernelspecs: &[KernelspecModel], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(kernelspecs.iter().map(|model| (model.name.as_str(), model)))
}
