use std::sync::atomic::Ordering;

use minijinja::context;
use serde_json::json;

use super::render;
use crate::discover::FrontEnd;
use crate::page_config::{self, App, PagePermissions};
use crate::templates::PageConfigObject;
use crate::{Frontends, FrontendsError};

/// JupyterLab's two faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabMode {
    /// `/lab`: many documents side by side.
    MultipleDocument,
    /// `/doc`: one document.
    SingleDocument,
}

/// A page of JupyterLab.
#[derive(Debug, Clone, Copy)]
pub struct LabPage<'a> {
    /// Which face.
    pub mode: LabMode,
    /// The workspace in the URL; `default` when it names none.
    pub workspace: &'a str,
    /// The decoded path after `/tree/`; empty when there is none.
    pub tree_path: &'a str,
    /// The URL's path (with base URL) when it is none that JupyterLab knows: it then says so and goes home.
    pub not_found_url: Option<&'a str>,
}

impl Frontends {
    /// JupyterLab's page.
    ///
    /// # Errors
    /// When JupyterLab is not installed or its template is broken.
    pub async fn lab_page(
        &self,
        page: &LabPage<'_>,
        permissions: PagePermissions,
    ) -> Result<String, FrontendsError> {
        let shared = &self.shared;
        let lab = shared
            .installed
            .lab
            .as_ref()
            .ok_or_else(|| shared.installed.require(FrontEnd::Lab))?;
        let disk = self.disk_page_config().await?;
        let app = App {
            name: "JupyterLab",
            namespace: "lab",
            version: &lab.version,
            cache_files: false,
        };
        let mut config = page_config::common(&shared.config, &shared.installed, disk, &app, permissions);
        let mode = match page.mode {
            LabMode::MultipleDocument => "multiple-document",
            LabMode::SingleDocument => "single-document",
        };
        config.insert("mode".into(), json!(mode));
        config.insert("workspace".into(), json!(page.workspace));
        config.insert("treePath".into(), json!(page.tree_path));
        config.insert(
            "store_id".into(),
            json!(shared.lab_pages_rendered.fetch_add(1, Ordering::Relaxed)),
        );
        if let Some(url) = page.not_found_url {
            config.insert("notFoundUrl".into(), json!(url));
        }
        let context = context! {
            page_config => PageConfigObject::value(&config),
            base_url => &*shared.config.base_url,
            ws_url => &*shared.config.websocket_url,
            custom_css => false,
        };
        render(&shared.lab_templates, "index.html", context)
    }
}
