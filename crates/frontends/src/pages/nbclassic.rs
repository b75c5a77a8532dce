use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use minijinja::context;
use minijinja::value::{Kwargs, Rest, Value};
use minijinja::{Environment, Error, ErrorKind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::render;
use crate::discover::FrontEnd;
use crate::page_config::below;
use crate::{Frontends, FrontendsError, static_files};

/// A directory in NBClassic.
#[derive(Debug, Clone, Copy)]
pub struct NbclassicTree<'a> {
    /// The directory's path below the root, without slashes at its ends.
    pub path: &'a str,
}

/// A notebook in NBClassic.
#[derive(Debug, Clone, Copy)]
pub struct NbclassicNotebook<'a> {
    /// The notebook's path below the root.
    pub path: &'a str,
}

/// A text file in NBClassic.
#[derive(Debug, Clone, Copy)]
pub struct NbclassicEdit<'a> {
    /// The file's path below the root.
    pub path: &'a str,
}

/// What the scripts look for in the texts of their menus. NBClassic's own translations of them are never read by
/// the reference either.
const NO_TRANSLATIONS: &str = r#"{"domain": "nbjs", "locale_data": {"nbjs": {"": {"domain": "nbjs"}}}}"#;

impl Frontends {
    /// The list of a directory's files.
    ///
    /// # Errors
    /// When NBClassic is not installed or its template is broken.
    pub fn nbclassic_tree(&self, page: &NbclassicTree<'_>) -> Result<String, FrontendsError> {
        let config = &self.shared.config;
        self.nbclassic_page(
            "tree.html",
            context! {
                page_title => title_of_directory(page.path),
                notebook_path => page.path,
                breadcrumbs => breadcrumbs(&self.nbclassic_url("/tree"), page.path),
                terminals_available => config.terminals_available,
                server_root => config.root_dir.to_string_lossy(),
                shutdown_button => config.quit_button,
            },
        )
    }

    /// A notebook.
    ///
    /// # Errors
    /// When NBClassic is not installed or its template is broken.
    pub fn nbclassic_notebook(&self, page: &NbclassicNotebook<'_>) -> Result<String, FrontendsError> {
        self.nbclassic_page(
            "notebook.html",
            context! {
                notebook_path => page.path,
                notebook_name => file_name(page.path),
                kill_kernel => false,
                mathjax_url => self.nbclassic_static_url("components/MathJax/MathJax.js"),
                mathjax_config => "TeX-AMS-MML_HTMLorMML-full,Safe",
                get_frontend_exporters => Value::from_function(Vec::<Value>::new),
            },
        )
    }

    /// A text file.
    ///
    /// # Errors
    /// When NBClassic is not installed or its template is broken.
    pub fn nbclassic_edit(&self, page: &NbclassicEdit<'_>) -> Result<String, FrontendsError> {
        let name = file_name(page.path);
        self.nbclassic_page(
            "edit.html",
            context! {
                file_path => escape_path(page.path),
                basename => name,
                page_title => format!("{name} (editing)"),
            },
        )
    }

    fn nbclassic_page(&self, template: &str, page: Value) -> Result<String, FrontendsError> {
        let shared = &self.shared;
        if shared.installed.nbclassic.is_none() {
            return Err(shared.installed.require(FrontEnd::Nbclassic));
        }
        let server_version = shared
            .installed
            .jupyter_server
            .as_ref()
            .map_or("unknown", |package| package.version.as_str());
        let sys_info = json!({ "jupyter_server_version": server_version, "sys_version": "" });
        let context = context! {
            base_url => &*shared.config.base_url,
            ws_url => &*shared.config.websocket_url,
            // Where the logo leads.
            default_url => self.nbclassic_url("/tree"),
            logged_in => true,
            login_available => shared.config.login_available,
            token_available => false,
            allow_password_change => false,
            auth_enabled => shared.config.login_available,
            token => "",
            contents_js_source => "services/contents",
            version_hash => &*shared.version_hash,
            // These two are printed into scripts unescaped.
            nbjs_translations => NO_TRANSLATIONS,
            sys_info => sys_info.to_string().replace('<', "\\u003c"),
            show_banner => true,
            ..page
        };
        render(&shared.nbclassic_templates, template, context)
    }

    fn nbclassic_url(&self, path: &str) -> String {
        below(&self.shared.config.base_url, &format!("/nbclassic{path}"))
    }

    fn nbclassic_static_url(&self, path: &str) -> String {
        below(&self.shared.config.base_url, &format!("/static/nbclassic/{path}"))
    }
}

/// Gives the templates `nbclassic_path()` and `static_url(path, include_version=True)`.
pub(crate) fn add_functions(engine: &mut Environment<'static>, base_url: &str, static_dirs: Vec<PathBuf>) {
    engine.add_function("nbclassic_path", || "/nbclassic");
    let prefix = below(base_url, "/static/nbclassic/");
    engine.add_function(
        "static_url",
        move |path: String, rest: Rest<Value>, options: Kwargs| {
            if !rest.is_empty() {
                return Err(Error::from(ErrorKind::TooManyArguments));
            }
            let with_version = options.get::<Option<bool>>("include_version")?.unwrap_or(true);
            options.assert_all_used()?;
            let version = if with_version {
                version_of_file(&static_dirs, &path)
            } else {
                None
            };
            Ok(match version {
                Some(version) => format!("{prefix}{path}?v={version}"),
                None => format!("{prefix}{path}"),
            })
        },
    );
}

/// Changes when the file changes, so that browsers may keep it. The reference hashes the file on each start; the
/// time of its last change says the same.
fn version_of_file(static_dirs: &[PathBuf], path: &str) -> Option<String> {
    let metadata = std::fs::metadata(static_files::find(static_dirs, path)?).ok()?;
    Some(format!("{:x}{:x}", metadata.mtime(), metadata.mtime_nsec()))
}

/// The root and each directory on the way, as (URL, name).
fn breadcrumbs(tree_url: &str, path: &str) -> Vec<(String, String)> {
    let mut crumbs = vec![(tree_url.to_owned(), String::new())];
    let mut url = tree_url.to_owned();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        url = format!("{url}/{}", escape_path(part));
        crumbs.push((url.clone(), part.to_owned()));
    }
    crumbs
}

/// The last two directories of the path, with a slash; `Home` for the root.
fn title_of_directory(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let skipped = if parts.len() > 3 { parts.len() - 2 } else { 0 };
    match parts.get(skipped..) {
        Some([]) | None => "Home".to_owned(),
        Some(last) => format!("{}/", last.join("/")),
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What stays as it is in the path of a URL.
const URL_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~');

fn escape_path(path: &str) -> String {
    utf8_percent_encode(path, URL_PATH).to_string()
}

#[cfg(test)]
mod tests {
    use super::{breadcrumbs, title_of_directory};

    #[test]
    fn titles_and_breadcrumbs_follow_the_path() {
        assert_eq!(title_of_directory(""), "Home");
        assert_eq!(title_of_directory("a/b"), "a/b/");
        assert_eq!(title_of_directory("a/b/c/d"), "c/d/");
        let crumbs = breadcrumbs("/x/nbclassic/tree", "a b/ü");
        let expected = [
            ("/x/nbclassic/tree", ""),
            ("/x/nbclassic/tree/a%20b", "a b"),
            ("/x/nbclassic/tree/a%20b/%C3%BC", "ü"),
        ];
        assert_eq!(
            crumbs,
            expected.map(|(url, name)| (url.to_owned(), name.to_owned()))
        );
    }
}
