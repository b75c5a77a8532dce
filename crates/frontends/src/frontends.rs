//! All front ends together.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use jiff::Zoned;
use minijinja::Environment;

use crate::blocking::blocking;
use crate::config_sections::ConfigSections;
use crate::discover::{Found, FrontEnd, Installed};
use crate::extensions::Extensions;
use crate::page_config::{DiskPageConfig, below};
use crate::translations::{LanguagePacks, SchemaTranslator};
use crate::{
    FrontendsConfig, FrontendsError, HomeEntry, HomePage, Licenses, MissingEntry, OwnPages, Settings, Themes,
    Translations, Workspaces, labextensions, pages, static_files, templates,
};

/// The front ends of one server; a cheap clone.
#[derive(Clone)]
pub struct Frontends {
    pub(crate) shared: Arc<Shared>,
}

/// What was found and what was made of it once, at the start.
pub(crate) struct Shared {
    pub(crate) config: FrontendsConfig,
    pub(crate) installed: Installed,
    pub(crate) lab_templates: Environment<'static>,
    pub(crate) notebook_templates: Environment<'static>,
    pub(crate) nbclassic_templates: Environment<'static>,
    pub(crate) custom_dirs: Vec<PathBuf>,
    /// `store_id` of the next JupyterLab page; the reference counts them too.
    pub(crate) lab_pages_rendered: AtomicU64,
    /// Changes with each start, so that NBClassic's modules are loaded afresh.
    pub(crate) version_hash: String,
    labextensions_path: Vec<PathBuf>,
    labconfig: ConfigSections,
    static_dirs: Vec<PathBuf>,
    nbclassic_static_dirs: Vec<PathBuf>,
    nbextension_dirs: Vec<PathBuf>,
    own_pages: OwnPages,
    settings: Settings,
    workspaces: Workspaces,
    config_sections: ConfigSections,
    themes: Themes,
    translations: Translations,
    licenses: Licenses,
    extensions: Extensions,
}

impl Frontends {
    /// Looks for everything once; `started_at` is the server's start. Blocks for some milliseconds. What is not
    /// there is said by [`Frontends::missing`].
    #[must_use]
    pub fn discover(config: FrontendsConfig, started_at: &Zoned) -> Frontends {
        let installed = Installed::look(&config);
        let labextensions_path = search_path(&config.extra_labextensions_path, &config, "labextensions");
        let config_dirs = |name: &str| {
            config
                .config_path
                .iter()
                .map(|dir| dir.join(name))
                .collect::<Vec<_>>()
        };
        let labconfig = ConfigSections::new(config_dirs("labconfig"), config.config_dir.join("labconfig"));
        // `nbconfig` is where packages for the classic notebook put theirs.
        let section_dirs = [config_dirs("serverconfig"), config_dirs("nbconfig")].concat();
        let app_dir = installed.app_dir.clone();
        let packs = LanguagePacks::new(installed.packages.clone());
        let settings = Settings::new(
            app_dir.clone(),
            labextensions_path.clone(),
            labconfig.clone(),
            config
                .settings_dir
                .clone()
                .unwrap_or_else(|| config.config_dir.join("lab/user-settings")),
            SchemaTranslator::new(packs.clone(), config.system_locale.clone()),
        );
        let workspaces_dir = config
            .workspaces_dir
            .clone()
            .unwrap_or_else(|| config.config_dir.join("lab/workspaces"));
        let nbclassic_static = installed.nbclassic.as_ref().map(|package| package.static_dir());
        let nbclassic_static_dirs: Vec<PathBuf> = nbclassic_static
            .iter()
            .flat_map(|dir| [dir.join("notebook"), dir.clone()])
            .collect();
        let server_static = installed
            .jupyter_server
            .as_ref()
            .map(|package| package.static_dir());
        let notebook_custom = installed
            .notebook
            .as_ref()
            .map(|package| package.directory.join("custom"));
        let nbclassic_custom = nbclassic_static.as_ref().map(|dir| dir.join("custom"));
        let user_custom = Some(config.config_dir.join("custom"));
        let themes = Themes::new(app_dir.as_deref(), labextensions_path.clone(), &config.base_url);
        let shared = Shared {
            lab_templates: templates::package_engine(app_dir.iter().map(|dir| dir.join("static")).collect()),
            notebook_templates: templates::package_engine(
                installed
                    .notebook
                    .iter()
                    .map(|package| package.templates_dir())
                    .collect(),
            ),
            nbclassic_templates: nbclassic_engine(&config, &installed, nbclassic_static_dirs.clone()),
            custom_dirs: [user_custom, nbclassic_custom, notebook_custom]
                .into_iter()
                .flatten()
                .collect(),
            lab_pages_rendered: AtomicU64::new(0),
            version_hash: started_at.strftime("%Y%m%d%H%M%S").to_string(),
            static_dirs: server_static.into_iter().chain(nbclassic_static).collect(),
            nbclassic_static_dirs,
            nbextension_dirs: search_path(&config.extra_nbextensions_path, &config, "nbextensions"),
            own_pages: OwnPages::new(&config.base_url),
            workspaces: Workspaces::new(workspaces_dir),
            config_sections: ConfigSections::new(section_dirs, config.config_dir.join("serverconfig")),
            themes,
            translations: Translations::new(packs, config.system_locale.clone()),
            licenses: Licenses::new(&installed, labextensions_path.clone()),
            extensions: Extensions::new(labextensions_path.clone(), app_dir, labconfig.clone()),
            settings,
            labextensions_path,
            labconfig,
            config,
            installed,
        };
        Frontends {
            shared: Arc::new(shared),
        }
    }

