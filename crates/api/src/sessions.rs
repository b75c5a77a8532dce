//! `/api/sessions`: which document uses which kernel.

use authorization::{Authorized, Collection, Guard, GuardedRouter, Identified, Read, Unchecked, Write};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header::LOCATION};
use identity::BaseUrl;
use kernels::KernelManager;
use serde::{Deserialize, Deserializer, de::Error as _};
use sessions::{Changes, KernelChange, NewSession, Opened, SessionManager, SessionModel};

use crate::{
    ApiError, AppState, Json,
    kernels::may_start,
    resources::{Kernels, Sessions},
};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/api/sessions", list)
        .post("/api/sessions", open)
        .get("/api/sessions/{session_id}", get)
        .patch("/api/sessions/{session_id}", update)
        .delete("/api/sessions/{session_id}", delete)
}

/// The sessions the caller may see.
async fn list(auth: Identified, State(sessions): State<SessionManager>) -> Json<Vec<SessionModel>> {
    Json(
        auth.keep_allowed::<Read, Sessions, _>(sessions.list(), |session| session.id.clone())
            .await,
    )
}

/// One session.
async fn get(
    auth: Authorized<Read, Sessions>,
    State(sessions): State<SessionManager>,
) -> Result<Json<SessionModel>, ApiError> {
    Ok(Json(sessions.get(auth.resource())?))
}

/// What opens a session. Everything may be missing, so that each absence has the reference's own sentence.
#[derive(Deserialize)]
struct OpenBody {
    path: Option<String>,
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    kernel: Option<KernelBody>,
    notebook: Option<NotebookBody>,
}

/// Which kernel a session shall have; the id comes before the name.
#[derive(Default, Deserialize)]
struct KernelBody {
    #[serde(default, deserialize_with = "unless_empty")]
    id: Option<Unchecked<Kernels>>,
    name: Option<String>,
}

/// The old form, from before there were other documents than notebooks.
#[derive(Deserialize)]
struct NotebookBody {
    name: Option<String>,
    path: Option<String>,
}

/// Opens a session for a document: the one it has already, or a new one.
async fn open(
    auth: Authorized<Write, Collection<Sessions>>,
    State(sessions): State<SessionManager>,
    State(kernels): State<KernelManager>,
    State(base_url): State<BaseUrl>,
    Json(body): Json<Option<OpenBody>>,
) -> Result<Response, ApiError> {
    let body = body.ok_or_else(no_json)?;
    let (path, kind) = body.path_and_kind()?;
    let opened = match sessions.at_path(&path) {
        Some(existing) => Opened::Existing(existing),
        None => {
            let kernel = body.kernel.unwrap_or_default();
            let kernel_id = match kernel.id {
                // Ending the session will end the kernel.
                Some(id) => Some(auth.also::<Write, _>(id).await?),
                None => None,
            };
            if kernel_id.as_ref().is_none_or(|id| kernels.get(id).is_err()) {
                may_start(&auth).await?;
            }
            sessions
                .open(NewSession {
                    path,
                    name: body.name,
                    kind,
                    kernel_name: kernel.name,
                    kernel_id,
                })
                .await?
        }
    };
    let model = match opened {
        Opened::Existing(model) => {
            auth.also::<Read, Sessions>(Unchecked::new(model.id.clone()))
                .await?;
            model
        }
        Opened::OnRunningKernel(model) => {
            auth.claim::<Sessions>(&model.id).await?;
            model
        }
        Opened::WithNewKernel(model) => {
            auth.claim::<Sessions>(&model.id).await?;
            auth.claim::<Kernels>(&model.kernel.id).await?;
            model
        }
    };
    let location = base_url.join(&format!("api/sessions/{}", model.id));
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(model)).into_response())
}

impl OpenBody {
    /// The document's path and type, also from the old form.
    fn path_and_kind(&self) -> Result<(String, String), ApiError> {
        let missing = |field: &str| ApiError::BadRequest(format!("Missing field in JSON data: {field}"));
        let (path, kind) = match &self.notebook {
            Some(notebook) => {
                let path = notebook.name.as_ref().or(notebook.path.as_ref());
                (path.or(self.path.as_ref()), Some(NOTEBOOK.to_owned()))
            }
            None => (self.path.as_ref(), self.kind.clone()),
        };
        let path = path.cloned().ok_or_else(|| missing("path"))?;
        Ok((path, kind.ok_or_else(|| missing("type"))?))
    }
}

/// What changes a session. A `name` of null takes the name away, a missing one leaves it.
#[derive(Deserialize)]
struct UpdateBody {
    path: Option<String>,
    #[serde(default, deserialize_with = "present")]
    name: Option<Option<String>>,
    #[serde(rename = "type")]
    kind: Option<String>,
    kernel: Option<KernelBody>,
    notebook: Option<NotebookBody>,
}

/// Follows a document that was moved, or gives it another kernel and ends the one it had.
async fn update(
    auth: Authorized<Write, Sessions>,
    State(sessions): State<SessionManager>,
    Json(body): Json<Option<UpdateBody>>,
) -> Result<Json<SessionModel>, ApiError> {
    let body = body.ok_or_else(no_json)?;
    let before = sessions.get(auth.resource())?;
    let kernel = match body.kernel {
        Some(KernelBody { id: Some(id), .. }) => {
            Some(KernelChange::Running(auth.also::<Write, _>(id).await?))
        }
        Some(KernelBody {
            id: None,
            name: Some(name),
        }) => {
            may_start(&auth).await?;
            Some(KernelChange::Start(name))
        }
        Some(KernelBody { id: None, name: None }) | None => None,
    };
    if kernel.is_some() {
        // The one it has now will be shut down.
        auth.also::<Write, Kernels>(Unchecked::new(before.kernel.id.clone()))
            .await?;
    }
    let starts = matches!(kernel, Some(KernelChange::Start(_)));
    let old_form = body.notebook.and_then(|notebook| notebook.path);
    let kind = old_form.is_some().then(|| NOTEBOOK.to_owned()).or(body.kind);
    let changes = Changes {
        path: old_form.or(body.path),
        name: body.name,
        kind,
        kernel,
    };
    let after = sessions.update(auth.resource(), changes).await?;
    if after.kernel.id != before.kernel.id {
        auth.release::<Kernels>(&before.kernel.id).await?;
        if starts {
            auth.claim::<Kernels>(&after.kernel.id).await?;
        }
    }
    Ok(Json(after))
}

/// Ends a session and its kernel.
async fn delete(
    auth: Authorized<Write, Sessions>,
    State(sessions): State<SessionManager>,
) -> Result<StatusCode, ApiError> {
    let kernel = sessions.get(auth.resource())?.kernel.id;
    let kernel = auth.also::<Write, Kernels>(Unchecked::new(kernel)).await?;
    sessions.delete(auth.resource()).await?;
    auth.release::<Sessions>(auth.resource()).await?;
    auth.release::<Kernels>(&kernel).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The type of sessions in the old form.
const NOTEBOOK: &str = "notebook";

fn no_json() -> ApiError {
    ApiError::BadRequest("No JSON data provided".to_owned())
}

/// A kernel's id, unless it is empty, which front ends send for "none".
fn unless_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Unchecked<Kernels>>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty());
    text.map(|text| {
        text.parse()
            .map_err(|_| D::Error::custom(format!("`{text}` is no kernel id")))
    })
    .transpose()
}

/// Tells null from missing.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
