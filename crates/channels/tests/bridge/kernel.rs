//! Fake kernels in this process, behind the real manager.

use std::{io, sync::Arc};

use fake_kernel::{Connection, Ended, FakeKernel, Interrupt};
use futures::{FutureExt, future::BoxFuture};
use kernels::{
    Exit, Kernel, KernelLimits, KernelManager, KernelsConfig, Launch, LaunchError, Launcher, Process, Signal,
    StartKernel,
};
use tokio::sync::watch;

/// A manager whose kernels are fake ones, and the directories it needs.
pub(crate) struct Kernels {
    pub(crate) manager: KernelManager,
    _directory: tempfile::TempDir,
}

impl Kernels {
    pub(crate) fn new() -> Self {
        Self::with_limits(KernelLimits::default())
    }

    pub(crate) fn with_limits(limits: KernelLimits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let spec = directory.path().join("kernels/fake");
        std::fs::create_dir_all(&spec).unwrap();
        let json = r#"{"argv": ["fake", "{connection_file}"], "display_name": "Fake", "language": "fake"}"#;
        std::fs::write(spec.join("kernel.json"), json).unwrap();
        let mut config = KernelsConfig::new(directory.path().to_owned(), directory.path().join("runtime"));
        config.kernelspec_dirs = vec![directory.path().join("kernels")];
        config.default_kernel_name = "fake".to_owned();
        config.limits = limits;
        Self {
            manager: KernelManager::new(config, Arc::new(InProcess)),
            _directory: directory,
        }
    }

    /// A kernel that has answered.
    pub(crate) async fn start(&self) -> Kernel {
        let kernel = self.manager.start(StartKernel::default()).await.unwrap();
        kernel.ready().await.unwrap();
        kernel
    }
}

struct InProcess;

impl Launcher for InProcess {
    fn launch<'a>(&'a self, launch: &'a Launch) -> BoxFuture<'a, Result<Arc<dyn Process>, LaunchError>> {
        async move {
            let connection = Connection::read(&launch.connection_file).unwrap();
            let kernel = FakeKernel::bind(&connection).await.unwrap();
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

/// A kernel that is a task.
struct Task {
    interrupt: Interrupt,
    abort: tokio::task::AbortHandle,
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
            // An aborted task drops its sender.
            let exit = exit.wait_for(Option::is_some).await;
            exit.ok().and_then(|exit| *exit).unwrap_or(Exit::Signal(9))
        }
        .boxed()
    }

    fn stderr_tail(&self) -> String {
        String::new()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.abort.abort();
    }
}
