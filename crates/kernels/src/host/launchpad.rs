//! Where the processes of one kernel start, one after the other: same addresses, same connection file, same queues.

use std::{sync::Arc, time::Instant};

use tokio::{sync::mpsc, task::JoinHandle};
use tracing::{debug, warn};

use super::{
    core::Core,
    endpoints::Endpoints,
    handle::{Lanes, Upward},
    link::Linking,
    settings::HostSettings,
    uplink::Lane,
};
use crate::{
    ConnectionFile, KernelError, Process,
    addresses::Addresses,
    launch::{Launch, LaunchPlan, Launcher},
    limits::{Guarding, cgroup::Group, guard},
    sockets::{SocketError, SocketLimits},
    usage::Meter,
};

/// What stays when a process is replaced by the next.
pub(super) struct Launchpad {
    pub(super) settings: HostSettings,
    pub(super) plan: LaunchPlan,
    pub(super) core: Arc<Core>,
    /// Looks at the process that runs.
    meter: Arc<Meter>,
    pub(super) lanes: Lanes<Lane>,
    /// The sending ends of the lanes, for requests of our own.
    pub(super) own: Lanes<mpsc::Sender<Upward>>,
    launcher: Arc<dyn Launcher>,
    addresses: Addresses,
    connection: ConnectionFile,
}

/// One process and its sockets.
pub(super) struct Running {
    pub(super) process: Arc<dyn Process>,
    pub(super) link: Link,
    pub(super) since: Instant,
    /// Whether it has answered on sockets that broke since.
    pub(super) has_answered: bool,
}

/// The task that serves the sockets; dropped, it ends.
pub(super) struct Link(pub(super) JoinHandle<SocketError>);

impl Drop for Link {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Launchpad {
    /// Finds addresses.
    pub(super) fn new(
        settings: HostSettings,
        launcher: Arc<dyn Launcher>,
        plan: LaunchPlan,
        core: Arc<Core>,
        meter: Arc<Meter>,
        lanes: Lanes<Lane>,
        own: Lanes<mpsc::Sender<Upward>>,
    ) -> Result<Self, KernelError> {
        let (addresses, connection) = match plan.external.clone() {
            Some(connection) => (Addresses::elsewhere(&connection)?, connection),
            None => {
                let addresses = Addresses::find(&settings.transport, &plan.host_mark)?;
                let connection = addresses.connection_file(&plan.name, plan.session_name())?;
                (addresses, connection)
            }
        };
        Ok(Self {
            settings,
            plan,
            core,
            meter,
            lanes,
            own,
            launcher,
            addresses,
            connection,
        })
    }

    /// Writes the connection file and starts a process that reads it.
    pub(super) async fn launch(&mut self) -> Result<Running, KernelError> {
        if self.plan.external.is_none() {
            self.connection.write(&self.plan.connection_file)?;
        }
        self.addresses.hand_over();
        self.plan.change_variables(self.core.variables.all());
        let group = self.group();
        let launch = Launch {
            group: group.clone(),
            ..self.plan.launch(self.connection.clone())
        };
        let launched = self.launcher.launch(&launch).await;
        match launched {
            Ok(process) => {
                self.meter.aim(process.id());
                let process = guard(Guarding {
                    process,
                    limits: self.settings.resource_limits,
                    group,
                    meter: self.meter.clone(),
                    status: self.core.watch(),
                });
                Ok(Running {
                    process,
                    link: self.link()?,
                    since: Instant::now(),
                    has_answered: false,
                })
            }
            Err(error) => {
                self.remove_connection_file();
                Err(error.into())
            }
        }
    }

    /// A control group for the next process, where there are any and something is limited.
    fn group(&self) -> Option<Arc<Group>> {
        let limits = self.settings.resource_limits;
        let parent = self.settings.control_group.as_ref()?;
        if limits.is_unlimited() || self.plan.external.is_some() {
            return None;
        }
        match Group::create(parent, &self.plan.host_mark, limits) {
            Ok(group) => Some(Arc::new(group)),
            Err(error) => {
                warn!(kernel.id = %self.plan.kernel_id, %error, "no control group for a kernel; its processes are looked at instead");
                None
            }
        }
    }

    /// Connects to the process, for as long as the sockets hold.
    pub(super) fn link(&self) -> Result<Link, KernelError> {
        let limits = &self.settings.limits;
        let linking = Linking {
            core: self.core.clone(),
            endpoints: Endpoints::new(&self.connection, &self.addresses)?,
            lanes: self.lanes.clone(),
            own: self.own.clone(),
            limits: SocketLimits {
                message_bytes_max: limits.message_bytes_max,
                frames_max: limits.frames_max,
            },
            heartbeat_interval: self.settings.heartbeat_interval,
        };
        Ok(Link(tokio::spawn(linking.serve())))
    }

    /// Moves to other addresses.
    pub(super) fn renew_addresses(&mut self) -> Result<(), KernelError> {
        self.addresses = Addresses::find(&self.settings.transport, &self.plan.host_mark)?;
        self.connection = self
            .addresses
            .connection_file(&self.plan.name, self.plan.session_name())?;
        Ok(())
    }

    /// Throws away what was meant for a process that is gone: the next knows nothing of it.
    pub(super) async fn clear_queues(&self) {
        let mut discarded = Vec::new();
        for lane in [&self.lanes.shell, &self.lanes.control, &self.lanes.stdin] {
            discarded.extend(lane.discard(&self.core).await);
        }
        self.core.forget_asked(&discarded);
    }

    pub(super) fn remove_connection_file(&self) {
        if self.plan.external.is_some() {
            return;
        }
        if let Err(error) = std::fs::remove_file(&self.plan.connection_file) {
            // Some kernels remove it themselves.
            debug!(kernel.id = %self.plan.kernel_id, %error, "failed to remove the kernel's connection file");
        }
    }
}
