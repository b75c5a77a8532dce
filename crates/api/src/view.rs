//! `/view`: a page with the file in a frame that is cut off from the server's origin.

use authorization::{Authorized, Guard, GuardedRouter, Read, Resource};
use axum::{extract::State, response::Html};
use contents::ContentsManager;
use frontends::{OwnPages, ViewPage};
use identity::BaseUrl;

use crate::{ApiError, AppState, ErrorAsPage, files::Files, http_text::url_path};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard).get("/view/{*path}", get)
}

/// The page; 404 when there is no such file.
async fn get(
    auth: Authorized<Read, Files>,
    State(contents): State<ContentsManager>,
    State(base_url): State<BaseUrl>,
    State(pages): State<OwnPages>,
) -> Result<Html<String>, ErrorAsPage> {
    let path = auth.resource();
    let is_there = contents.is_shown_file(path).await;
    match is_there.map_err(|error| ErrorAsPage::new(&pages, &ApiError::Contents(error)))? {
        true => {
            let file_url = base_url.join(&format!("files/{}", url_path(path.as_str())));
            Ok(Html(pages.view_page(&ViewPage {
                title: path.name(),
                file_url: &file_url,
            })))
        }
        false => Err(ErrorAsPage::new(
            &pages,
            &ApiError::NotFound(Files::missing(path)),
        )),
    }
}
