//! Which front ends are installed, where, and in which version.
//!
//! Python packages put what browsers need into two places: `<prefix>/share/jupyter` (JupyterLab) and their own
//! directory among the installed packages (Notebook 7, NBClassic, the server's icons). Develop installs appear as
//! symbolic links in the first place and as `.pth` files beside the second; both are followed.

mod package;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::json_files::read_json;
use crate::{FrontendsConfig, FrontendsError};
pub(crate) use package::Packages;

/// A front end that this server can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FrontEnd {
    /// JupyterLab, at `/lab` and `/doc`.
    Lab,
    /// Notebook 7, at `/tree`, `/notebooks`, `/edit`, `/consoles`, `/terminals`.
    Notebook,
    /// NBClassic, at `/nbclassic`.
    Nbclassic,
}

impl FrontEnd {
    /// All of them, in the order in which they are offered.
    pub const ALL: [FrontEnd; 3] = [FrontEnd::Lab, FrontEnd::Notebook, FrontEnd::Nbclassic];

    /// As people know it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FrontEnd::Lab => "JupyterLab",
            FrontEnd::Notebook => "Jupyter Notebook",
            FrontEnd::Nbclassic => "NBClassic",
        }
    }

    /// Where it starts, below the base URL.
    #[must_use]
    pub fn default_url(self) -> &'static str {
        match self {
            FrontEnd::Lab => "/lab",
            FrontEnd::Notebook => "/tree",
            FrontEnd::Nbclassic => "/nbclassic/tree",
        }
    }

    /// A command that brings it into the active Python environment.
    #[must_use]
    pub fn install_command(self) -> &'static str {
        match self {
            FrontEnd::Lab => "pip install jupyterlab",
            FrontEnd::Notebook => "pip install notebook",
            FrontEnd::Nbclassic => "pip install nbclassic",
        }
    }

    /// A few words for somebody who must choose.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            FrontEnd::Lab => "Notebooks, files and consoles side by side",
            FrontEnd::Notebook => "One document at a time",
            FrontEnd::Nbclassic => "The classic notebook interface",
        }
    }
}

impl fmt::Display for FrontEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A front end that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which one.
    pub front_end: FrontEnd,
    /// Its version, `unknown` if its package does not say.
    pub version: String,
    /// The directory it lies in.
    pub location: PathBuf,
}

/// JupyterLab's files; its schemas and themes serve Notebook 7 as well.
#[derive(Debug, Clone)]
pub(crate) struct LabFiles {
    pub version: String,
    /// `share/jupyter/lab`, with `static`, `schemas`, `themes` and `settings`.
    pub app_dir: PathBuf,
}

/// The directories of a package with templates and static files.
#[derive(Debug, Clone)]
pub(crate) struct PackageFiles {
    pub version: String,
    pub directory: PathBuf,
}

impl PackageFiles {
    pub(crate) fn static_dir(&self) -> PathBuf {
        self.directory.join("static")
    }

    pub(crate) fn templates_dir(&self) -> PathBuf {
        self.directory.join("templates")
    }
}

/// Everything that was found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Installed {
    pub lab: Option<LabFiles>,
    pub notebook: Option<PackageFiles>,
    pub nbclassic: Option<PackageFiles>,
    /// The Python server's package: its icons are what the front ends' pages show.
    pub jupyter_server: Option<PackageFiles>,
    /// Where schemas and themes are, even without JupyterLab's own page.
    pub app_dir: Option<PathBuf>,
    /// Where installed packages lie, for language packs.
    pub packages: Packages,
}

impl Installed {
    /// Looks into the configured application directory and then into each environment, in order.
    pub(crate) fn look(config: &FrontendsConfig) -> Installed {
        let packages = Packages::of(&config.environments);
        let shares = config
            .environments
            .iter()
            .map(|environment| environment.prefix.join("share/jupyter/lab"));
        let app_dirs: Vec<PathBuf> = config.lab_app_dir.iter().cloned().chain(shares).collect();
        let lab = app_dirs
            .iter()
            .find(|app_dir| app_dir.join("static/index.html").is_file())
            .map(|app_dir| LabFiles {
                version: lab_version(app_dir).unwrap_or_else(|| packages.version_of("jupyterlab")),
                app_dir: app_dir.clone(),
            });
        let with_schemas = || {
            app_dirs
                .iter()
                .find(|app_dir| app_dir.join("schemas").is_dir())
                .cloned()
        };
        Installed {
            app_dir: lab.as_ref().map(|lab| lab.app_dir.clone()).or_else(with_schemas),
            // Notebook 6 has the same package name and quite other templates.
            notebook: packages.with_files("notebook", "templates/notebooks.html"),
            nbclassic: packages.with_files("nbclassic", "templates/notebook.html"),
            jupyter_server: packages.with_files("jupyter_server", "static"),
            lab,
            packages,
        }
    }

    pub(crate) fn found(&self, front_end: FrontEnd) -> Option<Found> {
        let (version, location) = match front_end {
            FrontEnd::Lab => self.lab.as_ref().map(|lab| (&lab.version, &lab.app_dir))?,
            FrontEnd::Notebook => self
                .notebook
                .as_ref()
                .map(|package| (&package.version, &package.directory))?,
            FrontEnd::Nbclassic => self
                .nbclassic
                .as_ref()
                .map(|package| (&package.version, &package.directory))?,
        };
        Some(Found {
            front_end,
            version: version.clone(),
            location: location.clone(),
        })
    }

    pub(crate) fn require(&self, front_end: FrontEnd) -> FrontendsError {
        FrontendsError::NotInstalled {
            name: front_end.name(),
            command: front_end.install_command(),
        }
    }
}

/// The version that JupyterLab's build wrote beside its page.
fn lab_version(app_dir: &Path) -> Option<String> {
    let package = read_json(&app_dir.join("static/package.json")).ok()??;
    let version = package
        .pointer("/jupyterlab/version")
        .or_else(|| package.pointer("/version"))?;
    version.as_str().map(str::to_owned)
}
