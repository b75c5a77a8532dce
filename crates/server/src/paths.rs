//! Where Jupyter keeps its configuration, data and runtime files: the same directories in the same order as
//! `jupyter --paths` prints them (`jupyter_core.paths`).

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::ServerError;
use crate::python::{Origin, PythonEnvironment};
use crate::variables::Variables;

/// Jupyter's directories for this user and this Python environment.
#[derive(Debug, Clone)]
pub struct JupyterPaths {
    /// Configuration directories, most important first.
    pub config: Vec<PathBuf>,
    /// Data directories (kernelspecs, labextensions), most important first.
    pub data: Vec<PathBuf>,
    /// Where connection files, the cookie secret and `jpserver-<pid>.json` go.
    pub runtime_dir: PathBuf,
    /// The user's own configuration directory.
    pub config_dir: PathBuf,
    /// The user's own data directory.
    pub data_dir: PathBuf,
    /// The empty configuration directory made for `JUPYTER_NO_CONFIG`; removed with the last clone.
    _no_config: Option<Arc<tempfile::TempDir>>,
}

impl JupyterPaths {
    /// Finds the directories. `environments` are the Python environments at hand, most important first: the first one
    /// takes the part that `sys.prefix` has in the reference, the others come after everything the reference knows.
    pub fn find(variables: &Variables, environments: &[PythonEnvironment]) -> Result<Self, ServerError> {
        let no_config = match variables.os("JUPYTER_NO_CONFIG") {
            None => None,
            Some(_) => Some(Arc::new(
                tempfile::Builder::new()
                    .prefix("jupyter-clean-cfg-")
                    .tempdir()
                    .map_err(|source| ServerError::TemporaryConfigDirectory { source })?,
            )),
        };
        let home = variables.home();
        let platform = variables.switch("JUPYTER_PLATFORM_DIRS").unwrap_or(false);
        let config_dir = match &no_config {
            Some(directory) => directory.path().to_owned(),
            None => variables
                .path("JUPYTER_CONFIG_DIR")
                .unwrap_or_else(|| match platform {
                    true => xdg(variables, "XDG_CONFIG_HOME", home.join(".config")).join("jupyter"),
                    false => home.join(".jupyter"),
                }),
        };
        let data_dir = data_dir(variables);
        let runtime_dir = variables
            .path("JUPYTER_RUNTIME_DIR")
            .unwrap_or_else(|| data_dir.join("runtime"));

        let config = match &no_config {
            Some(directory) => vec![directory.path().to_owned()],
            None => {
                let system = match platform {
                    true => system_dirs(variables, "XDG_CONFIG_DIRS", &["/etc/xdg"]),
                    false => vec!["/usr/local/etc/jupyter".into(), "/etc/jupyter".into()],
                };
                let explicit = variables.path_list("JUPYTER_CONFIG_PATH");
                search_path(
                    variables,
                    environments,
                    explicit,
                    &config_dir,
                    system,
                    "etc/jupyter",
                )
            }
        };
        let system = match platform {
            true => system_dirs(variables, "XDG_DATA_DIRS", &["/usr/local/share", "/usr/share"]),
            false => vec!["/usr/local/share/jupyter".into(), "/usr/share/jupyter".into()],
        };
        let explicit = variables.path_list("JUPYTER_PATH");
        let data = search_path(
            variables,
            environments,
            explicit,
            &data_dir,
            system,
            "share/jupyter",
        );
        Ok(Self {
            config,
            data,
            runtime_dir,
            config_dir,
            data_dir,
            _no_config: no_config,
        })
    }
}

/// The user's data directory.
fn data_dir(variables: &Variables) -> PathBuf {
    variables.path("JUPYTER_DATA_DIR").unwrap_or_else(|| {
        let is_platform = variables.switch("JUPYTER_PLATFORM_DIRS").unwrap_or(false);
        match cfg!(target_os = "macos") && !is_platform {
            true => variables.home().join("Library/Jupyter"),
            false => xdg(variables, "XDG_DATA_HOME", variables.home().join(".local/share")).join("jupyter"),
        }
    })
}

/// Where the environment that `--setup` makes lives, whether it is there or not.
pub fn managed_environment(variables: &Variables) -> PathBuf {
    data_dir(variables).join("adrastea").join("environment")
}

