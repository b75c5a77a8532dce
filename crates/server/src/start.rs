//! Wiring: makes every manager, puts the routes behind the guard and the layers around them, and serves.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use api::{AppState, KernelQuota, Merging, Metrics, OurErrorPages, Publisher, Started};
use authorization::{Activity, Authorizer, Guard, Ownership, ResourceKind, Site, policies};
use contents::{ContentsManager, UploadManager, UploadsConfig};
use events::{EventBus, Schemas};
use frontends::Frontends;
use futures::FutureExt;
use identity::{IdentityProvider, Scheme};
use jiff::Timestamp;
use kernels::{KernelManager, Launcher, LocalLauncher, ResourceLimits};
use sessions::SessionManager;
use store::{Instance, InstanceKey, StoreError};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::Config;
use crate::error::ServerError;
use crate::layers::{self, AccessLog, BodyLimit, ResponseHeaders};
use crate::listen::{self, Address, Listener};
use crate::running::{RunningServer, SocketFile};
use crate::runtime_files::{cookie_secret, ensure_private_dir};
use crate::signatures;
use crate::succession::Estate;
use crate::urls::Place;

/// How long kernels go on without a server that has forgotten them when it is gone.
const FORGOTTEN_ORPHAN_TIMEOUT: Duration = Duration::from_secs(10);

/// Parts to use instead of the configured ones, for tests and for embedding.
#[derive(Default)]
pub struct Overrides {
    /// Decides instead of the named policy.
    pub authorizer: Option<Arc<dyn Authorizer>>,
    /// Asked who a request is from, before token and cookie.
    pub schemes: Vec<Arc<dyn Scheme>>,
    /// Starts kernels.
    pub launcher: Option<Arc<dyn Launcher>>,
    /// What the server before left.
    pub estate: Option<Estate>,
}

