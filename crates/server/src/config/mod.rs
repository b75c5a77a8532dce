//! Everything this server is told, once and for all: command line, files and variables into plain values.

pub(crate) mod application;
mod channels;
pub(crate) mod classes;
mod contents;
mod directories;
mod frontends;
mod identity;
pub(crate) mod kernels;
mod leftovers;
mod metrics;
mod network;
mod watch;

use std::path::PathBuf;

use ::contents::{ContentsConfig, UploadsConfig};
use ::frontends::FrontendsConfig;
use ::identity::BaseUrl;
use ::kernels::KernelsConfig;
use api::{ChannelsConfig, ResourceUseDisplay};
use http::{HeaderName, HeaderValue};
use jiff::tz::TimeZone;
use tracing_subscriber::filter::LevelFilter;

use crate::error::ServerError;
use crate::local_time;
use crate::logging;
use crate::paths::{self, JupyterPaths};
use crate::python::{PythonEnvironment, environments_at_hand};
use crate::settings::command_line::CommandLine;
use crate::settings::reader::{Reader, Traits};
use crate::settings::{Settings, files};
use crate::variables::Variables;

pub use application::Application;
pub use directories::Directories;
pub use identity::{IdentitySettings, TokenOrigin};
pub use network::NetworkConfig;

use classes::{ADRASTEA, SERVER, SERVER_ONLY};

/// The largest request body, in bytes, as in the reference.
const BODY_BYTES_MAX: usize = 512 * 1024 * 1024;

/// The configuration of a server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which front end opens first.
    pub application: Application,
    /// Where to listen.
    pub network: NetworkConfig,
    /// The prefix of all URLs.
    pub base_url: BaseUrl,
    /// Where `/` leads, with the base URL.
    pub default_url: String,
    /// What is served.
    pub directories: Directories,
    /// The built-in policy in force.
    pub policy: String,
    /// Who may log in, and how requests are checked.
    pub identity: IdentitySettings,
    /// Kernels.
    pub kernels: KernelsConfig,
    /// How many kernels one user may have; `None` for any number.
    pub kernels_per_user_max: Option<usize>,
    /// What is shown of what the server and its kernels use.
    pub metrics: ResourceUseDisplay,
    /// The WebSockets of kernels.
    pub channels: ChannelsConfig,
    /// Files and notebooks.
    pub contents: ContentsConfig,
    /// Files that come in parts.
    pub uploads: UploadsConfig,
    /// Which notebooks are trusted (`nbsignatures.db`); `None` to forget it with the process.
    pub signatures_file: Option<PathBuf>,
    /// JupyterLab, Notebook 7 and NBClassic.
    pub frontends: FrontendsConfig,
    /// Jupyter's directories.
    pub paths: JupyterPaths,
    /// The Python environments at hand, most important first.
    pub environments: Vec<PythonEnvironment>,
    /// The largest request body, in bytes.
    pub body_bytes_max: usize,
    /// Headers on every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Files with schemas of events that clients may emit.
    pub event_schemas: Vec<PathBuf>,
    /// More names of query parameters that are not logged.
    pub extra_log_scrub_param_keys: Vec<String>,
    /// Whether state of this server is kept in the data directory between runs.
    pub keeps_state: bool,
    /// The time zone of this machine.
    pub time_zone: TimeZone,
    /// How the process behaves around the server.
    pub process: ProcessConfig,
    /// What the user should be told about the configuration, a sentence each.
    pub warnings: Vec<String>,
}

/// How the process behaves; a server inside another program has no use for it.
#[derive(Debug, Clone)]
pub struct ProcessConfig {
    /// How much is logged.
    pub log_level: LevelFilter,
    /// Whether a browser is opened.
    pub open_browser: bool,
    /// The command that opens it.
    pub browser: Option<String>,
    /// Whether the browser is led through a file that hides the token from the list of processes.
    pub use_redirect_file: bool,
    /// Whether that file is not to be written.
    pub no_browser_open_file: bool,
    /// Whether running as root is meant.
    pub allow_root: bool,
    /// Whether Ctrl-C stops without asking.
    pub answer_yes: bool,
    /// Whether to make an environment first.
    pub setup: bool,
    /// Whether kernels are left to the next server when this one stops.
    pub keep_kernels: bool,
    /// Whether to print the settings and exit, and whether as JSON.
    pub show_config: Option<ShowConfig>,
    /// Everything that was given, for that.
    pub settings: Settings,
    /// The configuration files that were read.
    pub files: Vec<PathBuf>,
    /// The names of all settings that exist here.
    pub known_settings: Vec<String>,
}

