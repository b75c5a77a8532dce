//! All kernels of this server.

mod adoption;
mod ending;
mod slots;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use store::Store;
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::info;

use self::slots::Kernels;

use crate::{
    ConnectionFile, Kernel, KernelAction, KernelDone, KernelEnding, KernelError, KernelId, KernelObserver,
    KernelsConfig, Kernelspecs, ResourceLimits,
    external::ExternalLauncher,
    host::{self, HostHandle, HostSettings, HostSetup},
    host_process::{self, Registry, Spawning},
    launch::{LaunchPlan, Launcher, lookup},
    observer::Unobserved,
    place::{absolute_name, directory_for},
    usage::measure_all,
};

/// How many endings a listener may lag behind before it is told that it lags.
const ENDINGS_QUEUED_MAX: usize = 1_024;

/// Listings do not measure what was measured so short ago. Front ends ask for them all the time.
const USAGE_AGE_MAX: Duration = Duration::from_secs(5);

/// How long a listing waits for what kernels use.
const USAGE_WAIT: Duration = Duration::from_millis(250);

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct StartKernel {
    /// The kernelspec's name; the default one when `None`.
    pub name: Option<String>,
    /// The id it shall have; a random one when `None`.
    pub id: Option<KernelId>,
    /// The document it is for, relative to the root directory: it starts in that document's directory, or the
    /// nearest one above that exists.
    pub path: Option<String>,
    /// Added to its environment, as `JPY_SESSION_NAME`.
    pub env: Vec<(String, String)>,
}

/// Starts kernels and knows which are running. A cheap handle.
#[derive(Clone)]
pub struct KernelManager(Arc<Shared>);

struct Shared {
    config: Arc<KernelsConfig>,
    kernelspecs: Kernelspecs,
    launcher: Arc<dyn Launcher>,
    /// A plain mutex, never held across an await.
    kernels: Mutex<Kernels>,
    endings: broadcast::Sender<KernelEnding>,
    observer: Arc<dyn KernelObserver>,
    registry: Registry,
    /// Cancelled when nothing starts any more.
    closing: CancellationToken,
    /// Cancelled when all kernels are to end, also those that are being launched.
    ending: CancellationToken,
    /// Cancelled when what is still being launched is given up; with `ending`, too.
    launching: CancellationToken,
    /// What is being launched.
    launches: TaskTracker,
    /// Hosts of the server before that have not answered yet.
    adoptions: TaskTracker,
}

impl KernelManager {
    /// A manager that starts kernels with `launcher`.
    #[must_use]
    pub fn new(config: KernelsConfig, launcher: Arc<dyn Launcher>) -> Self {
        Self::observed(config, launcher, Arc::new(Unobserved))
    }

    /// The same, and `observer` is told of all that is done to kernels.
    #[must_use]
    pub fn observed(
        config: KernelsConfig,
        launcher: Arc<dyn Launcher>,
        observer: Arc<dyn KernelObserver>,
    ) -> Self {
        Self::with_registry(config, launcher, observer, Registry::new(None))
    }

    /// The same, and it is written down in `store` which kernels have hosts that outlive this process.
    #[must_use]
    pub fn persisted(
        config: KernelsConfig,
        launcher: Arc<dyn Launcher>,
        observer: Arc<dyn KernelObserver>,
        store: Store,
    ) -> Self {
        Self::with_registry(config, launcher, observer, Registry::new(Some(store)))
    }

    fn with_registry(
        config: KernelsConfig,
        launcher: Arc<dyn Launcher>,
        observer: Arc<dyn KernelObserver>,
        registry: Registry,
    ) -> Self {
        let ending = CancellationToken::new();
        Self(Arc::new(Shared {
            kernelspecs: Kernelspecs::new(&config),
            config: Arc::new(config),
            launcher,
            kernels: Mutex::default(),
            endings: broadcast::Sender::new(ENDINGS_QUEUED_MAX),
            observer,
            registry,
            closing: CancellationToken::new(),
            launching: ending.child_token(),
            ending,
            launches: TaskTracker::new(),
            adoptions: TaskTracker::new(),
        }))
    }

