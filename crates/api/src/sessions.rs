//! `/api/sessions`: which document uses which kernel.

use authorization::{
    Authorized, Caller, Collection, Denied, Guard, GuardedRouter, Identified, Read, Resource, Unchecked,
    Write,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use contents::ContentsManager;
use http::{StatusCode, header::LOCATION};
use identity::BaseUrl;
use kernels::{KernelError, KernelId, KernelManager};
use serde::{Deserialize, Deserializer, de::Error as _};
use sessions::{
    Changes, KernelChange, KernelChoice, NewKernel, NewSession, SessionId, SessionManager, SessionModel,
    SessionsError, Turn,
};

use crate::{
    ApiError, AppState, Json, KernelQuota,
    contents::name::{Contents, ContentsName},
    kernel_directory::kernel_directory,
    kernels::may_start,
    merge::Merging,
    resources::{Kernels, Sessions},
    to_the_end::to_the_end,
};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/api/sessions", list)
        .post("/api/sessions", open)
        .get("/api/sessions/{session_id}", get)
        .patch("/api/sessions/{session_id}", update)
        .delete("/api/sessions/{session_id}", delete)
}

/// The sessions the caller may see: those whose kernel they may see too, since a session shows it.
async fn list(
    auth: Identified,
    State(sessions): State<SessionManager>,
    State(kernels): State<KernelManager>,
) -> Json<Vec<SessionModel>> {
    kernels.measure().await;
    let readable = auth
        .keep_allowed::<Read, Sessions, _>(sessions.list(), |session| session.id.clone())
        .await;
    Json(
        auth.keep_allowed::<Read, Kernels, _>(readable, |session| session.kernel.id.clone())
            .await,
    )
}

/// One session.
async fn get(
    auth: Authorized<Read, Sessions>,
    State(sessions): State<SessionManager>,
) -> Result<Json<SessionModel>, ApiError> {
    Ok(Json(shown(&auth, sessions.get(auth.resource())?).await?))
}

/// A session, if the caller may see its kernel. One whose kernel is hidden is hidden itself.
async fn shown(caller: &Caller, session: SessionModel) -> Result<SessionModel, ApiError> {
    let kernel = Unchecked::<Kernels>::new(session.kernel.id.clone());
    match caller.also::<Read, Kernels>(kernel).await {
        Ok(_) => Ok(session),
        Err(Denied::Hidden(_)) => Err(ApiError::NotFound(Sessions::missing(&session.id))),
        Err(refused) => Err(refused.into()),
    }
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
    State(contents): State<ContentsManager>,
    State(base_url): State<BaseUrl>,
    State(quota): State<KernelQuota>,
    Json(body): Json<Option<OpenBody>>,
) -> Result<Response, ApiError> {
    let body = body.ok_or_else(no_json)?;
    let (path, kind) = body.path_and_kind()?;
    let (path, kind, name) = (short(path)?, short(kind)?, body.name.map(short).transpose()?);
    may_name(&auth, &path).await?;
    let turn = sessions.turn(&path).await;
    let model = match sessions.at_path(&path) {
        Some(existing) => {
            auth.also::<Read, Sessions>(Unchecked::new(existing.id.clone()))
                .await?;
            shown(&auth, existing).await?
        }
        None => {
            let wanted = body.kernel.unwrap_or_default();
            let id = match wanted.id {
                // Ending the session will end the kernel.
                Some(id) => Some(auth.also::<Write, _>(id).await?),
                None => None,
            };
            let kernel = match id {
                Some(id) if kernels.get(&id).is_ok() => KernelChoice::Running(id),
                id => {
                    may_start(&auth).await?;
                    KernelChoice::Start(NewKernel {
                        id: id.unwrap_or_else(KernelId::random),
                        name: wanted.name,
                        directory: kernel_directory(&auth, &contents, &path).await?,
                    })
                }
            };
            let new = NewSession {
                id: SessionId::random(),
                name,
                kind,
                kernel,
            };
            to_the_end(open_owned(auth, quota, turn, new)).await?
        }
    };
    let location = base_url.join(&format!("api/sessions/{}", model.id));
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(model)).into_response())
}

/// Whether the caller may say that a session is about this document: outputs of its kernel may be written there, and who
/// opens the document is given this session. A path that names nothing beneath the root is that of no document.
async fn may_name(caller: &Caller, path: &str) -> Result<(), Denied> {
    let Ok(path) = path.parse() else {
        return Ok(());
    };
    let document = Unchecked::<Contents>::new(ContentsName::of(path));
    caller.also::<Read, Contents>(document).await?;
    Ok(())
}

/// Opens a session that is the caller's, and so is its kernel if it is new.
async fn open_owned(
    auth: Authorized<Write, Collection<Sessions>>,
    quota: KernelQuota,
    turn: Turn,
    new: NewSession,
) -> Result<SessionModel, ApiError> {
    let id = new.id.clone();
    let started = match &new.kernel {
        KernelChoice::Running(_) => None,
        KernelChoice::Start(kernel) => Some(kernel.id.clone()),
    };
    // Before the kernel runs, so that it is at no time nobody's.
    if let Some(kernel) = &started {
        quota.claim(&auth, kernel).await?;
    }
    auth.claim::<Sessions>(&id).await?;
    match turn.open(new).await {
        Ok(session) => Ok(session),
        Err(error) => {
            auth.release::<Sessions>(&id).await?;
            release_unstarted(&auth, started, &error).await?;
            Err(error.into())
        }
    }
}

