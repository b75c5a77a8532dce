//! Fake kernels as tasks of this process, behind the real manager.

use std::{io, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use kernels::{
    Exit, Kernel, KernelError, KernelManager, KernelsConfig, Launch, LaunchError, Launcher, Process, Signal,
    StartKernel,
};
use tokio::{sync::watch, task::AbortHandle};

use crate::{Connection, Ended, FakeKernel, FakeKernelError, Interrupt, MAY_TURN_HOSTILE};

/// A manager whose only kernelspec, `fake`, is the fake kernel, and the directories it needs.
pub struct FakeKernels {
    /// The real manager.
    pub manager: KernelManager,
    /// Removed with this value.
    directory: tempfile::TempDir,
}

impl FakeKernels {
    /// Fake kernels with the default configuration.
    ///
    /// # Errors
    /// When the directories cannot be made.
    pub fn new() -> io::Result<Self> {
        Self::with(|_| {})
    }

    /// Fake kernels with a changed configuration.
    ///
    /// # Errors
    /// When the directories cannot be made.
    pub fn with(change: impl FnOnce(&mut KernelsConfig)) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let spec = directory.path().join("kernels/fake");
        std::fs::create_dir_all(&spec)?;
        let json = r#"{"argv": ["fake-kernel"], "display_name": "Fake", "language": "fake"}"#;
        std::fs::write(spec.join("kernel.json"), json)?;
        let root = directory.path().join("root");
        std::fs::create_dir(&root)?;
        let mut config = KernelsConfig::new(root, directory.path().join("runtime"));
        config.kernelspec_dirs = vec![directory.path().join("kernels")];
        config.spill_dir = directory.path().to_owned();
        config.default_kernel_name = "fake".to_owned();
        change(&mut config);
        Ok(Self {
            manager: KernelManager::new(config, Arc::new(InProcess)),
            directory,
        })
    }

    /// The directory of everything, with `root` in it.
    #[must_use]
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Starts a kernel that has answered.
    ///
    /// # Errors
    /// What the manager says.
    pub async fn start(&self) -> Result<Kernel, KernelError> {
        let kernel = self.manager.start(StartKernel::default()).await?;
        kernel.ready().await?;
        Ok(kernel)
    }
}

/// The argument of a kernelspec whose kernels hear of subscriptions late.
const SLOW_SUBSCRIPTIONS: &str = "--slow-subscriptions";

/// How late.
const SLOW_SUBSCRIPTIONS_TIME: Duration = Duration::from_millis(300);

/// Launches fake kernels as tasks, whatever program the kernelspec names. With `--slow-subscriptions` in its `argv`
/// a kernel hears of subscriptions only when it answers already; with [`MAY_TURN_HOSTILE`] it may.
#[derive(Clone, Copy, Debug, Default)]
pub struct InProcess;

impl Launcher for InProcess {
    fn launch<'a>(&'a self, launch: &'a Launch) -> BoxFuture<'a, Result<Arc<dyn Process>, LaunchError>> {
        async move {
            let kernel = bind(launch).await.map_err(|error| LaunchError::Spawn {
                program: "fake-kernel".to_owned(),
                source: io::Error::other(error),
            })?;
            let interrupt = kernel.interrupt_handle();
            let (ended, exit) = watch::channel(None);
            let task = tokio::spawn(async move {
                let code = match kernel.serve().await {
                    Ended::ShutDown => 0,
                    Ended::Exit(code) => code,
                };
                ended.send_replace(Some(Exit::Code(code)));
            });
            Ok(Arc::new(Task {
                interrupt,
                abort: task.abort_handle(),
                exit,
            }) as Arc<dyn Process>)
        }
        .boxed()
    }
}

async fn bind(launch: &Launch) -> Result<FakeKernel, FakeKernelError> {
    let has = |wanted: &str| launch.argv.iter().any(|argument| argument == wanted);
    let connection = Connection::read(&launch.connection_file)?;
    let kernel = match has(MAY_TURN_HOSTILE) {
        true => FakeKernel::bind_hostile(&connection).await?,
        false => FakeKernel::bind(&connection).await?,
    };
    Ok(match has(SLOW_SUBSCRIPTIONS) {
        true => kernel.hearing_subscriptions_after(SLOW_SUBSCRIPTIONS_TIME),
        false => kernel,
    })
}

/// A kernel that is a task.
struct Task {
    interrupt: Interrupt,
    abort: AbortHandle,
    exit: watch::Receiver<Option<Exit>>,
}

impl Process for Task {
    fn id(&self) -> Option<u32> {
        None
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        match signal {
            Signal::Interrupt => self.interrupt.interrupt(),
            Signal::Terminate | Signal::Kill => self.abort.abort(),
        }
        Ok(())
    }

    fn ended(&self) -> BoxFuture<'_, Exit> {
        let mut exit = self.exit.clone();
        async move {
            // A task that was aborted has dropped its sender: killed.
            let exit = exit.wait_for(Option::is_some).await;
            exit.ok().and_then(|exit| *exit).unwrap_or(Exit::Signal(9))
        }
        .boxed()
    }

    fn stderr_tail(&self) -> String {
        "a fake kernel's last words".to_owned()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.abort.abort();
    }
}
