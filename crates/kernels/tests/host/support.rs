//! Fake kernels in this process, and a client that talks to them.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use fake_kernel::InProcess;
use futures::future::BoxFuture;
use kernels::{
    Attachment, ClientId, Delivery, Kernel, KernelManager, KernelsConfig, Launch, LaunchError, Launcher,
    Process, StartKernel,
};
use serde_json::{Value, json};
use wire::{Channel, Message, NewHeader};

/// How long a test waits for what should come at once.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Kernels of one test: a manager over fake kernels and temporary directories.
pub(crate) struct Fixture {
    pub(crate) manager: KernelManager,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) launches: Arc<Launches>,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut KernelsConfig)) -> Self {
        let launches = Arc::new(Launches::default());
        let dir = tempfile::tempdir().unwrap();
        let manager = manager(&dir, launches.clone(), change);
        Self {
            manager,
            dir,
            launches,
        }
    }

    pub(crate) async fn start(&self) -> Kernel {
        let kernel = self.manager.start(fake()).await.unwrap();
        kernel.ready().await.unwrap();
        kernel
    }

    pub(crate) fn connection_file(&self, kernel: &Kernel) -> PathBuf {
        self.dir
            .path()
            .join("runtime")
            .join(format!("kernel-{}.json", kernel.id()))
    }
}

/// A manager whose kernelspecs are `fake` and whatever `change` adds.
pub(crate) fn manager(
    dir: &tempfile::TempDir,
    launcher: Arc<dyn Launcher>,
    change: impl FnOnce(&mut KernelsConfig),
) -> KernelManager {
    install(dir, "fake", &json!({"argv": ["fake"], "language": "fake"}));
    let root_dir = dir.path().join("root");
    std::fs::create_dir_all(&root_dir).unwrap();
    let mut config = KernelsConfig::new(root_dir, dir.path().join("runtime"));
    config.kernelspec_dirs = vec![dir.path().join("kernels")];
    config.spill_dir = dir.path().to_owned();
    config.kernel_info_timeout = DEADLINE;
    config.early_death_window = DEADLINE;
    change(&mut config);
    KernelManager::new(config, launcher)
}

pub(crate) fn install(dir: &tempfile::TempDir, name: &str, kernel_json: &Value) {
    let resource_dir = dir.path().join("kernels").join(name);
    std::fs::create_dir_all(&resource_dir).unwrap();
    std::fs::write(resource_dir.join("kernel.json"), kernel_json.to_string()).unwrap();
}

pub(crate) fn fake() -> StartKernel {
    named("fake")
}

pub(crate) fn named(name: &str) -> StartKernel {
    StartKernel {
        name: Some(name.to_owned()),
        ..StartKernel::default()
    }
}

/// Launches fake kernels as tasks, each when it is told to.
#[derive(Default)]
pub(crate) struct HeldUp {
    /// A permit lets one go.
    pub(crate) gate: tokio::sync::Notify,
    /// How many have come to it.
    pub(crate) waiting: AtomicUsize,
}

impl Launcher for HeldUp {
    fn launch<'a>(&'a self, launch: &'a Launch) -> BoxFuture<'a, Result<Arc<dyn Process>, LaunchError>> {
        Box::pin(async move {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            self.gate.notified().await;
            InProcess.launch(launch).await
        })
    }
}

/// Launches fake kernels as tasks, and remembers what it was asked to launch.
#[derive(Default)]
pub(crate) struct Launches {
    pub(crate) seen: Mutex<Vec<Launch>>,
}

impl Launches {
    pub(crate) fn last(&self) -> Launch {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

impl Launcher for Launches {
    fn launch<'a>(&'a self, launch: &'a Launch) -> BoxFuture<'a, Result<Arc<dyn Process>, LaunchError>> {
        self.seen.lock().unwrap().push(launch.clone());
        InProcess.launch(launch)
    }
}

/// A front end.
pub(crate) struct Client {
    pub(crate) kernel: Kernel,
    pub(crate) attachment: Attachment,
}

impl Client {
    pub(crate) fn attach(kernel: &Kernel, name: &str) -> Self {
        Self {
            kernel: kernel.clone(),
            attachment: kernel.attach(ClientId::new(name)),
        }
    }

    /// Sends a request of this type and id.
    pub(crate) async fn send(&self, channel: Channel, msg_type: &str, msg_id: &str, content: &Value) {
        let session = self.attachment.client().as_str();
        let header = NewHeader {
            msg_id,
            msg_type,
            session,
            username: "",
            date: "",
        };
        let message = Message::new(channel, header, None, content);
        self.kernel
            .send(self.attachment.client().clone(), message)
            .await
            .unwrap();
    }

    pub(crate) async fn execute(&self, msg_id: &str, code: &str) {
        let content = json!({"code": code, "allow_stdin": true});
        self.send(Channel::Shell, "execute_request", msg_id, &content)
            .await;
    }

    pub(crate) async fn next(&mut self) -> Arc<Delivery> {
        let next = tokio::time::timeout(DEADLINE, self.attachment.next())
            .await
            .unwrap();
        next.unwrap().unwrap()
    }

    /// Reads until a message of this type that answers this request (any, if empty), and gives its content.
    pub(crate) async fn until(&mut self, msg_type: &str, request: &str) -> Value {
        loop {
            let delivery = self.next().await;
            let parent = delivery
                .message()
                .parent()
                .unwrap()
                .map(|parent| parent.msg_id.into_owned());
            let answers = request.is_empty() || parent.as_deref() == Some(request);
            if answers && delivery.message().header().unwrap().msg_type == msg_type {
                return serde_json::from_slice(&delivery.message().content).unwrap();
            }
        }
    }

    /// Reads until the request is done and gives the text its cell printed.
    pub(crate) async fn output(&mut self, request: &str) -> String {
        let mut text = String::new();
        loop {
            let delivery = self.next().await;
            let parent = delivery
                .message()
                .parent()
                .unwrap()
                .map(|parent| parent.msg_id.into_owned());
            if parent.as_deref() != Some(request) {
                continue;
            }
            let content: Value = serde_json::from_slice(&delivery.message().content).unwrap();
            match &*delivery.message().header().unwrap().msg_type {
                "stream" => text.push_str(content["text"].as_str().unwrap()),
                "status" if content["execution_state"] == "idle" => return text,
                _ => {}
            }
        }
    }
}

/// Waits until `condition` holds.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}
