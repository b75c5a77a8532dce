//! `jupyter-config-data`: what the server tells JupyterLab and Notebook 7 in the page itself.
//!
//! The reference keeps one dictionary for all pages, so that one page's values leak into another's. Here it is made
//! afresh for every page. It holds no token: cookie and `_xsrf` are enough, and a token in a page is a secret in
//! every browser that sees it.

mod disk;
mod restrictions;

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::FrontendsConfig;
use crate::discover::Installed;
pub(crate) use disk::DiskPageConfig;
pub use restrictions::PagePermissions;

/// Reported as `notebookVersion` when the Python server is not there to say its own. The front ends read abilities
/// from it: below 4 means "Jupyter Server", and from 2.18 on HTML export asks about sanitizing.
const SERVER_VERSION: [u64; 3] = [2, 18, 0];

/// The `…Url` values: without the base URL, and with it as `full…Url`.
const URLS: [(&str, &str); 9] = [
    ("appUrl", "/lab"),
    ("treeUrl", "/lab/tree"),
    ("labextensionsUrl", "/lab/extensions"),
    ("settingsUrl", "/lab/api/settings"),
    ("workspacesApiUrl", "/lab/api/workspaces"),
    ("listingsUrl", "/lab/api/listings"),
    ("themesUrl", "/lab/api/themes"),
    ("licensesUrl", "/lab/api/licenses"),
    ("translationsApiUrl", "/lab/api/translations"),
];

/// Which application a page is of.
pub(crate) struct App<'a> {
    pub name: &'static str,
    pub namespace: &'static str,
    pub version: &'a str,
    pub cache_files: bool,
}

/// What JupyterLab and Notebook 7 share; `page` adds what is its own.
pub(crate) fn common(
    config: &FrontendsConfig,
    installed: &Installed,
    disk: DiskPageConfig,
    app: &App<'_>,
    permissions: PagePermissions,
) -> Map<String, Value> {
    let base_url = config.base_url.as_str();
    let mut page = Map::new();
    for (key, url) in URLS {
        page.insert(key.into(), json!(url));
        page.insert(full(key), json!(below(base_url, url)));
    }
    let root = config.root_dir.to_string_lossy();
    let preferred = config.preferred_dir.trim_matches('/');
    let own = json!({
        "baseUrl": base_url,
        "wsUrl": config.websocket_url,
        "token": "",
        "appName": app.name,
        "appNamespace": app.namespace,
        "appVersion": app.version,
        "fullStaticUrl": below(base_url, &format!("/static/{}", app.namespace)),
        "fullMathjaxUrl": below(base_url, "/static/nbclassic/components/MathJax/MathJax.js"),
        "mathjaxConfig": "TeX-AMS-MML_HTMLorMML-full,Safe",
        "ignorePlugins": [],
        "workspace": "default",
        "treePath": "",
        "preferredPath": if preferred.is_empty() { "/" } else { preferred },
        "serverRoot": root,
        "rootUri": file_uri(&config.root_dir),
        "virtualDocumentsUri": file_uri(&config.root_dir.join(".virtual_documents")),
        "terminalsAvailable": config.terminals_available,
        "notebookVersion": server_version(installed),
        "quitButton": config.quit_button,
        "allow_hidden_files": config.allow_hidden_files,
        "delete_to_trash": config.delete_to_trash,
        // Nothing is built here: without these two no front end asks.
        "buildAvailable": false,
        "buildCheck": false,
        "devMode": false,
        "exposeAppInBrowser": config.expose_app_in_browser,
        "extensionManager": { "name": "read-only", "can_install": false, "install_path": null },
        "news": { "disabled": false },
        "nbclassic_enabled": installed.nbclassic.is_some(),
        "notebookStartsKernel": true,
        "copyAbsolutePath": false,
        "cacheFiles": app.cache_files,
    });
    if let Value::Object(own) = own {
        page.extend(own);
    }
    // Front ends have a list of their own.
    if !config.untracked_message_types.is_empty() {
        let untracked = config.untracked_message_types.clone();
        page.insert("untracked_message_types".to_owned(), untracked.into());
    }
    disk.add_to(&mut page);
    permissions.restrict(&mut page, app);
    page
}

/// `settingsUrl` → `fullSettingsUrl`.
fn full(key: &str) -> String {
    let mut characters = key.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    std::iter::once("full".to_owned())
        .chain(first.map(String::from))
        .chain([characters.collect()])
        .collect()
}

/// A path of ours below the base URL; `/` at both ends of `base_url` and at the beginning of `path`.
pub(crate) fn below(base_url: &str, path: &str) -> String {
    format!("{}{path}", base_url.trim_end_matches('/'))
}

/// What stays as it is in a file URI.
const URI_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~');

fn file_uri(path: &Path) -> String {
    format!(
        "file://{}",
        utf8_percent_encode(&path.to_string_lossy(), URI_PATH)
    )
}

/// The version as the front ends read it: a string that holds a JSON list.
fn server_version(installed: &Installed) -> String {
    let stated = installed
        .jupyter_server
        .as_ref()
        .map(|package| package.version.as_str())
        .unwrap_or_default();
    let numbers: Vec<u64> = stated.split('.').map_while(|part| part.parse().ok()).collect();
    let numbers = if numbers.len() < 3 {
        SERVER_VERSION.to_vec()
    } else {
        numbers
    };
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    format!("[{}]", numbers.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{below, file_uri, full};
    use std::path::Path;

    #[test]
    fn urls_stand_below_the_base_url() {
        assert_eq!(below("/", "/lab"), "/lab");
        assert_eq!(below("/a%40b/", "/lab"), "/a%40b/lab");
        assert_eq!(full("settingsUrl"), "fullSettingsUrl");
        assert_eq!(file_uri(Path::new("/a b/ü")), "file:///a%20b/%C3%BC");
    }
}
