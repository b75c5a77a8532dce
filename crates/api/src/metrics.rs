//! `/api/metrics/v1`: what the server and its kernels use, as the front ends of jupyter-resource-usage ask for it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use authorization::{Authorized, Guard, GuardedRouter, Read};
use axum::extract::State;
use jiff::Timestamp;
use kernels::{DiskUsage, HostVirtualMemory, KernelId, KernelManager, ServerMeter, jupyter_time};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    ApiError, AppState, Json,
    resources::{Api, Kernels},
};

/// The version of Jupyter's messages that answers are written in.
const PROTOCOL_VERSION: &str = "5.4";

/// A kernel is not measured again so soon: its front end asks every five seconds.
const KERNEL_AGE_MAX: Duration = Duration::from_millis(500);

pub(crate) fn routes(guard: Guard) -> GuardedRouter<AppState> {
    GuardedRouter::new(guard)
        .get("/api/metrics/v1", get)
        .get("/api/metrics/v1/kernel_usage/get_usage/{kernel_id}", get_usage)
}

/// Which numbers are shown, and beside which limits: `ResourceUseDisplay` of jupyter-resource-usage. It limits nothing.
#[derive(Clone, Debug)]
pub struct ResourceUseDisplay {
    /// The memory the server and its kernels may use, in bytes; 0 for no limit.
    pub mem_limit: u64,
    /// Warn when less than this part of it is left; 0 never.
    pub mem_warning_threshold: f64,
    /// Whether CPU time is shown.
    pub track_cpu_percent: bool,
    /// The processors it may use; 0 for all.
    pub cpu_limit: f64,
    /// Warn when less than this part of them is left; 0 never.
    pub cpu_warning_threshold: f64,
    /// Whether the disk is shown.
    pub track_disk_usage: bool,
    /// Something on the disk.
    pub disk_path: PathBuf,
    /// Warn when less than this part of it is free; 0 never.
    pub disk_warning_threshold: f64,
    /// Whether what the machine uses is shown beside what a kernel uses.
    pub show_host_usage: bool,
}

impl Default for ResourceUseDisplay {
    fn default() -> Self {
        Self {
            mem_limit: 0,
            mem_warning_threshold: 0.1,
            track_cpu_percent: false,
            cpu_limit: 0.0,
            cpu_warning_threshold: 0.1,
            track_disk_usage: false,
            disk_path: PathBuf::from("/"),
            disk_warning_threshold: 0.1,
            show_host_usage: true,
        }
    }
}

/// What measures, and what of it is shown. A cheap handle.
#[derive(Clone)]
pub struct Metrics(Arc<(ResourceUseDisplay, ServerMeter)>);

impl Metrics {
    /// Counts CPU time from now on.
    #[must_use]
    pub fn new(display: ResourceUseDisplay) -> Self {
        Self(Arc::new((display, ServerMeter::new())))
    }

    fn display(&self) -> &ResourceUseDisplay {
        &self.0.0
    }

    fn meter(&self) -> &ServerMeter {
        &self.0.1
    }
}

/// What the server uses. Members are in the order of the reference.
#[derive(Serialize)]
struct MetricsModel {
    rss: u64,
    limits: Limits,
    #[serde(skip_serializing_if = "Option::is_none")]
    pss: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk_total: Option<u64>,
}

#[derive(Serialize)]
struct Limits {
    memory: MemoryLimits,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<CpuLimits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disk: Option<DiskLimits>,
}

#[derive(Serialize)]
struct MemoryLimits {
    rss: u64,
    pss: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    warn: Option<bool>,
}

#[derive(Serialize)]
struct CpuLimits {
    cpu: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    warn: Option<bool>,
}

#[derive(Serialize)]
struct DiskLimits {
    disk: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    warn: Option<bool>,
}

/// What the server, its kernels and all that they started use.
async fn get(
    _auth: Authorized<Read, Api>,
    State(kernels): State<KernelManager>,
    State(metrics): State<Metrics>,
) -> Json<MetricsModel> {
    let usage = metrics.meter().measure(&kernels.list()).await;
    let display = metrics.display();
    let memory = MemoryLimits {
        rss: display.mem_limit,
        pss: display.mem_limit,
        warn: (display.mem_limit > 0)
            .then(|| {
                warn(
                    usage.rss as f64,
                    display.mem_limit as f64,
                    display.mem_warning_threshold,
                )
            })
            .flatten(),
    };
    let cpu = (display.track_cpu_percent && display.cpu_limit != 0.0).then(|| CpuLimits {
        cpu: display.cpu_limit,
        warn: warn(
            usage.cpu_percent,
            display.cpu_limit,
            display.cpu_warning_threshold,
        ),
    });
    let disk = disk_usage(display).await;
    let disk_limits = disk.map(|disk| DiskLimits {
        disk: disk.total,
        warn: warn(
            disk.used as f64,
            disk.total as f64,
            display.disk_warning_threshold,
        ),
    });
    let tracked = display.track_cpu_percent;
    Json(MetricsModel {
        rss: usage.rss,
        limits: Limits {
            memory,
            cpu,
            disk: disk_limits,
        },
        pss: usage.pss,
        cpu_percent: tracked.then_some(usage.cpu_percent),
        cpu_count: tracked.then(|| metrics.meter().machine().cpu_count),
        disk_used: disk.map(|disk| disk.used),
        disk_total: disk.map(|disk| disk.total),
    })
}

