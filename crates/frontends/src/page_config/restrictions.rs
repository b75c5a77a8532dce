//! Pages for those who may not change everything.
//!
//! A front end that is told 403 when it keeps its own state shows an error dialog for some of its commands. The
//! plugins that own these commands are left out of the page then, and the user is told once, in words. What was
//! tried and how the front ends answer: `docs/frontends.md`.

use serde_json::{Map, Value, json};

use super::App;

/// What the user of a page may do, as far as the page cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PagePermissions {
    /// Write files.
    pub write_contents: bool,
    /// Run code.
    pub execute_kernels: bool,
    /// Keep settings on the server.
    pub write_settings: bool,
    /// Keep workspaces on the server.
    pub write_workspaces: bool,
    /// Enable and disable extensions.
    pub write_extensions: bool,
}

/// Plugins whose commands would end in an error dialog, by what they need.
const SETTINGS_PLUGINS: &[&str] = &["@jupyterlab/settingeditor-extension"];
const WORKSPACES_PLUGINS: &[&str] = &["@jupyterlab/workspaces-extension"];
const EXTENSIONS_PLUGINS: &[&str] = &[
    "@jupyterlab/extensionmanager-extension",
    "@jupyterlab/pluginmanager-extension",
];

impl PagePermissions {
    /// Of a user who may do everything.
    pub const ALL: PagePermissions = PagePermissions {
        write_contents: true,
        execute_kernels: true,
        write_settings: true,
        write_workspaces: true,
        write_extensions: true,
    };

    /// A sentence about what will not work; `None` when everything does.
    #[must_use]
    pub fn notice(self) -> Option<&'static str> {
        match (self.write_contents, self.execute_kernels) {
            (false, false) => {
                Some("You may look at everything here, but nothing can be run, created or saved.")
            }
            (false, true) => Some("You may run code here, but nothing can be saved."),
            (true, false) => Some("You may change files here, but no code can be run."),
            (true, true) if !self.write_settings => Some("Settings are not kept here."),
            (true, true) => None,
        }
    }

    /// One or two words for the window's title.
    fn label(self) -> Option<&'static str> {
        match (self.write_contents, self.execute_kernels) {
            (false, false) => Some("read-only"),
            (false, true) => Some("not saving"),
            (true, false) => Some("not running"),
            (true, true) => None,
        }
    }

    /// Leaves out of the page what would only end in errors, and marks its title.
    pub(super) fn restrict(self, page: &mut Map<String, Value>, app: &App<'_>) {
        if let (Some(label), Some(name)) = (self.label(), page.get("appName").and_then(Value::as_str)) {
            let name = format!("{name} ({label})");
            page.insert("appName".into(), json!(name));
        }
        let unusable = [
            // Notebook 7's file list fails without the settings editor: there it stays, and says so when it cannot save.
            (
                self.write_settings || app.namespace == "notebook",
                SETTINGS_PLUGINS,
            ),
            (self.write_workspaces, WORKSPACES_PLUGINS),
            (self.write_extensions, EXTENSIONS_PLUGINS),
        ];
        let unusable = unusable
            .iter()
            .filter(|(may, _)| !may)
            .flat_map(|(_, plugins)| plugins.iter());
        let disabled = page.entry("disabledExtensions").or_insert_with(|| json!([]));
        if let Value::Array(disabled) = disabled {
            disabled.extend(unusable.map(|plugin| json!(plugin)));
        }
    }
}
