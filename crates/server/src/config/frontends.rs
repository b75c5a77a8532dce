//! Front ends: where to look for them and what to tell them.

use std::path::PathBuf;

use frontends::FrontendsConfig;

use super::Parts;
use super::classes::{KERNELS, LAB, NBCLASSIC, NOTEBOOK, SERVER};
use crate::error::ServerError;
use crate::settings::reader::{BadSetting, Reader};
use crate::variables::Variables;

pub(super) fn read(
    reader: &Reader<'_>,
    variables: &Variables,
    parts: &Parts<'_>,
) -> Result<FrontendsConfig, ServerError> {
    let server = reader.class(SERVER);
    let lab = reader.class(LAB);
    let mut config = FrontendsConfig::new(parts.paths.config_dir.clone(), parts.directories.root_dir.clone());
    config.environments = parts
        .environments
        .iter()
        .map(|environment| frontends::PythonEnvironment {
            prefix: environment.prefix.clone(),
            site_packages: environment.site_packages.clone(),
        })
        .collect();
    config.data_path.clone_from(&parts.paths.data);
    config.config_path.clone_from(&parts.paths.config);

    let path =
        |given: Result<Option<String>, BadSetting>, variable: &str| -> Result<Option<PathBuf>, BadSetting> {
            let given = given?.filter(|path| !path.is_empty());
            Ok(given
                .map(|path| variables.absolute(&path))
                .or_else(|| variables.path(variable)))
        };
    config.lab_app_dir = path(lab.text("app_dir"), "JUPYTERLAB_DIR")?;
    config.settings_dir = path(lab.text("user_settings_dir"), "JUPYTERLAB_SETTINGS_DIR")?;
    config.workspaces_dir = path(lab.text("workspaces_dir"), "JUPYTERLAB_WORKSPACES_DIR")?;
    let paths = |given: Result<Option<Vec<String>>, BadSetting>| -> Result<Vec<PathBuf>, BadSetting> {
        Ok(given?
            .unwrap_or_default()
            .iter()
            .map(|path| variables.absolute(path))
            .collect())
    };
    config.extra_labextensions_path = paths(lab.list("extra_labextensions_path"))?;
    config.extra_nbextensions_path = paths(reader.class(NBCLASSIC).list("extra_nbextensions_path"))?;

    config.base_url = parts.base_url.as_str().to_owned();
    config.websocket_url = server.text("websocket_url")?.unwrap_or_default();
    config.preferred_dir.clone_from(&parts.directories.preferred_dir);
    config.default_url = parts.default_url.to_owned();
    config.system_locale = locale(variables);
    config.allow_hidden_files = parts.contents.allow_hidden;
    config.delete_to_trash = parts.contents.delete_to_trash;
    if let Some(untracked) = reader.class(KERNELS).list("untracked_message_types")? {
        config.untracked_message_types = untracked;
    }
    if let Some(quit_button) = server.switch("quit_button")? {
        config.quit_button = quit_button;
    }
    config.login_available = parts.login_available;
    config.expose_app_in_browser = lab.switch("expose_app_in_browser")?.unwrap_or(false)
        || reader
            .class(NOTEBOOK)
            .switch("expose_app_in_browser")?
            .unwrap_or(false);
    Ok(config)
}

/// `de_DE` of `LANG=de_DE.UTF-8`; the C locale says nothing.
fn locale(variables: &Variables) -> Option<String> {
    let text = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| variables.text(name))?;
    let name = text.split(['.', '@']).next().unwrap_or_default();
    (!matches!(name, "" | "C" | "POSIX")).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_is_the_first_that_is_set() {
        let check = |pairs: &[(&str, &str)], expected: Option<&str>| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()));
            assert_eq!(locale(&Variables::from_pairs("/w", pairs)).as_deref(), expected);
        };
        check(
            &[("LANG", "de_DE.UTF-8"), ("LC_ALL", "fr_FR@euro")],
            Some("fr_FR"),
        );
        check(&[("LANG", "de_DE.UTF-8")], Some("de_DE"));
        check(&[("LANG", "C.UTF-8")], None);
        check(&[], None);
    }
}