/// The order of the reference: what the variable names, then environment and user (or user and environment), then the
/// system; after that our own addition, the remaining environments at hand.
fn search_path(
    variables: &Variables,
    environments: &[PythonEnvironment],
    explicit: Vec<PathBuf>,
    user_dir: &Path,
    system: Vec<PathBuf>,
    below_prefix: &str,
) -> Vec<PathBuf> {
    let first = environments
        .first()
        .filter(|environment| environment.origin.is_active());
    let mut user = vec![user_dir.to_owned()];
    if first.is_none_or(|environment| environment.uses_user_site(variables)) {
        let directory = user_base(variables).join(below_prefix);
        if !user.contains(&directory) {
            user.push(directory);
        }
    }
    let environment = first
        .map(|first| first.prefix.join(below_prefix))
        .filter(|directory| !system.contains(directory));
    let mut paths = explicit;
    match prefers_environment(variables, first) {
        true => {
            paths.extend(environment);
            paths.extend(user);
        }
        false => {
            paths.extend(user);
            paths.extend(environment);
        }
    }
    let others = environments
        .iter()
        .filter(|environment| environment.origin != Origin::UserSite);
    let others = others
        .map(|environment| environment.prefix.join(below_prefix))
        .filter(|path| path.is_dir());
    for path in system.into_iter().chain(others) {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// The directory that `pip install --user` installs below.
pub fn user_base(variables: &Variables) -> PathBuf {
    let base = variables.path("PYTHONUSERBASE");
    base.unwrap_or_else(|| PathBuf::from(variables.expand_home("~/.local")))
}

/// Whether the directories of the environment come before the user's.
fn prefers_environment(variables: &Variables, environment: Option<&PythonEnvironment>) -> bool {
    if let Some(preference) = variables.switch("JUPYTER_PREFER_ENV_PATH") {
        return preference;
    }
    let Some(environment) = environment else {
        return false;
    };
    let in_conda = variables.text("CONDA_PREFIX").is_some_and(|conda| {
        environment.prefix.to_string_lossy().starts_with(&conda)
            && variables
                .text("CONDA_DEFAULT_ENV")
                .is_some_and(|name| name != "base")
    });
    (environment.is_virtual || in_conda) && is_mine(&environment.prefix)
}

/// Whether this user owns `path` or, when it does not exist, the nearest directory above it.
fn is_mine(path: &Path) -> bool {
    path.ancestors()
        .find_map(|ancestor| ancestor.metadata().ok())
        .is_some_and(|metadata| metadata.uid() == nix::unistd::Uid::effective().as_raw())
}

fn xdg(variables: &Variables, name: &str, default: PathBuf) -> PathBuf {
    variables.path(name).unwrap_or(default)
}

fn system_dirs(variables: &Variables, name: &str, default: &[&str]) -> Vec<PathBuf> {
    let mut directories = variables.path_list(name);
    if directories.is_empty() {
        directories = default.iter().map(PathBuf::from).collect();
    }
    directories
        .iter()
        .map(|directory| directory.join("jupyter"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(pairs: &[(&str, &str)]) -> JupyterPaths {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()));
        JupyterPaths::find(&Variables::from_pairs("/w", pairs), &[]).expect("paths")
    }

    fn strings(paths: &[PathBuf]) -> Vec<String> {
        paths
            .iter()
            .map(|path| path.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn without_an_environment_the_user_comes_before_the_system() {
        let paths = find(&[("HOME", "/h")]);
        assert_eq!(
            strings(&paths.config),
            [
                "/h/.jupyter",
                "/h/.local/etc/jupyter",
                "/usr/local/etc/jupyter",
                "/etc/jupyter"
            ]
        );
        assert_eq!(
            strings(&paths.data),
            [
                "/h/.local/share/jupyter",
                "/usr/local/share/jupyter",
                "/usr/share/jupyter"
            ]
        );
        assert_eq!(
            paths.runtime_dir,
            PathBuf::from("/h/.local/share/jupyter/runtime")
        );
    }

    #[test]
    fn explicit_paths_come_first_and_lose_their_trailing_slash() {
        let paths = find(&[
            ("HOME", "/h"),
            ("JUPYTER_CONFIG_PATH", "/a/:/b"),
            ("JUPYTER_PATH", "/c//"),
        ]);
        assert_eq!(strings(&paths.config[..3]), ["/a", "/b", "/h/.jupyter"]);
        assert_eq!(strings(&paths.data[..2]), ["/c", "/h/.local/share/jupyter"]);
    }

    #[test]
    fn no_config_means_one_empty_directory() {
        let paths = find(&[
            ("HOME", "/h"),
            ("JUPYTER_NO_CONFIG", "1"),
            ("JUPYTER_CONFIG_DIR", "/x"),
        ]);
        assert_eq!(paths.config, vec![paths.config_dir.clone()]);
        assert_eq!(paths.config_dir.read_dir().expect("exists").count(), 0);
    }

    #[test]
    fn platform_directories_follow_xdg() {
        let paths = find(&[
            ("HOME", "/h"),
            ("JUPYTER_PLATFORM_DIRS", "1"),
            ("XDG_CONFIG_HOME", "/xc"),
        ]);
        assert_eq!(
            strings(&paths.config),
            ["/xc/jupyter", "/h/.local/etc/jupyter", "/etc/xdg/jupyter"]
        );
    }
}