    fn spawning(&self) -> Option<Spawning> {
        let config = &self.0.config;
        Some(Spawning {
            program: config.host_program.clone()?,
            hosts_dir: config.hosts_dir(),
            ipc_dir: config.ipc_dir(),
            orphan_timeout: config.orphan_timeout,
            registry: self.0.registry.clone(),
        })
    }

    /// The kernels that can be started.
    #[must_use]
    pub fn kernelspecs(&self) -> &Kernelspecs {
        &self.0.kernelspecs
    }

    /// The directory that a kernel for the document `path` (relative to the root directory) starts in.
    #[must_use]
    pub fn directory_for(&self, path: &str) -> PathBuf {
        directory_for(&self.0.config.root_dir, path)
    }

    /// Starts a kernel. Returns when it has opened its sockets (or is slow to): one that dies at once is an
    /// error that carries its own words, and leaves nothing behind.
    ///
    /// # Errors
    /// When the kernelspec is unknown or broken, the id is taken, or the process cannot be started or dies.
    pub async fn start(&self, mut start: StartKernel) -> Result<Kernel, KernelError> {
        let asked = start.name.take().filter(|name| !name.is_empty());
        let name: Arc<str> = asked
            .unwrap_or_else(|| self.0.config.default_kernel_name.clone())
            .into();
        let id = start.id.take().unwrap_or_else(KernelId::random);
        let started = self.launch(&name, id.clone(), start).await;
        self.0.observer.done(KernelDone {
            action: KernelAction::Start,
            id,
            name,
            failure: started.as_ref().err().map(ToString::to_string),
        });
        started
    }

    async fn launch(&self, name: &str, id: KernelId, start: StartKernel) -> Result<Kernel, KernelError> {
        let config = &self.0.config;
        let spec = self.0.kernelspecs.get(name).await?;
        let reservation = self.reserve(id.clone())?;
        let directory = start.path.as_deref().map_or_else(
            || config.root_dir.clone(),
            |path| directory_for(&config.root_dir, path),
        );
        let narrower = ResourceLimits::of_metadata(&spec.spec.metadata);
        let narrower = narrower.map_err(|problem| KernelError::BadKernelspec {
            name: spec.name.to_string(),
            problem,
        })?;
        let settings = HostSettings {
            resource_limits: config.resource_limits.narrowed(narrower),
            ..HostSettings::new(config)
        };
        let plan = LaunchPlan::new(config, &spec, id.clone(), directory.clone(), start.env);
        let host = self.start_host(settings, plan).await?;
        let kernel = Kernel::new(
            id.clone(),
            spec.name.as_str().into(),
            directory.into(),
            host,
            config.kernel_info_timeout,
            self.0.observer.clone(),
        );
        reservation.fill(kernel.clone());
        self.remove_when_ended(kernel.clone(), 0);
        info!(kernel.id = %id, "started kernel {id} ({})", kernel.name());
        if let Err(error) = kernel.outlives(config.early_death_window).await {
            self.lock().forget(&kernel);
            return Err(match self.ends(&kernel) {
                true => KernelError::Stopping,
                false => error,
            });
        }
        match self.ends(&kernel) {
            true => Err(KernelError::Stopping),
            false => Ok(kernel),
        }
    }