/// Forgets whose a kernel would have been that was not started.
async fn release_unstarted(
    caller: &Caller,
    kernel: Option<KernelId>,
    error: &SessionsError,
) -> Result<(), ApiError> {
    match (error, kernel) {
        // Somebody was faster, and it is theirs.
        (SessionsError::Start(KernelError::DuplicateKernel { .. }), _) | (_, None) => Ok(()),
        (_, Some(kernel)) => Ok(caller.release::<Kernels>(&kernel).await?),
    }
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
    kernel: Option<KernelUpdateBody>,
    notebook: Option<NotebookBody>,
}

/// Which kernel a session shall have instead. The id is a plain text: what is no id is the id of no kernel.
#[derive(Deserialize)]
struct KernelUpdateBody {
    id: Option<String>,
    name: Option<String>,
}

/// Follows a document that was moved, or gives it another kernel and ends the one it had.
async fn update(
    auth: Authorized<Write, Sessions>,
    State(sessions): State<SessionManager>,
    State(contents): State<ContentsManager>,
    State(quota): State<KernelQuota>,
    State(kernels): State<KernelManager>,
    State(merging): State<Merging>,
    Json(body): Json<Option<UpdateBody>>,
) -> Result<Json<SessionModel>, ApiError> {
    let body = body.ok_or_else(no_json)?;
    let before = shown(&auth, sessions.get(auth.resource())?).await?;
    let to = match body.kernel {
        Some(KernelUpdateBody { id: Some(id), .. }) if !id.is_empty() => {
            let id: Unchecked<Kernels> = id
                .parse()
                .map_err(|_| ApiError::BadRequest(format!("No such kernel: {id}")))?;
            Some(KernelChoice::Running(auth.also::<Write, _>(id).await?))
        }
        Some(KernelUpdateBody { name: Some(name), .. }) => {
            may_start(&auth).await?;
            Some(KernelChoice::Start(NewKernel {
                id: KernelId::random(),
                name: Some(name),
                directory: kernel_directory(&auth, &contents, &before.path).await?,
            }))
        }
        Some(KernelUpdateBody { name: None, .. }) | None => None,
    };
    let kernel = match to {
        Some(to) => Some(KernelChange {
            // The one it has now will be shut down.
            from: auth
                .also::<Write, Kernels>(Unchecked::new(before.kernel.id))
                .await?,
            to,
        }),
        None => None,
    };
    if let Some(KernelChange { from, to }) = &kernel
        && !matches!(to, KernelChoice::Running(to) if to == from)
        && let Ok(kernel) = kernels.get(from)
    {
        merging.before_ending(&auth, &kernel).await;
    }
    let old_form = body.notebook.and_then(|notebook| notebook.path);
    let kind = old_form.is_some().then(|| NOTEBOOK.to_owned()).or(body.kind);
    let path = old_form.or(body.path).map(short).transpose()?;
    if let Some(path) = &path {
        may_name(&auth, path).await?;
    }
    let directory = match kernel_directory(&auth, &contents, path.as_ref().unwrap_or(&before.path)).await {
        Ok(directory) => directory,
        // A session's path need be none.
        Err(ApiError::BadRequest(_)) => String::new(),
        Err(error) => return Err(error),
    };
    let changes = Changes {
        directory: Some(directory),
        path,
        name: body.name.map(|name| name.map(short).transpose()).transpose()?,
        kind: kind.map(short).transpose()?,
        kernel,
    };
    Ok(Json(
        to_the_end(update_owned(auth, sessions, quota, changes)).await?,
    ))
}

/// Changes a session; a kernel that is started for it is the caller's.
async fn update_owned(
    auth: Authorized<Write, Sessions>,
    sessions: SessionManager,
    quota: KernelQuota,
    changes: Changes,
) -> Result<SessionModel, ApiError> {
    let (from, started) = match &changes.kernel {
        None => (None, None),
        Some(KernelChange { from, to }) => match to {
            KernelChoice::Running(to) => ((from != to).then(|| from.clone()), None),
            KernelChoice::Start(new) => (Some(from.clone()), Some(new.id.clone())),
        },
    };
    if let (Some(kernel), Some(ending)) = (&started, &from) {
        quota.claim_instead(&auth, kernel, ending).await?;
    }
    match sessions.update(auth.resource(), changes).await {
        Ok(session) => {
            if let Some(ended) = from {
                auth.release::<Kernels>(&ended).await?;
            }
            Ok(session)
        }
        Err(error) => {
            release_unstarted(&auth, started, &error).await?;
            Err(error.into())
        }
    }
}

/// Ends a session and its kernel.
async fn delete(
    auth: Authorized<Write, Sessions>,
    State(sessions): State<SessionManager>,
    State(kernels): State<KernelManager>,
    State(merging): State<Merging>,
) -> Result<StatusCode, ApiError> {
    let session = shown(&auth, sessions.get(auth.resource())?).await?;
    let kernel = Unchecked::new(session.kernel.id);
    let kernel = auth.also::<Write, Kernels>(kernel).await?;
    if let Ok(kernel) = kernels.get(&kernel) {
        merging.before_ending(&auth, &kernel).await;
    }
    to_the_end(async move {
        sessions.delete(auth.resource(), &kernel).await?;
        auth.release::<Sessions>(auth.resource()).await?;
        auth.release::<Kernels>(&kernel).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// The longest path, name or type of a session, in bytes: as long as a path can be.
const TEXT_BYTES_MAX: usize = contents::PATH_BYTES_MAX;

/// A text of a session, which becomes part of its kernel's environment.
fn short(text: String) -> Result<String, ApiError> {
    let bad = |why: &str| Err(ApiError::BadRequest(format!("A path, name or type {why}")));
    if text.len() > TEXT_BYTES_MAX {
        return bad(&format!("is longer than {TEXT_BYTES_MAX} bytes"));
    }
    if text.contains('\0') {
        return bad("has a NUL in it");
    }
    Ok(text)
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
