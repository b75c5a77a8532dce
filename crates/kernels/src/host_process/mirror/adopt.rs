//! Taking over hosts that another server has started.

use serde::Deserialize;
use tracing::{debug, warn};

use super::{
    Connected, LeftBehind, Spawning, clear_away,
    connect::{connect_to, is_gone, kill},
    keep,
};
use crate::{
    ConnectionFile, KernelsConfig, Phase, ResourceLimits,
    host::{HostHandle, HostSettings},
    host_process::{
        protocol::{ProtocolError, Wanted},
        registry::HostRecord,
        setup::Setup,
    },
    launch::LaunchPlan,
};

/// What became of a host that was written down.
pub(crate) enum Adopted {
    /// It runs, and is this server's.
    Running(Box<HostHandle>),
    /// It is gone, and so is all that it left behind.
    Gone,
    /// It may run: it did not answer, or speaks another version. Nothing of it was touched.
    Unreached(ProtocolError),
}

/// Takes a host over, if it is still there and its kernel lives. Of one that is gone for certain nothing is left.
pub(crate) async fn adopt(spawning: Spawning, config: &KernelsConfig, record: &HostRecord) -> Adopted {
    let id = &record.kernel_id;
    let connected = match connect_to(
        &record.address,
        config.limits.message_bytes_max,
        Wanted::default(),
    )
    .await
    {
        Ok(connected) => connected,
        Err(error) if is_gone(&error) => {
            debug!(kernel.id = %id, "the host of kernel {id} is gone");
            clean_up(&spawning, config, record).await;
            return Adopted::Gone;
        }
        Err(error) => return Adopted::Unreached(error),
    };
    if matches!(connected.attached.status.phase, Phase::Ended(_)) {
        debug!(kernel.id = %id, "kernel {id} has ended meanwhile");
        spawning.registry.forget(&record.address).await;
        return Adopted::Gone;
    }
    let setup = setup_of(&spawning, config, record, &connected);
    Adopted::Running(Box::new(keep(spawning, setup, None, connected)))
}

/// The same, of a server whose kernels are all to end: a host that does not answer is ended. One that speaks another version
/// is left alone, as ever.
pub(crate) async fn adopt_or_end(spawning: Spawning, config: &KernelsConfig, record: &HostRecord) -> Adopted {
    let error = match adopt(spawning.clone(), config, record).await {
        Adopted::Unreached(error) => error,
        adopted => return adopted,
    };
    if matches!(error, ProtocolError::OtherVersion { .. }) || !kill(&record.address).await {
        return Adopted::Unreached(error);
    }
    let id = &record.kernel_id;
    warn!(kernel.id = %id, %error, "the host of kernel {id} does not answer and is killed");
    clean_up(&spawning, config, record).await;
    Adopted::Gone
}

/// Removes what a host has left that was killed together with the server.
async fn clean_up(spawning: &Spawning, config: &KernelsConfig, record: &HostRecord) {
    let connection_file = ConnectionFile::path(&config.runtime_dir, &record.kernel_id);
    clear_away(LeftBehind {
        host_mark: record.address.mark(),
        files: [record.address.socket.clone(), connection_file],
        ipc_dir: spawning.ipc_dir.clone(),
        control_group: config.control_group.clone(),
    })
    .await;
    spawning.registry.forget(&record.address).await;
}

/// What another host of the kernel would be made from: launched as this one, kept as this server keeps kernels. A host
/// of another version may say in other words how it launched its kernel; then it is served as it is, and when it is gone
/// its kernel is not started again.
fn setup_of(
    spawning: &Spawning,
    config: &KernelsConfig,
    record: &HostRecord,
    connected: &Connected,
) -> Setup {
    let config_settings = HostSettings::new(config);
    let settings = connected.attached.setup.get("settings");
    let narrower = settings
        .and_then(|settings| ResourceLimits::deserialize(settings.get("resource_limits")?).ok())
        .unwrap_or_default();
    let plan = connected
        .attached
        .setup
        .get("plan")
        .unwrap_or(&serde_json::Value::Null);
    let plan = LaunchPlan::deserialize(plan).unwrap_or_else(|error| {
        debug!(kernel.id = %record.kernel_id, %error, "a host of another version says how its kernel is launched");
        LaunchPlan::unknown(config, record.kernel_id.clone(), record.name.clone())
    });
    Setup {
        address: record.address.clone(),
        plan: plan.marked(record.address.mark()),
        settings: HostSettings {
            // As its kernelspec said.
            resource_limits: config.resource_limits.narrowed(narrower),
            ..config_settings
        },
        orphan_timeout: spawning.orphan_timeout,
        predecessor: None,
    }
}