/// What was read so far, for the parts that build on it.
pub(crate) struct Parts<'a> {
    paths: &'a JupyterPaths,
    environments: &'a [PythonEnvironment],
    directories: &'a Directories,
    base_url: &'a BaseUrl,
    default_url: &'a str,
    contents: &'a ContentsConfig,
    login_available: bool,
}

/// How `--show-config` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShowConfig {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Config {
    /// Reads files and variables below what the command line says.
    pub fn load(
        application: Application,
        line: CommandLine,
        variables: &Variables,
    ) -> Result<Self, ServerError> {
        let managed = paths::managed_environment(variables);
        let environments = environments_at_hand(variables, &managed);
        let paths = JupyterPaths::find(variables, &environments)?;
        let explicit = {
            let reader = Reader::new(&line.settings, variables);
            reader
                .class(SERVER)
                .text("config_file")?
                .filter(|file| !file.is_empty())
        };
        let explicit = explicit.map(|file| variables.absolute(&file));
        let read = files::read(&paths.config, explicit.as_deref())?;
        let mut settings = read.settings;
        settings.merge(line.settings);
        let mut warnings = std::mem::take(&mut settings.warnings);
        if let Some(ignored) = line.words.get(1) {
            warnings.push(format!(
                "only one file or directory can be opened; `{ignored}` is ignored"
            ));
        }
        let reader = Reader::new(&settings, variables);
        let mut config = Self::from_settings(
            application,
            &reader,
            variables,
            paths,
            environments,
            line.words.first(),
        )?;
        config.warnings.splice(0..0, warnings);
        config.warnings.extend(leftovers::warnings(&reader, &read.python));
        config.process.files = read.read;
        config.process.known_settings = reader.known();
        config.process.settings = settings;
        Ok(config)
    }

    fn from_settings(
        application: Application,
        reader: &Reader<'_>,
        variables: &Variables,
        paths: JupyterPaths,
        environments: Vec<PythonEnvironment>,
        word: Option<&String>,
    ) -> Result<Self, ServerError> {
        let server = reader.class(SERVER);
        let own = reader.class(ADRASTEA);
        let mut warnings = Vec::new();
        let directories = Directories::read(reader, variables, word.map(String::as_str))?;
        let network = NetworkConfig::read(reader, variables)?;
        let base_url = BaseUrl::new(&server.text("base_url")?.unwrap_or_default());
        let default_url = default_url(application, reader, &base_url)?;
        let identity = identity::read(reader, variables, &paths, &network, &base_url, &mut warnings)?;
        let kernels = kernels::read(
            reader,
            variables,
            &paths,
            &environments,
            &directories.root_dir,
            &mut warnings,
        )?;
        let policy = own.text("policy")?.unwrap_or_else(|| "owner".to_owned());
        if authorization::policies::named(&policy).is_none() {
            return Err(own
                .bad("policy", "`owner`, `read-only`, `read-write` or `temporary`")
                .into());
        }
        let contents = contents::read(reader, variables, &paths, &directories, &policy)?;
        let parts = Parts {
            paths: &paths,
            environments: &environments,
            directories: &directories,
            base_url: &base_url,
            default_url: &default_url,
            contents: &contents,
            login_available: identity.is_login_needed(),
        };
        let frontends = frontends::read(reader, variables, &parts)?;
        let body_bytes_max = server.integer("max_body_size")?.unwrap_or(BODY_BYTES_MAX);
        Ok(Self {
            application,
            default_url,
            policy,
            uploads: contents::uploads(reader)?,
            signatures_file: contents::signatures_file(reader, variables, &paths)?,
            kernels,
            kernels_per_user_max: kernels::per_user_max(reader)?,
            metrics: metrics::read(reader, variables, &mut warnings)?,
            channels: channels::read(reader)?,
            contents,
            frontends,
            body_bytes_max,
            headers: headers(reader, &mut warnings)?,
            event_schemas: event_schemas(&own, variables)?,
            extra_log_scrub_param_keys: server.list("extra_log_scrub_param_keys")?.unwrap_or_default(),
            keeps_state: own.switch("keep_state")?.unwrap_or(true),
            time_zone: local_time::time_zone(variables),
            process: ProcessConfig::read(application, reader)?,
            network,
            base_url,
            directories,
            identity,
            paths,
            environments,
            warnings,
        })
    }
}