    /// The front ends that are there.
    #[must_use]
    pub fn found(&self) -> Vec<Found> {
        FrontEnd::ALL
            .into_iter()
            .filter_map(|front_end| self.shared.installed.found(front_end))
            .collect()
    }

    /// The front ends that are not; [`FrontEnd::install_command`] says what brings each.
    #[must_use]
    pub fn missing(&self) -> Vec<FrontEnd> {
        FrontEnd::ALL
            .into_iter()
            .filter(|front_end| !self.has(*front_end))
            .collect()
    }

    /// Whether a front end is there.
    #[must_use]
    pub fn has(&self, front_end: FrontEnd) -> bool {
        self.shared.installed.found(front_end).is_some()
    }

    /// That a front end is there.
    ///
    /// # Errors
    /// [`FrontendsError::NotInstalled`], which names the command that brings it.
    pub fn require(&self, front_end: FrontEnd) -> Result<(), FrontendsError> {
        if self.has(front_end) {
            Ok(())
        } else {
            Err(self.shared.installed.require(front_end))
        }
    }

    /// Where `/` leads, with base URL: to the configured URL; to `/home` when that is `/` itself, or the start of a
    /// front end that is not there.
    #[must_use]
    pub fn default_url(&self) -> String {
        let config = &self.shared.config;
        let leads_to = |url: &str| config.default_url.trim_end_matches('/') == url.trim_end_matches('/');
        let is_missing = self
            .missing()
            .iter()
            .any(|front_end| leads_to(&below(&config.base_url, front_end.default_url())));
        if is_missing || leads_to(&config.base_url) {
            self.home_url()
        } else {
            config.default_url.clone()
        }
    }

    /// The start page, with base URL: it says what there is and how to get the rest.
    #[must_use]
    pub fn home_url(&self) -> String {
        below(&self.shared.config.base_url, "/home")
    }

