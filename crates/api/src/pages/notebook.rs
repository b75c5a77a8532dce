//! Notebook 7: `/tree`, `/notebooks`, `/edit`, `/consoles`, `/terminals`.
//!
//! Where it is not installed these addresses lead to NBClassic, which had them before.

use authorization::{Authorized, Caller, Guard, GuardedRouter, Read};
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use contents::{ContentsManager, EntryType};
use frontends::{FrontEnd, Frontends, NotebookPage};
use identity::BaseUrl;

use super::{answer, permissions::of_page};
use crate::files::Files;
use crate::resources::Server;
use crate::{ApiError, AppState, ErrorAsPage};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/tree/{*path}", tree)
        .get("/notebooks/{*path}", notebooks)
        .get("/edit/{*path}", edit)
        .get("/consoles/{*path}", consoles)
        .get("/terminals/{*path}", terminals)
        .note("minimal so far: the page; there are no terminals")
}

/// A directory's files; a notebook and a file lead to their own pages.
async fn tree(
    auth: Authorized<Read, Files>,
    State(frontends): State<Frontends>,
    State(contents): State<ContentsManager>,
    State(base_url): State<BaseUrl>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ErrorAsPage> {
    let path = auth.resource();
    if leads_to_nbclassic(&frontends) {
        return Ok(answer::redirect(
            &base_url,
            &format!("nbclassic/tree/{path}"),
            &uri,
        ));
    }
    let entry = super::entry_type(&contents, path).await;
    match entry.map_err(|error| ErrorAsPage::new(frontends.own_pages(), &ApiError::from(error)))? {
        EntryType::Directory => page(&auth, &frontends, NotebookPage::Tree(path.as_str())).await,
        EntryType::Notebook => Ok(answer::redirect(&base_url, &format!("notebooks/{path}"), &uri)),
        EntryType::File => Ok(answer::redirect(&base_url, &format!("files/{path}"), &uri)),
    }
}

/// A notebook, whether or not it exists: the page says so itself.
async fn notebooks(
    auth: Authorized<Read, Files>,
    State(frontends): State<Frontends>,
    State(contents): State<ContentsManager>,
    State(base_url): State<BaseUrl>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ErrorAsPage> {
    let path = auth.resource();
    if leads_to_nbclassic(&frontends) {
        return Ok(answer::redirect(
            &base_url,
            &format!("nbclassic/notebooks/{path}"),
            &uri,
        ));
    }
    if contents.is_directory(path).await.unwrap_or(false) {
        return Ok(answer::redirect(&base_url, &format!("tree/{path}"), &uri));
    }
    page(&auth, &frontends, NotebookPage::Notebooks).await
}

async fn edit(
    auth: Authorized<Read, Files>,
    State(frontends): State<Frontends>,
    State(base_url): State<BaseUrl>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ErrorAsPage> {
    if leads_to_nbclassic(&frontends) {
        return Ok(answer::redirect(
            &base_url,
            &format!("nbclassic/edit/{}", auth.resource()),
            &uri,
        ));
    }
    page(&auth, &frontends, NotebookPage::Edit).await
}

async fn consoles(
    auth: Authorized<Read, Server>,
    State(frontends): State<Frontends>,
) -> Result<Response, ErrorAsPage> {
    page(&auth, &frontends, NotebookPage::Consoles).await
}

async fn terminals(
    auth: Authorized<Read, Server>,
    State(frontends): State<Frontends>,
) -> Result<Response, ErrorAsPage> {
    page(&auth, &frontends, NotebookPage::Terminals).await
}

async fn page(
    caller: &Caller,
    frontends: &Frontends,
    page: NotebookPage<'_>,
) -> Result<Response, ErrorAsPage> {
    let rendered = frontends.notebook_page(page, of_page(caller).await).await;
    answer::page(caller, frontends.own_pages(), rendered)
}

fn leads_to_nbclassic(frontends: &Frontends) -> bool {
    !frontends.has(FrontEnd::Notebook) && frontends.has(FrontEnd::Nbclassic)
}
