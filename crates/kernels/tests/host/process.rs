//! Real processes: how they start, fail, and what is left of them.

use std::{sync::Arc, time::Duration};

use kernels::{KernelError, KernelManager, LaunchError, LocalLauncher, StartKernel};
use serde_json::json;

use crate::support::{eventually, install, manager, named};

/// A manager whose kernelspec `script` runs a shell script.
fn with_script(script: &str) -> (KernelManager, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let argv = json!({"argv": ["/bin/sh", "-c", script, "sh", "{connection_file}"], "env": {"FROM_SPEC": "x${HOME}"}});
    install(&dir, "script", &argv);
    let manager = manager(&dir, Arc::new(LocalLauncher), |config| {
        config.environment = vec![
            ("PATH".into(), "/usr/bin:/bin".into()),
            ("HOME".into(), "/h".into()),
        ];
        config.early_death_window = Duration::from_secs(20);
        config.shutdown_wait = Duration::from_millis(400);
    });
    (manager, dir)
}

/// A manager that does not wait for its kernels to open sockets.
async fn start_without_sockets(script: &str) -> (kernels::Kernel, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    install(
        &dir,
        "script",
        &json!({"argv": ["/bin/sh", "-c", script, "sh", dir.path()]}),
    );
    let manager = manager(&dir, Arc::new(LocalLauncher), |config| {
        config.environment = vec![("PATH".into(), "/usr/bin:/bin".into())];
        config.early_death_window = Duration::ZERO;
        config.shutdown_wait = Duration::from_millis(400);
    });
    (manager.start(named("script")).await.unwrap(), dir)
}

fn left_in(dir: &tempfile::TempDir) -> usize {
    std::fs::read_dir(dir.path().join("runtime")).unwrap().count()
}

/// Whether a process of this id is there and not a zombie.
fn is_alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| ![") Z ", ") X "].iter().any(|ended| stat.contains(ended)))
}

