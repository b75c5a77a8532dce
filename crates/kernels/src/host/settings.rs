//! What of the configuration a host needs: plain values, so that they can be given to another process.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::untracked_message_types;
use crate::{KernelLimits, KernelsConfig, ResourceLimits, Transport};

/// How a host keeps its kernel. See [`KernelsConfig`] for each field.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HostSettings {
    pub(crate) spill_dir: PathBuf,
    pub(crate) transport: Transport,
    pub(crate) shutdown_wait: Duration,
    pub(crate) autorestart: bool,
    pub(crate) restart_limit: u32,
    pub(crate) restart_wait_max: Duration,
    pub(crate) stable_start_time: Duration,
    pub(crate) heartbeat_interval: Duration,
    #[serde(default = "untracked_message_types")]
    pub(crate) untracked_message_types: Vec<String>,
    pub(crate) limits: KernelLimits,
    #[serde(default)]
    pub(crate) resource_limits: ResourceLimits,
    #[serde(default)]
    pub(crate) control_group: Option<PathBuf>,
}

impl HostSettings {
    pub(crate) fn new(config: &KernelsConfig) -> Self {
        Self {
            spill_dir: config.spill_dir.clone(),
            transport: config.transport.clone(),
            shutdown_wait: config.shutdown_wait,
            autorestart: config.autorestart,
            restart_limit: config.restart_limit,
            restart_wait_max: config.restart_wait_max,
            stable_start_time: config.stable_start_time,
            heartbeat_interval: config.heartbeat_interval,
            untracked_message_types: config.untracked_message_types.clone(),
            limits: config.limits.clone(),
            resource_limits: config.resource_limits,
            control_group: config.control_group.clone(),
        }
    }
}