/// Starts a server with this configuration: it listens and serves when this returns.
pub async fn start(config: Config, overrides: Overrides) -> Result<RunningServer, ServerError> {
    for directory in [&config.paths.runtime_dir, &config.paths.data_dir] {
        ensure_private_dir(directory)?;
    }
    // First of all: when the port is taken, nothing else has happened yet.
    let listener = listener(&config.network.address, overrides.estate)?;
    let local_address = listener.local_address();
    let listeners = listener.duplicates().unwrap_or_default();
    let socket_file = match &config.network.address {
        Address::Unix { path, .. } => Some(SocketFile(path.clone())),
        Address::Tcp { .. } => None,
    };
    let place = place(&config, local_address);

    let instance = instance(&config)?;
    let authorizer = match overrides.authorizer {
        Some(authorizer) => authorizer,
        None => policies::named(&config.policy).unwrap_or_else(policies::read_only),
    };
    let ownership = ownership(&instance).await?;
    let guard = Guard::new(authorizer, ownership.clone());
    let identity = identity_provider(&config, overrides.schemes)?;
    let now = SystemTime::now();
    let frontends = Frontends::discover(
        config.frontends.clone(),
        &Timestamp::now().to_zoned(config.time_zone.clone()),
    );
    let signatures = signatures::open(config.signatures_file.as_deref());
    let events = event_bus(&config.event_schemas)?;
    let publisher = Arc::new(Publisher::new(events.clone()));
    let contents = ContentsManager::observed(config.contents.clone(), signatures, publisher.clone())
        .map_err(|source| service("the contents manager", source))?;
    let uploads = UploadManager::open(
        contents.clone(),
        UploadsConfig {
            records_dir: instance.directory("uploads"),
            ..config.uploads.clone()
        },
    )
    .map_err(|source| service("the upload manager", source))?;
    tokio::spawn(api::expire_uploads(uploads.clone(), ownership.clone()));
    let kernels = kernel_manager(&config, overrides.launcher, publisher, &instance);
    // From the first on: what ends while the rest starts is heard of.
    let endings = kernels.endings();
    let adopted = kernels.adopt().await;
    adopted.map_err(|source| service("the records of kernels", source))?;
    if let Some(dir) = config.kernels.external_dir.clone() {
        tokio::spawn(kernels::find_external_kernels(kernels.clone(), dir));
    }
    let sessions = SessionManager::persisted(kernels.clone(), instance.store().clone()).await;
    let sessions = sessions.map_err(|source| service("the records of sessions", source))?;
    release_gone(&ownership, &kernels, &sessions).await?;
    let merging = Merging::new(
        contents.clone(),
        kernels.clone(),
        sessions.clone(),
        config.channels.filters.clone(),
    );
    if let Some(culling) = config.kernels.culling {
        let merging = merging.clone();
        let before = move |kernel| {
            let merging = merging.clone();
            async move { merging.before_culling(&kernel).await }.boxed()
        };
        tokio::spawn(kernels::cull_idle_kernels(kernels.clone(), culling, before));
    }
    tokio::spawn(api::release_ended_kernels(
        endings,
        kernels.clone(),
        sessions.clone(),
        merging.clone(),
        ownership,
    ));
    let state = AppState {
        own_pages: frontends.own_pages().clone(),
        frontends: frontends.clone(),
        base_url: config.base_url.clone(),
        identity: identity.clone(),
        activity: Activity::since(now),
        started: Started(now),
        stop: CancellationToken::new(),
        contents,
        uploads,
        sessions,
        kernels: kernels.clone(),
        channels: config.channels,
        kernel_quota: KernelQuota {
            per_user_max: config.kernels_per_user_max,
        },
        retelling: channels::RetellingRoom::default(),
        metrics: Metrics::new(config.metrics),
        merging: merging.clone(),
        events,
        connections: api::Connections::default(),
    };
    let site = Site {
        pages: Arc::new(OurErrorPages(state.own_pages.clone())),
        activity: state.activity.clone(),
    };
    let (websockets, stop_asked) = (state.connections.clone(), state.stop.clone());
    let routes = api::routes(guard).into_service(state, identity, site);
    let service = layers::stack(
        routes,
        AccessLog {
            extra_secret_keys: config.extra_log_scrub_param_keys,
            ..AccessLog::default()
        },
        ResponseHeaders::new(config.base_url.clone(), config.headers),
        BodyLimit {
            base_url: config.base_url,
            bytes_max: config.body_bytes_max,
        },
    );
    let stop = CancellationToken::new();
    let accepting = tokio::spawn(listen::serve(listener, service, stop.clone()));
    Ok(RunningServer {
        local_address,
        place,
        kernels,
        merging,
        frontends,
        websockets,
        stop_asked,
        accepting: Some(accepting),
        stop,
        socket_file,
        listeners,
        instance,
    })
}

/// What the server before left, if that is where this one shall listen; else it binds.
fn listener(address: &Address, estate: Option<Estate>) -> Result<Listener, ServerError> {
    let left = estate.map_or_else(Vec::new, |estate| estate.listeners(address));
    if !left.is_empty() {
        match Listener::inherited(address, left) {
            Ok(listener) => return Ok(listener),
            Err(error) => warn!("what the server before listened on cannot be used: {error}"),
        }
    }
    Listener::bind(address)
}

fn place(config: &Config, local_address: Option<SocketAddr>) -> Place {
    let (ip, socket) = match &config.network.address {
        Address::Tcp { ip, .. } => (ip.clone(), None),
        Address::Unix { path, .. } => (String::new(), Some(path.to_string_lossy().into_owned())),
    };
    Place {
        ip,
        port: local_address.map_or(0, |address| address.port()),
        socket,
        base_url: config.base_url.as_str().to_owned(),
        display_url: config.network.custom_display_url.clone(),
    }
}

