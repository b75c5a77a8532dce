//! Files and notebooks: Jupyter's settings into what the crate `contents` wants.

use std::path::PathBuf;
use std::time::Duration;

use contents::{
    ContentsConfig, OutsideLinks, PATH_BYTES_MAX, SaveCommands, SignatureAlgorithm, SigningSecret,
    UploadsConfig,
};

use super::classes::{ADRASTEA, CHECKPOINTS, CONTENTS, NOTARY};
use super::directories::Directories;
use crate::error::ServerError;
use crate::paths::JupyterPaths;
use crate::settings::reader::{Reader, Traits};
use crate::variables::Variables;

pub(super) fn read(
    reader: &Reader<'_>,
    variables: &Variables,
    paths: &JupyterPaths,
    directories: &Directories,
    policy: &str,
) -> Result<ContentsConfig, ServerError> {
    let contents = reader.class(CONTENTS);
    let own = reader.class(ADRASTEA);
    let mut config = ContentsConfig::new(&directories.root_dir);
    config.outside_links = match own.text("outside_links")?.as_deref() {
        None => outside_links_by_default(policy),
        Some("follow") => OutsideLinks::Follow,
        Some("refuse") => OutsideLinks::Refuse,
        Some(_) => return Err(own.bad("outside_links", "`follow` or `refuse`").into()),
    };
    config.save_commands = save_commands(&own)?;
    config.watch = super::watch::read(&own)?;
    let switches: [(&str, &mut bool); 3] = [
        ("allow_hidden", &mut config.allow_hidden),
        ("delete_to_trash", &mut config.delete_to_trash),
        ("always_delete_dir", &mut config.always_delete_dir),
    ];
    for (name, switch) in switches {
        if let Some(given) = contents.switch(name)? {
            *switch = given;
        }
    }
    let texts: [(&str, &mut String); 3] = [
        ("untitled_notebook", &mut config.untitled.notebook),
        ("untitled_file", &mut config.untitled.file),
        ("untitled_directory", &mut config.untitled.directory),
    ];
    for (name, text) in texts {
        if let Some(given) = contents.text(name)? {
            *text = given;
        }
    }
    if let Some(globs) = contents.list("hide_globs")? {
        config.hide_globs = globs;
    }
    if let Some(megabytes) = contents.integer("max_copy_folder_size_mb")? {
        config.max_copy_folder_size_mb = megabytes;
    }
    own_settings(&own, &mut config)?;
    if let Some(directory) = reader.class(CHECKPOINTS).text("checkpoint_dir")? {
        config.checkpoint_dir = directory;
    }
    let home = variables.home();
    let data_home = variables
        .path("XDG_DATA_HOME")
        .unwrap_or_else(|| home.join(".local/share"));
    config.trash_dir = Some(data_home.join("Trash"));
    config.home_dir = Some(home);
    config.journal_dir = Some(paths.data_dir.join("adrastea").join("contents"));
    let notary = reader.class(NOTARY);
    if let Some(name) = given(&notary, "algorithm")? {
        let mut known = SignatureAlgorithm::ALL.into_iter();
        config.signature_algorithm = known
            .find(|algorithm| algorithm.name() == name)
            .ok_or_else(|| notary.bad("algorithm", "sha224, sha256, sha384 or sha512"))?;
    }
    let secret_file = given(&notary, "secret_file")?;
    config.signing_secret = match (given(&notary, "secret")?, secret_file) {
        (Some(secret), _) => SigningSecret::Given(secret.into_bytes()),
        (None, Some(file)) => SigningSecret::File(variables.absolute(&file)),
        (None, None) => SigningSecret::File(notary_dir(&notary, variables, paths)?.join("notebook_secret")),
    };
    Ok(config)
}

fn save_commands(own: &Traits<'_>) -> Result<SaveCommands, ServerError> {
    let mut commands = SaveCommands::default();
    if let Some(command) = own.list("pre_save_command")? {
        commands.before = command;
    }
    if let Some(command) = own.list("post_save_command")? {
        commands.after = command;
    }
    if let Some(seconds) = own.number("save_command_timeout")? {
        commands.timeout = Duration::try_from_secs_f64(seconds)
            .map_err(|_| own.bad("save_command_timeout", "a number of seconds"))?;
    }
    Ok(commands)
}

/// One user made the links, and may follow them, as in the reference. Where others come, too, the root directory is
/// what they were given. Only the policy tells today whether others come.
fn outside_links_by_default(policy: &str) -> OutsideLinks {
    match policy {
        "owner" => OutsideLinks::Follow,
        _ => OutsideLinks::Refuse,
    }
}

/// The limits of uploads.
pub(super) fn uploads(reader: &Reader<'_>) -> Result<UploadsConfig, ServerError> {
    let own = reader.class(ADRASTEA);
    let mut config = UploadsConfig::default();
    if let Some(bytes) = own.integer("upload_bytes_max")? {
        config.bytes_max = bytes;
    }
    if let Some(count) = own.integer("uploads_in_progress_max")? {
        config.in_progress_max = count;
    }
    if let Some(count) = own.integer("uploads_in_progress_per_user_max")? {
        config.in_progress_per_user_max = count;
    }
    if let Some(seconds) = own.integer("upload_expiry_s")? {
        config.expiry = Duration::from_secs(seconds);
    }
    Ok(config)
}

/// What the reference has no setting for.
fn own_settings(own: &Traits<'_>, config: &mut ContentsConfig) -> Result<(), ServerError> {
    if let Some(keep) = own.switch("keep_unmodified")? {
        config.keep_unmodified = keep;
    }
    if let Some(bytes) = own.integer("content_bytes_max")? {
        config.content_bytes_max = bytes;
    }
    if let Some(entries) = own.integer("directory_entries_max")? {
        config.directory_entries_max = entries;
    }
    if let Some(bytes) = own.integer("path_bytes_max")? {
        config.path_bytes_max = PATH_BYTES_MAX.min(bytes);
    }
    Ok(())
}

/// Jupyter's own file of trusted notebooks; `None` for one in memory (`:memory:`).
pub(super) fn signatures_file(
    reader: &Reader<'_>,
    variables: &Variables,
    paths: &JupyterPaths,
) -> Result<Option<PathBuf>, ServerError> {
    let notary = reader.class(NOTARY);
    Ok(match given(&notary, "db_file")? {
        Some(file) if file == ":memory:" => None,
        Some(file) => Some(variables.absolute(&file)),
        None => Some(notary_dir(&notary, variables, paths)?.join("nbsignatures.db")),
    })
}

/// Where secret and signatures lie unless their files are named.
fn notary_dir(
    notary: &Traits<'_>,
    variables: &Variables,
    paths: &JupyterPaths,
) -> Result<PathBuf, ServerError> {
    let given = given(notary, "data_dir")?;
    Ok(given.map_or_else(
        || paths.data_dir.clone(),
        |directory| variables.absolute(&directory),
    ))
}

/// A text that is not empty.
fn given(traits: &Traits<'_>, name: &str) -> Result<Option<String>, ServerError> {
    Ok(traits.text(name)?.filter(|text| !text.is_empty()))
}
