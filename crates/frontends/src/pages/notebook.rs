use minijinja::context;
use serde_json::json;

use super::render;
use crate::discover::FrontEnd;
use crate::page_config::{self, App, PagePermissions};
use crate::templates::PageConfigObject;
use crate::{Frontends, FrontendsError};

/// A page of Notebook 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotebookPage<'a> {
    /// `/tree`: a directory, by its path below the root without slashes at its ends.
    Tree(&'a str),
    /// `/notebooks/…`
    Notebooks,
    /// `/edit/…`
    Edit,
    /// `/consoles/…`
    Consoles,
    /// `/terminals/…`
    Terminals,
}

impl NotebookPage<'_> {
    fn template(self) -> &'static str {
        match self {
            NotebookPage::Tree(_) => "tree.html",
            NotebookPage::Notebooks => "notebooks.html",
            NotebookPage::Edit => "edit.html",
            NotebookPage::Consoles => "consoles.html",
            NotebookPage::Terminals => "terminals.html",
        }
    }
}

impl Frontends {
    /// A page of Notebook 7; which document it shows it reads from the address itself.
    ///
    /// # Errors
    /// When Notebook 7 is not installed or its template is broken.
    pub async fn notebook_page(
        &self,
        page: NotebookPage<'_>,
        permissions: PagePermissions,
    ) -> Result<String, FrontendsError> {
        let shared = &self.shared;
        let notebook = shared
            .installed
            .notebook
            .as_ref()
            .ok_or_else(|| shared.installed.require(FrontEnd::Notebook))?;
        let disk = self.disk_page_config().await?;
        let app = App {
            name: "Jupyter Notebook",
            namespace: "notebook",
            version: &notebook.version,
            cache_files: true,
        };
        let mut config = page_config::common(&shared.config, &shared.installed, disk, &app, permissions);
        config.insert("frontendUrl".into(), json!(shared.config.base_url));
        if let NotebookPage::Tree(path) = page {
            config.insert("treePath".into(), json!(path));
        }
        let context = context! {
            page_config => PageConfigObject::value(&config),
            base_url => &*shared.config.base_url,
            ws_url => &*shared.config.websocket_url,
            custom_css => true,
        };
        render(&shared.notebook_templates, page.template(), context)
    }
}