impl ProcessConfig {
    fn read(application: Application, reader: &Reader<'_>) -> Result<Self, ServerError> {
        let server = reader.class(SERVER);
        let extension = reader.class(application.classes());
        let own = reader.class(SERVER_ONLY);
        let open_browser = match (own.switch("open_browser")?, extension.switch("open_browser")?) {
            (_, Some(open)) | (Some(open), None) => open,
            (None, None) => application != Application::Server,
        };
        let log_level = match (
            own.text_or_number("log_level")?,
            server.text_or_number("log_level")?,
        ) {
            (Some(level), _) | (None, Some(level)) => logging::level_named(&level)
                .ok_or_else(|| server.bad("log_level", "DEBUG, INFO, WARN, ERROR or CRITICAL"))?,
            (None, None) => LevelFilter::INFO,
        };
        let show_config = match (server.switch("show_config")?, server.switch("show_config_json")?) {
            (_, Some(true)) => Some(ShowConfig::Json),
            (Some(true), _) => Some(ShowConfig::Text),
            _ => None,
        };
        Ok(Self {
            log_level,
            open_browser,
            browser: server.text("browser")?.filter(|command| !command.is_empty()),
            use_redirect_file: server.switch("use_redirect_file")?.unwrap_or(true),
            no_browser_open_file: server.switch("no_browser_open_file")?.unwrap_or(false),
            allow_root: server.switch("allow_root")?.unwrap_or(false),
            answer_yes: server.switch("answer_yes")?.unwrap_or(false),
            setup: reader.class(ADRASTEA).switch("setup")?.unwrap_or(false),
            keep_kernels: reader.class(ADRASTEA).switch("keep_kernels")?.unwrap_or(false),
            show_config,
            settings: Settings::default(),
            files: Vec::new(),
            known_settings: Vec::new(),
        })
    }
}

/// `default_url` below the base URL: of the front end that was asked for, else of the server.
fn default_url(
    application: Application,
    reader: &Reader<'_>,
    base_url: &BaseUrl,
) -> Result<String, ServerError> {
    let of_frontend = reader.class(application.classes()).text("default_url")?;
    let given = match of_frontend {
        Some(url) => Some(url),
        None => reader.class(SERVER_ONLY).text("default_url")?,
    };
    let url = given
        .filter(|url| !url.is_empty())
        .unwrap_or_else(|| application.default_url().to_owned());
    Ok(match url.starts_with(base_url.as_str()) {
        true => url,
        false => base_url.join(&url),
    })
}

fn event_schemas(own: &Traits<'_>, variables: &Variables) -> Result<Vec<PathBuf>, ServerError> {
    let files = own.list("event_schemas")?.unwrap_or_default();
    Ok(files.iter().map(|file| variables.absolute(file)).collect())
}

/// The headers of `tornado_settings`: beside the pings of WebSockets the one part of it that means something without
/// tornado.
fn headers(
    reader: &Reader<'_>,
    warnings: &mut Vec<String>,
) -> Result<Vec<(HeaderName, HeaderValue)>, ServerError> {
    let server = reader.class(SERVER);
    let mut headers = Vec::new();
    for (key, value) in server.dictionary("tornado_settings")?.unwrap_or_default() {
        if channels::PING_SETTINGS.contains(&key.as_str()) {
            continue;
        }
        let Some(given) = value.as_object().filter(|_| key == "headers") else {
            warnings.push(format!(
                "ServerApp.tornado_settings[\"{key}\"] has no effect: there is no tornado here"
            ));
            continue;
        };
        for (name, value) in given {
            let name_value = (
                name.parse::<HeaderName>(),
                value.as_str().map(HeaderValue::from_str),
            );
            match name_value {
                (Ok(name), Some(Ok(value))) => headers.push((name, value)),
                _ => {
                    return Err(server
                        .bad("tornado_settings", "a dictionary whose headers are valid")
                        .into());
                }
            }
        }
    }
    Ok(headers)
}