    /// What there is to open, for the start page.
    #[must_use]
    pub fn home(&self) -> HomePage {
        let entry = |found: Found| HomeEntry {
            name: format!("{} {}", found.front_end, found.version),
            url: below(&self.shared.config.base_url, found.front_end.default_url()),
            description: found.front_end.description(),
        };
        let missing = |front_end: FrontEnd| MissingEntry {
            name: front_end.name(),
            command: front_end.install_command(),
        };
        HomePage {
            front_ends: self.found().into_iter().map(entry).collect(),
            missing: self.missing().into_iter().map(missing).collect(),
        }
    }

    /// Our own pages.
    #[must_use]
    pub fn own_pages(&self) -> &OwnPages {
        &self.shared.own_pages
    }

    /// JupyterLab's settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// JupyterLab's workspaces.
    #[must_use]
    pub fn workspaces(&self) -> &Workspaces {
        &self.shared.workspaces
    }

    /// The sections of `/api/config`.
    #[must_use]
    pub fn config_sections(&self) -> &ConfigSections {
        &self.shared.config_sections
    }

    /// Themes.
    #[must_use]
    pub fn themes(&self) -> &Themes {
        &self.shared.themes
    }

    /// Language packs.
    #[must_use]
    pub fn translations(&self) -> &Translations {
        &self.shared.translations
    }

    /// Licenses of what the front ends are built from.
    #[must_use]
    pub fn licenses(&self) -> &Licenses {
        &self.shared.licenses
    }

    /// Installed extensions.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.shared.extensions
    }

    /// The file behind `/static/<path>`: `lab/…`, `notebook/…`, `nbclassic/…`, else the Python server's own and then
    /// NBClassic's (its scripts ask there too).
    #[must_use]
    pub fn static_file(&self, path: &str) -> Option<PathBuf> {
        let installed = &self.shared.installed;
        let of_front_end = match path.split_once('/') {
            Some(("lab", rest)) => {
                let app_dir = installed.app_dir.as_ref()?;
                static_files::find(&[app_dir.join("static")], rest)
            }
            Some(("notebook", rest)) => {
                let notebook = installed.notebook.as_ref().map(|package| package.static_dir());
                static_files::find(&notebook.into_iter().collect::<Vec<_>>(), rest)
            }
            Some(("nbclassic", rest)) => static_files::find(&self.shared.nbclassic_static_dirs, rest),
            _ => None,
        };
        of_front_end.or_else(|| static_files::find(&self.shared.static_dirs, path))
    }

    /// The file behind `/lab/extensions/<path>`.
    #[must_use]
    pub fn labextension_file(&self, path: &str) -> Option<PathBuf> {
        static_files::find(&self.shared.labextensions_path, path)
    }

    /// The file behind `/nbextensions/<path>`.
    #[must_use]
    pub fn nbextension_file(&self, path: &str) -> Option<PathBuf> {
        static_files::find(&self.shared.nbextension_dirs, path)
    }

    /// Reads what a page needs from disk: extensions come and go while the server runs.
    pub(crate) async fn disk_page_config(&self) -> Result<DiskPageConfig, FrontendsError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || {
            let extensions = labextensions::list(&shared.labextensions_path);
            let app_dir = shared.installed.app_dir.as_deref();
            Ok(DiskPageConfig::read(app_dir, &shared.labconfig, &extensions))
        })
        .await
    }
}

/// The extra directories, then `<data dir>/<name>` of Jupyter's data path.
fn search_path(extra: &[PathBuf], config: &FrontendsConfig, name: &str) -> Vec<PathBuf> {
    extra
        .iter()
        .cloned()
        .chain(config.data_path.iter().map(|directory| directory.join(name)))
        .collect()
}

fn nbclassic_engine(
    config: &FrontendsConfig,
    installed: &Installed,
    static_dirs: Vec<PathBuf>,
) -> Environment<'static> {
    let directories = installed
        .nbclassic
        .iter()
        .map(|package| package.templates_dir())
        .collect();
    let mut engine = templates::package_engine(directories);
    pages::add_nbclassic_functions(&mut engine, &config.base_url, static_dirs);
    engine
}
