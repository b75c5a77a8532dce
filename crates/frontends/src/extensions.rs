//! JupyterLab's extension and plugin managers: what is installed, and switching it on and off.
//!
//! Nothing can be installed from the browser. Switching writes the user's own `labconfig/page_config.json`: the
//! Python environment, which may be someone else's, is never changed.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::FrontendsError;
use crate::blocking::blocking;
use crate::config_sections::ConfigSections;
use crate::labextensions::{self, Labextension};
use crate::page_config::DiskPageConfig;

/// What to do with an extension or a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// Load it again.
    Enable,
    /// Do not load it.
    Disable,
}

/// Installed extensions; a cheap clone.
#[derive(Debug, Clone)]
pub struct Extensions {
    labextensions_path: Vec<PathBuf>,
    app_dir: Option<PathBuf>,
    labconfig: ConfigSections,
}

impl Extensions {
    pub(crate) fn new(
        labextensions_path: Vec<PathBuf>,
        app_dir: Option<PathBuf>,
        labconfig: ConfigSections,
    ) -> Extensions {
        Extensions {
            labextensions_path,
            app_dir,
            labconfig,
        }
    }

    /// All installed extensions, as the extension manager's list has them.
    ///
    /// # Errors
    /// Only when the server stops.
    pub async fn list(&self) -> Result<Value, FrontendsError> {
        let extensions = self.clone();
        blocking(move || {
            let installed = labextensions::list(&extensions.labextensions_path);
            let disk = DiskPageConfig::read(extensions.app_dir.as_deref(), &extensions.labconfig, &installed);
            let disabled = disk.disabled();
            Ok(installed
                .iter()
                .map(|extension| model(extension, !disabled.contains(&extension.name)))
                .collect())
        })
        .await
    }

    /// Which plugins must not be switched: `{"lockRules": […], "allLocked": false}`.
    ///
    /// # Errors
    /// Only when the server stops.
    pub async fn plugin_locks(&self) -> Result<Value, FrontendsError> {
        let extensions = self.clone();
        blocking(move || Ok(json!({ "lockRules": extensions.lock_rules(), "allLocked": false }))).await
    }

    /// Switches an extension or a single plugin (`<package>:<plugin>`) on or off for this user.
    ///
    /// # Errors
    /// When it is locked, or the configuration cannot be written.
    pub async fn switch(&self, name: &str, switch: Switch) -> Result<(), FrontendsError> {
        if name.is_empty() {
            let reason = "the name of an extension or plugin is missing".to_owned();
            return Err(FrontendsError::ExtensionCommand { reason });
        }
        let locks = self.plugin_locks().await?;
        let package = name.split(':').next().unwrap_or(name);
        if labextensions::strings(locks.get("lockRules"))
            .iter()
            .any(|rule| rule == name || rule == package)
        {
            let reason = format!("`{name}` is locked and cannot be switched");
            return Err(FrontendsError::ExtensionCommand { reason });
        }
        let mut disabled = Map::new();
        disabled.insert(name.to_owned(), Value::Bool(switch == Switch::Disable));
        self.labconfig
            .update("page_config", json!({ "disabledExtensions": disabled }))
            .await?;
        Ok(())
    }

    fn lock_rules(&self) -> Vec<String> {
        DiskPageConfig::read(self.app_dir.as_deref(), &self.labconfig, &[]).locked()
    }
}

fn model(extension: &Labextension, enabled: bool) -> Value {
    let optional = |text: String| if text.is_empty() { Value::Null } else { json!(text) };
    let author = extension.package.get("author");
    let author = author
        .and_then(|author| author.get("name"))
        .or(author)
        .and_then(Value::as_str);
    let bugs = extension
        .package
        .get("bugs")
        .and_then(|bugs| bugs.get("url"))
        .cloned();
    json!({
        "name": extension.name,
        "description": extension.text("description"),
        "homepage_url": extension.homepage(),
        "pkg_type": "prebuilt",
        "allowed": true,
        "approved": false,
        "companion": companion(extension),
        "core": false,
        "enabled": enabled,
        "install": extension.install(),
        "installed": true,
        "installed_version": extension.text("version"),
        "latest_version": extension.text("version"),
        "status": "ok",
        "author": author,
        "license": optional(extension.text("license")),
        "bug_tracker_url": bugs,
        "documentation_url": null,
        "package_manager_url": null,
        "repository_url": extension.repository(),
    })
}

/// Whether the extension comes with a part for the kernel or the server.
fn companion(extension: &Labextension) -> Option<&'static str> {
    let discovery = extension.package.get("jupyterlab")?.get("discovery")?;
    match (
        discovery.get("kernel").is_some(),
        discovery.get("server").is_some(),
    ) {
        (true, _) => Some("kernel"),
        (false, true) => Some("server"),
        (false, false) => None,
    }
}
