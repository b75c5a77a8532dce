//! What becomes of a kernel that uses more than it may, all that it started included.

use std::{sync::Arc, time::Duration};

use kernels::{Ended, Kernel, KernelError, LocalLauncher, ResourceLimits};
use serde_json::json;

use crate::support::{eventually, install, manager, named};

/// Starts a script that is no kernel under these limits.
async fn start(script: &str, limits: ResourceLimits) -> (Kernel, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let argv = ["/bin/sh", "-c", script, "sh", &dir.path().display().to_string()];
    install(&dir, "script", &json!({"argv": argv}));
    let manager = manager(&dir, Arc::new(LocalLauncher), |config| {
        config.environment = vec![("PATH".into(), "/usr/bin:/bin".into())];
        config.early_death_window = Duration::ZERO;
        config.resource_limits = limits;
    });
    (manager.start(named("script")).await.unwrap(), dir)
}

async fn reason(kernel: &Kernel) -> String {
    let ended = tokio::time::timeout(Duration::from_secs(30), kernel.ended()).await;
    match ended.unwrap() {
        Ended::Died { reason, .. } => reason.to_string(),
        Ended::ShutDown => panic!("nobody shut it down"),
    }
}

#[tokio::test]
async fn a_kernel_whose_child_holds_more_memory_than_it_may_is_killed() {
    // `tail` keeps a line until it has seen its end.
    let script =
        "setsid sh -c 'echo $$ > \"$0/pid\"; head -c 400000000 /dev/zero | tail' \"$1\" & exec sleep 600";
    let limits = ResourceLimits {
        memory_bytes: Some(64 << 20),
        ..ResourceLimits::default()
    };
    let (kernel, dir) = start(script, limits).await;
    assert_eq!(reason(&kernel).await, "killed: memory limit 64 MiB");
    let pid = std::fs::read_to_string(dir.path().join("pid")).unwrap();
    let stat = format!("/proc/{}/stat", pid.trim());
    let is_gone = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    eventually("the child is gone, too", is_gone).await;
}

#[tokio::test]
async fn a_kernel_that_used_all_of_its_time_is_killed() {
    let limits = ResourceLimits {
        cpu_time: Some(Duration::from_millis(300)),
        ..ResourceLimits::default()
    };
    // Not itself: a child.
    let (kernel, _dir) = start("sh -c 'while :; do :; done' & exec sleep 600", limits).await;
    assert_eq!(reason(&kernel).await, "killed: CPU time limit 0.3 s");
}

#[tokio::test]
async fn a_kernel_that_starts_too_many_processes_is_killed_with_all_of_them() {
    let limits = ResourceLimits {
        processes: Some(20),
        ..ResourceLimits::default()
    };
    let (kernel, dir) = start("while :; do sleep 666 & echo $! >> \"$1/pids\"; done", limits).await;
    assert_eq!(reason(&kernel).await, "killed: limit of 20 processes and threads");
    let pids = std::fs::read_to_string(dir.path().join("pids")).unwrap();
    let is_alive = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_ok_and(|stat| stat.contains("(sleep)") && !stat.contains(") Z "))
    };
    eventually("all are gone", || !pids.lines().any(is_alive)).await;
}

#[tokio::test]
async fn a_kernel_within_its_limits_is_left_alone_and_one_that_somebody_killed_is_said_to_be() {
    let limits = ResourceLimits {
        memory_bytes: Some(1 << 30),
        cpu_time: Some(Duration::from_secs(60)),
        processes: Some(100),
    };
    let (kernel, dir) = start("sleep 0.5; echo > \"$1/lived\"; kill -KILL $$", limits).await;
    assert_eq!(
        reason(&kernel).await,
        "killed by signal 9, probably out of memory"
    );
    assert!(dir.path().join("lived").exists());
}

#[tokio::test]
async fn a_kernelspec_says_narrower_limits_or_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let argv = ["/bin/sh", "-c", "while :; do :; done"];
    let with = |metadata: serde_json::Value| json!({"argv": argv, "metadata": {"adrastea": metadata}});
    install(&dir, "narrow", &with(json!({"kernel_cpu_time_max": 0.2})));
    install(&dir, "bad", &with(json!({"kernel_memory_bytes_max": "much"})));
    let manager = manager(&dir, Arc::new(LocalLauncher), |config| {
        config.early_death_window = Duration::ZERO;
        config.resource_limits.cpu_time = Some(Duration::from_secs(600));
    });
    let start = |name: &str| manager.start(named(name));
    let kernel = start("narrow").await.unwrap();
    assert_eq!(reason(&kernel).await, "killed: CPU time limit 0.2 s");
    let refused = start("bad").await.unwrap_err();
    assert!(matches!(refused, KernelError::BadKernelspec { .. }), "{refused}");
    assert!(
        refused
            .to_string()
            .contains("metadata.adrastea.kernel_memory_bytes_max must be bytes"),
        "{refused}"
    );
    assert!(manager.list().is_empty());
}