#[tokio::test]
async fn a_kernel_that_dies_at_start_shows_its_own_words_and_leaves_nothing() {
    let (manager, dir) = with_script("echo \"No module named nothing: $FROM_SPEC\" >&2; exit 7");
    let error = manager.start(named("script")).await.unwrap_err();
    let KernelError::Died { reason, stderr, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(
        (reason.as_str(), stderr.as_str()),
        ("exited with code 7", "No module named nothing: x/h\n")
    );
    assert!(error.to_string().contains("No module named nothing"), "{error}");
    assert!(manager.list().is_empty());
    assert_eq!(left_in(&dir), 0);
}

#[tokio::test]
async fn a_kernel_whose_ports_are_taken_gets_others() {
    let taken =
        "grep _port \"$1\" >> \"$(dirname \"$1\")/../ports\"; echo 'zmq: Address already in use' >&2; exit 1";
    let (manager, dir) = with_script(taken);
    let error = manager.start(named("script")).await.unwrap_err();
    assert!(matches!(error, KernelError::Died { .. }), "{error}");
    let ports = std::fs::read_to_string(dir.path().join("ports")).unwrap();
    let shell_ports: Vec<&str> = ports.lines().filter(|line| line.contains("shell_port")).collect();
    assert_eq!(shell_ports.len(), 6, "the first start and five restarts");
    assert_ne!(shell_ports.first(), shell_ports.last());
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let (manager, dir) = with_script("");
    install(&dir, "missing", &json!({"argv": ["/none/such"]}));
    install(&dir, "empty", &json!({"argv": []}));
    let error = manager.start(named("missing")).await.unwrap_err();
    assert!(matches!(error, KernelError::Launch(LaunchError::Spawn { .. })));
    assert!(error.to_string().contains("`/none/such`"), "{error}");
    let error = manager.start(named("empty")).await.unwrap_err();
    assert!(matches!(error, KernelError::Launch(LaunchError::NoProgram)));
    assert!(manager.list().is_empty());
    assert_eq!(left_in(&dir), 0);
}

#[tokio::test]
async fn shutting_down_kills_a_stubborn_kernel_and_its_children() {
    let stubborn =
        "trap '' INT TERM; sleep 1000 & echo $! > \"$1/child\"; echo $$ > \"$1/own\"; while :; do wait; done";
    let (kernel, dir) = start_without_sockets(stubborn).await;
    let read = |name: &str| {
        std::fs::read_to_string(dir.path().join(name))
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    eventually("children started", || !read("own").is_empty()).await;
    assert!(is_alive(&read("child")) && is_alive(&read("own")));
    kernel.shutdown().await.unwrap();
    eventually("all ended", || {
        !is_alive(&read("child")) && !is_alive(&read("own"))
    })
    .await;
    assert_eq!(left_in(&dir), 0);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn shutting_down_kills_daemons_and_what_they_started() {
    let daemonizing =
        "setsid sh -c 'sleep 1000 & echo $! > \"$1/grandchild\"; echo $$ > \"$1/daemon\"; wait' sh \"$1\" &
        while :; do sleep 1000; done";
    let (kernel, dir) = start_without_sockets(daemonizing).await;
    let read = |name: &str| {
        let pid = std::fs::read_to_string(dir.path().join(name)).unwrap_or_default();
        pid.trim().to_owned()
    };
    eventually("the daemon started", || !read("daemon").is_empty()).await;
    assert!(is_alive(&read("daemon")) && is_alive(&read("grandchild")));
    kernel.shutdown().await.unwrap();
    // Already when the shutdown is done, not at some time after it.
    assert!(!is_alive(&read("daemon")) && !is_alive(&read("grandchild")));
}

#[tokio::test]
async fn a_kernel_that_ends_takes_its_children_with_it() {
    let (manager, dir) = with_script("sleep 1000 & echo $! > \"$(dirname \"$1\")/../child\"; exit 0");
    assert!(matches!(
        manager.start(named("script")).await,
        Err(KernelError::Died { .. })
    ));
    let child = std::fs::read_to_string(dir.path().join("child")).unwrap();
    eventually("child ended", || !is_alive(child.trim())).await;
}

#[tokio::test]
async fn a_child_in_a_group_of_its_own_ends_with_its_kernel_too() {
    let dir = tempfile::tempdir().unwrap();
    let script = "set -m; sleep 1000 & echo $! > \"$(dirname \"$1\")/../child\"; exit 0";
    install(
        &dir,
        "script",
        &json!({"argv": ["bash", "-c", script, "bash", "{connection_file}"]}),
    );
    let manager = manager(&dir, Arc::new(LocalLauncher), |config| {
        config.environment = vec![("PATH".into(), "/usr/bin:/bin".into())];
    });
    assert!(matches!(
        manager.start(named("script")).await,
        Err(KernelError::Died { .. })
    ));
    let child = std::fs::read_to_string(dir.path().join("child")).unwrap();
    eventually("child ended", || !is_alive(child.trim())).await;
}

#[tokio::test]
async fn a_kernel_leads_a_session_of_its_own_and_inherits_nothing() {
    let script = "cat /proc/self/stat > \"$1/stat\"; env > \"$1/env\"; readlink /proc/self/fd/0 > \"$1/stdin\"; \
                  touch \"$1/done\"; sleep 1000";
    let (kernel, dir) = start_without_sockets(script).await;
    let path = |name: &str| dir.path().join(name);
    eventually("script ran", || path("done").exists()).await;
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    let stat = read("stat");
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = fields.split(' ').collect();
    // State, parent, process group, session: `cat` is in its parent's.
    assert_eq!((fields[1], fields[1]), (fields[2], fields[3]));
    assert_eq!(read("stdin").trim(), "/dev/null");
    let environment = read("env");
    let names: Vec<&str> = environment
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    let expected = [
        "PATH",
        "JPY_PARENT_PID",
        "ADRASTEA_LAUNCH",
        "PWD",
        "_",
        "SHLVL",
        "OLDPWD",
    ];
    assert!(names.iter().all(|name| expected.contains(name)), "{names:?}");
    assert!(environment.contains(&format!("JPY_PARENT_PID={}", std::process::id())));
    kernel.shutdown().await.unwrap();
}

/// The signal would end it: Python handles it only when the kernel listens.
#[tokio::test]
async fn an_interrupt_does_nothing_to_a_kernel_that_still_starts() {
    let script = "trap 'touch \"$1/interrupted\"' INT; trap 'exit 0' TERM; touch \"$1/done\"; \
                  while :; do sleep 0.01; done";
    let (kernel, dir) = start_without_sockets(script).await;
    eventually("script ran", || dir.path().join("done").exists()).await;
    kernel.interrupt().await.unwrap();
    // Ends it by SIGTERM, which a shell looks at after SIGINT.
    kernel.shutdown().await.unwrap();
    assert!(!dir.path().join("interrupted").exists());
}

#[tokio::test]
async fn a_kernel_that_never_listens_is_told_as_such() {
    let dir = tempfile::tempdir().unwrap();
    install(&dir, "deaf", &json!({"argv": ["/bin/sleep", "1000"]}));
    let manager = manager(&dir, Arc::new(LocalLauncher), |config| {
        config.early_death_window = Duration::from_millis(10);
        config.kernel_info_timeout = Duration::from_millis(50);
        config.shutdown_wait = Duration::from_millis(100);
    });
    let start = StartKernel {
        name: Some("deaf".to_owned()),
        ..StartKernel::default()
    };
    let kernel = manager.start(start).await.unwrap();
    assert!(matches!(kernel.ready().await, Err(KernelError::NoAnswer { .. })));
    manager.shutdown_all().await;
    assert!(manager.list().is_empty());
}