    /// Takes in a kernel that somebody else started; what comes back lets go of it.
    pub(crate) async fn take_in(
        &self,
        connection: ConnectionFile,
        connection_file: PathBuf,
    ) -> Result<(KernelId, CancellationToken), KernelError> {
        let (config, id, let_go) = (&self.0.config, KernelId::random(), CancellationToken::new());
        let reservation = self.reserve(id.clone())?;
        let plan = LaunchPlan::external(config, id.clone(), connection, connection_file);
        let name = plan.name.clone();
        let settings = HostSettings {
            autorestart: false,
            ..HostSettings::new(config)
        };
        let host = host::start(HostSetup {
            settings,
            launcher: Arc::new(ExternalLauncher(let_go.clone())),
            plan,
            predecessor: None,
        })
        .await?;
        let (timeout, observer) = (config.kernel_info_timeout, self.0.observer.clone());
        let directory = config.root_dir.as_path().into();
        let kernel = Kernel::new(id.clone(), name, directory, host, timeout, observer);
        let kernel = kernel.external(let_go.clone());
        reservation.fill(kernel.clone());
        self.remove_when_ended(kernel, 0);
        Ok((id, let_go))
    }

    /// Launches a kernel and what looks after it: a process of its own where one is configured, else a task.
    async fn start_host(&self, settings: HostSettings, plan: LaunchPlan) -> Result<HostHandle, KernelError> {
        match self.spawning() {
            Some(spawning) => host_process::start(spawning, settings, plan, &self.0.launching).await,
            None => {
                let launcher = self.0.launcher.clone();
                host::start(HostSetup {
                    settings,
                    launcher,
                    plan,
                    predecessor: None,
                })
                .await
            }
        }
    }

    /// The kernel of this id.
    ///
    /// # Errors
    /// [`KernelError::NoSuchKernel`].
    pub fn get(&self, id: &KernelId) -> Result<Kernel, KernelError> {
        let kernel = self.lock().running(id).cloned();
        kernel.ok_or_else(|| KernelError::NoSuchKernel { id: id.clone() })
    }

    /// Whether the id belongs to a kernel, also one that is being launched.
    #[must_use]
    pub fn is_taken(&self, id: &KernelId) -> bool {
        self.lock().is_taken(id)
    }

    /// The absolute name of what a path in the kernel's output names, if it is there. Tells of the whole file system,
    /// as code in the kernel could: for those who may run some.
    ///
    /// # Errors
    /// [`KernelError::NoSuchKernel`].
    pub async fn resolve_path(&self, id: &KernelId, path: &str) -> Result<Option<String>, KernelError> {
        let kernel = self.get(id)?;
        let path = path.to_owned();
        let home = lookup(&self.0.config.environment, "HOME").map(PathBuf::from);
        // Directories may be slow. Only a shutdown cuts the work off, and then nobody waits for it.
        let resolve = move || absolute_name(&path, kernel.directory(), home.as_deref());
        Ok(tokio::task::spawn_blocking(resolve).await.unwrap_or_default())
    }

    /// All running kernels, in the order they were started.
    #[must_use]
    pub fn list(&self) -> Vec<Kernel> {
        self.lock().all_running()
    }

    /// Measures what all running kernels use, if that was not known lately, so that their models show it. Waits for the
    /// slow ones not for long: theirs is shown the next time.
    pub async fn measure(&self) {
        measure_all(&self.list(), USAGE_AGE_MAX, USAGE_WAIT).await;
    }

    /// Kernels as they end, for whatever reason: whoever keeps something about a kernel (its owner,
    /// its session) lets go of it then.
    #[must_use]
    pub fn endings(&self) -> broadcast::Receiver<KernelEnding> {
        self.0.endings.subscribe()
    }

    /// `told`: restarts that are known already.
    fn remove_when_ended(&self, kernel: Kernel, told: u64) {
        let manager = self.clone();
        tokio::spawn(async move {
            kernel.tell_restarts(told).await;
            kernel.ended().await;
            let ending = KernelEnding::now(kernel.id().clone());
            manager.lock().forget(&kernel);
            // Nobody listening is fine.
            let _listeners = manager.0.endings.send(ending);
        });
    }

    fn lock(&self) -> MutexGuard<'_, Kernels> {
        self.0.kernels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