/// The file of what this server keeps between runs.
fn instance(config: &Config) -> Result<Instance, ServerError> {
    let failed = |source: StoreError| service("the store", source);
    if !config.keeps_state {
        return Instance::in_memory().map_err(failed);
    }
    let root_dir = &config.directories.root_dir;
    let key = InstanceKey {
        root_dir: root_dir.canonicalize().unwrap_or_else(|_| root_dir.clone()),
        base_url: config.base_url.as_str().to_owned(),
        listen: match &config.network.address {
            Address::Tcp { ip, port, .. } => format!("{ip}:{port}"),
            Address::Unix { path, .. } => path.to_string_lossy().into_owned(),
        },
    };
    Instance::open(&config.paths.data_dir, &key).map_err(failed)
}

/// Who owns what.
async fn ownership(instance: &Instance) -> Result<Ownership, ServerError> {
    Ownership::persisted(instance.store().clone())
        .await
        .map_err(|source| service("the records of ownership", source))
}

/// Forgets who owned what has ended since the last server.
async fn release_gone(
    ownership: &Ownership,
    kernels: &KernelManager,
    sessions: &SessionManager,
) -> Result<(), ServerError> {
    let failed = |source| service("the records of ownership", source);
    let kernel_runs = |name: &str| name.parse().is_ok_and(|id| kernels.may_run(&id));
    let session_is_there = |name: &str| name.parse().is_ok_and(|id| sessions.is_known(&id));
    for kind in [ResourceKind::Kernels, ResourceKind::Channels] {
        ownership.release_gone(kind, kernel_runs).await.map_err(failed)?;
    }
    let sessions = ownership.release_gone(ResourceKind::Sessions, session_is_there);
    sessions.await.map_err(failed)?;
    ownership
        .release_all(ResourceKind::Terminals)
        .await
        .map_err(failed)
}

/// The kernels. A launcher that was given is in this process, so its kernels cannot have hosts that are not.
fn kernel_manager(
    config: &Config,
    launcher: Option<Arc<dyn Launcher>>,
    publisher: Arc<Publisher>,
    instance: &Instance,
) -> KernelManager {
    let mut config = config.kernels.clone();
    config.control_group = control_group(&config.resource_limits);
    if !instance.is_persistent() {
        // Nobody will ever find them.
        config.orphan_timeout = config.orphan_timeout.min(FORGOTTEN_ORPHAN_TIMEOUT);
    }
    if launcher.is_some() {
        config.host_program = None;
    }
    let launcher = launcher.unwrap_or_else(|| Arc::new(LocalLauncher));
    KernelManager::persisted(config, launcher, publisher, instance.store().clone())
}

/// Where the groups of kernels are that the system limits, if it does.
fn control_group(limits: &ResourceLimits) -> Option<PathBuf> {
    if limits.is_unlimited() {
        return None;
    }
    match kernels::take_control(limits) {
        Ok(group) => {
            info!("control groups below {} limit what kernels use", group.display());
            Some(group)
        }
        Err(reason) => {
            info!("limits of kernels are kept by looking at their processes: {reason}");
            None
        }
    }
}

/// The bus, with the schemas that were configured.
fn event_bus(schema_files: &[PathBuf]) -> Result<EventBus, ServerError> {
    let failed = |source| service("the event bus", source);
    let mut schemas = Schemas::built_in().map_err(failed)?;
    for file in schema_files {
        schemas.register_file(file).map_err(failed)?;
    }
    Ok(EventBus::new(schemas))
}

fn identity_provider(
    config: &Config,
    schemes: Vec<Arc<dyn Scheme>>,
) -> Result<IdentityProvider, ServerError> {
    let mut settings = config.identity.config.clone();
    settings.cookie_secret = cookie_secret(&config.identity.cookie_secret_file)?;
    IdentityProvider::with_schemes(settings, schemes)
        .map_err(|source| service("the identity provider", source))
}

/// A service that refuses its configuration.
fn service(what: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> ServerError {
    ServerError::Service {
        what,
        source: Box::new(source),
    }
}
