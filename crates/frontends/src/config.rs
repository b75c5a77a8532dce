use std::path::PathBuf;

/// A Python installation in which front ends may lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonEnvironment {
    /// `sys.prefix`; `share/jupyter` lies below it.
    pub prefix: PathBuf,
    /// Directories of installed packages, in the order in which Python looks into them.
    pub site_packages: Vec<PathBuf>,
}

/// Kernel messages that are no activity of the user.
const UNTRACKED_MESSAGE_TYPES: [&str; 21] = [
    "comm_info_request",
    "comm_info_reply",
    "kernel_info_request",
    "kernel_info_reply",
    "shutdown_request",
    "shutdown_reply",
    "interrupt_request",
    "interrupt_reply",
    "debug_request",
    "debug_reply",
    "stream",
    "display_data",
    "update_display_data",
    "execute_input",
    "execute_result",
    "error",
    "status",
    "clear_output",
    "debug_event",
    "input_request",
    "input_reply",
];

/// Where to look and what to tell the front ends; read by `server` from the environment and the configuration.
#[derive(Debug, Clone)]
pub struct FrontendsConfig {
    /// Python environments, the most important first. Of each package the first one found is used.
    pub environments: Vec<PythonEnvironment>,
    /// Jupyter's data directories (`jupyter_path()`), the most important first.
    pub data_path: Vec<PathBuf>,
    /// Jupyter's configuration directories (`jupyter_config_path()`), the most important first.
    pub config_path: Vec<PathBuf>,
    /// The user's own configuration directory: the only one that is written to.
    pub config_dir: PathBuf,
    /// JupyterLab's application directory (`JUPYTERLAB_DIR`, `LabApp.app_dir`) when it is not in an environment.
    pub lab_app_dir: Option<PathBuf>,
    /// The user's settings (`JUPYTERLAB_SETTINGS_DIR`); else `lab/user-settings` in `config_dir`.
    pub settings_dir: Option<PathBuf>,
    /// Workspaces (`JUPYTERLAB_WORKSPACES_DIR`); else `lab/workspaces` in `config_dir`.
    pub workspaces_dir: Option<PathBuf>,
    /// Labextension directories to look into first.
    pub extra_labextensions_path: Vec<PathBuf>,
    /// Nbextension directories to look into first.
    pub extra_nbextensions_path: Vec<PathBuf>,
    /// Prefix of all URLs; begins and ends with `/`, percent-encoded as it stands in URLs.
    pub base_url: String,
    /// Where WebSockets are when not at the same place (`ServerApp.websocket_url`); else empty.
    pub websocket_url: String,
    /// The directory that contents are served from, for tooltips.
    pub root_dir: PathBuf,
    /// Directory to start in, below the root, `/`-separated; empty for the root.
    pub preferred_dir: String,
    /// Where `/` leads, with base URL (`/lab`).
    pub default_url: String,
    /// The system's locale (`LANG`) as `en_US`, for translations; `None` when it says nothing.
    pub system_locale: Option<String>,
    /// Whether there are terminals.
    pub terminals_available: bool,
    /// Whether hidden files are shown.
    pub allow_hidden_files: bool,
    /// Whether deleted files go to the trash (wording only).
    pub delete_to_trash: bool,
    /// Which messages to and from kernels are no activity (`MappingKernelManager.untracked_message_types`).
    pub untracked_message_types: Vec<String>,
    /// Whether the menus offer to shut the server down.
    pub quit_button: bool,
    /// Whether a login exists at all (pages then show a logout button).
    pub login_available: bool,
    /// Whether the front ends put themselves into `window.jupyterapp` (needed by their own tests).
    pub expose_app_in_browser: bool,
}

impl FrontendsConfig {
    /// A configuration that looks nowhere and serves `/`; for filling in with `..`.
    #[must_use]
    pub fn new(config_dir: PathBuf, root_dir: PathBuf) -> FrontendsConfig {
        FrontendsConfig {
            environments: Vec::new(),
            data_path: Vec::new(),
            config_path: vec![config_dir.clone()],
            config_dir,
            lab_app_dir: None,
            settings_dir: None,
            workspaces_dir: None,
            extra_labextensions_path: Vec::new(),
            extra_nbextensions_path: Vec::new(),
            base_url: "/".to_owned(),
            websocket_url: String::new(),
            root_dir,
            preferred_dir: String::new(),
            default_url: "/lab".to_owned(),
            system_locale: None,
            terminals_available: false,
            allow_hidden_files: false,
            delete_to_trash: true,
            untracked_message_types: UNTRACKED_MESSAGE_TYPES.map(str::to_owned).to_vec(),
            quit_button: true,
            login_available: true,
            expose_app_in_browser: false,
        }
    }
}
