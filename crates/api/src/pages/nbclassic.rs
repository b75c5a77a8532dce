//! NBClassic, below `/nbclassic`.

use authorization::{Anyone, Authorized, Guard, GuardedRouter, NotFound, Read};
use axum::extract::{OriginalUri, State};
use axum::response::{Html, IntoResponse, Response};
use contents::{ContentsManager, ContentsPath, EntryType};
use frontends::{FrontEnd, Frontends, NbclassicEdit, NbclassicNotebook, NbclassicTree, ViewPage};
use http::StatusCode;
use http::header::LOCATION;
use identity::BaseUrl;

use super::answer;
use crate::files::Files;
use crate::{ApiError, AppState, ErrorAsPage};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/nbclassic", start)
        .get("/nbclassic/tree/{*path}", tree)
        .get("/nbclassic/notebooks/{*path}", notebook)
        .get("/nbclassic/edit/{*path}", edit)
        .get("/nbclassic/view/{*path}", view)
}

async fn start(_anyone: Anyone, State(base_url): State<BaseUrl>) -> impl IntoResponse {
    (
        StatusCode::MOVED_PERMANENTLY,
        [(LOCATION, base_url.join("nbclassic/tree"))],
    )
}

/// A directory's files; a notebook and a file lead to their own pages, in NBClassic.
async fn tree(
    auth: Authorized<Read, Files>,
    State(frontends): State<Frontends>,
    State(contents): State<ContentsManager>,
    State(base_url): State<BaseUrl>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ErrorAsPage> {
    let path = auth.resource();
    match entry_type(&frontends, &contents, path).await? {
        EntryType::Directory => {
            let rendered = frontends.nbclassic_tree(&NbclassicTree { path: path.as_str() });
            answer::page(&auth, frontends.own_pages(), rendered)
        }
        EntryType::Notebook => Ok(answer::redirect(
            &base_url,
            &format!("nbclassic/notebooks/{path}"),
            &uri,
        )),
        EntryType::File => Ok(answer::redirect(&base_url, &format!("files/{path}"), &uri)),
    }
}

/// A notebook, which must exist; a file that is none is sent as it is.
async fn notebook(
    auth: Authorized<Read, Files>,
    State(frontends): State<Frontends>,
    State(contents): State<ContentsManager>,
    State(base_url): State<BaseUrl>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ErrorAsPage> {
    let path = auth.resource();
    match entry_type(&frontends, &contents, path).await? {
        EntryType::Notebook => {
            let rendered = frontends.nbclassic_notebook(&NbclassicNotebook { path: path.as_str() });
            answer::page(&auth, frontends.own_pages(), rendered)
        }
        EntryType::File => Ok(answer::redirect(&base_url, &format!("files/{path}"), &uri)),
        EntryType::Directory => Ok(answer::redirect(
            &base_url,
            &format!("nbclassic/tree/{path}"),
            &uri,
        )),
    }
}

/// A text file, which must exist.
async fn edit(
    auth: Authorized<Read, Files>,
    State(frontends): State<Frontends>,
    State(contents): State<ContentsManager>,
) -> Result<Response, ErrorAsPage> {
    let path = existing_file(&frontends, &contents, auth.resource()).await?;
    let rendered = frontends.nbclassic_edit(&NbclassicEdit { path: path.as_str() });
    answer::page(&auth, frontends.own_pages(), rendered)
}

/// A file in a sandboxed frame.
async fn view(
    auth: Authorized<Read, Files>,
    State(frontends): State<Frontends>,
    State(contents): State<ContentsManager>,
    State(base_url): State<BaseUrl>,
) -> Result<Response, ErrorAsPage> {
    let path = existing_file(&frontends, &contents, auth.resource()).await?;
    let file_url = base_url.join(&answer::encode(&format!("files/{path}")));
    let page = ViewPage {
        title: path.name(),
        file_url: &file_url,
    };
    Ok(Html(frontends.own_pages().view_page(&page)).into_response())
}

async fn existing_file<'a>(
    frontends: &Frontends,
    contents: &ContentsManager,
    path: &'a ContentsPath,
) -> Result<&'a ContentsPath, ErrorAsPage> {
    match entry_type(frontends, contents, path).await? {
        EntryType::File | EntryType::Notebook => Ok(path),
        EntryType::Directory => {
            let missing = ApiError::NotFound(NotFound::Json(format!("File does not exist: {path}")));
            Err(ErrorAsPage::new(frontends.own_pages(), &missing))
        }
    }
}

/// What a path is; without NBClassic there is nothing to show it in.
async fn entry_type(
    frontends: &Frontends,
    contents: &ContentsManager,
    path: &ContentsPath,
) -> Result<EntryType, ErrorAsPage> {
    let in_page = |error: ApiError| ErrorAsPage::new(frontends.own_pages(), &error);
    frontends
        .require(FrontEnd::Nbclassic)
        .map_err(|error| in_page(error.into()))?;
    super::entry_type(contents, path)
        .await
        .map_err(|error| in_page(error.into()))
}