/// Whether less than `threshold` of the limit is left; nothing when nobody wants to be warned.
fn warn(used: f64, limit: f64, threshold: f64) -> Option<bool> {
    (threshold != 0.0).then_some(limit - used < limit * threshold)
}

async fn disk_usage(display: &ResourceUseDisplay) -> Option<DiskUsage> {
    if !display.track_disk_usage {
        return None;
    }
    let path = display.disk_path.clone();
    // A disk may be slow, or far away.
    let looked = tokio::task::spawn_blocking(move || DiskUsage::of(&path)).await;
    looked.ok().flatten()
}

/// What a kernel uses, in the form of ipykernel's `usage_reply`, which the reference passes on.
#[derive(Serialize)]
struct UsageReply {
    header: UsageHeader,
    msg_id: String,
    msg_type: &'static str,
    parent_header: Empty,
    metadata: Empty,
    content: UsageContent,
    buffers: [(); 0],
    kernel_id: KernelId,
}

#[derive(Serialize)]
struct UsageHeader {
    msg_id: String,
    msg_type: &'static str,
    username: &'static str,
    session: String,
    date: String,
    version: &'static str,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct UsageContent {
    hostname: String,
    pid: u32,
    kernel_cpu: f64,
    kernel_memory: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_cpu_percent: Option<f64>,
    cpu_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_virtual_memory: Option<HostVirtualMemory>,
    host_usage_flag: bool,
}

/// Why there is nothing to show; the front end shows the reason.
#[derive(Serialize)]
struct NoUsage {
    content: NoUsageContent,
    kernel_id: KernelId,
}

#[derive(Serialize)]
struct NoUsageContent {
    reason: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum UsageModel {
    Known(Box<UsageReply>),
    Unknown(NoUsage),
}

/// What a kernel and all that it started use. Measured from outside: any kernel can be asked for it, also while it works.
async fn get_usage(
    auth: Authorized<Read, Kernels>,
    State(kernels): State<KernelManager>,
    State(metrics): State<Metrics>,
) -> Result<Json<UsageModel>, ApiError> {
    let kernel = kernels.get(auth.resource())?;
    let usage = kernel.usage(KERNEL_AGE_MAX).await;
    let status = kernel.status().borrow().clone();
    let (Some(usage), Some(pid)) = (usage, status.process_id) else {
        return Ok(Json(UsageModel::Unknown(NoUsage {
            content: NoUsageContent {
                reason: "the kernel has no process that this server could look at",
            },
            kernel_id: kernel.id().clone(),
        })));
    };
    let machine = metrics.meter().machine();
    let msg_id = Uuid::new_v4().to_string();
    Ok(Json(UsageModel::Known(Box::new(UsageReply {
        header: UsageHeader {
            msg_id: msg_id.clone(),
            msg_type: "usage_reply",
            username: "",
            session: status.session.as_deref().unwrap_or_default().to_owned(),
            date: jupyter_time(Timestamp::now()),
            version: PROTOCOL_VERSION,
        },
        msg_id,
        msg_type: "usage_reply",
        parent_header: Empty {},
        metadata: Empty {},
        content: UsageContent {
            hostname: machine.hostname,
            pid,
            kernel_cpu: usage.kernel_cpu,
            kernel_memory: usage.kernel_memory,
            // As ipykernel, for which 0 means "not known yet".
            host_cpu_percent: machine.cpu_percent.filter(|percent| *percent != 0.0),
            cpu_count: machine.cpu_count,
            host_virtual_memory: machine.memory,
            host_usage_flag: metrics.display().show_host_usage,
        },
        buffers: [],
        kernel_id: kernel.id().clone(),
    }))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_comes_when_less_than_the_threshold_is_left() {
        assert_eq!(warn(89.0, 100.0, 0.1), Some(false));
        assert_eq!(warn(91.0, 100.0, 0.1), Some(true));
        assert_eq!(warn(200.0, 100.0, 0.1), Some(true));
        assert_eq!(warn(91.0, 100.0, 0.0), None);
    }
}
