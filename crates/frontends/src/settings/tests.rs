use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::Settings;
use crate::FrontendsError;
use crate::config_sections::ConfigSections;
use crate::discover::Packages;
use crate::translations::{LanguagePacks, SchemaTranslator};

const THEMES: &str = "@jupyterlab/apputils-extension:themes";

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("directories are made");
    fs::write(path, text).expect("the file is written");
}

/// An application with one plugin and an extension with another.
fn settings(directory: &Path) -> Settings {
    let schema = json!({
        "type": "object", "additionalProperties": false,
        "properties": {
            "theme": { "type": "string", "default": "Light" },
            "overrides": { "type": "object", "default": { "a": 1, "b": 2 } },
        },
    });
    let schemas = directory.join("app/schemas/@jupyterlab/apputils-extension");
    write(&schemas.join("themes.json"), &schema.to_string());
    write(&schemas.join("package.json.orig"), r#"{"version": "4.6.6"}"#);
    write(
        &directory.join("extensions/plain/package.json"),
        r#"{"name": "plain", "version": "1"}"#,
    );
    write(
        &directory.join("extensions/plain/schemas/plain/plugin.json"),
        r#"{"type": "object"}"#,
    );
    let labconfig = directory.join("config/labconfig");
    let packs = LanguagePacks::new(Packages::default());
    Settings::new(
        Some(directory.join("app")),
        vec![directory.join("extensions")],
        ConfigSections::new(vec![labconfig.clone()], labconfig),
        directory.join("user"),
        SchemaTranslator::new(packs, None),
    )
}

#[tokio::test]
async fn plugins_are_listed_from_z_to_a_with_those_of_extensions() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = settings(directory.path());
    let ids = settings.ids().await.expect("a list");
    assert_eq!(
        ids,
        json!({ "settings": [{ "id": "plain:plugin" }, { "id": THEMES }] })
    );
    let list = settings.list().await.expect("a list");
    assert_eq!(list["settings"][1]["version"], "4.6.6");
    assert_eq!(list["settings"][0]["version"], "N/A");
    assert_eq!(list["settings"][0]["warning"], Value::Null);
}

#[tokio::test]
async fn settings_keep_their_comments() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = settings(directory.path());
    let raw = "{ // mine\n theme: 'Dark', }";
    settings.put(THEMES, raw.to_owned()).await.expect("is kept");
    let model = settings.get(THEMES).await.expect("is there");
    assert_eq!(
        (&model["raw"], &model["settings"]),
        (&json!(raw), &json!({ "theme": "Dark" }))
    );
    assert!(
        model["last_modified"]
            .as_str()
            .is_some_and(|time| time.ends_with("+00:00"))
    );
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_changes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = settings(directory.path());
    let put = async |raw: &str| {
        settings
            .put(THEMES, raw.to_owned())
            .await
            .expect_err("is refused")
    };
    assert!(matches!(
        put("{theme: 3}").await,
        FrontendsError::SettingsInvalid { .. }
    ));
    assert!(matches!(
        put("{unknown: 3}").await,
        FrontendsError::SettingsInvalid { .. }
    ));
    assert!(matches!(
        put("{theme").await,
        FrontendsError::SettingsSyntax { .. }
    ));
    assert!(!directory.path().join("user").exists());
    let unknown = settings
        .put("no:such", "{}".to_owned())
        .await
        .expect_err("is refused");
    assert!(matches!(unknown, FrontendsError::UnknownSchema { .. }));
}

#[tokio::test]
async fn a_file_that_does_not_fit_counts_as_none_and_stays() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = settings(directory.path());
    let file = directory
        .path()
        .join("user/@jupyterlab/apputils-extension/themes.jupyterlab-settings");
    write(&file, "{theme: 3}");
    let model = settings.get(THEMES).await.expect("is there");
    assert_eq!((&model["raw"], &model["settings"]), (&json!("{}"), &json!({})));
    assert_eq!(fs::read_to_string(&file).expect("is there"), "{theme: 3}");
    write(&file, "{theme");
    assert!(matches!(
        settings.get(THEMES).await,
        Err(FrontendsError::ParseFile { .. })
    ));
}

#[tokio::test]
async fn administrators_replace_defaults() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = settings(directory.path());
    let app = directory.path().join("app/settings");
    write(
        &app.join("overrides.d/1.json5"),
        &format!("{{'{THEMES}': {{theme: 'First', overrides: {{b: 3}}}}}}"),
    );
    write(
        &app.join("overrides.json"),
        &format!("{{\"{THEMES}\": {{\"theme\": \"Second\", \"extra\": 1}}}}"),
    );
    let model = settings.get(THEMES).await.expect("is there");
    let properties = &model["schema"]["properties"];
    assert_eq!(properties["theme"]["default"], "Second");
    assert_eq!(properties["overrides"]["default"], json!({ "a": 1, "b": 3 }));
    assert_eq!(properties["extra"], json!({ "default": 1 }));
    let labconfig = directory
        .path()
        .join("config/labconfig/default_setting_overrides.json");
    write(&labconfig, &format!("{{\"{THEMES}\": {{\"theme\": \"Third\"}}}}"));
    let model = settings.get(THEMES).await.expect("is there");
    assert_eq!(model["schema"]["properties"]["theme"]["default"], "Third");
}

#[cfg(unix)]
#[tokio::test]
async fn a_linked_settings_file_stays_a_link() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = settings(directory.path());
    let elsewhere = directory.path().join("dotfiles/themes");
    write(&elsewhere, "{}");
    let file = directory
        .path()
        .join("user/@jupyterlab/apputils-extension/themes.jupyterlab-settings");
    fs::create_dir_all(file.parent().expect("a parent")).expect("directories are made");
    std::os::unix::fs::symlink(&elsewhere, &file).expect("is linked");
    settings
        .put(THEMES, "{theme: 'Dark'}".to_owned())
        .await
        .expect("is kept");
    assert_eq!(
        fs::read_to_string(&elsewhere).expect("is there"),
        "{theme: 'Dark'}"
    );
    assert!(file.is_symlink());
}
