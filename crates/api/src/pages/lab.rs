//! JupyterLab: `/lab` and `/doc`.

use authorization::{Authorized, Guard, GuardedRouter, NotFound, Read};
use axum::extract::{OriginalUri, Path, State};
use axum::response::Response;
use frontends::{Frontends, LabMode, LabPage};
use identity::BaseUrl;

use super::{answer, permissions::of_page};
use crate::resources::Server;
use crate::{ApiError, AppState, ErrorAsPage};

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/lab/{*page}", lab)
        .get("/doc/{*page}", doc)
}

/// The page for any address below `/lab`; for one it does not know JupyterLab itself says so.
async fn lab(
    auth: Authorized<Read, Server>,
    State(frontends): State<Frontends>,
    State(base_url): State<BaseUrl>,
    OriginalUri(uri): OriginalUri,
    page: Option<Path<String>>,
) -> Result<Response, ErrorAsPage> {
    if uri.path().ends_with('/') {
        return Ok(answer::without_slash(&base_url, &uri));
    }
    let rest = page.map(|Path(page)| page).unwrap_or_default();
    let not_found_url = base_url.join(uri.path());
    let address = LabAddress::parse(&rest);
    let page = LabPage {
        mode: LabMode::MultipleDocument,
        workspace: address.map_or("default", |address| address.workspace),
        tree_path: address.map_or("", |address| address.tree_path),
        not_found_url: address.is_none().then_some(not_found_url.as_str()),
    };
    let rendered = frontends.lab_page(&page, of_page(&auth).await).await;
    answer::page(&auth, frontends.own_pages(), rendered)
}

/// One document at a time.
async fn doc(
    auth: Authorized<Read, Server>,
    State(frontends): State<Frontends>,
    State(base_url): State<BaseUrl>,
    OriginalUri(uri): OriginalUri,
    page: Option<Path<String>>,
) -> Result<Response, ErrorAsPage> {
    if uri.path().ends_with('/') {
        return Ok(answer::without_slash(&base_url, &uri));
    }
    let rest = page.map(|Path(page)| page).unwrap_or_default();
    let Some(LabAddress { workspace, tree_path }) = LabAddress::parse(&rest) else {
        let missing = ApiError::NotFound(NotFound::Json(String::new()));
        return Err(ErrorAsPage::new(frontends.own_pages(), &missing));
    };
    let page = LabPage {
        mode: LabMode::SingleDocument,
        workspace,
        tree_path,
        not_found_url: None,
    };
    let rendered = frontends.lab_page(&page, of_page(&auth).await).await;
    answer::page(&auth, frontends.own_pages(), rendered)
}

/// What follows `/lab`: `[workspaces/<name>][/tree/<path>]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LabAddress<'a> {
    workspace: &'a str,
    tree_path: &'a str,
}

impl<'a> LabAddress<'a> {
    /// `None` for an address that JupyterLab does not know.
    fn parse(rest: &'a str) -> Option<LabAddress<'a>> {
        let (workspace, rest) = match rest.strip_prefix("workspaces/") {
            Some(named) => named.split_once('/').unwrap_or((named, "")),
            None => ("default", rest),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if workspace.is_empty() || !workspace.chars().all(is_name) {
            return None;
        }
        match rest {
            "" | "tree" => Some(LabAddress {
                workspace,
                tree_path: "",
            }),
            _ => rest
                .strip_prefix("tree/")
                .map(|tree_path| LabAddress { workspace, tree_path }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LabAddress;

    fn check(rest: &str, expected: Option<(&str, &str)>) {
        let expected = expected.map(|(workspace, tree_path)| LabAddress { workspace, tree_path });
        assert_eq!(LabAddress::parse(rest), expected, "{rest}");
    }

    #[test]
    fn addresses_are_workspaces_and_paths() {
        check("", Some(("default", "")));
        check("tree/a b/c.ipynb", Some(("default", "a b/c.ipynb")));
        check("workspaces/a-B_1", Some(("a-B_1", "")));
        check("workspaces/a/tree/b", Some(("a", "b")));
        check("workspaces/", None);
        check("workspaces/a b", None);
        check("workspaces/a/b", None);
        check("elsewhere", None);
        check("treehouse", None);
    }
}
