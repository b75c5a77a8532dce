//! Directories under a policy: a listing shows only what a `get` would show, and what happens to a directory happens
//! to all that is in it.

use authorization::{Act, Authorized, Caller, Covers, Denied, Read};
use contents::{Content, ContentsManager, ContentsModel, ContentsPath, Page, ShownName};

use super::name::{Contents, ContentsName, ReadContents};
use crate::ApiError;

/// The model without the entries the caller may not read.
pub(super) async fn only_allowed(
    auth: &Authorized<Read, ReadContents>,
    mut model: ContentsModel,
) -> ContentsModel {
    model.content = match model.content.take() {
        Some(Content::Directory(entries)) => Some(Content::Directory(
            readable(auth, entries, |entry| &entry.path).await,
        )),
        content => content,
    };
    model
}

/// A page of what the caller may read: what is left out is not counted either.
pub(super) async fn allowed_page(
    auth: &Authorized<Read, ReadContents>,
    contents: &ContentsManager,
    page: Page,
) -> Result<ContentsModel, ApiError> {
    let directory = auth.resource().entry();
    let names = contents.shown_names(directory).await?;
    let names = readable(auth, names, ShownName::path).await;
    Ok(contents.page(directory, names, page).await?)
}

async fn readable<T>(
    auth: &Authorized<Read, ReadContents>,
    entries: Vec<T>,
    path: impl Fn(&T) -> &ContentsPath,
) -> Vec<T> {
    match auth.covers::<Read, ReadContents>(auth.resource()).await {
        Covers::All => entries,
        Covers::None => Vec::new(),
        Covers::Each => {
            let name = |entry: &T| ContentsName::of(path(entry).clone());
            auth.keep_allowed::<Read, ReadContents, _>(entries, name).await
        }
    }
}

/// Refuses unless the caller may do `A` to all that lies in `path`, should it be a directory.
pub(super) async fn whole_tree<A: Act>(
    caller: &Caller,
    contents: &ContentsManager,
    path: &ContentsPath,
) -> Result<(), ApiError> {
    if !contents.is_directory(path).await? {
        return Ok(());
    }
    match caller
        .covers::<A, Contents>(&ContentsName::of(path.clone()))
        .await
    {
        Covers::All => Ok(()),
        Covers::None | Covers::Each => Err(ApiError::Denied(Denied::Forbidden {
            message: format!(
                "User is not authorized to {} all of the directory {path}.",
                A::ACTION
            ),
        })),
    }
}
