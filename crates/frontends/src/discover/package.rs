//! Installed Python packages, without running Python.

use std::path::{Path, PathBuf};

use super::PackageFiles;
use crate::PythonEnvironment;

/// `.pth` files and `_version.py` are a few lines long.
const PYTHON_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The directories that packages are imported from, most important first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packages {
    directories: Vec<PathBuf>,
}

impl Packages {
    /// Each environment's directories, each followed by what its `.pth` files add: develop installs.
    pub(crate) fn of(environments: &[PythonEnvironment]) -> Packages {
        let mut directories: Vec<PathBuf> = Vec::new();
        for site_packages in environments
            .iter()
            .flat_map(|environment| &environment.site_packages)
        {
            let added = std::iter::once(site_packages.clone()).chain(directories_in_pth_files(site_packages));
            for directory in added {
                if !directories.contains(&directory) {
                    directories.push(directory);
                }
            }
        }
        Packages { directories }
    }

    /// The first package of that name that has `file`.
    pub(crate) fn with_files(&self, name: &str, file: &str) -> Option<PackageFiles> {
        let directory = self
            .directories
            .iter()
            .map(|parent| parent.join(name))
            .find(|package| package.join(file).exists())?;
        let version = version_in(&directory).unwrap_or_else(|| "unknown".to_owned());
        Some(PackageFiles { version, directory })
    }

    /// The version of a package, `unknown` if it is not there or does not say.
    pub(crate) fn version_of(&self, name: &str) -> String {
        self.with_files(name, "_version.py")
            .map_or_else(|| "unknown".to_owned(), |package| package.version)
    }

    /// The directory of an importable module, such as `jupyterlab_language_pack_fr_FR`.
    pub(crate) fn module(&self, dotted: &str) -> Option<PathBuf> {
        let relative: PathBuf = dotted.split('.').collect();
        crate::static_files::is_plain(&relative).then(|| {
            self.directories
                .iter()
                .map(|parent| parent.join(&relative))
                .find(|path| path.is_dir())
        })?
    }

    /// All `entry_points.txt` of installed distributions.
    pub(crate) fn entry_point_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for directory in &self.directories {
            let Ok(entries) = std::fs::read_dir(directory) else {
                continue;
            };
            let distributions = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| {
                    path.extension()
                        .is_some_and(|extension| extension == "dist-info" || extension == "egg-info")
                });
            let mut found: Vec<PathBuf> = distributions
                .map(|path| path.join("entry_points.txt"))
                .filter(|path| path.is_file())
                .collect();
            found.sort();
            files.append(&mut found);
        }
        files
    }
}

/// Lines of `*.pth` that are directories. Lines beginning with `import` are code: left alone.
fn directories_in_pth_files(site_packages: &Path) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    for file in crate::json_files::sorted_files(site_packages, &["pth"]) {
        let Some(text) = read_small(&file) else { continue };
        for line in text.lines().map(str::trim) {
            let is_path = !line.is_empty() && !line.starts_with('#') && !line.starts_with("import");
            let directory = site_packages.join(line);
            if is_path && directory.is_dir() {
                directories.push(directory);
            }
        }
    }
    directories
}

/// `__version__ = "1.2.3"` in `_version.py`.
fn version_in(package: &Path) -> Option<String> {
    let text = read_small(&package.join("_version.py"))?;
    let line = text.lines().find(|line| line.starts_with("__version__"))?;
    let (_, value) = line.split_once('=')?;
    let value = value.trim();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let version = value.strip_prefix(quote)?.split(quote).next()?;
    Some(version.to_owned())
}

fn read_small(path: &Path) -> Option<String> {
    let small = std::fs::metadata(path).is_ok_and(|metadata| metadata.len() <= PYTHON_FILE_BYTES_MAX);
    if small {
        std::fs::read_to_string(path).ok()
    } else {
        None
    }
}
